"""YAML 1.2 with the place of every key and value: PyYAML's composer, and an own builder on its nodes.

The builder knows the core schema and nothing else: `on`, `yes`, `012` and `2:30` are what they look like, dates
stay text, a key that is written twice is a mistake instead of a silent winner, tags that would make other types
are refused, and neither deep nesting nor aliases of aliases can make it grow. Keys are always text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from directional_sync.errors import Problem

BYTES_MAX = 1_000_000
DEPTH_MAX = 60
VALUES_MAX = 50_000
"""How many values a file may come to, aliases counted as often as they are used."""
_MENDED_MAX = 20

Path = tuple[str | int, ...]

_Loader: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)

_INT = re.compile(r"[-+]?[0-9]+")
_OCTAL, _HEX = re.compile(r"0o[0-7]+"), re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_INFINITE = re.compile(r"([-+]?)\.(?:inf|Inf|INF)")
_WORDS: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}
_CORE = {f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "map", "seq")}
_DIGITS_MAX = 30
_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
"""What the parser counts as the end of a line."""


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of one line; line and column are 1-based, width is in characters."""

    line: int
    column: int
    width: int = 1


@dataclass
class Document:
    """What a file holds, where everything is, and what is wrong with it as YAML."""

    name: str
    lines: list[str]
    data: Any = None
    keys: dict[Path, Span] = field(default_factory=dict)
    """Where a key is, by the path of its value."""
    values: dict[Path, Span] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    mended: set[int] = field(default_factory=set)
    """Lines that were changed to read on after a mistake; what else is wrong there follows from it."""

    def line(self, number: int) -> str:
        return self.lines[number - 1] if 0 < number <= len(self.lines) else ""

    def near(self, path: Path, *, key: bool = False) -> Span:
        """The span of `path`, or of the nearest thing around it."""
        first, second = (self.keys, self.values) if key else (self.values, self.keys)
        while path:
            found = first.get(path) or second.get(path)
            if found is not None:
                return found
            path = path[:-1]
        return Span(1, 1)

    def written(self, path: Path) -> str:
        """The value as it is written, when it is within one line."""
        span = self.values.get(path)
        return self.line(span.line)[span.column - 1 : span.column - 1 + span.width] if span else ""

    def problem(self, message: str, span: Span, hint: str = "", code: str = "E-CONFIG") -> Problem:
        return Problem(message, self.name, span.line, span.column, span.width, self.line(span.line), hint, code)


def read(content: bytes, name: str, *, merges: bool = False) -> Document:
    """Reads one document. Never raises: what is wrong is in `problems`, and `data` is what could be read. `merges`:
    `<<` takes in the keys of other mappings, as files of YAML 1.1 mean it."""
    document = Document(name, [])
    if len(content) > BYTES_MAX:
        size = f"{len(content):,} bytes"
        document.problems.append(Problem(f"the file is too large: {size}, at most {BYTES_MAX:,}", name))
        return document
    text = _decoded(content, document)
    if document.problems:
        return document
    document.lines = _BREAK.split(text)
    node = _composed(text, document)
    if node is not None:
        document.data = _Builder(document, merges).build(node)
    return document


def _decoded(content: bytes, document: Document) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in content[:200]:
        problem = Problem(
            "the file is not UTF-8 (it looks like UTF-16)", document.name, 1, 1, hint="save it as UTF-8 in your editor"
        )
        document.problems.append(problem)
        return ""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line = before.count(b"\n") + 1
        column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
        source = content.split(b"\n")[line - 1].decode("utf-8", "replace").rstrip("\r")
        message = f"the file is not UTF-8: byte 0x{content[error.start]:02x} here"
        hint = "save it as UTF-8 in your editor"
        document.problems.append(Problem(message, document.name, line, column, 1, source, hint))
        return ""


def _composed(text: str, document: Document) -> yaml.Node | None:
    """The node tree. An unquoted value that YAML cannot begin with is reported, and read on after."""
    for _ in range(_MENDED_MAX):
        try:
            node: yaml.Node | None = _Loader(text).get_single_node()
            return node
        except yaml.reader.ReaderError as error:
            at = text[: error.position]
            span = Span(at.count("\n") + 1, len(at) - at.rfind("\n"))
            shown = f"U+{ord(error.character):04X}" if isinstance(error.character, str) else f"U+{error.character:04X}"
            document.problems.append(document.problem(f"the character {shown} is not allowed in YAML", span))
            return None
        except RecursionError:
            document.problems.append(Problem(f"nested too deeply, at most {DEPTH_MAX} levels", document.name))
            return None
        except yaml.MarkedYAMLError as error:
            mended = _syntax(error, text, document)
            if mended is None:
                return None
            text = mended
    return None


def _syntax(error: yaml.MarkedYAMLError, text: str, document: Document) -> str | None:
    """Reports one syntax error; answers the text with the offending character replaced where that helps."""
    problem, context = error.problem or "", error.context or ""
    mark = error.problem_mark or error.context_mark
    if error.context_mark is not None and ("alias" in context or ("quoted scalar" in context and "end of" in problem)):
        mark = error.context_mark
    if mark is None:
        document.problems.append(Problem(problem or "the file is not YAML", document.name))
        return None
    if mark.index >= len(text.rstrip()) and error.context_mark is not None:
        mark, problem = error.context_mark, "end of stream"  # where it began says more than where the file ends
    line, column = min(mark.line + 1, len(document.lines)), mark.column + 1
    source = document.line(line)
    found = source[column - 1 : column]
    span = Span(line, column)
    if "cannot start any token" in problem and (found == "\t" or "\t" in source[: column - 1]):
        span = Span(line, source.index("\t") + 1)
        document.problems.append(document.problem("a tab cannot indent YAML", span, "use spaces"))
        return None
    if (found == "*" and ("alias" in context or "alias" in problem)) or (found in "@`%" and "start any" in problem):
        message, hint = f"a value starting with {found} must be quoted in YAML", _quoted(source, column)
        document.problems.append(document.problem(message, span, hint))
        document.mended.add(line)
        at = mark.index
        return f"{text[:at]}x{text[at + 1 :]}" if text[at : at + 1] == found else None
    message, hint = _worded(problem, context, error)
    document.problems.append(document.problem(message, span, hint))
    return None


def _quoted(source: str, column: int) -> str:
    before, value = source[: column - 1].strip(), source[column - 1 :].strip()
    plain = re.split(r"\s#", value)[0].rstrip()
    if "[" in before or "{" in before:
        before, plain = "", re.split(r"[],}]", plain)[0].rstrip()
    return f'{before} "{plain}"' if before.endswith((":", "-")) else f'"{plain}"'


_SYNTAX = (
    ("nesting depth", f"nested too deeply, at most {DEPTH_MAX} levels", ""),
    ("mapping values are not allowed", "a `:` does not fit here", "check the indentation, or quote the value"),
    ("single document", "the file holds more than one document", "remove the line `---`"),
    ("undefined alias", "this alias is not defined before", "quote the value, if no alias is meant"),
    ("duplicate anchor", "this anchor is already defined", "give it another name"),
    ("unknown escape", "this backslash sequence means nothing in double quotes", "use single quotes"),
    ("end of stream", "this quote or bracket is never closed", "close it"),
    ("tab character", "a tab cannot indent YAML", "use spaces"),
)


def _worded(problem: str, context: str, error: yaml.MarkedYAMLError) -> tuple[str, str]:
    for part, message, hint in _SYNTAX:
        if part in problem or part in context:
            return message, hint
    if "flow" in context and error.context_mark is not None:
        opened = f"line {error.context_mark.line + 1}, column {error.context_mark.column + 1}"
        return f"a comma or the closing bracket is missing (opened in {opened})", "close it"
    if "block" in context:
        return "this does not fit here", "check the indentation and the quotes"
    return f"this is not YAML: {problem}", ""


class _Builder:
    """Node tree -> data, with places. Breadth is limited by VALUES_MAX, depth by DEPTH_MAX."""

    def __init__(self, document: Document, merges: bool) -> None:
        self._document = document
        self._merges = merges
        self._left = VALUES_MAX

    def build(self, node: yaml.Node) -> Any:
        try:
            return self._value(node, (), 0)
        except _Stop as stop:
            self._document.problems.append(self._document.problem(str(stop), stop.span))
            return None

    def _value(self, node: yaml.Node, path: Path, depth: int) -> Any:
        self._left -= 1
        if depth > DEPTH_MAX:
            raise _Stop(f"nested too deeply, at most {DEPTH_MAX} levels", self._span(node))
        if self._left < 0:
            raise _Stop(f"the file comes to more than {VALUES_MAX:,} values, aliases included", self._span(node))
        self._document.values[path] = self._span(node)
        if not self._tag_fits(node):
            return None
        if isinstance(node, yaml.MappingNode):
            return {key: self._value(value, (*path, key), depth + 1) for key, value in self._items(node, path)}
        if isinstance(node, yaml.SequenceNode):
            return [self._value(item, (*path, index), depth + 1) for index, item in enumerate(node.value)]
        return self._scalar(node) if isinstance(node, yaml.ScalarNode) else None

    def _items(self, node: yaml.MappingNode, path: Path) -> Iterator[tuple[str, yaml.Node]]:
        seen: dict[str, Span] = {}
        own = [pair for pair in node.value if not self._merging(pair[0])]
        taken_in = self._taken_in(node, 0) if len(own) < len(node.value) else {}
        for key, value in own:
            span = self._span(key)
            if not isinstance(key, yaml.ScalarNode):
                self._problem("a key must be text", span)
                continue
            name = str(key.value)
            if name == "<<" and not key.style:
                self._problem("`<<` merges nothing in YAML 1.2", span, "write the keys out, or use `defaults`")
                continue
            if name in seen:
                first = seen[name].line
                self._problem(f"the key `{name}` is written twice, first in line {first}", span, "keep one of them")
                continue
            seen[name] = span
            self._document.keys[(*path, name)] = span
            yield name, value
        for name, (key, value) in taken_in.items():
            if name not in seen:
                self._document.keys[(*path, name)] = self._span(key)
                yield name, value

    def _merging(self, key: yaml.Node) -> bool:
        return self._merges and isinstance(key, yaml.ScalarNode) and key.value == "<<" and not key.style

    def _taken_in(self, node: yaml.MappingNode, depth: int) -> dict[str, tuple[yaml.Node, yaml.Node]]:
        """What `<<` brings into `node`: name -> key and value. Of several mappings the first that has a key wins."""
        found: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        for value in [value for key, value in node.value if self._merging(key)]:
            for source in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                self._left -= 1 + len(source.value)
                if depth > DEPTH_MAX or self._left < 0:
                    raise _Stop("`<<` takes in too much", self._span(node))
                if not isinstance(source, yaml.MappingNode):
                    self._problem("`<<` takes in mappings only", self._span(source))
                    continue
                own = {str(key.value): (key, item) for key, item in source.value if isinstance(key, yaml.ScalarNode)}
                own.pop("<<", None)
                found = {**self._taken_in(source, depth + 1), **own, **found}
        return found

    def _tag_fits(self, node: yaml.Node) -> bool:
        kind = "map" if isinstance(node, yaml.MappingNode) else "seq" if isinstance(node, yaml.SequenceNode) else "str"
        fits = {f"tag:yaml.org,2002:{kind}", "!", None} if kind != "str" else {*_CORE, "!", None}
        if node.tag in fits:
            return True
        tag = str(node.tag).replace("tag:yaml.org,2002:", "!!")
        hint = "environment variables are written $NAME" if "env" in tag else "remove it"
        self._problem(f"the tag `{tag}` is not known here", self._span(node), hint)
        return False

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        text = str(node.value)
        span = self._document.values
        tagged = self._document.line(node.start_mark.line + 1)[node.start_mark.column :].startswith("!")
        if node.style or (tagged and node.tag == "tag:yaml.org,2002:str"):
            return text
        value = resolved(text)
        if isinstance(value, int) and len(text) > _DIGITS_MAX:
            self._problem("this number is too long", next(reversed(span.values())))
            return None
        return value

    def _span(self, node: yaml.Node) -> Span:
        start, end = node.start_mark, node.end_mark
        if end.line == start.line:
            return Span(start.line + 1, start.column + 1, max(1, end.column - start.column))
        rest = self._document.line(start.line + 1)[start.column :].rstrip()
        return Span(start.line + 1, start.column + 1, max(1, len(rest)))

    def _problem(self, message: str, span: Span, hint: str = "") -> None:
        self._document.problems.append(self._document.problem(message, span, hint))


class _Stop(Exception):
    """The rest of the file is not read."""

    def __init__(self, message: str, span: Span) -> None:
        super().__init__(message)
        self.span = span


def resolved(text: str) -> Any:
    """A plain scalar by the core schema."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "+-.0123456789":
        return text
    if len(text) > _DIGITS_MAX and _INT.fullmatch(text):
        return 0
    if _INT.fullmatch(text):
        return int(text)
    if _OCTAL.fullmatch(text):
        return int(text[2:], 8)
    if _HEX.fullmatch(text):
        return int(text[2:], 16)
    if _FLOAT.fullmatch(text):
        return float(text)
    infinite = _INFINITE.fullmatch(text)
    return float(f"{infinite[1]}inf") if infinite else text
