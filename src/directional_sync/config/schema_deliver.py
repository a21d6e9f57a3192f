"""What the file says about the way of commits beyond this clone."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from directional_sync.config.schema_parts import Duration, EnvName, Line, Part, wrong
from directional_sync.model.target import DeliverMode, ForgeKind

_ATTEMPTS_MAX = 100
_LABEL_MAX = 50
_LABELS_MAX = 20


def _branch(value: str) -> str:
    import re

    parts = value.split("/")
    bad = (
        re.search(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{", value)
        or value.startswith(("-", "refs/"))
        or value.endswith(".")
    )
    if bad or any(not part or part.startswith(".") or part.endswith(".lock") for part in parts):
        raise wrong("this is no name of a branch", "the short name: main")
    return value


def _remote(value: str) -> str:
    import re

    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", value):
        raise wrong("this is no name of a remote", "see them: git remote; an address does not go here")
    return value


def _url(value: str) -> str:
    from urllib.parse import urlsplit

    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise wrong("this is no address of an API", "https://api.github.com, or https://HOST/api/v1")
    if parts.username is not None or parts.password is not None:
        raise wrong("an address holds no credential", "name the variable that holds it under `deliver.token`")
    return value.rstrip("/")


def _label(value: str) -> str:
    if value != value.strip() or not 0 < len(value) <= _LABEL_MAX or "," in value:
        raise wrong("this is no label", f"1 to {_LABEL_MAX} characters, without a comma or spaces around them")
    return value


def _differing(values: list[str]) -> list[str]:
    if len({value.casefold() for value in values}) < len(values):
        raise wrong("a label is named twice", "leave one of them out; upper and lower case are the same label")
    return values


class ApiPart(Part):
    """Where pull requests are made."""

    type: ForgeKind | None = Field(
        default=None,
        description="How it speaks: `github`, or `gitea` for Gitea and Forgejo. Default: by the address of the remote.",
    )
    url: Annotated[Line, AfterValidator(_url)] | None = Field(
        default=None,
        description="Its address: `https://api.github.com`, `https://HOST/api/v3` (GitHub Enterprise) or "
        "`https://HOST/api/v1` (Gitea, Forgejo). Default: by the address of the remote.",
    )
    repository: Annotated[str, Field(pattern=r"^[\w.-]+/[\w.-]+$")] | None = Field(
        default=None, description="The repository there, as `owner/name`. Default: by the address of the remote."
    )


class DeliverPart(Part):
    """What becomes of a run's commits beyond this clone. Without this part they stay here."""

    push: bool = Field(
        default=True,
        description="Whether each run pushes its commits, with what the targets agreed on, and begins with what the "
        "remote has. Default: true.",
    )
    remote: Annotated[str, AfterValidator(_remote)] | None = Field(
        default=None,
        description="The name of the git remote. Default: the one that the branch follows, else `origin`.",
    )
    branch: Annotated[str, AfterValidator(_branch)] | None = Field(
        default=None,
        description="The branch there. A run on another branch than this one is not delivered. Default: the one that "
        "the branch follows, else the one of the same name.",
    )
    mode: DeliverMode = Field(
        default=DeliverMode.COMMIT,
        description="`commit` pushes to the branch; where it is closed, as `branch`. `branch` pushes each target to "
        "`directional-sync/<target>`. `pull_request` does that too and keeps one pull request for each open. "
        "Default: commit.",
    )
    token: EnvName | None = Field(
        default=None,
        description="The name of the variable that holds a token, for pushing over HTTPS and for pull requests. "
        "Default: git's own credential helpers; in GitHub Actions, GITHUB_TOKEN.",
    )
    attempts: Annotated[int, Field(ge=1, le=_ATTEMPTS_MAX)] = Field(
        default=10,
        description="How often a push is tried while others push too; in between, what came is taken over and the plan "
        "is made again on top of it, 1 to 100. Default: 10.",
    )
    lease: Duration | None = Field(
        default=None,
        description="How long a machine that writes to a far side keeps others from it when it is not heard of any "
        "more. Default: 15m.",
    )
    api: ApiPart | None = Field(default=None, description="Where pull requests are made.")
    labels: (
        Annotated[
            list[Annotated[Line, AfterValidator(_label)]], Field(max_length=_LABELS_MAX), AfterValidator(_differing)
        ]
        | None
    ) = Field(
        default=None,
        description="What pull requests are labelled with. A label that the repository lacks is made; one that a "
        "person takes off is not put back, and none is ever taken off.",
    )
