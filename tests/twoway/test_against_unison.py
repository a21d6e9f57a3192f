"""Random trees and edits on both sides: where nothing is in conflict, we end where Unison ends.

Unison is another program (`apt install unison`); without it this test is skipped. It is asked to keep two plain copies
of the sides equal, in batch mode and without preferring either, so what it skips is what it takes for a conflict.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.files.conftest import without_the_detector
from tests.twoway.conftest import Two, two

__all__ = ["two", "without_the_detector"]

UNISON = shutil.which("unison")
CASES = int(os.environ.get("DSYNC_UNISON_CASES", "12"))
PATHS = ("a", "b", "c.txt", "d/x", "d/y", "d/e/z", "f/g", "h i", "-j")

pytestmark = pytest.mark.skipif(UNISON is None, reason="it compares with the program unison: apt install unison")
Tree = dict[str, tuple[bytes, bool]]


def _unison(one: Path, other: Path, state: Path) -> str:
    command = [str(UNISON), "-ui", "text", "-batch", "-auto", "-silent", "-fastcheck", "false", "-perms", "0o100"]
    command += ["-confirmbigdel=false", "-dontchmod=false", "-log=false", str(one), str(other)]
    environ = {**os.environ, "UNISON": str(state), "HOME": str(state)}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=120)
    assert done.returncode in (0, 1), done.stderr  # 1: something was skipped
    return done.stdout + done.stderr


def _tree(root: Path) -> Tree:
    found = sorted(path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): (path.read_bytes(), bool(path.stat().st_mode & 0o100)) for path in found}


def _edits(rng: random.Random, root: Path, mark: str) -> None:
    """What somebody does on one side, as plain file operations."""
    for number in range(rng.randrange(5)):
        there = [path for path in PATHS if (root / path).is_file()]
        path = rng.choice(PATHS)
        place = root / path
        kind = rng.random()
        if there and kind < 0.2:
            (root / rng.choice(there)).unlink()
        elif there and kind < 0.3:
            file = root / rng.choice(there)
            file.chmod(file.stat().st_mode ^ 0o111)
        elif kind < 0.4 and place.is_file() and rng.random() < 0.5:
            to = root / f"{path}-{mark}{number}"
            place.rename(to)
        elif not any(above.is_file() for above in place.parents if above != root and root in above.parents):
            place.parent.mkdir(parents=True, exist_ok=True)
            shared = f"same {rng.randrange(3)}\n" if rng.random() < 0.3 else f"{mark}{number} {rng.random()}\n"
            place.write_text(shared)
    for folder in sorted((one for one in root.rglob("*") if one.is_dir()), reverse=True):
        if not any(folder.iterdir()):
            folder.rmdir()  # git knows no empty ones


def _waiting(record: object) -> set[str]:
    plan = getattr(record, "plan", None)
    if plan is None:
        return set()
    keys = {conflict.key for conflict in plan.conflicts} | set(plan.outlived)
    keys |= {key for one in plan.settled for key in (one.conflict.key, one.copy)}
    return {key.removeprefix("data/") for key in keys}


@pytest.mark.parametrize("seed", range(CASES))
def test_both_end_the_same(seed: int, two: Two, tmp_path: Path) -> None:
    rng = random.Random(seed)
    here, there = two.project.root / "data", two.far
    begin = {path: f"{path}\n" for path in PATHS if rng.random() < 0.6} or {"a": "a\n"}
    two.a(begin)
    assert two.run().success
    mine, theirs, state = tmp_path / "mine", tmp_path / "theirs", tmp_path / "state"
    state.mkdir()
    for source, copy in ((here, mine), (there, theirs)):
        shutil.copytree(source, copy)
    _unison(mine, theirs, state)
    for turn in range(3):
        for root, copy, mark in ((here, mine, f"A{turn}"), (there, theirs, f"B{turn}")):
            root.mkdir(exist_ok=True)
            _edits(rng, root, mark)
            shutil.rmtree(copy)
            shutil.copytree(root, copy)
        folders = {str(one.relative_to(mine)) for one in mine.rglob("*") if one.is_dir()} & {
            str(one.relative_to(theirs)) for one in theirs.rglob("*") if one.is_dir()
        }
        two.project.commit()
        record = two.run(allow_delete=1000)
        said = _unison(mine, theirs, state)
        here.mkdir(exist_ok=True)
        ours, far, one, other = _tree(here), _tree(there), _tree(mine), _tree(theirs)
        unsure = {path for path in one.keys() | other.keys() if one.get(path) != other.get(path)} | _waiting(record)
        for path in sorted((ours.keys() | far.keys() | one.keys() | other.keys()) - unsure):
            assert ours.get(path) == far.get(path) == one.get(path) == other.get(path), f"{path} in turn {turn}: {said}"
        # A conflict of theirs is one of ours, or a merge, or an edit that outlives a deletion; but for a folder that
        # was deleted on one side: a conflict there as a whole, while here what was edited in it stays (B39).
        known = {path for path in one.keys() | other.keys() if one.get(path) != other.get(path)}
        known = {path for path in known if path.rpartition("/")[0] in (*folders, "")}
        assert known <= _waiting(record), f"only unison sees a conflict in {sorted(known - _waiting(record))}"
        for copy, root in ((mine, here), (theirs, there)):  # both go on from the same
            shutil.rmtree(copy)
            shutil.copytree(root, copy)
        if record.plan is not None and record.plan.conflicts:
            return
        _unison(mine, theirs, state)
