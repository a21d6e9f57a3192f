"""What a person has to look at before it is installed, and what people have approved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Ask:
    """One piece of content that could do something by itself. It is approved as it is: by where it goes and by the
    sha256 of its bytes, so that any change of it is asked for anew."""

    key: str
    """The file that it is or stands in; `path#part` for a part of one, which is approved without the rest."""
    sha256: str
    """64 hexadecimal digits. Not git's id, whose hash function can be made to collide by who writes both contents."""
    why: str
    """What it could do: "a program (mode 755)"."""
    content: bytes = field(default=b"", repr=False, compare=False)
    """What is to be looked at, as far as it is kept."""


@dataclass(frozen=True, slots=True)
class Approvals:
    """All that people have approved in this repository."""

    given: Mapping[str, Mapping[str, frozenset[str]]] = field(default_factory=dict)
    """Target -> key -> sha256 of each content that is approved there."""
    broken: str = ""
    """Why the file cannot be read; nothing is approved then."""

    def covers(self, target: str, ask: Ask) -> bool:
        return ask.sha256 in self.given.get(target, {}).get(ask.key, frozenset())
