"""The few questions that are put to Notion's API, and answers that have the shape they should have.

The version of the API stands here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from directional_sync.endpoints.notion import schema
from directional_sync.endpoints.notion.complaints import malformed, too_many_at_once
from directional_sync.endpoints.notion.schema import DataSource
from directional_sync.errors import SyncError
from directional_sync.service.client import Reply

VERSION = "2026-03-11"
PAGE_SIZE = 100
RESULTS_MAX = 10_000
_PAGE_SIZE_MIN = 5
_HEAVY = ("E-SERVICE-DOWN", "E-SERVICE-TIMEOUT", "E-SERVICE-CUT", "E-SERVICE-TOO-LARGE")
"""What a page that is too big for the service, or for the way, looks like."""
_BY_AGE = [{"timestamp": "created_time", "direction": "ascending"}]
"""An order in which no edit moves a row from one page to another while they are read."""


class Asking(Protocol):
    """What is needed of `service.client.Client`."""

    def ask(
        self,
        method: str,
        path: str,
        *,
        query: Sequence[tuple[str, str]] = (),
        body: Any = None,
        once: bool = False,
        sending: Callable[[], None] = lambda: None,
        final: Sequence[str] = (),
    ) -> Reply: ...

    @property
    def left_s(self) -> float: ...

    def close(self) -> None: ...


class Api:
    def __init__(self, client: Asking) -> None:
        self._client = client
        self.told_at = ""
        """When the last query was answered, by the service's clock: RFC 3339, UTC; "" while nobody knows."""

    @property
    def left_s(self) -> float:
        """Seconds that are left for questions."""
        return self._client.left_s

    def close(self) -> None:
        self._client.close()

    def data_sources(self, database: str) -> list[tuple[str, str]]:
        """Id and name of each data source of a database."""
        found = self._client.ask("GET", f"/v1/databases/{database}").value
        with _shaped("data_sources"):
            return [(str(one["id"]), str(one.get("name", ""))) for one in found["data_sources"]]

    def data_source(self, source: str) -> DataSource:
        found = self._client.ask("GET", f"/v1/data_sources/{source}").value
        with _shaped("properties"):
            return schema.read(found)

    def query(self, source: str, condition: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """All pages that meet the condition, the oldest first; complete, or an error. A page may come twice, and the
        later one counts."""
        since = ""
        while True:
            number, last, capped = 0, since, False
            for page, cut in self._window(source, _since(condition, since)):
                yield page
                number, capped = number + 1, capped or cut
                with _shaped("created_time"):
                    last = max(last, _text(page["created_time"]))
            # One query answers so many results at most, and then says that there are no more.
            if not capped and number < RESULTS_MAX:
                return
            if last <= since:
                raise too_many_at_once(last)
            since = last

    def _window(self, source: str, condition: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], bool]]:
        """The pages of one query as far as it goes, each with whether the service says that there would be more."""
        cursor, size, restarted = "", PAGE_SIZE, False
        cursors: set[str] = set()
        while True:
            body = {"filter": condition, "sorts": _BY_AGE, "page_size": size}
            try:
                pages, following, cut = self._listed(source, body | ({"start_cursor": cursor} if cursor else {}))
            except SyncError as error:
                if error.code in _HEAVY and size > _PAGE_SIZE_MIN:
                    size = max(_PAGE_SIZE_MIN, size // 4)
                elif error.code == "E-SERVICE-REFUSED" and cursor and not restarted:
                    cursor, cursors, restarted = "", set(), True  # cursors are good for a while only
                else:
                    raise
                continue
            yield from ((page, cut) for page in pages)
            if not following:
                return
            if following in cursors:
                raise malformed("next_cursor", "it leads in a circle")
            cursors.add(following)
            cursor, size = following, min(PAGE_SIZE, size * 2)

    def _listed(self, source: str, body: Mapping[str, Any]) -> tuple[list[Mapping[str, Any]], str, bool]:
        reply = self._client.ask("POST", f"/v1/data_sources/{source}/query", body=body)
        self.told_at = _date(reply.headers) or self.told_at
        return _listing(reply.value)

    def page(self, page: str) -> Mapping[str, Any]:
        return _page(self._client.ask("GET", f"/v1/pages/{page}").value)

    def create(self, body: Mapping[str, Any], sending: Callable[[], None]) -> Mapping[str, Any]:
        """Never sent twice; raises OutcomeUnknownError where nobody knows whether it was made."""
        return _page(self._client.ask("POST", "/v1/pages", body=body, once=True, sending=sending).value)

    def update(self, page: str, body: Mapping[str, Any], sending: Callable[[], None]) -> Mapping[str, Any]:
        """Sent again where no answer came: the second time it changes nothing. A conflict comes out at once."""
        path, final = f"/v1/pages/{page}", ["E-SERVICE-CONFLICT"]
        return _page(self._client.ask("PATCH", path, body=body, sending=sending, final=final).value)


def _date(headers: Mapping[str, str]) -> str:
    from datetime import UTC
    from email.utils import parsedate_to_datetime

    try:
        return parsedate_to_datetime(headers.get("date", "")).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, TypeError, OverflowError):
        return ""


def _since(condition: Mapping[str, Any], moment: str) -> Mapping[str, Any]:
    """The condition for those of its pages that were made at `moment` or later; "" for all."""
    if not moment:
        return condition
    later = {"timestamp": "created_time", "created_time": {"on_or_after": moment}}
    return {"and": [*condition.get("and", [condition]), later]}


def _listing(found: Any) -> tuple[list[Mapping[str, Any]], str, bool]:
    """The pages of one answer; where the next begins, "" after the last; and whether the service says that it has left
    some out."""
    with _shaped("results"):
        if not isinstance(found["results"], list):
            raise TypeError("results is no list")
        pages = [_page(one) for one in found["results"] if one["object"] == "page"]
        cut = (found.get("request_status") or {}).get("type", "complete") != "complete"
        if not isinstance(found["has_more"], bool):
            raise TypeError("has_more is neither true nor false")
        if not found["has_more"]:
            return pages, "", cut
        return pages, _text(found["next_cursor"]), cut


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError("it is no text")
    return value


def _page(found: Any) -> Mapping[str, Any]:
    with _shaped("page"):
        if found["object"] != "page" or not isinstance(found["id"], str) or not isinstance(found["properties"], dict):
            raise TypeError("it is no page with an id and properties")
        page: Mapping[str, Any] = found
        return page


@contextmanager
def _shaped(where: str) -> Iterator[None]:
    """Turns what Python says of an answer with another shape into an error that says where."""
    try:
        yield
    except (LookupError, TypeError, AttributeError, ValueError) as error:
        why = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise malformed(where, why) from error
