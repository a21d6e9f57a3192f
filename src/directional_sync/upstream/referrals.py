"""Where an upstream may refer us: the rules for places that its content or its host names.

A person chose the upstream's URL. What a `.gitmodules` or an answer of its host says was chosen by whoever can write
there, and must not become a way to read this machine's files, to reach servers that only this machine can reach, or to
get an encrypted connection replaced by an open one.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

from directional_sync.upstream.addresses import BadAddress, Way, way

_THIS_MACHINE = frozenset({"localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback"})
_NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")
_SCP_LIKE = re.compile(r"(?:[^@:/]*@)?(\[[^\]/]*\]|[^:/\[]+):")
"""`user@host:` before a path."""
_CLIMB = re.compile(r"(?:\.\.?/+)+")


def repository(sender: str, named: str) -> str:
    """The URL of the repository that the upstream `sender` calls `named`: resolved against the sender's own URL when it
    begins with `./` or `../`, as git does. Raises BadAddress when it is none that we would go to."""
    url = _beside(sender, named) if re.match(r"\.\.?/", named) else named
    if way(url) is Way.FILE:
        if way(sender) is not Way.FILE:
            raise BadAddress("an upstream on another machine names a folder of this one")
    else:
        _check_host(sender, _host(url))
    return url


def download(sender: str, link: str) -> str:
    """`link`, when it is one over which the http(s) upstream `sender` may hand out a file. Raises BadAddress."""
    try:
        parts = urlsplit(link)
        port = parts.port
    except ValueError as error:
        raise BadAddress("the link cannot be read") from error
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0 or not re.fullmatch(r"[!-~]+", link):
        raise BadAddress("the link is not one over http or https")
    if parts.username is not None or parts.password is not None:
        raise BadAddress("the link holds a user name or a password", "E-URL-CREDENTIALS")
    if parts.scheme == "http" and urlsplit(sender).scheme != "http":
        raise BadAddress("the link would leave the encrypted connection")
    _check_host(sender, parts.hostname)
    return link


def _check_host(sender: str, host: str) -> None:
    """Who is on this machine may name others on it."""
    if on_this_machine(host) and way(sender) is not Way.FILE and not on_this_machine(_host(sender)):
        raise BadAddress("an upstream on another machine names an address of this one")


def on_this_machine(host: str) -> bool:
    """Whether this name or address, as it is spelled, stands for this machine or its link: loopback, unspecified,
    link-local. Addresses in an unusual spelling (`127.1`, `0x7f000001`) count as such. Names are not looked up."""
    name = host.lower().partition("%")[0].strip("[]").rstrip(".")
    if name in _THIS_MACHINE or name.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return _NUMBER.fullmatch(name) is not None
    if isinstance(address, ipaddress.IPv6Address):
        address = address.ipv4_mapped or address
    return address.is_loopback or address.is_link_local or address.is_unspecified


def _host(url: str) -> str:
    """The host of a URL that `way` accepts; "" for files."""
    if "://" in url:
        return urlsplit(url).hostname or ""
    found = _SCP_LIKE.match(url)
    return found[1] if found else ""


def _beside(sender: str, named: str) -> str:
    """`named` from where the sender is: each `../` takes the last part of its path away. git would go on with the host
    and the scheme when the path is used up; here that is an error."""
    head, mark, path = _split(sender)
    climb = _CLIMB.match(named)
    assert climb is not None
    parts = [part for part in path.split("/") if part]
    ups = climb[0].split("/").count("..")
    if ups > len(parts):
        raise BadAddress("the relative URL leads out of the host")
    down = named[climb.end() :].rstrip("/")
    if ".." in down.split("/"):
        raise BadAddress("the relative URL climbs in its middle")
    return head + mark + "/".join([*parts[: len(parts) - ups], *([down] if down else [])])


def _split(url: str) -> tuple[str, str, str]:
    """(what may not change, what parts it from the path, the path)."""
    if "://" in url:
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.netloc}", "/", parts.path
    if url.startswith("/"):
        return "", "/", url
    found = _SCP_LIKE.match(url)
    assert found is not None, "other spellings are not accepted"
    return found[0][:-1], ":/" if url.startswith("/", found.end()) else ":", url[found.end() :]
