"""What a model says about a value, as people read it: which key, where, what is wrong, what is probably meant."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from directional_sync.config.schema_parts import ENV_NAME, TARGET_NAME, TARGET_NAME_MAX
from directional_sync.core.yaml12 import Document, Path
from directional_sync.errors import Problem

_MEANT = {
    "both": "bidirectional",
    "two-way": "bidirectional",
    "sync": "bidirectional",
    "import": "pull",
    "fetch": "pull",
    "download": "pull",
    "export": "push",
    "publish": "push",
    "upload": "push",
    "ours": "repo",
    "theirs": "remote",
    "ask": "stop",
    "fail": "stop",
}
_BOOLEANS = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}
_KINDS = {
    "string_type": "text",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "list_type": "a list",
    "tuple_type": "a list",
    "set_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "finite_number": "a finite number",
}


def found(errors: Sequence[Mapping[str, Any]], model: type[BaseModel], base: Path, document: Document) -> list[Problem]:
    """The problems behind pydantic's `errors` about the part of the file at `base`, one for each place."""
    problems: dict[Path, Problem] = {}
    unknown: dict[Path, list[str]] = {}
    for error in errors:
        if error["type"] == "extra_forbidden":
            path = _path(error, base, document)
            unknown.setdefault(path[:-1], []).append(str(path[-1]))
    for error in errors:
        path = _path(error, base, document)
        if error["type"] == "missing" and _misspelt(str(path[-1]), unknown.get(path[:-1], [])):
            continue  # the typo is reported; that the right key is missing follows from it
        if path not in problems:
            problems[path] = _problem(error, path, model, base, document)
    return list(problems.values())


def places(errors: Sequence[Mapping[str, Any]], base: Path, document: Document) -> list[Path]:
    """The path of each error in the file."""
    return [_path(error, base, document) for error in errors]


def near(value: str, known: Iterable[str]) -> str:
    """The one of `known` that `value` probably means, or ""."""
    names = list(known)
    meant = _MEANT.get(value.lower(), "")
    if meant in names:
        return meant
    folded = {name.lower().replace("-", "_"): name for name in names}
    close = difflib.get_close_matches(value.lower().replace("-", "_"), folded, n=1, cutoff=0.6)
    return folded[close[0]] if close else ""


def _misspelt(key: str, unknown: Sequence[str]) -> bool:
    return any(near(name, [key]) for name in unknown)


def _path(error: Mapping[str, Any], base: Path, document: Document) -> Path:
    """Where in the file: without the names of union members and other parts that are not keys."""
    path = base
    location = error["loc"]
    for index, part in enumerate(location):
        last = index == len(location) - 1
        if (*path, part) in document.values or (last and error["type"] in ("missing", "extra_forbidden")):
            path = (*path, part)
    key = error.get("ctx", {}).get("key")
    return (*path, key) if not location and key and (*path, key) in document.values else path


def _problem(error: Mapping[str, Any], path: Path, model: type[BaseModel], base: Path, document: Document) -> Problem:
    kind, context, value = str(error["type"]), error.get("ctx", {}), error.get("input")
    key = _key(path)
    if kind == "missing":
        return document.problem(f"`{path[-1]}` is missing", document.near(path[:-1], key=True))
    if kind == "extra_forbidden":
        return _unknown_key(path, model, base, document)
    at_key = "[key]" in error["loc"] or isinstance(value, dict | list) or kind == "too_short"
    span = document.near(path, key=at_key)
    code = kind if kind.startswith("E-") else "E-CONFIG"
    message, hint = _worded(kind, context, value, key, document.written(path))
    if not message:
        message = _own(error, key)
        hint = str(context.get("hint", ""))
    return document.problem(message, span, hint, code)


def _own(error: Mapping[str, Any], key: str) -> str:
    """The sentence of a validator, which may or may not name its key."""
    said = str(error["msg"]).removeprefix("Value error, ").rstrip(".")
    return said if not key or f"`{key}`" in said else f"`{key}`: {said}"


def _key(path: Path) -> str:
    return next((part for part in reversed(path) if isinstance(part, str)), "")


def _worded(kind: str, context: Mapping[str, Any], value: Any, key: str, written: str) -> tuple[str, str]:
    """(message, hint); ("", "") for what words itself."""
    if kind in _KINDS:
        return f"`{key}` must be {_KINDS[kind]}, not {_seen(value, written)}", _instead(kind, value, key, written)
    if kind in ("enum", "literal_error"):
        options = re.findall(r"'([^']*)'", str(context.get("expected", "")))
        meant = near(str(value), options)
        message = f"{_seen(value, written)} is no `{key}`" + (f", did you mean {meant}?" if meant else "")
        return message, f"one of {', '.join(options)}"
    if kind == "string_pattern_mismatch":
        return _pattern(str(context.get("pattern", "")), value, key)
    if kind == "string_too_long":
        return f"`{key}` is too long: at most {context.get('max_length', TARGET_NAME_MAX)} characters", ""
    if kind in ("greater_than_equal", "greater_than", "less_than_equal", "less_than"):
        bound = next((context[name] for name in ("ge", "gt", "le", "lt") if name in context), "")
        words = {"greater_than_equal": "at least", "less_than_equal": "at most"}
        return f"`{key}` must be {words.get(kind, kind.replace('_', ' '))} {bound}", ""
    if kind == "too_short":
        return f"`{key}` is empty", "name at least one"
    return "", ""


def _pattern(pattern: str, value: Any, key: str) -> tuple[str, str]:
    if pattern == TARGET_NAME:
        return f"{value!r} is no name for a target", "letters, digits, `_`, `-`, `.`; begins with a letter or digit"
    if pattern == ENV_NAME:
        hint = "the name alone, without `$` and value" if re.search(r"[$=]", str(value)) else "letters, digits and `_`"
        return f"{value!r} is no name of an environment variable", hint
    return f"`{key}` does not look right: {value!r}", f"it must match {pattern}"


def _seen(value: Any, written: str) -> str:
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if value is None:
        return "nothing"
    shown = written if written and len(written) <= 40 else str(value)[:40]
    kind = {bool: "a boolean", int: "a number", float: "a number", str: "text"}[type(value)]
    return f"{shown} ({kind})" if kind != "text" else shown


def _instead(kind: str, value: Any, key: str, written: str) -> str:
    if kind == "string_type" and isinstance(value, bool | int | float):
        return f'{key}: "{written or value}"'
    if kind.startswith("bool") and str(value).lower() in _BOOLEANS:
        return f"{key}: {_BOOLEANS[str(value).lower()]}"
    if kind in ("list_type", "tuple_type") and isinstance(value, str):
        return f"{key}: [{written or value}]"
    if isinstance(value, str) and kind.startswith(("int", "float")) and re.fullmatch(r"-?[0-9]+", value):
        return f"{key}: {value}"
    return ""


def _unknown_key(path: Path, model: type[BaseModel], base: Path, document: Document) -> Problem:
    key = str(path[-1])
    around = model_at(model, path[len(base) : -1])
    span = document.keys.get(path) or document.near(path, key=True)
    if around is None:
        return document.problem(f"unknown key `{key}`", span)
    meant = near(key, around.model_fields)
    if meant:
        return document.problem(f"unknown key `{key}`, did you mean `{meant}`?", span)
    for name in around.model_fields:
        inner = model_at(around, (name,))
        if inner is not None and key in inner.model_fields:
            return document.problem(f"unknown key `{key}`", span, f"it belongs under `{name}`")
    return document.problem(f"unknown key `{key}`", span, f"known here: {', '.join(around.model_fields)}")


def model_at(model: type[BaseModel], path: Path) -> type[BaseModel] | None:
    """The model of the mapping at `path` inside `model`; None where anything may be written."""
    at: Any = model
    for part in path:
        inner = _model(at)
        if inner is not None:
            if part not in inner.model_fields:
                return None
            at = inner.model_fields[str(part)].annotation
        else:
            at = _items(at)
    return _model(at)


def _items(annotation: Any) -> Any:
    """What a list or mapping holds."""
    for candidate in (annotation, *get_args(annotation)):
        if get_origin(candidate) in (list, dict, tuple):
            return get_args(candidate)[-1]
    return None


def _model(annotation: Any) -> type[BaseModel] | None:
    """The model that an annotation is, or is one of (`Part | None`)."""
    if get_origin(annotation) in (list, dict, tuple):
        return None
    for candidate in (annotation, *get_args(annotation)):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None
