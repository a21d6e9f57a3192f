"""Names of repositories from a list that is kept elsewhere: a file, or an organisation's listing over HTTPS.

A list that lacks a name says that this repository is not vendored any more, and `dsync prune` removes its files. So
nothing is taken for a list unless it is one in full: an error page, an answer that may be cut, a page that may have a
successor, a listing that changed while it was read are all refused, and the names stay as they were.

Formats. *Text*: one name a line, `#` begins a comment. *JSON*: a list of names, or of objects with a `name`, as GitHub,
Gitea and Forgejo list an organisation's repositories. *YAML*: the same two, or a mapping whose keys are the names
(`./name` too), as git-aggregator has it, also below the single key `repositories`, as vcstool has it.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from urllib.parse import SplitResult, parse_qs, urljoin, urlsplit

from directional_sync.core.hosts import is_loopback
from directional_sync.errors import CredentialError, HostError, RemoteError, SyncError
from directional_sync.system.http import Answer, Fault, Unanswered
from directional_sync.upstream.addresses import BadAddress, check_name, shown
from directional_sync.upstream.remotes import Remotes

BYTES_MAX = 1_000_000
NAMES_MAX = 5_000
PAGES_MAX = 50
KEPT = "the list stays as it was, and so does what was vendored"
_PAGE_S = 60.0
_DEPTH_MAX = 20
_TOLD_MAX = 5
_HEADERS = {
    "User-Agent": "directional-sync",
    "Accept": "application/json, text/plain, application/yaml;q=0.9, */*;q=0.1",
}
_SECRET_KEYS = ("access_token", "private_token", "token", "api_key", "apikey", "key", "secret", "password")
_LINK = re.compile(r"<([^<>]*)>([^<]*)")
_REL = re.compile(r';\s*rel\s*=\s*"?([^",;]*)', re.IGNORECASE)
_COUNTS = ("x-total-count", "x-total")
_PAGE_SIZES = ("per_page", "limit", "page_size", "pagelen")


# Reading a list


def names(content: bytes, where: str) -> tuple[str, ...]:
    """The names in `content`, in its order; `where` says in messages where it is from, and by `.yaml`, `.yml` or
    `.json` at its end what it is. Raises RemoteError (HostError for a file): E-NAMES-EMPTY, E-NAMES-FORMAT."""
    if len(content) > BYTES_MAX:
        raise _unfit(where, f"it has {len(content):,} bytes, at most {BYTES_MAX:,} are read")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _unfit(where, f"byte {error.start + 1:,} is not UTF-8") from None
    found = list(_listed(text, where))
    if not found:
        raise _family(where)(
            "E-NAMES-EMPTY",
            f"{_place(where)} lists no repository",
            hint="to vendor nothing any more, remove the target from the file",
            kept=KEPT,
        )
    if len(found) > NAMES_MAX:
        raise _unfit(where, f"it has {len(found):,} names, at most {NAMES_MAX:,} are taken")
    _must_be_names(found, where)
    return tuple(name for _, name in found)


def _listed(text: str, where: str) -> Iterator[tuple[str, str]]:
    """(where in the list, name) of each, unchecked."""
    begin = text.lstrip()[:1]
    ending = where.partition("?")[0].rpartition(".")[2].lower()
    if begin == "<":
        raise _unfit(where, "it is a web page or XML")
    if ending in ("yaml", "yml"):
        return _from_yaml(text, where)
    if begin in ("[", "{") or ending == "json":
        return _from_json(text, where)
    lines = [re.split(r"(?:^|\s)#", line, maxsplit=1)[0].strip() for line in text.splitlines()]
    first = next((line for line in lines if line), "")
    if first.startswith(("- ", "---")) or first.endswith(":"):
        return _from_yaml(text, where)
    return ((f"line {number}", line) for number, line in enumerate(lines, 1) if line)


def _from_json(text: str, where: str) -> Iterator[tuple[str, str]]:
    try:
        data = json.loads(text)
    except RecursionError:
        raise _unfit(where, "it is nested too deeply") from None
    except ValueError as error:
        at = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise _unfit(where, f"it is not JSON in full{at}") from None
    if not isinstance(data, list):
        said = data.get("message") if isinstance(data, dict) else None
        raise _unfit(where, "it is not a list" + (f": {shown(said)}" if isinstance(said, str) else ""))
    for number, item in enumerate(data, 1):
        name = item.get("name") if isinstance(item, dict) else item
        if not isinstance(name, str):
            raise _unfit(where, f"item {number} is neither a name nor an object with a `name`")
        yield f"item {number}", name


def _from_yaml(text: str, where: str) -> Iterator[tuple[str, str]]:
    import yaml

    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    try:
        _must_be_flat(yaml.parse(text, Loader=loader), where)
        node = yaml.compose(text, Loader=loader)
    except yaml.MarkedYAMLError as error:
        at = f" (line {error.problem_mark.line + 1})" if error.problem_mark else ""
        raise _unfit(where, f"it is not YAML{at}") from None
    except yaml.YAMLError:
        raise _unfit(where, "it is not YAML") from None
    if isinstance(node, yaml.MappingNode) and len(node.value) == 1 and node.value[0][0].value == "repositories":
        node = node.value[0][1]
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            # A value beside a key is some other file, or what an API says of an error.
            if not isinstance(key, yaml.ScalarNode) or (isinstance(value, yaml.ScalarNode) and value.value):
                raise _unfit(where, f"line {key.start_mark.line + 1} is not a name with a mapping below it")
            yield f"line {key.start_mark.line + 1}", key.value.removeprefix("./")
        return
    if node is None or (isinstance(node, yaml.ScalarNode) and not node.value):
        return
    if not isinstance(node, yaml.SequenceNode):
        raise _unfit(where, "it is neither a list nor a mapping")
    for item in node.value:
        pairs = item.value if isinstance(item, yaml.MappingNode) else [(None, item)]
        named = [value for key, value in pairs if key is None or key.value == "name"]
        if len(named) != 1 or not isinstance(named[0], yaml.ScalarNode):
            raise _unfit(where, f"line {item.start_mark.line + 1} is neither a name nor a mapping with a `name`")
        yield f"line {item.start_mark.line + 1}", named[0].value


def _must_be_flat(events: Iterator[object], where: str) -> None:
    """Nothing that could grow or go deep: a list of names needs neither."""
    import yaml

    depth = documents = 0
    for event in events:
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        documents += isinstance(event, yaml.DocumentStartEvent)
        if depth > _DEPTH_MAX or documents > 1 or isinstance(event, yaml.AliasEvent):
            raise _unfit(where, "it is nested too deeply, has aliases or is more than one document")


def _must_be_names(found: Sequence[tuple[str, str]], where: str) -> None:
    wrong = []
    for at, name in found:
        try:
            check_name(name)
        except BadAddress as error:
            wrong.append(f"{at}: {shown(str(error))}")
    if wrong:
        raise _unfit(where, wrong[0], detail=wrong[1:_TOLD_MAX])
    twice = [name for name, times in Counter(name.casefold() for _, name in found).items() if times > 1]
    if twice:
        raise _unfit(where, f"names must differ, in more than case: {', '.join(twice[:_TOLD_MAX])}")


# Fetching a list


@dataclass(frozen=True, slots=True)
class _Page:
    content: bytes
    items: tuple[str, ...] | None
    """The names, when it is a JSON list."""
    next: str
    total: int | None
    """How many the host says there are on all pages."""


def check_url(url: str) -> None:
    """Raises BadAddress, with the reason, unless a list may be asked for at `url`: https, or http on this machine,
    without credentials."""
    if re.search(r"[\x00-\x20\x7f-\x9f\\]", url) or not url.isascii():
        raise BadAddress("a URL must not hold spaces, backslashes or other than plain characters")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise BadAddress("the URL cannot be read; is its port a number?") from None
    if parts.username is not None or parts.password is not None:
        raise BadAddress("the URL holds a user name or a password", "E-URL-CREDENTIALS")
    if any(key.lower() in _SECRET_KEYS for key in parse_qs(parts.query, keep_blank_values=True)):
        raise BadAddress("the URL holds a secret in its query", "E-URL-CREDENTIALS")
    if not (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))):
        raise BadAddress("a list is fetched by https:// (or http:// on this machine)")
    if not re.fullmatch(r"[\w:][\w.:-]*", host) or port == 0 or parts.fragment:
        raise BadAddress("the URL of a list names a host, and has no `#`")


def fetch(remotes: Remotes, url: str) -> bytes:
    """The list at `url`, complete, in a form that `names` reads; of a listing in pages all names together as one
    JSON list. Raises RemoteError, CredentialError: E-NAMES-FETCH when it cannot be had, E-NAMES-CUT when it may not
    be complete, E-NAMES-FORMAT when it is no list."""
    pages = _pages(remotes, url)
    first = pages[0]
    if first.items is None:
        return first.content
    found = _together(pages)
    total = {page.total for page in pages}
    if total != {None} and total != {len(found)}:
        said = " and ".join(f"{number:,}" for number in sorted(number for number in total if number is not None))
        raise _cut(url, f"the host says that there are {said or 'some'}, {len(found):,} came", retryable=True)
    if not pages[1:] and first.total is None and len(found) in _page_sizes(url):
        raise _cut(
            url,
            f"it holds {len(found):,} names, just as many as a page may have, and does not say whether there are more",
            hint="ask for pages of another size in the URL",
        )
    if len(set(found)) != len(found):
        raise _cut(url, "a name came on two pages: the listing changed while it was read", retryable=True)
    if pages[1:] and first.total is None and _together(_pages(remotes, url)) != found:
        # An item that leaves a page while the next one is asked for takes another with it, unseen.
        raise _cut(url, "the listing changed while it was read", retryable=True)
    return json.dumps(found).encode()


def _together(pages: Sequence[_Page]) -> list[str]:
    return [name for page in pages for name in page.items or ()]


def _pages(remotes: Remotes, url: str) -> list[_Page]:
    pages: list[_Page] = []
    following, seen = url, {url}
    while following:
        page = remotes.persist(partial(_page, remotes, following, url))
        pages.append(page)
        following = page.next
        if following and (page.items is None or following in seen):
            raise _cut(url, "it goes on in a way that cannot be followed")
        if following and len(pages) == PAGES_MAX:
            raise _cut(url, f"it has more than {PAGES_MAX} pages", hint="ask for larger pages in the URL")
        seen.add(following)
    return pages


def _page(remotes: Remotes, at: str, url: str) -> _Page:
    # Always without a credential first: a listing that holds private repositories only on some days would delete them
    # on the others.
    answer = _ask(remotes, at, "")
    if answer.status == 401 and (login := remotes.authorization(at, ask=True)):
        answer = _ask(remotes, at, login)
    if answer.status != 200:
        raise _refusal(answer, at)
    if "html" in answer.kind or "xml" in answer.kind:
        raise _unfit(url, f"a page for people came ({answer.kind})")
    items = None
    if answer.body.lstrip()[:1] in (b"[", b"{"):
        items = tuple(name for _, name in _from_json(answer.body.decode("utf-8", "replace"), url))
    elif not _has_length(answer.headers):
        raise _cut(url, "the host does not say how long it is, so that it could end early unseen")
    return _Page(answer.body, items, _next(answer.headers, at), _total(answer.headers))


def _ask(remotes: Remotes, at: str, login: str) -> Answer:
    headers = {**_HEADERS, **({"Authorization": login} if login else {})}
    try:
        return remotes.pool.ask("GET", at, headers=headers, timeout_s=min(_PAGE_S, remotes.left_s), bytes_max=BYTES_MAX)
    except Unanswered as error:
        if error.fault is Fault.TOO_LARGE:
            raise _unfit(at, f"more than {BYTES_MAX:,} bytes came") from error
        if error.fault is Fault.CUT:
            raise _cut(at, error.reason, retryable=True) from error
        lasting = error.fault in (Fault.TLS, Fault.UNSUPPORTED, Fault.GARBLED)
        raise _unhad(at, error.reason, retryable=not lasting) from error


def _refusal(answer: Answer, at: str) -> SyncError:
    status = answer.status
    if status in (301, 302, 303, 307, 308):
        place = _place(_joined(at, answer.headers.get("location", ""))) or "another place"
        return _unhad(at, f"it has moved to {place}", hint="if that is the same list, set `names_from` to it")
    limited = status == 403 and answer.headers.get("x-ratelimit-remaining") == "0"
    if status == 429 or status >= 500 or limited:
        return _unhad(at, f"the host is overloaded or limits how often it is asked (HTTP {status})", retryable=True)
    if status in (401, 403, 407):
        return CredentialError(
            "E-NAMES-FETCH",
            f"{_place(at)} asks who we are, and no credential was accepted (HTTP {status})",
            hint="give it a git credential helper for this host, or keep the list in a file of this repository",
            kept=KEPT,
        )
    return _unhad(at, f"HTTP {status}")


def _next(headers: Mapping[str, str], at: str) -> str:
    """The page that follows, "" for none. Raises RemoteError when it is elsewhere."""
    links = _LINK.findall(headers.get("link", ""))
    found = [to for to, about in links if any("next" in rel.lower().split() for rel in _REL.findall(about))]
    if not found:
        return ""
    following = _joined(at, found[0])
    try:
        check_url(following)
        same = _origin(urlsplit(following)) == _origin(urlsplit(at))
    except BadAddress:
        same = False
    if not same:
        raise _cut(at, f"its next page is elsewhere, at {_place(following)}")
    return following


def _joined(at: str, to: str) -> str:
    """The URL that `to` means at `at`, "" when it means none."""
    try:
        return urljoin(at, to)
    except ValueError:
        return ""


def _total(headers: Mapping[str, str]) -> int | None:
    said = next((headers[key].strip() for key in _COUNTS if key in headers), "")
    return int(said) if said.isdecimal() and len(said) < 10 else None


def _has_length(headers: Mapping[str, str]) -> bool:
    return "content-length" in headers or headers.get("transfer-encoding", "").lower() == "chunked"


def _page_sizes(url: str) -> set[int]:
    asked = parse_qs(urlsplit(url).query)
    return {int(value) for key in _PAGE_SIZES for value in asked.get(key, ()) if value.isdecimal() and len(value) < 10}


def _origin(parts: SplitResult) -> tuple[str, str, int]:
    return parts.scheme, parts.hostname or "", parts.port or {"http": 80}.get(parts.scheme, 443)


# Errors


def _place(where: str) -> str:
    """`where` for a message: of a URL neither the query nor what stands before its host, which can hold secrets."""
    return shown(where.partition("?")[0].partition("#")[0] if "://" in where else where)


def _family(where: str) -> type[SyncError]:
    return RemoteError if "://" in where else HostError


def _unfit(where: str, why: str, *, detail: Sequence[str] = ()) -> SyncError:
    return _family(where)(
        "E-NAMES-FORMAT",
        f"{_place(where)} is not a list of repositories: {why}",
        hint="a list is lines of text, a JSON list of names or of objects with a `name`, or a YAML list or mapping",
        kept=KEPT,
        detail=detail,
    )


def _cut(url: str, why: str, *, hint: str = "", retryable: bool = False) -> RemoteError:
    return RemoteError(
        "E-NAMES-CUT",
        f"{_place(url)} may not be the complete list: {why}",
        hint=hint or ("the next run tries again" if retryable else "keep the list in a file of this repository"),
        kept=KEPT,
        retryable=retryable,
    )


def _unhad(url: str, why: str, *, hint: str = "", retryable: bool = False) -> RemoteError:
    return RemoteError(
        "E-NAMES-FETCH",
        f"the list at {_place(url)} cannot be had: {shown(why)}",
        hint=hint or ("the next run tries again" if retryable else "open the URL in a browser, and correct it"),
        kept=KEPT,
        retryable=retryable,
    )
