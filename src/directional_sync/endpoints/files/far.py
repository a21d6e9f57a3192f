"""What a folder and a store have in common for the endpoint, and what both of them need."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Protocol

from directional_sync.endpoints.base import Context
from directional_sync.endpoints.files.deeds import Deed
from directional_sync.endpoints.files.reading import Found, Item, Reading
from directional_sync.endpoints.files.seen import Memory
from directional_sync.errors import InterruptedRun, RemoteError
from directional_sync.model.record import Effect
from directional_sync.model.snapshot import Entry
from directional_sync.system import host

_ROUNDS = 3
_KEPT = "every file is whole, old or new"


class Prior(Protocol):
    """What was agreed on."""

    def at(self, key: str) -> Entry: ...


class FarSide(Protocol):
    """A folder or a store, opened for one run."""

    def look(self, reading: Reading, found: Found) -> list[Item]:
        """Everything that is meant, into `found`; answers what was listed. Raises SyncError."""

    def apply(self, deeds: Sequence[Deed], there: set[str], prior: Prior) -> Iterator[Effect]:
        """See `Endpoint.apply`. `there`: paths that are known to be there; `prior`: what was agreed on."""

    def confirm(self, paths: Sequence[str], memory: Memory) -> Mapping[str, Entry] | None:
        """Path -> what is there now, read once more; None where only a look at everything tells."""

    def refusals(self, deeds: Sequence[Deed], there: Collection[str]) -> Mapping[str, str]:
        """Path -> why `apply` would refuse what is to come there."""

    def tidy(self, left: Sequence[str]) -> None:
        """See `endpoints.base.Tidying`. `left`: temporary files, whoever has left them."""

    def close(self) -> None:
        """Safe to call twice."""


def steadily(
    items: list[Item],
    again: Callable[[], list[Item]],
    seal: Callable[[Item], object],
    read: Callable[[list[Item]], list[Item]],
    found: Found,
) -> list[Item]:
    """Reads `items` between two listings: what the second shows with another seal was written meanwhile and is read
    again. Answers what was listed last. `read` answers those that had to be read."""
    taken = read(items)
    for _ in range(_ROUNDS):
        if not taken:
            return items
        before = {item.path: seal(item) for item in taken}
        items = again()
        now = {item.path: item for item in items}
        for path in before.keys() - now.keys():
            found.entries.pop(path, None)
        moved = [item for item in items if item.path not in found.entries and item.path not in found.unreadable]
        moved += [item for item in items if item.path in before and before[item.path] != seal(item)]
        taken = read(list({item.path: item for item in moved}.values()))
    for item in taken:
        found.entries.pop(item.path, None)
        found.unreadable[item.path] = f"E-FILES-UNSTEADY: {item.path} was changing while it was read"
    return items


def check_size(items: Sequence[Item], size_max: int, url: str) -> None:
    """Raises RemoteError E-FILES-SIZE when all of them together are more than the file allows; 0 is no limit."""
    total = sum(item.size for item in items)
    if size_max and total > size_max:
        raise RemoteError(
            "E-FILES-SIZE",
            f"{url} holds {total:,} bytes in {len(items):,} files, and `max_size` is {size_max:,}",
            hint="name what is not wanted under `exclude`, or raise `max_size`",
            kept="nothing was read and nothing was changed",
        )


def stopper(context: Context, doing: str) -> Callable[[], None]:
    """Raises InterruptedRun when somebody asked us to stop, and as `in_time`. `doing`: reading or writing."""
    late = in_time(context, doing)

    def check() -> None:
        context.ledger.settle()  # of a portion that is done, before the next is begun
        if context.stop():
            raise InterruptedRun("E-INTERRUPTED", f"stopped while {doing} files", kept=_KEPT)
        late()

    return check


def in_time(context: Context, doing: str) -> Callable[[], None]:
    """Raises RemoteError E-FILES-TIMEOUT when what it is for takes longer than the target may."""
    until = host.monotonic() + context.target.timeout_s

    def check() -> None:
        if host.monotonic() > until:
            raise RemoteError(
                "E-FILES-TIMEOUT",
                f"{doing} files took longer than {context.target.timeout_s:g} s",
                place=str(context.target.place),
                hint=f"give it more time (`timeout` of {context.target.name}), or name less under `paths`",
                kept=_KEPT,
            )

    return check
