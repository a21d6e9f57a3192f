"""What a text has as a whole: a byte order mark, one kind of line end, a line feed at the end.

Each is decided by the three-way rule for itself. When a checkout or an editor rewrites all line ends, that is one
change of one thing, and no edit of every line.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from directional_sync.core.merge.values import Choice, Place, Referee

LINE_ENDS = "line ends"
"""The id of the clash of contents that differ in their line ends and never agreed."""
_MARK = "\ufeff"
_LF, _CRLF, _MIXED = "LF", "CRLF", "mixed"

_T = TypeVar("_T")
_Texts = tuple[str | None, str, str]


@dataclass(frozen=True, slots=True)
class Wrapping:
    mark: bool
    crlf: bool
    """Line ends were CRLF throughout and are to be so again."""
    last_end: bool | None
    """Whether the last line ends with a line feed. None: as the text has it."""

    def around(self, text: str) -> str:
        if self.last_end is not None and text:
            text = text if text.endswith("\n") else f"{text}\n"
            text = text if self.last_end else text[:-1]
        if self.crlf:
            text = text.replace("\n", "\r\n")
        return _MARK + text if self.mark else text


def unwrapped(texts: _Texts, referee: Referee, *, by_lines: bool) -> tuple[Wrapping, _Texts]:
    """The texts without what they have as a whole, and what the merged text gets. `by_lines`: the merge looks after
    the end of the last line itself."""
    mark = agreed([None if text is None else text.startswith(_MARK) for text in texts], True)
    base, repo, remote = (None if text is None else text.removeprefix(_MARK) for text in texts)
    assert repo is not None and remote is not None
    ends = [None if text is None else _ends(text) for text in (base, repo, remote)]
    crlf = False
    if _MIXED not in ends and _CRLF in ends:
        crlf = _line_ends(ends, base is not None, referee) == _CRLF
        base = None if base is None else base.replace("\r\n", "\n")
        repo, remote = repo.replace("\r\n", "\n"), remote.replace("\r\n", "\n")
    if by_lines:
        return Wrapping(mark, crlf, None), (base, repo, remote)
    last_end = agreed([None if not text else text.endswith("\n") for text in (base, repo, remote)], True)
    return Wrapping(mark, crlf, last_end), (_ended(base), _ended(repo) or "", _ended(remote) or "")


def _ended(text: str | None) -> str | None:
    return text if not text or text.endswith("\n") else f"{text}\n"


def agreed(values: list[_T | None], otherwise: _T) -> _T:
    """The three-way rule. None: has no say. Where two differ and never agreed: `otherwise`."""
    base, repo, remote = values
    if repo is None or remote is None or repo == remote:
        return next((one for one in (repo, remote, base) if one is not None), otherwise)
    if base is None:
        return otherwise
    return remote if repo == base else repo


def _ends(text: str) -> str | None:
    """None: no line ends in it."""
    lines, pairs = text.count("\n"), text.count("\r\n")
    if lines == 0:
        return None
    return _CRLF if pairs == lines else _MIXED if pairs else _LF


def _line_ends(ends: list[str | None], agreed_once: bool, referee: Referee) -> str:
    base, repo, remote = ends
    if repo == remote or repo is None or remote is None or base is not None:
        return agreed(ends, _LF)
    told = None if not agreed_once else "no line ends"
    choice = referee.clash(LINE_ENDS, Place.LINE_ENDS, told, repo, remote)
    return remote if choice is Choice.REMOTE else repo
