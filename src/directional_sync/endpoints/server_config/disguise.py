"""What is a secret, and what stands in its place.

A value is shown whole or not at all. It is not shown when its name says that it is secret, when it holds something
that does, when it looks like a credential, or when it repeats a value that is secret elsewhere. This is decided in
memory, before anything of it reaches the object store.

The detector library is not asked: it is optional, and a file must not change with what is installed. Its rules judge
the result, as they judge everything that a run would add, and refuse what they find.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from directional_sync.core.redact import Redactor
from directional_sync.gates.suspicion import HARMLESS, PATH, inner_secrets, known_format, looks_secret, named_secret

_COMMON = frozenset(
    {"odoo", "openerp", "postgres", "postgresql", "admin", "root", "user", "test", "demo", "password", "secret"}
    | {"localhost", "production", "staging", "default", "changeme", "public", "prod", "master", "false", "true", "none"}
)
_REPEATED_SHORTEST = 5


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
        if HARMLESS.match(value):
            return False
        if any(fnmatchcase(name, glob) for glob in self.keep):
            return known_format(value)
        return named_secret(name, value) or looks_secret(value)

    def listed_out(self, name: str, value: str) -> bool:
        """Whether a value is not shown because its name is not listed."""
        return self.listed and not HARMLESS.match(value) and not any(fnmatchcase(name, glob) for glob in self.keep)

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
            shown = not known_format(name) and self._redactor.text(name) == name
            self._names[name] = name if shown else self._disguise.placeholder.replace("{name}", "name")
        return self._names[name]

    def location(self, name: str, value: str) -> str:
        """The same for what can only be the path of a file or folder: a random part does not make a secret of it."""
        hide = any(fnmatchcase(name, glob) for glob in self._disguise.hide)
        known = hide or known_format(value) or self._redactor.text(value) != value
        return self(name, value) if known or not PATH.match(value) else value


def _telling(value: str) -> bool:
    """Whether a secret value is worth looking for elsewhere: words that half of all settings have as value are not."""
    return len(value) >= _REPEATED_SHORTEST and value.casefold() not in _COMMON
