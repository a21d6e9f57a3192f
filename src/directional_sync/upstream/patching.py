"""Local patches: laid over an upstream's tree, and made from the difference of two trees.

Git applies them, to an index of its own over the store, without a work tree. A patch fits exactly or, where the files
that it was made from are at hand, by a three-way merge; else it is refused, and the message shows what it looked for.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from directional_sync.errors import RefusedError, SyncError
from directional_sync.git import plumbing
from directional_sync.git.objects import ObjectStore
from directional_sync.git.plumbing import Git
from directional_sync.system.process import Finished
from directional_sync.upstream.complaints import KEPT
from directional_sync.upstream.excerpt import excerpt, fit
from directional_sync.upstream.workshop import workshop

_APPLY = ("apply", "--cached", "--whitespace=nowarn", "--verbose")
_DIFFER = (
    "diff-tree", "-r", "--patch", "--unified=3", "--binary", "--full-index", "--no-renames", "--no-ext-diff",
    "--no-textconv", "--no-color", "--src-prefix=a/", "--dst-prefix=b/", "--submodule=short",
    "--ignore-submodules=none",
)  # fmt: skip
_HEADER = re.compile(rb'^--- "?([^\t\n]*).*\n\+\+\+ "?([^\t\n]*).*\n@@ -', re.MULTILINE)
_NOTHING = b"/dev/null"
_OUTSIDE = re.compile(rb"^error: (invalid path '.*'|affected file '.*' is beyond a symbolic link)$", re.MULTILINE)
_BROKEN = re.compile(
    rb"^error: (.*(?:corrupt|No valid patches|invalid mode|fragment without header|unrecognized|inconsistent"
    rb"|lacks filename|unable to find filename|bad git-diff|cannot apply binary patch).*)$",
    re.MULTILINE,
)
_SEARCHED = re.compile(rb"^error: while searching for:\n(.*?)\n?^error: patch failed: (.+):(\d+)$", re.MULTILINE | re.S)
_BINARY = re.compile(rb"^error: the patch applies to '(.+)' \(", re.MULTILINE)
_FAILED = re.compile(rb"^error: (.+): ([a-z][a-z ]+)$", re.MULTILINE)
_ENCODED = re.compile(rb"^content-transfer-encoding:\s*(?:quoted-printable|base64)\s*$", re.MULTILINE | re.IGNORECASE)
_COMPARED_MAX = 20_000
"""Lines of a file among which the likeliest place is looked for."""


@dataclass(frozen=True, slots=True)
class Patch:
    """One patch file: `git diff` or `git format-patch` output, with the prefixes a/ and b/."""

    name: str
    """Its path in the repository, for messages."""
    content: bytes


def apply(store: ObjectStore, tree: str, patches: Sequence[Patch]) -> str:
    """The tree after all patches, in order; it is in the quarantine of `store`. A patch file without a byte changes
    nothing. Raises RefusedError: E-PATCH-CONFLICT when one does not fit, or is in the tree already; E-PATCH-PATH when
    one reaches outside; E-PATCH-BROKEN when one cannot be read."""
    if not patches:
        return tree
    with workshop(store) as git:
        for patch in patches:
            if patch.content.strip():
                tree = _Laying(git, store, tree, patch).tree_after()
    return tree


def difference(store: ObjectStore, before: str, after: str) -> bytes:
    """A patch that `apply` turns the tree `before` into `after` with; b"" when they are the same."""
    with workshop(store) as git:
        return git.run(*_DIFFER, before, after)


class _Laying:
    """One patch being laid over a tree."""

    def __init__(self, git: Git, store: ObjectStore, tree: str, patch: Patch) -> None:
        self.git, self.store, self.tree, self.patch = git, store, tree, patch
        self.content = _decoded(patch.content)
        self.name = fit(patch.name)

    def tree_after(self) -> str:
        self._must_name_no_root()
        self._begin()
        plain = self._git()
        if plain.status == 0:
            return self._changed()
        self._must_be_sound(plain)
        if self._git("--check", "--reverse").status == 0:
            raise self._contained()
        if self._git("--3way").status == 0:
            return self._changed()
        self._begin()  # a merge that failed has left its halves
        raise self._conflict(plain.stderr)

    def _begin(self) -> None:
        """The index holds the tree."""
        self.git.run("read-tree", self.tree)

    def _git(self, *how: str) -> Finished:
        return self.git.attempt(*_APPLY, *how, "-", stdin=self.content)

    def _changed(self) -> str:
        found = self.git.run("write-tree", "--missing-ok").decode("ascii").strip()
        if found == self.tree:
            raise self._contained()
        return found

    def _must_name_no_root(self) -> None:
        """Git takes `+++ /etc/x` for `etc/x`; whoever wrote it meant something else."""
        for path in (path for both in _HEADER.findall(self.content) for path in both):
            if path.startswith(b"/") and path.strip() != _NOTHING:
                raise self._outside(b"absolute path '" + path + b"'")

    def _must_be_sound(self, done: Finished) -> None:
        if found := _OUTSIDE.search(done.stderr):
            raise self._outside(found[1])
        if found := _BROKEN.search(done.stderr):
            raise RefusedError(
                "E-PATCH-BROKEN",
                f"the patch {self.name} cannot be read: {fit(found[1])}",
                hint="make it anew with git diff --binary --full-index, or git format-patch",
                place=self.name,
                kept=KEPT,
            )
        if done.status != 1:
            raise plumbing.failed(_APPLY, done)

    def _outside(self, what: bytes) -> SyncError:
        return RefusedError(
            "E-PATCH-PATH",
            f"the patch {self.name} reaches outside of what it may change: {fit(what)}",
            hint="its paths begin with a/ and b/ and stay inside the vendored folder",
            place=self.name,
            kept=KEPT,
        )

    def _contained(self) -> SyncError:
        return RefusedError(
            "E-PATCH-CONFLICT",
            f"the patch {self.name} changes nothing: all of it is in the upstream's files already",
            hint="upstream has it now: delete the patch",
            place=self.name,
            kept=KEPT,
        )

    def _conflict(self, said: bytes) -> SyncError:
        where, detail = self._mismatch(said)
        return RefusedError(
            "E-PATCH-CONFLICT",
            f"the patch {self.name} does not apply: {where}",
            hint="bring the patch up to date with the upstream's new files, or delete it",
            place=self.name,
            kept=KEPT,
            detail=detail,
        )

    def _mismatch(self, said: bytes) -> tuple[str, list[str]]:
        """(where and what, lines to show) of the first thing that did not fit."""
        if found := _SEARCHED.search(said):
            wanted, path, line = found[1].splitlines(), found[2], int(found[3])
            lines = self._lines_of(path)
            at = _likeliest(wanted, lines, line - 1)
            there = excerpt(lines[at : at + len(wanted)], "  ") or ["  (nothing)"]
            looked = excerpt(wanted, "  ") or ["  (nothing)"]
            detail = ["it looked for:", *looked, f"there is, from line {at + 1} on:", *there]
            return f"line {line} of {fit(path)} is not what it expects", detail
        if found := _BINARY.search(said):
            return f"{fit(found[1])} is not the version that it was made for", []
        if found := _FAILED.search(said):
            return f"{fit(found[1])} {fit(found[2]).removesuffix(' in index')}", []
        return "git gave no reason that can be told", []

    def _lines_of(self, path: bytes) -> list[bytes]:
        items = self.git.ls_index(path.decode("utf-8", "surrogateescape"))
        return self.store.read(items[0].digest).splitlines() if items else []


def _likeliest(wanted: Sequence[bytes], lines: Sequence[bytes], expected: int) -> int:
    """Where in `lines` most of `wanted` stands, line for line; of equals, the nearest to `expected`."""
    if len(lines) > _COMPARED_MAX:
        return max(0, min(expected, len(lines) - 1))

    def likeness(at: int) -> tuple[int, int]:
        alike = sum(one == other for one, other in zip(wanted, lines[at : at + len(wanted)], strict=False))
        return alike, -abs(at - expected)

    return max(range(len(lines)), key=likeness, default=0)


def _decoded(content: bytes) -> bytes:
    """The patch in a mail whose body was encoded on its way; others are as they are."""
    head = re.split(rb"\r?\n\r?\n", content, maxsplit=1)[0]
    if not _ENCODED.search(head):
        return content
    from email import message_from_bytes

    body = message_from_bytes(content).get_payload(decode=True)
    return body if isinstance(body, bytes) else content
