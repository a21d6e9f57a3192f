"""The message of the commit that a run makes: a subject, numbers, and trailers that later runs read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from string import Template

from directional_sync.model.plan import Counts
from directional_sync.model.snapshot import Source

_SUBJECT_LENGTH = 100
_SOURCES_LISTED = 50
_DEFAULT = "Sync $target: $numbers"


def numbers(counts: Counts) -> str:
    """`+3 ~11 -1 files`, leaving out what is zero; `no files` when nothing changed."""
    noun = counts.noun if counts.total == 1 else f"{counts.noun}s"
    parts = [
        f"{sign}{amount}"
        for sign, amount in (("+", counts.added), ("~", counts.changed), ("-", counts.deleted))
        if amount
    ]
    return f"{' '.join(parts)} {noun}" if parts else f"no {noun}"


def moved_sources(before: Sequence[Source], after: Sequence[Source]) -> list[tuple[Source | None, Source]]:
    """Pairs (old, new) of the sources whose commit or place is not what it was; old is None for a new one."""
    known = {source.name: source for source in before}
    return [(known.get(source.name), source) for source in after if known.get(source.name) != source]


def message(
    template: str, target: str, run: str, counts: Counts, before: Sequence[Source], after: Sequence[Source]
) -> str:
    """Everything that comes from outside is brought to one printable line first, so that no upstream can add
    a trailer or a second paragraph."""
    moved = moved_sources(before, after)
    values = {"target": target, "numbers": numbers(counts), "run": run, "sources": str(len(moved))}
    subject = _line(Template(template or _DEFAULT).safe_substitute(values))[:_SUBJECT_LENGTH].rstrip()
    body = [f"{numbers(counts)}." if not moved else f"{numbers(counts)}; {_sources(len(moved))} moved:"]
    body += [f"  {_line(new.name)} {_from(old)}{new.commit[:12]}{_by(new)}" for old, new in moved[:_SOURCES_LISTED]]
    if len(moved) > _SOURCES_LISTED:
        body.append(f"  and {len(moved) - _SOURCES_LISTED} more, see the lock file")
    trailers = [f"Sync-Target: {_line(target)}", f"Sync-Run: {_line(run)}"]
    trailers += [f"Sync-Source: {_line(new.url)}@{_line(new.commit)}" for _, new in moved[:_SOURCES_LISTED]]
    return "\n\n".join([subject, "\n".join(body), "\n".join(trailers)]) + "\n"


def undoing(targets: Sequence[str], run: str, undone: str, counts: Counts) -> str:
    """The message of the commit that takes a run back; all of its targets are in it."""
    names = ", ".join(_line(target) for target in targets)
    subject = f"Undo run {undone[-8:]}: {names}"[:_SUBJECT_LENGTH].rstrip()
    trailers = [f"Sync-Target: {_line(target)}" for target in targets]
    trailers += [f"Sync-Run: {_line(run)}", f"Sync-Undoes: {_line(undone)}"]
    return "\n\n".join([subject, f"{numbers(counts)}.", "\n".join(trailers)]) + "\n"


def _sources(amount: int) -> str:
    return f"{amount} source" + ("" if amount == 1 else "s")


def _from(old: Source | None) -> str:
    return f"{old.commit[:12]}.." if old is not None else ""


def _by(new: Source) -> str:
    """How far it has gone on, where that is known."""
    return f" ({new.commits} commit{'' if new.commits == 1 else 's'})" if new.commits else ""


def _line(text: str) -> str:
    return re.sub(r"[\x00-\x20\x7f-\x9f\u2028\u2029]+", " ", text).strip()
