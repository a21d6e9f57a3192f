"""The pages of one reading of a list, and the proof that they are the whole list. Pure: no question is asked here.

What proves it, the strongest first:

    total    the service says how many there are, the same on every page, and so many different items came
    whole    the answer itself is a list, closed by its own bracket, and says nothing of further pages
    end      the last page says that nothing follows
    agreed   nobody says anything, so the list is read twice, and both readings are equal

What contradicts it: a total that changes, fewer or more items than the total, one key on two pages, a next page that
was there before. The list may have been changed while it was read; then it is read once more from the start. What
contradicts itself again is refused: a list that may lack something would be taken for deletions.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from enum import StrEnum

from directional_sync.endpoints.rest.complaints import INCOMPLETE, KEY, SHIFTED, TOO_MANY, Kind, complaint
from directional_sync.endpoints.rest.items import Item
from directional_sync.endpoints.rest.shape import End, Style
from directional_sync.errors import SyncError

PAGES_MAX = 10_000


class Proof(StrEnum):
    TOTAL = "total"
    WHOLE = "whole"
    END = "end"
    AGREED = "agreed"
    NONE = "none"


class Doubtful(Exception):
    """This reading contradicts itself; another one may not."""

    def __init__(self, kind: Kind, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind
        self.reason = reason

    def error(self, first: str = "") -> SyncError:
        """What to raise when another reading was no better. `first`: what was wrong with the one before."""
        detail = [f"first reading: {first}", f"second reading: {self.reason}"] if first else []
        return complaint(self.kind, self.reason, detail=detail)


@dataclass(frozen=True, slots=True)
class Taken:
    """One page, made into items."""

    items: Sequence[Item] = field(repr=False)
    end: End
    to: str = field(default="", repr=False)
    total: int | None = None
    whole: bool = False


@dataclass(frozen=True, slots=True)
class _Place:
    page: int
    at: int
    digest: bytes

    def __str__(self) -> str:
        return place(self.at, self.page)


def place(at: int, page: int) -> str:
    """Which item of which page, both counted from 1, for people."""
    return f"item {at} of page {page}"


@dataclass
class Reading:
    """Pages as they come."""

    style: Style
    items_max: int
    items: dict[str, Item] = field(default_factory=dict)
    """Key -> item, as they came."""
    pages: int = 0
    total: int | None = None
    delivered: int = 0
    """Items with those that came twice."""
    _where: dict[str, _Place] = field(default_factory=dict)
    _asked: set[str] = field(default_factory=set)
    _last: Taken | None = None

    def asked(self, what: str) -> None:
        """The page that is asked for now: a URL or a cursor. Raises Doubtful when it was asked for before."""
        if what in self._asked:
            raise Doubtful(
                INCOMPLETE, f"the page after page {self.pages} is one that was there before: it leads in a circle"
            )
        self._asked.add(what)

    def add(self, page: Taken) -> None:
        """Raises Doubtful, and SyncError E-REST-KEY, E-REST-TOO-MANY."""
        self.pages += 1
        self._count(page)
        new = self._collect(page)
        self.delivered += len(page.items)
        if len(self.items) > self.items_max or self.pages > PAGES_MAX:
            raise complaint(TOO_MANY, f"the list has more than {self.items_max:,} items or {PAGES_MAX:,} pages")
        if page.items and not new and self.pages > 1:
            raise Doubtful(SHIFTED, f"page {self.pages} brings nothing that was not on the pages before")
        self._last = page

    @property
    def finished(self) -> bool:
        """Whether nothing more is to be asked for. Raises Doubtful when there should be more."""
        page = self._last
        if page is None:
            return False
        if self.style in (Style.PAGE, Style.OFFSET):
            return self._counted(page)
        return page.end is not End.MORE or self.style is Style.NONE

    def _counted(self, page: Taken) -> bool:
        """For styles that ask on until the list ends."""
        if page.end is End.END:
            return True
        if self.total is None or page.end is End.MORE:
            if not page.items and page.end is End.MORE:
                raise Doubtful(INCOMPLETE, f"page {self.pages} is empty, and says that more follows")
            return not page.items
        if not page.items and self.delivered < self.total:
            raise Doubtful(INCOMPLETE, f"page {self.pages} is empty after {self.delivered:,} of {self.total:,} items")
        return self.delivered >= self.total

    def proof(self) -> Proof:
        """What proves that all is there. Raises Doubtful when something contradicts it."""
        page = self._last
        assert page is not None
        if self.style is Style.NONE and page.end is End.MORE:
            raise Doubtful(INCOMPLETE, "the answer says that more follows, and the file does not say how to ask for it")
        if self.total is not None:
            if len(self.items) != self.total:
                raise Doubtful(INCOMPLETE, f"the service says {self.total:,} items, and {self._came()}")
            return Proof.TOTAL
        if self.delivered != len(self.items):
            raise Doubtful(SHIFTED, f"{self._came()}: something moved between pages, and no total says what is missing")
        if page.whole and self.style is Style.NONE:
            return Proof.WHOLE
        return Proof.END if page.end is End.END else Proof.NONE

    def _came(self) -> str:
        twice = self.delivered - len(self.items)
        return f"{len(self.items):,} came" + (f", {twice:,} of them twice" if twice else "")

    @property
    def keys(self) -> Set[str]:
        return self._where.keys()

    def forget(self) -> None:
        """Lets go of what the items hold; what they are compared by stays."""
        self.items.clear()

    def same_as(self, other: Reading) -> bool:
        """Whether both have the same items with the same content, in whatever order."""
        return {key: place.digest for key, place in self._where.items()} == {
            key: place.digest for key, place in other._where.items()
        }

    def _count(self, page: Taken) -> None:
        if self.pages > 1 and page.total != self.total:
            raise Doubtful(SHIFTED, f"the total is {page.total} on page {self.pages} and was {self.total} before")
        self.total = page.total

    def _collect(self, page: Taken) -> int:
        """How many of the page's items are new."""
        new = 0
        for at, item in enumerate(page.items, 1):
            before, here = self._where.get(item.key), _Place(self.pages, at, item.digest)
            if before is None:
                new += 1
                self.items[item.key] = item
                self._where[item.key] = here
            elif before.page == self.pages:
                raise complaint(KEY, f"{item.key!r} is the key of {before} and of {here}")
            elif before.digest != here.digest:
                raise Doubtful(KEY, f"{item.key!r} is the key of {before} and of {here}, which are different")
        return new


def agreed(first: Reading, second: Reading) -> Proof:
    """Of two readings that nothing else proves. Raises Doubtful when they differ."""
    if not first.same_as(second):
        here, there = first.keys, second.keys
        only = f"{len(here - there)} items were only in the first, {len(there - here)} only in the second"
        raise Doubtful(SHIFTED, f"two readings, one right after the other, differ: {only}")
    return Proof.AGREED
