"""What applying has in common, whatever stands behind the far side: order, portions, and what is refused beforehand."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from directional_sync.endpoints.files.site import folders_of
from directional_sync.errors import Exit
from directional_sync.model.plan import Change
from directional_sync.model.record import Effect, EffectKind
from directional_sync.model.snapshot import GITLINK, LINK, Entry

STALE = "it is no longer what was expected"
ALREADY = "already so"
HELD_BYTES = 32_000_000
_PORTION = 200


@dataclass(frozen=True, slots=True)
class Deed:
    """One change, with its path on the far side."""

    path: str
    change: Change

    @property
    def before(self) -> Entry:
        return self.change.before

    @property
    def after(self) -> Entry:
        return self.change.after

    def done(self, message: str = "") -> Effect:
        return Effect(self.change, EffectKind.DONE, message)

    def stale(self, message: str = STALE) -> Effect:
        return Effect(self.change, EffectKind.STALE, message)

    def refused(self, message: str) -> Effect:
        return Effect(self.change, EffectKind.REFUSED, message, exit=Exit.REFUSED)

    def failed(self, message: str, status: Exit = Exit.FAILED) -> Effect:
        return Effect(self.change, EffectKind.FAILED, message, exit=status)


def ordered(deeds: Iterable[Deed]) -> list[Deed]:
    """What stands in the way of others goes first: what is deleted below a path that becomes a file. Then by path, so
    that a file goes before what comes into the folder that takes its place."""
    by_path = sorted(deeds, key=lambda deed: deed.path)
    made = {deed.path for deed in by_path if deed.after.present and not deed.before.present}
    early = [deed for deed in by_path if deed.after.absent and not made.isdisjoint(folders_of(deed.path))]
    first = {deed.path for deed in early}
    return early + [deed for deed in by_path if deed.path not in first]


def portions(deeds: Sequence[Deed], sizes: Mapping[str, int], most: int = 0) -> Iterator[list[Deed]]:
    """So many at once that memory stays small, and that little has to be looked at again after a kill: `most` at the
    most, 0 for what suits a far side that is asked over a network."""
    portion: list[Deed] = []
    total = 0
    for deed in deeds:
        size = sizes.get(deed.after.digest, 0)
        if portion and (total + size > HELD_BYTES or len(portion) >= (most or _PORTION)):
            yield portion
            portion, total = [], 0
        portion.append(deed)
        total += size
    if portion:
        yield portion


def sifted(
    deeds: Sequence[Deed], refusal: Callable[[Deed], str], there: Collection[str], *, folds: bool
) -> tuple[list[Deed], dict[str, str]]:
    """What can be attempted, and path -> why not, of the rest. `there`: paths that are on the far side now. `folds`: it
    takes names that differ in case or in the encoding of accents only for one."""
    why = {deed.path: reason for deed in deeds if (reason := refusal(deed))}
    if folds:
        gone = {deed.path for deed in deeds if deed.after.absent}
        names: dict[str, set[str]] = {}
        for path in {*there, *(deed.path for deed in deeds if deed.after.present)} - gone:
            names.setdefault(fold(path), set()).add(path)
        for deed in deeds:
            others = names.get(fold(deed.path), set()) - {deed.path}
            if deed.after.present and others:
                why[deed.path] = f"on the far side it would be the same file as {min(others)}"
    return [deed for deed in deeds if deed.path not in why], why


def unfit(deed: Deed, *, links: str, target: bytes | None) -> str:
    """Why this kind of entry cannot come to the far side; "" when it can. `links`: why links cannot, "" when they can.
    `target`: where a link points, None when that cannot be read."""
    if deed.path == "":
        return "it lies outside of the folder that corresponds to the far side"
    if deed.after.mode == GITLINK:
        return "a submodule has no content in this repository; name it under `exclude`"
    if deed.after.mode != LINK:
        return ""
    if links or target is None:
        return links or "where the link points cannot be read"
    return "the link would lead out of the far side's folder" if escapes(deed.path, target) else ""


def unfit_for_store(deed: Deed) -> str:
    """The same of a store of objects."""
    return unfit(deed, links="a store of objects has no links; `symlinks: skip` leaves them alone", target=None)


def escapes(path: str, target: bytes) -> bool:
    """Whether a link at `path` would lead to somewhere outside of the root, or may, through another link."""
    parts = target.split(b"/")
    if not target or target.startswith(b"/") or b"\0" in target:
        return True
    depth = path.count("/")
    descended = False
    for part in parts:
        if part in (b"", b"."):
            continue
        if part != b"..":
            descended = True
        elif descended or depth == 0:
            return True
        else:
            depth -= 1
    return False


def fold(path: str) -> str:
    """The same text for paths that are one file where letter case and the encoding of accents do not count."""
    if path.isascii():
        return path.lower()
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", path).casefold())
