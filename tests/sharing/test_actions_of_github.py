"""The generated workflow and the action of this repository, each run whole by a small GitHub (R5, R6, R8, R9, F40)."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.project import Project
from tests.sharing.actions import TOKEN, Job, Machine, combinations
from tests.sharing.conftest import Fleet, pulled
from tests.sharing.test_workflow_runs import dsync

from directional_sync.testing.faults import Fault
from directional_sync.testing.git_server import GitServer

ROOT = Path(__file__).parents[2]
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text())
WORKFLOW = ".github/workflows/directional-sync.yml"
SELDOM = "0 5 29 2 *"
"""Fires in leap years: what is due is due because it never ran, and stays answered while a test goes on."""
FORM = {"direction": "", "target": "", "dry_run": False, "verify": False}
CHECKOUT = {"fetch-depth": 0, "persist-credentials": False}
ONE_AND_MANY = [pytest.param(False, id="single"), pytest.param(True, id="matrix", marks=pytest.mark.faults)]
DONE = {"Fetch what was agreed": "success", "Sync": "success", "Deliver": "success"}


class Host:
    """A bare repository and the machines that are started for it."""

    def __init__(self, fleet: Fleet, remote: str = "", server: str = "https://github.com") -> None:
        self.fleet, self.remote, self.server, self._count = fleet, remote or str(fleet.bare), server, 0

    def machine(self, **given: Any) -> Machine:
        self._count += 1
        kept = {name: os.environ[name] for name in ("XDG_CACHE_HOME",)}
        folder = self.fleet.folder / f"machine-{self._count}"
        return Machine(folder, self.remote, server=self.server, kept=kept, **given)

    def start(self, *, schedule: str = "", **form: Any) -> dict[str, Job]:
        """What the workflow of the branch does when this happens; of a matrix, by target, side by side."""
        text = self.fleet.git("show", f"main:{WORKFLOW}")
        found = yaml.safe_load(text)["jobs"]
        event: dict[str, Any] = {"event": "workflow_dispatch", "inputs": {**FORM, **form}}
        if schedule:
            assert f'cron: "{schedule}"' in text
            event = {"event": "schedule", "schedule": schedule}
        machines = [self.machine(matrix=one, **event) for one in combinations(found["sync"])]
        with ThreadPoolExecutor(4) as pool:
            jobs = list(pool.map(lambda machine: machine.job(found["sync"]), machines))
        assert machines[0].job(found["check"]) is None
        return {str(m.matrix.get("target", "")): job for m, job in zip(machines, jobs, strict=True) if job is not None}

    def action(self, **inputs: str) -> Job:
        return self.machine().action(ACTION, CHECKOUT, **inputs)


def founded(fleet: Fleet, *names: str, more: str = "", matrix: bool = False) -> Host:
    """Targets that each bring a folder; `broken` fails."""
    targets = ""
    for name in names:
        text = pulled(name, fleet.source(name, a=f"{name} 1\n"), f", schedule: '{SELDOM}'")
        if name == "broken":
            text = (
                f'  broken: {{direction: pull, entrypoint: broken.sh, outputs: ["broken/**"], schedule: "{SELDOM}"}}\n'
            )
        targets += text
    first = fleet.found(f"targets:\n{targets}{more}")
    first.write("broken.sh", "#!/bin/bash\necho '::error::not from us' >&2; exit 3\n", mode=0o755)
    said = dsync(first, "workflow", "generate", *(["--matrix"] if matrix else []))
    assert said.returncode == 0, said.stderr
    first.write(WORKFLOW, said.stdout)
    first.commit("Add the workflow")
    first.git("push", "-q", "origin", "main")
    return Host(fleet)


def kept(fleet: Fleet) -> dict[str, str]:
    """What the remote knows of what was agreed on, and of what ran."""
    refs = fleet.refs()
    return {
        ref: one
        for ref, one in refs.items()
        if ref.startswith(("refs/directional-sync/base", "refs/directional-sync/ran"))
    }


def report(job: Job, name: str = "sync-summary") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(job.artifacts[name])
    return found


def well(job: Job, **expected: str) -> None:
    assert {name: job.outcomes[name] for name in DONE} == {**DONE, **expected}, job.said
    assert job.outcomes["Check that this file fits the configuration"] == "success", job.said


@pytest.mark.parametrize("matrix", [False, True], ids=["single", "matrix"])
def test_f40_a_schedule_runs_what_is_due_and_the_next_new_clone_knows(fleet: Fleet, matrix: bool) -> None:
    host = founded(fleet, "a", "b", matrix=matrix)
    first = host.start(schedule=SELDOM)
    for name, job in first.items():
        well(job)
        told = report(job, f"sync-summary-{name}" if name else "sync-summary")
        assert {entry["target"] for entry in told["results"]} == ({name} if name else {"a", "b"})
        assert all(entry["scheduled"] for entry in told["results"])
        assert "| a | " in job.summary or "| b | " in job.summary
        assert job.annotations == []
    assert fleet.git("show", "main:a/a.txt") == "a 1" and fleet.git("show", "main:b/a.txt") == "b 1"
    before = fleet.refs()
    assert {ref.rpartition("directional-sync/")[2] for ref in kept(fleet)} == {"base/a", "base/b", "ran/a", "ran/b"}

    for job in host.start(schedule=SELDOM).values():
        well(job)
        assert "not due" in job.said
        assert all(json.loads(one)["results"] == [] for one in job.artifacts.values())
    assert fleet.refs() == before, "nothing due leaves nothing behind"


@pytest.mark.parametrize("matrix", ONE_AND_MANY)
def test_the_button_takes_one_target_and_a_dry_run_writes_nothing(fleet: Fleet, matrix: bool) -> None:
    host = founded(fleet, "a", "b", matrix=matrix)
    before = fleet.refs()
    for name, job in host.start(target="a", dry_run=True).items():
        well(job, Deliver="skipped")
        asked = name in ("", "a")
        assert ("+ a/a.txt" in job.said) is asked and "b/a.txt" not in job.said
        assert bool(job.artifacts) is asked
        assert ("### Plan" in job.summary) is asked
        assert ("not asked for" in job.said) is not asked
    assert fleet.refs() == before

    for job in host.start(target="a").values():
        well(job)
    assert fleet.git("show", "main:a/a.txt") == "a 1"
    assert "b" not in fleet.git("ls-tree", "--name-only", "main").split()


@pytest.mark.parametrize("matrix", ONE_AND_MANY)
def test_a_target_that_fails_is_told_everywhere_and_keeps_no_other_from_arriving(fleet: Fleet, matrix: bool) -> None:
    host = founded(fleet, "a", "broken", matrix=matrix)
    jobs = host.start(schedule=SELDOM)
    job = jobs["broken" if matrix else ""]
    assert job.failed and job.steps["Sync"].status == 1
    well(job, Sync="failure")
    [line] = job.annotations
    assert line.startswith("::error file=sync.yaml,line=4,title=broken%3A E-SCRIPT-FAILED::")
    assert "not from us" in job.said, "and it is no annotation"
    assert "E-SCRIPT-FAILED" in job.summary and "| broken | " in job.summary
    told = report(job, "sync-summary-broken" if matrix else "sync-summary")
    [entry] = [entry for entry in told["results"] if entry["target"] == "broken"]
    assert entry["error"]["code"] == "E-SCRIPT-FAILED"
    if matrix:
        well(jobs["a"])
    assert fleet.git("show", "main:a/a.txt") == "a 1"

    before = fleet.refs()
    for job in host.start(schedule=SELDOM).values():
        well(job)  # it is tried again after an hour
    assert fleet.refs() == before


def test_two_new_clones_agree_on_what_was_agreed_and_what_ran(fleet: Fleet) -> None:
    host = founded(fleet, "a", "b")
    host.start(schedule=SELDOM)
    fleet.source("a", a="a 2\n")
    host.start()  # the button asks for all, due or not
    assert fleet.git("show", "main:a/a.txt") == "a 2"
    clones = []
    for _ in range(2):
        machine = host.machine(event="schedule", schedule=SELDOM)
        job = machine.job(yaml.safe_load(fleet.git("show", f"main:{WORKFLOW}"))["jobs"]["sync"])
        assert job is not None
        well(job)
        clones.append({ref: machine.git("rev-parse", ref) for ref in kept(fleet)})
    assert clones[0] == clones[1] == kept(fleet) and len(clones[0]) == 4


@pytest.fixture
def locked(fleet: Fleet) -> Iterator[Host]:
    """The remote answers over HTTP, and only who has the token of the job."""
    founded(fleet, "a")
    fleet.git("config", "http.receivepack", "true")
    with GitServer(fleet.folder) as server:
        server.fault("shared", Fault(user_password=f"x-access-token:{TOKEN}"))
        yield Host(fleet, server.url("shared"), f"http://127.0.0.1:{server.port}")


def test_t38_the_token_opens_the_remote_for_the_steps_that_need_it_and_stays_nowhere(locked: Host) -> None:
    [job] = locked.start(schedule=SELDOM).values()
    well(job)
    assert locked.fleet.git("show", "main:a/a.txt") == "a 1"
    [folder] = locked.fleet.folder.glob("machine-1")
    for path in folder.rglob("*"):
        assert not path.is_file() or TOKEN.encode() not in path.read_bytes(), path


def test_a_pull_request_gets_its_file_checked(fleet: Fleet) -> None:
    host = founded(fleet, "a")
    jobs = yaml.safe_load(fleet.git("show", f"main:{WORKFLOW}"))["jobs"]
    machine = host.machine(event="pull_request")
    assert machine.job(jobs["sync"]) is None
    job = machine.job(jobs["check"])
    assert job is not None and not job.failed, job
    one = fleet.clone("one")
    text = (one.root / "sync.yaml").read_text().replace(SELDOM, "0 6 29 2 *")
    (one.root / "sync.yaml").write_text(text)
    one.commit("Change the schedule alone")
    one.git("push", "-q", "origin", "HEAD:main")
    job = host.machine(event="pull_request").job(jobs["check"])
    assert job is not None and job.failed and "does not fit" in job.said


# The action, whose steps are those of a composite action.


def test_the_action_syncs_and_delivers(fleet: Fleet) -> None:
    host = founded(fleet, "a", "b")
    job = host.action(due="true")
    assert {name: job.outcomes[name] for name in DONE} == DONE, job.said
    assert job.outcomes["Check the inputs"] == "success" and job.outcomes["Check"] == "skipped"
    assert json.loads(Path(job.outputs["report"]).read_text())["successful"] == 2
    assert fleet.git("show", "main:a/a.txt") == "a 1"
    assert "| a | " in job.summary
    before = fleet.refs()
    again = host.action(due="true")
    assert not again.failed and "not due" in again.said
    assert fleet.refs() == before


def test_the_action_takes_its_inputs_and_keeps_to_them(fleet: Fleet) -> None:
    host = founded(fleet, "a", "b")
    before = fleet.refs()
    plan = host.action(command="plan", target="b")
    assert not plan.failed and plan.outcomes["Deliver"] == "skipped"
    assert "+ b/a.txt" in plan.said and "a/a.txt" not in plan.said
    here = host.action(target="b", deliver="false", verify="true")
    assert not here.failed and here.outcomes["Deliver"] == "skipped"
    push = host.action(direction="push")
    assert push.steps["Sync"].status == 3
    assert fleet.refs() == before
    assert not host.action(target="b").failed
    assert "a" not in fleet.git("ls-tree", "--name-only", "main").split()


def test_the_action_fails_with_the_run_and_delivers_what_went_well(fleet: Fleet) -> None:
    host = founded(fleet, "a", "broken")
    job = host.action(due="true")
    assert job.failed and job.steps["Sync"].status == 1 and job.outcomes["Deliver"] == "success", job.said
    [line] = job.annotations
    assert line.startswith("::error file=sync.yaml,line=4,")
    assert job.outputs["report"], "who uses it finds the report of a failed run too"
    assert fleet.git("show", "main:a/a.txt") == "a 1"


def test_inputs_that_make_no_sense_start_nothing(fleet: Fleet) -> None:
    host = founded(fleet, "a")
    before = fleet.refs()
    job = host.action(target="a; touch hacked")
    assert job.steps["Check the inputs"].status == 2 and "the input `target`" in job.said
    assert set(job.outcomes.values()) == {"success", "failure", "skipped"} and job.outcomes["Sync"] == "skipped"
    assert job.outputs == {"report": ""} and fleet.refs() == before


def test_the_action_checks_the_configuration_and_the_workflow(fleet: Fleet) -> None:
    host = founded(fleet, "a")
    job = host.action(command="check")
    assert job.outcomes["Check"] == "success" and job.outcomes["Sync"] == "skipped", job.said
    one: Project = fleet.clone("one")
    (one.root / WORKFLOW).write_text((one.root / WORKFLOW).read_text().replace(SELDOM, "1 5 29 2 *"))
    one.commit("Change the workflow alone")
    one.git("push", "-q", "origin", "HEAD:main")
    assert host.action(command="check").steps["Check"].status == 5
