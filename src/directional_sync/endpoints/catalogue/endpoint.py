"""Skills from a catalogue: a document names them with their checksums, and only what changed is downloaded.

A snapshot reads the document, takes the skills that are as they were agreed last time from the repository itself,
obtains the other files by their sha256, and answers one unopened folder for each skill. A skill that cannot be had as
the document promises it, or that breaks the rules for skills, is unreadable at its place: what is installed of it
stays, and the others go on. See docs/design/catalogue.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

from directional_sync.core import skills
from directional_sync.endpoints.base import Capabilities, Context, Endpoint
from directional_sync.endpoints.catalogue import document, trouble
from directional_sync.endpoints.catalogue.choice import Choice, asked_for, choose, root_of
from directional_sync.endpoints.catalogue.contents import Contents, failure_of
from directional_sync.endpoints.catalogue.document import Listed
from directional_sync.endpoints.catalogue.origin import Origin, origin
from directional_sync.errors import InternalError, RefusedError, RemoteError, SyncError
from directional_sync.git import tree as trees
from directional_sync.git.objects import ObjectStore
from directional_sync.model.lifecycle import Event, EventType
from directional_sync.model.plan import Change
from directional_sync.model.record import Effect
from directional_sync.model.snapshot import EXECUTABLE, FILE, FOLDER, Entry, Snapshot, Source
from directional_sync.model.values import kind_of

if TYPE_CHECKING:
    from directional_sync.endpoints.catalogue.options import CatalogueOptions


def __getattr__(name: str) -> Any:
    """`OPTIONS`, loaded when it is asked for: a run may have its options without their class."""
    if name != "OPTIONS":
        raise AttributeError(name)
    from directional_sync.endpoints.catalogue import options as catalogue_options

    return catalogue_options.CatalogueOptions


def open(context: Context) -> Endpoint:
    """The catalogue of a target. Raises ConfigError."""
    return CatalogueEndpoint(context)


class CatalogueEndpoint:
    """The catalogue of one target, for one run."""

    capabilities = Capabilities(writes=False, previews=True)

    def __init__(self, context: Context) -> None:
        options = context.target.options
        if kind_of(options) != "CatalogueOptions":
            raise InternalError("E-INTERNAL", "the catalogue endpoint was opened with options of another kind")
        self._context = context
        self._options: CatalogueOptions = options
        self._root = root_of(options, context.target.outputs)  # what is unclear is said at once
        self._origin: Origin | None = None

    def __repr__(self) -> str:
        return f"CatalogueEndpoint({self._options.url})"

    def snapshot(self, prior: Snapshot) -> Snapshot:
        """One folder per skill. Raises the error itself when the document, or no skill at all, can be had."""
        self.close()
        look = _Look(self._context, self._options, self._root, prior)
        if self._context.prune:
            return look.kept()
        if self._context.locked and look.all_here():
            return look.agreed()
        self._origin = origin(self._context, self._options)
        return look.snapshot(self._origin)

    def apply(self, changes: Sequence[Change]) -> Iterator[Effect]:
        if changes:
            raise InternalError("E-INTERNAL", "the catalogue endpoint cannot write to catalogues")
        return iter(())

    def close(self) -> None:
        if self._origin is not None:
            self._origin.close()


@dataclass
class _Look:
    """One look at the catalogue."""

    context: Context
    options: CatalogueOptions
    root: str
    prior: Snapshot
    notes: list[str] = field(default_factory=list)
    failed: dict[str, SyncError] = field(default_factory=dict)
    """Name -> why the skill is not taken."""

    def __post_init__(self) -> None:
        self.store = cast(ObjectStore, self.context.objects)
        self.before = {source.name: source for source in self.prior.sources}
        self.orphans = [
            source
            for source in self.prior.sources
            if not asked_for(self.options, source.name) and source.into and not self._is_taken(source.into)
        ]

    def _is_taken(self, place: str) -> bool:
        """Whether the file now wants another skill at this place, which belongs to one that it no longer wants."""
        folder, _, name = place.rpartition("/")
        return folder == self.root and asked_for(self.options, name)

    def kept(self) -> Snapshot:
        """What was agreed last time, without what the file no longer wants."""
        return self._of([source for source in self.prior.sources if source not in self.orphans])

    def all_here(self) -> bool:
        """Whether all that the lock names is at hand, so that nobody has to be asked. Raises RefusedError when the
        lock speaks of something else than the file."""
        for source in self._wanted_before():
            self._must_fit_lock(source)
        digests = [source.tree for source in self._wanted_before()]
        return bool(digests) and len(self.store.has_many(digests)) == len(set(digests))

    def agreed(self) -> Snapshot:
        entries = {source.into: Entry(source.tree, FOLDER) for source in self._wanted_before()}
        kept = self._of(self.orphans)
        return replace(
            kept,
            entries={**kept.entries, **entries},
            sources=self.prior.sources,
            orphans=tuple(sorted(source.name for source in self.orphans)),
        )

    def _wanted_before(self) -> list[Source]:
        return [source for source in self.prior.sources if source not in self.orphans]

    def _of(self, sources: Sequence[Source]) -> Snapshot:
        entries = {source.into: trees.at(self.store, self.prior, source.into) for source in sources}
        return Snapshot({key: entry for key, entry in entries.items() if entry.present}, sources=tuple(sources))

    def snapshot(self, catalogue: Origin) -> Snapshot:
        choice = self._chosen(catalogue)
        self.failed |= choice.failed
        self.notes += choice.notes
        same = self._at_hand(choice.skills)
        fresh = [skill for skill in choice.skills if skill.name not in same]
        contents = Contents(self.context, self.store, catalogue)
        if fresh:
            left = [source for source in self.prior.sources if source.name not in same]
            contents.know(self._of(left), [file for skill in fresh for file in skill.files])
            contents.obtain([(skill, file) for skill in fresh for file in skill.files], self.options.concurrency)
        made = {skill.name: source for skill in fresh if (source := self._made(skill, contents)) is not None}
        contents.forget_others(file.sha256 for skill in fresh for file in skill.files)
        taken = {**same, **made}
        if not taken and self.failed:
            raise trouble.none_taken(sorted(self.failed.items()))
        return self._answer(taken)

    def _chosen(self, catalogue: Origin) -> Choice:
        listed = self._listed(catalogue)
        if not self.context.locked:
            return choose(self.options, listed, self.before)
        there = {skill.name: skill for skill in listed}
        here = self._locked_here()
        names = [source.name for source in self._wanted_before() if source.name not in here]
        missing: dict[str, SyncError] = {name: trouble.missing(name) for name in names if name not in there}
        return Choice(tuple(there[name] for name in sorted(names) if name in there), missing)

    def _listed(self, catalogue: Origin) -> tuple[Listed, ...]:
        value = catalogue.document()
        try:
            return document.read(value, place=catalogue.base, hosts=self.options.hosts)
        except document.BadDocument as bad:
            raise trouble.bad_document(catalogue.where, bad) from None
        except document.UnknownFormat as unknown:
            raise trouble.unknown_format(catalogue.where, str(unknown)) from None

    def _at_hand(self, wanted: Sequence[Listed]) -> dict[str, Source]:
        """Name -> source of those that are listed as they were agreed, and whose tree is in the repository's store."""
        if self.context.locked:
            return self._locked_here()
        same = {}
        for skill in wanted:
            before = self.before.get(skill.name)
            if before is not None and before.url == self.options.url and before.commit == skill.digest and before.tree:
                same[skill.name] = replace(before, ref=skill.version, asked=self._asked(skill), into=self._into(skill))
        here = self.store.has_many([source.tree for source in same.values()])
        return {name: source for name, source in same.items() if source.tree in here}

    def _locked_here(self) -> dict[str, Source]:
        """Name -> source of what the lock names and the repository's store holds, whatever the catalogue has now."""
        here = self.store.has_many([source.tree for source in self._wanted_before()])
        return {source.name: source for source in self._wanted_before() if source.tree in here}

    def _made(self, skill: Listed, contents: Contents) -> Source | None:
        """The source with the tree of a skill; None, and the reason noted, when it cannot be taken."""
        error = failure_of(skill, contents.failed) or self._judged(skill, contents)
        if error is not None:
            self.failed[skill.name] = error
            return None
        entries = {
            file.path: Entry(contents.known[file.sha256], EXECUTABLE if file.executable else FILE)
            for file in skill.files
        }
        tree = trees.edit(self.store, trees.empty_tree(self.store.hash_name), entries)
        source = Source(
            name=skill.name,
            url=self.options.url,
            ref=skill.version,
            commit=skill.digest,
            tree=tree,
            into=self._into(skill),
            asked=self._asked(skill),
        )
        before = self.before.get(skill.name)
        if self.context.locked and before is not None and before.tree != tree:
            self.failed[skill.name] = _not_as_locked(skill)
            return None
        if before is None or before.commit != source.commit:
            step = f"{before.ref} -> {skill.version}" if before is not None else f"new in {skill.version}"
            data = {"name": skill.name, "version": skill.version}
            event = Event(EventType.CHANGE, f"{skill.name} {step}", target=self.context.target.name, data=data)
            self.context.tell(event)
        return source

    def _judged(self, skill: Listed, contents: Contents) -> SyncError | None:
        """What is wrong with its SKILL.md."""
        digest = next(file.sha256 for file in skill.files if file.path == skills.FILE)
        found = skills.parse(self.store.read(contents.known[digest]), skill.name)
        if found.mistakes:
            return trouble.no_skill(skill.name, found.mistakes)
        if found.unknown:
            keys = ", ".join(f"`{key}`" for key in found.unknown[:5])
            self.notes.append(f"{skill.name}: {skills.FILE} has keys that the public rules do not know: {keys}")
        return None

    def _must_fit_lock(self, source: Source) -> None:
        place = f"{self.root}/{source.name}"
        for what, now, then in (("url", self.options.url, source.url), ("into", place, source.into)):
            if now != then:
                raise RefusedError(
                    "E-LOCK-OUTDATED",
                    f"{source.name} cannot be taken as the lock says: {what} is {now!r} in the file and {then!r} in "
                    "the lock",
                    hint="bring the lock up to date with a run without --locked",
                    kept=trouble.KEPT,
                )

    def _into(self, skill: Listed) -> str:
        return f"{self.root}/{skill.name}"

    def _asked(self, skill: Listed) -> str:
        return self.options.versions.get(skill.name, "")

    def _answer(self, taken: dict[str, Source]) -> Snapshot:
        kept = self._of(self.orphans)
        sources = sorted([*taken.values(), *self.orphans], key=lambda source: source.name)
        places = {f"{self.root}/{name}": error for name, error in self.failed.items()}
        # Of a skill that has another place now, what lies at the old one stays, too.
        places |= {self.before[name].into: error for name, error in self.failed.items() if name in self.before}
        return Snapshot(
            {**kept.entries, **{source.into: Entry(source.tree, FOLDER) for source in taken.values()}},
            {place: f"{error.code}: {error.message}" for place, error in places.items()},
            tuple(sources),
            tuple(sorted(self.notes)),
            tuple(sorted(source.name for source in self.orphans)),
            {place: error.hint for place, error in places.items() if error.hint},
        )


def _not_as_locked(skill: Listed) -> SyncError:
    return RemoteError(
        "E-LOCK-TREE",
        f"{skill.name} {skill.version} makes another tree than the lock says",
        hint="the catalogue has gone on: take what it has now with a run without --locked",
        kept=trouble.KEPT,
    )
