"""What a plan and a run print: banner, targets, problems in full, one summary line, at most two next commands."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from directional_sync.errors import Exit
from directional_sync.model.lifecycle import Skip
from directional_sync.model.record import Summary, TargetRecord
from directional_sync.render.ink import Ink, Show, Style, amount, filled, note, one_line, opposite
from directional_sync.render.plan import counted, target_plan
from directional_sync.render.problems import run_problems
from directional_sync.render.tally import FAILURES, SIGNS, SKIPS, STYLES, Tally, Word, in_part, numbers, tally, word
from directional_sync.render.when import took

NEXT_MAX = 2


def plan_text(summary: Summary, ink: Ink, status: Exit) -> str:
    """A dry run, with the real differences."""
    given = tally(summary)
    lines: list[str] = []
    if ink.verbose >= 0:
        right = f"plan {summary.plan_id}" if summary.plan_id else ""
        right += f"  base {one_line(summary.base)}" if summary.base else ""
        lines += [opposite("DRY RUN  nothing will be written", right.strip(), ink), ""]
        for record in summary.records:
            if _shown(record, ink) and not (record.plan is None and word(record) in FAILURES):
                lines += [*target_plan(record, ink), ""]
        lines += _others(summary.records, ink)
    lines += run_problems(summary.records, ink)
    lines.append(_plan_line(summary, given))
    lines.append(f"{numbers(given)}  {took(summary.duration_s)}  exit {int(status)}")
    lines += _next(_after_plan(summary, given), ink)
    lines.append("DRY RUN  nothing was written")
    return "\n".join(lines)


def run_text(summary: Summary, ink: Ink, status: Exit) -> str:
    """What a run did."""
    given = tally(summary)
    lines: list[str] = []
    if ink.verbose >= 0:
        lines += [_did(record, ink) for record in summary.records if _shown(record, ink)]
        lines += _notes(summary.records, ink)
        lines += _others(summary.records, ink)
    if summary.delivered is not None:
        from directional_sync.render.delivery import delivery_lines  # most runs have none

        lines += delivery_lines(summary.delivered, ink)
    problems = run_problems(summary.records, ink, summary.run)
    if lines and problems and lines[-1]:
        lines.append("")
    lines += problems
    lines.append(f"{numbers(given)}  {took(summary.duration_s)}  exit {int(status)}")
    lines += _next(_after_run(summary, given), ink)
    return "\n".join(lines)


def _shown(record: TargetRecord, ink: Ink) -> bool:
    """Whether the target is listed by itself."""
    what = word(record)
    if ink.show is Show.ALL:
        return True
    if ink.show is Show.SKIPPED:
        return what is Word.SKIPPED
    if ink.show is Show.FAILED:
        return what in FAILURES
    held = record.plan is not None and bool(record.plan.held)
    warned = any(verdict.warning for verdict in record.verdicts)
    return held or warned or bool(record.notes) or what not in (Word.UNCHANGED, Word.SKIPPED)


def _did(record: TargetRecord, ink: Ink) -> str:
    """One line; what went wrong is told under problems, so here it is only what was done nevertheless."""
    what = word(record)
    sign = ink.paint(SIGNS[what], STYLES[what])
    parts = [f"{sign} {one_line(record.target)}", ink.paint(what, STYLES[what])]
    if what not in FAILURES:
        parts.append(one_line(record.message))
    elif record.commit:
        parts.append(f"but synced what could be: {counted(record.counts)}")
    parts += [f"commit {record.commit[:7]}"] if record.commit else []
    return "  ".join([*parts, f"({took(record.duration_s)})"])


def _notes(records: Iterable[TargetRecord], ink: Ink) -> list[str]:
    """What a person should read although nothing failed."""
    lines = []
    for record in records:
        notes = [*record.notes, *(f"{v.gate}: {v.message}" for v in record.verdicts if v.passed and v.warning)]
        for text in notes:
            told = filled(f"{one_line(record.target)}: {note(text, ink)}", ink, first="! ", rest="  ")
            lines += [ink.paint(line, Style.CHANGED) for line in told]
    return lines


def _others(records: Sequence[TargetRecord], ink: Ink) -> list[str]:
    """The targets that are not listed by themselves, in one line for each reason."""
    if ink.show is not Show.CHANGED:
        return []
    lines = []
    same = [r.target for r in records if word(r) is Word.UNCHANGED and not _shown(r, ink)]
    if same:
        lines.append(f"= {amount(len(same), 'target')} unchanged{_names(same)}")
    reasons: dict[Skip | None, list[str]] = {}
    for record in records:
        if word(record) is Word.SKIPPED:
            reasons.setdefault(record.skip, []).append(record.target)
    lines += [f"= {len(names)} skipped, {SKIPS[why]}{_names(names)}" for why, names in reasons.items()]
    return [*lines, ""] if lines else []


def _names(names: Sequence[str]) -> str:
    shown = ", ".join(one_line(name) for name in names[:4])
    return f": {shown}" + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def _plan_line(summary: Summary, given: Tally) -> str:
    changed, part = given.of(Word.CHANGED), sum(map(in_part, summary.records))
    parts = [f"{amount(changed, 'target')} would change"] if changed or not part else []
    if part:
        parts.append(f"{part if parts else amount(part, 'target')} would change in part")
    if given.of(Word.CONFLICT):
        parts.append(f"{given.of(Word.CONFLICT)} would wait for a decision")
    if given.of(Word.UNKNOWN):
        parts.append(f"{given.of(Word.UNKNOWN)} unknown")
    if given.of(Word.REFUSED):
        parts.append(f"{given.of(Word.REFUSED)} would be refused")
    failed = sum(word(record) in (Word.FAILED, Word.CANCELLED) and not in_part(record) for record in summary.records)
    if failed:
        parts.append(f"{failed} failed")
    total = f"  {counted(given.counts)}" if (changed or part) and given.counts.total else ""
    return f"Plan: {', '.join(parts)}.{total}"


def _after_plan(summary: Summary, given: Tally) -> list[tuple[str, str]]:
    commands = []
    if summary.plan_id and (given.of(Word.CHANGED) + given.of(Word.UNKNOWN) or any(map(in_part, summary.records))):
        commands.append((f"dsync run --plan {summary.plan_id}", "do exactly this"))
    return commands + _for_problems(summary)


def _after_run(summary: Summary, given: Tally) -> list[tuple[str, str]]:
    commands = _for_problems(summary)
    changed = [record for record in summary.records if record.commit]
    if len(changed) == 1 and not commands:
        commands.append((f"git show --stat {changed[0].commit[:7]}", "see the commit"))
    elif (given.of(Word.CHANGED) > 1 or given.failed) and summary.run:
        commands.append((f"dsync show {summary.run[-8:]}", "the record of this run"))
    return commands


def _for_problems(summary: Summary) -> list[tuple[str, str]]:
    waiting = [record for record in summary.records if word(record) is Word.CONFLICT]
    if waiting:
        return [(f"dsync diff {one_line(waiting[0].target)}", "look at what changed on both sides")]
    return []


def _next(commands: Sequence[tuple[str, str]], ink: Ink) -> list[str]:
    shown = commands[:NEXT_MAX]
    width = max((len(command) for command, _ in shown), default=0)
    return [f"  {ink.paint(f'{command:<{width}}', Style.COMMAND)}   {why}" for command, why in shown]
