"""What one answer of a paged list says: its items, how many there are altogether, and whether more follows.

Whether more follows is one of three: *more* and where, *end* because it says so, or *silent*. That nothing is said is
not an end: a field that was renamed, or a header that a proxy took away, says nothing as well.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any
from urllib.parse import urljoin

from directional_sync.core.strict_json import Number
from directional_sync.endpoints.rest.complaints import SHAPE, complaint
from directional_sync.endpoints.rest.paths import MISSING, Path, get, parse, shown, there
from directional_sync.errors import SyncError

_NAMES_SHOWN = 12


class Style(StrEnum):
    """How the next page is asked for."""

    NONE = "none"
    """There is one answer."""
    PAGE = "page"
    """By its number."""
    OFFSET = "offset"
    """By how many items were delivered."""
    CURSOR = "cursor"
    """By what the answer before, or the last item in it, names."""
    LINK = "link"
    """At the URL in the header `Link`."""
    NEXT_URL = "next_url"
    """At the URL in the answer before."""


class End(StrEnum):
    MORE = "more"
    END = "end"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class How:
    """Where in an answer things stand."""

    style: Style
    items: Path
    total: Path | None = None
    """None: it says no total, or in a header."""
    total_header: str = ""
    """In lower case."""
    next: Path | None = None
    """URL or cursor."""
    more: Path | None = None
    """True or false."""
    after: Path | None = None
    """In the last item: the cursor."""
    param: str = ""
    """The name of the query parameter that the cursor goes into."""


@dataclass(frozen=True, slots=True)
class Page:
    """One answer, as it is understood."""

    items: list[Any] = field(repr=False)
    end: End
    to: str = field(default="", repr=False)
    """With MORE: the URL or cursor of the next page; "" where the style counts."""
    total: int | None = None
    whole: bool = False
    """The answer itself is the list, and nothing but it."""


def read(value: Any, headers: Mapping[str, str], how: How, url: str) -> Page:
    """What the answer from `url` says. Raises SyncError E-REST-SHAPE, with the path of what is not as it must be."""
    total = _total(value, headers, how)
    found = get(value, how.items)
    if (found is MISSING or found is None) and total == 0:
        found = []  # some services leave empty lists out
    if not isinstance(found, list):
        raise _wrong(value, how.items, "a list")
    end, to = _end(value, headers, how, found, url)
    return Page(found, end, to, total, whole=not how.items)


def _total(value: Any, headers: Mapping[str, str], how: How) -> int | None:
    if how.total_header:
        text = headers.get(how.total_header, "").strip()
        if not (text.isascii() and text.isdigit()) or len(text) > 18:
            raise complaint(SHAPE, f"the header {how.total_header} must say how many items there are, not {text!r}")
        return int(text)
    if how.total is None:
        return None
    found = get(value, how.total)
    if isinstance(found, bool) or not isinstance(found, int) or found < 0:
        raise _wrong(value, how.total, "a number of items")
    return found


def _end(value: Any, headers: Mapping[str, str], how: How, items: list[Any], url: str) -> tuple[End, str]:
    more = _more(value, how)
    if how.style in (Style.NEXT_URL, Style.CURSOR, Style.LINK):
        said, to = _next(value, headers, how, items, url)
        if more is False:
            return End.END, ""
        if more is True and said is not End.MORE:
            raise _wrong(value, how.next or how.more or (), "a cursor or URL, since the answer says that more follows")
        return said, to
    if how.style is Style.NONE and (_linked(headers.get("link", ""), url)[0] is End.MORE or _named_url(value)):
        return End.MORE, ""  # whatever the file says
    if more is None:
        return End.SILENT, ""
    return (End.MORE if more else End.END), ""


def _more(value: Any, how: How) -> bool | None:
    if how.more is None:
        return None
    found = get(value, how.more)
    if not isinstance(found, bool):
        raise _wrong(value, how.more, "true or false")
    return found


def _next(value: Any, headers: Mapping[str, str], how: How, items: list[Any], url: str) -> tuple[End, str]:
    if how.style is Style.LINK:
        return _linked(headers.get("link", ""), url)
    if how.after is not None:
        return (End.MORE, _cursor(items[-1], how.after)) if items else (End.END, "")
    assert how.next is not None
    found = get(value, how.next)
    if found is MISSING:
        return End.SILENT, ""
    if found is None or found is False or found == "":
        return End.END, ""
    if how.style is Style.CURSOR:
        return End.MORE, _cursor(value, how.next)
    if not isinstance(found, str):
        raise _wrong(value, how.next, "a URL")
    return End.MORE, urljoin(url, found)


def _cursor(value: Any, path: Path) -> str:
    found = get(value, path)
    if isinstance(found, bool) or not isinstance(found, str | int) or found == "":
        raise _wrong(value, path, "a cursor: text or a whole number")
    return str(found)


def _linked(header: str, url: str) -> tuple[End, str]:
    """RFC 8288. A header that names other relations but no next one says that this is the last page."""
    links: dict[str, str] = {}
    for target, parameters in re.findall(r"<([^>]*)>((?:\s*;\s*[^,;\s=]+\s*=\s*(?:\"[^\"]*\"|[^,;\s]+))*)", header):
        found = re.search(r"(?i);\s*rel\s*=\s*(?:\"([^\"]*)\"|([^\s,;]+))", parameters)
        for relation in ((found[1] or found[2] or "") if found else "").lower().split():
            links.setdefault(relation, target)
    if "next" in links:
        return End.MORE, urljoin(url, links["next"])
    return (End.END, "") if links.keys() & {"prev", "previous", "first", "last"} else (End.SILENT, "")


def _wrong(value: Any, path: Path, wanted: str) -> SyncError:
    """`path` is not what it must be. Says what is there instead, by its kind, never by its content."""
    found = get(value, path)
    if found is not MISSING:
        return complaint(SHAPE, f"{shown(path)} must be {wanted}, and is {kind(found)}")
    near = there(value, path)
    around = get(value, near)
    names = f", which has {_listed(around)}" if isinstance(around, dict) else f", which is {kind(around)}"
    return complaint(SHAPE, f"{shown(path)} must be {wanted}, and is not in {shown(near)}{names}")


def kind(value: Any) -> str:
    """What sort of JSON it is, in words."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return "text" if value else "empty text"
    if isinstance(value, int | float | Number):
        return "a number"
    return "a list" if isinstance(value, list) else "an object"


def _listed(members: Mapping[str, Any]) -> str:
    names = sorted(members)
    shown_names = ", ".join(names[:_NAMES_SHOWN]) + (", ..." if len(names) > _NAMES_SHOWN else "")
    return shown_names or "no members"


# What is found out from the first answer, where the file does not say it.

_TOTALS = (
    "meta.total", "meta.total_count", "meta.pagination.total", "meta.page.total", "total", "total_count", "totalCount",
    "totalResults", "pagination.total", "pagination.total_count", "paging.total", "page.totalElements", "count",
)  # fmt: skip
_TOTAL_HEADERS = ("x-total-count", "x-total", "total-count", "x-pagination-total-count")
_URLS = (
    "links.pages.next", "links.next", "next", "next_url", "nextUrl", "next_page_url", "paging.next", "pagination.next",
    "pagination.next_url", "meta.next", "_links.next.href", "links.next.href", "@odata\\.nextLink", "nextLink",
)  # fmt: skip
_CURSORS = (
    # (cursor, whether more follows, the parameter that it goes into)
    ("next_cursor", "has_more", "start_cursor"),
    ("response_metadata.next_cursor", "", "cursor"),
    ("meta.next_cursor", "", "cursor"),
    ("pagination.next_cursor", "", "cursor"),
    ("paging.cursors.after", "", "after"),
    ("next_cursor", "", "cursor"),
    ("nextCursor", "", "cursor"),
    ("nextPageToken", "", "pageToken"),
    ("next_page_token", "", "page_token"),
    ("nextToken", "", "nextToken"),
)
_FLAGS = ("has_more", "hasMore", "has_next", "meta.has_more", "pagination.has_more")


def items_path(value: Any) -> Path:
    """Where the only list of the answer is. Raises SyncError E-REST-SHAPE when that is not clear."""
    if isinstance(value, list):
        return ()
    lists = [name for name, item in value.items() if isinstance(item, list)] if isinstance(value, dict) else []
    if len(lists) == 1:
        return (lists[0],)
    if not lists:
        what = f"an object with {_listed(value)}" if isinstance(value, dict) else kind(value)
        raise complaint(SHAPE, f"the answer holds no list: it is {what}", hint="name the list's path: `items`")
    raise complaint(
        SHAPE, f"the answer holds {len(lists)} lists: {_listed(dict.fromkeys(lists))}", hint="name one of them: `items`"
    )


def detect(value: Any, headers: Mapping[str, str], said: How, *, style: bool, items: bool, total: bool) -> How:
    """`said`, completed by what the first answer looks like. The flags tell which of them the file has fixed. What the
    file has named itself stays as it is."""
    how = said if items else replace(said, items=items_path(value))
    if not total:
        how = _with_total(value, headers, how)
    if not style:
        return _styled(value, headers, how)
    if how.style is Style.NEXT_URL and how.next is None:
        return replace(how, next=_url_path(value) or ("next",))
    if how.style is Style.CURSOR and how.next is None and how.after is None:
        return _with_cursor(value, how) or replace(how, next=("next_cursor",), param=how.param or "cursor")
    return how


def _with_total(value: Any, headers: Mapping[str, str], how: How) -> How:
    for name in _TOTALS:
        found = get(value, parse(name))
        if isinstance(found, int) and not isinstance(found, bool) and found >= 0:
            # `count` is the number of all in some services and of those on this page in others.
            here = get(value, how.items)
            if name == "count" and isinstance(here, list) and found == len(here):
                continue
            return replace(how, total=parse(name))
    for header in _TOTAL_HEADERS:
        if headers.get(header, "").strip().isdigit():
            return replace(how, total_header=header)
    return how


def _styled(value: Any, headers: Mapping[str, str], how: How) -> How:
    if "link" in headers and _linked(headers["link"], "")[0] is not End.SILENT:
        return replace(how, style=Style.LINK)
    url = _url_path(value)
    if url is not None:
        return replace(how, style=Style.NEXT_URL, next=url)
    cursor = _with_cursor(value, how)
    if cursor is not None:
        return cursor
    flag = next((parse(name) for name in _FLAGS if isinstance(get(value, parse(name)), bool)), None)
    return replace(how, style=Style.NONE, more=how.more or flag)


def _named_url(value: Any) -> bool:
    """Whether the answer names the URL of a next page at one of the usual places."""
    return any(
        isinstance(found, str) and re.match(r"(?:https?:/)?/|\?", found)
        for found in (get(value, parse(name)) for name in _URLS)
    )


def _url_path(value: Any) -> Path | None:
    for name in _URLS:
        path = parse(name)
        found = get(value, path)
        if found is None or (isinstance(found, str) and re.match(r"(?:https?:/)?/|\?|\Z", found)):
            return path
    links = get(value, ("links",))
    pages = links.get("pages", {}) if isinstance(links, dict) else None
    return ("links", "pages", "next") if isinstance(pages, dict) and len(links) <= 1 else None


def _with_cursor(value: Any, how: How) -> How | None:
    for name, more, param in _CURSORS:
        found = get(value, parse(name))
        if found is None or (isinstance(found, str | int) and not isinstance(found, bool)):
            flag = get(value, parse(more)) if more else MISSING
            if more and not isinstance(flag, bool):
                continue
            return replace(
                how,
                style=Style.CURSOR,
                next=parse(name),
                more=how.more or (parse(more) if more else None),
                param=how.param or param,
            )
    return None
