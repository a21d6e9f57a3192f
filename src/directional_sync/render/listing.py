"""Tables: targets and past runs; and one past run in full."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from directional_sync.model.lifecycle import Outcome
from directional_sync.model.past import REWOUND
from directional_sync.model.target import Direction, Target
from directional_sync.render.ink import Column, Ink, Style, amount, filled, one_line, table
from directional_sync.render.tally import outcome_word
from directional_sync.render.when import ago, ahead, schedule, took

_BRIEF = {Direction.PULL: "pull", Direction.PUSH: "push", Direction.BIDIRECTIONAL: "both"}
IN_SYNC = (Outcome.IN_SYNC, Outcome.SYNCED)


@dataclass(frozen=True, slots=True)
class Last:
    """The newest real run of a target."""

    started: str = ""
    outcome: str = ""
    message: str = ""
    good: str = ""
    """When the newest one began that ended in sync, "" when none did."""


@dataclass(frozen=True, slots=True)
class Listed:
    target: Target
    last: Last | None = None
    next_run: str = ""
    overdue: bool = False
    available: bool = True
    paused: bool = False
    """Whether the pause of the file holds today."""

    @property
    def word(self) -> str:
        """How its last run ended, or why it will not run."""
        if self.paused:
            return "paused"
        if not self.available:
            return "unavailable"
        if self.overdue:
            return "overdue"
        if self.last is None:
            return "never"
        if self.last.outcome == REWOUND:
            return "rewound"
        return "ok" if self.last.outcome in IN_SYNC else outcome_word(self.last.outcome)


_WORD_STYLES = {
    "ok": Style.GOOD,
    "overdue": Style.CHANGED,
    "failed": Style.BAD,
    "refused": Style.BAD,
    "conflict": Style.BAD,
    "unavailable": Style.QUIET,
    "never": Style.QUIET,
    "paused": Style.QUIET,
}


def targets(rows: Sequence[Listed], ink: Ink, now: str) -> str:
    columns = (
        Column("TARGET", shrinks=True),
        Column("DIR"),
        Column("SCHEDULE (UTC)"),
        Column("LAST RUN"),
        Column("IN SYNC"),
        Column("NEXT"),
    )
    lines = table(columns, [_listed(row, now) for row in rows], ink)
    words = [row.word for row in rows]
    counted = [f"{words.count(word)} {word}" for word in dict.fromkeys(words)]
    return "\n".join([*lines, "", f"{amount(len(rows), 'target')}: {', '.join(counted)}"])


def _listed(row: Listed, now: str) -> list[tuple[str, Style]]:
    when = f" {ago(row.last.started, now)}" if row.last is not None else ""
    style = _WORD_STYLES.get(row.word, Style.NONE)
    return [
        (one_line(row.target.name), Style.NONE),
        (_BRIEF[row.target.direction], Style.NONE),
        (one_line(schedule(row.target.schedule)), Style.NONE),
        (row.word + when, style),
        (_in_sync(row), Style.NONE),
        (ahead(row.next_run, now) if row.next_run and row.available and not row.paused else "-", Style.NONE),
    ]


def _in_sync(row: Listed) -> str:
    """As of the last run; nobody looks at the far side for a list. What a program did there, nobody has seen."""
    unseen = row.target.endpoint == "command" and row.target.direction is not Direction.PULL
    if row.last is None or row.overdue or not row.available:
        return "unknown"
    if row.last.outcome in IN_SYNC:
        return "unknown" if unseen else "yes"
    return "no" if row.last.outcome == Outcome.CONFLICTED else "unknown"


def target_json(row: Listed) -> dict[str, Any]:
    target, pause = row.target, row.target.paused
    return {
        "name": target.name,
        "direction": str(target.direction),
        "description": target.description,
        "endpoint": target.endpoint,
        "available": row.available,
        "paused": row.paused,
        "pause": None if pause is None else {"reason": pause.reason, "until": pause.until or None},
        "schedule": target.schedule.cron if target.schedule else None,
        "timezone": target.schedule.timezone if target.schedule else None,
        "inputs": list(target.inputs),
        "outputs": list(target.outputs),
        "needs": list(target.needs),
        "last_run": None if row.last is None else {"started": row.last.started, "outcome": row.last.outcome},
        "next_run": row.next_run or None,
        "overdue": row.overdue,
        "place": str(target.place),
    }


def runs(reports: Sequence[Mapping[str, Any]], ink: Ink, now: str) -> str:
    """Past runs, newest first."""
    if not reports:
        return "no runs yet"
    columns = (Column("RUN"), Column("WHEN"), Column("RESULT"), Column("TOOK"), Column("TARGETS", shrinks=True))
    return "\n".join(table(columns, [_run(report, now) for report in reports], ink))


def _run(report: Mapping[str, Any], now: str) -> list[tuple[str, Style]]:
    results = report.get("results", [])
    failed = int(report.get("failed", 0))
    changed = [entry for entry in results if entry.get("outcome") == Outcome.SYNCED]
    word = f"{failed} failed" if failed else f"{len(changed)} changed" if changed else "unchanged"
    style = Style.BAD if failed else Style.CHANGED if changed else Style.NONE
    named = [entry for entry in results if not entry.get("success")] or changed or results
    names = ", ".join(one_line(str(entry.get("target", ""))) for entry in named)
    return [
        (one_line(str(report.get("run", "")))[-8:], Style.NONE),
        (ago(str(report.get("timestamp", "")), now), Style.NONE),
        (word, style),
        ("-" if report.get("rebuilt") else took(float(report.get("total_duration", 0.0))), Style.NONE),
        (_undoing(report) + names, Style.NONE),
    ]


def _undoing(report: Mapping[str, Any]) -> str:
    undone = one_line(str(report.get("undoes") or ""))
    return f"(undoes {undone[-8:]}) " if undone else ""


def run(report: Mapping[str, Any], ink: Ink) -> str:
    """One past run in full, from its report."""
    lines = [
        f"run {one_line(str(report.get('run', '')))}",
        f"  started   {one_line(str(report.get('timestamp', '')))}",
        f"  command   {one_line(str(report.get('command') or '-'))}",
        f"  base      {one_line(str(report.get('base') or '-'))}",
        *([f"  undoes    {one_line(str(report['undoes']))}"] if report.get("undoes") else []),
        "",
    ]
    for entry in [*report.get("results", []), *report.get("skipped", [])]:
        lines += [*_entry(entry, ink), ""]
    lines += [f"warning: {one_line(str(warning))}" for warning in report.get("warnings", ())]
    split = f"{report.get('successful', 0)} successful, {report.get('failed', 0)} failed"
    total = amount(int(report.get("total_targets", 0)), "target")
    lines.append(
        f"{total}: {split}, {len(report.get('skipped', []))} skipped  "
        f"{took(float(report.get('total_duration', 0.0)))}  exit {report.get('exit_status', '-')}"
    )
    return "\n".join(lines)


def _entry(entry: Mapping[str, Any], ink: Ink) -> list[str]:
    word = outcome_word(str(entry.get("outcome", "")))
    head = ink.paint(one_line(str(entry.get("target", ""))), Style.STRONG)
    lines = [f"{head}  {entry.get('direction', '')}  {word}  ({took(float(entry.get('duration', 0.0)))})"]
    lines.append(f"  {one_line(str(entry.get('message', '')))}")
    if entry.get("commit"):
        lines.append(f"  commit    {one_line(str(entry['commit']))}")
    if ink.verbose > 0 and entry.get("steps"):
        times = ", ".join(f"{one_line(str(step))} {took(float(taken))}" for step, taken in entry["steps"].items())
        lines.append(f"  steps     {times}")
    for gate in entry.get("gates", []):
        sign = "ok" if gate.get("passed") and not gate.get("warning") else "!"
        lines.append(f"  {sign} {one_line(str(gate.get('name', '')))}: {one_line(str(gate.get('message', '')))}")
        lines += [f"       {one_line(str(line))}" for line in gate.get("detail", [])]
    for error in filter(None, (entry.get("error"), *entry.get("further_errors", []))):
        lines.append(
            ink.paint(
                f"  error[{one_line(str(error.get('code', '')))}] {one_line(str(error.get('message', '')))}", Style.BAD
            )
        )
        told = {gate.get("code") for gate in entry.get("gates", [])}
        if error.get("code") not in told:
            lines += [f"    {one_line(str(line))}" for line in error.get("detail", [])]
        for name in ("kept", "hint"):
            if error.get(name):
                lines.append(f"    {name:<9} {one_line(str(error[name]))}")
    lines += [f"  ! {one_line(str(note))}" for note in entry.get("notes", [])]
    return lines


@dataclass(frozen=True, slots=True)
class Checked:
    """One thing that `doctor` looked at. `ok` None: it could not be told, or does not apply."""

    group: str
    name: str
    ok: bool | None
    message: str = ""
    fix: str = ""


def doctor(checks: Sequence[Checked], ink: Ink) -> str:
    """Groups in which all is well take one line; what failed comes last, each with its fix."""
    groups: dict[str, list[Checked]] = {}
    for check in checks:
        groups.setdefault(check.group, []).append(check)
    lines = []
    for group, inside in groups.items():
        passed = sum(check.ok is not False for check in inside)
        failed = [check for check in inside if check.ok is False]
        word, style = ("ok", Style.GOOD) if not failed else (f"{len(failed)} failed", Style.BAD)
        names = ", ".join(check.name for check in inside)
        lines.append(
            f"{one_line(group):<14} {ink.paint(f'{word:<10}', style)} {passed}/{len(inside)}  {one_line(names)}"
        )
        shown = inside if ink.verbose > 0 else [check for check in inside if check.ok is None]
        for check in shown:
            if check.ok is not False:
                told = f"{one_line(check.name)}: {one_line(check.message)}"
                lines += filled(told, ink, first=f"  {'ok' if check.ok else '? '} ", rest="     ")
    for check in checks:
        if check.ok is False:
            lines += [
                "",
                ink.paint(f"! {one_line(check.group)}, {one_line(check.name)}", Style.BAD)
                + f": {one_line(check.message)}",
            ]
            if check.fix:
                lines.append(f"  fix       {ink.paint(one_line(check.fix), Style.COMMAND)}")
    passed = sum(check.ok is not False for check in checks)
    return "\n".join([*lines, "", f"{passed}/{len(checks)} checks passed"])
