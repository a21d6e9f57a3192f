"""Whether a name says that its value is secret, and whether a value looks like a secret or holds one.

More is suspected here than by the gate: what is suspected is not shown, which costs little; what the gate finds stops
a run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote

from directional_sync.core.redact import secret_name
from directional_sync.gates.literals import credential_shaped
from directional_sync.gates.rules import built_in

_ALSO_SECRET = re.compile(
    r"(?i)pass$|passw|secret|token|(?:^|[_.-])pw(?:$|[_.-])|key|salt|(?:^|[_.-])seed(?:$|[_.-])|cred|bearer|oauth|(?:^|[_.-])otp"
    r"|sentry_dsn|conn(?:ection)?_?str|login_?data|licen[cs]e|signature|cert(?:$|[_.-])|kubeconfig|pgpass|netrc"
)
_ONLY_SOUNDS_SO = re.compile(r"(?i)keyboard|keymap|keyspace|monkey|turkey|hockey|passthrough|passive|compass")
_POINTS = re.compile(
    r"(?i)_sock$|public[_.-]?key$|(?:path|file|dir|name|home|enabled|type|ttl|expir\w*|algorithm|length|timeout)$"
)
HARMLESS = re.compile(r"(?i)(?:true|false|yes|no|on|off|none|null|0|1)?\Z")
"""Values that are no secret whatever they are called."""
_LEVEL = re.compile(r"(?i)(?:debug(?:_rpc\w*)?|info|warn(?:ing)?|error|critical|notset)\Z")
"""What follows the names of loggers, `odoo.addons.auth_token:DEBUG`, which may sound like those of secrets."""
PATH = re.compile(r"(?:~|\.{0,2})/[\w./@%+,:-]*\Z")
"""A value that is the path of one file or folder."""
_PATHS = re.compile(r"[~.]{0,2}/[\w./@%+-]*(?:[:,;\s]+[~.]{0,2}/[\w./@%+-]*)*\Z")
_PLAIN = re.compile(r"(?i)[a-z]{1,12}\Z|\d{1,6}\Z")
_INSIDE = re.compile(  # what follows is only looked at: it may be the name of the next one
    r"([A-Za-z_][\w.-]{0,80})[\"'\]]{0,2}\s{0,8}(?:=>?|:(?!//))\s{0,8}[\"']?(?=([^\s\"',;&})\]]{1,200}))"
)
_FLAG = re.compile(r"(?:^|[\s\"'])--?([A-Za-z][\w-]{1,80})\s+[\"']?([^\s\"'-][^\s\"']*)")
_SHORT_FLAG = re.compile(r"(?:^|\s)-[wp]\s*=?\s*[^\s-]")
_SCHEME = re.compile(r"(?i)\b(?:bearer|basic|digest|token)\s+[A-Za-z0-9+/._~=-]{6,}")
_USERINFO = re.compile(r"://[^\s/@\"'<>]{0,200}:[^\s\"'<>]{0,400}@|://[^\s/@:\"'<>]{16,400}@")
_PEM = re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE")
_TOKENS = re.compile(r"[\s\"'`,;|&<>(){}\[\]=]+|:(?=//)|(?<=[^:/])/|[?#@]|\\n")
_LOOKED_AT = 64_000
"""Characters of one value; a longer one is not shown at all."""


def named_secret(name: str, value: str) -> bool:
    """Whether the name says that the value is secret. One that points at a secret (`..._FILE`) is believed only when
    its value does."""
    if _POINTS.search(name):
        points = PATH.match(value) or _PLAIN.match(value)
        return not points and _sounds_secret(_POINTS.sub("", name))
    return _sounds_secret(name)


def looks_secret(value: str) -> bool:
    """Whether the value looks like a credential, or holds one, whatever it is called."""
    if len(value) > _LOOKED_AT or known_format(value) or _SCHEME.search(value) or _SHORT_FLAG.search(value):
        return True
    if next(inner_secrets(value), None) is not None:
        return True
    whole = () if _PATHS.match(value) else (value,)
    return any(credential_shaped(token) for token in (*whole, *_TOKENS.split(value)) if token)


def inner_secrets(value: str) -> Iterator[str]:
    """The secrets that are written inside of a value: of settings and options with telling names, and in URLs."""
    value = value[:_LOOKED_AT]
    for found in (*_INSIDE.finditer(value), *_FLAG.finditer(value)):
        name, inner = found.groups()
        if not HARMLESS.match(inner) and not _LEVEL.match(inner) and named_secret(name, inner):
            yield inner
    for found in _USERINFO.finditer(value):
        user, _, password = found.group()[3:-1].partition(":")
        yield from {password or user, unquote(password or user)}


def known_format(value: str) -> bool:
    """Whether there is something in it that can only be a credential."""
    if _PEM.search(value) or _USERINFO.search(value):
        return True
    return next(built_in(value.encode("utf-8", "surrogateescape")), None) is not None


def _sounds_secret(name: str) -> bool:
    return secret_name(name) or bool(_ALSO_SECRET.search(_ONLY_SOUNDS_SO.sub("", name)))
