"""What an upstream may do that nobody expects of it; each is taken only when a person has accepted it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Surprise(StrEnum):
    """The key `accept_<value>` in the file accepts it for good, the option `--accept-<value>` once."""

    REWRITE = "rewrite"
    """A branch whose new tip does not go on from the old one: history was rewritten, or the branch was reset."""
    MOVED_TAG = "moved_tag"
    """A tag that names another commit than before."""
    VANISHED_REF = "vanished_ref"
    """A branch or tag that is not there any more, or never was. Accepted: what was vendored stays, or nothing is
    taken, and it is no failure."""
    DEFAULT_BRANCH = "default_branch"
    """HEAD names another branch, and that one does not go on from what was taken before."""
    MOVED_REPOSITORY = "moved_repository"
    """The host says that the repository is elsewhere now. Accepted: it is taken from there."""

    @property
    def option(self) -> str:
        """`accept-moved-tag`."""
        return f"accept-{self.value}".replace("_", "-")


Accepted = Mapping[Surprise, tuple[str, ...]]
"""What a person has accepted this once: names of sources, or globs over them."""
