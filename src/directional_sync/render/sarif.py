"""What is wrong with the file, the workflow and the content, as SARIF 2.1.0: for code scanning and editors."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from directional_sync.core.escape import one_line
from directional_sync.errors import Problem
from directional_sync.model.record import TargetRecord, Verdict
from directional_sync.render.report import clean

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_FOUND_MAX = 5_000
"""GitHub takes this many results of one run, and shows as many."""
_PLACE = re.compile(r"(?P<path>.+?):(?P<line>\d+) {3}(?P<what>.+)")
_SECRET = "E-SECRET"


@dataclass(frozen=True, slots=True)
class Found:
    """One thing that is wrong, with its place."""

    code: str
    message: str
    path: str = ""
    """From the root of the repository."""
    line: int = 0
    """1-based; 0 when it is about the file as a whole."""
    column: int = 0
    warning: bool = False


def of_problems(problems: Iterable[Problem]) -> list[Found]:
    """The mistakes of a file that a person wrote."""
    return [
        Found(one.code, "; ".join(part for part in (one.message, one.hint) if part), one.path, one.line, one.column)
        for one in problems
    ]


def of_records(records: Iterable[TargetRecord], places: Mapping[str, tuple[str, int]]) -> list[Found]:
    """What the gates have found. `places`: target -> (file, line) where it is named. A likely secret is shown where it
    was found, masked; everything else at its target."""
    found = []
    for record in records:
        path, line = places.get(record.target, ("", 0))
        for verdict in record.verdicts:
            if verdict.passed and not (verdict.warning and verdict.code):
                continue
            secrets = _secrets(record.target, verdict)
            text = f"{record.target}: {verdict.gate}: {verdict.message}"
            found += secrets or [Found(verdict.code or "gate", text, path, line, warning=verdict.passed)]
    return found


def _secrets(target: str, verdict: Verdict) -> list[Found]:
    if verdict.code != _SECRET:
        return []
    places = [match for line in verdict.detail if (match := _PLACE.fullmatch(line))]
    return [
        Found(_SECRET, f"{target} would bring a likely secret: {' '.join(one['what'].split())}", one["path"],
              int(one["line"]))
        for one in places
    ]  # fmt: skip


def document(found: Sequence[Found], version: str, pages: Mapping[str, str]) -> dict[str, Any]:
    """The whole document. `pages`: code -> what there is to know about it, in Markdown."""
    codes = sorted({one.code for one in found})
    rules = [_rule(code, pages.get(code, "")) for code in codes]
    driver = {"name": "directional-sync", "version": version, "rules": rules}
    results = [_result(one, codes.index(one.code)) for one in found[:_FOUND_MAX]]
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    cleaned: dict[str, Any] = clean({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]})
    return cleaned


def _rule(code: str, page: str) -> dict[str, Any]:
    first = one_line(page.partition("\n\n")[0], 1000) or code
    help_text = {"help": {"text": page, "markdown": page}} if page else {}
    return {"id": code, "shortDescription": {"text": first}, **help_text}


def _result(one: Found, rule: int) -> dict[str, Any]:
    print_of = hashlib.sha256("\0".join((one.code, one.path, one.message)).encode("utf-8", "replace")).hexdigest()
    region = {"startLine": max(1, one.line), **({"startColumn": one.column} if one.line and one.column else {})}
    where = {"artifactLocation": {"uri": quote(one.path), "uriBaseId": "%SRCROOT%"}, "region": region}
    return {
        "ruleId": one.code,
        "ruleIndex": rule,
        "level": "warning" if one.warning else "error",
        "message": {"text": one.message},
        "locations": [{"physicalLocation": where}] if one.path and not one.path.startswith("/") else [],
        "partialFingerprints": {"directionalSync/v1": print_of[:32]},
    }
