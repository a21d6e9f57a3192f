"""Where a catalogue may be, and by which way it is reached."""

from __future__ import annotations

import re
from enum import StrEnum
from urllib.parse import urlsplit

from directional_sync.core.hosts import is_loopback
from directional_sync.upstream.addresses import BadAddress, way


class Via(StrEnum):
    HTTP = "http"
    GIT = "git"
    FOLDER = "folder"


def via_of(url: str, said: str) -> Via:
    """How `url` is reached; `said` is what the file says, "auto" when that follows from the URL."""
    if said != "auto":
        return Via(said)
    scheme = url.partition("://")[0].lower() if "://" in url else ""
    path = url.split("?")[0].rstrip("/")
    if path.endswith(".git") or scheme in ("ssh", "git") or re.match(r"[\w.+-]+@[\w.-]+:", url):
        return Via.GIT
    return Via.FOLDER if scheme in ("", "file") else Via.HTTP


def check(url: str, via: Via) -> None:
    """Raises BadAddress unless `url` can be reached that way, without a credential in it or one in the clear."""
    if re.search(r"[\x00-\x1f\x7f]", url):
        raise BadAddress("a URL must not hold control characters")
    if via is Via.GIT:
        way(url)
    elif via is Via.HTTP:
        _check_http(url)
    elif "://" in url and not url.startswith("file:///"):
        raise BadAddress("a folder is a path, or a file URL with three slashes: file:///srv/skills")


def _check_http(url: str) -> None:
    if re.search(r"\s", url):
        raise BadAddress("a URL must not hold spaces")
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise BadAddress("the URL cannot be read; is its port a number?") from error
    if parts.username is not None or parts.password is not None:
        raise BadAddress("the URL holds a user name or a password; `token` names a variable", "E-URL-CREDENTIALS")
    if not parts.hostname or parts.fragment:
        raise BadAddress("the URL of a catalogue names a host and a document, and has no `#`")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname)):
        raise BadAddress("the URL of a catalogue begins with https://; http:// is for this machine only")
    if parts.path in ("", "/"):
        raise BadAddress("the URL names a host but no document, like https://skills.example.com/catalog.json")


def folder_of(url: str) -> str:
    """The path that a folder's URL stands for."""
    from urllib.parse import unquote

    return unquote(url.removeprefix("file://")) if url.startswith("file:///") else url
