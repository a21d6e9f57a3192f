"""What of the repository a far side can speak of: where it cannot hold a thing, its silence is no deletion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from directional_sync.core import globs
from directional_sync.model.snapshot import EXECUTABLE, FILE, GITLINK, LINK, Entry, Grasp, Snapshot

_FILES = (FILE, EXECUTABLE)


def within(base: Snapshot, repo: Snapshot, remote: Snapshot) -> tuple[Snapshot, Snapshot, Snapshot]:
    """The three, flat, without the keys that the remote cannot speak of, and with the modes that it cannot keep as the
    repository has them, or, where the content differs, as they were agreed on."""
    grasp = remote.grasp
    if grasp == Grasp():
        return base, repo, remote
    if not grasp.modes:
        remote = replace(remote, entries={k: _moded(e, base.at(k), repo.at(k)) for k, e in remote.entries.items()})
    sides = (base.entries, repo.entries, remote.entries)
    kept = {key for side in sides for key in side if _spoken_of(key, grasp, sides)}
    kept = {key for key in kept if not base.at(key) == repo.at(key) == remote.at(key)}
    first, second, third = (
        replace(side, entries={key: entry for key, entry in side.entries.items() if key in kept})
        for side in (base, repo, remote)
    )
    return first, second, third


def _spoken_of(key: str, grasp: Grasp, sides: tuple[Mapping[str, Entry], ...]) -> bool:
    if key in grasp.aside or (grasp.only and not globs.matches(key, grasp.only)) or globs.matches(key, grasp.never):
        return False
    modes = {side[key].mode for side in sides if key in side}
    return GITLINK not in modes and (grasp.links or LINK not in modes)


def _moded(entry: Entry, base: Entry, repo: Entry) -> Entry:
    if entry.mode not in _FILES:
        return entry
    like = next(
        (
            other
            for other, same in ((repo, True), (base, False), (repo, False))
            if other.mode in _FILES and (not same or other.digest == entry.digest)
        ),
        entry,
    )
    return entry if like.mode == entry.mode else replace(entry, mode=like.mode)
