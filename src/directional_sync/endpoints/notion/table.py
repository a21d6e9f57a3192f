"""The data source behind a target: found once, remembered between runs, asked about again when there is doubt.

Finding it takes two requests and hardly ever changes, while each row that a query answers says again what types its
properties have. So what was found is kept in the cache, rows confirm it, and a run without changes asks nothing else.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from directional_sync.endpoints.notion import schema
from directional_sync.endpoints.notion.api import Api
from directional_sync.endpoints.notion.complaints import duplicates, no_database, unfit
from directional_sync.endpoints.notion.far import Far, Look, Reader, StaleSchema, Store
from directional_sync.endpoints.notion.schema import DataSource, Owned
from directional_sync.endpoints.notion.values import WITH_OPTIONS, BadValue, identifier
from directional_sync.errors import HostError, SyncError
from directional_sync.system import host

_FORM = 1
_TWICE_MAX = 50
"""So many ids that seem to stand for two rows are looked into."""


class Table:
    def __init__(
        self, api: Api, options: Any, owned: tuple[Owned, ...], database: str, store: Store, kept: Path
    ) -> None:
        """`database` is its id; `kept`: where what was found is remembered."""
        self._api = api
        self._options = options
        self._owned = owned
        self._database = database
        self._store = store
        self._kept = kept
        self._source: DataSource | None = None
        self._reader: Reader | None = None
        self.confirmed = False
        """Whether this run has seen that the data source still is what it was."""
        self.confirmed_by_asking = False

    @property
    def _about(self) -> str:
        """What the memory belongs to, without giving it away."""
        options = self._options
        return hashlib.sha256(f"{_FORM}\0{options.url}\0{self._database}\0{options.data_source}".encode()).hexdigest()

    @property
    def reader(self) -> Reader:
        """How its pages are read. Raises SyncError."""
        if self._reader is None:
            source = self._source or self._remember()
            if source is None or any(schema.problems(source, self._options.key_property, self._owned)):
                source = self._ask()
            self._take(source)
        assert self._reader is not None
        return self._reader

    @property
    def source(self) -> DataSource:
        return self.reader.source

    def remembered(self) -> Reader | None:
        """How its pages were read last time; nothing is asked for it."""
        source = self._remember()
        if source is None or any(schema.problems(source, self._options.key_property, self._owned)):
            return None
        self._take(source)
        return self._reader

    def refresh(self) -> None:
        """Asks again, whatever is remembered. Raises RemoteError E-NOTION-SCHEMA or E-NOTION-DATABASE."""
        self._take(self._ask())

    def look(self, target: str) -> Look:
        """All rows that have an external id. Raises SyncError."""
        try:
            return self._look(target)
        except (StaleSchema, SyncError) as error:
            doubtful = isinstance(error, StaleSchema) or error.code in ("E-SERVICE-GONE", "E-SERVICE-REFUSED")
            if self.confirmed_by_asking or not doubtful:
                raise self._unclear() if isinstance(error, StaleSchema) else self.worded(error) from error
        self.refresh()
        try:
            return self._look(target)
        except StaleSchema as error:
            raise self._unclear() from error

    def _look(self, target: str) -> Look:
        reader = self.reader
        look = reader.look(self._api.query(reader.source.id, self.with_key()))
        self.confirmed = self.confirmed or bool(look.rows)
        self._single(look, target)
        return look

    def _single(self, look: Look, target: str) -> None:
        """Makes sure that no external id stands for two rows. One of them may be in the trash by now, where a query
        shows an old copy. Raises RefusedError E-NOTION-DUPLICATE."""
        twice: list[tuple[str, list[str]]] = []
        for external, some in sorted(look.twice.items())[:_TWICE_MAX]:
            here = self.alive(external, [one.id for one in some])
            if len(here) > 1:
                twice.append((external, [row.url for row in here]))
            elif here:
                look.rows[external] = here[0]
            else:
                del look.rows[external]
        if twice or len(look.twice) > _TWICE_MAX:
            twice += [
                (external, [row.url for row in some]) for external, some in sorted(look.twice.items())[_TWICE_MAX:]
            ]
            raise duplicates(twice, target)

    def find(self, external: str) -> list[Far]:
        """The rows with this external id, asked for by it, and each by its own id, of which there is no old copy.
        Raises SyncError."""
        pages = list(self._api.query(self.source.id, self._on_key("equals", external)))
        return self.alive(external, [row.id for key, row in self.read(pages) if key == external])

    def alive(self, external: str, pages: Iterable[str]) -> list[Far]:
        """Those of the pages that have this external id and are not in the trash, each asked for by its own id. Raises
        SyncError."""
        found: list[Far] = []
        for page in dict.fromkeys(pages):
            try:
                found += [row for key, row in self.read([self._api.page(page)]) if key == external]
            except SyncError as error:
                if error.code != "E-SERVICE-GONE":
                    raise
        return found

    def read(self, pages: Sequence[Mapping[str, Any]]) -> list[tuple[str, Far]]:
        """External id and row of each page that has an id and is not in the trash. Raises SyncError."""
        try:
            return self.reader.read(pages)
        except StaleSchema:
            self.refresh()  # says what no longer fits
        try:
            return self.reader.read(pages)
        except StaleSchema as error:
            raise self._unclear() from error

    def with_key(self) -> dict[str, Any]:
        """The condition that a row has an external id."""
        return self._on_key("is_not_empty", True)

    def _on_key(self, operator: str, value: Any) -> dict[str, Any]:
        name = self._options.key_property
        return {"property": name, self.source.properties[name].kind: {operator: value}}

    def _take(self, source: DataSource) -> None:
        self._source = source
        names = [one.name for one in self._owned if source.properties[one.name].kind in WITH_OPTIONS]
        spelling = {name: source.spelling(name) for name in names}
        self._reader = Reader(source, self._options.key_property, self._owned, self._store, spelling)

    def _ask(self) -> DataSource:
        source = self._found(self._source_id())
        wrong = list(schema.problems(source, self._options.key_property, self._owned))
        if wrong:
            raise unfit(self.reference, wrong)
        self.confirmed = self.confirmed_by_asking = True
        with contextlib.suppress(HostError):  # without a memory the next run asks again
            host.atomic_write(self._kept, json.dumps({"of": self._about, **schema.kept(source)}).encode())
        return source

    def _found(self, source: str) -> DataSource:
        try:
            return self._api.data_source(source)
        except SyncError as error:
            raise self.worded(error) from error

    def _source_id(self) -> str:
        """Which of the database's data sources is meant."""
        wanted = self._options.data_source
        with contextlib.suppress(BadValue):
            return identifier(wanted)
        try:
            found = self._api.data_sources(self._database)
        except SyncError as error:
            raise self.worded(error) from error
        names = ", ".join(repr(name) for _, name in found)
        if wanted:
            found = [one for one in found if one[1] == wanted]
            if not found:
                hint = f"data_source: one of {names}"
                raise no_database(self.reference, f"it has no data source {wanted!r}", hint)
        if len(found) != 1:
            why = f"it has {len(found)} data sources: {names}" if found else "it has no data source"
            raise no_database(self.reference, why, "name one of them: `data_source` under `remote`")
        return found[0][0]

    @property
    def reference(self) -> str:
        """The database as the file names it, and never its id."""
        with contextlib.suppress(BadValue):
            identifier(self._options.database)
            return "the database of the file"
        return str(self._options.database) if "/" not in self._options.database else "the database of the file"

    def worded(self, error: SyncError) -> SyncError:
        """The error, in words for a database where that is what is missing."""
        if error.code != "E-SERVICE-GONE":
            return error
        why = "there is no such database, or it is not shared with the integration"
        hint = (
            "open it in Notion, add the integration under its menu > Connections, and compare the id with its address"
        )
        return no_database(self.reference, why, hint)

    def _unclear(self) -> SyncError:
        return unfit(self.reference, ["its rows have other properties than it says itself; it was changed just now"])

    def _remember(self) -> DataSource | None:
        try:
            found = json.loads(self._kept.read_bytes())
            return schema.read(found) if found["of"] == self._about else None
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            return None
