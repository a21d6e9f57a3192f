"""The file's own `secret_patterns`: names of things that hold secrets, or shapes of secrets.

`password` stands in every second file of a vendored repository. So a match alone is not a finding. A pattern finds
something when

- what it matches is the *name* of something that is given a literal which looks like a real secret: `NAME = "..."`,
  `NAME: ...`, `NAME=...`, `"NAME": "..."`, `<field name="NAME">...</field>`, `name: NAME` with a `value:` after it;
- or what it matches *is* a credential by its looks (`AKIA[0-9A-Z]{16}`);
- or it has a capture group, and the group holds anything but a reference: whoever writes a group says himself
  what the value is.

Names are found without regard to letter case, shapes with it. The expressions run in linear time (RE2).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from directional_sync.gates.literals import credential_shaped, literal_secret, reference
from directional_sync.gates.rules import Hit

_AFTER = 2400
"""How many bytes after a name are looked at for its value."""
_LINE_MAX = 8192
_NAME_MAX = 120
_LONGEST_MATCH = 4096
_PROGRAM_MAX = 20_000
"""RE2 instructions: what a pattern may compile to, because each takes memory and time."""

_NAME = re.compile(rb"[A-Za-z_$][\w.$-]*")
_NAME_BYTES = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.$-")
_QUOTED = rb"\"(?:[^\"\\\n]|\\.){0,4100}\"|'(?:[^'\\\n]|\\.){0,4100}'"
# Few equals signs: in `a=a=a=a=...` each one would else begin a value that reaches to the end.
_BARE = rb"[^\s\"'`<>=]{1,2000}(?:=[^\s\"'`<>=]{1,200}){0,2}={0,2}"

_ASSIGNED = re.compile(
    rb"""[\"'`\]]{0,2}[ \t]{0,8}
         (?::[ ]?[A-Za-z_][\w.\[\],|\ ]{0,40}=(?!=)|=>|:=|=(?![=~>])|:(?![:=/]))[ \t]{0,8}
         (?P<value>[rbfuRBFU@]{0,2}(?:%b)|`[^`\n]{0,4100}`|%b)"""
    % (_QUOTED, _BARE),
    re.VERBOSE,
)
_AFTER_FLAG = re.compile(rb"[ \t]+(?P<value>%b|[^\s\"'-]\S*)" % _QUOTED)
_IN_ELEMENT = re.compile(rb"[\"']?[^<>\n]{0,200}>(?P<value>[^<>\s]{1,4100})</")
_IN_PAIR = re.compile(
    rb"[\"']?[^<>]{0,300}?(?<![\w.-])[\"']?(?i:value)[\"']?[ \t]*[:=][ \t]*(?P<value>%b|%b)" % (_QUOTED, _BARE)
)
_BEFORE_ELEMENT = re.compile(rb"<(?:[\w:.-]{1,60}[ ]+(?:name|key|id|property)=[\"'])?$")
_BEFORE_PAIR = re.compile(rb"(?i)(?<![\w.-])(?:name|key|variable|var|id|property)[\"']?[ \t]*[:=][ \t]*[\"']?$")
_NEXT = re.compile(rb"[\w.-]+=|[#;,}\\\"'&|<>-]|//")
"""What may follow a bare literal on its line; anything else makes a sentence of it."""
_SUFFIX = re.compile(
    r"(?i)[_.-]?(?:ur[il]s?|path|file|filename|dir|name|type|field|label|hash|digest|checksum|length|len|min|max|regex"
    r"|pattern|policy|expir\w*|ttl|timeout|enabled|required|hint|help|title|placeholder|message|msg|error|prompt|form"
    r"|widget|class|style|icon|format|encoding|algorithm|ref|version|count|index|model|view|template|email|reset\w*)s?$"
)
_CODE = frozenset(
    {
        *("py", "pyi", "js", "mjs", "cjs", "jsx", "ts", "tsx", "vue", "java", "kt", "kts", "scala", "go", "rs", "rb"),
        *("php", "c", "h", "cc", "cpp", "hpp", "cs", "swift", "lua", "pl", "m", "dart", "ex", "exs", "erl", "clj"),
        *("groovy", "gradle", "r", "jl", "sql", "css", "scss", "less"),
    }
)
"""Endings of files in which a bare word is an identifier, not a literal."""


def pattern_problem(pattern: str) -> str:
    """Why `pattern` cannot be used, in words for a person; "" when it can."""
    import re2

    if not pattern.strip():
        return "the pattern is empty"
    try:
        program = re2.compile(pattern, _options(sensitive=True))
    except re2.error as error:
        reason = error.args[0] if error.args else "unknown reason"
        reason = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        return f"not a pattern of RE2: {reason}" + _advice(pattern)
    if program.programsize > _PROGRAM_MAX:
        return "the pattern grows too large; use smaller repetitions"
    return "the pattern matches the empty text" if program.fullmatch("") else ""


def _advice(pattern: str) -> str:
    if re.search(r"\(\?<?[=!]", pattern):
        return " (look-ahead and look-behind are not supported)"
    return " (back-references are not supported)" if re.search(r"\\[1-9]|\(\?P=", pattern) else ""


class Patterns:
    """A set of configured patterns, compiled once."""

    def __init__(self, patterns: Sequence[str]) -> None:
        """Raises ValueError for a pattern that `pattern_problem` names a problem of."""
        import re2

        for pattern in patterns:
            if problem := pattern_problem(pattern):
                raise ValueError(f"{pattern!r}: {problem}")
        self._patterns = tuple(
            (pattern, re2.compile(pattern, _options()), re2.compile(pattern, _options(sensitive=True)))
            for pattern in patterns
        )
        self.expression = "|".join(f"(?:{pattern})" for pattern in patterns)
        """All patterns in one; where this matches nothing, nothing will be found."""
        self._any = re2.compile(self.expression, _options()) if patterns else None
        # A pattern that is just a name can only match a name.
        self._shapes = tuple(
            (pattern, strict)
            for pattern, _, strict in self._patterns
            if not re.fullmatch(r"[\w-]+", pattern) or credential_shaped(pattern)
        )
        self._known: dict[str, str] = {}

    def find(self, content: bytes, path: str = "") -> Iterator[Hit]:
        """What the patterns find in `content`; `path` tells code from configuration by its ending. Each place
        once, in no particular order."""
        if self._any is None:
            return
        code = path.rpartition(".")[2].lower() in _CODE
        seen: set[tuple[int, int]] = set()
        looked = 0
        for found in self._any.finditer(content):
            start, end = found.span()
            if end <= looked or start == end:
                continue
            first, looked = _around(content, start, end)
            for hit in (*self._named(content, first, looked, code), *self._shaped(content, start, looked)):
                if (hit.start, hit.end) not in seen:
                    seen.add((hit.start, hit.end))
                    yield hit

    def _named(self, content: bytes, first: int, last: int, code: bool) -> Iterator[Hit]:
        """Literals given to names that begin in content[first:last]."""
        for found in _NAME.finditer(content, first, last):
            start, end = found.span()
            rule = self._names(content[start : min(end, start + _NAME_MAX)].decode())
            if rule:
                for value, at, to in _values(content, start, end, code):
                    yield Hit(f"pattern {rule}", at, to, value)

    def _shaped(self, content: bytes, first: int, last: int) -> Iterator[Hit]:
        """Credentials that begin in content[first:last], or at `first` and end behind `last`."""
        for pattern, strict in self._shapes:
            at = strict.match(content, first, min(len(content), first + _LONGEST_MATCH))
            inside = strict.finditer(content, at.end() if at else first + 1, last)
            for found in (at, *inside) if at else inside:
                start, end = found.span(1 if strict.groups else 0)
                value = content[start:end].decode("utf-8", "replace")
                if (strict.groups and value and not reference(value)) or (
                    not strict.groups and credential_shaped(value)
                ):
                    yield Hit(f"pattern {pattern}", start, end, value)

    def _names(self, name: str) -> str:
        """The pattern that takes `name` for the name of a secret, or ""."""
        known = self._known.get(name)
        if known is None:
            if len(self._known) > 10_000:
                self._known.clear()
            known = self._known[name] = self._look_up(name)
        return known

    def _look_up(self, name: str) -> str:
        for pattern, loose, _ in self._patterns:
            found = loose.search(name)
            if found and found.end() > found.start() and not _SUFFIX.fullmatch(name[found.end() :]):
                return pattern
        return ""


def _around(content: bytes, start: int, end: int) -> tuple[int, int]:
    """What to look at for a match: the whole name of which it is a part, or else its lines."""
    if _NAME.fullmatch(content, start, end):
        while start and content[start - 1] in _NAME_BYTES:
            start -= 1
        while end < len(content) and content[end] in _NAME_BYTES:
            end += 1
        return start, end
    first = max(content.rfind(b"\n", 0, start) + 1, start - _LINE_MAX)
    last = content.find(b"\n", end, end + _LINE_MAX)
    return first, last if last >= 0 else min(len(content), end + _LINE_MAX)


def _values(content: bytes, start: int, end: int, code: bool) -> Iterator[tuple[str, int, int]]:
    """(value, from, to) of each literal that is given to the name at content[start:end]."""
    forms = [(_ASSIGNED, not code)]
    before = content[max(0, start - 80) : start]
    if before.endswith(b"--"):
        forms.append((_AFTER_FLAG, True))
    if before.endswith((b"<", b"'", b'"')) and _BEFORE_ELEMENT.search(before):
        forms.append((_IN_ELEMENT, True))
    if before.endswith((b"'", b'"', b" ", b":", b"=", b"\t")) and _BEFORE_PAIR.search(before):
        forms.append((_IN_PAIR, True))
    for form, bare in forms:
        found = form.match(content, end, end + _AFTER)
        if found:
            at, to = _literal(content, *found.span("value"), bare=bare)
            value = content[at:to].decode("utf-8", "replace")
            if literal_secret(value):
                yield value, at, to


def _literal(content: bytes, start: int, end: int, *, bare: bool) -> tuple[int, int]:
    """Where the literal that is written at content[start:end] stands; (0, 0) when it is none."""
    value = content[start:end]
    prefix = len(value) - len(value.lstrip(b"rbfuRBFU@")) if value[-1:] in (b'"', b"'") else 0
    quote = value[prefix : prefix + 1]
    if quote in (b'"', b"'", b"`") and len(value) > prefix + 1 and value[-1:] == quote:
        if b"f" in value[:prefix].lower() and b"{" in value:
            return 0, 0
        return start + prefix + 1, end - 1
    if not bare or re.match(rb"[\w.]+[(\[]", value):
        return 0, 0
    rest = content[end : end + 40].split(b"\n", 1)[0].strip()
    if rest and not _NEXT.match(rest):
        return 0, 0
    return start, start + len(value.rstrip(b",;)]}\\"))


def _options(*, sensitive: bool = False) -> Any:
    import re2

    options = re2.Options()
    options.case_sensitive = sensitive
    options.log_errors = False
    options.max_mem = 32 << 20
    return options
