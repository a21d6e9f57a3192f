"""Where a run's commits go beyond this clone, as the file asks for it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class DeliverMode(StrEnum):
    """Where the commits of a run go."""

    COMMIT = "commit"
    """To the branch itself."""
    BRANCH = "branch"
    """To a branch of each target's own."""
    PULL_REQUEST = "pull_request"
    """There too, with a pull request for each."""


class ForgeKind(StrEnum):
    """Which dialect a forge speaks."""

    GITHUB = "github"
    GITEA = "gitea"
    """Gitea and Forgejo."""


@dataclass(frozen=True, slots=True)
class Api:
    """Where pull requests are made."""

    dialect: ForgeKind | None = None
    """None: as the address of the remote tells."""
    url: str = ""
    repository: str = ""
    """`owner/name`."""


@dataclass(frozen=True, slots=True)
class Deliver:
    """What the file says under `deliver`."""

    push: bool = True
    remote: str = ""
    """"" for the one that the branch follows, else `origin`."""
    branch: str = ""
    """Of the remote; "" for the one that the branch follows, else the same name."""
    deliver_mode: DeliverMode = DeliverMode.COMMIT
    token: str = ""
    """The name of a variable."""
    attempts: int = 10
    lease_s: float = 900.0
    api: Api | None = None
    labels: tuple[str, ...] = ()
    """What pull requests are labelled with."""
