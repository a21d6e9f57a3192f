"""Writing rows one by one: each only where it still is what the plan saw, none of them twice.

What is known of a row is the look of this run. Right before the first write, and again whenever it is older than
`FRESH_S`, one query asks which rows were edited since; those that were are not written. Each write is in the ledger
before it is sent, and the reply to a creation that does not come is looked for by the external id.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from directional_sync.core.escape import one_line
from directional_sync.endpoints.base import Ledger
from directional_sync.endpoints.notion.api import Api
from directional_sync.endpoints.notion.blocks import Block
from directional_sync.endpoints.notion.complaints import out_of_time
from directional_sync.endpoints.notion.far import Far, Look, trashed
from directional_sync.endpoints.notion.keys import decode
from directional_sync.endpoints.notion.patience import Patience
from directional_sync.endpoints.notion.table import Table
from directional_sync.endpoints.notion.values import runs, sent
from directional_sync.errors import InterruptedRun, SyncError
from directional_sync.model.plan import Change
from directional_sync.model.record import Effect, EffectKind
from directional_sync.service.complaints import OutcomeUnknownError
from directional_sync.system.host import monotonic

FRESH_S = 15.0
_COLLISIONS_MAX = 3
_LEAST_S = 3.0
"""No write is begun with less time left: it would be cut off before its reply could come."""
_LOST_MAX = 2
"""How often a creation is sent that is certain not to have been made although no reply came."""
_FIRST_WAIT_S = 1.0
_WAIT_MAX_S = 15.0
_OPEN = (
    "E-SERVICE-TIMEOUT", "E-SERVICE-CUT", "E-SERVICE-DOWN", "E-SERVICE-UNREACHABLE", "E-SERVICE-NOT-JSON",
    "E-NOTION-SHAPE",
)  # fmt: skip
"""Errors after which nobody knows whether a change was made."""


class Ended(Exception):
    """Nothing more can be written; `effect` is what became of the row at hand."""

    def __init__(self, effect: Effect, error: SyncError) -> None:
        super().__init__(error.code)
        self.effect = effect
        self.error = error


@dataclass
class Writer:
    api: Api
    table: Table
    ledger: Ledger
    patience: Patience
    settle_s: float
    read: Callable[[str], bytes]
    """Content of a digest."""
    content: Callable[[str], list[Block]]
    """What a page with this external id gets when it is made."""
    known: Collection[str]
    """External ids of which a row was made before: they are looked for before one is made again."""
    look: Look
    looked_at: float
    """When that look began, by the monotonic clock."""
    since: str
    """The same by the service's clock, rounded down; RFC 3339."""
    checked: bool = False
    sendings: int = 0
    """How often the write at hand was sent."""
    written: set[str] = field(default_factory=set)
    """External ids of rows that this run has written: what a query says of them may be from before."""

    def apply(self, changes: Sequence[Change]) -> Iterator[Effect]:
        """Raises SyncError when nothing more can be written."""
        if changes and not self.table.confirmed:
            self.table.refresh()  # no row has confirmed what is remembered of the properties
        for change in changes:
            if self.api.left_s < _LEAST_S:
                raise out_of_time()
            if not self.checked or monotonic() - self.looked_at > FRESH_S:
                self._look_again()
            try:
                effect = self._one(change)
            except Ended as ended:
                yield ended.effect
                raise ended.error from ended.error.__cause__
            self.written.add(decode(change.key))
            yield effect

    def _look_again(self) -> None:
        """Takes in what was edited since the look; one request, as a rule."""
        began = monotonic()
        recent = {"timestamp": "last_edited_time", "last_edited_time": {"on_or_after": self.since}}
        condition = {"and": [self.table.with_key(), recent]}
        pages = list(self.api.query(self.table.source.id, condition))
        for external, row in self.table.read(pages):
            known = self.look.rows.get(external)
            if external not in self.written and row != known:
                self._ask(external, row)
        self.checked, self.looked_at = True, began

    def _ask(self, external: str, row: Far) -> None:
        """Takes in a row, and the one that is known under its external id, by their own ids: what a query says of rows
        that were just edited may be from before."""
        known = self.look.rows.pop(external, None)
        for found in self.table.alive(external, [known.id if known is not None else row.id, row.id]):
            self._take(external, found)

    def _take(self, external: str, row: Far) -> None:
        first = self.look.rows.setdefault(external, row)
        if first.id != row.id:
            self.look.clashes[external] = (first.url, row.url)

    def _one(self, change: Change) -> Effect:
        external = decode(change.key)
        if external in self.look.clashes:
            urls = " and ".join(self.look.clashes[external])
            return Effect(change, EffectKind.STALE, f"there are two rows with this external id now: {urls}")
        row = self.look.rows.get(external)
        settled = self._settled(change, external)
        if settled is not None:
            return settled
        if row is None:
            return self._create(change, external)
        return self._archive(change, external, row) if change.after.absent else self._update(change, external, row)

    def _settled(self, change: Change, external: str) -> Effect | None:
        """The effect of a change that is made already, or that may not be made; None when it is to be made."""
        now, row = self.look.at(external), self.look.rows.get(external)
        if now == change.after:
            return Effect(change, EffectKind.DONE, "already so", facts=row.facts if row else {})
        if now != change.before:
            return Effect(change, EffectKind.STALE, "it was changed in Notion during the run; the next run plans anew")
        return None

    def _create(self, change: Change, external: str) -> Effect:
        try:
            if external in self.known and (found := self._find(external)) is not None:
                self.look.rows[external] = found
                there = Effect(change, EffectKind.STALE, "there is a row with this external id already", found.facts)
                return self._settled(change, external) or there
            for _ in range(_LOST_MAX):
                try:
                    page = self.api.create(self._new(change, external), self._intending(change))
                except OutcomeUnknownError as error:
                    lost = error
                else:
                    return self._made(change, external, page)
                if (found := self._read_back(change, external, lost)) is not None:
                    return self._now(change, external, found)
        except SyncError as error:
            return self._failed(change, error)
        why = f"no reply came, and it did not show within {self.settle_s:.0f} s; the next run looks again"
        raise Ended(Effect(change, EffectKind.UNKNOWN, why), lost)

    def _intending(self, change: Change) -> Callable[[], None]:
        """Writes down what is about to be sent. An update that is sent twice is the same as one, and is written down
        all the same: when the run is cut off, the next one knows that what it finds is nobody's edit."""

        def intend() -> None:
            self.ledger.intend(change)
            self.sendings += 1

        self.sendings = 0
        return intend

    def _new(self, change: Change, external: str) -> dict[str, Any]:
        source, name = self.table.source, self._key_property
        properties = {name: {source.properties[name].kind: runs(external)}, **self._properties(change)}
        body = {"parent": {"type": "data_source_id", "data_source_id": source.id}, "properties": properties}
        children = self.content(external)
        return {**body, "children": children} if children else body

    @property
    def _key_property(self) -> str:
        return self.table.reader.key_property

    def _properties(self, change: Change) -> dict[str, Any]:
        """The properties that differ, as the service takes them."""
        before = json.loads(self.read(change.before.digest)) if change.before.present else {}
        after = json.loads(self.read(change.after.digest))
        return {
            name: sent(value, self.table.source.properties[name].kind)
            for name, value in after.items()
            if name in self.table.source.properties and value != before.get(name)
        }

    def _find(self, external: str) -> Far | None:
        """The row with this external id, asked for by it. Raises SyncError."""
        found = self.table.find(external)
        for row in found[1:]:
            self.look.clashes[external] = (found[0].url, row.url)
        return found[0] if found else None

    def _read_back(self, change: Change, external: str, lost: SyncError) -> Far | None:
        """The row whose creation got no reply; None when it has not shown for so long that it was not made."""
        until, wait = monotonic() + self.settle_s, _FIRST_WAIT_S
        while True:
            try:
                found = self._find(external)
            except SyncError as trouble:
                raise Ended(Effect(change, EffectKind.UNKNOWN, lost.message), trouble) from trouble
            left = until - monotonic()
            if found is not None or left <= 0:
                return found
            self.patience.wait(min(wait, left), f"looking whether {one_line(external, 80)} was made: no reply came")
            wait = min(_WAIT_MAX_S, 2 * wait)

    def _made(self, change: Change, external: str, page: Mapping[str, Any]) -> Effect:
        """The effect of a write that the service has confirmed with the page as it is now."""
        try:
            found = self.table.read([page])
        except SyncError as error:
            raise Ended(Effect(change, EffectKind.UNKNOWN, error.message, _facts(page)), error) from error
        if not found:
            return Effect(change, EffectKind.UNKNOWN, "it was written, and Notion shows no row", _facts(page))
        return self._now(change, external, found[0][1])

    def _now(self, change: Change, external: str, row: Far) -> Effect:
        self.look.rows[external] = row
        if row.entry == change.after:
            return Effect(change, EffectKind.DONE, facts=row.facts)
        what = row.entry.unreadable or self._difference(change.after.digest, row.entry.digest)
        return Effect(change, EffectKind.UNKNOWN, f"it was written, and Notion shows something else: {what}", row.facts)

    def _difference(self, ours: str, theirs: str) -> str:
        wanted, found = json.loads(self.read(ours)), json.loads(self.read(theirs))
        parts = [
            f"{name}: {json.dumps(found.get(name), ensure_ascii=False)} instead of "
            f"{json.dumps(value, ensure_ascii=False)}"
            for name, value in wanted.items()
            if value != found.get(name)
        ]
        return one_line("; ".join(parts), 300)

    def _update(self, change: Change, external: str, row: Far) -> Effect:
        body = {"properties": self._properties(change)}
        for _ in range(_COLLISIONS_MAX):
            try:
                return self._made(change, external, self.api.update(row.id, body, self._intending(change)))
            except SyncError as error:
                settled = self._collided(change, external, row, error)
                if settled is not None:
                    return settled
        return Effect(change, EffectKind.STALE, "somebody else writes to it all the time; the next run tries again")

    def _archive(self, change: Change, external: str, row: Far) -> Effect:
        for _ in range(_COLLISIONS_MAX):
            try:
                page = self.api.update(row.id, {"in_trash": True}, self._intending(change))
            except SyncError as error:
                settled = self._collided(change, external, row, error)
                if settled is not None:
                    return settled
                continue
            if not trashed(page):
                return Effect(
                    change, EffectKind.UNKNOWN, "it was moved to the trash, and Notion still shows it", row.facts
                )
            self.look.rows.pop(external, None)
            return Effect(change, EffectKind.DONE, facts=row.facts)
        return Effect(change, EffectKind.STALE, "somebody else writes to it all the time; the next run tries again")

    def _collided(self, change: Change, external: str, row: Far, error: SyncError) -> Effect | None:
        """What follows from a write to an existing row that was not taken; None when it may be sent again."""
        if error.code == "E-SERVICE-GONE":
            self.look.rows.pop(external, None)
            gone = "it is no longer there, or no longer shared with the integration"
            return self._settled(change, external) or Effect(change, EffectKind.STALE, gone)
        binned = error.code == "E-SERVICE-REFUSED" and any(word in error.message for word in ("archived", "trash"))
        if error.code != "E-SERVICE-CONFLICT" and not binned:
            return self._failed(change, error, row)
        try:
            page = self.api.page(row.id)
            found = self.table.read([page])
        except SyncError as trouble:
            raise Ended(Effect(change, EffectKind.FAILED, error.message, row.facts), trouble) from trouble
        self.look.rows.pop(external, None)
        self.look.rows.update(found)
        settled = self._settled(change, external)
        return self._failed(change, error, row) if settled is None and binned else settled

    def _failed(self, change: Change, error: SyncError, row: Far | None = None) -> Effect:
        """The effect of a change that only this row is to blame for. Raises Ended where the others would fare alike."""
        if isinstance(error, InterruptedRun):
            raise error
        facts = row.facts if row is not None else {}
        if error.code == "E-SERVICE-REFUSED":
            return Effect(change, EffectKind.REFUSED, error.message, facts)
        if error.code == "E-SERVICE-CONFLICT":
            return Effect(change, EffectKind.STALE, error.message, facts)
        # An update may have been sent several times, and an earlier one may have been carried out without a reply.
        kind = EffectKind.UNKNOWN if error.code in _OPEN or self.sendings > 1 else EffectKind.FAILED
        told = self.table.worded(error) if row is None else error
        raise Ended(Effect(change, kind, told.message, facts, exit=error.exit), told) from error


def _facts(page: Mapping[str, Any]) -> dict[str, str]:
    return {"id": str(page["id"]), "url": str(page.get("url", ""))}
