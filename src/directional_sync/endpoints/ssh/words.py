"""The words by which the system's own ssh gets to a machine, and what it sees of ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from directional_sync.endpoints.base import Context
from directional_sync.endpoints.ssh.complaints import KEPT
from directional_sync.errors import ConfigError, HostError, Problem
from directional_sync.model.snapshot import EXECUTABLE, FILE, FOLDER, Entry, Snapshot

if TYPE_CHECKING:
    from directional_sync.endpoints.ssh.options import SshOptions
    from directional_sync.git.objects import ObjectStore

_PATH = "/usr/local/bin:/usr/bin:/bin"
_FIXED = {"SSH_ASKPASS_REQUIRE": "never", "LC_ALL": "C"}
_NOT_HANDED_ON = ("SSH_ASKPASS", "DISPLAY", "LC_ALL", "LANG")
_SSH = (
    *("-T", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "-o", "UpdateHostKeys=no"),
    *("-o", "ClearAllForwardings=yes", "-o", "ForwardAgent=no", "-o", "ForwardX11=no", "-o", "PermitLocalCommand=no"),
    *("-o", "ControlMaster=no", "-o", "RemoteCommand=none", "-o", "SendEnv=-*", "-o", "EscapeChar=none"),
    *("-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=3", "-o", "LogLevel=ERROR"),
)
"""Nobody is asked, no key is trusted or noted that was not known before, and nothing of ours is lent to the server."""


def words(options: SshOptions, known_hosts: Path | None, command: str) -> Sequence[str]:
    """The arguments, `ssh` first, that run `command` on the machine. `known_hosts`: the file with the only keys that
    are trusted; None for those that ssh knows itself."""
    return ("ssh", *_ways(options, known_hosts), "--", options.host, command)


def _ways(options: SshOptions, known_hosts: Path | None) -> Sequence[str]:
    words = [*_SSH, "-o", f"ConnectTimeout={options.connect_timeout}"]
    if options.port:
        words += ["-p", str(options.port)]
    if options.user:
        words += ["-l", options.user]
    if options.identity_file:
        words += ["-i", options.identity_file.replace("%", "%%"), "-o", "IdentitiesOnly=yes"]
    if known_hosts is not None:
        words += ["-o", f'UserKnownHostsFile="{known_hosts}"', "-o", "GlobalKnownHostsFile=none"]
    for name, value in sorted(options.ssh_options.items()):
        words += ["-o", f"{name}={value}"]
    return words


def environment(given: Mapping[str, str]) -> dict[str, str]:
    """What ssh sees of the variables that the target may see."""
    return {"PATH": _PATH, **{name: value for name, value in given.items() if name not in _NOT_HANDED_ON}, **_FIXED}


def trusted_keys(options: SshOptions, context: Context) -> Path | None:
    """The file with the keys that are trusted. One of the repository is taken as the branch has it, so that nobody
    who only edits the work tree decides what is trusted."""
    from directional_sync.git import tree as trees
    from directional_sync.system.files import write_private

    named = options.known_hosts
    if not named or named.startswith(("/", "~")):
        return Path(named).expanduser() if named else None
    store = cast("ObjectStore", context.objects)  # trees are asked for, which no plugin is offered
    head = Snapshot({"": Entry(store.tree_of(context.head), FOLDER)})
    entry = trees.at(store, head, named)
    if entry.mode not in (FILE, EXECUTABLE):
        problem = Problem(
            f"{context.target.name}: `known_hosts` names {named}, which is no file of the branch",
            hint=f"git add {named} && git commit",
        )
        raise ConfigError([problem])
    path = context.cache / "known_hosts"
    write_private(path, store.read(entry.digest))
    return path


def missing(name: str, error: OSError) -> HostError:
    """The error for a program that cannot be started."""
    return HostError(
        "E-PROGRAM-MISSING",
        f"the program {name} cannot be started: {error.strerror}",
        hint="install it, or put its folder on PATH",
        kept=KEPT,
    )
