"""A plan as people read it: for each target what would be done to which side, and why not more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from directional_sync.model.plan import (
    Change,
    Conflict,
    Counts,
    Ending,
    FileDiff,
    Held,
    Plan,
    Settled,
    Side,
    Sign,
    Why,
    count,
)
from directional_sync.model.record import TargetRecord
from directional_sync.model.snapshot import Source
from directional_sync.render import rows
from directional_sync.render.diff import file_diff
from directional_sync.render.ink import Ink, Show, Style, amount, cells, note, one_line, pad, shorten

LISTED = 12
"""How many changes outside the sources are listed one by one before they are counted by folder."""
DIFF_LINES = 12
"""How many lines of one file's difference are shown in a plan."""
DIFF_LINES_TARGET = 48
FILES_OF_SOURCE = 4
"""Up to so many changed files of one source are listed below it, with a little of their differences."""
DIFF_LINES_SOURCE = 6
DELETIONS = "deletions"
"""The gate whose numbers are always shown: how many items would go, of how many."""

SIGN_STYLES = {Sign.ADD: Style.GOOD, Sign.CHANGE: Style.CHANGED, Sign.DELETE: Style.BAD}

_WHY: Mapping[Why, str] = {
    Why.UNREADABLE: "could not be read",
    Why.REFUSED: "what comes was refused",
    Why.EDITED: "was edited {here}, the source did not change",
    Why.FOREIGN: "did not come from the source",
    Why.EDIT_KEPT: "deleted at the source, edited {here}: the edit is kept",
    Why.DELETE_KEPT: "deleted on the other side, kept by on_delete",
    Why.LATER: "was changed {here} since",
    Why.LOST: "what was there before is not known",
    Why.READ_ONLY: "it may not be written {here}",
}


def counted(counts: Counts) -> str:
    """`+3 ~11 -1 files`; "no files" when there is none."""
    parts = [
        (f"+{counts.added}", counts.added),
        (f"~{counts.changed}", counts.changed),
        (f"-{counts.deleted}", counts.deleted),
    ]
    shown = " ".join(text for text, number in parts if number)
    if not shown:
        return f"no {counts.noun}s"
    moved = f", {counts.moved} moved" if counts.moved else ""
    return f"{shown} {counts.noun if counts.total == 1 else counts.noun + 's'}{moved}"


@dataclass(frozen=True, slots=True)
class _Group:
    """The changes under one source."""

    source: Source
    was: Source | None
    gone: bool
    changes: tuple[Change, ...]

    @property
    def counts(self) -> Counts:
        return count(self.changes)

    @property
    def changed(self) -> bool:
        return self.gone or self.counts.total > 0 or self.was is None or self.was.commit != self.source.commit

    @property
    def sign(self) -> Sign:
        if self.gone:
            return Sign.DELETE
        return Sign.ADD if self.was is None else Sign.CHANGE


def target_plan(record: TargetRecord, ink: Ink) -> list[str]:
    """The header of a target and everything below it."""
    plan = record.plan
    if plan is None:
        return [f"{ink.paint(one_line(record.target), Style.STRONG)}  {record.direction}  {one_line(record.message)}"]
    if plan.opaque:
        return [*_opaque(plan, ink), *_verdicts(record, ink)]
    groups, rest = _grouped(plan)
    lines = [_header(plan, groups, ink)]
    lines += _sources(groups, ink, record.samples)
    lines += _changes(rest, ink, record.samples)
    if plan.records:
        lines += rows.changes(plan.remote, ink, record.samples, every=ink.show is Show.ALL)
    elif plan.remote:
        lines.append(f"  on the far side: {counted(count(plan.remote))}")
        lines += _changes(plan.remote, ink, ())
    lines += [_settled(one) for one in plan.settled[:LISTED]]
    lines += _more(len(plan.settled) - LISTED, "settled conflict")
    for conflict in plan.conflicts[:LISTED]:
        if plan.records:
            lines += rows.conflict(conflict, record.samples, ink)
        else:
            lines.append(ink.paint(f"  x {one_line(conflict.key)}  {_why(conflict)}", Style.BAD))
    lines += _more(len(plan.conflicts) - LISTED, "conflict")
    lines += [_refused(item, ink) for item in plan.foreseen[:LISTED]]
    lines += _more(len(plan.foreseen) - LISTED, "more would be refused", "more would be refused")
    lines += _held(plan.held, ink, record.samples)
    notes = dict.fromkeys((*plan.notes, *record.notes))
    lines += [ink.paint(f"  ! {note(text, ink)}", Style.CHANGED) for text in notes]
    lines += _verdicts(record, ink)
    return lines


def _why(conflict: Conflict) -> str:
    return f"changed on both sides{': ' if conflict.why else ''}{one_line(conflict.why)}"


def _settled(one: Settled) -> str:
    how = {
        Ending.MERGED: "merged from both sides",
        Ending.BOTH: f"both kept, the far side's as {one_line(one.copy)}",
        Ending.EDITED: "settled by hand",
    }.get(one.ending, f"the {one.ending} wins where both changed the same")
    return f"  = {one_line(one.conflict.key)}  {how}" + (f" ({one_line(one.note)})" if one.note else "")


def _header(plan: Plan, groups: Sequence[_Group], ink: Ink) -> str:
    name = f"{ink.paint(one_line(plan.target), Style.STRONG)}  {plan.direction}"
    present = [group for group in groups if not group.gone]
    if not present:
        return f"{name}  {counted(count((*plan.repo, *plan.remote), plan.noun))}"
    return f"{name}  {amount(len(present), 'source')} -> {one_line(_folder([group.source.into for group in present]))}"


def _folder(prefixes: Sequence[str]) -> str:
    """The folder that all of them lie in."""
    parts = [prefix.split("/") for prefix in prefixes]
    common: list[str] = []
    for names in zip(*parts, strict=False):
        if len(set(names)) > 1:
            break
        common.append(names[0])
    return "/".join(common) or "."


def _grouped(plan: Plan) -> tuple[list[_Group], tuple[Change, ...]]:
    now, was = {s.name: s for s in plan.sources}, {s.name: s for s in plan.was}
    held = {item.key for item in plan.held}
    all_sources = {**{n: s for n, s in was.items() if n not in now and s.into not in held}, **now}
    owners = {source.into: name for name, source in all_sources.items() if source.into}
    under: dict[str, list[Change]] = {name: [] for name in all_sources}
    rest: list[Change] = []
    for change in plan.repo:
        owner = _owner(change.key, owners)
        (under[owner] if owner is not None else rest).append(change)
    groups = [
        _Group(source, was.get(name), name not in now, tuple(under[name]))
        for name, source in sorted(all_sources.items())
    ]
    return groups, tuple(rest)


def _owner(key: str, owners: Mapping[str, str]) -> str | None:
    prefix = key
    while prefix:
        if prefix in owners:
            return owners[prefix]
        prefix = prefix.rpartition("/")[0]
    return None


def _sources(groups: Sequence[_Group], ink: Ink, diffs: Sequence[FileDiff]) -> list[str]:
    shown = [group for group in groups if group.changed or ink.show is Show.ALL]
    new = [group for group in shown if group.sign is Sign.ADD]
    if len(new) > LISTED and ink.show is not Show.ALL:
        left = new[LISTED - 1 :]
        shown = [group for group in shown if group not in left]
    else:
        left = []
    listed = [
        (group, one_line(group.source.name), _ref(group.source.ref), _commits(group), counted(group.counts))
        for group in shown
    ]
    refs, commits = max((len(row[2]) for row in listed), default=0), max((len(row[3]) for row in listed), default=0)
    names = min(max((cells(row[1]) for row in listed), default=0), max(12, ink.width - refs - commits - 30))
    lines = []
    for group, name, ref, moved, files in listed:
        sign, style = (group.sign.value, SIGN_STYLES[group.sign]) if group.changed else ("=", Style.NONE)
        line = f"  {sign} {pad(shorten(name, names), names)}  {pad(ref, refs)}  {pad(moved, commits)}  {files}"
        lines.append(ink.paint(line.rstrip(), style))
        lines += _inside(group, ink, diffs)
    if left:
        total = sum((group.counts for group in left), Counts())
        line = f"  + and {amount(len(left), 'more new source')}  {counted(total)}  (--show all)"
        lines.append(ink.paint(line, SIGN_STYLES[Sign.ADD]))
    same = len([group for group in groups if not group.changed])
    if same and ink.show is not Show.ALL:
        lines.append(f"    {amount(same, 'source')} unchanged" + ("" if not shown else "  (--show all)"))
    return lines


def _inside(group: _Group, ink: Ink, diffs: Sequence[FileDiff]) -> list[str]:
    """The files of a source of which only a few change, with their differences as far as they are known."""
    if not group.changed or group.was is None or not 0 < len(group.changes) <= FILES_OF_SOURCE:
        return []
    known = {diff.key: diff for diff in diffs}
    lines: list[str] = []
    for change in group.changes:
        if change.key in known:
            lines += file_diff(
                change.sign, known[change.key], ink, lines_max=DIFF_LINES_SOURCE, note=_mode(change), indent="      "
            )
        else:
            lines.append(_change(change, ink, indent="      "))
    return lines


def _ref(ref: str) -> str:
    return one_line(ref.removeprefix("refs/heads/").removeprefix("refs/tags/"))


def _commits(group: _Group) -> str:
    new = one_line(group.source.commit[:7])
    if group.gone:
        return f"{new}..gone"
    if group.was is None:
        return f"new {new}"
    return new if group.was.commit == group.source.commit else f"{one_line(group.was.commit[:7])}..{new}"


def _changes(changes: Sequence[Change], ink: Ink, diffs: Sequence[FileDiff]) -> list[str]:
    """One by one with their differences while they are few, else counted by folder."""
    if len(changes) > LISTED and ink.show is not Show.ALL:
        return _by_folder(changes, ink)
    known = {diff.key: diff for diff in diffs}
    lines: list[str] = []
    for change in changes:
        room = DIFF_LINES_TARGET - len(lines)
        if change.key in known and room > 0:
            lines += file_diff(change.sign, known[change.key], ink, lines_max=min(DIFF_LINES, room), note=_mode(change))
        else:
            lines.append(_change(change, ink))
    return lines


def _change(change: Change, ink: Ink, indent: str = "  ") -> str:
    mode = f"  {_mode(change)}" if _mode(change) else ""
    key = shorten(one_line(change.key), ink.width - len(indent) - 2)
    return ink.paint(f"{indent}{change.sign} {key}{mode}", SIGN_STYLES[change.sign])


def _mode(change: Change) -> str:
    both = change.before.present and change.after.present
    return (
        f"mode {change.before.mode} -> {change.after.mode}" if both and change.before.mode != change.after.mode else ""
    )


def _by_folder(changes: Sequence[Change], ink: Ink) -> list[str]:
    """As few folders as are needed to tell the changes apart: the level at which there are several."""
    keys = [change.key.split("/")[:-1] for change in changes]
    depth = len(_folder(["/".join(key) for key in keys]).split("/")) + 1
    while depth > 1 and len({tuple(key[:depth]) for key in keys}) > LISTED:
        depth -= 1
    folders: dict[str, list[Change]] = {}
    for change, key in zip(changes, keys, strict=True):
        folders.setdefault("/".join(key[:depth]) or ".", []).append(change)
    lines = []
    for folder, inside in sorted(folders.items())[:LISTED]:
        signs = {change.sign for change in inside}
        sign = signs.pop() if len(signs) == 1 else Sign.CHANGE
        text = f"  {sign} {shorten(one_line(folder), ink.width - 30)}/  {counted(count(tuple(inside)))}"
        lines.append(ink.paint(text, SIGN_STYLES[sign]))
    lines += _more(len(folders) - LISTED, "folder")
    return [*lines, "    (--show all lists every file)"]


def _refused(item: Held, ink: Ink) -> str:
    return ink.paint(f"  ! {one_line(item.key)}  the far side would refuse it: {one_line(item.detail)}", Style.BAD)


def _held(held: Sequence[Held], ink: Ink, diffs: Sequence[FileDiff]) -> list[str]:
    lines = []
    for item in held[:LISTED]:
        side = "here" if item.side is Side.REPO else "on the far side"
        why = (
            _WHY[item.why].format(here="here" if item.side is Side.REPO else "there")
            if item.why is not Why.UNREADABLE
            else f"could not be read {side}"
        )
        detail = f": {one_line(item.detail)}" if item.detail else ""
        sign = "?" if item.why is Why.UNREADABLE else "!"
        lines.append(
            ink.paint(f"  {sign} {one_line(item.key) or 'everything'}  left as it is: {why}{detail}", Style.CHANGED)
        )
        lines += rows.edits(item.key, diffs, ink) if item.side is Side.REMOTE else []
    return lines + _more(len(held) - LISTED, "more held back", "more held back")


def _more(left: int, noun: str, plural: str = "") -> list[str]:
    return (
        [f"    and {amount(left, noun, plural)}" if "more" in noun else f"    and {left} more {noun}s"]
        if left > 0
        else []
    )


def _opaque(plan: Plan, ink: Ink) -> list[str]:
    lines = [
        ink.paint(
            f"? {one_line(plan.target)}  {plan.direction}  no preview possible: {one_line(plan.opaque)}", Style.CHANGED
        ),
        "  see: dsync explain E-PLAN-OPAQUE",
    ]
    return lines + [f"  | {one_line(line)}" for line in plan.preview.splitlines()[:DIFF_LINES]]


def _verdicts(record: TargetRecord, ink: Ink) -> list[str]:
    """Those that a person should read: what failed is told under problems, so here it is one line."""
    lines = []
    passed = [v for v in record.verdicts if v.passed and not v.warning]
    for verdict in record.verdicts:
        if not verdict.passed:
            code = f" [{one_line(verdict.code)}]" if verdict.code else ""
            lines.append(ink.paint(f"  ! {one_line(verdict.gate)}{code}: {one_line(verdict.message)}", Style.BAD))
        elif verdict.warning:
            lines.append(ink.paint(f"  ! {note(f'{verdict.gate}: {verdict.message}', ink)}", Style.CHANGED))
        elif verdict.gate == DELETIONS:
            lines.append(f"  guard  {one_line(verdict.message)}")
        elif ink.verbose > 0 or ink.show is Show.ALL:
            lines.append(
                f"  ok {one_line(verdict.gate)}" + (f": {one_line(verdict.message)}" if verdict.message else "")
            )
    if len(passed) > 1 and lines and ink.verbose <= 0 and ink.show is not Show.ALL:
        lines.append(f"    {amount(len(passed), 'check')} passed")
    return lines
