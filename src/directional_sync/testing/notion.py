"""A stand-in for Notion's API, for tests and the demonstration: stateful, strict about what it is asked, and giving
back values in the forms that Notion gives them.

    board = NotionBoard()
    database = board.database("Tasks", {"Name": "title", "External ID": "rich_text", "Status": "select"})
    with NotionService(board) as service: ...     # service.url, board.token, database

It knows what is needed to read and write rows: databases, data sources, queries with the filters used here, pages.
`lag` says for how many seconds a query does not show a write yet; pages asked for by id are always up to date.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from directional_sync.testing.notion_values import KINDS, Invalid, check_blocks, stored
from directional_sync.testing.service import Asked, LoopbackService, Told

VERSIONS = ("2025-09-03", "2026-03-11")
BYTES_MAX = 500_000
_CAPPED = "query_result_limit_reached"


@dataclass
class Version:
    """A page at one time."""

    properties: dict[str, Any]
    in_trash: bool
    edited_at: float
    visible_at: float
    """When queries begin to show it."""


@dataclass
class Page:
    id: str
    source: str
    created_at: float
    versions: list[Version]
    children: list[Any] = field(default_factory=list)

    @property
    def now(self) -> Version:
        return self.versions[-1]


@dataclass
class Table:
    id: str
    name: str
    properties: dict[str, dict[str, Any]]
    """As a data source shows them."""


class Refused(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


class NotionBoard:
    """All that an integration can see, and the answers to its questions. `clock`: seconds since 1970."""

    def __init__(self, *, token: str = "ntn_stand_in", clock: Callable[[], float] = time.time) -> None:
        self.token = token
        self.clock = clock
        self.results_max = 10_000
        """What one query answers at most, over all its pages."""
        self.lag: Callable[[], float] = lambda: 0.0
        self.databases: dict[str, list[Table]] = {}
        self.pages: dict[str, Page] = {}
        self.writes: list[tuple[str, str]] = []
        """("create" | "update", page id) of every write that was carried out."""
        self._ids = 0

    # what people do

    def database(self, name: str, properties: Mapping[str, Any], *, sources: tuple[str, ...] = ()) -> str:
        """Makes one and answers its id. `properties`: name -> type, or for options a pair of type and their names.
        `sources`: names of its data sources, which have the same properties; one with the name of the database where
        none is named."""
        tables = [Table(self._id(), title, _columns(properties)) for title in sources or (name,)]
        database = self._id()
        self.databases[database] = tables
        return database

    def table(self, database: str, index: int = 0) -> Table:
        return self.databases[database][index]

    def add(self, database: str, values: Mapping[str, Any], *, index: int = 0) -> str:
        """A page that somebody makes; `values` as the API takes them. Answers its id."""
        return self._create(self.table(database, index), values, []).id

    def edit(self, page: str, values: Mapping[str, Any]) -> None:
        """Somebody changes properties; `values` as the API takes them."""
        found = self.pages[page]
        self._write(found, values, found.now.in_trash)

    def trash(self, page: str, *, restore: bool = False) -> None:
        self._write(self.pages[page], {}, not restore)

    def rows(self, database: str, key_property: str = "External ID") -> dict[str, list[Page]]:
        """External id -> pages that have it and are not in the trash."""
        found: dict[str, list[Page]] = {}
        sources = {table.id for table in self.databases[database]}
        for page in self.pages.values():
            key = text(page.now.properties[key_property]) if page.source in sources and not page.now.in_trash else ""
            if key:
                found.setdefault(key, []).append(page)
        return found

    def row(self, database: str, key: str) -> Page:
        """The only one with this external id."""
        [page] = self.rows(database)[key]
        return page

    # what the API does

    def answer(self, asked: Asked) -> Told:
        try:
            self._admit(asked)
            return Told.json(self._route(asked))
        except Refused as error:
            return _error(error.status, error.code, error.message)
        except Invalid as error:
            return _error(400, "validation_error", str(error))

    def _admit(self, asked: Asked) -> None:
        if asked.headers.get("authorization") != f"Bearer {self.token}":
            raise Refused(401, "unauthorized", "API token is invalid.")
        version = asked.headers.get("notion-version", "")
        if not version:
            raise Refused(400, "missing_version", "Notion-Version header should be defined")
        if version not in VERSIONS:
            raise Refused(400, "validation_error", f"Notion-Version header {version} is not a valid version")
        if len(asked.body) > BYTES_MAX:
            raise Refused(413, "validation_error", "the body is too large")

    def _route(self, asked: Asked) -> Any:
        match (asked.method, *asked.path.strip("/").split("/")):
            case ("GET", "v1", "databases", database):
                return self._database(database)
            case ("GET", "v1", "data_sources", source):
                table = self._table(source)
                return {"object": "data_source", "id": table.id, "name": table.name, "properties": table.properties}
            case ("POST", "v1", "data_sources", source, "query"):
                return self._query(self._table(source), asked.json)
            case ("GET", "v1", "pages", page):
                return self._page(self._found(page))
            case ("POST", "v1", "pages"):
                return self._post(asked.json)
            case ("PATCH", "v1", "pages", page):
                return self._patch(self._found(page), asked.json)
        raise Refused(400, "invalid_request_url", "Invalid request URL.")

    def _database(self, database: str) -> Any:
        tables = self.databases.get(database)
        if tables is None:
            why = f"Could not find database with ID: {database}. Make sure it is shared with your integration."
            raise Refused(404, "object_not_found", why)
        sources = [{"id": table.id, "name": table.name} for table in tables]
        return {"object": "database", "id": database, "data_sources": sources, "in_trash": False}

    def _table(self, source: str) -> Table:
        for tables in self.databases.values():
            for table in tables:
                if table.id == source:
                    return table
        raise Refused(404, "object_not_found", f"Could not find data_source with ID: {source}.")

    def _found(self, page: str) -> Page:
        if page not in self.pages:
            raise Refused(404, "object_not_found", f"Could not find page with ID: {page}.")
        return self.pages[page]

    def _query(self, table: Table, body: Mapping[str, Any]) -> Any:
        if unknown := set(body) - {"filter", "sorts", "start_cursor", "page_size", "in_trash", "result_type"}:
            raise Invalid(f"body failed validation: {sorted(unknown)} should be not present")
        size = body.get("page_size", 100)
        if not isinstance(size, int) or not 1 <= size <= 100:
            raise Invalid("body.page_size should be between 1 and 100")
        shown = [
            (page, version)
            for page in self.pages.values()
            if page.source == table.id and (version := self._visible(page)) is not None and not version.in_trash
        ]
        if sorts := body.get("sorts"):
            if sorts != [{"timestamp": "created_time", "direction": "ascending"}]:
                raise Invalid("this stand-in sorts by created_time only")
            shown.sort(key=lambda item: item[0].created_at)
        met = [item for item in shown if "filter" not in body or self._meets(*item, body["filter"], table)]
        cut = len(met) > self.results_max
        met = met[: self.results_max]
        start = 0
        if "start_cursor" in body:
            ids = [page.id for page, _ in met]
            if body["start_cursor"] not in ids:
                raise Invalid("The start_cursor provided is invalid.")
            start = ids.index(body["start_cursor"])
        some = met[start : start + size]
        more = start + size < len(met)
        return {
            "object": "list",
            "type": "page_or_data_source",
            "results": [self._page(page, version) for page, version in some],
            "has_more": more,
            "next_cursor": met[start + size][0].id if more else None,
            **({"request_status": {"type": "incomplete", "incomplete_reason": _CAPPED}} if cut else {}),
        }

    def _visible(self, page: Page) -> Version | None:
        now = self.clock()
        return next((version for version in reversed(page.versions) if version.visible_at <= now), None)

    def _meets(self, page: Page, version: Version, given: Mapping[str, Any], table: Table) -> bool:
        match given:
            case {"and": parts}:
                return all(self._meets(page, version, part, table) for part in parts)
            case {"timestamp": "last_edited_time", "last_edited_time": {"on_or_after": moment}}:
                return bool(_stamp(version.edited_at) >= moment)
            case {"timestamp": "created_time", "created_time": {"on_or_after": moment}}:
                return bool(_stamp(page.created_at) >= moment)
            case {"property": name, **conditions}:
                kind = table.properties.get(name, {}).get("type")
                if kind is None:
                    raise Invalid(f"Could not find property with name or id: {name}")
                if list(conditions) != [kind]:
                    raise Invalid(f"database property {kind} does not match filter {list(conditions)}")
                there = text(version.properties[name])
                match conditions[kind]:
                    case {"is_not_empty": True}:
                        return there != ""
                    case {"equals": wanted}:
                        return bool(there.casefold() == wanted.casefold())
        raise Invalid(f"body.filter is not understood: {json.dumps(given)}")

    def _post(self, body: Mapping[str, Any]) -> Any:
        if body["parent"].get("type") != "data_source_id":
            raise Invalid("body.parent should be a data_source_id")
        children = body.get("children", [])
        check_blocks(children)
        page = self._create(self._table(body["parent"]["data_source_id"]), body["properties"], children)
        self.writes.append(("create", page.id))
        return self._page(page)

    def _patch(self, page: Page, body: Mapping[str, Any]) -> Any:
        if unknown := set(body) - {"properties", "in_trash", "icon", "cover"}:
            raise Invalid(f"body failed validation: {sorted(unknown)} should be not present")
        if page.now.in_trash and body.get("in_trash") is not False:
            raise Invalid("Can't edit block that is archived. You must unarchive the block before editing.")
        self._write(page, body.get("properties", {}), bool(body.get("in_trash", page.now.in_trash)))
        self.writes.append(("update", page.id))
        return self._page(page)

    def _create(self, table: Table, values: Mapping[str, Any], children: list[Any]) -> Page:
        empty = {name: stored(about, KINDS[about["type"]]) for name, about in table.properties.items()}
        page = Page(self._id(), table.id, self.clock(), [], children)
        properties = {**empty, **self._stored(table, values)}
        page.versions.append(self._version(properties, False))
        self.pages[page.id] = page
        return page

    def _write(self, page: Page, values: Mapping[str, Any], in_trash: bool) -> None:
        table = self._table(page.source)
        properties = {**page.now.properties, **self._stored(table, values)}
        visible = self._visible(page)
        page.versions = [
            version for version in page.versions if visible is None or version.visible_at >= visible.visible_at
        ]
        page.versions.append(self._version(properties, in_trash))

    def _version(self, properties: dict[str, Any], in_trash: bool) -> Version:
        now = self.clock()
        return Version(properties, in_trash, now, now + self.lag())

    def _stored(self, table: Table, values: Mapping[str, Any]) -> dict[str, Any]:
        found = {}
        for name, value in values.items():
            if name not in table.properties:
                raise Invalid(f"{name} is not a property that exists.")
            found[name] = stored(table.properties[name], value)
        return found

    def _page(self, page: Page, version: Version | None = None) -> Any:
        version = version or page.now
        properties = {
            name: {"id": about["id"], "type": about["type"], **version.properties.get(name, {})}
            for name, about in self._table(page.source).properties.items()
        }
        return {
            "object": "page",
            "id": page.id,
            "created_time": _stamp(page.created_at),
            "last_edited_time": _stamp(version.edited_at),
            "in_trash": version.in_trash,
            "parent": {"type": "data_source_id", "data_source_id": page.source},
            "url": f"https://www.notion.so/{page.id.replace('-', '')}",
            "properties": properties,
        }

    def _id(self) -> str:
        self._ids += 1
        bare = f"{self._ids * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128:032x}"
        return "-".join((bare[:8], bare[8:12], bare[12:16], bare[16:20], bare[20:]))


class NotionService(LoopbackService):
    """The stand-in on loopback."""

    def __init__(self, board: NotionBoard) -> None:
        self.board = board
        super().__init__()

    def answer(self, asked: Asked) -> Told:
        return self.board.answer(asked)

    def count(self, method: str, part: str = "") -> int:
        """How many requests of this method were heard whose path has this part."""
        return sum(asked.method == method and part in asked.path for asked in self.heard)


def text(value: Mapping[str, Any]) -> str:
    """The text of a stored title or rich text."""
    return "".join(run["plain_text"] for run in value.get("rich_text", value.get("title", [])))


def _columns(properties: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: dict(_column(number, said)) for number, (name, said) in enumerate(properties.items())}


def _column(number: int, said: Any) -> Iterator[tuple[str, Any]]:
    kind, options = (said, ()) if isinstance(said, str) else said
    yield "id", "title" if kind == "title" else f"p%3A{number}"
    yield "type", kind
    named = kind in ("select", "multi_select", "status")
    yield kind, {"options": [{"id": f"o{at}", "name": name} for at, name in enumerate(options)]} if named else {}


def _stamp(at: float) -> str:
    """As Notion says when something was edited: to the minute."""
    return time.strftime("%Y-%m-%dT%H:%M:00.000Z", time.gmtime(at))


def _error(status: int, code: str, message: str) -> Told:
    return Told.json({"object": "error", "status": status, "code": code, "message": message}, status)
