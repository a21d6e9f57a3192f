"""One repository and its configuration, and which of its targets a command means."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from directional_sync import plugins
from directional_sync.errors import SelectionError
from directional_sync.git import layout
from directional_sync.model.surprise import Accepted, Surprise
from directional_sync.model.target import Config, Direction, Prefer, Target

if TYPE_CHECKING:
    from directional_sync.core.redact import Redactor

STATE = "directional-sync"
_HANDED_SHORTEST = 6
"""Variables that a target names need not be secret, and masking `prod` or `eu` would make output unreadable."""


@dataclass(frozen=True)
class Workspace:
    """One repository and its configuration, as a command found them."""

    root: Path
    config: Config
    environ: Mapping[str, str] = field(repr=False)

    @property
    def state(self) -> Path:
        """Everything that is ours beside refs: under the common git directory."""
        return layout.common_dir(self.root) / STATE

    @property
    def lock_path(self) -> str:
        """`sync.lock` beside the YAML, relative to the root."""
        return str(Path(self.config.path).with_name("sync.lock"))

    @property
    def approvals_path(self) -> str:
        """The file of people's approvals, beside the lock."""
        from directional_sync.core.approvals import path_beside

        return path_beside(self.lock_path)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which targets a command means; the parts combine."""

    patterns: tuple[str, ...] = ()
    """Names or globs; a target matches any of them. (): all."""
    direction: Direction | None = None
    schedule: str | None = None
    """Only targets with exactly this cron expression."""


@dataclass(frozen=True)
class RunOptions:
    dry_run: bool = False
    verify: bool = False
    prove: bool = False
    plan_id: str = ""
    lock_timeout_s: float = 0.0
    allow_delete: int | None = None
    locked: bool = False
    resume: bool = False
    accepted: Accepted = field(default_factory=dict)
    prefer: Prefer | None = None
    due: bool = False
    """Only what is due by its schedule."""
    carry: bool = False
    """With `due`: note what ran where it travels with the repository."""
    deliver: bool | None = None
    """Whether commits are pushed; None: as the file says."""
    command: str = ""
    """The command line, for those who find the repository locked."""
    stop: Callable[[], bool] = lambda: False

    @property
    def allowed(self) -> dict[str, Any]:
        """What a person allows with them, as JSON, for keeping beside a plan."""
        accepted = {surprise.value: list(names) for surprise, names in self.accepted.items()}
        prefer = self.prefer.value if self.prefer is not None else ""
        words = {"locked": self.locked, "resume": self.resume, "prefer": prefer}
        return {**words, "allow_delete": self.allow_delete, "accepted": accepted}

    def allowing(self, kept: Mapping[str, Any]) -> RunOptions:
        """These options, with what was allowed when a plan was made wherever nothing is said now. Raises KeyError or
        ValueError for what `allowed` has not written."""
        accepted = {Surprise(name): tuple(names) for name, names in kept["accepted"].items()}
        prefer = Prefer(kept["prefer"]) if kept["prefer"] else None
        return replace(
            self,
            locked=self.locked or bool(kept["locked"]),
            resume=self.resume or bool(kept.get("resume")),
            prefer=self.prefer or prefer,
            allow_delete=self.allow_delete if self.allow_delete is not None else kept["allow_delete"],
            accepted={**accepted, **self.accepted},
        )


def open_workspace(
    config_path: str | None, cwd: Path, environ: Mapping[str, str], *, glance: bool = False, anew: bool = False
) -> Workspace:
    """Raises ConfigError with every mistake in the file. What was checked before is believed while nothing has
    changed, unless `anew`. `glance`: only to show it; some targets may lack the options of their endpoints."""
    from directional_sync.config import dotenv
    from directional_sync.config.find import find

    root = layout.find_root(cwd) or cwd
    environ = dotenv.environment(root, environ)
    path = find(config_path, environ, root)
    if anew:
        from directional_sync.config.load import load

        return Workspace(root, load(path, root, environ), environ)
    from directional_sync.config.kept import recall

    cache = layout.common_dir(root) / STATE / "cache"
    return Workspace(root, recall(path, root, environ, cache, glance=glance), environ)


def redactor(workspace: Workspace) -> Redactor:
    """Masks all that is known to be secret here: variables whose names say so, those that the file refers to, and
    whatever the targets hand to their programs."""
    from directional_sync.core.redact import Redactor, secret_values

    config, environ = workspace.config, workspace.environ
    own = {name for target in config.targets for name in plugins.credentials(target)}
    names = own | {name for target in config.targets for name in (*target.env, *target.env_vars)}
    handed = [value for name in sorted(names) if len(value := environ.get(name, "")) >= _HANDED_SHORTEST]
    told = _addresses(config.notify.variables, environ) if config.notify is not None else ()
    return Redactor((*config.secrets, *secret_values(environ), *handed, *told))


def _addresses(names: Iterable[str], environ: Mapping[str, str]) -> Iterator[str]:
    """Addresses and keys of those who are told, as a whole and what in them is secret on its own."""
    for value in (environ.get(name, "").strip() for name in names):
        yield value
        scheme, _, rest = value.partition("://")
        parts = rest.split("?", 1)[0].split("/")
        # The host of a web address is none of it: it may well be one that a target speaks with.
        for part in parts[1:] if scheme in ("http", "https") else parts:
            if len(part) >= _HANDED_SHORTEST + 2:
                yield part


def select(workspace: Workspace, selection: Selection) -> tuple[Target, ...]:
    """The targets that `selection` means, in file order. Raises SelectionError when there are none."""
    from fnmatch import fnmatchcase

    names = [target.name for target in workspace.config.targets]
    for pattern in selection.patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            import difflib

            near = difflib.get_close_matches(pattern.strip("*"), names, n=3, cutoff=0.4)
            hint = f"did you mean {' or '.join(near)}?" if near else f"there are: {', '.join(names)}"
            raise SelectionError("E-SELECT", f"no target matches {pattern!r}", hint=hint, kept="nothing was run")
    chosen = tuple(
        target
        for target in workspace.config.targets
        if (not selection.patterns or any(fnmatchcase(target.name, p) for p in selection.patterns))
        and (selection.direction is None or target.direction is selection.direction)
        and (selection.schedule is None or (target.schedule is not None and target.schedule.cron == selection.schedule))
    )
    if not chosen:
        raise SelectionError(
            "E-SELECT",
            "no target matches these filters together",
            hint="see all targets: dsync list",
            kept="nothing was run",
        )
    return chosen
