"""Many clones of one repository at once: no run is lost, no edit is lost, and all end up the same (F71, F74, R9)."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest
from tests.project import Project
from tests.sharing.conftest import Fleet, pulled
from tests.sharing.test_delivery import delivered

from directional_sync.errors import Exit

ROOT = Path(__file__).parents[2]
DRIVER = """
import sys
from pathlib import Path
from tests.project import Project

root, source, name, runs = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
project = Project(root)
for number in range(runs):
    (source / "a.txt").write_text(f"{name} {number}\\n")
    summary = project.run(name)
    failure = summary.delivered.failure if summary.delivered else None
    if failure is not None or not summary.records[0].success:
        sys.exit(f"{name} {number}: {failure} {summary.records[0].message}")
"""


def at_once(fleet: Fleet, clones: int, runs: int) -> None:
    """So many machines, each with a target of its own that has something new in every run."""
    names = [f"t{number}" for number in range(clones)]
    sources = [fleet.source(name) for name in names]
    targets = "".join(pulled(name, source) for name, source in zip(names, sources, strict=True))
    fleet.found("deliver: {attempts: 100}\ntargets:\n" + targets)
    roots = [fleet.clone(name).root for name in names]
    children = [
        subprocess.Popen(
            [sys.executable, "-c", DRIVER, root, source, name, str(runs)], cwd=ROOT, stderr=subprocess.PIPE, text=True
        )
        for root, source, name in zip(roots, sources, names, strict=True)
    ]
    for child in children:
        _, said = child.communicate(timeout=1800)
        assert child.returncode == 0, said
    per_target = fleet.git("log", "--format=%(trailers:key=Sync-Target,valueonly)", "main").split()
    assert {name: per_target.count(name) for name in names} == dict.fromkeys(names, runs)
    assert fleet.git("rev-list", "--count", "main") == str(1 + clones * runs), "one commit for each run, none twice"
    assert fleet.git("rev-list", "--count", "--merges", "main") == "0"
    for name in names:  # every state that a run brought is in the history, in order
        log = fleet.git("log", "--reverse", "--format=", "-p", "main", "--", f"{name}/a.txt").splitlines()
        assert [line[1:] for line in log if line.startswith(f"+{name}")] == [f"{name} {n}" for n in range(runs)]
    assert fleet.git("fsck", "--strict", "--no-dangling") == ""
    for root in roots:
        assert Project(root).clean()


def test_f71_three_clones_at_once_lose_no_run(fleet: Fleet) -> None:
    at_once(fleet, clones=3, runs=3)


@pytest.mark.faults
def test_f71_r9_eight_clones_keep_four_hundred_of_four_hundred_commits(fleet: Fleet) -> None:
    at_once(fleet, clones=8, runs=50)


class Shared:
    """A two-way target that two people and CI share; CI begins with a new clone each time."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.far = fleet.folder / "outside"
        self.far.mkdir()
        remote = f'{{type: files, url: "{self.far}"}}'
        fleet.found(
            f"deliver: {{}}\ntargets:\n  notes: {{direction: bidirectional, remote: {remote}, inputs: [notes/**], "
            f"outputs: [notes/**], policy: {{on_conflict: keep_both, max_delete: 100%}}}}\n"
        )
        self.people = [fleet.clone("ada"), fleet.clone("bob")]
        self.written: list[str] = []
        self.runs = 0

    def edit(self, where: Path, name: str) -> None:
        """A line that is nowhere else, at the end of a file."""
        line = f"line {len(self.written)} of {where.name}"
        self.written.append(line)
        where.mkdir(exist_ok=True)
        path = where / f"{name}.md"
        path.write_text((path.read_text() if path.exists() else f"# {name}\n") + f"{line}\n")

    def person_edits(self, person: Project, name: str) -> None:
        person.git("pull", "-q", "--rebase")
        self.edit(person.root / "notes", name)
        person.commit(f"Edit {len(self.written)}")

    def run(self, project: Project) -> None:
        summary = project.run()
        assert summary.exit() is Exit.OK, [record.message for record in summary.records]
        delivered(summary)
        assert project.clean()

    def ci(self) -> Project:
        self.runs += 1
        return self.fleet.clone(f"ci{self.runs}")

    def everything(self) -> str:
        """All that is or was anywhere: the far side, and the history of the shared branch."""
        now = [path.read_text() for path in self.far.iterdir()]
        return "\n".join([*now, self.fleet.git("log", "-p", "--format=", "main")])

    def settled(self) -> None:
        for project in (self.ci(), *self.people):
            self.run(project)
        far = {path.name: path.read_text() for path in self.far.iterdir()}
        head = self.fleet.refs()["refs/heads/main"]
        last = self.ci()
        for project in (*self.people, last):
            summary = project.run()
            assert [str(record.outcome) for record in summary.records] == ["in_sync"]
            assert project.head == head == self.fleet.refs()["refs/heads/main"]
            notes = project.root / "notes"
            assert {path.name: path.read_text() for path in notes.iterdir()} == far
        everything = self.everything()
        assert [line for line in self.written if line not in everything] == []


def test_f74_two_people_and_ci_share_a_two_way_target(fleet: Fleet) -> None:
    shared = Shared(fleet)
    ada, bob = shared.people
    shared.edit(shared.far, "plan")
    shared.run(ada)
    shared.person_edits(bob, "plan")
    shared.edit(shared.far, "from-outside")
    shared.run(shared.ci())  # CI brings in what came outside, while Bob has not run yet
    bob.git("pull", "-q", "--rebase")
    shared.run(bob)
    shared.person_edits(ada, "ada")
    shared.run(ada)
    (shared.far / "from-outside.md").unlink()
    shared.run(shared.ci())
    shared.settled()
    assert not (bob.root / "notes" / "from-outside.md").exists(), "a deletion is one for everybody"
    assert "line 1" in (shared.far / "plan.md").read_text()


@pytest.mark.parametrize("seed", range(4))
def test_p4_p5_whatever_they_do_no_edit_is_lost_and_all_end_up_the_same(fleet: Fleet, seed: int) -> None:
    rng, shared = random.Random(seed), Shared(fleet)
    for _ in range(10):
        name = rng.choice(["plan", "log", "ideas"])
        match rng.randrange(4):
            case 0:
                shared.edit(shared.far, name)
            case 1:
                shared.run(shared.ci())
            case _:
                person = rng.choice(shared.people)
                shared.person_edits(person, name)
                if rng.random() < 0.7:
                    shared.run(person)
                else:
                    person.git("push", "-q", "origin", "HEAD:main")
    shared.settled()
