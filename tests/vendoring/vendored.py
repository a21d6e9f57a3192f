"""A project with one target that vendors upstreams, and what tests ask about it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from tests.project import Project

from directional_sync.app import RunOptions, Selection, open_workspace, prune, verify
from directional_sync.model.lifecycle import Outcome
from directional_sync.model.record import Summary, TargetRecord
from directional_sync.status import Status, status
from directional_sync.testing.git_server import GitServer
from directional_sync.testing.upstreams import Content, Upstream, empty

INTO = "vendor"


@dataclass(frozen=True)
class Said:
    """How a command ended, and what it said."""

    status: int
    out: str
    err: str

    @property
    def text(self) -> str:
        """All of it, on one line."""
        return " ".join((self.out + self.err).split())


Dsync = Callable[..., Said]


@dataclass
class Vendored:
    project: Project
    server: GitServer
    upstreams: dict[str, Upstream]
    remote: dict[str, Any] = field(default_factory=dict)
    """What is said under `remote:` beside type, url, ref, names and into."""
    target: dict[str, Any] = field(default_factory=dict)
    """What is said of the target beside direction, remote and outputs."""
    file: dict[str, Any] = field(default_factory=dict)
    """What the file says beside the target."""

    @property
    def first(self) -> Upstream:
        return next(iter(self.upstreams.values()))

    def add(self, name: str, files: Mapping[str, Content]) -> Upstream:
        """One more upstream on the server."""
        upstream = self.upstreams[name] = empty(self.project.root.parent / "upstreams" / f"{name}.git")
        upstream.commit(files, "Begin")
        return upstream

    def configure(self, *, names: list[str] | None = None, **remote: Any) -> None:
        """Writes and commits the file; `remote` adds to or replaces what is said there. None takes a key out."""
        self.remote |= remote
        said = {
            "type": "git",
            "url": self.server.url("{name}"),
            "ref": "18.0",
            "names": list(self.upstreams) if names is None else names,
            "into": f"{INTO}/{{name}}",
            **self.remote,
        }
        said = {key: value for key, value in said.items() if value is not None}
        target = {"direction": "pull", "remote": said, "outputs": [f"{INTO}/**"], **self.target}
        self.project.configure(yaml.safe_dump({**self.file, "targets": {"oca": target}}, sort_keys=False))

    def sync(self, **options: Any) -> TargetRecord:
        """A run that must succeed."""
        record = self.project.one(**options)
        assert record.success, (record.message, record.failure)
        return record

    def try_(self, **options: Any) -> TargetRecord:
        return self.project.one(**options)

    def rest(self) -> None:
        """One more run has nothing to do: no commit, no file rewritten, upstreams asked for no content."""
        before = (self.project.head, self.stamps())
        self.server.reset()
        record = self.sync()
        assert record.outcome is Outcome.IN_SYNC, record.message
        assert (self.project.head, self.stamps()) == before
        assert self.server.count(command="fetch") == 0

    def stamps(self) -> dict[str, tuple[int, int, int, bytes]]:
        """Path -> inode, time, mode and content of every file of the work tree, git's folder aside."""
        root = self.project.root
        files = [path for path in root.rglob("*") if path.is_file() and ".git" not in path.relative_to(root).parts[:1]]
        return {str(path.relative_to(root)): _stamp(path) for path in sorted(files)}

    def status(self) -> Status:
        workspace = open_workspace(None, self.project.root, self.project.environ)
        return status(workspace, Selection(), RunOptions(dry_run=True), lambda event: None)

    def verify(self) -> Summary:
        workspace = open_workspace(None, self.project.root, self.project.environ)
        return verify(workspace, Selection(), RunOptions(dry_run=True), lambda event: None)

    def prune(self, *patterns: str, **options: Any) -> Summary:
        workspace = open_workspace(None, self.project.root, self.project.environ)
        return prune(workspace, Selection(patterns), RunOptions(**options), lambda event: None)

    def lock(self) -> dict[str, dict[str, Any]]:
        """Source name -> what the committed lock says of it."""
        content = json.loads(self.project.git("show", "HEAD:sync.lock"))
        return {source["name"]: source for source in content["targets"]["oca"]["sources"]}

    def files(self, name: str) -> dict[str, str]:
        """Path in the vendored folder -> content, as committed; {} when there is no such folder."""
        prefix = f"{INTO}/{name}/"
        return {path.removeprefix(prefix): text for path, text in self.project.files(under=prefix).items()}

    def tree(self, name: str) -> str:
        """The id of the vendored tree, as committed."""
        return self.project.git("rev-parse", f"HEAD:{INTO}/{name}")

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "directional_sync", *arguments],
            cwd=self.project.root,
            env={**self.project.environ, "COLUMNS": "120", "LC_ALL": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )


def _stamp(path: Path) -> tuple[int, int, int, bytes]:
    about = path.lstat()
    return about.st_ino, about.st_mtime_ns, about.st_mode, path.read_bytes()


def told(record: TargetRecord) -> str:
    """Everything that the record says in words."""
    failure = record.failure
    words = [record.message, *record.notes, *(verdict.message for verdict in record.verdicts)]
    if failure is not None:
        words += [failure.code, failure.message, failure.hint, *failure.detail]
    if record.plan is not None:
        words += [f"{item.key}: {item.why} {item.detail}" for item in record.plan.held]
    return "\n".join(words)
