"""Differences of content, line by line, with what looks sensitive left out and hidden characters shown."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence

from directional_sync.core.escape import visible
from directional_sync.model.plan import FileDiff, Side, Sign
from directional_sync.render.ink import Ink, Style, amount, one_line, shorten

CONTEXT = 1
BYTES_MAX = 200_000
"""Larger contents are not compared line by line."""

_SENSITIVE = re.compile(
    r"""^(?P<key>\s*(?:-\s+|export\s+)?["']?[\w.\-]*(?:passw|secret|token|api[_-]?key|private[_-]?key|credential)[\w.\-]*["']?\s*[:=]\s*)"""
    r"""(?P<value>\S.*)$""",
    re.IGNORECASE,
)


def mask(line: str) -> str:
    """The line with the value of a key that sounds sensitive replaced."""
    found = _SENSITIVE.match(line)
    return found["key"] + "(sensitive)" if found else line


def lines(before: bytes | None, after: bytes | None, *, context: int = CONTEXT) -> list[tuple[str, str]]:
    """(sign, line) of the hunks: "@", " ", "+", "-", "~". [] when the contents are no text or too large. Safe to
    print; a sensitive value that changed is one "~" line."""
    if any(content is not None and not _text(content) for content in (before, after)):
        return []
    old, new = _split(before), _split(after)
    found: list[tuple[str, str]] = []
    for line in _unified(old, new, context):
        if line.startswith("@@"):
            found.append(("@", line))
        else:
            found.append((line[0], visible(mask(line[1:].expandtabs(4)))))
    return list(_folded(found))


def _folded(found: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Removed and added lines that read the same after masking become one changed line."""
    removed = [text for sign, text in found if sign == "-" and text.endswith("(sensitive)")]
    both = {text for text in removed if ("+", text) in found}
    for sign, text in found:
        if text in both and sign == "-":
            yield "~", text.removesuffix("(sensitive)") + "(sensitive, changed)"
        elif not (text in both and sign == "+"):
            yield sign, text


def _unified(old: list[str], new: list[str], context: int) -> Iterator[str]:
    for number, line in enumerate(difflib.unified_diff(old, new, lineterm="", n=context)):
        if number >= 2:
            yield line


def _text(content: bytes) -> bool:
    return len(content) <= BYTES_MAX and b"\0" not in content


def _split(content: bytes | None) -> list[str]:
    """Lines without their ends; a last line without one says so."""
    if not content:
        return []
    *lines, rest = content.decode("utf-8", "surrogateescape").split("\n")
    return [*lines, f"{rest} (no line end)"] if rest else lines


_STYLES = {"+": Style.GOOD, "-": Style.BAD, "~": Style.CHANGED, "@": Style.COMMAND, " ": Style.NONE}


def file_diff(
    sign: Sign, given: FileDiff, ink: Ink, *, lines_max: int, note: str = "", indent: str = "  "
) -> list[str]:
    """A head line for the item, then at most `lines_max` lines of its hunks."""
    head = ink.paint(f"{indent}{sign} {one_line(given.key)}", _STYLES[sign.value]) + (f"  {note}" if note else "")
    body = lines(given.before, given.after)
    if not body:
        return [f"{head}  ({_size(given.before)} -> {_size(given.after)})"]
    shown = [head]
    for mark, text in body[:lines_max]:
        line = text if mark == "@" else f"{mark} {text}"
        shown.append(f"{indent}  | " + ink.paint(shorten(line, ink.width - len(indent) - 4), _STYLES[mark]))
    if len(body) > lines_max:
        shown.append(f"{indent}  | ... {amount(len(body) - lines_max, 'more line')}")
    return shown


def _size(content: bytes | None) -> str:
    return "not shown" if content is None else amount(len(content), "byte")


_EDITED = {None: "", Side.REPO: "edited here", Side.REMOTE: "edited on the far side"}


def patch(given: Sequence[tuple[Sign, FileDiff]], ink: Ink, *, lines_max: int = 1_000) -> list[str]:
    """All of `given`, one below the other; what somebody has edited comes last and says so."""
    shown: list[str] = []
    for sign, diff in sorted(given, key=lambda item: item[1].edited is not None):
        note = _EDITED[diff.edited]
        shown += file_diff(sign, diff, ink, lines_max=lines_max, note=note, indent="")
    return shown
