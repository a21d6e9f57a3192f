"""What can be said under `remote:` of a target of files."""

from __future__ import annotations

import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from directional_sync.core.hosts import is_loopback
from directional_sync.core.redact import secret_name
from directional_sync.endpoints.options import Options, accepted, wrong
from directional_sync.endpoints.ssh.options import SshOptions
from directional_sync.upstream.paths import check_glob, check_inside

_HERE_ONLY = "`symlinks: materialise` is for folders on this machine"
_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*)://")
_NO_STORE = {
    "local": "write the folder's path",
    "http": "a web page cannot be listed; an S3 service is `s3://bucket` with `endpoint_url`",
    "https": "a web page cannot be listed; an S3 service is `s3://bucket` with `endpoint_url`",
    "git": "use `type: git`",
    "ssh": "use `type: ssh-files`",
}
_OF_THE_PROGRAM = frozenset({"key", "secret", "token", "anon", "endpoint_url", "skip_instance_cache", "asynchronous"})


def _here(url: str) -> bool:
    return is_loopback(urlsplit(url).hostname or "")


def _url(value: str) -> str:
    if not value or re.search(r"[\x00-\x1f\x7f]", value):
        raise wrong("this must be a path or an address, without control characters")
    scheme = _SCHEME.match(value)
    if scheme is None or scheme[1].lower() == "file":
        return _folder_url(value)
    name, rest = scheme[1].lower(), value[scheme.end() :]
    if name in _NO_STORE:
        raise wrong("`{name}://` is no store of files: {hint}", name=name, hint=_NO_STORE[name])
    if "::" in value or re.search(r"[?#@]", rest):
        raise wrong("this must be one plain address like s3://bucket/folder, without `::`, `?`, `#` or `@`")
    if not rest.strip("/") or any(part in (".", "..", "") for part in rest.rstrip("/").split("/")):
        raise wrong("this must name a bucket, and folders without empty parts, `.` or `..`")
    return f"{name}://{rest.rstrip('/')}"


def _folder_url(value: str) -> str:
    if value.startswith("~"):
        raise wrong("`~` means nothing here: write $HOME{rest}", rest=value[1:])
    if value.lower().startswith("file://") and not re.match(r"(?i)file://(?:localhost)?/", value):
        raise wrong("a `file` address names no machine and begins with three slashes: file:///folder")
    return value


def _far_path(value: str) -> str:
    if not value.startswith("/") or any(ord(char) < 32 or ord(char) == 127 for char in value):
        raise wrong("this must be an absolute path on that machine, without control characters")
    if any(part in ("", ".", "..") for part in value.rstrip("/").split("/")[1:] or [""]):
        raise wrong("this must be the plain path of a folder, without empty parts, `.` or `..`")
    return value.rstrip("/")


def _path(value: str) -> str:
    if value:
        accepted(lambda: check_inside(value))
    return value.rstrip("/")


def _glob(value: str) -> str:
    accepted(lambda: check_glob(value))
    return value


def _endpoint(value: str) -> str:
    if value and not re.match(r"https?://[^/@\s?#]+/?\Z", value):
        raise wrong("this must be the address of a service, like https://minio.example.org:9000")
    return value.rstrip("/")


def _settings(value: dict[str, str | int | float | bool]) -> dict[str, str | int | float | bool]:
    for name in value:
        if name in _OF_THE_PROGRAM:
            raise wrong("`{name}` is no further setting: it has a key of its own, or is the program's", name=name)
        if secret_name(name):
            raise wrong("`{name}` sounds secret: name the variable that holds it under `credentials`", name=name)
    return value


Url = Annotated[str, AfterValidator(_url)]
Inside = Annotated[str, AfterValidator(_path)]
Globs = Annotated[tuple[Annotated[str, AfterValidator(_glob)], ...], Field(strict=False)]
EnvName = Annotated[str, Field(pattern=r"^([A-Za-z_][A-Za-z0-9_]*)?$")]
Settings = Annotated[dict[str, str | int | float | bool], AfterValidator(_settings)]


class _Url(Options):
    url: Url = Field(
        description="A folder outside of this repository (an absolute path, a path relative to the repository's root, "
        "or file:///...), or a store that fsspec knows: s3://bucket/folder."
    )


class _Path(Options):
    path: Annotated[str, AfterValidator(_far_path)] = Field(
        description="The folder on that machine: an absolute path. It is never made."
    )


class FileOptions(Options):
    """What is said of files wherever they are."""

    into: Inside = Field(
        "", description="The folder of this repository that corresponds to it; without it the one folder that "
        "`outputs` or `inputs` names."
    )  # fmt: skip
    paths: Globs = Field((), description="Only what these globs name, relative to that folder; others are left alone.")
    exclude: Globs = Field((), description="Not what these globs name: it is left alone on both sides.")
    symlinks: Literal["keep", "materialise", "skip", "refuse"] = Field(
        "keep",
        description="`keep`: links are links, if they stay inside. `materialise`: in a folder on this machine they are "
        "taken for the files that they lead to, if these are inside. `skip`: they are left alone. `refuse`: a link "
        "fails the target. A bucket has none, so a link in the repository needs `skip` there.",
    )
    modes: bool = Field(
        True, description="Whether the folder keeps executable bits; false for FAT and many shares. Buckets do not."
    )
    eol: Literal["keep", "lf"] = Field(
        "keep",
        description="`lf`: texts of the far side are taken with LF for CR LF, so that other line ends alone are no "
        "difference; what is written there has LF. `keep`: every byte counts.",
    )
    max_size: Annotated[int, Field(ge=0)] = Field(
        0, description="How many bytes all files together may have; 0 is no limit."
    )
    sentinel: Inside = Field(
        "", description="A file that must be there, or it is taken as not mounted; it is never synced itself."
    )
    if_missing: Literal["fail", "skip"] = Field(
        "fail",
        description="What a folder that does not exist on this machine means: `fail`, since it may not be mounted, or "
        "`skip`: the target is left out here and nothing is taken for deleted.",
    )
    keep_deleted: Inside = Field(
        "",
        description="A folder below it to which files are moved that a push deletes, and edits made there that it "
        "overwrites. Without it they are deleted; what came from here is in the history of the branch.",
    )


class SshFilesOptions(FileOptions, _Path, SshOptions):
    """`type: ssh-files`: the files of a folder on another machine, over ssh."""

    @model_validator(mode="after")
    def _together(self) -> SshFilesOptions:
        if not self.host:
            raise wrong("`host` must say which machine", key="host")
        if "@" in self.host and self.user:
            raise wrong("`host` names a user already", key="user")
        if self.symlinks == "materialise":
            raise wrong(_HERE_ONLY, key="symlinks")
        return self


class FilesOptions(FileOptions, _Url):
    """`type: files`: the files of a folder or of a bucket."""

    endpoint_url: Annotated[str, AfterValidator(_endpoint)] = Field(
        "", description="Where the service is, when it is not the usual one: https, or http on this machine."
    )
    insecure: bool = Field(False, description="Allow an `endpoint_url` with http on another machine.")
    key: EnvName = Field("", description="Name of the variable with the access key.")
    secret: EnvName = Field("", description="Name of the variable with the secret key.")
    token: EnvName = Field("", description="Name of the variable with the session token.")
    anonymous: bool = Field(
        False,
        description="Ask without credentials. Without this and `key` it is what the machine offers: a role, a profile.",
    )
    credentials: dict[str, EnvName] = Field(
        {}, description="Further secret options of the fsspec implementation: its name, and the name of the variable."
    )
    settings: Settings = Field({}, description="Further options of the fsspec implementation, none of them secret.")
    concurrency: int = Field(8, ge=1, le=64, description="How many requests to a store run at once.")

    @model_validator(mode="after")
    def _together(self) -> FilesOptions:
        if bool(self.key) != bool(self.secret):
            raise wrong("`key` and `secret` go together")
        if self.anonymous and (self.key or self.token or self.credentials):
            raise wrong("`anonymous` excludes credentials")
        if self.endpoint_url.startswith("http:") and not self.insecure and not _here(self.endpoint_url):
            raise wrong("`endpoint_url` must be https, or `insecure: true` says that plain http is fine")
        store = _SCHEME.match(self.url)
        if store is None or store[1].lower() == "file":
            for name in ("endpoint_url", "key", "token", "anonymous", "credentials", "settings"):
                if getattr(self, name):
                    raise wrong("`{name}` is for stores, and `url` is a folder", name=name)
        elif self.symlinks == "materialise":
            raise wrong(_HERE_ONLY, key="symlinks")
        elif self.if_missing == "skip":
            raise wrong("`if_missing: skip` is for folders: a store is the same from every machine")
        return self
