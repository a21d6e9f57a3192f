"""What can be said under `remote:` about the way to another machine over ssh."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from directional_sync.endpoints.options import Options, wrong

_HOST = re.compile(r"(?:[A-Za-z0-9_][A-Za-z0-9._-]*@)?[A-Za-z0-9_:][A-Za-z0-9_.:%-]*\Z")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._@-]*\Z")
_JUMP = re.compile(r"(?:[A-Za-z0-9_][A-Za-z0-9._-]*@)?[A-Za-z0-9_\[][A-Za-z0-9_.:\]-]*\Z")
_OPTION_VALUE = re.compile(r"[A-Za-z0-9@._:,/+*?^=-]+\Z")

SSH_OPTIONS = frozenset(
    {
        *("AddressFamily", "BindAddress", "BindInterface", "CASignatureAlgorithms", "CertificateFile", "Ciphers"),
        *("Compression", "ConnectionAttempts", "GSSAPIAuthentication", "HostKeyAlgorithms", "HostKeyAlias", "IPQoS"),
        *("KexAlgorithms", "MACs", "PreferredAuthentications", "ProxyJump", "PubkeyAcceptedAlgorithms"),
        *("PubkeyAuthentication", "RekeyLimit", "RequiredRSASize", "ServerAliveCountMax", "ServerAliveInterval"),
        *("TCPKeepAlive",),
    }
)
"""What may be said under `ssh_options`: how ssh gets there. Nothing by which it would run a program, ask a person or
trust another host key."""


def _host(value: str) -> str:
    if value and not _HOST.match(value):
        raise wrong("this must be a host name, an address or a name from ssh's own configuration")
    return value


def _user(value: str) -> str:
    if value and not _USER.match(value):
        raise wrong("this is not the name of a user")
    return value


def _identity(value: str) -> str:
    if value and (not value.startswith(("/", "~/")) or any(ord(char) < 32 for char in value)):
        raise wrong("this must be an absolute path: a private key does not belong into the repository")
    return value


def _known_hosts(value: str) -> str:
    parts = value.split("/")
    if any(ord(char) < 32 or char in '"%' for char in value) or (not value.startswith(("/", "~/")) and ".." in parts):
        raise wrong("this must be an absolute path, or the path of a file of this repository")
    return value


def _ssh_options(value: dict[str, str]) -> dict[str, str]:
    for name, said in value.items():
        if name not in SSH_OPTIONS:
            raise wrong("{name} cannot be set here; put it into ssh's own configuration if you need it", name=name)
        fits = all(_JUMP.match(jump) for jump in said.split(",")) if name == "ProxyJump" else _OPTION_VALUE.match(said)
        if not fits:
            raise wrong("the value of {name} has characters that do not belong there", name=name)
    return value


def _or_variable(schema: dict[str, Any]) -> None:
    """In the file a number may also come from a variable, which is text there."""
    number = {name: schema.pop(name) for name in ("type", "minimum", "maximum")}
    schema["anyOf"] = [number, {"type": "string", "pattern": r"^(\$|\d+$)"}]


class SshOptions(Options):
    """How ssh gets to a machine."""

    host: Annotated[str, AfterValidator(_host)] = Field(
        "", description="Over ssh: the host, or its name in ~/.ssh/config."
    )
    user: Annotated[str, AfterValidator(_user)] = Field("", description="The user there.")
    port: int = Field(
        0,
        ge=0,
        le=65535,
        description="The port there; 0 for what ssh's configuration says.",
        strict=False,
        json_schema_extra=_or_variable,
    )
    identity_file: Annotated[str, AfterValidator(_identity)] = Field("", description="The private key to use.")
    known_hosts: Annotated[str, AfterValidator(_known_hosts)] = Field(
        "", description="A file of this repository, or an absolute path, with the only host keys that are trusted."
    )
    ssh_options: Annotated[dict[str, str], AfterValidator(_ssh_options)] = Field(
        {}, description="Further options of ssh: " + ", ".join(sorted(SSH_OPTIONS)) + "."
    )
    connect_timeout: int = Field(20, ge=1, le=600, description="Seconds for getting a connection.")
