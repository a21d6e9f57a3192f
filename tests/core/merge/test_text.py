"""Merging by lines, held against git."""

from __future__ import annotations

import itertools
import random
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from directional_sync.core.merge.lines import hunks
from directional_sync.core.merge.merging import merge
from directional_sync.core.merge.text import merge_lines, stretches
from directional_sync.core.merge.values import Choice, Kind, Place, Referee, UnfitChoice


def by_git(folder: Path, base: str, repo: str, remote: str) -> tuple[bool, str]:
    for name, text in (("base", base), ("repo", repo), ("remote", remote)):
        (folder / name).write_bytes(text.encode())
    command = ["git", "merge-file", "-p", "--diff3", "repo", "base", "remote"]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
    assert 0 <= done.returncode < 128, done.stderr
    return done.returncode == 0, done.stdout.decode()


def by_us(base: str, repo: str, remote: str) -> tuple[bool, str]:
    referee = Referee({})
    text = merge_lines(base, repo, remote, referee)
    return not referee.open, text


def changed(rng: random.Random, lines: list[str], word: Callable[[random.Random], str]) -> list[str]:
    found = list(lines)
    for _ in range(rng.randrange(4)):
        at = rng.randrange(len(found) + 1)
        kind = rng.randrange(3)
        found[at : at + (0, rng.randrange(1, 3), 1)[kind]] = [] if kind == 1 else [word(rng)]
    return found


WORDS: dict[str, tuple[Callable[[random.Random], str], int]] = {
    "three letters": (lambda rng: rng.choice("abc"), 8),
    "sixteen letters": (lambda rng: rng.choice("abcdefghijklmnop"), 15),
    "like code": (lambda rng: rng.choice(["", "", "}", *(str(rng.randrange(10_000)) for _ in range(3))]), 40),
}


@pytest.mark.parametrize("name", WORDS)
def test_what_git_merges_cleanly_becomes_the_same_bytes(name: str, tmp_path: Path) -> None:  # B46 B47
    """And where git sees a conflict, so do we, but for a few texts of repeated lines in which two differences are
    equally short."""
    word, size = WORDS[name]
    rng = random.Random(name)
    milder = 0
    for _ in range(150):
        base = [word(rng) for _ in range(rng.randrange(size))]
        texts = ["".join(f"{line}\n" for line in side) for side in (base, *(changed(rng, base, word) for _ in "ab"))]
        git_clean, git_text = by_git(tmp_path, *texts)
        clean, text = by_us(*texts)
        if git_clean:
            assert clean and text == git_text, texts
        milder += clean and not git_clean
    assert milder <= 2


def edits_of(base: list[str], side: list[str]) -> list[str]:
    return [line for h in hunks(base, side) for line in side[h.b0 : h.b1]]


texts = st.lists(st.sampled_from(["a", "b", "c", "d", "e", "}", ""]).map(lambda one: f"{one}\n"), max_size=12)


@settings(max_examples=300, deadline=None)
@given(base=texts, repo=texts, remote=texts)
def test_a_difference_is_one(base: list[str], repo: list[str], remote: list[str]) -> None:
    rebuilt, at = [], 0
    found = hunks(base, repo)
    for h in found:
        assert h.a0 < h.a1 or h.b0 < h.b1
        rebuilt += base[at : h.a0] + repo[h.b0 : h.b1]
        at = h.a1
    assert rebuilt + base[at:] == repo
    assert all(one.a1 < other.a0 for one, other in itertools.pairwise(found))
    rows = stretches(base, repo, remote)
    for side, name in ((base, "base"), (repo, "repo"), (remote, "remote")):
        assert [line for part in rows for line in side[slice(*getattr(part, name))]] == side


@settings(max_examples=300, deadline=None)
@given(base=texts, repo=texts, remote=texts)
def test_no_line_that_somebody_wrote_is_missing(base: list[str], repo: list[str], remote: list[str]) -> None:  # I3
    referee = Referee({})
    text = merge_lines("".join(base), "".join(repo), "".join(remote), referee)
    there = text + "".join(clash.remote or "" for clash in referee.open)
    for line in {*edits_of(base, repo), *edits_of(base, remote)}:
        assert line in there
    mirrored = Referee({})
    back = merge_lines("".join(base), "".join(remote), "".join(repo), mirrored)
    assert [(c.base, c.repo, c.remote) for c in referee.open] == [(c.base, c.remote, c.repo) for c in mirrored.open]
    if not referee.open:  # I11
        assert back == text


@settings(max_examples=200, deadline=None)
@given(seed=st.integers(0, 10**9))
def test_merging_again_changes_nothing(seed: int) -> None:
    rng = random.Random(seed)
    base = [f"{at}\n" for at in range(20)]
    repo, remote = (changed(rng, base, lambda rng: f"n{rng.randrange(1000)}\n") for _ in "ab")
    one = merge("".join(base).encode(), "".join(repo).encode(), "".join(remote).encode(), Kind.TEXT)
    if one.content is None:
        return
    again = merge("".join(base).encode(), one.content, "".join(remote).encode(), Kind.TEXT)
    assert again.content == one.content


CASES = [
    # what, base, repo, remote, merged or None
    ("edits far apart", "1\n2\n3\n4\n5\n", "A\n2\n3\n4\n5\n", "1\n2\n3\n4\nB\n", "A\n2\n3\n4\nB\n"),
    ("edits that touch", "1\n2\n", "A\n2\n", "1\nB\n", None),
    ("the same edit", "1\n2\n3\n", "1\nX\n3\n", "1\nX\n3\n", "1\nX\n3\n"),
    ("a deletion against an edit", "1\n2\n3\n", "1\n3\n", "1\nX\n3\n", None),
    ("both append", "1\n", "1\nA\n", "1\nB\n", None),
    ("the last line feed goes, a line comes", "1\n2\n3\n", "1\n2\n3", "0\n1\n2\n3\n", "0\n1\n2\n3"),
    ("the last line feed goes, the last line changes", "1\n2\n", "1\n2", "1\n3\n", "1\n3"),
    ("no last line feed anywhere", "1\n2\n3", "0\n1\n2\n3", "1\n2\n3\n4", "0\n1\n2\n3\n4"),
    ("all line ends change", "1\n2\n3\n", "1\r\n2\r\n3\r\n", "1\n2\n4\n", "1\r\n2\r\n4\r\n"),  # B26
    ("line ends stay mixed", "1\r\n2\n3\n4\n", "1\r\n2\n3\n5\n", "0\r\n2\n3\n4\n", "0\r\n2\n3\n5\n"),
    ("a byte order mark comes", "1\n2\n3\n", "\ufeff1\n2\n3\n", "1\n2\n4\n", "\ufeff1\n2\n4\n"),
    ("all is deleted, something changes", "1\n2\n", "", "1\n3\n", None),
    ("never agreed, one is longer", None, "1\n", "1\n2\n", None),  # B35
]


@pytest.mark.parametrize(("what", "base", "repo", "remote", "merged"), CASES, ids=[case[0] for case in CASES])
def test_texts(what: str, base: str | None, repo: str, remote: str, merged: str | None) -> None:
    found = merge(None if base is None else base.encode(), repo.encode(), remote.encode(), Kind.TEXT)
    assert found.content == (None if merged is None else merged.encode())
    assert bool(found.clashes) == (merged is None)


def test_a_clash_is_no_larger_than_what_differs() -> None:
    base, repo, remote = "1\n2\n3\n", "1\nsame\nA\nend\n3\n", "1\nsame\nB\nend\n3\n"
    found = merge(base.encode(), repo.encode(), remote.encode(), Kind.TEXT)
    (clash,) = found.clashes
    assert (clash.id, clash.base, clash.repo, clash.remote) == ("line 3", "2\n", "A\n", "B\n")
    assert found.partial == repo.encode() and found.content is None
    both = merge(base.encode(), repo.encode(), remote.encode(), Kind.TEXT, {"line 3": Choice.BOTH})
    assert both.content == b"1\nsame\nA\nB\nend\n3\n"


def test_line_ends_that_never_agreed_are_one_clash() -> None:  # B26
    found = merge(None, b"1\n2\n", b"1\r\n2\r\n", Kind.TEXT)
    assert [(clash.id, clash.place) for clash in found.clashes] == [("line ends", Place.LINE_ENDS)]
    chosen = merge(None, b"1\n2\n", b"1\r\n2\r\n", Kind.TEXT, {"line ends": Choice.REMOTE})
    assert chosen.content == b"1\r\n2\r\n"


@pytest.mark.parametrize("bad", [b"\x00\x01", b"caf\xe9\n"])
def test_what_is_no_text_is_never_merged(bad: bytes) -> None:  # B50
    found = merge(b"1\n2\n3\n", b"1\n2\n4\n", bad, Kind.TEXT)
    (clash,) = found.clashes
    assert found.kind is Kind.BINARY and found.content is None and clash.id == "whole file"
    assert "sha256" in (clash.remote or "")
    assert merge(b"1\n", b"2\n", bad, Kind.TEXT, {"whole file": Choice.REMOTE}).content == bad
    with pytest.raises(UnfitChoice):
        merge(b"1\n", b"2\n", bad, Kind.TEXT, {"whole file": Choice.BOTH})


def test_a_rewritten_file_takes_no_quadratic_time() -> None:
    rng = random.Random(1)
    lines = [f"{rng.randrange(400)}\n" for _ in range(3000)]
    other = rng.sample(lines, len(lines))
    assert hunks(lines, other)
