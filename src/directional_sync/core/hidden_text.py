"""Text that a person who reviews a file does not see, and an agent that reads it does.

What is looked for: characters without a form of their own (zero-width ones, fillers, Unicode tags, controls),
characters that turn the reading direction, HTML comments that say something, and long runs of base64. What people write
every day passes: a byte order mark at the beginning, joiners within emoji and between letters of scripts that need
them, variation selectors after a symbol, comments of three words at most and those that steer tools (`<!-- toc -->`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice

from directional_sync.core.escape import one_line

FOUND_MAX = 100
_COMMENT_WORDS_MAX = 3
_BASE64_LENGTH_MIN = 160
_SHOWN_MAX = 120
_AROUND = 24


class Kind(StrEnum):
    INVISIBLE = "invisible characters"
    DIRECTION = "characters that turn the reading direction"
    TAGS = "text in Unicode tags"
    CONTROL = "control characters"
    COMMENT = "a comment that is not shown"
    BASE64 = "a long run of base64"


@dataclass(frozen=True, slots=True)
class Found:
    """One place."""

    kind: Kind
    line: int
    """1-based."""
    column: int
    """1-based, in characters."""
    shown: str
    """What is there, on one line, with everything hidden replaced by visible marks; shortened where it is long."""
    hidden: str = field(default="", repr=False)
    """All that is hidden there, as it is."""

    def __str__(self) -> str:
        return f"{self.line}:{self.column}  {self.kind}: {self.shown}"


_DIRECTION = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_TAGS = "\U000e0000-\U000e007f"
_CONTROL = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f"
_INVISIBLE = (
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200d\u2028\u2029\u2060-\u2065\u206a-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0080-\U000e0fff"
)
_RUNS = re.compile(
    rf"(?P<tags>[{_TAGS}]+)|(?P<direction>[{_DIRECTION}]+)|(?P<control>[{_CONTROL}]+|\r(?!\n))|(?P<invisible>[{_INVISIBLE}]+)"
)
_COMMENT = re.compile(r"<!--(.*?)(?:-->|\Z)", re.DOTALL)
_DIRECTIVE = re.compile(
    r"\s*(?:prettier-ignore(?:-start|-end)?|markdownlint-[a-z-]+|(?:eslint|stylelint|textlint)-(?:dis|en)able[a-z-]*"
    r"|(?:START|END) doctoc|SPDX-[A-Za-z-]+:|vale [\w.]+ =|cspell:|spell-checker:)(?=\s|$)"
)
_WORD = re.compile(r"[^\W\d_]{2,}")
_BASE64 = re.compile(rf"[A-Za-z0-9+/_-]{{{_BASE64_LENGTH_MIN},}}={{0,2}}")
_JOINER, _NON_JOINER, _EMOJI_FORM, _TEXT_FORM = "\u200d", "\u200c", "\ufe0f", "\ufe0e"
_KEYCAPS = frozenset("0123456789#*")
_FLAG = "\U0001f3f4"
_TAGS_END = "\U000e007f"
_NEED_JOINERS = ("ARABIC", "DEVANAGARI", "BENGALI", "GURMUKHI", "GUJARATI", "ORIYA", "TAMIL", "TELUGU", "KANNADA",
                 "MALAYALAM", "SINHALA", "KHMER", "MYANMAR", "SYRIAC", "MONGOLIAN", "TIBETAN")  # fmt: skip


def find(text: str) -> list[Found]:
    """The places in `text`, in its order; of each sort the first FOUND_MAX."""
    if not _may_hide(text):
        return []
    found = [one for sort in (_characters, _comments, _encoded) for one in islice(sort(text), FOUND_MAX)]
    return sorted(found, key=lambda one: (one.line, one.column))


def _may_hide(text: str) -> bool:
    return not text.isascii() or "<!--" in text or bool(_RUNS.search(text)) or bool(_BASE64.search(text))


def _characters(text: str) -> Iterator[Found]:
    for run in _RUNS.finditer(text):
        kind = {
            "tags": Kind.TAGS,
            "direction": Kind.DIRECTION,
            "control": Kind.CONTROL,
            "invisible": Kind.INVISIBLE,
        }[run.lastgroup or "invisible"]
        if _usual(text, run.start(), run.end()):
            continue
        shown = _with_surroundings(text, run.start(), run.end())
        if kind is Kind.TAGS and (said := _untagged(run.group())):
            shown = f"it reads {one_line(said, _SHOWN_MAX)!r}"
        yield _at(text, run, kind, shown)


def _usual(text: str, start: int, end: int) -> bool:
    """Whether the characters from `start` to `end` are where people's text has such ones."""
    run = text[start:end]
    before, after = text[start - 1 : start], text[end : end + 1]
    if run == "\ufeff":
        return start == 0
    if run in (_EMOJI_FORM, _TEXT_FORM):
        return _symbol(before) or before in _KEYCAPS
    if run in (_JOINER, _EMOJI_FORM + _JOINER):
        return (_symbol(before) and _symbol(after)) or (run == _JOINER and _joined(before))
    if run == _NON_JOINER:
        return _joined(before) and _joined(after)
    return bool(before == _FLAG and re.fullmatch("[\U000e0030-\U000e0039\U000e0061-\U000e007a]{2,6}" + _TAGS_END, run))


def _symbol(character: str) -> bool:
    return bool(character) and unicodedata.category(character) in ("So", "Sk", "Sm", "Po")


def _joined(character: str) -> bool:
    return bool(character) and unicodedata.name(character, "").startswith(_NEED_JOINERS)


def _untagged(run: str) -> str:
    return "".join(chr(ord(one) - 0xE0000) for one in run if 0xE0020 <= ord(one) <= 0xE007E)


def _comments(text: str) -> Iterator[Found]:
    for comment in _COMMENT.finditer(text):
        if len(_WORD.findall(_DIRECTIVE.sub("", comment[1], 1))) > _COMMENT_WORDS_MAX:
            yield _at(text, comment, Kind.COMMENT, one_line(" ".join(comment[0].split()), _SHOWN_MAX))


def _encoded(text: str) -> Iterator[Found]:
    for run in _BASE64.finditer(text):
        kinds = sum(bool(re.search(kind, run[0])) for kind in ("[a-z]", "[A-Z]", "[0-9]"))
        if kinds == 3:  # digests, rules made of dashes and words are not
            shown = f"{len(run[0]):,} characters, {run[0][:16]}…"
            yield _at(text, run, Kind.BASE64, shown)


def _with_surroundings(text: str, start: int, end: int) -> str:
    line_start = text.rfind("\n", 0, start) + 1
    line_end = text.find("\n", end)
    line_end = len(text) if line_end < 0 else line_end
    first, last = max(line_start, start - _AROUND), min(line_end, end + _AROUND)
    return one_line(text[first:last], 2 * _SHOWN_MAX)


def _at(text: str, found: re.Match[str], kind: Kind, shown: str) -> Found:
    start = found.start()
    return Found(kind, text.count("\n", 0, start) + 1, start - text.rfind("\n", 0, start), shown, found[0])
