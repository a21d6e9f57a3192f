"""Any program as an endpoint: the seed's entrypoints.

A *pull* runs in a scratch checkout of the branch's tip, and what it leaves under `outputs` is the snapshot. So it
has been carried out in full before the plan is made, and nothing of it counts until the plan is.

What a *push* or *bidirectional* program does to the far side cannot be seen beforehand: the plan is opaque. See
`endpoints.base.Opaque`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from directional_sync.core.redact import Redactor, secret_name, secret_values
from directional_sync.endpoints.base import Capabilities, Context, Endpoint
from directional_sync.endpoints.command.entrypoint import cannot_start, resolve
from directional_sync.endpoints.command.outputs import Found, collect
from directional_sync.endpoints.command.scratch import LOG, WATCH, Scratch
from directional_sync.endpoints.command.standing import moved, standing
from directional_sync.errors import InternalError, RefusedError, ScriptError
from directional_sync.git import tree as trees
from directional_sync.git.objects import ObjectStore
from directional_sync.model.lifecycle import Event, EventType, Level
from directional_sync.model.plan import Change
from directional_sync.model.record import Effect
from directional_sync.model.snapshot import Snapshot
from directional_sync.model.target import Direction
from directional_sync.model.values import kind_of
from directional_sync.system import host
from directional_sync.system.spool import last_lines, text_pieces, write_log
from directional_sync.system.supervisor import Ended, end_orphans, supervise

if TYPE_CHECKING:
    from directional_sync.endpoints.command.options import CommandOptions

_KEPT = "nothing was changed; what the program wrote stayed in its scratch checkout"
_SHOWN = 20
_PREVIEW_BYTES = 200_000
_PATH = "/usr/local/bin:/usr/bin:/bin"
# Whoever would ask a person must fail at once instead; and no bytecode beside scripts that import each other.
_FIXED = {
    "EDITOR": "false",
    "GIT_EDITOR": "false",
    "GIT_PAGER": "cat",
    "GIT_TERMINAL_PROMPT": "0",
    "PAGER": "cat",
    "PYTHONDONTWRITEBYTECODE": "1",
    "VISUAL": "false",
}
_ADVICE = (
    (b"already exists and is not an empty directory", "`fresh_outputs: true` empties the outputs before each run"),
    (
        b"terminal prompts disabled",
        "git wanted to ask for a password: hand one on by `env`, or use a credential helper",
    ),
    (b"EOF when reading a line", "it asked for input, and there is nobody to answer: let it take options or variables"),
)


def __getattr__(name: str) -> Any:
    """`OPTIONS`, loaded when it is asked for: a run may have its options without their class."""
    if name != "OPTIONS":
        raise AttributeError(name)
    from directional_sync.endpoints.command import options as command_options

    return command_options.CommandOptions


def open(context: Context) -> Endpoint:
    """The program of a target."""
    return CommandEndpoint(context)


class CommandEndpoint:
    """One program, for one run of one target."""

    def __init__(self, context: Context) -> None:
        options = context.target.options
        if kind_of(options) != "CommandOptions":
            raise InternalError("E-INTERNAL", "the command endpoint was opened with options of another kind")
        self._context = context
        self._options: CommandOptions = options
        self._store = cast(ObjectStore, context.objects)  # trees are asked for, which no plugin is offered
        self._scratch = Scratch(context.cache, context.git_dir)
        pulls = context.target.direction is Direction.PULL
        self.capabilities = Capabilities(writes=not pulls, previews=pulls)

    def __repr__(self) -> str:
        return f"CommandEndpoint({self._options.entrypoint!r})"

    def snapshot(self, prior: Snapshot) -> Snapshot:
        """Pull: runs the program; what it left under `outputs`. Otherwise `prior`, since nobody can look at the
        far side. Raises ScriptError, RefusedError, HostError."""
        if not self.capabilities.previews:
            return Snapshot(prior.entries)
        found, notes = self._run(dry_run=self._context.dry_run, extra=())
        return self._select(found, self._context.target.outputs, notes)

    def opaque(self) -> tuple[str, str]:
        """Why nothing can be said about the far side, and what the program says when it is asked for a dry run ("" when
        it cannot be asked). Raises as `snapshot` does."""
        if self.capabilities.previews:
            return "", ""
        why = f"only {self._options.entrypoint} knows what it will do"
        if not self._options.dry_run_flag:
            return why, ""
        self._run(dry_run=True, extra=(self._options.dry_run_flag,))
        return why, self._said

    def perform(self) -> Snapshot:
        """Runs the program for real, once. Answers what both sides agree on if it did its work: the inputs as they
        are, the outputs as it left them. Raises as `snapshot` does."""
        if self.capabilities.previews:
            raise InternalError("E-INTERNAL", "a pull has been carried out when its snapshot is taken")
        found, notes = self._run(dry_run=False, extra=())
        target = self._context.target
        outputs = target.outputs if target.direction is Direction.BIDIRECTIONAL else ()
        return self._select(found, (*target.inputs, *outputs), notes)

    def apply(self, changes: Sequence[Change]) -> Iterator[Effect]:
        if changes:
            raise InternalError("E-INTERNAL", "a program takes no single changes; it is performed as a whole")
        return iter(())

    def close(self) -> None:
        """Nothing is held open."""

    def _run(self, *, dry_run: bool, extra: tuple[str, ...]) -> tuple[Found, tuple[str, ...]]:
        """One passage of the program through the scratch, and all that is asked of it afterwards."""
        context, scratch = self._context, self._scratch
        end_orphans(scratch.cache / WATCH)
        declared = () if context.target.direction is Direction.PUSH else context.target.outputs
        scratch.prepare(context.head, declared, fresh=self._options.fresh_outputs)
        environment = self._environment(dry_run)
        here = context.git_dir.parent
        place = str(context.target.place)
        argv = resolve(self._options.entrypoint, scratch.folder, here, environment, place)
        notes = self._edited(here)
        users, own = standing(context.git_dir), standing(scratch.folder / ".git")
        ended = self._supervise([*argv, *self._options.args, *extra], environment)
        self._refuse_git(moved(users, standing(context.git_dir)), "your repository")
        self._must_have_worked(ended)
        self._refuse_git(moved(own, standing(scratch.folder / ".git")), "its scratch checkout")
        found = collect(scratch, self._store, declared)
        if found.undeclared:
            raise self._undeclared(found.undeclared)
        if ended.swept:
            notes = (*notes, f"{ended.swept} processes were still running when it had ended, and were stopped")
        return found, notes

    def _supervise(self, argv: list[str], environment: Mapping[str, str]) -> Ended:
        context, scratch = self._context, self._scratch
        try:
            ended = supervise(
                argv,
                cwd=scratch.folder,
                env=environment,
                timeout_s=context.target.timeout_s,
                on_line=self._tell_line,
                watch=scratch.cache / WATCH,
            )
        except OSError as error:
            raise cannot_start(self._options.entrypoint, error, str(context.target.place)) from error
        self._keep(ended)
        return ended

    def _keep(self, ended: Ended) -> None:
        """What was said, without secrets: all of it in the log, its beginning for a preview."""
        redactor = Redactor((*secret_values(self._context.environment), *_secrets(self._context.target.config)))
        self._said = redactor.text(ended.output[:_PREVIEW_BYTES].decode("utf-8", "replace"))

        def pieces() -> Iterator[str]:
            for title, content in (("standard output", ended.output), ("standard error", ended.errors)):
                yield f"--- {title} ---\n"
                stream = redactor.stream()
                yield from (stream.feed(piece) for piece in text_pieces(content))
                yield stream.close()

        with host.host_errors(self._scratch.cache):
            write_log(self._scratch.cache / LOG, pieces())

    def _environment(self, dry_run: bool) -> dict[str, str]:
        target = self._context.target
        return {
            "PATH": _PATH,
            **self._context.environment,
            **_FIXED,
            "GIT_CEILING_DIRECTORIES": self._ceilings(),
            "SYNC_CONFIG": json.dumps(_plain(target.config), sort_keys=True, ensure_ascii=False),
            "SYNC_DIRECTION": str(target.direction),
            "SYNC_DRY_RUN": "1" if dry_run else "0",
            "SYNC_ROOT": str(self._scratch.folder),
            "SYNC_TARGET": target.name,
        }

    def _ceilings(self) -> str:
        """The scratch lies inside the user's git directory: from no folder on the way may git go up and find that."""
        cache = self._scratch.cache.resolve()
        return ":".join(str(folder) for folder in (cache, *cache.parents) if folder != folder.parent)

    def _tell_line(self, line: str) -> None:
        name = self._context.target.name
        self._context.tell(Event(EventType.PROGRESS, line, name, Level.DEBUG, {"stream": "program"}))

    def _edited(self, here: Path) -> tuple[str, ...]:
        """A note when the program in the user's work tree is not the one that runs."""
        name = self._options.entrypoint
        mine, theirs = self._scratch.folder / name, here / name
        try:
            same = not mine.is_file() or not theirs.is_file() or mine.read_bytes() == theirs.read_bytes()
        except OSError:
            same = True
        return () if same else (f"{name} has changes that are not committed; it was run as it is in the branch",)

    def _must_have_worked(self, ended: Ended) -> None:
        name, target = self._options.entrypoint, self._context.target
        if not ended.status and not ended.timed_out:
            return
        shown = last_lines(ended.errors, _SHOWN) or last_lines(ended.output, _SHOWN)
        advice = next((text for said, text in _ADVICE if said in ended.errors or said in ended.output), "")
        if ended.timed_out:
            code, what = "E-SCRIPT-TIMEOUT", f"did not end within {target.timeout_s:g} s and was stopped"
            advice = advice or f"give it more time (`timeout` of {target.name}), or look why it waits"
        elif ended.out_of_memory:
            code, what = "E-SCRIPT-KILLED", "was killed (out of memory?)"
            advice = advice or "look at the system's log for who killed it; give it more memory, or let it use less"
        elif ended.signal:
            code, what = "E-SCRIPT-KILLED", f"was ended by signal {ended.signal}"
        else:
            code, what = "E-SCRIPT-FAILED", f"ended with status {ended.status}"
        raise ScriptError(
            code,
            f"{name} {what}",
            place=str(target.place),
            hint=advice or f"all it said: {self._scratch.cache / LOG}",
            kept=_KEPT,
            detail=shown,
        )

    def _refuse_git(self, names: Sequence[str], where: str) -> None:
        if not names:
            return
        own = where != "your repository"
        raise RefusedError(
            "E-SCRIPT-GIT",
            f"while {self._options.entrypoint} ran, {_listed(names)} of {where} changed",
            place=str(self._context.target.place),
            hint="take git commit, checkout, config and push out of it: committing is done here"
            if own
            else "if that was you, run again; otherwise mend the program: it must not touch that repository",
            kept=_KEPT if own else "nothing was changed by this run",
            detail=names[:_SHOWN],
        )

    def _undeclared(self, paths: Sequence[str]) -> RefusedError:
        name = self._options.entrypoint
        more = [f"and {len(paths) - _SHOWN} more"] if len(paths) > _SHOWN else []
        count = "1 path" if len(paths) == 1 else f"{len(paths)} paths"
        return RefusedError(
            "E-UNDECLARED",
            f"{name} changed {count} outside of the outputs of {self._context.target.name}",
            place=str(self._context.target.place),
            hint="add them to `outputs`, or let it write temporary files under ${TMPDIR:-/tmp}",
            kept=_KEPT,
            detail=[*paths[:_SHOWN], *more],
        )

    def _select(self, found: Found, globs: Sequence[str], notes: tuple[str, ...]) -> Snapshot:
        entries = trees.select(self._store, found.tree, globs).entries
        return Snapshot(entries, unreadable=found.unreadable, notes=notes)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _secrets(config: Mapping[str, Any]) -> Iterator[str]:
    """The values in the free mapping whose names say that they are secret; they may be expanded variables."""
    for name, value in config.items():
        if isinstance(value, Mapping):
            yield from _secrets(value)
        elif isinstance(value, str) and secret_name(str(name)):
            yield value


def _plain(value: Any) -> Any:
    """Mappings and sequences of any kind as those that JSON knows."""
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)
