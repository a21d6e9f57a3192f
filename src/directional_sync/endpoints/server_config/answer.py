"""What the program beside the server answered: taken apart, or refused as a whole when it is not complete."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum


class Look(StrEnum):
    """How looking at a file went."""

    OK = "ok"
    MISSING = "missing"
    FORBIDDEN = "forbidden"
    FOLDER = "folder"
    LARGE = "large"
    BROKEN = "broken"
    """Reading it failed in the middle."""
    CHANGED = "changed"
    """It was written to while it was read."""


class Cut(Exception):
    """The answer is not complete. `begun`: whether it had begun at all."""

    def __init__(self, *, begun: bool) -> None:
        super().__init__("begun" if begun else "not begun")
        self.begun = begun


@dataclass(frozen=True, slots=True)
class FarFile:
    path: str
    look: Look
    content: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Process:
    """One process whose command line matches."""

    pid: int
    parent: int
    argv: tuple[str, ...] = field(repr=False)
    """Bytes that are not UTF-8 as surrogate escapes."""
    environ: bytes | None = field(default=None, repr=False)
    """As /proc has it; None when it may not be read, or was not asked for."""
    config: str = ""
    """The configuration file that it names; "" when it names none."""


@dataclass(frozen=True)
class Answer:
    processes: tuple[Process, ...] = ()
    crowd: bool = False
    """More processes match than were looked at."""
    no_proc: bool = False
    """There is no /proc to look into."""
    files: dict[str, FarFile] = field(default_factory=dict)
    """Configuration files by path."""
    environment_file: FarFile | None = None


@dataclass(frozen=True, slots=True)
class _Part:
    words: tuple[str, ...]
    status: str
    size: str
    content: bytes

    @property
    def whole(self) -> bool:
        return self.status == "0" and self.size in ("-", str(len(self.content)))


def parse(said: bytes, mark: str) -> Answer:
    """The answer in what the program printed. What comes before it (a greeting of the login shell) is passed over.
    Raises Cut."""
    parts = _parts(said, mark)
    files: dict[str, FarFile] = {}
    environment_file = None
    environs: dict[int, bytes] = {}
    configs: dict[int, str] = {}
    found: list[tuple[int, int, tuple[str, ...]]] = []
    kinds = set()
    for part in parts:
        kind, *words = part.words
        kinds.add(kind)
        if kind == "conf":
            files[words[1]] = _file(part)
        elif kind == "envfile":
            environment_file = _file(part)
        elif kind == "process" and part.whole and part.content:
            found.append((int(words[0]), int(words[1]), _argv(part.content)))
        elif kind == "environ" and part.whole:
            environs[int(words[0])] = part.content
        elif kind == "config":
            configs[int(words[0])] = words[1]
    processes = tuple(
        Process(pid, parent, argv, environs.get(pid), configs.get(pid, "")) for pid, parent, argv in found
    )
    return Answer(processes, "crowd" in kinds, "noproc" in kinds, files, environment_file)


def _parts(said: bytes, mark: str) -> list[_Part]:
    lines = re.compile(rb"\n" + re.escape(mark.encode()) + rb" ([^\n]*)\n")
    marks = list(lines.finditer(said))
    words = [found.group(1).decode("utf-8", "surrogateescape") for found in marks]
    begun = "begin" in words
    if not begun or words[-1] != "done":
        raise Cut(begun=begun)
    first = words.index("begin") + 1
    inside, ends = marks[first:-1], words[first:-1]
    if len(inside) % 2:
        raise Cut(begun=True)
    parts = []
    for number in range(0, len(inside), 2):
        name, _, rest = ends[number].partition(" ")
        end = ends[number + 1].split(" ")
        if len(end) != 3 or end[0] != "end" or name == "end":
            raise Cut(begun=True)
        content = said[inside[number].end() : inside[number + 1].start()]
        parts.append(_Part((name, *_rest(name, rest)), end[1], end[2], content))
    return parts


_WORDS = {"conf": 2, "envfile": 2, "process": 2, "environ": 1, "config": 2, "crowd": 0, "noproc": 0}


def _rest(kind: str, rest: str) -> tuple[str, ...]:
    """The words after the kind; the last one may hold spaces, as paths do."""
    number = _WORDS.get(kind)
    words = tuple(rest.split(" ", number - 1)) if number else ()
    numeric = {"process": words, "environ": words, "config": words[:1]}.get(kind, ())
    if number is None or len(words) != number or not all(word.isdigit() and len(word) < 12 for word in numeric):
        raise Cut(begun=True)
    if kind in ("conf", "envfile") and words[0] not in list(Look):
        raise Cut(begun=True)
    return words


def _file(part: _Part) -> FarFile:
    look = Look(part.words[1])
    if look is Look.OK and part.status != "0":
        look = Look.BROKEN
    elif look is Look.OK and not part.whole:
        look = Look.CHANGED
    return FarFile(part.words[2], look, part.content if look is Look.OK else b"")


def _argv(content: bytes) -> tuple[str, ...]:
    return tuple(content.decode("utf-8", "surrogateescape").removesuffix("\0").split("\0"))
