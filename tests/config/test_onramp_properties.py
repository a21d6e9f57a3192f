"""Whatever a file holds: it is carried over or told, and what is written means what was found."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from tests.config.onramping import carry_over, knowing_all_keys, meant, wished, written

from directional_sync.config.onramp import grouping, telling
from directional_sync.config.onramp.base import Format, Found, Repository
from directional_sync.config.onramp.filters import below
from directional_sync.config.overlap import overlap
from directional_sync.core.globs import matches
from directional_sync.errors import ConfigError
from directional_sync.render.ink import Ink


@pytest.fixture(autouse=True, scope="module")
def options() -> Iterator[None]:
    with knowing_all_keys():
        yield


@given(
    st.lists(st.sampled_from(["a", "b", "*", "**", "a*", "?"]), min_size=1, max_size=5).map("/".join),
    st.lists(st.sampled_from(["a", "b", "ab"]), min_size=1, max_size=2).map("/".join),
    st.lists(st.sampled_from(["a", "b", "ab"]), min_size=1, max_size=3).map("/".join),
)
def test_a_glob_seen_from_a_folder_names_the_same_files(glob: str, root: str, path: str) -> None:
    inner = below(glob, root)
    if all(set(one) & {"*", "?"} for one in (glob, *inner)):  # without, ours names a folder too, and vendir's does not
        assert matches(path, inner) == matches(f"{root}/{path}", [glob])


names = st.sampled_from(["web", "Web", "sale", "x_y", ".dot", "a.b", "on"])
repositories = st.builds(
    Repository,
    url=st.builds(
        "".join,
        st.tuples(st.sampled_from(["https://h.example/O/", "https://h.example/P/", "git@h.example:O/", "git@h:"]),
                  names, st.sampled_from(["", ".git", "/"])),
    ),
    into=st.builds(lambda parent, name: f"{parent}{name}", st.sampled_from(["", "v/", "v/w/", "V/", "a b/"]), names),
    of=st.just("x"),
    line=st.integers(1, 9),
    ref=st.sampled_from(["", "18.0", "main", "refs/pull/1/head"]),
    version=st.just(""),
    merge=st.sampled_from([(), ("refs/pull/2/head",), ("a", "b")]),
    subdir=st.sampled_from(["", "addons"]),
    paths=st.sampled_from([(), ("**/*.md", 'it\'s "x"/**')]),
    exclude=st.sampled_from([(), ("x/**",)]),
    submodules=st.sampled_from(["", "content"]),
    lfs=st.sampled_from(["", "pointers"]),
    paused=st.booleans(),
)  # fmt: skip


@given(st.lists(repositories, min_size=1, max_size=12))
def test_what_is_written_is_what_was_found(wanted: list[Repository]) -> None:
    """However they are grouped: each folder has its one repository as it was wished, all others are told, and no two
    targets share a path."""
    carried = grouping.carried(Found(Format.WEST, tuple(wanted), ()))
    targets = written(carried)
    kept = tuple(one for target in carried.targets for one in target.repositories)
    assert meant(targets) == wished(kept)
    assert len(kept) + len(carried.left_over) == len(wanted)
    outputs = [(name, glob) for name, target in targets.items() for glob in target["outputs"]]
    for (name, glob), (other, theirs) in itertools.combinations(outputs, 2):
        assert name == other or not overlap(glob, theirs)
    assert all(matches(f"{one.into}/file", [glob for _, glob in outputs]) for one in kept)


words = st.sampled_from(
    ["repositories", "manifest", "projects", "remotes", "merges", "git", "url", "path", "type", "name", "directories",
     "contents", "defaults", "version", "ref", "<<", "https://h.example/a", "../x", "o main", "a", "1.0", "-x", "$A",
     "refSelection", "semver", "constraints", "^1.0", "includePaths", "{a,b}/**", "submodules", "groups",
     "group-filter", "apiVersion", "vendir.k14s.io/v1", "newRootPath", "http", "self", "import", "extends"]
)  # fmt: skip
trees: st.SearchStrategy[Any] = st.recursive(
    st.one_of(words, st.none(), st.booleans(), st.floats(), st.integers(), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(words, inner, max_size=4)),
    max_leaves=25,
)
file_names = st.sampled_from(["repos.yaml", "a.repos", "vendir.yml", "west.yml", ".gitmodules", "x"])


def survives(content: bytes, name: str) -> None:
    try:
        carried = carry_over(content, name)
    except ConfigError as error:
        assert error.problems and all(problem.code.startswith("E-ONRAMP-") for problem in error.problems)
        return
    written(carried)
    assert telling.text(carried.left_over, name, Ink()) or not carried.left_over


@given(trees, file_names)
def test_any_tree_is_carried_over_or_told(tree: Any, name: str) -> None:
    survives(yaml.safe_dump(tree, allow_unicode=True).encode("utf-8", "replace"), name)


LINES = st.sampled_from(
    ['[submodule "a"]', '[submodule "b\\""]', "[core]", "path = a", "path = ../b", "url = ../x", "url = https://h.example/a",
     "branch = .", "branch = -x", 'path = "a b"', "# c", "url = a\\", "x", "[", "=", "path", "\t", 'url = "']
)  # fmt: skip


@given(st.lists(LINES, max_size=12).map("\n".join))
def test_any_lines_of_gitmodules_are_carried_over_or_told(text: str) -> None:
    survives(text.encode(), ".gitmodules")


@given(st.one_of(st.binary(max_size=80), st.text(max_size=80).map(lambda text: text.encode())), file_names)
def test_any_bytes_are_carried_over_or_told(content: bytes, name: str) -> None:
    survives(content, name)
