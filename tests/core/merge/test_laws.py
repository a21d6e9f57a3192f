"""The laws of a merge by keys, over three documents that grew from one, in JSON, YAML and TOML."""

from __future__ import annotations

import json
import random
import re
import tomllib
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.core.merge.writing import (
    Layout,
    agrees,
    edited,
    plain_merge,
    same,
    write_json,
    write_toml,
    write_yaml,
)

from directional_sync.core import yaml12
from directional_sync.core.merge.merging import merge
from directional_sync.core.merge.values import Choice, Clash, Kind, Merged, NoteKind, Place

CASES = settings(max_examples=60, deadline=None)
WRITERS = {Kind.JSON: write_json, Kind.YAML: write_yaml, Kind.TOML: write_toml}
KINDS = pytest.mark.parametrize("kind", [Kind.JSON, Kind.YAML, Kind.TOML], ids=lambda kind: kind.value)
COMMENT = re.compile(r"(?:why|note) \d+")

BASE: dict[str, Any] = {
    "version": "1.0",
    "limit": 5,
    "on": True,
    "tags": ["a", "b", "c", "d"],
    "mcpServers": {
        "github": {"command": "npx", "args": ["-y", "server-github"], "env": {"TOKEN": "$TOKEN", "HOST": "h"}},
        "files": {"command": "node", "args": ["files.js", "/data"], "env": {"ROOT": "/data"}},
    },
    "editor": {"tabSize": 2, "rulers": [80, 120], "theme": "dark", "window": {"zoom": 1, "title": "t"}},
    "tasks": [{"name": "build", "v": 1}, {"name": "test", "v": 2}, {"name": "lint", "v": 3}],
}


def paths(data: Any, at: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = []
    for key, one in data.items() if isinstance(data, dict) else []:
        found += [(*at, key), *paths(one, (*at, key))]
    return found


def read(kind: Kind, content: bytes) -> Any:
    if kind is Kind.JSON:
        text = content.decode()
        return json.loads(re.sub(r"(?m)//.(?:why|note) \d+$", "", text))
    if kind is Kind.TOML:
        return tomllib.loads(content.decode())
    document = yaml12.read(content, "x")
    assert not document.problems, document.problems
    return document.data


@dataclass
class Case:
    kind: Kind
    data: tuple[Any, Any, Any]
    contents: tuple[bytes, bytes, bytes]

    def merged(self, **more: Any) -> Merged:
        return merge(*self.contents, self.kind, **more)

    def mirrored(self) -> Merged:
        base, repo, remote = self.contents
        return merge(base, remote, repo, self.kind)


def made(kind: Kind, seed: int, *, relayout: bool = False) -> Case:
    rng = random.Random(seed)
    sides = [edited(BASE, rng, rng.randrange(4)) for _ in range(2)]
    for data in sides if kind is Kind.TOML else ():
        if not data.get("tasks"):  # no tables and no list of tables are one there, and merged table by table
            data["tasks"] = BASE["tasks"][:1]
    all_paths = sorted({path for data in (BASE, *sides) for path in paths(data)})
    comments = {path: f"why {at}" for at, path in enumerate(all_paths) if rng.random() < 0.2}
    tails = {path: f"note {at}" for at, path in enumerate(all_paths) if rng.random() < 0.1}
    compact = rng.random() < 0.3
    indent = rng.choice(["  ", "    "])
    layouts = [Layout(indent, compact, comments, tails)] * 3
    if relayout:
        layouts = [Layout(rng.choice(["  ", "    "]), rng.random() < 0.3, comments, tails) for _ in range(3)]
        if kind is Kind.JSON and any(layout.compact for layout in layouts):
            layouts = [Layout(layout.indent, layout.compact) for layout in layouts]
    data = (BASE, *sides)
    writer = WRITERS[kind]
    return Case(kind, data, tuple(writer(*pair).encode() for pair in zip(data, layouts, strict=True)))  # type: ignore[arg-type]


seeds = st.integers(0, 10**9)


def by_lines(merged: Merged) -> bool:
    """Whether it could not be put together by keys; what clashes then are lines, and nobody has lost any."""
    return any(note.kind is NoteKind.BY_LINES for note in merged.notes)


def unordered(data: Any) -> Any:
    """The same without the order of lists, for an item that both sides have put into one at different places."""
    if isinstance(data, dict):
        return {key: unordered(one) for key, one in data.items()}
    return sorted((unordered(one) for one in data), key=repr) if isinstance(data, list) else data


@KINDS
@CASES
@given(seed=seeds, relayout=st.booleans())
@example(seed=3016264, relayout=True)  # YAML: a list in brackets here, in lines there, in another indentation
@example(seed=3000808, relayout=True)  # TOML: one new key is a value here and a table there
@example(seed=3009725, relayout=True)  # TOML: a table is deleted here, one below it is new there
@example(seed=3015919, relayout=True)  # TOML: the same with all that is around it
@example(seed=20005441, relayout=True)  # TOML: the same, and the deleted table has one below it already
@example(seed=3002015, relayout=False)  # TOML: all tables of a list are gone
@example(seed=3013631, relayout=False)  # TOML: one side took out what the other has left of them
def test_the_data_is_what_a_merge_of_plain_data_comes_to(kind: Kind, seed: int, relayout: bool) -> None:
    case = made(kind, seed, relayout=relayout)
    merged = case.merged()
    if [clash.place for clash in merged.clashes] == [Place.FILE]:
        # A key that is a value on one side and a table with a header on the other has no place of its own in TOML.
        assert kind is Kind.TOML and merged.content is None and merged.partial == case.contents[1]
        return
    if by_lines(merged):
        assert kind is not Kind.JSON and merged.kind is Kind.TEXT
        assert (merged.content is None) == bool(merged.clashes)
        return
    expected_clashes: dict[tuple[str, ...], Any] = {}
    expected = plain_merge(*case.data, (), expected_clashes)
    assert merged.kind is kind, (merged.notes, case)
    found = read(kind, merged.partial)
    if kind is Kind.TOML and "tasks" not in found and not isinstance(expected["tasks"], dict | str):
        del expected["tasks"]  # each side left other tables than the other
    assert agrees(found, expected)
    keys = {clash.id for clash in merged.clashes if clash.place is Place.KEY and "[" not in clash.id}
    assert keys == {"$." + ".".join(path) for path in expected_clashes}
    assert (merged.content is None) == bool(merged.clashes)


@KINDS
@CASES
@given(seed=seeds)
def test_no_comment_is_lost_and_no_marker_written(kind: Kind, seed: int) -> None:
    case = made(kind, seed)
    merged = case.merged()
    assert b"<<<<<<<" not in merged.partial and b">>>>>>>" not in merged.partial
    if merged.content is None:
        return
    data = read(kind, merged.content)
    there = set(COMMENT.findall(merged.content.decode()))
    base, repo, remote = (set(COMMENT.findall(one.decode())) for one in case.contents)
    assert (repo - base) | (remote - base) | (base & repo & remote) <= there, data


@KINDS
@CASES
@given(seed=seeds)
@example(seed=3006595)  # TOML: both put the same table into a list, at different places
def test_swapping_the_sides_swaps_the_clashes_and_gives_the_same_data(kind: Kind, seed: int) -> None:  # I11
    case = made(kind, seed)
    merged, mirrored = case.merged(), case.mirrored()

    def told(clashes: tuple[Clash, ...], swap: bool) -> set[tuple[Any, ...]]:
        return {(c.place, c.base, *((c.remote, c.repo) if swap else (c.repo, c.remote))) for c in clashes}

    assert told(merged.clashes, False) == told(mirrored.clashes, True)
    if merged.content is not None and mirrored.content is not None:
        assert same(unordered(read(kind, merged.content)), unordered(read(kind, mirrored.content)))


@KINDS
@CASES
@given(seed=seeds)
def test_what_was_merged_is_not_changed_by_merging_it_again(kind: Kind, seed: int) -> None:  # I1
    case = made(kind, seed)
    merged = case.merged()
    if merged.content is None:
        return
    base, repo, remote = case.contents
    data = read(kind, merged.content)
    for again in (merge(base, merged.content, remote, kind), merge(base, repo, merged.content, kind)):
        assert again.content is not None, again
        assert same(read(kind, again.content), data)
    assert merge(base, merged.content, merged.content, kind).content == merged.content


@KINDS
@CASES
@given(seed=seeds, remote_wins=st.booleans())
@example(seed=3004251, remote_wins=True)
def test_choosing_settles_the_clashes_and_nothing_else(kind: Kind, seed: int, remote_wins: bool) -> None:
    case = made(kind, seed)
    merged = case.merged()
    if by_lines(merged):
        return
    choice = Choice.REMOTE if remote_wins else Choice.REPO
    chosen = case.merged(choices={clash.id: choice for clash in merged.clashes})
    assert chosen.content is not None and not chosen.clashes
    assert {clash.fingerprint for clash in chosen.settled} == {clash.fingerprint for clash in merged.clashes}
    assert not [note for note in chosen.notes if note.kind is NoteKind.CHOICE_UNUSED]
    if not remote_wins:
        assert chosen.content == merged.partial
    elif not any(clash.place is Place.LIST for clash in merged.clashes):
        mirror = case.mirrored()
        assert same(read(kind, chosen.content), read(kind, mirror.partial))


@KINDS
@CASES
@given(seed=seeds)
def test_a_side_that_nobody_changed_says_nothing(kind: Kind, seed: int) -> None:
    base, repo, _ = made(kind, seed).contents
    assert merge(base, base, repo, kind).content == repo
    assert merge(base, repo, base, kind).content == repo
    assert merge(base, repo, repo, kind).content == repo
    assert merge(None, repo, repo, kind).content == repo


@KINDS
@CASES
@given(seed=seeds)
def test_a_change_of_layout_alone_is_no_change(kind: Kind, seed: int) -> None:
    rng = random.Random(seed)
    data = edited(BASE, rng, 2)
    old, new = Layout("  "), Layout("    ", compact=rng.random() < 0.5)
    writer = WRITERS[kind]
    merged = merge(writer(BASE, old).encode(), writer(data, old).encode(), writer(BASE, new).encode(), kind)
    assert merged.content is not None and same(read(kind, merged.content), data)


@KINDS
@CASES
@given(seed=seeds)
def test_a_first_sync_unites_and_takes_nothing_away(kind: Kind, seed: int) -> None:  # B81
    case = made(kind, seed)
    _, repo, remote = case.contents
    merged = merge(None, repo, remote, kind)
    clashes: dict[tuple[str, ...], Any] = {}
    expected = plain_merge({}, case.data[1], case.data[2], (), clashes)
    if merged.kind is kind:
        assert agrees(read(kind, merged.partial), expected)
