"""YAML of data: mappings with text keys, lists and scalars by the rules of YAML 1.2, with lines; nothing else of it.

No tags, no anchors and aliases (a few lines of these stand for billions of values), no key twice. Dates stay text, and
`no` is the word.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

DEPTH_MAX = 50
_NULL = ("", "~", "null", "Null", "NULL")
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_WHOLE = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,99})\Z")
"""Digits after a zero are a code, not a number: they stay text."""
_FLOAT = re.compile(
    r"[-+]?(?:0|[1-9][0-9]*)?(?:\.[0-9]+|(?<=[0-9])\.?[0-9]*[eE][-+]?[0-9]+|(?<=[0-9])\.)(?:[eE][-+]?[0-9]+)?\Z"
)


class BadYaml(ValueError):
    """`line` is 1-based."""

    def __init__(self, reason: str, line: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line


@dataclass(frozen=True)
class Document:
    value: Any
    _root: Any

    def lines(self, rows: str) -> list[int]:
        """1-based lines of the entries of the list at the dotted place `rows`, or of what stands there."""
        node = self._root
        for name in rows.split(".") if rows else ():
            node = next(value for key, value in node.value if key.value == name)
        return [item.start_mark.line + 1 for item in (node.value if node.id == "sequence" else [node])]


def read(text: str) -> Document:
    """Raises BadYaml."""
    import yaml

    try:
        loader = yaml.CSafeLoader if hasattr(yaml, "CSafeLoader") else yaml.SafeLoader
        root = _composed(yaml, loader, text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise BadYaml(str(error.problem or error.context), mark.line + 1 if mark else 1) from None
    except (yaml.YAMLError, ValueError) as error:
        raise BadYaml(" ".join(str(error).split()), 1) from None
    except RecursionError:
        raise BadYaml("it is nested too deeply", 1) from None
    return Document(None if root is None else _value(root, 0), root)


def _composed(yaml: Any, kind: Any, text: str) -> Any:
    """The node of the only document. Aliases are refused before anything is made of them."""
    for event in yaml.parse(text, Loader=kind):
        name = type(event).__name__
        if name == "AliasEvent" or getattr(event, "anchor", None):
            raise BadYaml("anchors and aliases are not read", event.start_mark.line + 1)
        if getattr(event, "tag", None) not in (None, "!"):
            raise BadYaml("tags are not read", event.start_mark.line + 1)
    return yaml.compose(text, Loader=kind)


def _value(node: Any, depth: int) -> Any:
    line = node.start_mark.line + 1
    if depth > DEPTH_MAX:
        raise BadYaml(f"it is nested more than {DEPTH_MAX} deep", line)
    if node.id == "sequence":
        return [_value(item, depth + 1) for item in node.value]
    if node.id == "mapping":
        found: dict[str, Any] = {}
        for key, value in node.value:
            name = key.value if key.id == "scalar" else None
            if name is None:
                raise BadYaml("a key is no text", key.start_mark.line + 1)
            if name in found:
                raise BadYaml(f"the key {name!r} stands twice", key.start_mark.line + 1)
            found[name] = _value(value, depth + 1)
        return found
    return node.value if node.style else _scalar(node.value)


def _scalar(word: str) -> Any:
    if word in _NULL:
        return None
    if word in _BOOLEANS:
        return _BOOLEANS[word]
    if _WHOLE.match(word):
        return int(word)
    return float(word) if _FLOAT.match(word) else word
