"""Random histories on real files: a repository and a folder that people edit while runs come, go, and are killed.

A *history* is a seed. What people write are lines that occur nowhere else, so that each can be found again; what they
take out, they take out where they see it. Runs are left alone, disturbed by edits at any of their steps, or killed
before one of the calls by which a process changes something. The judge reads files and asks git.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

from tests.faults.killing import count_deeds, fork, wait
from tests.files.conftest import Pair
from tests.project import Project, make_project
from tests.twoway.conftest import configure

from directional_sync.endpoints.files.endpoint import FilesEndpoint
from directional_sync.endpoints.temporary import PREFIX
from directional_sync.errors import Exit
from directional_sync.git import transaction
from directional_sync.model.lifecycle import Outcome
from directional_sync.model.plan import Change
from directional_sync.model.record import Effect, TargetRecord

PATHS = ("a.txt", "b.md", "d", "d/x.txt", "d/y.txt", "e/z.json", "f")
KEEPING = ("on_conflict: stop", "on_conflict: keep_both", "on_delete: strict")
"""Under these every line stays on one of the sides."""
CHOOSING = ("on_conflict: repo", "on_conflict: remote", "on_conflict: newer")
"""Under these a line that the policy has decided against is kept by git."""
_STEPS_MAX = 160
"""A run has about so many calls that change something."""


def template(folder: Path) -> Path:
    """A repository to be copied for each history."""
    project = make_project(folder / "project")
    (folder / "outside/share").mkdir(parents=True)
    project.commit("Begin")
    project.git("config", "gc.auto", "0")
    return folder


@dataclass
class History:
    seed: int
    folder: Path
    """Made from the template, and of its own."""
    written: set[str] = field(default_factory=set)
    out: set[str] = field(default_factory=set)
    """Lines that somebody took out who saw them."""
    trace: list[str] = field(default_factory=list)
    unfinished: bool = False
    """A run was killed, and none has come after it."""
    kept_by_git: bool = False
    """Lines may be in git alone: the policy chose, or somebody committed what a killed run had left half done."""
    replaced: Callable[[FilesEndpoint, Sequence[Change]], Iterator[Effect]] | None = None
    """For planted faults: what stands in the place of the far side's `apply`."""

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.project = Project(self.folder / "project")
        self.far = self.folder / "outside/share"
        Pair(self.project, self.far).allow()
        policy = self.random.choice((*KEEPING, *KEEPING, *CHOOSING))
        self.kept_by_git = policy in CHOOSING
        configure(self.project, self.far, f"policy: {{max_delete: 100%, allow_empty: true, {policy}}}")
        self.note(policy)

    def play(self) -> list[str]:
        """Plays it, and judges. Raises AssertionError."""
        self.edits(4)
        if self.random.random() < 0.7:
            self.quiet()
        for _ in range(self.random.randint(1, 3)):
            self.edits(3)
            kind = self.random.random()
            if kind < 0.4:
                self.killed()
            elif kind < 0.85:
                self.disturbed()
            else:
                self.quiet()
        self.commit()
        record = self.quiet()
        if self.dirty():  # what a killed run could not put over somebody's edit is theirs to commit
            self.commit()
            record = self.quiet()
        self.judge(record)
        return self.trace

    def note(self, said: str) -> None:
        self.trace.append(said)

    # people

    def root(self, side: str) -> Path:
        return self.project.root / "data" if side == "A" else self.far

    def edits(self, most: int) -> None:
        for _ in range(self.random.randint(0, most)):
            self.edit(self.random.choice("AB"))
        if self.random.random() < 0.85:
            self.commit()

    def edit(self, side: str) -> None:
        if side == "A" and self.unfinished:
            self.kept_by_git = True
        root, there = self.root(side), [path for path in PATHS if (self.root(side) / path).is_file()]
        free = [path for path in PATHS if _free(root, path)]
        kind = self.random.random()
        if there and kind < 0.15:
            path = self.random.choice(there)
            self.out |= set(_lines(root / path))
            (root / path).unlink()
            self.note(f"{side} deletes {path}")
        elif there and free and kind < 0.3:
            path, to = self.random.choice(there), self.random.choice(free)
            if not to.startswith(f"{path}/"):
                (root / to).parent.mkdir(parents=True, exist_ok=True)
                (root / path).rename(root / to)
                self.note(f"{side} renames {path} to {to}")
        elif there and kind < 0.37:
            path = self.random.choice(there)
            (root / path).chmod((root / path).stat().st_mode ^ 0o111)
            self.note(f"{side} flips the bit of {path}")
        elif there and kind < 0.75:
            self.change(side, self.random.choice(there))
        elif free:
            path = self.random.choice(free)
            lines = [self.line() for _ in range(self.random.randint(1, 9))]
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text("".join(f"{line}\n" for line in lines))
            self.note(f"{side} creates {path} {lines}")
        for folder in ("d", "e"):
            if (root / folder).is_dir() and not any((root / folder).iterdir()):
                (root / folder).rmdir()  # git knows none of these, so neither do people here

    def change(self, side: str, path: str) -> None:
        file = self.root(side) / path
        lines = _lines(file)
        before, known = set(lines), set(self.written)
        for _ in range(self.random.randint(1, 2)):
            at = self.random.randint(0, len(lines))
            lines[at : at + self.random.randint(0, 1)] = [self.line()] if self.random.random() < 0.8 else []
        file.write_text("".join(f"{line}\n" for line in lines))
        self.out |= (before | (self.written - known)) - set(lines)
        self.note(f"{side} changes {path}: +{sorted(set(lines) - before)} -{sorted(before - set(lines))}")

    def line(self) -> str:
        line = f"t{len(self.written)}"
        self.written.add(line)
        return line

    def commit(self) -> None:
        """As far as git lets people: after a kill it may say that another git is at work."""
        with_all = self._git("add", "-A", "data") if (self.project.root / "data").exists() else None
        done = with_all if with_all is not None and with_all.returncode else self._git("commit", "-qam", "Edit")
        if not done.returncode:
            self.note("A commits")

    def _git(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(["git", *arguments], cwd=self.project.root, capture_output=True)

    def dirty(self) -> bool:
        return bool(self._git("status", "--porcelain").stdout)

    # runs

    def quiet(self) -> TargetRecord:
        with self._replaced():
            record = self.project.one()
        self.unfinished = False
        self.note(f"run: {record.outcome} {record.failure.code if record.failure else ''}")
        return record

    @contextmanager
    def _replaced(self) -> Iterator[None]:
        if self.replaced is None:
            yield
            return
        with mock.patch.object(FilesEndpoint, "apply", self.replaced):
            yield

    def killed(self) -> None:
        step = 1 + int(_STEPS_MAX * self.random.random() ** 1.5)

        def run() -> None:
            with open(os.devnull, "w") as nowhere:  # noqa: PTH123
                os.dup2(nowhere.fileno(), 2)
            count_deeds(lambda number: os.kill(os.getpid(), signal.SIGKILL) if number == step else None)
            with self._replaced():
                self.project.one()

        cut = wait(fork(run)) == -signal.SIGKILL
        self.unfinished = self.unfinished or cut
        self.note(f"run killed before deed {step}" if cut else f"run ends before deed {step}")
        if not cut:
            self.unfinished = False

    def disturbed(self) -> None:
        """People go on while it runs: after the look, before an effect, before the commit."""
        places = [self.random.random() < chance for chance in (0.4, 0.4, 0.4)]
        snapshot, apply, commit = FilesEndpoint.snapshot, self.replaced or FilesEndpoint.apply, transaction.commit
        before_effect = self.random.randint(0, 3)

        def meanwhile() -> None:
            for _ in range(self.random.randint(1, 2)):
                self.edit(self.random.choice("ABB"))
            if self.random.random() < 0.5:
                self.commit()

        def looked(endpoint: FilesEndpoint, prior: Any) -> Any:
            found = snapshot(endpoint, prior)
            if places[0]:
                places[0] = False
                meanwhile()
            return found

        def applied(endpoint: FilesEndpoint, changes: Sequence[Change]) -> Iterator[Effect]:
            for number, change in enumerate(changes):
                if places[1] and number == before_effect:
                    meanwhile()
                yield from apply(endpoint, [change])

        def committed(*given: Any) -> Any:
            if places[2]:
                places[2] = False
                meanwhile()
            return commit(*given)

        with (
            mock.patch.object(FilesEndpoint, "snapshot", looked),
            mock.patch.object(FilesEndpoint, "apply", applied),
            mock.patch.object(transaction, "commit", committed),
        ):
            record = self.project.one()
        self.unfinished = False
        self.note(f"disturbed run: {record.outcome} {record.failure.code if record.failure else ''}")

    # judging

    def judge(self, record: TargetRecord) -> None:
        assert record.outcome in (Outcome.SYNCED, Outcome.IN_SYNC) or record.exit is Exit.CONFLICTS, record
        waiting = {c.key.removeprefix("data/") for c in record.plan.conflicts} if record.plan else set()
        here, there = _files(self.root("A")), _files(self.far)
        differing = {path for path in here.keys() | there.keys() if here.get(path) != there.get(path)}
        assert differing <= waiting, f"{sorted(differing - waiting)} differ after a quiet run"
        assert not any(PREFIX in path for path in there), "a temporary file is left"
        assert not self.dirty(), "the work tree is not what the branch holds"
        found = {line for content, _ in (*here.values(), *there.values()) for line in content.decode().split()}
        lost = self.written - self.out - found
        if lost and self.kept_by_git:
            lost -= self._known_to_git()
        assert not lost, f"lost: {sorted(lost)}"
        before = (self.project.git("for-each-ref"), _state(self.far))
        again = self.project.one()
        assert not again.counts.total and not again.effects, "the second plan is not empty"
        assert (self.project.git("for-each-ref"), _state(self.far)) == before, "a second run writes"

    def _known_to_git(self) -> set[str]:
        named = self._git("rev-list", "--objects", "--all").stdout
        digests = b"\n".join(line.split()[0] for line in named.splitlines())
        command = ["git", "cat-file", "--batch"]
        done = subprocess.run(command, cwd=self.project.root, input=digests, capture_output=True, check=True)
        return {word.decode() for word in done.stdout.split() if word.startswith(b"t") and word[1:].isdigit()}


def play(seed: int, original: Path, folder: Path, **more: Any) -> list[str]:
    """One history in `folder`, which is gone afterwards. Raises AssertionError with seed and trace."""
    shutil.copytree(original, folder, symlinks=True)
    history = History(seed, folder, **more)
    try:
        return history.play()
    except AssertionError as error:
        told = "\n  ".join(history.trace)
        raise AssertionError(f"history {seed}: {error}\n  {told}") from error
    finally:
        shutil.rmtree(folder)


def _free(root: Path, path: str) -> bool:
    place = root / path
    above = [root / Path(*place.relative_to(root).parts[:n]) for n in range(1, len(place.relative_to(root).parts))]
    return not place.exists() and not any(folder.is_file() for folder in above)


def _lines(file: Path) -> list[str]:
    return file.read_text().split()


def _files(root: Path) -> dict[str, tuple[bytes, bool]]:
    found = sorted(path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): (path.read_bytes(), bool(path.stat().st_mode & 0o100)) for path in found}


def _state(root: Path) -> dict[str, tuple[int, ...]]:
    stats = {str(path): path.lstat() for path in sorted(root.rglob("*"))}
    return {path: (about.st_ino, about.st_mtime_ns, about.st_ctime_ns) for path, about in stats.items()}
