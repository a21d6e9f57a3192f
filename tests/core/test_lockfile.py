"""The lock file: round trip, deterministic bytes, and never mistaken for an empty one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directional_sync.core.lockfile import LockedTarget, LockFile, dump, parse
from directional_sync.errors import ConfigError
from directional_sync.model.snapshot import Source

words = st.text(max_size=12)
sources = st.builds(Source, name=words, url=words, ref=words, commit=words, tree=words, into=words)
locks = st.dictionaries(
    words,
    st.builds(LockedTarget, words, st.lists(sources, max_size=3, unique_by=lambda s: s.name).map(tuple)),
    max_size=3,
).map(LockFile)


@given(locks)
def test_what_is_dumped_is_read_back(lock: LockFile) -> None:
    again = parse(dump(lock), "sync.lock")
    assert dump(again) == dump(lock)
    assert set(again.targets) == set(lock.targets)
    for name, target in lock.targets.items():
        assert again.targets[name].tree == target.tree
        assert set(again.targets[name].sources) == set(target.sources)


def test_order_of_targets_and_sources_does_not_show() -> None:
    a, b = Source("a", "u"), Source("b", "u")
    one = LockFile({"x": LockedTarget("1", (a, b)), "y": LockedTarget("2")})
    two = LockFile({"y": LockedTarget("2"), "x": LockedTarget("1", (b, a))})
    assert dump(one) == dump(two)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"null",
        b"[1]",
        b"{",
        b"<<<<<<< ours\n",
        b'{"version": 2, "targets": {}}',
        b'{"version": 1, "targets": {"a": {}}}',
        b'{"version": 1, "targets": {"a": {"tree": "x", "sources": [{"name": "n", "extra": 1}]}}}',
    ],
)
def test_a_broken_or_newer_lock_is_an_error_and_never_an_empty_lock(content: bytes) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(content, ".insightpulse/sync.lock")
    assert caught.value.code == "E-LOCKFILE"
    assert ".insightpulse/sync.lock" in caught.value.message
