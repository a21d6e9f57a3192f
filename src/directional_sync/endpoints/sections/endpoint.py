"""The endpoint `sections`: entries of a document's sections, each the same as an item of the far side. See
docs/design/sections.md."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from directional_sync.core import globs
from directional_sync.core.sections import document as documents
from directional_sync.core.sections.document import Broken
from directional_sync.core.sections.files import Unread
from directional_sync.core.sections.form import Record, Unsayable
from directional_sync.core.sections.outline import Mistake
from directional_sync.core.strict_json import dump, parse
from directional_sync.endpoints.base import Capabilities, Context, NotHere
from directional_sync.endpoints.sections import complaints
from directional_sync.endpoints.sections.far import Look, Write, look, name_mistake, writes
from directional_sync.endpoints.sections.holding import (
    Holding,
    InRepository,
    OnDisk,
    Unreachable,
    replace_file,
)
from directional_sync.endpoints.sections.keys import decode, encode
from directional_sync.endpoints.sections.parts import Far, Part, parts
from directional_sync.endpoints.sections.report import report
from directional_sync.endpoints.temporary import PREFIX, token
from directional_sync.errors import ConfigError, Exit, HostError, Problem
from directional_sync.git import tree as trees
from directional_sync.git.objects import ObjectStore
from directional_sync.model.plan import Change, Plan, Why
from directional_sync.model.record import Effect, EffectKind
from directional_sync.model.snapshot import ABSENT, FILE, GITLINK, LINK, Entry, Snapshot

_DECLARE = "name the document and the folders of this repository there; a folder with /** behind it"
_REFUSED = "the run was refused, so it was not carried over"
_EXAMPLES = {Far.SETTINGS: "", Far.FOLDER: "/x.yaml", Far.SKILLS: "/x/SKILL.md"}
_STILL = {
    Why.UNREADABLE: "it could not be read",
    Why.REFUSED: "it was refused",
    Why.EDIT_KEPT: "it was removed on one side and changed on the other",
    Why.DELETE_KEPT: "it was removed on one side and is kept on the other",
    Why.READ_ONLY: "it differs on the side that may not be written",
}


def __getattr__(name: str) -> Any:
    """`OPTIONS`, whose library takes long to load."""
    if name != "OPTIONS":
        raise AttributeError(name)
    from directional_sync.endpoints.sections.options import SectionsOptions

    return SectionsOptions


def open(context: Context) -> Sections:
    """Raises ConfigError where the target does not declare the files that it is about."""
    options: Any = context.target.options
    declared = (*context.target.inputs, *context.target.outputs)
    place = context.target.place
    problems = [
        Problem(f"{path} is neither in `inputs` nor in `outputs`", place.path, place.line, place.column, hint=_DECLARE)
        for path in (str(options.document), str(options.report))
        if path and not globs.matches(path, declared)
    ]
    if problems:
        raise ConfigError(problems)
    return Sections(context)


class Sections:
    """One document and its far sides, opened for one run of one target."""

    capabilities = Capabilities(writes=True, previews=True)

    def __init__(self, context: Context) -> None:
        options: Any = context.target.options
        self._context = context
        self._target = context.target.name
        self._document = str(options.document)
        self._report = str(options.report)
        self._may_be_elsewhere = options.if_missing == "skip"
        self._wanted = _range(str(options.sections))
        self._parts = parts(options)
        self._by_name = {part.name: part for part in self._parts}
        self._forms = {part.section: part.form for part in self._parts}
        self._declared = (*context.target.inputs, *context.target.outputs)
        self._files = Snapshot()
        self._looks: dict[str, Look] = {}

    def __repr__(self) -> str:
        return f"Sections({self._target})"

    def close(self) -> None:
        """Nothing is held open."""

    # looking

    def translate(self, repo: Snapshot) -> Snapshot:
        """The entries of the document. Raises InputError E-SECTIONS-INPUT with every mistake."""
        self._files = repo
        there = repo.entries.get(self._document)
        if there is None:
            return Snapshot()
        if there.mode in (LINK, GITLINK):
            raise complaints.broken(self._target, self._document, [Mistake(0, "it is a link, and no file")])
        content = self._read(there)
        try:
            found = documents.read(content, self._forms, self._wanted)
            where = documents.places(content, self._forms, self._wanted)
        except Broken as error:
            raise complaints.broken(self._target, self._document, error.found) from error
        wrong = [
            Mistake(where[part.section, name], f"{name}: {why}")
            for part in self._parts
            for name in found[part.section]
            if (why := name_mistake(part, name))
        ]
        if wrong:
            raise complaints.broken(self._target, self._document, wrong)
        return Snapshot(
            {key: self._entry(said) for part in self._parts for key, said in _keyed(part, found[part.section])}
        )

    def snapshot(self, prior: Snapshot) -> Snapshot:
        """What the far sides hold. A part that cannot be looked at is unreadable. Raises InputError E-SECTIONS-GONE and
        NotHere."""
        if self._document not in self._files.entries:
            if prior.entries:
                raise complaints.gone(self._target, self._document, len(prior.entries))
            return Snapshot(
                notes=(f"there is no {self._document} in this repository, so there is nothing to keep equal",)
            )
        outside = [part.place for part in self._parts if part.outside]
        if outside and self._may_be_elsewhere and not any(map(os.path.lexists, outside)):
            raise NotHere(f"{', '.join(outside)}: not on this machine (if_missing: skip)")
        entries: dict[str, Entry] = {}
        unreadable: dict[str, str] = {}
        advice: dict[str, str] = {}
        for part in self._parts:
            found = look(part, self._holding(part), may_be_missing=not part.outside)
            self._looks[part.name] = found
            if found.unread:
                unreadable[part.name] = f"E-SECTIONS-FAR: {found.unread}"
                advice[part.name] = _advice(part, found)
                continue
            for key, said in _keyed(part, found.entries):
                why = f"E-SECTIONS-FAR: {said.why}" if isinstance(said, Unread) else ""
                entries[key] = Entry(unreadable=why) if isinstance(said, Unread) else self._entry(said)
        return Snapshot(entries, unreadable, advice=advice, place="\0".join(outside))

    def _holding(self, part: Part) -> Holding:
        if part.outside:
            return OnDisk()
        files = self._files if self._owned(part) else self._of_others(part)
        return InRepository(files, self._context.objects.read)

    def _owned(self, part: Part) -> bool:
        """Whether a part in the repository is the target's to write. Others are read as the branch has them."""
        return globs.matches(part.place + _EXAMPLES[part.far], self._declared)

    def _of_others(self, part: Part) -> Snapshot:
        store = cast(ObjectStore, self._context.objects)
        wanted = (part.place, f"{part.place}/**") if part.far is not Far.SETTINGS else (part.place,)
        return trees.flatten(store, trees.select(store, store.tree_of(self._context.head), wanted))

    def _entry(self, said: Record) -> Entry:
        return Entry(self._context.objects.write_blob(dump(said)), FILE)

    def _read(self, entry: Entry) -> bytes:
        return self._context.objects.read(entry.digest)

    def _said(self, entry: Entry) -> Record | None:
        return parse(self._read(entry)) if entry.present else None

    # writing

    def apply(self, changes: Sequence[Change]) -> Iterator[Effect]:
        """What lies in the repository is written with the commit, by `write`."""
        for change in changes:
            part, name = self._part(change.key)
            why = self._refusal(part, name, change)
            if why:
                yield Effect(change, EffectKind.REFUSED, why[1], exit=Exit.REFUSED)
            elif part.outside:
                yield self._applied(part, name, change)
            else:
                yield Effect(change, EffectKind.DONE)

    def foresee(self, changes: Sequence[Change]) -> Mapping[str, str]:
        """See `endpoints.base.Foreseeing`."""
        refusals = ((change.key, self._refusal(*self._part(change.key), change)) for change in changes)
        return {key: why[1] for key, why in refusals if why}

    def _part(self, key: str) -> tuple[Part, str]:
        part, _, name = key.partition("/")
        return self._by_name[part], decode(name)

    def _refusal(self, part: Part, name: str, change: Change) -> tuple[str, str] | None:
        """Why a change of the far side is not made, seen before anything is: for the report, and in full."""
        if part.outside and not self._allowed(part.place):
            hint = f"git config --local directional-sync.externalRoots {_folder(part)}"
            said = f"this machine does not let {part.place} be written (E-SECTIONS-EXTERNAL); to allow it: {hint}"
            return "this machine does not let its file be written", said
        if not part.outside and not self._owned(part):
            owner = f"{part.place} is not among the inputs and outputs of {self._target}"
            said = f"{owner}, so it is only read: change it there"
            return "it can only be changed on the other side", said
        try:
            found = self._looks.get(part.name) or look(part, self._holding(part), may_be_missing=not part.outside)
            writes(part, self._holding(part), found, name, self._said(change.after))
        except (Unsayable, Unreachable) as error:
            return "the other side cannot be written so", str(error)
        return None

    def _allowed(self, place: str) -> bool:
        real = Path(os.path.realpath(place))
        roots = [Path(os.path.realpath(root)) for root in self._context.external_roots()]
        return any(root == real or root in real.parents for root in roots)

    def _applied(self, part: Part, name: str, change: Change) -> Effect:
        holding = self._holding(part)
        found = look(part, holding, may_be_missing=False)
        if found.unread:
            return Effect(change, EffectKind.FAILED, found.unread)
        now = found.entries.get(name)
        if isinstance(now, Unread) or (ABSENT if now is None else self._entry(now)) != change.before:
            return Effect(change, EffectKind.STALE, "it was changed there meanwhile")
        try:
            write = writes(part, holding, found, name, self._said(change.after))
            if not self._allowed(write.path):
                return Effect(
                    change, EffectKind.REFUSED, f"{write.path} leads outside of what may be written", {}, Exit.REFUSED
                )
            made = replace_file(write.path, write.before, write.after, self._temporary())
        except (Unsayable, Unreachable) as error:
            return Effect(change, EffectKind.FAILED, str(error))
        except HostError as error:
            return Effect(change, EffectKind.FAILED, error.message)
        if not made:
            return Effect(change, EffectKind.STALE, "it was changed there meanwhile")
        self._forget_folder(part, write)
        return Effect(change, EffectKind.DONE)

    def _temporary(self) -> str:
        return f"{PREFIX}{token(self._context)}"

    def tidy(self) -> None:
        """See `endpoints.base.Tidying`."""
        for part in self._parts:
            if part.outside and self._allowed(part.place):
                place = Path(os.path.realpath(part.place))
                with suppress(OSError):
                    below = [one for one in place.iterdir() if one.is_dir()] if part.far is Far.SKILLS else []
                    for folder in (place.parent if part.far is Far.SETTINGS else place, *below):
                        (folder / self._temporary()).unlink(missing_ok=True)

    def _forget_folder(self, part: Part, write: Write) -> None:
        """A skill's folder that is empty now goes with its file."""
        folder = Path(write.path).parent
        if write.after is None and folder != Path(part.place) and not any(folder.iterdir()):
            folder.rmdir()

    def write(self, repo: Snapshot, plan: Plan, effects: Sequence[Effect] | None) -> tuple[Change, ...]:
        """See `endpoints.base.Writing`. Raises InputError E-SECTIONS-UNSAYABLE."""
        if self._document not in repo.entries:
            return ()
        files: dict[str, bytes | None] = {}
        if plan.repo:
            files[self._document] = self._written(repo, plan.repo)
        left = self._left(plan, effects)
        done = plan.remote if effects is None else [effect.change for effect in effects if effect.done]
        for part in self._parts:
            if not part.outside and self._owned(part):
                mine = [c for c in done if c.key.startswith(f"{part.name}/") and c.key not in left]
                self._write_inside(part, repo, mine, files)
        if self._report:
            files[self._report] = report(self._document, self._parts, left)
        return tuple(change for path in sorted(files) if (change := self._change(repo, path, files[path])) is not None)

    def report_refused(self, repo: Snapshot, plan: Plan) -> tuple[Change, ...]:
        """See `endpoints.base.Reporting`."""
        if not self._report or self._document not in repo.entries:
            return ()
        left = {**self._left(plan, ()), **{change.key: _REFUSED for change in (*plan.repo, *plan.remote)}}
        change = self._change(repo, self._report, report(self._document, self._parts, left))
        return (change,) if change is not None else ()

    def _written(self, repo: Snapshot, changes: Sequence[Change]) -> bytes:
        wanted: dict[int, dict[str, Record | None]] = {}
        for change in changes:
            part, name = self._part(change.key)
            wanted.setdefault(part.section, {})[name] = self._said(change.after)
        try:
            return documents.write(self._read(repo.entries[self._document]), self._forms, self._wanted, wanted)
        except Unsayable as error:
            raise complaints.unsayable(self._target, self._document, str(error)) from error

    def _write_inside(
        self, part: Part, repo: Snapshot, changes: Sequence[Change], files: dict[str, bytes | None]
    ) -> None:
        """What becomes of the files of a part that lies in the repository itself."""
        for change in changes:
            holding = _Edited(repo, self._context.objects.read, files)
            found = look(part, holding, may_be_missing=True)
            write = writes(part, holding, found, self._part(change.key)[1], self._said(change.after))
            files[write.path] = write.after

    def _change(self, repo: Snapshot, path: str, content: bytes | None) -> Change | None:
        before = repo.at(path)
        mode = before.mode if before.present else FILE
        after = ABSENT if content is None else Entry(self._context.objects.write_blob(content), mode)
        return Change(path, before, after) if before != after else None

    def _left(self, plan: Plan, effects: Sequence[Effect] | None) -> Mapping[str, str]:
        """Key -> why it still differs after the run; `effects` None: as far as that is known before it."""
        found = {held.key: _STILL.get(held.why, "it differs") for held in plan.held}
        found |= {conflict.key: "it was changed on both sides" for conflict in plan.conflicts}
        if effects is None:
            for change in plan.remote:
                part, name = self._part(change.key)
                why = self._refusal(part, name, change)
                if why:
                    found[change.key] = why[0]
            return found
        done = {effect.change.key for effect in effects if effect.done}
        kinds = {effect.change.key: f"it was not written ({effect.kind})" for effect in effects if not effect.done}
        for change in plan.remote:
            if change.key not in done:
                part, name = self._part(change.key)
                why = self._refusal(part, name, change)
                found[change.key] = why[0] if why else kinds.get(change.key, "it was not written")
        return found


class _Edited(InRepository):
    """The repository's files with some of them changed already."""

    def __init__(self, files: Snapshot, read: Callable[[str], bytes], edited: Mapping[str, bytes | None]) -> None:
        kept = {key: entry for key, entry in files.entries.items() if key not in edited}
        added = {path: Entry(f"edited:{path}", FILE) for path, content in edited.items() if content is not None}
        self._edited = edited
        super().__init__(Snapshot({**kept, **added}), read)

    def read(self, path: str) -> bytes | None:
        return self._edited[path] if path in self._edited else super().read(path)


def _keyed(part: Part, found: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    return ((f"{part.name}/{encode(name)}", said) for name, said in found.items())


def _range(said: str) -> range:
    first, _, last = said.partition("-")
    return range(int(first), int(last) + 1) if said else range(0)


def _folder(part: Part) -> str:
    return part.place.rpartition("/")[0] if part.far is Far.SETTINGS else part.place


def _advice(part: Part, found: Look) -> str:
    if not found.unread.endswith("is not there"):
        return "mend the file, then run again"
    return f"if it is to be made, make it empty first ({_empty(part)}); otherwise see whether a disk is missing"


def _empty(part: Part) -> str:
    if part.far is Far.SETTINGS:
        return f"echo '{{}}' > {part.place}"
    return f"mkdir -p {part.place}"
