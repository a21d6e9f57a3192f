"""What a program says: its beginning and its end are kept, whatever comes between only counted; and line by line,
made fit for people.
"""

from __future__ import annotations

import codecs
import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

LINE_LENGTH_MAX = 2000
"""Characters; what is longer is cut."""
_PIECE_BYTES = 1 << 20
_LINES_AT_ONCE = 5000
_LINES_PER_S = 1000.0
_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # colours, cursor
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"  # titles, links
    r"|\x1b[ -/]*[0-~]?"
)
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Spool:
    """Takes any number of bytes, keeps at most `keep_bytes`: the first and the last half."""

    def __init__(self, keep_bytes: int) -> None:
        self._room = max(1, keep_bytes // 2)
        self._head = bytearray()
        self._tail = bytearray()
        self._at = 0
        """Where the oldest byte of a full tail stands, and the next one goes."""
        self.total = 0

    def add(self, chunk: bytes) -> None:
        self.total += len(chunk)
        view = memoryview(chunk)
        taken = min(self._room - len(self._head), len(view))
        self._head += view[:taken]
        view = view[taken:][-self._room :]
        taken = min(self._room - len(self._tail), len(view))
        self._tail += view[:taken]
        view = view[taken:]
        while view:
            taken = min(self._room - self._at, len(view))
            self._tail[self._at : self._at + taken] = view[:taken]
            self._at = (self._at + taken) % self._room
            view = view[taken:]

    @property
    def truncated(self) -> bool:
        return self.total > len(self._head) + len(self._tail)

    def content(self) -> bytes:
        """All of it, or the beginning and the end with a line between them that says how much is missing."""
        tail = memoryview(self._tail)
        missing = self.total - len(self._head) - len(self._tail)
        middle = f"\n[... {missing:,} bytes left out ...]\n".encode() if missing else b""
        return b"".join((self._head, middle, tail[self._at :], tail[: self._at]))


class Lines:
    """Cuts one stream into lines and tells each, as fast as a listener can bear."""

    def __init__(self, tell: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._tell = tell
        self._clock = clock
        self._begun = b""
        self._allowed = float(_LINES_AT_ONCE)
        self._last = clock()
        self._silent = 0

    def add(self, chunk: bytes) -> None:
        start = 0
        self._refill()
        while (end := chunk.find(b"\n", start)) >= 0:
            if self._allowed < 1:
                self._silent += chunk.count(b"\n", start)
                start, self._begun = chunk.rfind(b"\n") + 1, b""
                break
            self._allowed -= 1
            self._say(self._begun + chunk[start:end][: LINE_LENGTH_MAX * 4])
            start, self._begun = end + 1, b""
        room = LINE_LENGTH_MAX * 4 - len(self._begun)
        self._begun += chunk[start : start + max(0, room)]

    def end(self) -> None:
        """Tells a last line that has no end, and how many lines were passed over."""
        if self._begun:
            self._say(self._begun)
        self._say_silent()

    def _refill(self) -> None:
        now = self._clock()
        self._allowed = min(_LINES_AT_ONCE, self._allowed + (now - self._last) * _LINES_PER_S)
        self._last = now
        if self._silent and self._allowed >= 1:
            self._say_silent()

    def _say_silent(self) -> None:
        if self._silent:
            self._tell(f"[{self._silent:,} lines not shown]")
        self._silent = 0

    def _say(self, line: bytes) -> None:
        if text := clean_line(line):
            self._tell(text)


def clean_line(line: bytes) -> str:
    """One line as text that can be shown anywhere: no control characters or escape sequences, at most
    LINE_LENGTH_MAX characters, of a line overwritten by itself (a progress bar) only the last state."""
    text = line.decode("utf-8", "replace").rstrip("\r\n ")
    text = _ESCAPES.sub("", text).rstrip("\r").rpartition("\r")[2]
    text = _CONTROLS.sub("", text.replace("\t", "    ")).replace("\n", " ").rstrip()
    return text if len(text) <= LINE_LENGTH_MAX else text[: LINE_LENGTH_MAX - 1] + "…"


def last_lines(content: bytes, count: int) -> tuple[str, ...]:
    """The last `count` lines of `content` that say anything, each as `clean_line` makes it."""
    found: list[str] = []
    end = len(content)
    while end > 0 and len(found) < count:
        start = content.rfind(b"\n", 0, end) + 1
        if text := clean_line(content[max(start, end - LINE_LENGTH_MAX * 4) : end]):
            found.append(text)
        end = start - 1
    return tuple(reversed(found))


def text_pieces(content: bytes) -> Iterator[str]:
    """`content` as text, in pieces, so that a long one is never there twice. What is no UTF-8 is replaced."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    view = memoryview(content)
    for start in range(0, len(view), _PIECE_BYTES):
        yield decoder.decode(view[start : start + _PIECE_BYTES])
    yield decoder.decode(b"", final=True)


def write_log(path: Path, pieces: Iterator[str]) -> None:
    """Replaces the file at `path`, which only its owner may read, piece by piece."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="replace", newline="") as file:
        file.writelines(pieces)
