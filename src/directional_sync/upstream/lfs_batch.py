"""Git LFS's batch API over HTTP: where the content behind pointers can be had, and fetching it.

One POST names up to a hundred objects; the answer says for each a link with headers of its own, or why there is none.
The links usually lead to a store of files on another host. What comes is taken only when its size and its SHA-256 are
those of the pointer. What is asked follows git-lfs's docs/api/batch.md, with the `basic` transfer.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urljoin, urlsplit

from directional_sync.errors import CredentialError, RemoteError, SyncError
from directional_sync.system.host import host_errors, new_id
from directional_sync.system.http import Answer, Fault, Unanswered
from directional_sync.upstream import referrals
from directional_sync.upstream.addresses import shown
from directional_sync.upstream.complaints import KEPT
from directional_sync.upstream.remotes import Remotes
from directional_sync.upstream.smart_http import NoAnswer, Trouble

BATCH_MAX = 100
_ANSWER_BYTES_MAX = 8_000_000
_REDIRECTS_MAX = 3
_DETAIL_MAX = 20
_MEDIA = "application/vnd.git-lfs+json"
_AGENT = {"User-Agent": "git-lfs/3 directional-sync"}
_HEADER = re.compile(r"[A-Za-z0-9-]+")
_OURS = frozenset({"host", "content-length", "transfer-encoding", "connection", "accept-encoding", "user-agent"})
"""Headers that are not for an answer to choose."""


class Wanted(NamedTuple):
    """The content behind a pointer."""

    oid: str
    """SHA-256 of the content, 64 hex digits."""
    size: int
    """In bytes."""
    path: str
    """A file that wants it, for messages."""


@dataclass(frozen=True, slots=True)
class Link:
    """Where it can be had."""

    href: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False, default_factory=dict)


def links(remotes: Remotes, url: str, wanted: Sequence[Wanted]) -> tuple[dict[str, Link], SyncError | None]:
    """Oid -> link of those of `wanted`, BATCH_MAX at most, that the host of the upstream has, and the error of the
    others. Raises SyncError E-LFS-... when it does not answer so."""
    question = {
        "operation": "download",
        "transfers": ["basic"],
        "objects": [{"oid": one.oid, "size": one.size} for one in wanted],
        "hash_algo": "sha256",
    }
    place = url.rstrip("/").removesuffix(".git") + ".git/info/lfs/objects/batch"
    try:
        answer = remotes.ask(
            url,
            "POST",
            place,
            headers={**_AGENT, "Accept": _MEDIA, "Content-Type": _MEDIA},
            body=json.dumps(question).encode(),
            bytes_max=_ANSWER_BYTES_MAX,
        )
    except Unanswered as error:
        raise _unreachable(url, error) from error
    if answer.status != 200:
        raise _refusal(url, answer.status, _said(answer), "the content behind Git LFS pointers", answer.headers)
    return _read(url, answer, wanted)


def fetch(remotes: Remotes, url: str, wanted: Wanted, link: Link, target: Path) -> None:
    """Makes the file `target`, in an existing folder: exactly what is wanted or nothing. Raises SyncError E-LFS-..."""
    part = target.with_name(f"{target.name}.{new_id()}.part")
    try:
        _download(remotes, url, wanted, link, part)
        if not holds(part, wanted):
            raise _error("E-LFS-CORRUPT", f"what {_host(link.href)} sent for {shown(wanted.path)} is not its content")
        with host_errors(target):
            part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def holds(path: Path, wanted: Wanted) -> bool:
    """Whether the file is there with exactly this content."""
    try:
        with path.open("rb") as file:
            if path.stat().st_size != wanted.size:
                return False
            return hashlib.file_digest(file, "sha256").hexdigest() == wanted.oid
    except OSError:
        return False


def _download(remotes: Remotes, url: str, wanted: Wanted, link: Link, part: Path) -> None:
    """Follows redirects; the link's headers go to the link itself only."""
    href, headers = link.href, link.headers
    for _ in range(_REDIRECTS_MAX + 1):
        try:
            answer = remotes.ask(url, "GET", href, headers={**_AGENT, **headers}, bytes_max=wanted.size, into=part)
        except Unanswered as error:
            if error.fault is Fault.TOO_LARGE:
                what = f"what {_host(href)} sends for {shown(wanted.path)} is longer than its pointer says"
                raise _error("E-LFS-CORRUPT", what) from error
            raise _unreachable(href, error) from error
        if answer.status == 200:
            return
        if answer.status not in (301, 302, 303, 307, 308):
            raise _refusal(href, answer.status, "", shown(wanted.path), answer.headers)
        href, headers = _checked(url, answer.headers.get("location", ""), wanted.path, after=href), {}
    raise _error("E-LFS-ANSWER", f"{_host(href)} redirects again and again for {shown(wanted.path)}")


def _read(url: str, answer: Answer, wanted: Sequence[Wanted]) -> tuple[dict[str, Link], SyncError | None]:
    try:
        said = json.loads(answer.body)
        if said.get("transfer", "basic") != "basic" or said.get("hash_algo", "sha256") != "sha256":
            raise _error("E-LFS-ANSWER", f"{_host(url)} offers a way of transfer that was not asked for")
        objects = {item["oid"]: item for item in said["objects"]}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise _error("E-LFS-ANSWER", f"{_host(url)} does not answer as a Git LFS server ({answer.kind})") from error
    found, missing = {}, []
    for one in wanted:
        item = objects.get(one.oid)
        try:
            if item is not None and "error" in item:
                missing.append(_missing(url, one, item["error"]))
            else:
                found[one.oid] = _link(url, one, item)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise _error("E-LFS-ANSWER", f"{_host(url)} gives no link for {shown(one.path)}") from error
    return found, _together(missing)


def _together(errors: Sequence[SyncError]) -> SyncError | None:
    """One error for all; None for none."""
    if not errors:
        return None
    first = errors[0]
    others = f" (and {len(errors) - 1} more)" if errors[1:] else ""
    detail = [error.message for error in errors[:_DETAIL_MAX]]
    return type(first)(
        first.code, first.message + others, hint=first.hint, kept=KEPT, detail=detail, retryable=first.retryable
    )


def _link(url: str, wanted: Wanted, item: Any) -> Link:
    """Raises KeyError, TypeError and the like for what is no link at all."""
    action = item["actions"]["download"]
    headers = action.get("header") or {}
    for name, value in headers.items():
        if not _HEADER.fullmatch(name) or not re.fullmatch(r"[\x20-\x7e]*", value):
            raise ValueError("a header that cannot be sent")
    kept = {name: value for name, value in headers.items() if name.lower() not in _OURS}
    return Link(_checked(url, action["href"], wanted.path), kept)


def _checked(url: str, href: str, path: str, *, after: str = "") -> str:
    """`href`, as it was given or, after another one, by a redirect. Raises E-LFS-ANSWER."""
    try:
        return referrals.download(url, urljoin(after, href))
    except ValueError as error:
        raise _error("E-LFS-ANSWER", f"the link for {shown(path)} is not followed: {shown(str(error))}") from None


def _missing(url: str, wanted: Wanted, said: Any) -> SyncError:
    """Raises KeyError and the like for what is no error."""
    return _refusal(url, int(said["code"]), str(said.get("message", "")), shown(wanted.path))


def _refusal(url: str, status: int, said: str, what: str, headers: Mapping[str, str] | None = None) -> SyncError:
    """The error behind a status: of the whole question, of one object in its answer, or of a download."""
    reason = f"{status}: {shown(said)}" if said else f"HTTP {status}"
    host = _host(url)
    if status in (401, 403, 407):
        return _error("E-LFS-AUTH", f"{host} does not hand out {what} ({reason})")
    if status == 429 or status >= 500:
        wait = (headers or {}).get("retry-after", "")
        error = _error("E-LFS-UNREACHABLE", f"{host} cannot hand out {what} now ({reason})")
        error.__cause__ = NoAnswer(Trouble.BUSY, reason, wait_s=float(wait) if wait.isdecimal() else 0.0)
        return error
    if status in (301, 302, 303, 307, 308):
        return _error("E-LFS-ANSWER", f"{host} sends us elsewhere for {what} ({reason})")
    if status in (404, 410, 422):
        return _error("E-LFS-GONE", f"{host} does not have {what} ({reason})")
    return _error("E-LFS-ANSWER", f"{host} gives an answer for {what} that is not understood ({reason})")


def _said(answer: Answer) -> str:
    """The reason that a Git LFS server gives in words; "" for other servers."""
    if answer.kind != _MEDIA:
        return ""
    try:
        return str(json.loads(answer.body).get("message", ""))
    except (ValueError, AttributeError, RecursionError):
        return ""


def _unreachable(url: str, error: Unanswered) -> SyncError:
    return _error("E-LFS-UNREACHABLE", f"no complete answer of {_host(url)} for Git LFS: {error.reason}")


_HINTS = {
    "E-LFS-AUTH": "give git a credential helper for that host; or set `lfs: pointers`",
    "E-LFS-UNREACHABLE": "the next run tries again",
    "E-LFS-GONE": "ask the maintainers to push it (git lfs push --all); or set `lfs: pointers`",
    "E-LFS-CORRUPT": "the next run tries again; when it stays, tell the maintainers: git lfs fsck",
    "E-LFS-ANSWER": "see what git lfs says: git lfs fetch; or set `lfs: pointers`",
}


def _error(code: str, message: str) -> SyncError:
    family = CredentialError if code == "E-LFS-AUTH" else RemoteError
    retryable = code in ("E-LFS-UNREACHABLE", "E-LFS-CORRUPT")
    return family(code, message, hint=_HINTS[code], kept=KEPT, retryable=retryable)


def _host(url: str) -> str:
    """For messages: links hold secrets in their paths."""
    return shown(urlsplit(url).hostname or "the host")
