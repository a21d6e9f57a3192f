"""Makes text from outside visible and harmless before a person sees it.

Names, commit subjects, service answers and script output may carry terminal escapes, carriage returns that
overwrite what was printed, characters that turn the reading direction, or characters that cannot be seen at
all. None of these reaches a terminal, a log or a message as it is: each is replaced by a visible mark like
`<U+202E>`, and a byte that is not UTF-8 (a surrogate escape) by `<0xFF>`. Everything else stays as it is.

All functions here are idempotent: what has been escaped once may be escaped again without a change. The marks
are for reading, not for reading back.
"""

from __future__ import annotations

import re

_INVISIBLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0e\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""Format controls, bidirectional controls, zero-width and filler characters, line and paragraph separators,
variation selectors (but U+FE0F, which every second emoji carries), interlinear annotations, Unicode tags."""

_CONTROL = "\x00-\x08\x0b-\x1f\x7f-\x9f"
_HARMFUL = re.compile(f"[{_CONTROL}{_INVISIBLE}\ud800-\udfff]|(?<=\ufe0f)\ufe0f|\ufe0f(?=\ufe0f)")
_BREAKS = re.compile("[\t\n]")
_ANSI = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"  # OSC: titles, hyperlinks
    r"|\x1b[PX^_][^\x1b]*\x1b\\"  # DCS, SOS, PM, APC
    r"|\x1b[ -/]*[0-OQ-WYZ\\`-~]"  # the rest
)
_STACKED = re.compile(
    "([\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]{4})"
    "[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]+"
)


def visible(text: str) -> str:
    """`text` with every harmful character replaced by its mark. Line feeds and tabs stay; more than four
    stacked accents are cut to four, so that they cannot climb over other lines."""
    if text.isascii() and text.isprintable():
        return text
    return _STACKED.sub(r"\1", _HARMFUL.sub(_mark, text))


def one_line(text: str, length_max: int = 0) -> str:
    """`visible(text)` on a single line: line feeds and tabs are marked too. With `length_max` (>= 8
    characters) a longer text is shortened in its middle to at most that many characters."""
    shown = _BREAKS.sub(_mark, visible(text))
    if not length_max or len(shown) <= length_max:
        return shown
    head = (length_max - 1) // 2
    return f"{shown[:head]}…{shown[len(shown) - (length_max - 1 - head) :]}"


def plain(text: str) -> str:
    """What a program printed, as text: complete terminal sequences (colours, titles, links) are taken out,
    line ends become line feeds, of a line that was overwritten by carriage returns the last state stays, and
    the rest is made `visible`."""
    if text.isascii() and text.isprintable():
        return text
    without = _ANSI.sub("", text).replace("\r\n", "\n")
    if "\r" in without:
        without = "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in without.split("\n"))
    return visible(without)


def hidden(text: str) -> bool:
    """Whether `text` holds a character that `one_line` would mark."""
    return not (text.isascii() and text.isprintable()) and bool(_HARMFUL.search(text) or _BREAKS.search(text))


def _mark(found: re.Match[str]) -> str:
    code = ord(found.group())
    return f"<0x{code - 0xDC00:02X}>" if 0xDC80 <= code <= 0xDCFF else f"<U+{code:04X}>"
