"""What no single value can be blamed for: keys that exclude each other, and targets that get into each other's way."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from directional_sync import plugins
from directional_sync.config.mistakes import near
from directional_sync.config.overlap import covers, inside, overlap
from directional_sync.config.schema import ConcurrencyPart
from directional_sync.config.schema_deliver import DeliverPart
from directional_sync.config.schema_safety import SafetyPart
from directional_sync.config.schema_target import DefaultsPart, TargetPart
from directional_sync.core import globs
from directional_sync.core.order import cycle
from directional_sync.core.yaml12 import Document, Path
from directional_sync.errors import Problem
from directional_sync.model.target import Direction, OnConflict

PROTECTED = (".github/workflows", ".github/actions", ".gitmodules", "scripts/sync_directional.py")
"""What steers CI and this program, and is written by people only; so is the file itself and its lock."""

_CREDENTIALS = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://[^/@\s:]+:[^/@\s]+@")


@dataclass(frozen=True)
class File:
    """What was read well enough to be looked at as a whole."""

    document: Document
    names: tuple[str, ...]
    """All targets, those with mistakes included."""
    targets: Mapping[str, TargetPart]
    defaults: DefaultsPart
    safety: SafetyPart
    broken: frozenset[str] = frozenset()
    """Targets with keys that could not be understood: that a key is missing there means nothing."""
    deliver: DeliverPart | None = None
    concurrency: ConcurrencyPart = ConcurrencyPart()

    def direction(self, name: str) -> Direction | None:
        return self.targets[name].direction or self.defaults.direction


def problems(file: File) -> Iterator[Problem]:
    """All of them, in no order."""
    for name in file.targets:
        yield from _target(file, name)
        yield from _needs(file, name)
        yield from _protected(file, name)
    yield from _cycle(file)
    yield from _overlaps(file)
    yield from _gates(file)


def _target(file: File, name: str) -> Iterator[Problem]:
    target, document, base = file.targets[name], file.document, ("targets", name)
    if target.entrypoint is None and target.remote is None and name not in file.broken:
        span = document.near(base, key=True)
        yield document.problem(f"`{name}` names neither `entrypoint` nor `remote`", span, "one of them does the work")
    if target.entrypoint is not None and target.remote is not None:
        line = document.near((*base, "entrypoint"), key=True).line
        span = document.near((*base, "remote"), key=True)
        yield document.problem(f"`remote` and `entrypoint` (line {line}) exclude each other", span, "keep one of them")
    if target.entrypoint is None and name not in file.broken:
        for key in ("args", "dry_run_flag", "fresh_outputs"):
            if getattr(target, key) is not None:
                yield document.problem(f"`{key}` is for an `entrypoint`", document.near((*base, key), key=True))
    direction = file.direction(name)
    if direction is None and name not in file.broken:
        span = document.near(base, key=True)
        yield document.problem(f"`{name}` has no `direction`, and `defaults` has none", span, "direction: pull")
    if direction is not None and not (name in file.broken and target.direction is None):
        yield from _directed(file, name, direction)
    verification = target.verification
    if verification is not None:
        yield from _bounds(document, (*base, "verification"), verification, "expected_min", "expected_max")


def _directed(file: File, name: str, direction: Direction) -> Iterator[Problem]:
    """What the direction rules out and what it needs."""
    target, document, base = file.targets[name], file.document, ("targets", name)
    for key, excluded in (("inputs", Direction.PULL), ("outputs", Direction.PUSH)):
        if getattr(target, key) and direction is excluded:
            span = document.near((*base, key), key=True)
            other = "outputs" if key == "inputs" else "inputs"
            yield document.problem(f"a {direction} target has no `{key}`", span, f"a {direction} has `{other}`")
    if direction is Direction.PULL and not target.outputs and name not in file.broken:
        span = document.near((*base, "outputs") if target.outputs is not None else base, key=True)
        yield document.problem(f"`{name}` pulls, but names no `outputs`", span, 'outputs: ["folder/**"]')
    both = direction is Direction.BIDIRECTIONAL and target.remote is not None
    if both and not target.outputs and not target.inputs and name not in file.broken:
        span = document.near((*base, "outputs") if target.outputs is not None else base, key=True)
        hint = 'outputs: ["folder/**"] is what both sides share'
        yield document.problem(f"`{name}` goes both ways, but names no `outputs`", span, hint)
    said = target.policy.on_conflict if target.policy is not None else None
    if said in (OnConflict.NEWER, OnConflict.KEEP_BOTH) and direction is not Direction.BIDIRECTIONAL:
        span = document.near((*base, "policy", "on_conflict"))
        yield document.problem(f"`on_conflict: {said}` needs both directions", span, "stop, repo or remote")
    yield from _read_only(file, name, direction)
    kind = (target.remote or {}).get("type")
    if isinstance(kind, str) and plugins.known(kind) and direction not in plugins.directions(kind):
        allowed = " or ".join(plugins.directions(kind))
        span = document.near((*base, "direction"))
        what = "cannot be written" if Direction.PULL in plugins.directions(kind) else "is only written to"
        yield document.problem(f"a {kind} remote {what}, so the direction must be {allowed}", span)
    if target.fresh_outputs and direction is not Direction.PULL:
        span = document.near((*base, "fresh_outputs"), key=True)
        yield document.problem("`fresh_outputs` is for a pull", span)


def _read_only(file: File, name: str, direction: Direction) -> Iterator[Problem]:
    policy, base = file.targets[name].policy, ("targets", name, "policy")
    if policy is None:
        return
    if policy.read_only is not None and direction is not Direction.BIDIRECTIONAL:
        span = file.document.near((*base, "read_only"), key=True)
        yield file.document.problem("`read_only` needs both directions", span, f"a {direction} writes one side only")
    default = file.defaults.policy
    if policy.on_read_only is not None and policy.read_only is None and (default is None or default.read_only is None):
        span = file.document.near((*base, "on_read_only"), key=True)
        yield file.document.problem("`on_read_only` needs `read_only`", span, "read_only: remote")


def credentials(document: Document, values: object, path: Path) -> Iterator[Problem]:
    """User names with passwords in addresses, anywhere below `path`."""
    if isinstance(values, str) and _CREDENTIALS.search(values):
        hint = "a secret is only ever referred to by name"
        yield document.problem("this address holds a password", document.near(path), hint, "E-URL-CREDENTIALS")
    items = values.items() if isinstance(values, dict) else enumerate(values) if isinstance(values, list) else ()
    for key, value in items:
        yield from credentials(document, value, (*path, key))


def _bounds(document: Document, path: Path, part: object, low: str, high: str) -> Iterator[Problem]:
    least, most = getattr(part, low), getattr(part, high)
    if least is not None and most is not None and least > most:
        span = document.near((*path, low))
        yield document.problem(f"`{low}` {least:g} is more than `{high}` {most:g}, so it can never pass", span)


def _needs(file: File, name: str) -> Iterator[Problem]:
    for index, need in enumerate(file.targets[name].needs or ()):
        span = file.document.near(("targets", name, "needs", index))
        if need == name:
            yield file.document.problem(f"`{name}` needs itself", span, "remove it")
        elif need not in file.names:
            meant = near(need, [other for other in file.names if other != name])
            message = f"`{name}` needs `{need}`, which is no target"
            hint = f"did you mean `{meant}`?" if meant else f"there are: {', '.join(file.names)}"
            yield file.document.problem(message, span, hint)


def _cycle(file: File) -> Iterator[Problem]:
    """Every cycle once, at the need that closes it."""
    needs = {name: [n for n in target.needs or () if n != name] for name, target in file.targets.items()}
    while path := cycle(needs):
        *_, last, first = path
        index = (file.targets[last].needs or []).index(first)
        span = file.document.near(("targets", last, "needs", index))
        yield file.document.problem(f"the needs form a cycle: {' -> '.join(path)}", span, "remove one of them")
        needs[last].remove(first)


def _written(file: File, name: str) -> Iterator[tuple[str, Path]]:
    """The globs under which a target may write into the repository, with their places."""
    direction, target = file.direction(name), file.targets[name]
    if direction is not Direction.PUSH:
        for index, glob in enumerate(target.outputs or ()):
            yield glob, ("targets", name, "outputs", index)
    if direction is Direction.BIDIRECTIONAL:
        for index, glob in enumerate(target.inputs or ()):
            yield glob, ("targets", name, "inputs", index)


def _overlaps(file: File) -> Iterator[Problem]:
    written = [(name, glob, path) for name in file.targets for glob, path in _written(file, name)]
    reported: set[tuple[str, Path]] = set()
    for at, (name, glob, path) in enumerate(written):
        for other, theirs, their_path in written[:at]:
            if other == name or (other, path) in reported or not overlap(glob, theirs):
                continue
            reported.add((other, path))
            line = file.document.near(their_path).line
            message = f"`{glob}` of `{name}` overlaps `{theirs}` of `{other}` (line {line})"
            hint = "a path belongs to one target only: name folders more closely"
            yield file.document.problem(message, file.document.near(path), hint)


def _protected(file: File, name: str) -> Iterator[Problem]:
    """Globs that mean a protected path. A glob that merely could name one is left to the gate, which sees names."""
    beside = file.document.name.rpartition("/")[0]
    kept = [f"{beside}/{name}".lstrip("/") for name in ("sync.lock", "approved.yaml")]
    own = [] if file.document.name.startswith("/") else [file.document.name, *kept]
    extra = [glob.removesuffix("/**") for glob in file.safety.protected or () if not re.search(r"[*?\[]", glob[:-3])]
    allowed = file.safety.allow_protected or ()
    for glob, path in _written(file, name):
        for protected in (*own, *PROTECTED, *extra):
            if not (inside(glob, protected) or covers(glob, protected)) or _allowed(protected, allowed):
                continue
            message = f"`{glob}` takes in {protected}, which no target may write"
            hint = f"name folders more closely, or put {protected} under safety.allow_protected"
            yield file.document.problem(message, file.document.near(path), hint)
            break


def _allowed(protected: str, allowed: tuple[str, ...] | list[str]) -> bool:
    return any(glob.removesuffix("/**") == protected or globs.matches(protected, (glob,)) for glob in allowed)


def _gates(file: File) -> Iterator[Problem]:
    for index, gate in enumerate(file.safety.drift_gates or ()):
        base = ("safety", "drift_gates", index)
        yield from _bounds(file.document, base, gate, "min_value", "max_value")
        for at, glob in enumerate(gate.targets or ()):
            if not any(fnmatch.fnmatchcase(name, glob) for name in file.names):
                meant = near(glob, file.names)
                hint = f"did you mean `{meant}`?" if meant else f"there are: {', '.join(file.names)}"
                span = file.document.near((*base, "targets", at))
                yield file.document.problem(f"`{glob}` matches no target", span, hint)
