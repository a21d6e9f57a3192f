"""Three versions of a text, handed to a person: in the merge tool that git is set up with, else in an editor."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import click

from directional_sync.core.versions import Versions, marked
from directional_sync.errors import HostError
from directional_sync.system import host


def edited(root: Path, name: str, one: Versions) -> bytes | None:
    """What the person made of it; None when they did nothing. `root`: the repository whose settings of git count;
    `name`: what the file is called. Raises HostError E-RESOLVE-TOOL, click.ClickException."""
    versions = (one.base or b"", one.repo or b"", one.remote or b"")
    with tempfile.TemporaryDirectory(prefix="dsync-") as folder:
        file = Path(folder, name)
        host.atomic_write(file, marked(*versions), 0o600)
        before = file.read_bytes()
        settings = _settings(root)
        if any(line.startswith("merge.tool=") for line in settings):
            if not _by_tool(Path(folder), name, versions, settings):
                return None
        else:
            click.edit(filename=str(file), editor=_git(root, "var", "GIT_EDITOR").decode().strip() or None)
        after = file.read_bytes()
    return None if after == before else after


def _settings(root: Path) -> list[str]:
    """`name=value` of what git is told about merge tools, wherever that is written."""
    said = _git(root, "config", "--null", "--get-regexp", r"^(merge\.tool|merge\.guitool|mergetool\.)", ok=(0, 1))
    pairs = [line.partition("\n") for line in said.decode("utf-8", "surrogateescape").split("\0") if line]
    return [f"{name}={value}" for name, _, value in pairs]


def _by_tool(folder: Path, name: str, versions: tuple[bytes, bytes, bytes], settings: list[str]) -> bool:
    """Whether `git mergetool` says that the file is settled. It knows conflicts of an index only, so there is one, in a
    repository of its own."""
    _git(folder, "init", "-q")
    digests = [_git(folder, "hash-object", "-w", "--stdin", stdin=content).decode().strip() for content in versions]
    index = "".join(f"100644 {digest} {stage}\t{name}\0" for stage, digest in enumerate(digests, start=1))
    _git(folder, "update-index", "-z", "--index-info", stdin=index.encode("utf-8", "surrogateescape"))
    told = [part for setting in [*settings, "mergetool.keepBackup=false"] for part in ("-c", setting)]
    done = subprocess.run(["git", *told, "mergetool", "--no-prompt", "--", name], cwd=folder, check=False)
    return done.returncode == 0


def _git(folder: Path, *arguments: str, stdin: bytes = b"", ok: tuple[int, ...] = (0,)) -> bytes:
    done = subprocess.run(["git", *arguments], cwd=folder, input=stdin, capture_output=True, check=False)
    if done.returncode not in ok:
        raise HostError(
            "E-RESOLVE-TOOL",
            f"git {arguments[0]} failed while a conflict was made ready to be edited",
            detail=done.stderr.decode("utf-8", "replace").splitlines()[:5],
            hint="take one of the versions: --take repo|remote|both",
            kept="nothing was changed",
        )
    return done.stdout
