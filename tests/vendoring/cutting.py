"""An upstream's answers cut after so many bytes, at every kind of thing that is asked for, and what must hold then."""

from __future__ import annotations

import random
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from tests.vendoring.vendored import Vendored

from directional_sync.model.lifecycle import Outcome
from directional_sync.testing.git_server import Fault
from directional_sync.testing.lfs_server import LfsFault, LfsStore
from directional_sync.testing.upstreams import Content, empty

CODES = frozenset({
    "E-UPSTREAM-CUT", "E-UPSTREAM-UNREACHABLE", "E-UPSTREAM-CORRUPT", "E-LFS-UNREACHABLE",
    "E-SUBMODULE-UNOBTAINABLE",
})  # fmt: skip
"""What may be said of a connection that ends early."""
KINDS = ("cold", "further", "merged", "tied", "large")
"""A first fetch, one that builds on the last, a merge with history, submodules, LFS content."""


@dataclass
class Cutting:
    """One target that vendors `up` with all of it, and whose upstream moves on before every run."""

    vendored: Vendored
    lfs: LfsStore
    chance: random.Random
    number: int = 0
    failed: int = 0
    wanted: dict[str, bytes] = field(default_factory=dict)
    """Path in the vendored folder -> content that the last move put there."""

    @classmethod
    def begin(cls, vendored: Vendored, lfs: LfsStore, folder: Path, seed: int) -> Cutting:
        up, lib = empty(folder / "up.git"), empty(folder / "lib.git")
        lib.commit({"lib.py": b"first\n"})
        tie: Content = ("160000", lib.head().encode())
        modules = b'[submodule "deps/lib"]\n\tpath = deps/lib\n\turl = ../lib.git\n'
        up.commit({"README.md": b"first\n", ".gitmodules": modules, "deps/lib": tie})
        up.commit({"pull.txt": b"proposed\n"}, "Propose", branch="pr", onto=up.head())
        vendored.upstreams = {"up": up, "lib": lib}
        vendored.target = {"retries": 0}
        return cls(vendored, lfs, random.Random(seed))

    def configure(self, kind: str) -> None:
        more = {
            "merged": {"merge": ["refs/heads/pr"]},
            "tied": {"submodules": "content"},
            "large": {"lfs": "fetch"},
        }.get(kind, {})
        self.vendored.remote = {}
        self.vendored.configure(names=["up"], **more)
        self.sync()

    def move(self, kind: str) -> None:
        """The upstream goes on, in what this kind of run fetches."""
        self.number += 1
        noise = self.chance.randbytes(3_000)
        up, lib = self.vendored.upstreams["up"], self.vendored.upstreams["lib"]
        text = b"%d\n" % self.number
        self.wanted = {"README.md": text, "noise.bin": noise}
        changes: dict[str, Content] = dict(self.wanted)
        if kind == "merged":
            self.wanted["pull.txt"] = text + noise
            up.commit({"pull.txt": text + noise}, "Propose more", branch="pr")
        if kind == "tied":
            self.wanted["deps/lib/lib.py"] = text + noise
            lib.commit({"lib.py": text + noise})
            changes["deps/lib"] = ("160000", lib.head().encode())
        if kind == "large":
            self.wanted["model.bin"] = text + noise
            changes["model.bin"] = self.lfs.put(text + noise)
        up.commit(changes)

    def cut(self, kind: str, after: int) -> None:
        """One run with the answers cut after so many bytes; then one without. Judges both."""
        if kind == "cold":
            self._forget()
        self.move(kind)
        self._break(kind, after)
        before = self._standing()
        record = self.vendored.try_()
        self._mend()
        if not record.success:
            self.failed += 1
            assert record.outcome is Outcome.FAILED and record.failure is not None
            assert record.failure.code in CODES, record.failure
            assert self._standing() == before, "something moved"
        self._judge_clean()
        self.sync()
        self._judge_clean()
        for path, content in self.wanted.items():
            assert (self.vendored.project.root / "vendor/up" / path).read_bytes() == content, path
        assert self.vendored.project.clean()

    def sync(self) -> None:
        record = self.vendored.sync()
        assert not record.notes or "fetched anew" not in " ".join(record.notes), "the cache was spoilt"

    def _forget(self) -> None:
        shutil.rmtree(self.vendored.project.root / ".git/directional-sync/cache")

    def _break(self, kind: str, after: int) -> None:
        server = self.vendored.server
        if kind == "large" and after % 2:
            self.lfs.fault = LfsFault(cut_after=after)
        else:
            server.fault("lib" if kind == "tied" and after % 2 else "up", Fault(cut_after=after))

    def _mend(self) -> None:
        self.vendored.server.clear()
        self.lfs.fault = LfsFault()

    def _standing(self) -> tuple[str, ...]:
        git = self.vendored.project.git
        return git("for-each-ref"), git("symbolic-ref", "HEAD"), git("status", "--porcelain", "-uall")

    def _judge_clean(self) -> None:
        git_dir = self.vendored.project.root / ".git"
        assert self.vendored.project.fsck() == ""
        left = [*git_dir.rglob("tmp_*"), *git_dir.rglob("*.part"), *git_dir.glob("**/quarantine/*")]
        left += [path for path in git_dir.rglob("*.lock") if path.stat().st_size]
        assert left == [], "left behind"
