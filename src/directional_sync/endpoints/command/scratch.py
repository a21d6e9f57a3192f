"""The scratch checkout: the branch's tip as plain files, in a repository of its own, where an entrypoint runs.

Two git directories share one work tree. `scratch/.git` is what the program sees: a repository with the tip's commit,
its objects borrowed from the user's store, no remote, made anew before each run; whatever the program does with git
ends there. `engine.git` is ours: its index remembers every file with its stat data, so that after a run git itself
tells, without reading, which files are not what they were.

The scratch is kept between runs. *Clean* means that its files are exactly what the index says; it is not clean from
the start of a program until what it left has been collected. Folders with a `.git` of their own (clones that a
program keeps as its cache) are *nested*: their files belong to that repository and are left as the last run left
them, or, after a run that failed, put to what their own HEAD says.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from directional_sync.core.globs import Place, matches, root
from directional_sync.errors import HostError
from directional_sync.git import plumbing
from directional_sync.git.plumbing import Git
from directional_sync.system import host
from directional_sync.system.files import write_private

_VERSION = 1
_SCRATCH, _ENGINE, _STATE, WATCH, LOG, PROBE = "scratch", "engine.git", "state.json", "watch.json", "last.log", "now"
_OWN = frozenset({_SCRATCH, _ENGINE, _STATE, f"{_STATE}.new", WATCH, f"{WATCH}.new", LOG, PROBE})
# Bytes are bytes: whatever the repository's attributes say about line ends, filters and encodings.
_ATTRIBUTES = b"* -text -filter -ident -working-tree-encoding\n"
_SETTINGS = {"core.bare": "false", "core.fsync": "none", "checkout.workers": "0"}
_NONE = "000000"


@dataclass(frozen=True, slots=True)
class State:
    """What is known about the scratch from the last run."""

    version: int
    head: str
    """The commit it was last prepared for."""
    tip: str
    """That commit's tree."""
    tree: str
    """What the index holds, "" when that has not been computed."""
    clean: bool
    settled: bool
    """Whether the index is younger than every file it knows, so that git trusts all its stat data."""
    nested: tuple[str, ...]
    """Folders with a repository of their own, relative, without a slash at the end."""


class Scratch:
    """One target's scratch checkout. Its owner holds the run lock."""

    def __init__(self, cache: Path, git_dir: Path) -> None:
        """`cache` is its own folder, `git_dir` the user's common git directory."""
        self.cache = cache
        self.folder = cache / _SCRATCH
        self.engine = cache / _ENGINE
        self.git = Git(self.engine, self.folder).including(config=_SETTINGS)
        self._git_dir = git_dir
        self._state: State | None = None

    @property
    def state(self) -> State:
        assert self._state is not None, "not prepared"
        return self._state

    @property
    def objects(self) -> Path:
        """Where the trees of what was collected are."""
        return self.engine / "objects"

    def prepare(self, head: str, outputs: Sequence[str], *, fresh: bool) -> None:
        """Makes the scratch the content of commit `head`: everything outside nested folders is as it is there,
        and nothing else lies around. `fresh` empties the outputs, nested folders included. Raises HostError."""
        host.make_folder(self.cache)
        try:
            self._prepare(head, outputs, fresh)
        except HostError as error:
            if error.code not in ("E-GIT", "E-IO"):
                raise
            host.remove_tree(self.cache)  # whatever is broken here, nothing in it is worth mending
            host.make_folder(self.cache)
            self._prepare(head, outputs, fresh)

    def note_collected(self, tree: str, nested: tuple[str, ...], *, settled: bool) -> None:
        """From now on the scratch is clean and holds `tree`."""
        self._save(replace(self.state, tree=tree, nested=nested, clean=True, settled=settled))

    def forget(self) -> None:
        """Has the next run begin from nothing."""
        (self.cache / _STATE).unlink(missing_ok=True)

    def strays(self) -> list[str]:
        """What lies beside the scratch and is not ours, as the program would name it from within."""
        return sorted(f"../{name}" for name in os.listdir(self.cache) if name not in _OWN)  # noqa: PTH208

    def ignored(self, paths: Sequence[str]) -> set[str]:
        """Those of these paths that git ignores by the repository's own rules."""
        if not paths:
            return set()
        text = "".join(f"./{path}\0" for path in paths).encode("utf-8", "surrogateescape")
        git = self.git.including({"GIT_LITERAL_PATHSPECS": "0"})  # this command does not know them
        said = git.run("check-ignore", "-z", "--stdin", stdin=text, ok=(0, 1))
        return {name[2:].decode("utf-8", "surrogateescape") for name in said.split(b"\0")[:-1]}

    def pending(self) -> list[tuple[str, str, str]]:
        """(path, mode, digest) of what the index holds and the branch does not."""
        return [(path, *here) for path, _, here in self._differing(self.state.tip) if here[0]]

    def find_nested(self) -> tuple[str, ...]:
        """Folders with a repository of their own; those inside one of them not counted."""
        found = []
        below = [""]
        while below:
            prefix = below.pop()
            with contextlib.suppress(OSError), os.scandir(self.folder / prefix) as entries:
                inside = list(entries)
                if prefix and any(entry.name == ".git" for entry in inside):
                    found.append(prefix[:-1])
                    continue
                below += [
                    f"{prefix}{entry.name}/"
                    for entry in inside
                    if entry.is_dir(follow_symlinks=False) and entry.name != ".git"
                ]
        return tuple(sorted(found))

    def _prepare(self, head: str, outputs: Sequence[str], fresh: bool) -> None:
        state = self._load(head)
        if state is None:
            state = self._build(head)
        self._borrow(self.engine)
        tip = state.tip if state.head == head else self._tree_of(head)
        known = all(os.path.lexists(self.folder / prefix / ".git") for prefix in state.nested)
        clean = state.clean and known
        state = replace(state, head=head, tip=tip, clean=False)
        self._save(state)
        if not clean:
            state = replace(state, nested=self._mend(tip, outputs), settled=False)
            state = replace(state, tree="")
        elif fresh or state.tree != tip:
            inside = _inside(state.nested)
            if self._reset(tip, (lambda path: matches(path, outputs)) if fresh else inside):
                state = replace(state, tree="", settled=False)
        if fresh:
            self._empty("", root(tuple(outputs)))
            state = replace(state, tree="", nested=())
        self._save(state)
        self._lay_repository(head)

    # state

    def _load(self, head: str) -> State | None:
        """None when there is nothing that could be built on."""
        with contextlib.suppress(OSError):
            (self.engine / "index.lock").unlink()
        for name in self.strays():
            _remove(self.folder / name)
        try:
            fields = json.loads((self.cache / _STATE).read_bytes())
            state = State(**{**fields, "nested": tuple(fields["nested"])})
        except (OSError, ValueError, TypeError, KeyError):
            return None
        sound = state.version == _VERSION and len(state.head) == len(head) and self.folder.is_dir()
        sound = sound and not self.folder.is_symlink()
        return state if sound and (self.engine / "index").is_file() else None

    def _save(self, state: State) -> None:
        self._state = state
        new = self.cache / f"{_STATE}.new"
        write_private(new, json.dumps(asdict(state)).encode())
        new.replace(self.cache / _STATE)

    def _build(self, head: str) -> State:
        """Checks everything out."""
        host.remove_tree(self.folder)
        host.remove_tree(self.engine)
        host.make_folder(self.folder)
        hash_name = "sha1" if len(head) == 40 else "sha256"
        options = ("--quiet", "--bare", "--template=", f"--object-format={hash_name}")
        made = plumbing.start(["init", *options, str(self.engine)], env=plumbing.isolated(), cwd=self.cache)
        if made.status:
            raise plumbing.failed(("init",), made)
        write_private(self.engine / "info" / "attributes", _ATTRIBUTES)
        self._borrow(self.engine)
        self.git.run("read-tree", "--reset", "-u", head, timeout_s=3600)
        tip = self._tree_of(head)
        return State(_VERSION, head, tip, tip, clean=True, settled=False, nested=())

    def _tree_of(self, commit: str) -> str:
        return self.git.run("rev-parse", "--verify", f"{commit}^{{tree}}").decode("ascii").strip()

    def _borrow(self, git_dir: Path) -> None:
        """Lets a repository of ours read the user's objects, wherever those have moved."""
        alternates = git_dir / "objects" / "info" / "alternates"
        line = os.fsencode(self._git_dir.resolve() / "objects") + b"\n"
        if not alternates.is_file() or alternates.read_bytes() != line:
            write_private(alternates, line)

    # putting things right

    def _mend(self, tip: str, outputs: Sequence[str]) -> tuple[str, ...]:
        """After a run that was not collected: everything as in `tip`, junk gone, nested folders as their own HEAD
        says. Answers the nested folders that are left."""
        nested = []
        for prefix in self.find_nested():
            folder = self.folder / prefix
            if matches(f"{prefix}/x", outputs) and _restore(folder):
                nested.append(prefix)
            else:
                host.remove_tree(folder)
        inside = _inside(nested)
        self.git.set_index((path, "", "") for path in self.git.touched() if not inside(path))
        self._reset(tip, inside)
        left = [path for path in self.git.untracked() if not inside(path)]
        ignored = self.ignored([path for path in left if not matches(path, outputs)])
        for path in left:
            if path not in ignored:
                _remove(self.folder / path)
                self._prune(path)
        return tuple(nested)

    def _reset(self, tip: str, spared: Callable[[str], bool]) -> bool:
        """Index and files of every path that differs from `tip`, but for the spared ones; whether there was any."""
        wanted = [(path, *there) for path, there, _ in self._differing(tip) if not spared(path)]
        for path, mode, _ in wanted:
            if not mode and not self._through_link(path):
                _remove(self.folder / path)
                self._prune(path)
        self.git.set_index(wanted)
        written = "\0".join([*(path for path, mode, _ in wanted if mode), ""])
        if written:
            content = written.encode("utf-8", "surrogateescape")
            self.git.run("checkout-index", "-f", "-u", "-z", "--stdin", stdin=content, timeout_s=3600)
        return bool(wanted)

    def _differing(self, tip: str) -> Iterator[tuple[str, tuple[str, str], tuple[str, str]]]:
        """Path, (mode, digest) in `tip`, and in the index, of all that differ; mode "" where there is nothing."""
        said = self.git.run("diff-index", "--cached", "--raw", "-z", "--no-renames", "--no-abbrev", tip)
        fields = said.decode("utf-8", "surrogateescape").split("\0")
        for about, path in zip(fields[0::2], fields[1::2], strict=False):
            before, after, old, new, _ = about[1:].split(" ")
            yield path, ("" if before == _NONE else before, old), ("" if after == _NONE else after, new)

    def _through_link(self, path: str) -> bool:
        """Whether a folder on the way to `path` is a symbolic link, or no folder at all."""
        parent = path
        while parent := parent.rpartition("/")[0]:
            folder = self.folder / parent
            if folder.is_symlink() or not folder.is_dir():
                return True
        return False

    def _prune(self, path: str) -> None:
        """Removes the folders that are empty now that `path` is gone."""
        parent = path.rstrip("/")
        with contextlib.suppress(OSError):
            while parent := parent.rpartition("/")[0]:
                (self.folder / parent).rmdir()

    def _empty(self, prefix: str, place: Place) -> None:
        """Removes everything that the outputs name."""
        with os.scandir(self.folder / prefix) as found:
            entries = list(found)
        for entry in entries:
            step = place.step(entry.name)
            folder = entry.is_dir(follow_symlinks=False)
            if step.folder if folder else step.file:
                _remove(Path(entry.path))
            elif folder and step.inside is not None and entry.name != ".git":
                self._empty(f"{prefix}{entry.name}/", step.inside)

    # what the program sees

    def _lay_repository(self, head: str) -> None:
        git_dir = self.folder / ".git"
        host.remove_tree(git_dir)
        for name in ("objects/info", "objects/pack", "refs/heads", "refs/tags", "info"):
            (git_dir / name).mkdir(parents=True)
        config = (self.engine / "config").read_bytes().replace(b"bare = true", b"bare = false")
        write_private(git_dir / "config", config + b"[gc]\n\tauto = 0\n")
        branch = _branch(self._git_dir)
        if branch:
            write_private(git_dir / branch, f"{head}\n".encode())
        write_private(git_dir / "HEAD", f"ref: {branch}\n".encode() if branch else f"{head}\n".encode())
        self._borrow(git_dir)
        shutil.copyfile(self.engine / "index", git_dir / "index")
        if (self._git_dir / "shallow").is_file():
            shutil.copyfile(self._git_dir / "shallow", git_dir / "shallow")


def _branch(git_dir: Path) -> str:
    """The branch HEAD names, in full; "" when it names none."""
    try:
        text = (git_dir / "HEAD").read_text("utf-8", "surrogateescape").strip()
    except OSError:
        return ""
    return text[5:] if text.startswith("ref: refs/heads/") else ""


def _inside(nested: Sequence[str]) -> Callable[[str], bool]:
    """Whether a path lies in one of these folders, or is it."""
    prefixes = tuple(f"{prefix}/" for prefix in nested)
    return lambda path: f"{path}/".startswith(prefixes) if prefixes else False


def _restore(folder: Path) -> bool:
    """Puts a nested folder to what its own HEAD says; whether that was possible."""
    git_dir = folder / ".git"
    if git_dir.is_symlink() or not git_dir.is_dir():
        return False
    for lock in git_dir.glob("*.lock"):
        lock.unlink()
    git = Git(git_dir, folder).including(config={"core.fsync": "none"})
    return all(git.attempt(*words).status == 0 for words in (("reset", "--hard", "-q"), ("clean", "-ffdxq")))


def _remove(path: Path) -> None:
    """Whatever is there."""
    with host.host_errors(path):
        if path.is_dir() and not path.is_symlink():
            host.remove_tree(path)
        else:
            path.unlink(missing_ok=True)


def walk(folder: Path) -> Iterator[os.DirEntry[str]]:
    """Everything in a folder that is not a folder, without what is in any `.git`; links are not followed. Raises
    OSError for a folder that cannot be read."""
    with os.scandir(folder) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    for entry in found:
        if entry.name == ".git":
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from walk(Path(entry.path))
        else:
            yield entry
