"""Errors as people read them: what happened, where, what was kept safe, what to do next."""

from __future__ import annotations

import re
from collections.abc import Sequence

from directional_sync.core.escape import visible
from directional_sync.errors import ConfigError, Exit, Problem, SyncError
from directional_sync.model.record import Failure, TargetRecord, Verdict
from directional_sync.render.ink import TIED, Ink, Show, Style, amount, cells, filled, one_line, shorten
from directional_sync.render.tally import Word, word

DETAIL_LINES = 4
"""How many findings of one problem are listed; the rest is counted."""
DETAIL_LINES_MORE = 300
"""The same where all is to be shown."""
FULL_PROBLEMS = 6
"""How many problems of one run are shown in full; the rest takes one line each."""

_AND_MORE = re.compile(r"(?:\.\.\. )?and ([\d,]+) more\b.*")

_HEADS = {
    Exit.REFUSED: "refused",
    Exit.LOCKED: "busy",
    Exit.STALE: "stale",
    Exit.CONFLICTS: "conflict",
    Exit.INTERRUPTED: "interrupted",
    Exit.TERMINATED: "interrupted",
}


def failure_of(error: SyncError) -> Failure:
    """The error as a value."""
    return Failure(error.code, error.message, error.hint, error.place, error.kept, error.detail, error.exit)


def failures(record: TargetRecord) -> tuple[Failure, ...]:
    """Everything that kept this target from succeeding: its error, and the gates that said no."""
    found = [] if record.failure is None else [record.failure, *record.also]
    for verdict in record.verdicts:
        if not verdict.passed and not any(_same(known, verdict) for known in found):
            found.append(_refusal(verdict))
    if not found and word(record) in (Word.FAILED, Word.REFUSED, Word.CONFLICT, Word.CANCELLED):
        found.append(Failure("", record.message, exit=record.exit))
    return tuple(found)


def _same(known: Failure, verdict: Verdict) -> bool:
    same = known.message == verdict.message or known.message.startswith(_sentence(verdict))
    return same and known.code == verdict.code


def _sentence(verdict: Verdict) -> str:
    return f"{verdict.gate}: {verdict.message}" if verdict.message else f"{verdict.gate} said no"


def _refusal(verdict: Verdict) -> Failure:
    return Failure(
        verdict.code,
        _sentence(verdict),
        verdict.hint,
        kept="nothing was changed",
        detail=verdict.detail,
        exit=Exit.REFUSED,
    )


def error(error: SyncError, ink: Ink) -> str:
    """An error that ended the whole command."""
    if isinstance(error, ConfigError):
        return config_error(error, ink)
    return "\n".join(failure(failure_of(error), ink))


def failure(given: Failure, ink: Ink, target: str = "", log: str = "") -> list[str]:
    """The head, then what is known, one aligned line each. `log` is a command that shows more."""
    mark = f"[{one_line(given.code)}]" if given.code else ""
    of = f"{one_line(target)}: " if target else ""
    lines = _head(f"{_HEADS.get(given.exit, 'error')}{mark}", of + one_line(given.message), ink)
    if given.place:
        lines += _field("place", given.place, ink)
    for line in _capped(_news(given), _lines_max(ink)):
        lines += filled(line, ink, first="  | ", rest="  |   ")
    if given.kept:
        lines += _field("kept", given.kept, ink)
    if given.hint:
        lines += _field("hint", given.hint, ink)
    more = [f"log: {log}"] if log else []
    more += [f"explain: dsync explain {one_line(given.code)}"] if given.code else []
    room = ink.width - cells(_field("more", "-", ink)[0]) + 1
    beside = "      ".join(more)
    return lines + _field("more", beside if cells(beside) <= room else "\n".join(more), ink)


def _head(mark: str, text: str, ink: Ink) -> list[str]:
    first, *rest = filled(text, ink, first=f"{mark} ", rest="  ")
    return [ink.paint(mark, Style.BAD) + first[len(mark) :], *rest]


def _field(name: str, text: str, ink: Ink) -> list[str]:
    """Its name stands before the first line, and before one that would look like an order to a CI host."""
    lines: list[str] = []
    for line in map(one_line, text.splitlines()):
        if line:
            named = name if not lines or line.startswith(TIED) else ""
            lines += filled(line, ink, first=f"  {named:<9} ", rest=" " * 12)
    return lines


def _news(given: Failure) -> list[str]:
    """The details that the message does not say already."""
    return [line for line in given.detail if line.replace(f"{given.code}: ", "") not in given.message]


def _lines_max(ink: Ink) -> int:
    return DETAIL_LINES_MORE if ink.verbose > 0 or ink.show is Show.ALL else DETAIL_LINES


def _capped(detail: Sequence[str], lines_max: int) -> list[str]:
    """The first details, and how many there are beside; those that the detail only counts are counted too."""
    lines = [one_line(line) for line in detail]
    beyond = 0
    if lines and (counted := _AND_MORE.fullmatch(lines[-1])):
        beyond = int(counted[1].replace(",", ""))
        lines.pop()
    if len(lines) + bool(beyond) <= lines_max:
        return [*lines, f"and {beyond} more"] if beyond else lines
    return [*lines[: lines_max - 1], f"and {len(lines) + beyond - lines_max + 1} more"]


def run_problems(records: Sequence[TargetRecord], ink: Ink, run: str = "") -> list[str]:
    """The problems of a run, the last ones in full; "" between them."""
    found = [(record.target, given) for record in records for given in failures(record)]
    if not found:
        return []
    failing = len({target for target, _ in found})
    lines = [f"problems ({failing} of {amount(len(records), 'target')})", ""]
    brief, full = found[:-FULL_PROBLEMS], found[-FULL_PROBLEMS:]
    for target, given in brief:
        lines.append(f"{failure(given, ink, target)[0]}")
    if brief:
        lines.append("")
    log = f"dsync show {run[-8:]}" if run else ""
    for target, given in full:
        lines += [*failure(given, ink, target, log if len(full) == 1 else ""), ""]
    return lines


def config_error(error: ConfigError, ink: Ink) -> str:
    """Every problem with its line and a caret, then how many there are."""
    lines: list[str] = []
    for problem in error.problems:
        lines += config_problem(problem, ink)
    if error.hint:
        lines += _field("hint", error.hint, ink)
    codes = sorted({problem.code for problem in error.problems})
    lines.append(f"{amount(len(error.problems), 'error')}, nothing was run   exit {int(error.exit)}")
    lines.append(
        f"  explain   {ink.paint('dsync explain ' + one_line(codes[0] if codes else error.code), Style.COMMAND)}"
    )
    return "\n".join(lines)


def config_problem(problem: Problem, ink: Ink) -> list[str]:
    where = one_line(problem.path)
    if problem.line:
        where += f":{problem.line}:{problem.column}"
    place = f"{where}  " if where else ""
    lines = _head(f"error[{problem.code}]", place + one_line(problem.message), ink)
    if problem.source and problem.line:
        lines += _excerpt(problem, ink)
    if problem.hint:
        lines += _field("hint", problem.hint, ink)
    return lines


def _excerpt(problem: Problem, ink: Ink) -> list[str]:
    """The line itself and carets under the place, moved so that the place is within the width."""
    gutter = f"{problem.line:5} | "
    room = max(20, ink.width - len(gutter))
    start = max(0, problem.column - 1)
    source = problem.source.expandtabs(1)
    offset = max(0, start - room // 2) if cells(source) > room else 0
    before = visible(source[offset:start])
    text = shorten(visible(source[offset:]), room) if offset == 0 else visible(source[offset:])[:room]
    width = max(1, min(problem.width, room - cells(before)))
    return [
        f"{gutter}{text}",
        " " * (len(gutter) - 2) + "| " + " " * cells(before) + ink.paint("^" * width, Style.BAD),
    ]
