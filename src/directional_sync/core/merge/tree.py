"""Three documents into one, key by key.

Laws, held by properties in the tests:

- what only one side changed is as that side has it, text and comments included;
- a change of white space or of notation is no change, a change of a comment is one;
- a key that one side deleted and the other changed is kept, and that is said; in strict merges it is a clash;
- swapping the sides swaps the clashes and gives the same data.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from directional_sync.core.merge.lines import hunks
from directional_sync.core.merge.node import (
    Document,
    Item,
    Mix,
    Node,
    Piece,
    Shape,
    Style,
    Take,
    Unfit,
    Value,
    keys_by_identity,
    token,
)
from directional_sync.core.merge.order import moved_both_ways, ordered
from directional_sync.core.merge.text import stretches
from directional_sync.core.merge.values import Choice, Place, Referee


@dataclass
class Judged:
    """What a merge of trees came to."""

    value: Value
    clashing: Counter[str] = field(default_factory=Counter)
    """Comments in what the sides do not agree on: one of them may be missing without being lost."""
    united: set[str] = field(default_factory=set)
    """Maps and lists that are new on both sides and were united: what is missing in one may have been deleted there,
    when it was not new but only renamed."""


def merge_trees(base: Document | None, repo: Document, remote: Document, referee: Referee, where: str = "$") -> Judged:
    """The merged document as a tree of what comes from where; clashes and notes go to the referee. Raises
    Unfit where it cannot be told what belongs to what."""
    _rows_fit(base, repo, remote)
    work = _Work(referee)
    before = None if base is None else Take(base, base.root)
    value = work.value(where, before, Take(repo, repo.root), Take(remote, remote.root))
    return Judged(value, work.clashing, work.united)


def _rows_fit(base: Document | None, repo: Document, remote: Document) -> None:
    """Items of lists in sections are known by names that a document gives them for itself. Raises Unfit where these do
    not mean the same in all three."""
    for name in repo.rows.keys() & remote.rows.keys():
        old = None if base is None else base.rows.get(name)
        mine, other = repo.rows[name], remote.rows[name]
        if mine == other or old in (mine, other):
            continue
        if "" in (mine[0], other[0]) or mine[0] != other[0] or (old is not None and old[0] != mine[0]):
            raise Unfit("nothing tells the items of one of its lists apart")


_Held = tuple[Take, int]
"""A container, and the place of an item in it."""


class _Work:
    def __init__(self, referee: Referee) -> None:
        self._referee = referee
        self.clashing: Counter[str] = Counter()
        self.united: set[str] = set()

    def value(self, where: str, base: Take | None, repo: Take, remote: Take) -> Value:
        if _same(repo, remote):
            return repo
        if base is not None and _same(base, repo):
            return remote
        if base is not None and _same(base, remote):
            return repo
        if repo.node.shape is remote.node.shape and repo.node.shape is not Shape.SCALAR:
            older = base if base is not None and base.node.shape is repo.node.shape else None
            if older is None:
                self.united.add(where)
            if repo.node.shape is Shape.MAP:
                return self._map(where, older, repo, remote)
            return self._list(where, older, repo, remote)
        if base is not None and repo.data == base.data:
            return remote
        if repo.data == remote.data or (base is not None and remote.data == base.data):
            return repo
        joined = repo.document.join and repo.document.join(where, base, repo, remote, self._referee)
        return joined or self._clash(where, Place.KEY, base, repo, remote)

    def _clash(self, where: str, place: Place, base: Take | None, repo: Take, remote: Take) -> Take:
        for side in (repo, remote):
            self.clashing.update(side.document.comments_in(side.node.start, side.node.end))
        choice = self._referee.clash(
            where, place, None if base is None else _written(base), _written(repo), _written(remote)
        )
        return remote if choice is Choice.REMOTE else repo

    # ---- maps

    def _map(self, where: str, base: Take | None, repo: Take, remote: Take) -> Value:
        names = [[item.key for item in side.node.items] for side in (base, repo, remote) if side is not None]
        pieces = self._keyed(where, names, base, repo, remote, repo.document.path)
        return _mix(base, repo, remote, pieces)

    def _keyed(
        self,
        where: str,
        names: Sequence[Sequence[str]],
        base: Take | None,
        repo: Take,
        remote: Take,
        path: Any,
    ) -> list[Piece]:
        """The pieces by key, in order."""
        sides = [side for side in (base, repo, remote) if side is not None]
        tables: list[dict[str, _Held]] = [
            {name: (side, at) for at, name in enumerate(these)} for side, these in zip(sides, names, strict=True)
        ]
        olds = tables[0] if base is not None else {}
        ours, theirs = tables[-2], tables[-1]
        kept: dict[str, Piece] = {}
        saved = _saved(olds, ours, theirs) | _saved(olds, theirs, ours)
        for name in [*ours, *(name for name in theirs if name not in ours)]:
            held = olds.get(name), ours.get(name), theirs.get(name)
            piece = self._item(path(where, name), name, *held, saved=name in saved)
            if piece is not None:
                kept[name] = piece
        order = ordered(list(olds), list(ours), list(theirs), set(kept), lambda name: (kept[name].item.rank, name))
        return [kept[name] for name in order]

    def _item(
        self, where: str, name: str, base: _Held | None, repo: _Held | None, remote: _Held | None, *, saved: bool
    ) -> Piece | None:
        """The piece for one key, or None where it is gone. `saved`: something that it is one with was changed."""
        if repo is not None and remote is not None:
            return self._both(where, name, base, repo, remote)
        here = repo or remote
        if here is None:
            return None
        if base is None:
            return _whole(here, name)
        if _same_chunk(base, here) and not saved:
            return None
        deleted_in = "repo" if repo is None else "remote"
        if not self._referee.strict:
            self._referee.edit_kept(where, deleted_in)
            return _whole(here, name)
        written = [None if side is None else _written_item(side) for side in (base, repo, remote)]
        choice = self._referee.clash(where, Place.KEY, *written)
        self.clashing.update(_chunk_comments(here))
        stands = remote if choice is Choice.REMOTE else repo
        return None if stands is None else _whole(stands, name)

    def _both(self, where: str, name: str, base: _Held | None, repo: _Held, remote: _Held) -> Piece:
        if base is not None and _same_chunk(base, remote):
            return _whole(repo, name)
        if base is not None and _same_chunk(base, repo):
            return _whole(remote, name)
        value = self.value(where, base and _take(base), _take(repo), _take(remote))
        source = repo
        if base is not None and _own_comments(repo) == _own_comments(base) != _own_comments(remote):
            source = remote
        origin = remote if value.document is remote[0].document else repo
        if _form(value.node) != _form(_node(source)) or _form(value.node) in ("empty", "literal"):
            source = origin
        return Piece(source[0].document, source[0].node, source[1], value, name)

    # ---- lists

    def _list(self, where: str, base: Take | None, repo: Take, remote: Take) -> Value:
        sides = [side for side in (base, repo, remote) if side is not None]
        names = keys_by_identity([side.node for side in sides])
        if names is None:
            return self._row(where, base, repo, remote)
        scalars = all(item.node.shape is Shape.SCALAR for side in sides for item in side.node.items)
        moved = base is not None and moved_both_ways(*names)
        if moved or (scalars and (_contested(*names) if base is not None else _replaced(*names))):
            return self._list_clash(where, base, repo, remote)
        # The name of a scalar is its value, which has no business in a place.
        pieces = self._keyed(where, names, base, repo, remote, lambda at, name: at if scalars else f"{at}[{name}]")
        return _mix(base, repo, remote, pieces)

    def _list_clash(self, where: str, base: Take | None, repo: Take, remote: Take) -> Value:
        for side in (repo, remote):
            self.clashing.update(side.document.comments_in(side.node.start, side.node.end))
        choice = self._referee.clash(
            where,
            Place.LIST,
            None if base is None else _written(base),
            _written(repo),
            _written(remote),
            may_take_both=True,
        )
        if choice is not Choice.BOTH:
            return remote if choice is Choice.REMOTE else repo
        have = [item.node.data for item in repo.node.items]
        added = [at for at, item in enumerate(remote.node.items) if item.node.data not in have]
        places = [(repo, at) for at in range(len(repo.node.items))] + [(remote, at) for at in added]
        pieces = [_whole(place, str(at)) for at, place in enumerate(places)]
        return Mix(repo.document, repo.node, tuple(pieces), repo.item, repo, repo)

    def _row(self, where: str, base: Take | None, repo: Take, remote: Take) -> Value:
        """Items that nothing tells apart but their place in the row: merged as lines of a text are, and where as many
        items became as many others on both sides, one by one."""
        if base is None:
            return self._list_clash(where, base, repo, remote)
        rows = [[token(item.node.data) for item in side.node.items] for side in (base, repo, remote)]
        parts = stretches(*rows)
        if any(part.open and len({b - a for a, b in (part.base, part.repo, part.remote)}) > 1 for part in parts):
            return self._list_clash(where, base, repo, remote)
        pieces: list[Piece] = []
        for part in parts:
            if not part.open:
                side, (start, end) = (remote, part.remote) if part.from_remote else (repo, part.repo)
                pieces += [_whole((side, at), str(at)) for at in range(start, end)]
                continue
            for step in range(part.base[1] - part.base[0]):
                held = [(s, p[0] + step) for s, p in ((base, part.base), (repo, part.repo), (remote, part.remote))]
                pieces.append(self._both(f"{where}[{held[1][1]}]", str(len(pieces)), *held))
        return _mix(base, repo, remote, pieces)


def _saved(olds: Mapping[str, _Held], here: Mapping[str, _Held], there: Mapping[str, _Held]) -> set[str]:
    """Names that are missing `there`, with a whole map in which something was changed `here`. Where maps are
    written flat this is seen from their names only."""
    if not any(_holder(held).under for held in here.values()):
        return set()
    left = {group for held in there.values() for group in _holder(held).under}
    changed = {
        group
        for name, held in here.items()
        if name not in olds or not _same_chunk(olds[name], held)
        for group in _holder(held).under
    }
    changed |= {group for name, held in olds.items() if name not in here for group in _holder(held).under}
    found = set()
    for name, held in here.items():
        gone = next((group for group in _holder(held).under if group not in left), None)
        if name not in there and gone in changed:
            found.add(name)
    return found


def _holder(held: _Held) -> Item:
    return held[0].node.items[held[1]]


def _contested(base: Sequence[str], repo: Sequence[str], remote: Sequence[str]) -> bool:
    """Whether the sides put different values in the place of old ones: arguments of a command are no set."""
    for part in stretches(base, repo, remote):
        if not part.open:
            continue
        old, mine, other = set(base[slice(*part.base)]), set(repo[slice(*part.repo)]), set(remote[slice(*part.remote)])
        if mine - other - old and other - mine - old and (old - mine or old - other):
            return True
    return False


def _replaced(repo: Sequence[str], remote: Sequence[str]) -> bool:
    """Whether two lists that never agreed have different things in the same place."""
    return any(h.a0 < h.a1 and h.b0 < h.b1 for h in hunks(repo, remote))


def _mix(base: Take | None, repo: Take, remote: Take, pieces: Sequence[Piece]) -> Value:
    """The pieces in the repo's layout, or in the remote's where the repo's is empty."""
    for side in (repo, remote):
        if len(side.node.items) == len(pieces) and all(
            piece.verbatim and piece.holder is side.node and piece.place == at for at, piece in enumerate(pieces)
        ):
            whole = side
            break
    else:
        whole = None
    if whole is repo and (base is None or _frame_comments(repo) == _frame_comments(remote)):
        return repo
    lay = repo if repo.node.items or not remote.node.items else remote
    head = tail = lay
    if base is not None and lay is repo and all(side.node.items for side in (base, remote)):
        (b_head, b_tail), (r_head, r_tail), (m_head, m_tail) = map(_frame_comments, (base, repo, remote))
        head = remote if r_head == b_head != m_head else repo
        tail = remote if r_tail == b_tail != m_tail else repo
    return Mix(lay.document, lay.node, tuple(pieces), lay.item, head, tail)


def _frame_comments(side: Take) -> tuple[list[str], list[str]]:
    if not side.document.comments or not side.node.items:
        return [], []
    chunks = side.document.chunked(side.node)
    return (
        side.document.comments_in(side.node.start, chunks[0].lead),
        side.document.comments_in(chunks[-1].stop, side.node.end),
    )


def _same(one: Take, other: Take) -> bool:
    return one.data == other.data and _comments(one) == _comments(other)


def _comments(side: Take) -> list[str]:
    return side.document.comments_in(side.node.start, side.node.end)


def _node(held: _Held) -> Node:
    return held[0].node.items[held[1]].node


def _take(held: _Held) -> Take:
    item = held[0].node.items[held[1]]
    return Take(held[0].document, item.node, item)


def _whole(held: _Held, name: str) -> Piece:
    return Piece(held[0].document, held[0].node, held[1], _take(held), name)


def _same_chunk(one: _Held, other: _Held) -> bool:
    return bool(_node(one).data == _node(other).data) and _chunk_comments(one) == _chunk_comments(other)


def _chunk_comments(held: _Held) -> list[str]:
    document = held[0].document
    if not document.comments:
        return []
    chunk = document.chunked(held[0].node)[held[1]]
    return document.comments_in(chunk.lead, chunk.stop)


def _own_comments(held: _Held) -> list[str]:
    """Those that belong to the item, not to something in its value."""
    document = held[0].document
    if not document.comments:
        return []
    chunk, node = document.chunked(held[0].node)[held[1]], _node(held)
    return document.comments_in(chunk.lead, node.start) + document.comments_in(node.end, chunk.stop)


def _form(node: Node) -> str:
    """How a value joins its key; one of another form cannot stand behind the same key text."""
    if node.start == node.end:
        return "empty"
    if node.style is Style.FLOW:
        return "inline"
    return "literal" if node.shape is Shape.SCALAR else "block"


def _written(side: Take) -> str:
    return side.document.text[side.node.start : side.node.end].strip()


def _written_item(held: _Held) -> str:
    item: Item = held[0].node.items[held[1]]
    return held[0].document.text[item.start : item.node.end].strip()
