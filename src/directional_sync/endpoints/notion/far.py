"""Rows as they are on the far side, made of the pages that the service sends."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from directional_sync.core.strict_json import dump
from directional_sync.endpoints.notion.complaints import malformed
from directional_sync.endpoints.notion.schema import DataSource, Owned
from directional_sync.endpoints.notion.values import Plain, Unreadable, plain_text, seen, text
from directional_sync.model.snapshot import ABSENT, FILE, Entry

_AT_ONCE = 5_000
Store = Callable[[Sequence[bytes]], list[str]]
"""Stores contents; answers their digests."""


class StaleSchema(Exception):
    """A page has other properties than the data source was thought to have."""


@dataclass(frozen=True, slots=True)
class Far:
    """One row."""

    id: str
    url: str
    entry: Entry

    @property
    def facts(self) -> dict[str, str]:
        return {"id": self.id, "url": self.url}


@dataclass
class Look:
    """All rows that have an external id, as one look has found them."""

    rows: dict[str, Far] = field(default_factory=dict)
    """By external id."""
    twice: dict[str, list[Far]] = field(default_factory=dict)
    """External ids that several rows have; which of them stands under `rows` means nothing."""
    clashes: dict[str, tuple[str, str]] = field(default_factory=dict)
    """External ids that appeared a second time after the look, with both addresses."""

    def at(self, external: str) -> Entry:
        row = self.rows.get(external)
        return row.entry if row is not None else ABSENT


@dataclass(frozen=True)
class Reader:
    """Makes rows of pages: `owned` properties of one data source, compared by `key_property`."""

    source: DataSource
    key_property: str
    owned: tuple[Owned, ...]
    store: Store = field(repr=False)
    spelling: Mapping[str, dict[str, str]]
    """Property -> option in small letters -> as Notion spells it; what pages show is added."""

    def look(self, pages: Iterable[Mapping[str, Any]]) -> Look:
        """Raises StaleSchema and RemoteError E-NOTION-SHAPE."""
        found: dict[str, tuple[str, Far]] = {}
        some: list[Mapping[str, Any]] = []
        for page in pages:
            some.append(self._stripped(page))
            if len(some) >= _AT_ONCE:
                found |= {row.id: (key, row) for key, row in self.read(some)}
                some = []
        found |= {row.id: (key, row) for key, row in self.read(some)}
        look = Look()
        for key, row in found.values():
            look.twice.setdefault(key, []).append(row)
        look.rows = {key: some[0] for key, some in look.twice.items()}
        look.twice = {key: some for key, some in look.twice.items() if len(some) > 1}
        return look

    def read(self, pages: Sequence[Mapping[str, Any]]) -> list[tuple[str, Far]]:
        """External id and row of each page that has an id and is not in the trash."""
        here = [(key, page) for page in pages if not trashed(page) and (key := self.key_of(page))]
        plains = [self._plain(page) for _, page in here]
        digests = iter(self.store([dump(plain) for plain in plains if not isinstance(plain, str)]))
        return [
            (key, Far(str(page["id"]), str(page.get("url") or page["id"]), _entry(plain, digests)))
            for (key, page), plain in zip(here, plains, strict=True)
        ]

    def key_of(self, page: Mapping[str, Any]) -> str:
        """ "" when it has none. Raises StaleSchema when it has no such property."""
        found = page["properties"].get(self.key_property)
        kind = self.source.properties[self.key_property].kind
        if not isinstance(found, Mapping) or found.get("type") != kind:
            raise StaleSchema
        try:
            return text(plain_text(found[kind])) or ""
        except (LookupError, TypeError, AttributeError) as error:
            raise malformed(f"{self.key_property} of page {page['id']}", str(error)) from error

    def _stripped(self, page: Mapping[str, Any]) -> dict[str, Any]:
        """Only what is needed of a page, so that not everything that came has to be kept in memory."""
        names = {self.key_property, *(one.name for one in self.owned)}
        properties = {name: value for name, value in page["properties"].items() if name in names}
        flags = {name: page[name] for name in ("id", "url", "in_trash", "archived") if name in page}
        return {**flags, "properties": properties}

    def _plain(self, page: Mapping[str, Any]) -> dict[str, Plain] | str:
        """The plain values of the owned properties, or why they cannot be looked at."""
        plain: dict[str, Plain] = {}
        for one in self.owned:
            found = page["properties"].get(one.name)
            if not isinstance(found, Mapping) or found.get("type") != self.source.properties[one.name].kind:
                raise StaleSchema
            try:
                value = plain[one.name] = seen(found)
            except Unreadable as error:
                return f"{one.name}: {error}"
            except (LookupError, TypeError, AttributeError, ValueError) as error:
                raise malformed(f"{one.name} of page {page['id']}", f"{type(error).__name__} {error}") from error
            if one.name in self.spelling and value:
                for name in value if isinstance(value, list) else [str(value)]:
                    self.spelling[one.name][name.casefold()] = name
        return plain


def _entry(plain: dict[str, Plain] | str, digests: Any) -> Entry:
    return Entry(unreadable=plain) if isinstance(plain, str) else Entry(next(digests), FILE)


def trashed(page: Mapping[str, Any]) -> bool:
    return bool(page.get("in_trash") or page.get("archived"))
