"""Where upstreams are and what their refs are called: which spellings are accepted, and how they are shown.

What is accepted is a short list, because git's own is long: `ext::` runs a shell, a leading dash is an option, a
line break ends a credential, and a URL with a password in it ends up in a lock file.
"""

from __future__ import annotations

import re
from enum import StrEnum
from urllib.parse import urlsplit


class Way(StrEnum):
    """How an upstream is reached."""

    HTTP = "http"
    SSH = "ssh"
    GIT = "git"
    FILE = "file"


class BadAddress(ValueError):
    """A URL, ref or name that is not accepted; the message says why, without repeating a secret."""

    def __init__(self, message: str, code: str = "E-URL") -> None:
        super().__init__(message)
        self.code = code


_WAYS = {"https": Way.HTTP, "http": Way.HTTP, "ssh": Way.SSH, "git": Way.GIT, "file": Way.FILE}
_SCP_LIKE = re.compile(r"(?:[\w][\w.+-]*@)?[\w\[][\w.:\]-]*?:(?!//)[^-].*")
_HOST = re.compile(r"[\w:][\w.:%-]*")
_NAME = re.compile(r"\w[\w.+-]*(?:/\w[\w.+-]*)*")
_DIGEST = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_REF_FORBIDDEN = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//")
_USERINFO = re.compile(r"(?<=://)[^/@\s'\"]*@")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


def way(url: str) -> Way:
    """How `url` is reached. Raises BadAddress for everything that is not on the list."""
    if not url or url.startswith("-"):
        raise BadAddress("a URL must not be empty or begin with a dash")
    if _CONTROL.search(url) or re.search(r"\s", url):
        raise BadAddress("a URL must not hold spaces or control characters")
    if re.match(r"[A-Za-z0-9+.-]+::", url):
        raise BadAddress(f"`{url.partition('::')[0]}::` names a helper program, which is not allowed in a URL")
    if "://" in url:
        return _way_of_url(url)
    if url.startswith("/"):
        return Way.FILE
    if _SCP_LIKE.fullmatch(url) and "/" not in url.partition(":")[0]:
        return Way.SSH
    raise BadAddress(
        "a URL begins with https://, http://, ssh://, git:// or file://, or is host:path or an absolute path"
    )


def _way_of_url(url: str) -> Way:
    try:
        parts = urlsplit(url)
        port = parts.port  # raises for nonsense
    except ValueError as error:
        raise BadAddress("the URL cannot be read; is its port a number?") from error
    if parts.scheme not in _WAYS:
        raise BadAddress(f"{parts.scheme}:// is not among https://, http://, ssh://, git://, file://")
    found = _WAYS[parts.scheme]
    if parts.password is not None or (parts.username is not None and found is not Way.SSH):
        raise BadAddress(
            "the URL holds a user name or a password; git's credential helpers are the place for them",
            "E-URL-CREDENTIALS",
        )
    if found is Way.FILE:
        if parts.netloc not in ("", "localhost") or not parts.path.startswith("/"):
            raise BadAddress("a file URL has three slashes: file:///srv/git/name.git")
        return found
    if parts.query or parts.fragment:
        raise BadAddress("the URL of a repository has no `?` or `#`")
    if not _HOST.fullmatch(parts.hostname or "") or (parts.username or "").startswith("-") or port == 0:
        raise BadAddress("the URL names no host")
    if not parts.path.strip("/"):
        raise BadAddress("the URL names a host but no repository")
    return found


def check_name(name: str) -> None:
    """Raises BadAddress unless `name` can be a part of a URL and of a path: letters, digits, `_ . + -`, parted by
    single slashes, no part that begins with a dot or dash."""
    if not _NAME.fullmatch(name):
        raise BadAddress(
            f"{name!r} is not a name: letters, digits, `_`, `.`, `+`, `-`, beginning with a letter or digit"
        )
    if any(part.lower().rstrip(".").endswith(".git") or part.endswith(".") for part in name.split("/")):
        raise BadAddress(f"{name!r} must not end in a dot or `.git`; write `.git` into the URL")


def check_ref(ref: str) -> None:
    """Raises BadAddress unless git accepts `ref` as the name of a branch, tag or ref, or it is a full commit id."""
    parts = ref.split("/")
    if (
        not ref
        or ref.startswith("-")
        or ref == "@"
        or _REF_FORBIDDEN.search(ref)
        or any(not part or part.startswith(".") or part.endswith(".lock") for part in parts)
        or ref.endswith(".")
    ):
        raise BadAddress(f"{ref!r} is not the name of a branch or tag", "E-UPSTREAM-REF")


def is_commit(ref: str) -> bool:
    """Whether `ref` is a full commit id rather than a name."""
    return _DIGEST.fullmatch(ref) is not None


def repository_name(url: str) -> str:
    """The last part of a URL, without `.git`: `https://host/OCA/web.git` is `web`."""
    return url.rstrip("/").replace(":", "/").rpartition("/")[2].removesuffix(".git")


def shown(text: str) -> str:
    """`text` from elsewhere, fit for one line of a message: no control characters, no credentials in URLs, at most
    300 characters."""
    line = _CONTROL.sub(" ", _USERINFO.sub("", text)).strip()
    return line if len(line) <= 300 else line[:299] + "…"
