"""What one side holds: entries by key, and snapshots of all of them.

Nouns. An *entry* is one keyed item: its content (by digest) and mode, or *absent*, or *unreadable* with a
reason. The three are never confused: "could not look" is not "is gone". A *digest* is git's object id of the
content, in every endpoint, so that equal content is equal everywhere and content can be had from the object
store by its digest. A *key* is a path relative to the repository root with forward slashes (bytes that are not
UTF-8 travel as surrogate escapes), or a record's external id.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property

FILE = "100644"
EXECUTABLE = "100755"
LINK = "120000"
GITLINK = "160000"
FOLDER = "040000"


@dataclass(frozen=True, slots=True)
class Entry:
    """One keyed item. Present when it has a digest; unreadable when it has a reason; else absent."""

    digest: str = ""
    """git object id of the content, lower-case hex; empty when absent or unreadable."""
    mode: str = ""
    """FILE, EXECUTABLE, LINK, GITLINK, or FOLDER: a whole tree that nobody has opened yet. Empty for records
    and when absent."""
    unreadable: str = ""
    """Why the item could not be looked at; empty otherwise."""

    @property
    def present(self) -> bool:
        return bool(self.digest)

    @property
    def absent(self) -> bool:
        return not self.digest and not self.unreadable

    @property
    def folder(self) -> bool:
        return self.mode == FOLDER


ABSENT = Entry()


class RefKind(StrEnum):
    """What it was that a source's commit was found by."""

    BRANCH = "branch"
    TAG = "tag"
    COMMIT = "commit"
    VERSION = "version"
    """The highest tag that satisfies a range."""
    OTHER = "ref"
    """Any other ref by its full name: a pull request's head."""


@dataclass(frozen=True, slots=True)
class Part:
    """One ref that was merged onto a source's own."""

    ref: str
    commit: str


@dataclass(frozen=True, slots=True)
class Source:
    """Where a part of a remote snapshot came from: what the lock file and the commit trailers say."""

    name: str
    """Its name within the target: `sale-workflow`."""
    url: str
    """Without credentials."""
    ref: str = ""
    """As resolved: `refs/heads/18.0`."""
    commit: str = ""
    tree: str = ""
    into: str = ""
    """The key prefix it fills, without a trailing slash."""
    asked: str = ""
    """What the file asked for, by which the ref was found: `18.0`, `^1.4`, `HEAD`."""
    kind: str = ""
    """A `RefKind`; "" where there are no refs."""
    recipe: str = ""
    """What besides the commits decides what is taken: selections, submodules, patches, by digest. "": all, as it is."""
    merged: tuple[Part, ...] = ()
    """What was merged onto `commit`, in this order."""
    merge: str = ""
    """The id of that merge, the same wherever the same commits are merged; "" without one."""
    commits: int = field(default=0, compare=False, repr=False)
    """By how many commits it went on since last time, for people only; 0 when that is not known."""


@dataclass(frozen=True, slots=True)
class Grasp:
    """What a side could hold at all. See `core.grasp`."""

    only: tuple[str, ...] = ()
    """Globs of the keys that are its business; (): all."""
    never: tuple[str, ...] = ()
    """Globs of the keys that are not."""
    aside: frozenset[str] = frozenset()
    """Keys at which it holds something that it does not show."""
    modes: bool = True
    """Whether it keeps executable bits."""
    links: bool = True
    """Whether links are its business."""


@dataclass(frozen=True)
class Snapshot:
    """All that one side holds now, or the base: a read-only mapping from key to entry."""

    entries: Mapping[str, Entry] = field(default_factory=dict)
    """Present (and singly unreadable) entries. May hold folders: see `git.tree.align`."""
    unreadable: Mapping[str, str] = field(default_factory=dict)
    """Key prefix -> reason: nothing at or under that prefix could be looked at. "" stands for everything."""
    sources: tuple[Source, ...] = ()
    notes: tuple[str, ...] = ()
    """What a person should know about how this came to be: a rewritten upstream, a skipped submodule."""
    orphans: tuple[str, ...] = ()
    """Names of sources that the configuration no longer holds; what came from them is kept until it is pruned."""
    advice: Mapping[str, str] = field(default_factory=dict, compare=False)
    """Unreadable prefix -> what a person can do about it."""
    grasp: Grasp = field(default=Grasp(), compare=False)
    place: str = field(default="", compare=False)
    """Which far side this is, where another could stand under the same name; for comparing, never shown."""
    times: Mapping[str, float] = field(default_factory=dict, compare=False)
    """When items were changed, in seconds since the epoch, as far as the side says so."""

    def without(self, reasons: Mapping[str, str], advice: Mapping[str, str] | None = None) -> Snapshot:
        """The same, as if nothing at or under the prefixes of `reasons` could be looked at."""
        inside = tuple(f"{prefix}/" for prefix in reasons)
        return replace(
            self,
            entries={
                key: entry for key, entry in self.entries.items() if key not in reasons and not key.startswith(inside)
            },
            unreadable={**self.unreadable, **reasons},
            sources=tuple(source for source in self.sources if source.into not in reasons),
            advice={**self.advice, **(advice or {})},
        )

    def at(self, key: str) -> Entry:
        """The entry at `key`; ABSENT when the side was looked at and has none."""
        found = self.entries.get(key)
        if found is not None:
            return found
        reason = self.why_unreadable(key)
        return Entry(unreadable=reason) if reason else ABSENT

    def why_unreadable(self, key: str) -> str:
        """The reason why `key` lies under an unreadable prefix, or ""."""
        if not self.unreadable:
            return ""
        prefix = key
        while prefix:
            if prefix in self.unreadable:
                return self.unreadable[prefix]
            prefix = prefix.rpartition("/")[0]
        return self.unreadable.get("", "")

    @cached_property
    def digest(self) -> str:
        """sha256 over the sorted entries and the unreadable prefixes: equal exactly when those are equal."""
        total = hashlib.sha256()
        for key, entry in sorted(self.entries.items()):
            total.update(
                f"{key}\0{entry.mode}\0{entry.digest}\0{entry.unreadable}\n".encode("utf-8", "surrogateescape")
            )
        for prefix, reason in sorted(self.unreadable.items()):
            total.update(f"!{prefix}\0{reason}\n".encode("utf-8", "surrogateescape"))
        return total.hexdigest()

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)


EMPTY = Snapshot()
