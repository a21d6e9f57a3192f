"""Takes known secret values out of everything that leaves the program.

One `Redactor` stands in front of every sink: terminal, log, report, commit message, notification. It knows the
values and finds each of them as it is and in the forms in which it tends to turn up: base64 at any alignment,
hexadecimal, quoted for URLs, JSON, XML, YAML and shells, and, for values of several lines, line by line.
Credentials inside URLs are masked whether they are known or not.

Overlapping finds are masked together, so that no remainder of one shows beside the other.
"""

from __future__ import annotations

import base64
import dataclasses
import json
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from typing import Any, TypeVar
from urllib.parse import quote, quote_plus

from directional_sync.model.plan import Change
from directional_sync.model.snapshot import Entry, Snapshot

MASK = "***"
SHORTEST = 4
"""Values with fewer characters are not masked: masking "on" or "1" would make every output unreadable."""
_ENCODED_SHORTEST = 6
_LINE_SHORTEST = 8
_WORDS = frozenset({"true", "false", "none", "null", "undefined", "disabled", "enabled", "default"})

_SECRET_NAME = re.compile(
    r"(?i)pass(?:word|wd|phrase)|(?:^|[_.-])(?:pwd|pass|pat|pin|dsn|jwt|sas)(?:$|[_.-])|secret|token|credential"
    r"|api[_.-]?key|(?:^|[_.-])key$|private|(?:^|[_.-])auth(?:$|[_.-])|authorization|webhook|connection_?string"
    r"|access[_.-]?key|signing|encryption|cookie|session[_.-]?id|database_url"
)
_PUBLIC_NAME = re.compile(r"(?i)_sock$|public|(?:_path|_file|_dir|_name|_home|_enabled|_type|_ttl|_expir\w*)$")
_OF_THE_SHELL = frozenset({"PWD", "OLDPWD", "XDG_SESSION_ID"})
"""Variables that every shell sets, whose names only sound secret: folders, and a session's number."""

_URL = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]{1,20}://)([^\s/?#\"'<>`\\]{1,1000})@")
_URL_BEGUN = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]{0,20}(?::(?:/(?:/[^\s/?#\"'<>`\\]{0,1000})?)?)?$")
_URL_LONGEST = 1100

_Value = TypeVar("_Value")


def secret_name(name: str) -> bool:
    """Whether a variable or key called `name` probably holds a secret."""
    return bool(_SECRET_NAME.search(name)) and not _PUBLIC_NAME.search(name)


def secret_values(environment: Mapping[str, str]) -> tuple[str, ...]:
    """The values of those variables whose names say that they are secret."""
    return tuple(value for name, value in environment.items() if name not in _OF_THE_SHELL and secret_name(name))


class Redactor:
    """Masks known values in text and in data. Immutable; safe to share between threads."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        """Values shorter than SHORTEST and plain words like `true` are ignored."""
        known = {value for value in values if len(value.strip()) >= SHORTEST and value.strip().lower() not in _WORDS}
        forms = {form for value in known for form in _forms(value)}
        self._forms = tuple(sorted(forms, key=lambda form: (-len(form), form)))
        self._longest = max(map(len, self._forms), default=1)

    def __repr__(self) -> str:
        return f"Redactor({len(self._forms)} forms)"

    def text(self, text: str) -> str:
        """`text` with every known value and every URL credential replaced by MASK."""
        spans = _merged(self._spans(text))
        return _mask_urls(_masked(text, spans) if spans else text)

    def stream(self) -> Stream:
        """A filter for text that comes in pieces of any size."""
        return Stream(self._spans, self._longest)

    def value(self, value: _Value) -> _Value:
        """The same value with every text in it redacted, at any depth: mappings (keys too), sequences, sets,
        bytes, frozen dataclasses. What needs no change is answered as the same object."""
        return self._value(value)  # type: ignore[no-any-return]

    def _spans(self, text: str) -> Iterator[tuple[int, int]]:
        for form in self._forms:
            start = text.find(form)
            while start >= 0:
                yield start, start + len(form)
                start = text.find(form, start + 1)

    def _value(self, value: Any) -> Any:
        if isinstance(value, Enum | bool | Entry | Snapshot) or value is None:
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, int | float):
            return value if self.text(str(value)) == str(value) else MASK
        if isinstance(value, bytes):
            return self._bytes(value)
        if isinstance(value, Change):
            key = self.text(value.key)
            return value if key == value.key else dataclasses.replace(value, key=key)
        if isinstance(value, Mapping):
            return _kept(value, {self._value(key): self._value(item) for key, item in value.items()})
        if isinstance(value, list | tuple | set | frozenset):
            return self._sequence(value)
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return self._record(value)
        return value

    def _bytes(self, value: bytes) -> bytes:
        text = value.decode("utf-8", "surrogateescape")
        redacted = self.text(text)
        return value if redacted == text else redacted.encode("utf-8", "surrogateescape")

    def _sequence(self, value: Any) -> Any:
        items = [self._value(item) for item in value]
        if all(new is old for new, old in zip(items, value, strict=True)):
            return value
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)

    def _record(self, value: Any) -> Any:
        changed = {}
        for field in dataclasses.fields(value):
            if field.init:
                old = getattr(value, field.name)
                new = self._value(old)
                if new is not old and new != old:
                    changed[field.name] = new
        return dataclasses.replace(value, **changed) if changed else value


class Stream:
    """Redacts text in pieces. The pieces answered, joined, are what `Redactor.text` says of the whole; nothing
    is answered before it is certain that no value has begun in it."""

    def __init__(self, spans: Any, longest: int) -> None:
        self._spans = spans
        self._longest = longest
        self._buffer = ""
        self._open = -1
        """How many characters at the start of the buffer belong to a mask that has already been answered; -1
        when the last thing answered was no mask."""
        self._urls = ""

    def feed(self, piece: str) -> str:
        self._buffer += piece
        return self._past_urls(self._take(len(self._buffer) - (self._longest - 1)))

    def close(self) -> str:
        """The rest. The stream may be fed again afterwards, as a new text."""
        rest = self._urls + self._take(len(self._buffer))
        self._buffer, self._open, self._urls = "", -1, ""
        return _mask_urls(rest)

    def _take(self, cut: int) -> str:
        # A value that starts before `cut` ends within the buffer, so everything before `cut` is decided.
        if cut <= 0:
            return ""
        found = [(0, self._open)] if self._open >= 0 else []
        spans = _merged([*found, *(span for span in self._spans(self._buffer) if span[0] < cut)])
        text = _masked(self._buffer, [(start, min(end, cut)) for start, end in spans], cut)
        if self._open >= 0:
            text = text[len(MASK) :]
        self._open = spans[-1][1] - cut if spans and spans[-1][1] >= cut else -1
        self._buffer = self._buffer[cut:]
        return text

    def _past_urls(self, text: str) -> str:
        text = self._urls + text
        begun = _URL_BEGUN.search(text, max(0, len(text) - _URL_LONGEST))
        cut = begun.start() if begun else len(text)
        self._urls = text[cut:]
        return _mask_urls(text[:cut])


def _masked(text: str, spans: list[tuple[int, int]], end: int | None = None) -> str:
    parts, last = [], 0
    for start, stop in spans:
        parts += [text[last:start], MASK]
        last = stop
    parts.append(text[last:end])
    return "".join(parts)


def _merged(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Sorted; those that overlap or touch are one."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _mask_urls(text: str) -> str:
    return _URL.sub(_masked_url, text) if "://" in text else text


def _masked_url(found: re.Match[str]) -> str:
    scheme, user = found.group(1), found.group(2)
    if ":" not in user and not scheme.lower().startswith("http"):
        return found.group()  # ssh://git@host names a user, no secret
    return f"{scheme}{MASK}@"


def _kept(old: Mapping[Any, Any], new: dict[Any, Any]) -> Mapping[Any, Any]:
    same = len(new) == len(old) and all(key in old and old[key] is item for key, item in new.items())
    return old if same else new


def _forms(value: str) -> Iterator[str]:
    """Every text that gives the value away."""
    for part in {value, value.strip()}:
        yield from _quoted(part)
        if len(part) >= _ENCODED_SHORTEST:
            yield from _encoded(part)
    lines = value.splitlines()
    if len(lines) > 1:
        for line in lines:
            if len(line.strip()) >= _LINE_SHORTEST:
                yield from _quoted(line.strip())
                yield from _encoded(line.strip())


def _quoted(value: str) -> Iterator[str]:
    yield value
    once = json.dumps(value)[1:-1]
    for json_form in (once, json.dumps(value, ensure_ascii=False)[1:-1]):
        yield from (json_form, json_form.replace("/", "\\/"), json.dumps(json_form)[1:-1])
    yield from (repr(value)[1:-1], value.replace("'", "''"), value.replace('"', '""'))
    import html

    yield from (html.escape(value), html.escape(value, quote=False), value.replace("&", "&amp;"))
    shell = shlex.quote(value)
    yield from (shell[1:-1] if shell != value else shell, value.replace("'", "'\\''"))
    yield re.sub(r"([^\w@%+=:,./-])", r"\\\1", value, flags=re.ASCII)  # printf %q
    yield re.sub(r'([$`"\\!])', r"\\\1", value)
    yield re.sub(r'([$`"\\])', r"\\\1", value)
    raw = value.encode("utf-8", "surrogateescape")
    for url in (quote(raw, safe=""), quote(raw), quote(raw, safe=""), quote_plus(raw), quote(raw, safe="~()*!.'")):
        yield url
        yield re.sub(r"%[0-9A-F]{2}", lambda found: found.group().lower(), url)


def _encoded(value: str) -> Iterator[str]:
    raw = value.encode("utf-8", "surrogateescape")
    yield from (raw.hex(), raw.hex().upper())
    for before in range(3):
        # The characters of base64 that are made of the value's bits alone, whatever stands around it.
        first = (before * 8 + 5) // 6
        last = (before + len(raw)) * 8 // 6
        text = base64.b64encode(b"\0" * before + raw).decode()[first:last]
        yield from (text, text.replace("+", "-").replace("/", "_"))
