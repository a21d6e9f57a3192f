"""What is a secret, and what stands in its place.

A value is shown whole or not at all. It is not shown when its name says that it is secret, when it holds something
that does, when it looks like a credential, or when it repeats a value that is secret elsewhere. This is decided in
memory, before anything of it reaches the object store.

The detector library is not asked: it is optional, and a file must not change with what is installed. Its rules judge
the result, as they judge everything that a run would add, and refuse what they find.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from urllib.parse import unquote

from directional_sync.core.redact import Redactor, secret_name
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
_HARMLESS = re.compile(r"(?i)(?:true|false|yes|no|on|off|none|null|0|1)?\Z")
_LEVEL = re.compile(r"(?i)(?:debug(?:_rpc\w*)?|info|warn(?:ing)?|error|critical|notset)\Z")
"""What follows the names of loggers, `odoo.addons.auth_token:DEBUG`, which may sound like those of secrets."""
_PATH = re.compile(r"(?:~|\.{0,2})/[\w./@%+,:-]*\Z")
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
_COMMON = frozenset(
    {"odoo", "openerp", "postgres", "postgresql", "admin", "root", "user", "test", "demo", "password", "secret"}
    | {"localhost", "production", "staging", "default", "changeme", "public", "prod", "master", "false", "true", "none"}
)
_REPEATED_SHORTEST = 5
_LOOKED_AT = 64_000
"""Characters of one value; a longer one is not shown at all."""


@dataclass(frozen=True)
class Disguise:
    """How names and values are judged, and what stands in place of a secret."""

    placeholder: str = "<secret:{name}>"
    keep: tuple[str, ...] = ()
    hide: tuple[str, ...] = ()
    listed: bool = False
    """Only values of `keep` are shown."""

    def secret(self, name: str, value: str) -> bool:
        """Whether a value is secret by itself: by its name or its looks."""
        if any(fnmatchcase(name, glob) for glob in self.hide):
            return True
        if _HARMLESS.match(value):
            return False
        if any(fnmatchcase(name, glob) for glob in self.keep):
            return _known_format(value)
        return named_secret(name, value) or looks_secret(value)

    def listed_out(self, name: str, value: str) -> bool:
        """Whether a value is not shown because its name is not listed."""
        return self.listed and not _HARMLESS.match(value) and not any(fnmatchcase(name, glob) for glob in self.keep)

    def over(self, groups: Sequence[Iterable[tuple[str, str]]]) -> Show:
        """What may be shown of all these (name, value) pairs, each group on its own but known to all others."""
        pairs = [pair for group in groups for pair in group]
        secrets = {value for name, value in pairs if value and self.secret(name, value)}
        return Show(self, frozenset({*secrets, *(part for _, value in pairs for part in inner_secrets(value))}))


class Show:
    """Shows values, or their placeholders."""

    def __init__(self, disguise: Disguise, secrets: frozenset[str]) -> None:
        self._disguise = disguise
        self._secrets = secrets
        self._redactor = Redactor(value for value in secrets if _telling(value))
        self._names: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"Show({len(self._secrets)} secrets)"

    def __call__(self, name: str, value: str) -> str:
        """`value`, or what stands in its place."""
        judge = self._disguise
        hidden = judge.secret(name, value) or judge.listed_out(name, value) or self._redactor.text(value) != value
        return judge.placeholder.replace("{name}", self.name(name)) if hidden and value else value

    def name(self, name: str) -> str:
        """A name, unless it holds a secret itself, which names of variables can."""
        if name not in self._names:
            shown = not _known_format(name) and self._redactor.text(name) == name
            self._names[name] = name if shown else self._disguise.placeholder.replace("{name}", "name")
        return self._names[name]

    def location(self, name: str, value: str) -> str:
        """The same for what can only be the path of a file or folder: a random part does not make a secret of it."""
        hide = any(fnmatchcase(name, glob) for glob in self._disguise.hide)
        known = hide or _known_format(value) or self._redactor.text(value) != value
        return self(name, value) if known or not _PATH.match(value) else value


def named_secret(name: str, value: str) -> bool:
    """Whether the name says that the value is secret. One that points at a secret (`..._FILE`) is believed only when
    its value does."""
    if _POINTS.search(name):
        points = _PATH.match(value) or _PLAIN.match(value)
        return not points and _sounds_secret(_POINTS.sub("", name))
    return _sounds_secret(name)


def looks_secret(value: str) -> bool:
    """Whether the value looks like a credential, or holds one, whatever it is called."""
    if len(value) > _LOOKED_AT or _known_format(value) or _SCHEME.search(value) or _SHORT_FLAG.search(value):
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
        if not _HARMLESS.match(inner) and not _LEVEL.match(inner) and named_secret(name, inner):
            yield inner
    for found in _USERINFO.finditer(value):
        user, _, password = found.group()[3:-1].partition(":")
        yield from {password or user, unquote(password or user)}


def _known_format(value: str) -> bool:
    """Whether there is something in it that can only be a credential."""
    if _PEM.search(value) or _USERINFO.search(value):
        return True
    return next(built_in(value.encode("utf-8", "surrogateescape")), None) is not None


def _sounds_secret(name: str) -> bool:
    return secret_name(name) or bool(_ALSO_SECRET.search(_ONLY_SOUNDS_SO.sub("", name)))


def _telling(value: str) -> bool:
    """Whether a secret value is worth looking for elsewhere: words that half of all settings have as value are not."""
    return len(value) >= _REPEATED_SHORTEST and value.casefold() not in _COMMON
