"""The two streams: the result on stdout, everything else on stderr."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TextIO

from directional_sync.render.ink import Ink, Show


class Form(StrEnum):
    """What stdout carries."""

    TEXT = "text"
    JSON = "json"
    NDJSON = "ndjson"


@dataclass(frozen=True)
class Looks:
    """What the options of a command say about its output."""

    form: Form = Form.TEXT
    color: str = "auto"
    ascii: bool = False
    accessible: bool = False
    verbose: int = 0
    """-1 quiet, 0, 1, 2."""
    show: Show = Show.CHANGED


@dataclass
class Console:
    """Where a command prints. A reader that went away is noted and never an error."""

    looks: Looks = field(default_factory=Looks)
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)
    out: TextIO = field(default_factory=lambda: sys.stdout)
    err: TextIO = field(default_factory=lambda: sys.stderr)
    closed: bool = False
    """Whether stdout's reader has gone."""

    def __post_init__(self) -> None:
        for stream in (self.out, self.err):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="backslashreplace")

    @property
    def out_ink(self) -> Ink:
        return self._ink(self.out)

    @property
    def err_ink(self) -> Ink:
        return self._ink(self.err)

    @property
    def accessible(self) -> bool:
        return self.looks.accessible or bool(self.environ.get("DSYNC_ACCESSIBLE"))

    @property
    def live(self) -> bool:
        """Whether progress may be redrawn in place."""
        plain = self.environ.get("CI") or self.environ.get("TERM") == "dumb" or self.accessible or self.looks.ascii
        return _is_terminal(self.err) and not plain and self.looks.verbose == 0

    def result(self, text: str) -> None:
        """Prints the result of the command."""
        self._write(self.out, text)

    def document(self, value: Any) -> None:
        """Prints the one JSON document of `--json`."""
        import json

        self._write(self.out, json.dumps(value, indent=2, ensure_ascii=self.looks.ascii))

    def raw(self, content: bytes) -> None:
        """Prints bytes as they are, for another program to read."""
        self.out.flush()
        stream: Any = getattr(self.out, "buffer", self.out)
        stream.write(content)
        self.out.flush()

    def line(self, value: Any) -> None:
        """Prints one NDJSON line, at once."""
        import json

        self._write(self.out, json.dumps(value, ensure_ascii=self.looks.ascii, separators=(",", ":")))

    def say(self, text: str) -> None:
        """Tells the person at the terminal something that is not the result."""
        self._write(self.err, text)

    def _write(self, stream: TextIO, text: str) -> None:
        if stream is self.out and self.closed:
            return
        if self.looks.ascii:
            text = text.encode("ascii", "backslashreplace").decode("ascii")
        try:
            stream.write(text + "\n")
            stream.flush()
        except BrokenPipeError:
            self._hang_up(stream)
        except OSError:  # the terminal is gone; what was to be said is in the record
            self._hang_up(stream)

    def _hang_up(self, stream: TextIO) -> None:
        """The reader has gone (`dsync plan | head`): nothing more is written, not even at exit."""
        if stream is self.out:
            self.closed = True
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, stream.fileno())
        except (OSError, ValueError):
            return
        finally:
            os.close(nowhere)

    def _ink(self, stream: TextIO) -> Ink:
        looks = self.looks
        return Ink(self._color(stream), self._width(stream), self.accessible, looks.show, looks.verbose)

    def _color(self, stream: TextIO) -> bool:
        if self.looks.color != "auto":
            return self.looks.color == "always"
        if self.environ.get("NO_COLOR") or self.environ.get("TERM") == "dumb":
            return False
        return bool(self.environ.get("FORCE_COLOR")) or _is_terminal(stream)

    def _width(self, stream: TextIO) -> int:
        if not _is_terminal(stream) and "COLUMNS" not in self.environ:
            return 80
        return max(40, shutil.get_terminal_size((80, 24)).columns)


def _is_terminal(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except ValueError:
        return False
