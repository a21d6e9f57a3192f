"""Globs, held against the library whose rules they follow."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from wcmatch import glob as wcmatch

from directional_sync.core import globs as patterns

FLAGS = wcmatch.GLOBSTAR | wcmatch.DOTGLOB | wcmatch.FORCEUNIX

NAME = st.sampled_from(["a", "b", "ab", ".a", "a.md", "[x]", "é"])
KEY = st.lists(NAME, min_size=1, max_size=4).map("/".join)
PART = st.sampled_from(["a", "b", ".a", "*", "**", "?", "a*", "*.md", "[ab]", "[!a]", r"\[x\]", ".*", "a**"])
GLOB = st.lists(PART, min_size=1, max_size=4).map("/".join)


@settings(max_examples=600, deadline=None)
@given(key=KEY, globs=st.lists(GLOB, min_size=1, max_size=3))
def test_globs_mean_what_they_mean_elsewhere(key: str, globs: list[str]) -> None:
    plain = [glob for glob in globs if not any(char in glob for char in "*?[\\")]
    wanted = wcmatch.globmatch(key, globs, flags=FLAGS) or any(key.startswith(f"{glob}/") for glob in plain)
    assert patterns.matches(key, globs) == wanted
