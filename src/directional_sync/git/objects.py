"""The object store of a run: reads the repository's objects, borrowed ones and its own; writes only its own.

What is written goes into a *quarantine*, an object store of its own that lists the repository's as its
alternate. Nothing in it can be reached from the repository. `publish` carries what a commit needs over into
the repository's own store; closing throws the rest away.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from threading import RLock
from types import TracebackType
from typing import Any, TypeVar

from directional_sync.git.opened import Opened
from directional_sync.git.opened import TreeItem as TreeItem
from directional_sync.git.plumbing import Git
from directional_sync.git.quarantine import Content, Quarantine, read_files
from directional_sync.git.quarantine import hash_object as hash_object
from directional_sync.git.repository import Repository
from directional_sync.model.snapshot import Entry
from directional_sync.system import files, host
from directional_sync.system.process import Dialogue

_LOOSE_BELOW = 100
"""As many objects are still unpacked one by one, so that many small runs do not leave many packs."""
_LOOSE_BYTES_MAX = 16_000_000
"""As long as all of them together are not large."""
_ASKED_FIRST = 16
_AT_ONCE = 10_000
_SMALL_BYTES = 1 << 20

_Tree = TypeVar("_Tree")


class ObjectStore:
    """Reads the repository's store, borrowed stores and its quarantine; writes only into the quarantine.
    Use as a context manager, or `close` it. Threads may share it: they wait for each other."""

    def __init__(self, repository: Repository, quarantine: Path) -> None:
        """`quarantine` is a folder that does not exist; it is made at the first write and removed at `close`."""
        self._repository = repository
        self.hash_name = repository.hash_name
        self._quarantine = Quarantine(quarantine, repository.hash_name)
        self._borrowed: list[Path] = []
        self._dialogue: Dialogue | None = None
        width = 20 if self.hash_name == "sha1" else 32
        self._id = re.compile(rf"[0-9a-f]{{{2 * width}}}\Z")
        self._trees = Opened(width)
        self._turn = RLock()

    # writing

    def write_blob(self, content: bytes) -> str:
        """Stores `content`; answers its object id."""
        return self._write("blob", content)

    def write_blobs(self, contents: Sequence[bytes]) -> list[str]:
        """Stores many at once, far quicker than one by one; answers their object ids in order."""
        found = [(hash_object("blob", content, self.hash_name), Content(content)) for content in contents]
        self._write_all("blob", list(dict(found).items()))
        return [digest for digest, _ in found]

    def write_files(self, paths: Sequence[Path]) -> list[str]:
        """Stores the raw bytes of these files (links are followed, nothing is converted); answers their object
        ids in order. Raises HostError when one cannot be read."""
        digests: list[str] = []
        for some in read_files(paths, self.hash_name):
            digests += [digest for digest, _ in some]
            self._write_all("blob", some)
        return digests

    def write_trees(self, trees: Sequence[bytes]) -> list[str]:
        """Stores these trees, given as git's own bytes; answers their object ids in order."""
        found = [(hash_object("tree", content, self.hash_name), Content(content)) for content in trees]
        self._write_all("tree", found)
        return [digest for digest, _ in found]

    def write_commit(
        self, tree: str, parents: Sequence[str], message: str, *, author: tuple[str, str], when: str
    ) -> str:
        """Stores a commit; answers its object id. `author` is (name, address), `when` RFC 3339 with offset."""
        moment = datetime.fromisoformat(when)
        offset = moment.strftime("%z")[:5] or "+0000"
        person = f"{_plain(author[0])} <{_plain(author[1])}> {int(moment.timestamp())} {offset}"
        lines = [f"tree {tree}", *(f"parent {parent}" for parent in parents)]
        lines += [f"author {person}", f"committer {person}", "", message.replace("\0", "").rstrip("\n") + "\n"]
        return self._write("commit", "\n".join(lines).encode("utf-8", "backslashreplace"))

    def _write(self, kind: str, content: bytes) -> str:
        digest = hash_object(kind, content, self.hash_name)
        with self._turn:
            if self._quarantine.write(kind, digest, content):
                self._hang_up()
        return digest

    def _write_all(self, kind: str, objects: Sequence[tuple[str, Content]]) -> None:
        """Those that are nowhere yet; some of the others may be written again."""
        # Finding out that an object is nowhere can take longer than writing it, most of all with many stores. So
        # a few are asked for first; when those are new, the rest is taken to be new as well.
        step = len(objects) // _ASKED_FIRST
        if not self._repository.partial and (step <= 1 or self._mostly_here(objects[::step])):
            present = self.has_many(digest for digest, _ in objects)
            objects = [(digest, content) for digest, content in objects if digest not in present]
        with self._turn:
            if objects and self._quarantine.write_many(kind, objects):
                self._hang_up()

    def _mostly_here(self, some: Sequence[tuple[str, Content]]) -> bool:
        return 2 * len(self.has_many(digest for digest, _ in some)) > len(some)

    # reading

    def read(self, digest: str) -> bytes:
        """The content of an object. Raises KeyError when it is nowhere."""
        return self.read_many([digest])[digest]

    def read_many(self, digests: Iterable[str], *, bytes_max: int | None = None) -> dict[str, bytes]:
        """Digest -> content of objects of any kind; those that are nowhere are left out. Of each no more than its
        first `bytes_max` bytes."""
        return {digest: content for digest, _, content in self._contents(digests, bytes_max) if content is not None}

    def parts(self, digest: str) -> Generator[bytes, None, None]:
        """The content of an object, some of it at a time; other threads wait until all is read, or it is closed by
        the thread that reads. Raises KeyError when it is nowhere."""
        with self._conversation():
            dialogue = self._ask("contents", [digest])
            _, size = _header(dialogue.read_line())
            if size is None:
                raise KeyError(digest)
            yield from dialogue.read_parts(size)
            dialogue.read_exactly(1)

    @property
    def whole(self) -> bool:
        """Whether what a tree of the repository names is here, too: it is no partial clone."""
        return not self._repository.partial

    def size_many(self, digests: Iterable[str]) -> dict[str, int]:
        """Digest -> size in bytes, without reading the content; those that are nowhere are left out."""
        return {digest: size for digest, size in self._sizes(digests).items() if size is not None}

    def has_many(self, digests: Iterable[str]) -> set[str]:
        """Those of `digests` that are here. Fetches nothing, also in a partial clone."""
        wanted = list(dict.fromkeys(digests))
        if not self._repository.partial:
            return {digest for digest, size in self._sizes(wanted).items() if size is not None}
        git = self._git().including({"GIT_ALLOW_PROTOCOL": "none", "GIT_NO_LAZY_FETCH": "1"})
        names = [digest for digest in wanted if self._id.match(digest)]
        asked = git.attempt("cat-file", "--batch-check", stdin="".join(f"{name}\n" for name in names).encode("ascii"))
        if asked.status == 0:
            answers = zip(names, asked.stdout.splitlines(), strict=True)
            return {digest for digest, line in answers if _header(line)[1] is not None}
        # Some versions of git give up at the first promised object that they may not fetch.
        return {digest for digest in names if git.attempt("cat-file", "-e", digest).status == 0}

    def read_trees(self, digests: Sequence[str]) -> dict[str, tuple[TreeItem, ...]]:
        """Tree id -> its lines in git's order. Raises KeyError when one is nowhere or not a tree."""
        return self._read_trees(digests, self._trees.listed, self._trees.list)

    def open_trees(self, digests: Iterable[str]) -> dict[str, Mapping[str, Entry]]:
        """Tree id -> name -> entry. Raises as `read_trees`."""
        wanted = list(dict.fromkeys(digests))
        return self._read_trees(wanted, self._trees.entries, self._trees.open) if wanted else {}

    def _read_trees(
        self, digests: Iterable[str], known: Mapping[str, _Tree], take: Callable[[str, bytes], _Tree]
    ) -> dict[str, Any]:
        found, missing = {}, []
        for digest in dict.fromkeys(digests):
            tree = known.get(digest)
            if tree is None:
                missing.append(digest)
            else:
                found[digest] = tree
        for digest, kind, content in self._contents(missing):
            if content is None or kind != b"tree":
                raise KeyError(digest)
            found[digest] = take(digest, content)
        return found

    def tree_of(self, commit: str) -> str:
        """The tree of a commit. Raises KeyError when there is no such commit."""
        ((_, kind, content),) = self._contents([commit])
        if content is None or kind != b"commit":
            raise KeyError(commit)
        return content[5 : content.index(b"\n")].decode("ascii")

    def borrow(self, objects_dir: Path) -> None:
        """From now on objects in `objects_dir` (another store's `objects` folder) can be read too."""
        with self._turn:
            if objects_dir not in self._borrowed:
                self._borrowed.append(objects_dir)
                self._hang_up()

    def _contents(
        self, digests: Iterable[str], bytes_max: int | None = None
    ) -> Iterator[tuple[str, bytes, bytes | None]]:
        """(digest, kind, content or None) of each, in order, asked for all at once."""
        with self._conversation():
            for some in _portions(list(dict.fromkeys(digests))):
                dialogue = self._ask("contents", some)
                answers = []
                for digest in some:
                    kind, size = _header(dialogue.read_line())
                    answers.append((digest, kind, _answer(dialogue, size, bytes_max) if size is not None else None))
                yield from answers

    def _sizes(self, digests: Iterable[str]) -> dict[str, int | None]:
        """Digest -> size in bytes, None when it is nowhere."""
        found = {}
        with self._conversation():
            for some in _portions(list(dict.fromkeys(digests))):
                dialogue = self._ask("info", some)
                found.update({digest: _header(dialogue.read_line())[1] for digest in some})
        return found

    @contextlib.contextmanager
    def _conversation(self) -> Iterator[None]:
        """One thread at a time; whoever leaves before the last answer ends it for all."""
        with self._turn:
            try:
                yield
            except BaseException:
                self._hang_up()
                raise

    def _ask(self, question: str, wanted: list[str]) -> Dialogue:
        if self._dialogue is None:
            self._dialogue = self._git().dialogue("cat-file", "--batch-command", "--buffer")
        # What is not a full object id could mean something to git; a dash means nothing.
        lines = "".join(f"{question} {digest if self._id.match(digest) else '-'}\n" for digest in wanted)
        self._dialogue.send(f"{lines}flush\n".encode("ascii"))
        return self._dialogue

    def _hang_up(self) -> None:
        if self._dialogue is not None:
            self._dialogue.close()
            self._dialogue = None

    @property
    def git(self) -> Git:
        """git over all the stores this one reads, as they are now: for another work tree of the same objects."""
        git = self._git()
        if self._quarantine.made:
            return git
        return git.including({"GIT_OBJECT_DIRECTORY": str(self._repository.objects)})

    @property
    def alternates(self) -> str:
        """All the stores this one reads, as they are now, as git's file `objects/info/alternates` lists them."""
        own = [self._quarantine.objects] if self._quarantine.made else []
        return "".join(f"{_on_a_line(str(path))}\n" for path in (*own, self._repository.objects, *self._borrowed))

    def writing_git(self) -> tuple[Git, Path]:
        """git over all the stores, as they are now, whose new objects go into the quarantine, durable only when
        published; and the quarantine's folder, for what is to vanish with it."""
        with self._turn:
            if self._quarantine.make():
                self._hang_up()
            return self._git().including(config={"core.fsync": "none"}), self._quarantine.folder

    def _git(self) -> Git:
        """git over all the stores: the quarantine, once there is one, the repository's and the borrowed ones."""
        git = self._repository.git
        others = [*([self._repository.objects] if self._quarantine.made else []), *self._borrowed]
        variables = {"GIT_ALTERNATE_OBJECT_DIRECTORIES": ":".join(_on_a_line(str(path)) for path in others)}
        if self._quarantine.made:
            variables["GIT_OBJECT_DIRECTORY"] = str(self._quarantine.objects)
        return git.including(variables)

    def scratch(self, name: str) -> Path:
        """A place for a folder of this name that is gone at `close`, or, after a kill, at the next recovery."""
        with self._turn:
            if self._quarantine.make():
                self._hang_up()
            return self._quarantine.folder / name

    # handing over

    def publish(self, wanted: Sequence[str], known: Sequence[str]) -> None:
        """Carries into the repository's own store, durably, what can be reached from `wanted` (commits or trees)
        and not from `known`; complete or not at all. Raises HostError, also when something is missing."""
        if not wanted or not (self._quarantine.made or self._borrowed):
            return
        with self._turn:
            self._publish(
                [digest for digest in dict.fromkeys(wanted) if digest], [digest for digest in known if digest]
            )

    def _publish(self, wanted: Sequence[str], known: Sequence[str]) -> None:
        own = self._repository.git
        out = self.scratch("out")
        store = self._git().including(config={"core.fsync": "none"})
        asked = own.run("cat-file", "--batch-check", stdin="\n".join([*known, ""]).encode("ascii")) if known else b""
        # What only the quarantine knows may not be left out, or the repository would hold incomplete objects.
        present = {line.split()[0].decode("ascii") for line in asked.splitlines() if not line.endswith(b" missing")}
        revisions = "\n".join([*wanted, *(f"^{digest}" for digest in present), ""]).encode("ascii")
        host.make_folder(out)
        options = ("--revs", "--quiet", "--non-empty", "--delta-base-offset", "--window=0", "--no-write-bitmap-index")
        said = store.run("pack-objects", *options, str(out / "pack"), stdin=revisions, timeout_s=3600)
        name = said.decode("ascii").strip()
        if not name:
            return
        pack = out / f"pack-{name}.pack"
        with pack.open("rb") as file:
            count = int.from_bytes(file.read(12)[8:], "big")
        if count < _LOOSE_BELOW and pack.stat().st_size <= _LOOSE_BYTES_MAX:
            own.run("unpack-objects", "-q", stdin=pack.read_bytes())
        else:
            self._install(out, f"pack-{name}")
        files.settle(self._repository.objects)

    def _install(self, folder: Path, stem: str) -> None:
        """A pack is there for others only when its index is: that one comes last."""
        target = self._repository.objects / "pack"
        target.mkdir(exist_ok=True)
        parts = sorted(folder.glob(f"{stem}.*"), key=lambda path: (path.suffix == ".idx", path.suffix != ".pack"))
        for part in parts:
            files.hand_over(part, target / part.name)
        files.settle(target)

    def close(self) -> None:
        """Ends the programs and removes the quarantine. Safe to call twice."""
        self._hang_up()
        self._trees.forget()
        self._quarantine.remove()

    def __enter__(self) -> ObjectStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _portions(items: list[str]) -> Iterator[list[str]]:
    """So many at once that neither round trips nor the memory for unread answers count."""
    return (items[at : at + _AT_ONCE] for at in range(0, len(items), _AT_ONCE))


def _answer(dialogue: Dialogue, size: int, bytes_max: int | None) -> bytes:
    """The first `bytes_max` of `size` bytes; the rest and the line end after it are read, too."""
    if size <= _SMALL_BYTES and (bytes_max is None or size <= bytes_max):
        return dialogue.read_exactly(size + 1)[:-1]
    kept = size if bytes_max is None else min(size, bytes_max)
    content = dialogue.read_exactly(kept)
    for _ in dialogue.read_parts(size + 1 - kept):
        pass
    return content


def _header(line: bytes) -> tuple[bytes, int | None]:
    """(kind, size) of an answer's first line; size None when the object is missing."""
    parts = line.split(b" ")
    if len(parts) == 3 and parts[2].isdigit():
        return parts[1], int(parts[2])
    return b"", None


def _on_a_line(path: str) -> str:
    """`path` as git reads one from a list of lines or of alternates, quoted where it must be."""
    if not re.search(r'[":#\\\x00-\x1f]', path):
        return path
    special = re.sub(r'["\\]', lambda found: f"\\{found[0]}", path)
    return '"' + re.sub(r"[\x00-\x1f]", lambda found: f"\\{ord(found[0]):03o}", special) + '"'


def _plain(text: str) -> str:
    return re.sub(r"[<>\n\0]", "", text).strip()
