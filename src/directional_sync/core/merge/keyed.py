"""Documents of keys and values merged, written in the layout of the repo, and verified.

Three ways, the first that holds is taken. Where a merge by lines is clean and means what the merge by keys means, its
text is the better one: it has every change of notation, too. Else the merged tree is written piece by piece. What was
written is read again: when it does not mean what it should, or lacks a comment that somebody wrote, it is not used.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from directional_sync.core.merge.by_lines import Doubts, know_better
from directional_sync.core.merge.node import Document, Unfit
from directional_sync.core.merge.render import Renderer
from directional_sync.core.merge.text import merge_lines
from directional_sync.core.merge.tree import Judged, merge_trees
from directional_sync.core.merge.values import NoteKind, Place, Referee


@dataclass(frozen=True)
class Format:
    """How a kind of document is read."""

    read: Callable[[str], Document]
    """Raises Unfit."""
    comment: re.Pattern[str]
    sound: Callable[[str], bool]
    """Whether a text is of this format, be it fit to be merged by keys or not."""


class Unwritten(Unfit):
    """What the merge means is known, but not how to write it. `clashed`: up to clashes."""

    def __init__(self, reason: str, data: Any, clashed: bool) -> None:
        super().__init__(reason)
        self.data = data
        self.clashed = clashed


def merge_keyed(form: Format, base: str | None, repo: str, remote: str, referee: Referee, where: str = "$") -> str:
    """The merged text. Raises Unfit when a text cannot be read, Unwritten when the result cannot be put together."""
    before = None if base is None or not base.strip() else form.read(base)
    ours, theirs = form.read(repo), form.read(remote)
    mark = referee.mark()
    judged = merge_trees(before, ours, theirs, referee, where)
    intended = judged.value.data
    required = _required(before, ours, theirs, judged)
    clashes, notes = referee.since(mark)
    if before is not None and base is not None:
        by_lines = Referee({})
        text = merge_lines(base, repo, remote, by_lines)
        if not by_lines.open:
            if not clashes and _means(form, text, intended, required) is None:
                return text
            doubts = Doubts(
                {note.where for note in notes if note.kind is NoteKind.EDIT_KEPT},
                {clash.id for clash in clashes if clash.place is Place.LIST},
                judged.united,
            )
            sure = len(doubts.lists) == len(clashes) and not (doubts.kept and doubts.lists)
            read = (
                _understood(form, text, required) if sure and (doubts.kept or doubts.lists or doubts.united) else None
            )
            if read is not None and know_better(before, ours, theirs, intended, read, doubts, where):
                referee.forget(mark)
                return text
    clashed = bool(clashes)
    around = _around(before, ours, theirs)
    try:
        text = Renderer(ours, form.comment).document(judged.value, *around)
    except Unfit as unfit:
        raise Unwritten(unfit.reason, intended, clashed) from unfit
    wrong = _means(form, text, intended, required)
    if wrong is None and not clashes and not notes and _come_back(before, ours, theirs, form.read(text)):
        wrong = "a comment that was deleted would come back"
    if wrong is not None:
        raise Unwritten(wrong, intended, clashed)
    return text


def _understood(form: Format, text: str, required: Counter[str]) -> Document | None:
    """`text`, read; None where it cannot be, or a comment is missing."""
    try:
        written = form.read(text)
    except Unfit:
        return None
    return None if required - _comments(written) else written


def _means(form: Format, text: str, intended: Any, required: Counter[str]) -> str | None:
    """What is wrong with `text`; None: nothing."""
    try:
        written = form.read(text)
    except Unfit:
        return "put together by keys it could not be read any more"
    if written.root.data != intended:
        return "put together by keys it would not mean the same"
    if required - _comments(written):
        return "a comment would have been lost"
    return None


def _comments(document: Document) -> Counter[str]:
    return Counter(document.comments_in(0, len(document.text)))


def _required(base: Document | None, repo: Document, remote: Document, judged: Judged) -> Counter[str]:
    """The comments that the result must have: those that nobody deleted, and those that somebody wrote."""
    old = Counter[str]() if base is None else _comments(base)
    ours, theirs = _comments(repo), _comments(remote)
    needed: Counter[str] = Counter()
    for comment in ours.keys() | theirs.keys():
        added = max(0, ours[comment] - old[comment], theirs[comment] - old[comment])
        needed[comment] = min(old[comment], ours[comment], theirs[comment]) + added
    return needed - judged.clashing


def _come_back(base: Document | None, repo: Document, remote: Document, written: Document) -> bool:
    """Whether a comment is there that one side deleted and the other left as it was."""
    if base is None:
        return False
    old, mine, other, found = (_comments(one) for one in (base, repo, remote, written))
    return any(
        found[one] > max(min(mine[one], other[one]), mine[one] + other[one] - count)
        for one, count in old.items()
        if mine[one] < count or other[one] < count
    )


def _around(base: Document | None, repo: Document, remote: Document) -> tuple[str, str]:
    """What stands before and behind the root: the repo's, where not the remote alone changed its comments."""
    found = []
    for part in (_before, _behind):
        mine, other = part(repo), part(remote)
        if base is not None and part(base)[1] == mine[1] != other[1]:
            mine = other
        found.append(mine[0])
    return found[0], found[1]


def _before(document: Document) -> tuple[str, list[str]]:
    return document.text[: document.root.start], document.comments_in(0, document.root.start)


def _behind(document: Document) -> tuple[str, list[str]]:
    end = document.root.end
    return document.text[end:], document.comments_in(end, len(document.text))
