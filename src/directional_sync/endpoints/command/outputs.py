"""What a program left in its scratch: the outputs as a tree, and whatever lies where nothing was declared.

git compares the stat data of every file with what its index remembers, so unchanged files are not read, and where
nothing changed nothing is computed: the tree is the one that was there before.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from directional_sync.core.globs import matches
from directional_sync.endpoints.command.scratch import PROBE, Scratch, walk
from directional_sync.errors import RefusedError
from directional_sync.git.objects import ObjectStore
from directional_sync.git.plumbing import failed
from directional_sync.model.snapshot import EXECUTABLE, FILE, LINK
from directional_sync.system.files import write_private

_RACY_S = 2.0
_FEW = 1000
"""So many files are sooner read once than looked at twice by git."""
_SHOWN = 20
_IGNORING = "Ignoring path "


@dataclass(frozen=True)
class Found:
    """What there is after a program has run."""

    tree: str
    """The whole checkout, outputs as they were left."""
    unreadable: Mapping[str, str] = field(default_factory=dict)
    """Path -> why it could not be looked at."""
    undeclared: tuple[str, ...] = ()
    """Paths outside the outputs that were written, changed or deleted; `tree` is then without meaning."""


def collect(scratch: Scratch, objects: ObjectStore, outputs: Sequence[str]) -> Found:
    """Puts what is new into `objects`. When nothing is undeclared the scratch is clean afterwards. Raises HostError,
    RefusedError E-SCRIPT-NAME."""
    scratch.folder.mkdir(exist_ok=True)  # a program may have removed even that
    touched, found, blind = _listed(scratch)
    if len(touched) > _FEW or not all(matches(path, outputs) for path in touched):
        scratch.git.refresh_index()  # those written again with the same content drop out, without our reading them
        touched = scratch.git.touched()
    new = [path for path in found if not path.endswith("/")]
    undeclared = _undeclared(scratch, touched, found, outputs)
    if undeclared:
        return Found("", undeclared=tuple(undeclared))
    left = _Left(scratch.folder)
    left.look(path for path in (*touched, *new) if matches(path, outputs))
    for path in found:
        if path.endswith("/"):
            left.look_into(path[:-1], outputs)
    if blind:
        left.look_for_blind_spots()
    state = scratch.state
    objects.borrow(scratch.objects)
    if left.anything:
        _take(scratch, objects, left)
    if left.anything or state.tree != state.tip:
        _take_again(scratch, objects)
    tree = _tree(scratch) if left.anything or not state.tree else state.tree
    if left.unreadable:
        scratch.forget()
        return Found(tree, left.unreadable)
    nested = scratch.find_nested() if left.anything else state.nested
    scratch.note_collected(tree, nested, settled=not left.anything and (state.settled or _settle(scratch)))
    return Found(tree)


def _listed(scratch: Scratch) -> tuple[list[str], list[str], bool]:
    """Tracked paths that may have changed; untracked paths, nested folders among them with a slash at the end;
    and whether git complained that it could not look at something."""
    quick = ("--name-only", "--no-renames", "--ignore-submodules=all", "--no-ext-diff", "-z")
    with ThreadPoolExecutor(2) as both:
        questions = (("diff-files", *quick), ("ls-files", "--others", "-z"))
        first, second = both.map(lambda words: scratch.git.attempt(*words), questions)
    for words, finished in zip(questions, (first, second), strict=True):
        if finished.status:
            raise failed(words, finished)
    touched, found = (
        [name.decode("utf-8", "surrogateescape") for name in finished.stdout.split(b"\0")[:-1]]
        for finished in (first, second)
    )
    return touched, found, bool(first.stderr or second.stderr)


def _undeclared(scratch: Scratch, touched: Iterable[str], found: Iterable[str], outputs: Sequence[str]) -> list[str]:
    changed = [path for path in touched if not matches(path, outputs)]
    # A nested folder is declared when what could be in it is.
    new = [path for path in found if not matches(f"{path}x" if path.endswith("/") else path, outputs)]
    ignored = scratch.ignored(new)
    return sorted([*changed, *(path for path in new if path not in ignored), *scratch.strays()])


class _Left:
    """The files to be taken, sorted by what they are."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._real: dict[str, bool] = {"": True}
        self.gone: list[str] = []
        self.files: list[tuple[str, str]] = []
        """(path, mode)."""
        self.links: list[str] = []
        self.unreadable: dict[str, str] = {}

    @property
    def anything(self) -> bool:
        return bool(self.gone or self.files or self.links or self.unreadable)

    def look(self, paths: Iterable[str]) -> None:
        for path in paths:
            self._look(path)

    def look_into(self, prefix: str, outputs: Sequence[str]) -> None:
        """A nested folder that is not known yet."""
        try:
            for entry in walk(self._folder / prefix):
                path = os.path.relpath(entry.path, self._folder)
                if matches(path, outputs):
                    self._look(path)
        except OSError as error:
            self._blind(error)

    def look_for_blind_spots(self) -> None:
        """Which folders cannot be read."""
        for _ in os.walk(self._folder, onerror=self._blind):
            pass

    def _blind(self, error: OSError) -> None:
        path = os.path.relpath(str(error.filename), self._folder)
        self.unreadable["" if path == "." else path] = error.strerror or "cannot be read"

    def _look(self, path: str) -> None:
        try:
            about = os.lstat(self._folder / path) if self._is_real(path.rpartition("/")[0]) else None
        except (FileNotFoundError, NotADirectoryError):
            about = None
        except OSError as error:
            self.unreadable[path] = error.strerror or "cannot be read"
            return
        if about is None or stat.S_ISDIR(about.st_mode):
            self.gone.append(path)
        elif stat.S_ISLNK(about.st_mode):
            self.links.append(path)
        elif not stat.S_ISREG(about.st_mode):
            self.unreadable[path] = "not a file, a folder or a link"
        elif not os.access(self._folder / path, os.R_OK):
            self.unreadable[path] = "no permission to read it"
        else:
            self.files.append((path, EXECUTABLE if about.st_mode & stat.S_IXUSR else FILE))

    def _is_real(self, folder: str) -> bool:
        """Whether it is a folder in the scratch, by no link."""
        known = self._real.get(folder)
        if known is None:
            path = self._folder / folder
            known = self._is_real(folder.rpartition("/")[0]) and path.is_dir() and not path.is_symlink()
            self._real[folder] = known
        return known


def _take(scratch: Scratch, objects: ObjectStore, left: _Left) -> None:
    """Content into the object store, entries into the index."""
    digests = objects.write_files([scratch.folder / path for path, _ in left.files])
    items = [(path, "", "") for path in (*left.gone, *left.unreadable) if path]
    items += [(path, mode, digest) for (path, mode), digest in zip(left.files, digests, strict=True)]
    for path in left.links:
        target = os.readlink(scratch.folder / path)  # noqa: PTH115 (byte for byte, not as a Path would spell it)
        items.append((path, LINK, objects.write_blob(os.fsencode(target))))
    lines = [f"{mode} {digest}\t{path}\0" if mode else f"0 {'0' * 40}\t{path}\0" for path, mode, digest in items]
    text = "".join(lines).encode("utf-8", "surrogateescape")
    done = scratch.git.attempt("update-index", "-z", "--index-info", stdin=text)
    refused = [line for line in done.stderr.decode("utf-8", "replace").splitlines() if line.startswith(_IGNORING)]
    if refused:
        raise RefusedError(
            "E-SCRIPT-NAME",
            "the program left files whose names git refuses to hold",
            detail=[line.removeprefix(_IGNORING) for line in refused[:_SHOWN]],
            hint="names such as .git, in any spelling, cannot be committed; let the program use another",
            kept="nothing was changed",
        )
    if done.status:
        raise failed(("update-index",), done)
    scratch.git.refresh_index()


def _take_again(scratch: Scratch, objects: ObjectStore) -> None:
    """Content that the index knows from an earlier run and that was never published, so that it is nowhere."""
    pending = [(path, mode, digest) for path, mode, digest in scratch.pending() if mode in (FILE, EXECUTABLE, LINK)]
    there = objects.has_many([digest for _, _, digest in pending])
    left = _Left(scratch.folder)
    left.look(path for path, _, digest in pending if digest not in there)
    if left.anything:
        _take(scratch, objects, left)


def _tree(scratch: Scratch) -> str:
    """What the index holds, as a tree."""
    return scratch.git.run("write-tree", "--missing-ok").decode("ascii").strip()


def _settle(scratch: Scratch) -> bool:
    """git reads again every file that is as young as its index; once all are older, writing the index anew spares
    that from then on."""
    index = scratch.engine / "index"
    probe = scratch.cache / PROBE
    write_private(probe, b"")
    if probe.stat().st_mtime - index.stat().st_mtime < _RACY_S:  # by the clock of the file system
        return False
    scratch.git.run("update-index", "-q", "--refresh", "--force-write-index", ok=(0, 1))
    return True
