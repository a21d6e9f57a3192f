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

_AFTER = 640
"""How many bytes after a name are looked at for its value."""
_LINE_MAX = 8192
_NAME_MAX = 120
_LONGEST_MATCH = 4096
_PROGRAM_MAX = 20_000
"""RE2 instructions: what a pattern may compile to, because each takes memory and time."""

_NAME = re.compile(rb"[A-Za-z_$][\w.$-]*")
_NAME_BYTES = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.$-")
_QUOTED = r"\"(?:[^\"\\\n]|\\.){0,4100}\"|'(?:[^'\\\n]|\\.){0,4100}'"

_ASSIGNED = re.compile(
    rf"""[\"'`\]]{{0,2}}[ \t]{{0,8}}
         (?::[ ]?[A-Za-z_][\w.\[\],|\ ]{{0,40}}=(?!=)|=>|:=|=(?![=~>])|:(?![:=/]))[ \t]{{0,8}}
         (?P<value>[rbfuRBFU@]{{0,2}}(?:{_QUOTED})|`[^`\n]{{0,4100}}`|[^\s\"'`<>]{{1,4100}})""",
    re.VERBOSE,
)
_AFTER_FLAG = re.compile(rf"[ \t]+(?P<value>{_QUOTED}|[^\s\"'-]\S*)")
_IN_ELEMENT = re.compile(r"[\"']?[^<>\n]{0,200}>(?P<value>[^<>\s]{1,4100})</")
_IN_PAIR = re.compile(
    r"[\"']?[^<>]{0,300}?(?<![\w.-])[\"']?(?i:value)[\"']?[ \t]*[:=][ \t]*"
    rf"(?P<value>{_QUOTED}|[^\s\"'<>]{{1,4100}})"
)
_BEFORE_ELEMENT = re.compile(r"<(?:[\w:.-]{1,60}[ ]+(?:name|key|id|property)=[\"'])?$")
_BEFORE_PAIR = re.compile(r"(?i)(?<![\w.-])(?:name|key|variable|var|id|property)[\"']?[ \t]*[:=][ \t]*[\"']?$")
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
        joined = "|".join(f"(?:{pattern})" for pattern in patterns)
        self._any = re2.compile(joined, _options()) if patterns else None
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
        window = content[first : max(last, first + _LONGEST_MATCH)] if self._shapes else b""
        for pattern, strict in self._shapes:
            for found in strict.finditer(window):
                if found.start() >= last - first:
                    break
                group = 1 if strict.groups else 0
                start, end = found.span(group)
                if not 0 < end - start <= _LONGEST_MATCH:
                    continue
                value = window[start:end].decode("utf-8", "replace")
                if (group and not reference(value)) or (not group and credential_shaped(value)):
                    yield Hit(f"pattern {pattern}", first + start, first + end, value)

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
    after = content[end : end + _AFTER].decode("utf-8", "surrogateescape")
    before = content[max(0, start - 80) : start].decode("utf-8", "surrogateescape")
    forms = [(_ASSIGNED, not code)]
    if before.endswith("--"):
        forms.append((_AFTER_FLAG, True))
    if _BEFORE_ELEMENT.search(before):
        forms.append((_IN_ELEMENT, True))
    if _BEFORE_PAIR.search(before):
        forms.append((_IN_PAIR, True))
    for form, bare in forms:
        found = form.match(after)
        if found:
            value, at, to = _literal(found, bare=bare)
            if literal_secret(value):
                yield value, end + _size(after[:at]), end + _size(after[:to])


def _literal(found: re.Match[str], *, bare: bool) -> tuple[str, int, int]:
    """The literal that is assigned and where it stands; "" when it is none."""
    value = found.group("value")
    start, end = found.span("value")
    prefix = len(value) - len(value.lstrip("rbfuRBFU@")) if value[-1] in "\"'" else 0
    if value[prefix] in "\"'`" and len(value) > prefix + 1 and value[-1] == value[prefix]:
        inner = value[prefix + 1 : -1]
        if "f" in value[:prefix].lower() and "{" in inner:
            return "", 0, 0
        return inner, start + prefix + 1, end - 1
    if not bare or re.match(r"[\w.]+[(\[]", value):
        return "", 0, 0
    trimmed = value.rstrip(",;)]}\\")
    rest = found.string[end : end + 40].split("\n")[0].strip()
    if rest and not rest.startswith(("#", "//", ";", ",", "}", "\\", "--", "-", '"', "'", "&", "|", ">", "<")):
        return "", 0, 0  # more words follow: a sentence
    return trimmed, start, start + len(trimmed)


def _line_end(content: bytes, at: int) -> int:
    end = content.find(b"\n", at, at + _AFTER)
    return end if end >= 0 else min(len(content), at + _AFTER)


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogateescape"))


def _options(*, sensitive: bool = False) -> Any:
    import re2

    options = re2.Options()
    options.case_sensitive = sensitive
    options.log_errors = False
    options.max_mem = 32 << 20
    return options
