"""From a file to frozen values, or to every mistake in it at once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from directional_sync import plugins
from directional_sync.config import build, mistakes, rules
from directional_sync.config.expand import Expansion, expand
from directional_sync.config.find import find, name_of
from directional_sync.config.schema import VERSIONS, FilePart
from directional_sync.config.schema_parts import ENV_NAME
from directional_sync.config.schema_safety import SafetyPart
from directional_sync.config.schema_target import DefaultsPart, TargetPart
from directional_sync.core import yaml12
from directional_sync.core.yaml12 import Document
from directional_sync.errors import ConfigError, HostError, Problem
from directional_sync.model.target import Concurrency, Config, Place, Target

if TYPE_CHECKING:
    from directional_sync.model.notify import Notify

_PLAIN = frozenset({"HOME", "USER", "LOGNAME", "LANG", "PWD", "TMPDIR", "TZ"})
"""Variables that need no look at whether they are secret."""
_EMPTY_ALLOWED = frozenset({"config", "defaults", "safety", "description"})

M = TypeVar("M", bound=BaseModel)


def load(path: Path, root: Path, environ: Mapping[str, str]) -> Config:
    """The checked content of the file at `path`, variables taken from `environ`. Raises ConfigError with every
    problem, in the order of the file. A variable that is not set is no problem of the file when only targets
    refer to it: see `Target.missing`."""
    return read(_content(path), name_of(path, root), environ)


def read(content: bytes, name: str, environ: Mapping[str, str]) -> Config:
    """The checked `content` of a file called `name`. Raises ConfigError as `load` does."""
    reader = _Reader(yaml12.read(content, name), environ)
    config = reader.config(hashlib.sha256(content).hexdigest())
    if reader.problems:
        raise ConfigError(_in_order(reader))
    return config


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(yaml12.BYTES_MAX + 1)
    except OSError as error:
        problem = Problem(f"the file cannot be read: {error.strerror}", str(path), code="E-CONFIG-READ")
        raise ConfigError([problem], code="E-CONFIG-READ") from error


def _in_order(reader: _Reader) -> list[Problem]:
    """By place, one for each place, without what follows from a line that had to be mended, without secrets."""
    from dataclasses import replace

    from directional_sync.core.redact import Redactor

    redactor = Redactor(reader.secrets())
    secret = {problem.line for problem in reader.problems if problem.code == "E-NOTIFY-ADDRESS"}
    first: dict[tuple[int, int, str], Problem] = {}
    for problem in sorted(reader.problems, key=lambda p: (p.line, p.column)):
        first.setdefault((problem.line, problem.column, "" if problem.line else problem.message), problem)
    return [
        replace(
            problem,
            message=redactor.text(problem.message),
            source="" if problem.line in secret else redactor.text(problem.source),
            hint=redactor.text(problem.hint),
        )
        for problem in first.values()
    ]


@dataclass
class _Reader:
    """One reading of one file."""

    document: Document
    environ: Mapping[str, str] = field(repr=False)
    expansion: Expansion = field(default_factory=Expansion)
    found: list[Problem] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)
    """Target name -> the validated options of its endpoint."""

    @property
    def problems(self) -> list[Problem]:
        follows = self.document.mended
        return [*self.document.problems, *(problem for problem in self.found if problem.line not in follows)]

    def secrets(self) -> tuple[str, ...]:
        """Values of variables that the file refers to and whose names look secret."""
        names = sorted(name for name in self.variables() if self.environ.get(name) and name not in _PLAIN)
        if not names:
            return ()
        from directional_sync.core.redact import secret_name

        return tuple(self.environ[name] for name in names if secret_name(name))

    def variables(self) -> set[str]:
        """All that the file refers to, set or not."""
        return {name for named in self.expansion.names.values() for name in named}

    def config(self, digest: str) -> Config:
        """What the file says; worth something only when `problems` is empty."""
        document = self.document
        nothing = Config((), build.safety(SafetyPart()), document.name, digest)
        if document.data is None:
            if not document.problems:
                hint = "dsync init writes one to begin with"
                self.found.append(document.problem("the file is empty", yaml12.Span(1, 1), hint))
            return nothing
        if not isinstance(document.data, dict):
            span = document.near(())
            self.found.append(document.problem("the file must be a mapping that begins with `version`", span))
            return nothing
        self.expansion = expand(document.data, self.environ)
        self.found += self._references()
        self.found += self._empty(document.data, ())
        file = self._file(self.expansion.data)
        self.found += rules.problems(file)
        given = self.expansion.data.get("plugins")
        plugins.allow({str(k): str(v) for k, v in given.items()} if isinstance(given, dict) else {})
        for name in file.targets:
            self._options(name, file.targets[name])
        notify = self._notify(file.names)
        if self.problems:
            return nothing
        return Config(
            targets=tuple(self._target(name, part, file.defaults) for name, part in file.targets.items()),
            safety=build.safety(file.safety),
            notify=notify,
            path=document.name,
            digest=digest,
            secrets=self.secrets(),
            variables=tuple(sorted(self.variables())),
            deliver=build.deliver(file.deliver) if file.deliver is not None else None,
            concurrency=Concurrency(file.concurrency.targets, file.concurrency.per_host),
        )

    def _notify(self, names: tuple[str, ...]) -> Notify | None:
        """The section `notify`; None where there is none, or nothing that could be understood."""
        given = self.expansion.data.get("notify")
        if not isinstance(given, dict):
            return None
        from directional_sync.config import schema_notify

        part = self._checked(schema_notify.NotifyPart, given, ("notify",))
        if part is None:
            return None
        self.found += schema_notify.problems(part, names, self.document)
        return schema_notify.notify(part)

    def _references(self) -> Iterator[Problem]:
        """Variables that are misspelt, or missing where no target could be blamed."""
        for path, text in self.expansion.malformed.items():
            hint = "write $NAME, ${NAME} or ${NAME:-default}; for a dollar write $$"
            yield self.document.problem(f"{text} is not understood", self.document.near(path), hint)
        for path, names in self.expansion.missing.items():
            if path[0] != "targets" or len(path) < 3:
                message = f"${names[0]} is not set and has no default"
                hint = f"set it, or write ${{{names[0]}:-default}}"
                yield self.document.problem(message, self.document.near(path), hint)

    def _empty(self, data: Mapping[str, Any], path: yaml12.Path) -> Iterator[Problem]:
        """Keys without a value: the author meant something that is not there."""
        for key, value in data.items():
            at = (*path, key)
            if value is None and key not in _EMPTY_ALLOWED and path[2:3] not in (("config",), ("remote",)):
                span = self.document.near(at, key=True)
                yield self.document.problem(f"`{key}` has no value", span, "give it one, or remove the key")
            elif isinstance(value, dict):
                yield from self._empty(value, at)

    def _file(self, data: dict[str, Any]) -> rules.File:
        """Everything that could be understood; what could not is reported."""
        named = data.get("targets")
        raw = named if isinstance(named, dict) else {}
        names = tuple(raw)
        whole = self._checked(FilePart, data, ())
        if whole is not None:
            if whole.version not in VERSIONS:
                message, span = f"version {whole.version!r} is not known", self.document.near(("version",))
                self.found.append(self.document.problem(message, span, 'version: "1.0"'))
            shared, safety = whole.defaults or DefaultsPart(), whole.safety or SafetyPart()
            return rules.File(
                self.document,
                names,
                whole.targets,
                shared,
                safety,
                deliver=whole.deliver,
                concurrency=whole.concurrency,
            )
        parts = {name: self._rest(TargetPart, raw[name], ("targets", name)) for name in names}
        return rules.File(
            self.document,
            names,
            {name: part for name, (part, _) in parts.items() if part is not None},
            self._rest(DefaultsPart, data.get("defaults"), ("defaults",))[0] or DefaultsPart(),
            self._rest(SafetyPart, data.get("safety"), ("safety",))[0] or SafetyPart(),
            broken=frozenset(name for name, (_, broken) in parts.items() if broken),
        )

    def _checked(self, model: type[M], data: object, base: yaml12.Path) -> M | None:
        """None when there are mistakes, which are reported, or when a missing variable leaves a hole."""
        value, errors = _validated(model, data)
        told = [error for error, path in self._placed(errors, base) if not self._unset(path)]
        self.found += mistakes.found(told, model, base, self.document)
        return value

    def _rest(self, model: type[M], data: object, base: yaml12.Path) -> tuple[M | None, bool]:
        """The part without its keys that have mistakes (which are reported already) or refer to a variable that
        is not set, so that the others can be looked at; and whether there were mistakes."""
        value, errors = _validated(model, data)
        placed = [path for _, path in self._placed(errors, base)]
        if value is None and isinstance(data, dict):
            holes = {path[len(base)] for path in placed if len(path) > len(base)}
            value, _ = _validated(model, {key: item for key, item in data.items() if key not in holes})
        return value, any(not self._unset(path) for path in placed)

    def _placed(self, errors: list[Any], base: yaml12.Path) -> list[tuple[Any, yaml12.Path]]:
        return list(zip(errors, mistakes.places(errors, base, self.document), strict=True))

    def _unset(self, path: yaml12.Path) -> bool:
        """Whether the value at `path` refers to a variable that is not set."""
        return path[0:1] == ("targets",) and path in self.expansion.missing

    def _options(self, name: str, part: TargetPart) -> None:
        """Checks what the target says about its endpoint; keeps the options."""
        base: yaml12.Path = ("targets", name)
        self.found += self._free(part, base)
        if part.remote is not None:
            self._remote(name, part.remote, (*base, "remote"))
        elif part.entrypoint is not None:
            model = plugins.options_model(plugins.COMMAND)
            assert model is not None
            self.options[name] = self._checked(model, build.entrypoint_options(part), base)

    def _remote(self, name: str, remote: Mapping[str, Any], base: yaml12.Path) -> None:
        given = {key: value for key, value in remote.items() if key != "type"}
        self.found += rules.credentials(self.document, given, base)
        kind = remote.get("type")
        if self._known(kind, base):
            try:
                model = plugins.options_model(str(kind))
            except HostError:
                model = None  # a plugin that is not allowed or is broken; its targets say so, each by itself
            self.options[name] = given if model is None else self._checked(model, given, base)

    def _known(self, kind: object, base: yaml12.Path) -> bool:
        document = self.document
        if kind is None:
            hint = f"one of {', '.join(plugins.builtin_types())}"
            self.found.append(document.problem("`type` is missing", document.near(base, key=True), hint))
        elif not isinstance(kind, str) or kind == plugins.COMMAND or not plugins.known(kind):
            known = [name for name in plugins.endpoint_types() if name != plugins.COMMAND]
            meant = mistakes.near(str(kind), known)
            message = f"{kind!r} is no type of remote" + (f", did you mean {meant}?" if meant else "")
            hint = "a program is named by `entrypoint`" if kind == plugins.COMMAND else f"one of {', '.join(known)}"
            self.found.append(document.problem(message, document.near((*base, "type")), hint))
        else:
            return True
        return False

    def _free(self, part: TargetPart, base: yaml12.Path) -> Iterator[Problem]:
        """The one key of the free mapping that means something to this program."""
        import re

        names = (part.config or {}).get("env_vars")
        path = (*base, "config", "env_vars")
        if names is not None and not isinstance(names, list):
            hint = "env_vars: [NAME, OTHER]"
            yield self.document.problem("`env_vars` must be a list of names", self.document.near(path), hint)
        for index, name in enumerate(names if isinstance(names, list) else ()):
            if not isinstance(name, str) or not re.fullmatch(ENV_NAME.strip("^$"), name):
                message = f"{name!r} is no name of an environment variable"
                yield self.document.problem(message, self.document.near((*path, index)), "the name alone, without `$`")

    def _target(self, name: str, part: TargetPart, defaults: DefaultsPart) -> Target:
        base = ("targets", name)
        missing = {
            variable: self._place(path)
            for path, variables in reversed(self.expansion.missing.items())
            for variable in reversed(variables)
            if path[:2] == base
        }
        variables = {n for path, names in self.expansion.names.items() if path[:2] == base for n in names}
        return build.target(
            name,
            part,
            defaults,
            options=self.options.get(name),
            place=self._place(base, key=True),
            missing=tuple(sorted(missing.items(), key=lambda item: (item[1].line, item[1].column))),
            variables=tuple(sorted(variables)),
        )

    def _place(self, path: yaml12.Path, *, key: bool = False) -> Place:
        span = self.document.near(path, key=key)
        return Place(self.document.name, span.line, span.column)


def _validated(model: type[M], data: object) -> tuple[M | None, list[Any]]:
    """By way of JSON, whose strict rules let enums and tuples be written as text and lists."""
    try:
        return model.model_validate_json(json.dumps(data)), []
    except ValidationError as error:
        return None, list(error.errors(include_url=False))


__all__ = ["find", "load", "read"]
