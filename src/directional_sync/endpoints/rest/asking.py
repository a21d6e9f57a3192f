"""What is asked for, page by page, and with which credential."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode, urlsplit

from directional_sync.endpoints.rest import paths
from directional_sync.endpoints.rest.paths import Path
from directional_sync.endpoints.rest.shape import How, Style
from directional_sync.service.client import Service

if TYPE_CHECKING:
    from directional_sync.endpoints.rest.options import RestOptions

_PARAMS = {Style.PAGE: "page", Style.OFFSET: "offset"}
_SIZES = {Style.PAGE: "per_page", Style.OFFSET: "limit"}


def service(options: RestOptions, secret: str) -> Service:
    """Who is asked."""
    parts = urlsplit(options.url)
    headers = {**options.headers, **(_credential(options, secret) if secret else {})}
    return Service(f"{parts.scheme}://{parts.netloc}", headers, options.token)


def _credential(options: RestOptions, secret: str) -> dict[str, str]:
    auth = options.auth
    if auth.scheme == "header":
        return {auth.name: f"{auth.prefix}{secret}"}
    if auth.scheme == "basic":
        return {"Authorization": "Basic " + base64.b64encode(f"{auth.user}:{secret}".encode()).decode()}
    return {"Authorization": f"Bearer {secret}"}


def said(options: RestOptions) -> How:
    """What the options say about answers; what they leave open is found out from the first one."""
    pagination = options.pagination
    header = options.total or ""
    by_header = header.lower().startswith("header:")
    return How(
        style=Style.NONE if pagination.style == "auto" else Style(pagination.style),
        items=_path(options.items) or (),
        total=None if by_header else _path(options.total),
        total_header=header.partition(":")[2].strip().lower() if by_header else "",
        next=_path(pagination.next),
        more=_path(pagination.more),
        after=_path(pagination.after),
        param=pagination.param,
    )


def _path(text: str | None) -> Path | None:
    return paths.parse(text) if text else None


def first(options: RestOptions) -> str:
    """The URL of the first page."""
    counts = _counting(options)
    return _with(options.url, {**_query(options), **({} if counts is None else _counted(options, counts, 0, 0))})


def following(options: RestOptions, how: How, to: str, pages: int, delivered: int) -> str:
    """The URL of the page after `pages` pages with `delivered` items. `to`: what the last of them names."""
    if how.style in (Style.LINK, Style.NEXT_URL):
        return to
    if how.style is Style.CURSOR:
        return _with(options.url, {**_query(options), how.param: to})
    return _with(options.url, {**_query(options), **_counted(options, how.style, pages, delivered)})


def _counting(options: RestOptions) -> Style | None:
    return Style(options.pagination.style) if options.pagination.style in ("page", "offset") else None


def _counted(options: RestOptions, style: Style, pages: int, delivered: int) -> dict[str, str]:
    pagination = options.pagination
    number = pagination.first + pages if style is Style.PAGE else delivered
    size = {pagination.per_page_param or _SIZES[style]: str(pagination.per_page)} if pagination.per_page else {}
    return {pagination.param or _PARAMS[style]: str(number), **size}


def _query(options: RestOptions) -> dict[str, str]:
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in options.query.items()
    }


def _with(url: str, query: Mapping[str, str]) -> str:
    if not query:
        return url
    return url + ("&" if urlsplit(url).query else "?") + urlencode(query, quote_via=quote)
