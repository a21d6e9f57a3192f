"""Git's protocol v2 over HTTP, as far as two questions go: which ids do these refs have, and does this commit
descend from that one. One request each, no process.

The nouns: a *packet* is a line with four hex digits of length before it; `0000` ends a message (*flush*), `0001`
parts its sections (*delim*). What is asked follows gitprotocol-v2(5).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from directional_sync.system.http import Answer, Fault, Pool, Unanswered

_FLUSH = b"0000"
_DELIM = b"0001"
_REFS_BYTES_MAX = 8_000_000
_HISTORY_BYTES_MAX = 2_000_000
_NEAR, _FAR = 100, 1_000_000
"""Generations. Nearly every change is near; far is as good as all."""
_DIGEST = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_HEADERS = {
    "User-Agent": "git/2 directional-sync",
    "Content-Type": "application/x-git-upload-pack-request",
    "Accept": "application/x-git-upload-pack-result",
    "Git-Protocol": "version=2",
}


@dataclass(frozen=True, slots=True)
class Advertised:
    """One ref of a repository."""

    name: str
    digest: str
    peeled: str = ""
    """For an annotated tag: the commit behind it."""
    symref: str = ""
    """For HEAD: the branch it stands for."""


class Trouble(StrEnum):
    """Why a repository's answer is none."""

    GONE = "gone"
    LOGIN = "login"
    MOVED = "moved"
    BUSY = "busy"
    """5xx or 429: worth another try."""
    NOT_GIT = "not git"
    OTHER_DIALECT = "other dialect"
    """Something that the program `git` may understand."""
    REFUSED = "refused"
    """The git on the far side said no, in words."""


class NoAnswer(Exception):
    """The host answered, but not with refs."""

    def __init__(self, trouble: Trouble, reason: str, *, location: str = "", wait_s: float = 0.0) -> None:
        super().__init__(f"{trouble}: {reason}")
        self.trouble = trouble
        self.reason = reason
        self.location = location
        """Where the repository is now, when it moved and said so."""
        self.wait_s = wait_s
        """How long the host asks us to wait before the next try; 0 when it does not say."""


def ls_refs(pool: Pool, url: str, prefixes: Sequence[str], *, timeout_s: float, login: str = "") -> list[Advertised]:
    """The refs of the repository at `url` (http or https) whose full names start with one of `prefixes`. `login` is
    the value of the Authorization header, "" for none. Raises NoAnswer, Unanswered."""
    arguments = ["peel", "symrefs", *(f"ref-prefix {prefix}" for prefix in prefixes)]
    answer = _ask(pool, url, _message("ls-refs", [], arguments), login, timeout_s, _REFS_BYTES_MAX)
    return [_advertised(line) for line in _lines(answer.body)]


def descends(pool: Pool, url: str, new: str, old: str, *, timeout_s: float, login: str = "") -> bool:
    """Whether `new` has `old` among its ancestors; the two differ. Nothing of the content that a server would send
    after its answer is read. Raises NoAnswer, Unanswered."""
    return any(_passed_within(depth, pool, url, new, old, login, timeout_s) for depth in (_NEAR, _FAR))


def commits_between(pool: Pool, url: str, new: str, old: str, *, timeout_s: float, login: str = "") -> int | None:
    """How many commits `new` has in its history that `old` has not; None when the host does not tell without sending
    content. Only the beginning of its answer is read. Raises NoAnswer, Unanswered."""
    capabilities = ["object-format=sha256"] if len(new) == 64 else []
    arguments = ["no-progress", "filter tree:0", f"want {new}", f"have {old}", "done"]
    request = _message("fetch", capabilities, arguments)
    answer = _ask(pool, url, request, login, timeout_s, _HISTORY_BYTES_MAX, enough=_has_pack_size)
    return _pack_size(answer.body)


def _has_pack_size(body: bytes) -> bool:
    return _pack_size(body) is not None


def _pack_size(body: bytes) -> int | None:
    """How many objects the pack in an answer holds, as its first bytes say; None when they have not come."""
    try:
        for line in _packets(body):
            if line is not None and line.startswith(b"\x01PACK") and len(line) >= 13:
                return int.from_bytes(line[9:13], "big")
    except Unanswered:
        pass
    return None


def _passed_within(depth: int, pool: Pool, url: str, new: str, old: str, login: str, timeout_s: float) -> bool:
    """Whether `old` is among the first `depth` generations before `new`. There is no command for that, so we claim to
    hold `old` without its parents and ask for `new` so deep: before any content a server says which of our commits
    thereby get their parents. (Claiming `have` alone and waiting for `ready` would not do: a server takes the parents
    of what we have for had, so that an amended commit looks like a descendant.)"""
    capabilities = ["object-format=sha256"] if len(new) == 64 else []
    arguments = [f"want {new}", f"have {old}", f"shallow {old}", f"deepen {depth}", "done"]
    request = _message("fetch", capabilities, arguments)
    answer = _ask(pool, url, request, login, timeout_s, _HISTORY_BYTES_MAX, enough=_past_first_section)
    for line in _packets(answer.body):
        if line is None:
            return False
        if line.startswith(b"ERR "):
            raise NoAnswer(Trouble.REFUSED, line[4:].decode("utf-8", "replace"))
        if line == f"unshallow {old}".encode():
            return True
    return False


def _message(command: str, capabilities: Sequence[str], arguments: Sequence[str]) -> bytes:
    head = b"".join(_packet(line) for line in (f"command={command}", *capabilities))
    return head + _DELIM + b"".join(map(_packet, arguments)) + _FLUSH


def _packet(line: str) -> bytes:
    content = line.encode("utf-8", "surrogateescape") + b"\n"
    return b"%04x%s" % (len(content) + 4, content)


def _ask(
    pool: Pool,
    url: str,
    body: bytes,
    login: str,
    timeout_s: float,
    bytes_max: int,
    *,
    enough: Callable[[bytes], bool] | None = None,
) -> Answer:
    answer = pool.ask(
        "POST",
        url.rstrip("/") + "/git-upload-pack",
        headers={**_HEADERS, **({"Authorization": login} if login else {})},
        body=body,
        timeout_s=timeout_s,
        bytes_max=bytes_max,
        enough=enough,
    )
    if answer.status == 200 and answer.kind == "application/x-git-upload-pack-result":
        if not answer.body:  # what an older git says to a dialect it does not know
            raise NoAnswer(Trouble.OTHER_DIALECT, "an empty answer")
        return answer
    raise _trouble(answer, url)


def _past_first_section(body: bytes) -> bool:
    try:
        return any(line is None for line in _packets(body))
    except Unanswered:
        return False


def _trouble(answer: Answer, url: str) -> NoAnswer:
    status = answer.status
    if status in (401, 403, 407):
        return NoAnswer(Trouble.LOGIN, f"HTTP {status}")
    if status in (404, 410):
        return NoAnswer(Trouble.GONE, f"HTTP {status}")
    if status in (301, 302, 303, 307, 308):
        return NoAnswer(Trouble.MOVED, f"HTTP {status}", location=_moved_to(answer.headers, url))
    if status == 429 or status >= 500:
        wait = answer.headers.get("retry-after", "")
        return NoAnswer(Trouble.BUSY, f"HTTP {status}", wait_s=float(wait) if wait.isdecimal() else 0.0)
    if status == 200:
        return NoAnswer(Trouble.NOT_GIT, f"a {answer.kind or 'nameless'} document came instead of git's answer")
    return NoAnswer(Trouble.OTHER_DIALECT, f"HTTP {status}")


def _moved_to(headers: Mapping[str, str], url: str) -> str:
    """The new URL of the repository, without credentials; "" when it cannot be told."""
    parts = urlsplit(headers.get("location", ""))
    path = parts.path.removesuffix("/git-upload-pack").removesuffix("/info/refs")
    if path == parts.path or not re.fullmatch(r"[\x21-\x7e]+", path):
        return ""
    old = urlsplit(url)
    host = parts.netloc.rpartition("@")[2] or old.netloc
    return f"{parts.scheme or old.scheme}://{host}{path}"


def _packets(body: bytes) -> Iterator[bytes | None]:
    """The packets up to the flush, without their line ends; None for a delim. Raises Unanswered when the message has
    no end: a body that was cut between two packets looks whole to HTTP."""
    at = 0
    while True:
        head = body[at : at + 4]
        if head == _FLUSH:
            return
        if head == _DELIM:
            yield None
            at += 4
            continue
        try:
            size = int(head, 16)
        except ValueError:
            size = 0
        if len(head) < 4 or at + size > len(body):
            raise Unanswered(Fault.CUT, f"git's answer ended after {len(body):,} bytes")
        if size < 4:
            raise Unanswered(Fault.GARBLED, "git's answer is garbled")
        yield body[at + 4 : at + size].removesuffix(b"\n")
        at += size


def _lines(body: bytes) -> Iterator[str]:
    for line in _packets(body):
        text = (line or b"").decode("utf-8", "surrogateescape")
        if text.startswith("ERR "):
            raise NoAnswer(Trouble.REFUSED, text[4:])
        yield text


def _advertised(line: str) -> Advertised:
    digest, _, rest = line.partition(" ")
    name, *attributes = rest.split(" ")
    if not _DIGEST.fullmatch(digest) or not name:
        raise NoAnswer(Trouble.OTHER_DIALECT, "the answer to ls-refs is not as expected")
    known = dict(attribute.partition(":")[::2] for attribute in attributes)
    return Advertised(name, digest, known.get("peeled", ""), known.get("symref-target", ""))
