"""Whether two globs can name the same path (P39)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directional_sync.config.overlap import overlap
from directional_sync.core import globs

YES = [
    ("a/**", "a/b/*.json"),
    ("a/b", "a/b/c.txt"),
    ("a/b", "a/b/**"),
    ("a", "a"),
    ("**", "anything/at/all"),
    ("**/x.md", "docs/**"),
    ("a/**/c", "a/c"),
    ("a/**/c", "a/b/b/c"),
    ("docs/*_a.json", "docs/*.json"),
    ("a/*/c", "a/**"),
    ("x[ab].txt", "xa.txt"),
    ("x[!ab].txt", "x?.txt"),
    ("a/", "a/b"),
    ("*", "a"),
    ("docs/month_*.json", "docs/month_end.json"),
]
NO = [
    ("a/*.json", "a/*.txt"),
    ("docs/runtime/x.json", "docs/runtime/y.json"),
    ("docs/**", "other/**"),
    ("a/**/c", "a/b/d"),
    ("*.json", "report.*"),
    ("docs/report", "docs/report2/**"),
    ("docs/x.json", "**/x.md"),
    ("a/*", "a/b/c"),
    ("A/**", "a/**"),
    ("insightpulse_odoo/addons/oca/**", "insightpulse_odoo/addons/oca_custom/**"),
]


@pytest.mark.parametrize(("one", "other"), YES)
def test_p39_they_overlap(one: str, other: str) -> None:
    assert overlap(one, other)
    assert overlap(other, one)


@pytest.mark.parametrize(("one", "other"), NO)
def test_p39_they_do_not(one: str, other: str) -> None:
    assert not overlap(one, other)
    assert not overlap(other, one)


_NAME = st.sampled_from(["a", "b", "a.x", "b.x"])
_PATH = st.lists(_NAME, min_size=1, max_size=4).map("/".join)
_GLOB = st.lists(st.sampled_from(["a", "b", "a.x", "*", "**", "*.x", "?", "a*", "[ab]"]), min_size=1, max_size=4).map(
    "/".join
)


@given(_PATH, _GLOB)
def test_a_path_and_a_glob_are_told_exactly(path: str, glob: str) -> None:
    if globs.matches(path, (glob,)):
        assert overlap(path, glob)


@given(_GLOB, _PATH, st.sampled_from(["a/**", "a/b/**", "b/**", "**"]))
def test_a_folder_and_a_glob_are_told_exactly(glob: str, path: str, folder: str) -> None:
    if globs.matches(path, (glob,)) and globs.matches(path, (folder,)):
        assert overlap(glob, folder)
