"""Gates over the names that a plan would bring into the repository.

A source chooses its names freely, and some names are attacks: they reach git's own folder on a file system that
folds case, drops dots or ignores invisible characters, they climb out of the tree, or two of them are one file
on somebody else's machine. Each kind is refused under its own code. Names that merely make trouble on Windows,
cannot be seen in full, or are run by tools unasked are reported and let through.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from directional_sync.core.names import MERE_TROUBLE, WHAT, fold, part_codes, whole_codes
from directional_sync.gates.autorun import runs_unasked
from directional_sync.gates.base import Subject
from directional_sync.gates.plan import counted, listed
from directional_sync.model.plan import Change
from directional_sync.model.record import Phase, Verdict
from directional_sync.model.snapshot import FOLDER, GITLINK

_MODE = re.compile(r"100[0-7]{3}|120000|")


@dataclass(frozen=True)
class Names:
    """Names that come into the repository are harmless wherever it is checked out."""

    name: str = "names"
    phase: Phase = Phase.PLAN

    def judge(self, subject: Subject) -> list[Verdict]:
        changes = [change for change in (subject.plan.repo if subject.plan else ()) if not change.after.absent]
        if not changes:
            return []
        found: dict[str, list[tuple[str, str]]] = {}
        known: dict[str, tuple[str, ...]] = {"": ("E-NAME-EMPTY",)}
        for change in changes:
            for code in _codes(change, known):
                found.setdefault(code, []).append((change.key, change.key))
        if clashes := list(_collisions(subject, changes)):
            found["E-NAME-COLLISION"] = clashes
        verdicts = [self._verdict(code, found[code]) for code in WHAT if code in found]
        return verdicts or [Verdict(self.name, self.phase, True, f"{counted(len(changes), 'name')}, all harmless")]

    def _verdict(self, code: str, found: list[tuple[str, str]]) -> Verdict:
        """`found`: the key of each finding, and what to list."""
        keys, said = zip(*found, strict=True)
        warning = code in MERE_TROUBLE
        message = f"{counted(len(keys), 'name')} {WHAT[code]}"
        if warning:
            message += ": " + ", ".join(listed(said)[:3]) + (", ..." if len(said) > 3 else "")
        hint = "" if warning else "the source must rename it, or leave it out"
        return Verdict(self.name, self.phase, warning, message, code, listed(said), hint, warning, keys)


def _codes(change: Change, known: dict[str, tuple[str, ...]]) -> Iterable[str]:
    """What is wrong with one change's key and mode; `known` remembers the parts already looked at."""
    key, mode = change.key, change.after.mode
    found: list[str] = []
    for part in key.split("/"):
        codes = known.get(part)
        if codes is None:
            codes = known[part] = tuple(part_codes(part))
        if codes:
            found += codes
    found = whole_codes(key, found)
    if mode == GITLINK:
        found.append("E-GITLINK")
    elif mode == FOLDER or not _MODE.fullmatch(mode):
        found.append("E-NAME-MODE")
    if not change.before.present and runs_unasked(key):
        found.append("E-NAME-AUTORUN")
    return dict.fromkeys(found)


def _collisions(subject: Subject, changes: list[Change]) -> Iterator[tuple[str, str]]:
    """Keys of `changes` that, folded, are the name of another file, or that lie in a folder which is; and with what."""
    files = resulting(subject)
    spelled: dict[str, list[str]] = {}
    for key in files:
        spelled.setdefault(fold(key), []).append(key)
    folders = ancestors(files)
    added = ancestors(change.key for change in changes if not change.before.present)
    there = _kept_files(subject, added)
    for change in changes:
        folded = fold(change.key)
        others = {*spelled.get(folded, ()), *there.get(folded, ())} - {change.key}
        if others:
            yield change.key, f"{change.key} and {min(others)}"
        elif folded in folders:
            yield change.key, f"{change.key} and what lies in {folders[folded]}/"
    for folded, folder in added.items():
        if folded in there:
            yield f"{folder}/", f"what lies in {folder}/ and {there[folded][0]}"


def resulting(subject: Subject) -> dict[str, str]:
    """Key -> mode of every file that the repository would hold, as far as the plan knows it."""
    files = {key: entry.mode for key, entry in subject.repo.entries.items() if entry.present and not entry.folder}
    for change in subject.plan.repo if subject.plan else ():
        if change.after.present:
            files[change.key] = change.after.mode
        else:
            files.pop(change.key, None)
    return files


def ancestors(keys: Iterable[str]) -> dict[str, str]:
    """Folded folder -> as it is spelled, for every folder that the keys lie in."""
    found: dict[str, str] = {}
    seen: set[str] = set()
    for key in keys:
        folder = key.rpartition("/")[0]
        while folder and folder not in seen:
            seen.add(folder)
            found.setdefault(fold(folder), folder)
            folder = folder.rpartition("/")[0]
    return found


def _kept_files(subject: Subject, folders: Collection[str]) -> Mapping[str, list[str]]:
    """Folded key -> keys of the files that the branch holds directly in `folders` and that the plan keeps."""
    gone = {change.key for change in subject.plan.repo if change.after.absent} if subject.plan else set()
    found: dict[str, list[str]] = {}
    for key, _ in held(subject, folders):
        if key not in gone:
            found.setdefault(fold(key), []).append(key)
    return found


def held(subject: Subject, folders: Collection[str]) -> Iterator[tuple[str, str]]:
    """Key and mode of each file that the branch holds directly at its root or in one of the folded `folders`, however
    those are spelled there."""
    level = [""]
    while level:
        below = []
        listed = subject.listing(sorted(level))
        for folder in level:
            for name, mode in listed.get(folder, {}).items():
                key = f"{folder}/{name}" if folder else name
                if mode != FOLDER:
                    yield key, mode
                elif fold(key) in folders:
                    below.append(key)
        level = below
