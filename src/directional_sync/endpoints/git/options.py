"""What can be said under `remote:` of a git target."""

from __future__ import annotations

import re
from collections import Counter
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from directional_sync.endpoints.options import Options, accepted, wrong
from directional_sync.upstream.addresses import check_name, check_ref, way
from directional_sync.upstream.paths import check_glob, check_inside, check_renames

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


def _placeholders(value: str, allowed: tuple[str, ...] = ("name",)) -> str:
    found = _PLACEHOLDER.findall(value)
    if any(name not in allowed for name in found) or not value.count("{") == value.count("}") == len(found):
        raise wrong("the only placeholder here is {allowed}", allowed=" or ".join(f"{{{name}}}" for name in allowed))
    return value


def _url(value: str) -> str:
    _placeholders(value)
    accepted(lambda: way(value.replace("{name}", "name")))
    return value


def _ref(value: str) -> str:
    if value in ("", "HEAD"):
        return ""
    accepted(lambda: check_ref(value))
    return value


def _range(value: str) -> str:
    from directional_sync.upstream.versions import check_range

    if value:
        accepted(lambda: check_range(value))
    return value


def _path(value: str) -> str:
    """A folder or file, "" for none; a slash at its end means nothing."""
    if value:
        accepted(lambda: check_inside(value))
    return value.rstrip("/")


def _glob(value: str) -> str:
    accepted(lambda: check_glob(value))
    return value


def _rename(value: dict[str, str]) -> dict[str, str]:
    accepted(lambda: check_renames(list(value.items())))
    return value


def _names(value: tuple[str, ...]) -> tuple[str, ...]:
    for name in value:
        accepted(lambda name=name: check_name(name))  # type: ignore[misc]
    twice = [name for name, times in Counter(name.casefold() for name in value).items() if times > 1]
    if twice:
        raise wrong("names must differ, in more than case: {names}", names=twice[0])
    return value


def _pull_requests(value: str) -> str:
    _placeholders(value, ("name", "number"))
    if value and ("{number}" not in value or not re.match(r"https://|http://(127\.0\.0\.1|localhost)[:/]", value)):
        raise wrong("this must be an https URL with {number} in it", number="{number}")
    return value


def _list_place(value: str) -> str:
    if "://" not in value:
        return _path(value)
    from directional_sync.upstream.discovery import check_url

    accepted(lambda: check_url(value))
    return value


Url = Annotated[str, AfterValidator(_url)]
Ref = Annotated[str, AfterValidator(_ref)]
Range = Annotated[str, AfterValidator(_range)]
Folder = Annotated[str, AfterValidator(_placeholders), AfterValidator(_path)]
Inside = Annotated[str, AfterValidator(_path)]
Globs = Annotated[tuple[Annotated[str, AfterValidator(_glob)], ...], Field(strict=False)]
Refs = Annotated[tuple[Ref, ...], Field(strict=False)]
Renames = Annotated[dict[str, str], AfterValidator(_rename)]
PullRequests = Annotated[str, AfterValidator(_pull_requests)]
Bytes = Annotated[int, Field(ge=0)]
Submodules = Literal["skip", "content", "refuse"]
Lfs = Literal["pointers", "fetch", "refuse"]
Symlinks = Literal["keep", "skip", "refuse"]

_SAID = {
    "url": "Where the repository is; `{name}` stands for each of `names`.",
    "ref": "Branch, tag, full ref or full commit id; without it HEAD's branch.",
    "version": "Instead of `ref`: a range like `^1.4` or `>=2 <3`; the highest tag in it is taken.",
    "merge": "Refs that are merged onto `ref`, in this order: branches, `refs/pull/12/head`.",
    "into": "Folder for each repository, with `{name}`; without it the root of `outputs`.",
    "subdir": "Only this folder of the repository, as if it were its root.",
    "paths": "Only what these globs name.",
    "exclude": "Not what these globs name.",
    "rename": "Files or folders that get another place inside the folder: old path, new path.",
    "submodules": "`skip`: submodules are left out. `content`: their files come along. `refuse`: none may be there.",
    "lfs": "`pointers`: LFS pointers stay. `fetch`: the files behind them are taken. `refuse`: none may be there.",
    "symlinks": "`keep`: links come along, if they stay inside. `skip`: they do not. `refuse`: none may be there.",
    "max_size": "How many bytes all files of one repository may have together; 0 is no limit.",
    "patches": "Folder of this repository with *.patch files, applied in the order of their names; empty for none.",
    "signed_by": "Only what one of these signed: a file of this repository with SSH allowed signers or OpenPGP keys.",
    "pull_requests": "Where the state of a merged pull request can be asked: a URL with `{name}` and `{number}`.",
    "accept_rewrite": "Take a branch whose history was rewritten (force-pushed).",
    "accept_moved_tag": "Take a tag that now names another commit.",
    "accept_vanished_ref": "A branch or tag that is gone, or never was, is no failure; what was vendored stays.",
    "accept_default_branch": "Take another default branch, even when it does not go on from the one before.",
    "accept_moved_repository": "Follow the host to where it says that the repository is now.",
}
"""What each key of one repository means."""


class Override(Options):
    """What is different for one repository."""

    url: Url | None = Field(None, description=_SAID["url"])
    ref: Ref | None = Field(None, description=_SAID["ref"])
    version: Range | None = Field(None, description=_SAID["version"])
    merge: Refs | None = Field(None, description=_SAID["merge"])
    into: Folder | None = Field(None, description=_SAID["into"])
    subdir: Inside | None = Field(None, description=_SAID["subdir"])
    paths: Globs | None = Field(None, description=_SAID["paths"])
    exclude: Globs | None = Field(None, description=_SAID["exclude"])
    rename: Renames | None = Field(None, description=_SAID["rename"])
    submodules: Submodules | None = Field(None, description=_SAID["submodules"])
    lfs: Lfs | None = Field(None, description=_SAID["lfs"])
    symlinks: Symlinks | None = Field(None, description=_SAID["symlinks"])
    max_size: Bytes | None = Field(None, description=_SAID["max_size"])
    patches: Folder | None = Field(None, description=_SAID["patches"])
    signed_by: Inside | None = Field(None, description=_SAID["signed_by"])
    pull_requests: PullRequests | None = Field(None, description=_SAID["pull_requests"])
    accept_rewrite: bool | None = Field(None, description=_SAID["accept_rewrite"])
    accept_moved_tag: bool | None = Field(None, description=_SAID["accept_moved_tag"])
    accept_vanished_ref: bool | None = Field(None, description=_SAID["accept_vanished_ref"])
    accept_default_branch: bool | None = Field(None, description=_SAID["accept_default_branch"])
    accept_moved_repository: bool | None = Field(None, description=_SAID["accept_moved_repository"])

    @model_validator(mode="after")
    def _together(self) -> Override:
        if self.ref and self.version:
            raise wrong("`ref` and `version` exclude each other")
        return self


class GitOptions(Options):
    """`type: git`: repositories whose content is vendored."""

    url: Url = Field(description=_SAID["url"])
    ref: Ref = Field("", description=_SAID["ref"])
    version: Range = Field("", description=_SAID["version"])
    merge: Refs = Field((), description=_SAID["merge"])
    names: Annotated[tuple[str, ...], AfterValidator(_names)] = Field(
        (), description="Which repositories; not needed for a single one.", strict=False
    )
    names_from: Annotated[str, AfterValidator(_list_place)] = Field(
        "", description="Instead of `names`: a file of this repository or an https URL that lists them."
    )
    into: Folder = Field("", description=_SAID["into"])
    subdir: Inside = Field("", description=_SAID["subdir"])
    paths: Globs = Field((), description=_SAID["paths"])
    exclude: Globs = Field((), description=_SAID["exclude"])
    rename: Renames = Field({}, description=_SAID["rename"])
    submodules: Submodules = Field("skip", description=_SAID["submodules"])
    lfs: Lfs = Field("pointers", description=_SAID["lfs"])
    symlinks: Symlinks = Field("keep", description=_SAID["symlinks"])
    max_size: Bytes = Field(0, description=_SAID["max_size"])
    patches: Folder = Field("patches/{name}", description=_SAID["patches"])
    signed_by: Inside = Field("", description=_SAID["signed_by"])
    pull_requests: PullRequests = Field("", description=_SAID["pull_requests"])
    concurrency: int = Field(8, ge=1, le=64, description="How many fetches run at once.")
    accept_rewrite: bool = Field(False, description=_SAID["accept_rewrite"])
    accept_moved_tag: bool = Field(False, description=_SAID["accept_moved_tag"])
    accept_vanished_ref: bool = Field(False, description=_SAID["accept_vanished_ref"])
    accept_default_branch: bool = Field(False, description=_SAID["accept_default_branch"])
    accept_moved_repository: bool = Field(False, description=_SAID["accept_moved_repository"])
    repositories: dict[str, Override] = Field(
        {},
        description="Exceptions by name: for one repository any of these keys but `names`, `names_from`, "
        "`concurrency`.",
    )

    @model_validator(mode="after")
    def _together(self) -> GitOptions:
        if self.ref and self.version:
            raise wrong("`ref` and `version` exclude each other")
        if self.names and self.names_from:
            raise wrong("`names` and `names_from` exclude each other")
        if "{name}" in self.url and not self.names and not self.names_from:
            raise wrong("`url` has {name}, so `names` must say which", name="{name}")
        for key in ("url", "into"):
            if (len(self.names) > 1 or self.names_from) and "{name}" not in getattr(self, key):
                if all(getattr(self.repositories.get(name), key, None) for name in self.names) and self.names:
                    continue
                if key == "url" or self.into:
                    raise wrong("with several names `{key}` needs {name}", key=key, name="{name}")
        strangers = sorted(set(self.repositories) - set(self.names)) if self.names else []
        if strangers:
            raise wrong("`repositories` speaks of {stranger}, which is not among `names`", stranger=strangers[0])
        return self
