"""Going through the content of changes, chunk by chunk and in several threads, and keeping what is found."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from directional_sync.core.escape import one_line
from directional_sync.core.redact import secret_values
from directional_sync.gates.base import READ_BYTES_MAX, Subject
from directional_sync.gates.clean import Clean
from directional_sync.gates.engines import Engines
from directional_sync.gates.finding import Finding, fingerprint, masked
from directional_sync.gates.literals import literal_secret
from directional_sync.gates.rules import Hit
from directional_sync.model.plan import Change
from directional_sync.model.snapshot import GITLINK

CHUNK_BYTES = 16_000_000
"""How much content is read at a time; twice as much is held."""
FILE_BYTES_MAX = READ_BYTES_MAX - 1
"""What lies beyond in one file is not looked at, and said so."""
_BINARY_LOOK = 8000
_THREADS = 4
"""The engines work without the interpreter's lock, so a few threads share the processors."""


@dataclass
class Looked:
    """What came of some changes."""

    findings: list[Finding] = field(default_factory=list)
    files: int = 0
    size_bytes: int = 0
    cut: list[str] = field(default_factory=list)
    clean: list[Change] = field(default_factory=list)


@dataclass
class Search:
    """Goes through the content of changes and keeps what it finds."""

    subject: Subject
    engines: Engines
    findings: list[Finding] = field(default_factory=list)
    files: int = 0
    size_bytes: int = 0
    cut: list[str] = field(default_factory=list)
    known_files: int = 0
    """How many were not looked at, because the same rules found nothing in them before."""

    def __post_init__(self) -> None:
        values = dict.fromkeys((*self.subject.config.secrets, *secret_values(self.subject.environment)))
        self._values = [value.encode() for value in values if literal_secret(value)]

    def run(self, changes: Sequence[Change]) -> None:
        """Raises KeyError for missing content, NotJudgedError."""
        self._look_at_names()
        # Values that must not get out are looked for in everything each time, and nothing about them is kept.
        clean = Clean(None if self._values else self.subject.cache, self.engines.stamp())
        due: dict[tuple[str, str], list[Change]] = {}
        for change in changes:
            due.setdefault((change.before.digest, change.after.digest), []).append(change)
        unknown = [same[0] for same in due.values() if not clean.knows(same[0].after.digest, same[0].key)]
        self.known_files = len(due) - len(unknown)
        count = max(1, min(_THREADS, os.cpu_count() or 1))
        with ThreadPoolExecutor(count) as pool:
            waiting: list[Future[Looked]] = []
            for chunk, contents in _chunks(self.subject, unknown):
                begun = [pool.submit(self._look_at_all, some, contents) for some in _shares(chunk, count)]
                self._collect(waiting, clean)
                waiting = begun  # while the next chunk is being read
            self._collect(waiting, clean)
        clean.save()
        self._spread(due.values())

    def _spread(self, alike: Iterable[Sequence[Change]]) -> None:
        """What was found in one of several equal files is found in all of them."""
        keys = {same[0].key: tuple(change.key for change in same) for same in alike if len(same) > 1}
        self.findings = [replace(found, keys=keys.get(found.key, found.keys)) for found in self.findings]

    def _collect(self, waiting: Sequence[Future[Looked]], clean: Clean) -> None:
        for looked in (future.result() for future in waiting):
            self.findings += looked.findings
            self.files += looked.files
            self.size_bytes += looked.size_bytes
            self.cut += looked.cut
            for change in looked.clean:
                clean.add(change.after.digest, change.key)

    def _look_at_names(self) -> None:
        """A name is committed or sent as much as what it stands for, moved files' names too."""
        plan = self.subject.plan
        changes = (*plan.repo, *plan.remote) if plan is not None else ()
        keys = [change.key for change in changes if change.after.present]
        every = "\n".join(keys)
        for value in (value.decode() for value in self._values if value.decode() in every):
            for key in (key for key in keys if value in key):
                shown = key.replace(value, masked(value))
                mark = fingerprint(value)
                self.findings.append(Finding(shown, 0, "known value in a name", masked(value), mark, (key,)))

    def _look_at_all(self, changes: Sequence[Change], contents: Mapping[str, bytes]) -> Looked:
        looked = Looked()
        for change in changes:
            self._look(change, contents, looked)
        return looked

    def _look(self, change: Change, contents: Mapping[str, bytes], looked: Looked) -> None:
        raw = contents[change.after.digest]
        whole = len(raw) <= FILE_BYTES_MAX
        if not whole:
            raw = raw[:FILE_BYTES_MAX]
            looked.cut.append(one_line(change.key, 200))
        before = contents.get(change.before.digest, b"")  # of a far side it may not be here: then all is new
        values = [value for value in self._values if value in raw and value not in before]
        hits = [Hit("known value", raw.find(value), raw.find(value) + len(value), value.decode()) for value in values]
        text = as_text(raw)
        if text is not None:
            looked.files += 1
            looked.size_bytes += len(text)
            hits += [hit for hit in self.engines.find(text, change.key) if hit.value.encode() not in values]
        if not hits:
            if whole:
                looked.clean.append(change)
            return
        content = text if text is not None else raw
        added = _added_lines(as_text(before) or b"", content) if before else None
        for hit in hits:
            line = content.count(b"\n", 0, hit.start) + 1
            last = content.count(b"\n", hit.start, hit.end) + line
            if added is None or hit.rule == "known value" or any(n in added for n in range(line, last + 1)):
                mark = fingerprint(hit.value)
                looked.findings.append(Finding(change.key, line, hit.rule, masked(hit.value), mark, (change.key,)))


def as_text(content: bytes) -> bytes | None:
    """`content` as UTF-8, or as it is where its encoding is unknown; None when it is no text."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", "replace").encode("utf-8", "replace")
    return None if b"\0" in content[:_BINARY_LOOK] else content


def _shares(changes: Sequence[Change], count: int) -> Iterator[Sequence[Change]]:
    step = max(1, -(-len(changes) // count))
    return (changes[at : at + step] for at in range(0, len(changes), step))


def _chunks(subject: Subject, changes: Sequence[Change]) -> Iterator[tuple[list[Change], Mapping[str, bytes]]]:
    """Changes with their contents, about CHUNK_BYTES at a time. Raises KeyError when content is missing."""
    sizes = subject.size_many(list(dict.fromkeys(change.after.digest for change in changes)))
    chunk: list[Change] = []
    total = 0
    for change in changes:
        chunk.append(change)
        total += sizes[change.after.digest] * (2 if change.before.present else 1)
        if total >= CHUNK_BYTES:
            yield chunk, _contents(subject, chunk)
            chunk, total = [], 0
    if chunk:
        yield chunk, _contents(subject, chunk)


def _contents(subject: Subject, chunk: list[Change]) -> Mapping[str, bytes]:
    wanted = {change.after.digest: None for change in chunk}
    wanted |= {
        change.before.digest: None for change in chunk if change.before.present and change.before.mode != GITLINK
    }
    return subject.read_many(list(wanted))


def _added_lines(before: bytes, after: bytes) -> set[int]:
    """1-based numbers of the lines of `after` that `before` does not hold, or not as often. Where a line stands
    makes no difference."""
    left = Counter(before.split(b"\n"))
    added = set()
    for number, line in enumerate(after.split(b"\n"), 1):
        if left[line] > 0:
            left[line] -= 1
        else:
            added.add(number)
    return added
