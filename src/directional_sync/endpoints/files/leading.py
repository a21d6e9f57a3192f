"""Where links lead, for a look at a folder in which each is shown as what it leads to.

A link is followed step by step and never by the system, so it cannot lead out of the folder, nor into git's own, nor in
a circle, whatever is done to it meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from directional_sync.endpoints.files.site import reserved
from directional_sync.errors import RemoteError
from directional_sync.system.reach import Kind, Reach

_HOPS = 40
_FILES_MAX = 100_000
"""More files than this behind links are links that multiply each other."""
OUT = "leads out of the folder"
NOTHING = "leads to nothing"
CIRCLE = "leads in a circle"
_OWN = "leads into a folder that is never synced"
_REPOSITORY = "leads into a repository of its own"
_SPECIAL = "leads to a device, a pipe or a socket"


class Astray(Exception):
    """A link that cannot be shown as what it leads to; the message says why, in words that fit behind its name."""


@dataclass
class Leads:
    """Those of one look. Paths are *shown* as the links have them, and *real* without any."""

    reach: Reach
    real: dict[str, str] = field(default_factory=dict)
    """Of shown paths that come to be by a link: the real one."""
    _around: dict[str, frozenset[str]] = field(default_factory=dict)
    """Of shown folders behind links: the real folders that it lies in, and its own."""
    _files: int = 0

    def of(self, shown: str) -> str:
        """The real path of what is shown at `shown`."""
        return self.real.get(shown, shown)

    def file(self, shown: str, real: str) -> None:
        """A file is shown that stands elsewhere. Raises RemoteError when there are too many."""
        self.real[shown] = real
        self._files += 1
        if self._files > _FILES_MAX:
            raise RemoteError(
                "E-FILES-LINK",
                f"links in {self.reach.root} lead to more than {_FILES_MAX:,} files",
                hint="name those that lead to the same folders again and again under `exclude`",
                kept="nothing was changed on either side",
            )

    def enter(self, shown: str, real: str) -> None:
        """A folder is shown that stands elsewhere. Raises Astray when it is shown in itself."""
        above = shown.rpartition("/")[0]
        around = self._around.get(above)
        if around is None:
            parts = above.split("/") if above else []
            around = frozenset("/".join(parts[:length]) for length in range(len(parts) + 1))
        if real in around:
            raise Astray(CIRCLE)
        self.real[shown] = real
        self._around[shown] = around | {real}

    def follow(self, link: str) -> tuple[str, Kind]:
        """The real path that the link at the real path `link` leads to, and whether a file or a folder is there. Raises
        Astray, and OSError."""
        at, _, name = link.rpartition("/")
        way = at.split("/") if at else []
        waiting, hops, kind = [name], 0, Kind.FOLDER
        while waiting:
            part = waiting.pop()
            if part in ("", "."):
                continue
            if kind is Kind.FILE:
                raise Astray(NOTHING)
            if part == "..":
                if not way:
                    raise Astray(OUT)
                way.pop()
                continue
            if reserved(part):
                raise Astray(_OWN)
            kind = self._step("/".join([*way, part]))
            if kind is not Kind.LINK:
                way.append(part)
                continue
            hops, kind = hops + 1, Kind.FOLDER
            target = self.reach.link_target("/".join([*way, part])).decode("utf-8", "surrogateescape")
            if hops > _HOPS:
                raise Astray(CIRCLE)
            if target.startswith("/"):
                raise Astray(OUT)
            waiting += reversed(target.split("/"))
        return "/".join(way), kind

    def _step(self, real: str) -> Kind:
        """What stands at `real`. Raises Astray when no link may lead there."""
        kind = self.reach.sight(real).kind
        if kind is Kind.FOLDER:
            kind = self.reach.way(real).kind
        if kind is Kind.ABSENT:
            raise Astray(NOTHING)
        if kind in (Kind.REPOSITORY, Kind.OTHER):
            raise Astray(_REPOSITORY if kind is Kind.REPOSITORY else _SPECIAL)
        return kind
