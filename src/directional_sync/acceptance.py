"""The founding document's ten acceptance criteria, looked at here and now: `dsync doctor --acceptance`.

Nothing is taken for passed that was not seen. All targets are planned (the far sides are asked), what is committed is
judged by the file's own checks, and what only a run can show is read from the record of the last one; where there was
none, the criterion is open. Nothing is changed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from directional_sync import app, past
from directional_sync.errors import ConfigError, Exit, SyncError
from directional_sync.model.lifecycle import Outcome
from directional_sync.model.record import Phase, Summary, TargetRecord, Verdict
from directional_sync.render.acceptance import Criterion, Standing
from directional_sync.render.ink import amount
from directional_sync.workspace import RunOptions, Selection, Workspace, open_workspace

NAMES = (
    "Config Valid",
    "Runner Executable",
    "Dry-Run Works",
    "Pre-Sync Gates Pass",
    "Post-Sync Gates Pass",
    "Drift Gates Green",
    "CI Workflow Valid",
    "Verification Reports Generated",
    "Git Commits Work",
    "Scheduled Runs Execute",
)
RUNNER = "scripts/sync_directional.py"
WORKFLOW = ".github/workflows/directional-sync.yml"
_RUNNER_S = 60.0
_RUNS_READ = 50
_LISTED = 12
_FIELDS = ("timestamp", "total_targets", "successful", "failed", "total_duration", "results")
_RESULT_FIELDS = (
    "target",
    "direction",
    "success",
    "message",
    "duration",
    "outputs_created",
    "verification_passed",
)  # fmt: skip


class _No(Exception):
    """The criterion is not met."""

    def __init__(
        self,
        figure: str,
        evidence: Sequence[str] = (),
        fix: str = "",
        *,
        exit: Exit = Exit.FAILED,
        standing: Standing = Standing.FAILED,
    ) -> None:
        super().__init__(figure)
        self.figure, self.evidence, self.fix = figure, tuple(evidence), fix
        self.exit, self.standing = exit, standing


_Look = tuple[str, Sequence[str]]
"""The figure, and the evidence."""


def examine(
    config_path: str | None, cwd: Path, environ: Mapping[str, str], stop: Callable[[], bool] = lambda: False
) -> list[Criterion]:
    """All ten, in their order. Never raises: what cannot be looked at is not passed."""
    try:
        workspace = open_workspace(config_path, cwd, environ, anew=True)
    except ConfigError as error:
        said = [f"{p.path}:{p.line}: {p.message}" if p.line else p.message for p in error.problems[:_LISTED]]
        first = Criterion(
            1, NAMES[0], Standing.FAILED, f"{amount(len(error.problems), 'mistake')} in the file", tuple(said),
            "dsync validate", Exit.USAGE,
        )  # fmt: skip
        why = "it cannot be looked at before the file is valid"
        return [first, *(Criterion(n + 1, NAMES[n], Standing.OPEN, why, exit=Exit.USAGE) for n in range(1, 10))]
    scene = _Scene(workspace, stop)
    looks = (_config, _runner, _dry_run, _pre, _post, _drift, _workflow, _reports, _commits, _schedules)
    return [_judged(number, look, scene) for number, look in enumerate(looks, 1)]


def _judged(number: int, look: Callable[[_Scene], _Look], scene: _Scene) -> Criterion:
    name = NAMES[number - 1]
    try:
        figure, evidence = look(scene)
    except _No as no:
        return Criterion(number, name, no.standing, no.figure, no.evidence, no.fix, no.exit)
    except SyncError as error:
        return Criterion(
            number, name, Standing.FAILED, f"{error.message} ({error.code})", error.detail, error.hint, error.exit
        )
    except OSError as error:
        return Criterion(number, name, Standing.FAILED, f"it cannot be looked at: {error}", exit=Exit.FAILED)
    return Criterion(number, name, Standing.PASSED, figure, tuple(evidence))


@dataclass
class _Scene:
    """What is looked at, each thing once."""

    workspace: Workspace
    stop: Callable[[], bool]

    @cached_property
    def planned(self) -> Summary:
        options = RunOptions(dry_run=True, command="dsync doctor --acceptance", stop=self.stop)
        return app.run(self.workspace, Selection(), options, lambda event: None)

    @cached_property
    def verified(self) -> Summary:
        options = RunOptions(dry_run=True, command="dsync doctor --acceptance", stop=self.stop)
        return app.verify(self.workspace, Selection(), options, lambda event: None)

    @cached_property
    def reports(self) -> list[dict[str, Any]]:
        """Of real runs, the newest first."""
        return [one for one in past.log(self.workspace, None, _RUNS_READ).reports if not one.get("dry_run")]

    def ran(self, target: str) -> bool:
        """Whether a run of the target has ended well, as far as is on record."""
        return any(
            result.get("target") == target and result.get("success")
            for report in self.reports
            for result in report.get("results", ())
        )


def _config(scene: _Scene) -> _Look:
    config = scene.workspace.config
    safety = config.safety
    gates = len(safety.pre_sync_checks) + len(safety.post_sync_checks) + len(safety.drift_gates)
    figure = f"{config.path}: {amount(len(config.targets), 'target')}, {amount(gates, 'gate')}, no mistakes"
    return figure, [f"version {config.version}, sha256 {config.digest[:12]}"]


def _runner(scene: _Scene) -> _Look:
    from directional_sync.system.process import capture

    if not (scene.workspace.root / RUNNER).is_file():
        raise _No(f"{RUNNER} is not there", fix="dsync init")
    config = str(scene.workspace.root / scene.workspace.config.path)
    done = capture(
        [sys.executable, RUNNER, "--list", "--config", config],
        env=dict(scene.workspace.environ),
        cwd=scene.workspace.root,
        timeout_s=_RUNNER_S,
    )
    output = done.stdout.decode("utf-8", "replace")
    said = done.stderr.decode("utf-8", "replace").strip().splitlines()[-3:]
    if done.status:
        raise _No(f"python {RUNNER} --list ended with {done.status}", said, "dsync init --force")
    names = [target.name for target in scene.workspace.config.targets]
    missing = [name for name in names if name not in output]
    if missing:
        raise _No(f"{RUNNER} --list does not name {', '.join(missing[:_LISTED])}", said, "dsync init --force")
    return f"python {RUNNER} --list: exit 0, {len(names)} of {len(names)} targets named", []


def _dry_run(scene: _Scene) -> _Look:
    summary = scene.planned
    evidence = [f"{record.target}: {record.message}" for record in summary.records]
    failed = [record for record in summary.counted if not _completed(record)]
    done = len(summary.counted) - len(failed)
    if failed:
        names = ", ".join(record.target for record in failed[:_LISTED])
        said = [line for record in failed if (line := f"{record.target}: {record.message}")]
        figure = f"{done} of {len(summary.counted)} targets can be planned; not {names}"
        raise _No(figure, said, "dsync plan", exit=summary.exit())
    if not summary.counted:
        raise _No("no target can be planned: all are skipped", evidence, standing=Standing.OPEN)
    skipped = f", {len(summary.skipped)} skipped" if summary.skipped else ""
    return f"{done} of {len(summary.counted)} targets planned{skipped}; nothing was written", evidence


def _completed(record: TargetRecord) -> bool:
    """Whether the dry run came to its end. One that a check of the user forbids has shown its plan all the same, and is
    the affair of the next criterion."""
    refusals = [verdict.phase for verdict in record.verdicts if verdict.stops]
    by_check = record.outcome is Outcome.REFUSED and record.plan is not None and set(refusals) == {Phase.PRE}
    return record.success or by_check


def _pre(scene: _Scene) -> _Look:
    names = [check.name for check in scene.workspace.config.safety.pre_sync_checks]
    if not names:
        raise _No("the file names no safety.pre_sync_checks", standing=Standing.NONE)
    return _gates(names, _verdicts(scene.planned, Phase.PRE), "dsync plan")


def _post(scene: _Scene) -> _Look:
    names = [check.name for check in scene.workspace.config.safety.post_sync_checks]
    if not names:
        raise _No("the file names no safety.post_sync_checks", standing=Standing.NONE)
    return _gates(names, _verdicts(scene.verified, Phase.POST), "dsync verify")


def _drift(scene: _Scene) -> _Look:
    gates = scene.workspace.config.safety.drift_gates
    if not gates:
        raise _No("the file names no safety.drift_gates", standing=Standing.NONE)
    verdicts = _verdicts(scene.verified, Phase.POST)
    names = {gate.name for gate in gates}
    waiting = sorted({target for target, verdict in verdicts if verdict.gate in names and not scene.ran(target)})
    if waiting:
        figure = f"no run of {', '.join(waiting[:_LISTED])} is on record, so nothing of it can be judged"
        said = [f"{target}: {v.gate}: {v.message}" for target, v in verdicts if v.gate in names]
        raise _No(figure, said, f"dsync run {waiting[0]}", standing=Standing.OPEN)
    return _gates([gate.name for gate in gates], verdicts, "dsync verify")


def _verdicts(summary: Summary, phase: Phase) -> list[tuple[str, Verdict]]:
    return [
        (record.target, verdict) for record in summary.records for verdict in record.verdicts if verdict.phase is phase
    ]


def _gates(names: Sequence[str], found: Sequence[tuple[str, Verdict]], fix: str) -> _Look:
    """What these gates said, each once where it said the same of every target."""
    own = [(target, verdict) for target, verdict in found if verdict.gate in names]
    said = list(dict.fromkeys(f"{verdict.gate}: {verdict.message}" for _, verdict in own))
    no = [(target, verdict) for target, verdict in own if not verdict.passed]
    if no:
        lines = dict.fromkeys(f"{verdict.gate}: {verdict.message} ({target})" for target, verdict in no)
        gates = ", ".join(dict.fromkeys(verdict.gate for _, verdict in no))
        raise _No(f"refused by {gates}", list(lines)[:_LISTED], fix, exit=Exit.REFUSED)
    unasked = [name for name in names if name not in {verdict.gate for _, verdict in own}]
    if unasked:
        raise _No(f"not asked of any target: {', '.join(unasked)}", said, fix, standing=Standing.OPEN, exit=Exit.FAILED)
    targets = len({target for target, _ in own})
    return f"{amount(len(names), 'gate')} passed, over {amount(targets, 'target')}: {'; '.join(said)}", said


def _workflow(scene: _Scene) -> _Look:
    document = _workflow_file(scene)
    jobs = document.get("jobs")
    steps = [step for job in jobs.values() for step in job.get("steps", ())] if isinstance(jobs, dict) else []
    run = [str(step.get("run", "")) for step in steps if isinstance(step, dict)]
    if not any("sync_directional" in one or "dsync run" in one for one in run):
        raise _No(f"no step of {WORKFLOW} runs the targets", fix=f"dsync workflow generate > {WORKFLOW}")
    evidence = [f"{WORKFLOW}: YAML without mistakes, {amount(len(steps), 'step')}"]
    evidence.append(_linted(scene))
    return f"{WORKFLOW}: {evidence[-1]}", evidence


def _linted(scene: _Scene) -> str:
    """What actionlint says, where it is installed. Raises _No for findings."""
    import shutil

    from directional_sync.system.process import capture

    path = f"{scene.workspace.environ.get('PATH', '')}:{Path(sys.executable).parent}"
    program = shutil.which("actionlint", path=path)
    if program is None:
        return "its form is right; actionlint is not installed here, so its expressions were not checked"
    done = capture(
        [program, "-no-color", "-shellcheck=", "-pyflakes=", WORKFLOW],
        env=dict(scene.workspace.environ),
        cwd=scene.workspace.root,
        timeout_s=_RUNNER_S,
    )
    if done.status:
        lines = done.stdout.decode("utf-8", "replace").splitlines()
        raise _No("actionlint has findings", lines[:_LISTED], f"dsync workflow generate > {WORKFLOW}")
    return "actionlint has 0 findings"


def _workflow_file(scene: _Scene) -> dict[str, Any]:
    from directional_sync.core import yaml12

    path = scene.workspace.root / WORKFLOW
    if not path.is_file():
        raise _No(f"{WORKFLOW} is not there", fix=f"dsync workflow generate > {WORKFLOW}")
    document = yaml12.read(path.read_bytes(), WORKFLOW)
    if document.problems or not isinstance(document.data, dict):
        said = [f"{p.path}:{p.line}: {p.message}" for p in document.problems[:_LISTED]]
        raise _No(f"{WORKFLOW} is no valid YAML", said, f"dsync workflow generate > {WORKFLOW}")
    return document.data


def _reports(scene: _Scene) -> _Look:
    if not scene.reports:
        raise _No("no run is on record yet", fix="dsync run", standing=Standing.OPEN)
    newest = scene.reports[0]
    results = newest.get("results", [])
    missing = [name for name in _FIELDS if name not in newest]
    missing += [f"results[].{name}" for name in _RESULT_FIELDS if any(name not in result for result in results)]
    if missing:
        raise _No(f"the report of run {newest.get('run')} lacks {', '.join(missing)}", fix="dsync run")
    total, good, bad = newest["total_targets"], newest["successful"], newest["failed"]
    if good + bad != total or total != len(results):
        raise _No(f"the report of run {newest.get('run')} does not add up: {good} + {bad} of {total}", fix="dsync run")
    figure = (
        f"run {str(newest['run'])[-8:]} of {newest['timestamp']}: {good} successful + {bad} failed = {total} targets"
    )
    return figure, [f"{amount(len(scene.reports), 'report')} of real runs kept; dsync show {str(newest['run'])[-8:]}"]


def _commits(scene: _Scene) -> _Look:
    from directional_sync.git.repository import Repository

    pulls = [
        result
        for report in scene.reports
        for result in report.get("results", ())
        if result.get("direction") == "pull" and result.get("commit") and result.get("outcome") == Outcome.SYNCED
    ]
    if not any(target.git_commit and target.direction == "pull" for target in scene.workspace.config.targets):
        raise _No("no target pulls into commits", standing=Standing.NONE)
    if not pulls:
        raise _No(
            "no pull that changed something is on record yet", fix="dsync run --direction pull", standing=Standing.OPEN
        )
    git = Repository.open(scene.workspace.root).git
    seen: dict[str, str] = {}
    for result in pulls:
        seen.setdefault(result["target"], result["commit"])
    lost = []
    for target, commit in seen.items():
        body = git.attempt("log", "-1", "--format=%B", commit, "--").stdout
        if f"Sync-Target: {target}".encode() not in body:
            lost.append(f"{target}: {commit[:12]} is not there, or is none of its commits")
    if lost:
        raise _No(f"{len(lost)} of {len(seen)} commits on record cannot be found", lost)
    return (
        f"{amount(len(seen), 'target')} committed by pulls, each with its trailers",
        [f"{target}: {commit[:12]}" for target, commit in seen.items()],
    )


def _schedules(scene: _Scene) -> _Look:
    from directional_sync.core import yaml12
    from directional_sync.render.workflow import workflow

    scheduled = [target for target in scene.workspace.config.targets if target.schedule is not None]
    if not scheduled:
        raise _No("no target has a schedule", standing=Standing.NONE)
    fix = f"dsync workflow generate > {WORKFLOW}"
    wanted = _triggers(yaml12.read(workflow(scene.workspace.config).encode(), WORKFLOW).data)
    there = _triggers(_workflow_file(scene))
    if wanted != there:
        said = [f"missing: {one}" for one in sorted(wanted - there)] + [
            f"left over: {one}" for one in sorted(there - wanted)
        ]
        raise _No(f"the triggers of {WORKFLOW} are not those of the schedules", said, fix)
    crons = {target.schedule.cron for target in scheduled if target.schedule is not None}
    counted = f"{amount(len(scheduled), 'target')}, {amount(len(crons), 'schedule')}, {amount(len(there), 'trigger')}"
    figure = f"{counted}: they match"
    return figure, [f"{t.name}: {t.schedule.cron}" for t in scheduled if t.schedule is not None]


def _triggers(document: Any) -> set[str]:
    on = document.get("on") if isinstance(document, dict) else None
    listed = on.get("schedule") if isinstance(on, dict) else None
    return {f"{one.get('cron')} {one.get('timezone', '')}".strip() for one in listed or () if isinstance(one, dict)}
