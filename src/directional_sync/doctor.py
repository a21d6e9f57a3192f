"""Is everything here that a run needs? Each check says what it found and, where something is missing, the next
step. Credentials are looked at by name only."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from directional_sync import __version__, plugins
from directional_sync.errors import ConfigError, SyncError
from directional_sync.gates import detector
from directional_sync.model.notify import Channel, Ping
from directional_sync.system import host
from directional_sync.workspace import Selection, Workspace, open_workspace

_STATES = {
    "disabled_inactivity": (
        "GitHub has switched {file} off, since nothing was committed for 60 days; nothing runs by itself",
        "gh workflow enable {file}; a commit now and then keeps it on",
    ),
    "disabled_manually": (
        "somebody has switched {file} off on GitHub; nothing runs by itself",
        "gh workflow enable {file}",
    ),
    "missing": (
        "GitHub does not know {file}, or the token may not see it; it has to be on the default branch",
        "push it to the default branch; the token needs to read actions",
    ),
}
"""What GitHub answers of a workflow that does not start by itself -> what it means, and what to do."""


@dataclass(frozen=True, slots=True)
class Check:
    group: str
    name: str
    ok: bool | None
    """None: fine, but a person should know."""
    message: str
    fix: str = ""


def examine(config_path: str | None, cwd: Path, environ: Mapping[str, str]) -> list[Check]:
    """All checks, in groups. Never raises: what cannot be checked is a failed check."""
    checks = [*_guarded("program", "python", _python), *_guarded("program", "git", _git)]
    checks += _guarded("program", "secret detector", _detector)
    checks += _guarded("repository", "work tree", lambda: _repository(cwd))
    workspace: Workspace | None = None
    try:
        workspace = open_workspace(config_path, cwd, environ)
        count = len(workspace.config.targets)
        checks.append(Check("configuration", workspace.config.path, True, f"{count} targets"))
    except ConfigError as error:
        message = f"{len(error.problems)} mistakes: {error.message}"
        checks.append(Check("configuration", "file", False, message, error.hint or "dsync validate"))
    if workspace is not None:
        found = workspace
        checks += _guarded("configuration", "endpoints", lambda: _endpoints(found))
        checks += _guarded("plugins", "packages", _plugins)
        checks += _guarded("configuration", "entrypoints", lambda: _entrypoints(found))
        checks += _guarded("credentials", "variables", lambda: _variables(found))
        checks += _guarded("notifications", "channels", lambda: _notifications(found))
        checks += _guarded("state", "state folder", lambda: _state(found))
        checks += _guarded("delivery", "remote", lambda: _delivery(found))
        checks += _guarded("schedule", "workflow", lambda: _workflow(found))
        checks += _guarded("schedule", "runs", lambda: _runs(found))
    return checks


def _guarded(group: str, name: str, look: Callable[[], Iterator[Check]]) -> list[Check]:
    try:
        return list(look())
    except SyncError as error:
        return [Check(group, name, False, f"{error.message} ({error.code})", error.hint)]
    except OSError as error:
        return [Check(group, name, False, f"could not be looked at: {error}")]


def _python() -> Iterator[Check]:
    version = ".".join(str(part) for part in sys.version_info[:3])
    yield Check("program", "directional-sync", True, f"{__version__} on Python {version}")


def _git() -> Iterator[Check]:
    from directional_sync.git import plumbing

    yield Check("program", "git", True, ".".join(str(part) for part in plumbing.version()))


def _detector() -> Iterator[Check]:
    if detector.installed():
        yield Check("program", "secret detector", True, detector.description())
        return
    yield Check(
        "program",
        "secret detector",
        None,
        "no detector is installed; only safety.secret_patterns judge what is committed",
        "pip install 'directional-sync[secrets]'",
    )


def _repository(cwd: Path) -> Iterator[Check]:
    from directional_sync.git import recovery
    from directional_sync.git.repository import DEFAULT_IDENTITY, Repository

    repository = Repository.open(cwd)
    branch = repository.branch.removeprefix("refs/heads/")
    yield Check("repository", "work tree", True, f"{repository.root} on {branch}")
    if repository.identity == DEFAULT_IDENTITY:
        yield Check(
            "repository",
            "identity",
            None,
            f"git has no identity here; commits are made as {DEFAULT_IDENTITY[0]} <{DEFAULT_IDENTITY[1]}>",
            'git config user.name "..." && git config user.email "..."',
        )
    else:
        yield Check("repository", "identity", True, "{} <{}>".format(*repository.identity))
    left = recovery.interrupted(repository)
    yield Check(
        "repository", "interrupted runs", None if left else True, left or "none", "dsync recover" if left else ""
    )


def _endpoints(workspace: Workspace) -> Iterator[Check]:
    missing = [t for t in workspace.config.targets if not plugins.available(t.endpoint)]
    if missing:
        names = ", ".join(f"{target.name} ({target.endpoint})" for target in missing)
        yield Check("configuration", "endpoints", None, f"not available in this version, skipped: {names}")
    else:
        yield Check("configuration", "endpoints", True, "all available")


def _plugins() -> Iterator[Check]:
    """Endpoints by third parties, whether they may be loaded or not."""
    for one in plugins.installed():
        name, about = f"{one.name} of {one.package}", f"{one.version}, sha256 {one.sha256 or 'not known'}"
        if one.allowed:
            yield Check("plugins", name, True, f"allowed: {about}")
        elif one.named:
            fix = f"look at what changed, then write under `plugins`: {one.package}: {one.sha256}"
            yield Check("plugins", name, False, f"not what the file allows: {about}", fix)
        else:
            fix = f"to allow it, write under `plugins`: {one.package}: {one.sha256}"
            yield Check("plugins", name, None, f"installed, and not allowed: {about}", fix)


def _entrypoints(workspace: Workspace) -> Iterator[Check]:
    for target in workspace.config.targets:
        program = getattr(target.options, "entrypoint", "")
        if program and not (workspace.root / program).is_file():
            yield Check(
                "configuration",
                f"entrypoint of {target.name}",
                False,
                f"{program} is not there",
                f"create it and commit it; it is named at {target.place}",
            )


def _variables(workspace: Workspace) -> Iterator[Check]:
    needed: dict[str, list[str]] = {}
    for target in workspace.config.targets:
        for name in (*target.env_vars, *target.credentials, *(variable for variable, _ in target.missing)):
            needed.setdefault(name, []).append(target.name)
    unset = {name: users for name, users in needed.items() if not workspace.environ.get(name)}
    for name, users in sorted(unset.items()):
        yield Check("credentials", name, False, f"not set; needed by {', '.join(users)}", f"export {name}=...")
    if not unset:
        yield Check("credentials", "variables", True, f"{len(needed)} needed, all set")


def _notifications(workspace: Workspace) -> Iterator[Check]:
    """What can be seen without asking anybody; `dsync notify --test` asks."""
    section = workspace.config.notify
    if section is None:
        return
    from directional_sync.notify.base import Untold
    from directional_sync.notify.sending import check

    told: tuple[Channel | Ping, ...] = (*section.channels, *section.pings)
    for one in told:
        try:
            check(one, workspace.environ)
        except Untold as error:
            fix = "dsync explain " + error.code
            yield Check("notifications", one.name, False, f"nobody can be told: {error.reason}", fix)
        else:
            yield Check("notifications", one.name, True, f"its address in {one.address} can be used")
    for silence in section.silences:
        if host.today() > silence.until:
            names = ", ".join(silence.targets)
            yield Check("notifications", "silence", None, f"that of {names} ended on {silence.until}; take it out")


def _state(workspace: Workspace) -> Iterator[Check]:
    state = workspace.state
    if not state.exists():
        yield Check("state", "state folder", True, "not made yet")
        return
    private, writable = host.is_private(state), os.access(state, os.W_OK)
    if private and writable:
        yield Check("state", "state folder", True, "writable, for you only")
    elif not writable:
        yield Check("state", "state folder", False, f"{state} cannot be written", f"ls -ld {state}")
    else:
        yield Check("state", "state folder", False, f"{state} can be read by others", f"chmod 700 {state}")


def _delivery(workspace: Workspace) -> Iterator[Check]:
    """Whether what a run commits would find its way; nobody is asked for it."""
    deliver = workspace.config.deliver
    if deliver is None or not deliver.push:
        return
    from directional_sync.git.repository import Repository
    from directional_sync.sharing.opening import NotThisBranchError, far_side

    try:
        far, token, variable = far_side(Repository.open(workspace.root), deliver, workspace.environ)
    except NotThisBranchError as why:
        yield Check("delivery", "branch", None, f"a run here would not be delivered: {why}")
        return
    how = f"the token in {variable}" if token and far.outward.url.startswith("http") else "git's own credentials"
    yield Check("delivery", "remote", True, f"{deliver.deliver_mode} to {far.where}, with {how}")


def _workflow(workspace: Workspace) -> Iterator[Check]:
    from directional_sync.render.workflow import expected

    path = workspace.root / ".github" / "workflows" / "directional-sync.yml"
    if not path.exists():
        yield Check(
            "schedule", "workflow", None, "there is none; nothing runs by itself on GitHub", "dsync workflow generate"
        )
    elif (there := path.read_text()) != expected(workspace.config, there):
        fix = "dsync workflow generate > .github/workflows/directional-sync.yml"
        yield Check("schedule", "workflow", None, "it differs from what the schedules in the YAML say", fix)
    else:
        yield Check("schedule", "workflow", True, "matches the schedules in the YAML")
    if path.exists():
        yield from _on_github(workspace, path.name)


def _on_github(workspace: Workspace, file: str) -> Iterator[Check]:
    """Whether GitHub still starts the workflow: it stops doing so after 60 days without a commit, and tells nobody.
    Asked only with a token that is meant for this remote."""
    from directional_sync.git.repository import Repository
    from directional_sync.model.target import Deliver
    from directional_sync.sharing.forge import forge
    from directional_sync.sharing.opening import NotThisBranchError, far_side

    deliver = workspace.config.deliver or Deliver()
    try:
        far, token, variable = far_side(Repository.open(workspace.root), deliver, workspace.environ)
    except (NotThisBranchError, SyncError):
        return  # no remote, or no token: told of under delivery, where it matters
    api = forge(deliver.api, far.outward.url, token, variable, workspace.environ, lambda: False)
    if api is None:
        return
    try:
        state = api.workflow_state(file)
    except SyncError as error:
        yield Check("schedule", "on GitHub", None, f"could not be asked: {error.message} ({error.code})", error.hint)
        return
    if state == "active":
        yield Check("schedule", "on GitHub", True, f"{file} is enabled")
    elif state:
        message, fix = _STATES.get(state, (f"{file} is {state.replace('_', ' ')}", "gh workflow enable {file}"))
        yield Check("schedule", "on GitHub", False, message.format(file=file), fix.format(file=file))


def _runs(workspace: Workspace) -> Iterator[Check]:
    from directional_sync.timetable import scheduled

    rows = scheduled(workspace, Selection())
    late = ", ".join(row.target.name for row in rows if row.overdue)
    if late:
        yield Check("schedule", "runs", False, f"overdue, nothing answers their schedule: {late}", "dsync schedule")
    else:
        count = sum(row.target.schedule is not None for row in rows)
        yield Check("schedule", "runs", True, f"{count} targets with a schedule, none overdue")
