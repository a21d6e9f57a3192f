"""Three Markdown texts into one, section by section.

A section is the same on all sides when number and title are, or the title alone, or, where the base is known, the
number alone or what stands in it; the first that holds and is unambiguous. Inside a section lines are merged. A
section that is new on one side comes behind the one that it follows there. One that was deleted on one side stays when
the other changed it or something in it, and that is said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Hashable, Iterator, Sequence
from dataclasses import dataclass

from directional_sync.core.merge import yaml_document
from directional_sync.core.merge.keyed import Format, merge_keyed
from directional_sync.core.merge.markdown_sections import Section, Text, read
from directional_sync.core.merge.node import Unfit
from directional_sync.core.merge.order import moved_both_ways, ordered
from directional_sync.core.merge.text import merge_lines
from directional_sync.core.merge.values import Choice, Place, Referee
from directional_sync.core.merge.wrapping import agreed

_FRONT_MATTER = "front matter"
_ORDER = "order of the sections"


@dataclass(frozen=True, slots=True)
class _Part:
    """A section of the merged text."""

    heading: str
    body: str
    blank: str | None


def merge_markdown(base: str | None, repo: str, remote: str, referee: Referee) -> str:
    """The merged text; texts end with a line feed or are empty. Raises Unfit when sections cannot be told apart."""
    before = None if base is None else read(base)
    ours, theirs = read(repo), read(remote)
    mark = referee.mark()
    front = _front_matter(before, ours, theirs, referee)
    names = _names(before, ours, theirs)
    work = _Work(before, ours, theirs, names, referee)
    parts = work.parts()
    ending = agreed([None if before is None else before.ending, ours.ending, theirs.ending], "")
    clashes, notes = referee.since(mark)
    text = _written(front, parts, ending)
    if base is not None and (clashes or notes):
        by_lines = merge_lines(base, repo, remote, trial := Referee({}))
        doubts = [*(clash.id for clash in clashes), *(note.where for note in notes)]
        if not trial.open and _know_better(by_lines, text, doubts, (base, repo, remote)):
            referee.forget(mark)
            return by_lines
    again = read(text)
    if again.front_matter != front or [
        (one.heading, one.body) for one in again.sections if one.heading or one.body
    ] != [(one.heading, one.body) for one in parts if one.heading or one.body]:
        raise Unfit("put together by sections it would not have the same sections")
    return text


def _know_better(by_lines: str, text: str, doubts: Sequence[str], sides: Sequence[str]) -> bool:
    """Whether what lines made of it is to be taken instead of `text`: they know what stayed in its place when a section
    was renamed. Sections that are in no doubt must be the same, and none may stand more often than on any side."""
    found = read(by_lines).sections
    often = [Counter(one.name for one in read(side).sections) for side in sides]
    if any(count > max(one[name] for one in often) for name, count in Counter(one.name for one in found).items()):
        return False
    known = {(one.name, one.occurrence): one.body for one in read(text).sections}
    for one in found:
        doubted = any(doubt.startswith(_shown(one)) for doubt in doubts)
        if often[0][one.name] and not doubted and known.get((one.name, one.occurrence)) != one.body:
            return False
    return True


def _written(front: str | None, parts: Sequence[_Part], ending: str) -> str:
    written = [] if front is None else [f"---\n{front}---\n"]
    shown = [part for part in parts if part.heading or part.body or part.blank]
    for at, part in enumerate(shown):
        written.append(part.heading + part.body)
        if at == len(shown) - 1:
            written.append(ending)
        else:
            written.append("\n" if part.blank is None else part.blank)
    return "".join(written)


class _Work:
    def __init__(self, base: Text | None, repo: Text, remote: Text, names: list[list[int]], referee: Referee) -> None:
        sides = [base or Text(None, ""), repo, remote]
        self._base, self._repo, self._remote = (
            dict(zip(these, side.sections, strict=True)) for these, side in zip(names, sides, strict=True)
        )
        self._names = names
        self._referee = referee
        self._inside = [_inside(side.sections, these) for side, these in zip(sides, names, strict=True)]
        self._around = {one: name for name, inside in self._inside[0].items() for one in inside}
        self._follows = [_follows(these, self._base) for these in names]

    def parts(self) -> list[_Part]:
        kept: dict[int, _Part] = {}
        for name in [*self._repo, *(name for name in self._remote if name not in self._repo)]:
            part = self._part(name)
            if part is not None:
                kept[name] = part
        base, repo, remote = self._names
        if moved_both_ways(base, repo, remote):
            titles = [
                "".join(one.heading for one in side.values()) or None for side in (self._base, self._repo, self._remote)
            ]
            if self._referee.clash(_ORDER, Place.SECTION, *titles) is Choice.REMOTE:
                repo, remote = remote, repo
        order = ordered(base, repo, remote, set(kept), self._rank)
        return [kept[name] for name in order]

    def _rank(self, name: int) -> tuple[int, list[int], str, str]:
        """Deeper sections first, so that none comes to stand in another than it was written in."""
        section = self._repo.get(name) or self._remote[name]
        number = [int(one) for one in section.number.split(".")] if section.number else [1 << 30]
        return (-section.level, number, section.title, section.heading + section.body)

    def _part(self, name: int) -> _Part | None:
        base, repo, remote = self._base.get(name), self._repo.get(name), self._remote.get(name)
        if repo is not None and remote is not None:
            return self._both(base, repo, remote)
        here = repo or remote
        if here is None:
            return None
        if base is None or not self._edited(name, 2 if repo is None else 1):
            return None if base is not None else _whole(here)
        where = _shown(repo or remote or base)
        if not self._referee.strict:
            self._referee.edit_kept(where, "repo" if repo is None else "remote")
            return _whole(here)
        told = [None if one is None else one.heading + one.body for one in (base, repo, remote)]
        stands = remote if self._referee.clash(where, Place.SECTION, *told) is Choice.REMOTE else repo
        return None if stands is None else _whole(stands)

    def _edited(self, name: int, side: int) -> bool:
        """Whether the side changed the section, or anything in it that the other side has not, or put something
        into it. What the other side still has is not lost with the heading that it stood under."""
        mine, other = (self._repo, self._remote) if side == 1 else (self._remote, self._repo)
        base, here = self._base.get(name), mine[name]
        if base is None or (base.heading, base.body) != (here.heading, here.body):
            return True
        # What was in it may stand behind a heading by now that came between.
        was = (one for one in self._below(name, 0) if one in mine)
        return any(
            one not in other and self._was_in(self._follows[side].get(one, one), name) and self._edited(one, side)
            for one in dict.fromkeys([*self._below(name, side), *was])
        )

    def _below(self, name: int, side: int) -> Iterator[int]:
        """The sections that stand in section `name` of a side, at any depth."""
        for one in self._inside[side].get(name, ()):
            yield one
            yield from self._below(one, side)

    def _was_in(self, one: int | None, name: int) -> bool:
        """Whether `one` was, in the base, section `name` or in it. What was elsewhere, or comes behind what was, is in
        `name` only because a heading between them went."""
        while one is not None and one != name:
            one = self._around.get(one)
        return one is not None

    def _both(self, base: Section | None, repo: Section, remote: Section) -> _Part:
        where = _shown(repo)
        body = (
            merge_lines(
                None if base is None else base.body,
                repo.body,
                remote.body,
                self._referee,
                where=where,
                first_line=repo.body_line,
            )
            if repo.body != remote.body
            else repo.body
        )
        blank = agreed([None if base is None else base.blank, repo.blank, remote.blank], repo.blank)
        return _Part(self._heading(where, base, repo, remote), body, blank)

    def _heading(self, where: str, base: Section | None, repo: Section, remote: Section) -> str:
        old = None if base is None else base.heading
        if remote.heading in (repo.heading, old):
            return repo.heading
        if repo.heading == old:
            return remote.heading
        if (repo.level, repo.number, repo.title) == (remote.level, remote.number, remote.title):
            return repo.heading
        choice = self._referee.clash(f"{where}: heading", Place.HEADING, old, repo.heading, remote.heading)
        return remote.heading if choice is Choice.REMOTE else repo.heading


def _whole(section: Section) -> _Part:
    return _Part(section.heading, section.body, section.blank)


def _shown(section: Section) -> str:
    """The section as people name it."""
    if not section.level:
        return "preamble"
    said = section.heading.strip().partition("\n")[0].strip().rstrip("#").rstrip()
    shown = said if said.startswith("#") else f"{'#' * section.level} {said}"
    return shown if section.occurrence == 1 else f"{shown} ({section.occurrence})"


def _inside(sections: Sequence[Section], names: Sequence[int]) -> dict[int, list[int]]:
    """The sections right inside of each."""
    found: dict[int, list[int]] = {}
    for section, name in zip(sections, names, strict=True):
        if section.parent >= 0:
            found.setdefault(names[section.parent], []).append(name)
    return found


def _follows(names: Sequence[int], base: Container[int]) -> dict[int, int | None]:
    """The section of the base that stands before each new one."""
    found: dict[int, int | None] = {}
    last = None
    for name in names:
        if name in base:
            last = name
        else:
            found[name] = last
    return found


# ---- which section is which


def _names(base: Text | None, repo: Text, remote: Text) -> list[list[int]]:
    """A number for every section, the same for those that are one."""
    old = [] if base is None else base.sections
    count = len(old)
    ours = _paired(old, repo.sections, known=True)
    theirs = _paired(old, remote.sections, known=True)
    new_ours = [at for at, name in enumerate(ours) if name is None]
    new_theirs = [at for at, name in enumerate(theirs) if name is None]
    pairs = _paired([repo.sections[at] for at in new_ours], [remote.sections[at] for at in new_theirs], known=False)
    for step, at in enumerate(new_ours):
        ours[at] = count + step
    count += len(new_ours)
    for step, (at, pair) in enumerate(zip(new_theirs, pairs, strict=True)):
        theirs[at] = count + step if pair is None else len(old) + pair
    return [list(range(len(old))), [one for one in ours if one is not None], [one for one in theirs if one is not None]]


def _paired(old: Sequence[Section], new: Sequence[Section], *, known: bool) -> list[int | None]:
    """For each new section the place of the old one that it is. `known`: the new ones grew from the old ones."""
    found: list[int | None] = [None] * len(new)
    taken: set[int] = set()
    ways: list[Callable[[Section], Hashable]] = [
        lambda one: (one.name, one.body) if one.level else "preamble",
        lambda one: one.name,
        lambda one: (one.level, one.title) if one.title else None,
    ]
    if known:
        ways.append(lambda one: (one.level, one.number, one.parents) if one.number else None)
        ways.append(lambda one: one.body or None)
    for way in ways:
        here = [(way(one), at) for at, one in enumerate(old) if at not in taken]
        there = [(way(one), at) for at, one in enumerate(new) if found[at] is None]
        often_here, often_there = (Counter(key for key, _ in side if key is not None) for side in (here, there))
        places = {key: at for key, at in here if key is not None and often_here[key] == 1}
        for key, at in there:
            if key is not None and often_there[key] == 1 and key in places:
                found[at] = places[key]
                taken.add(places[key])
    _same_names(old, new, found, taken)
    return found


def _same_names(old: Sequence[Section], new: Sequence[Section], found: list[int | None], taken: set[int]) -> None:
    """Pairs what is left with one name several times: in their order, if as many are on both sides. The same then for
    what stands in other sections than before."""
    ways: list[Callable[[Section], Hashable]] = [lambda one: one.name, lambda one: one.name[:-1]]
    for named in ways:
        here: dict[Hashable, list[int]] = {}
        there: dict[Hashable, list[int]] = {}
        for at, one in enumerate(old):
            if at not in taken:
                here.setdefault(named(one), []).append(at)
        for at, one in enumerate(new):
            if found[at] is None:
                there.setdefault(named(one), []).append(at)
        for name in here.keys() & there.keys():
            if len(here[name]) == len(there[name]):
                for was, at in zip(here[name], there[name], strict=True):
                    found[at] = was
                    taken.add(was)
    left = {one.name for at, one in enumerate(old) if at not in taken}
    if any(one.name in left for at, one in enumerate(new) if found[at] is None):
        raise Unfit("sections of the same name cannot be told apart")


# ---- what stands before all


def _front_matter(base: Text | None, repo: Text, remote: Text, referee: Referee) -> str | None:
    old = None if base is None else base.front_matter
    mine, other = repo.front_matter, remote.front_matter
    if mine == other or (base is not None and other == old):
        return mine
    if base is not None and mine == old:
        return other
    if mine is None or other is None:
        if old is not None:
            if referee.strict:
                choice = referee.clash(_FRONT_MATTER, Place.SECTION, old, mine, other)
                return other if choice is Choice.REMOTE else mine
            referee.edit_kept(_FRONT_MATTER, "repo" if mine is None else "remote")
        return mine if other is None else other
    form = Format(yaml_document.read, yaml_document.COMMENT, yaml_document.sound)
    trial = Referee({}, strict=referee.strict)
    try:
        merge_keyed(form, old, mine, other, trial, f"{_FRONT_MATTER}: $")
    except Unfit:
        text = merge_lines(old, mine, other, trial := Referee({}), where=_FRONT_MATTER)
        if not trial.open and (
            yaml_document.sound(text) or not (yaml_document.sound(mine) and yaml_document.sound(other))
        ):
            return text
        choice = referee.clash(_FRONT_MATTER, Place.SECTION, old, mine, other)
        return other if choice is Choice.REMOTE else mine
    return merge_keyed(form, old, mine, other, referee, f"{_FRONT_MATTER}: $")
