"""Targets run after what they need; then by priority; then in file order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directional_sync.core.order import cycle, in_order
from directional_sync.model.target import Direction, Target


def target(name: str, *, needs: tuple[str, ...] = (), priority: int = 0) -> Target:
    return Target(name=name, direction=Direction.PULL, endpoint="command", needs=needs, priority=priority)


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        pytest.param([target("a"), target("b")], "a b", id="file order when nothing else is said"),
        pytest.param([target("a", needs=("b",)), target("b")], "b a", id="a need goes first"),
        pytest.param([target("a"), target("b", priority=5)], "b a", id="the higher priority goes first"),
        pytest.param(
            [target("a", needs=("b",), priority=9), target("b"), target("c", priority=5)],
            "c b a",
            id="needs before priority",
        ),
        pytest.param([target("a", needs=("gone",))], "a", id="a need outside the selection holds nobody back"),
        pytest.param([target("x", priority=1), target("y", priority=1)], "x y", id="a tie keeps file order"),
    ],
)
def test_order(targets: list[Target], expected: str) -> None:
    assert " ".join(t.name for t in in_order(targets)) == expected


@given(st.integers(1, 8).flatmap(lambda n: st.lists(st.sets(st.integers(0, n)), min_size=n, max_size=n)), st.randoms())
def test_any_acyclic_needs_are_respected(needs: list[set[int]], random: object) -> None:
    """F95: whatever the graph, each target comes after all it needs, and twice the same order."""
    targets = [target(f"t{i}", needs=tuple(f"t{j}" for j in sorted(wants) if j < i)) for i, wants in enumerate(needs)][
        ::-1
    ]
    ordered = [t.name for t in in_order(targets)]
    assert ordered == [t.name for t in in_order(targets)]
    assert sorted(ordered) == sorted(t.name for t in targets)
    for t in targets:
        assert all(ordered.index(need) < ordered.index(t.name) for need in t.needs)


def test_a_cycle_is_shown_as_a_path() -> None:
    assert cycle({"a": ["b"], "b": ["c"], "c": ["a"]}) == ("a", "b", "c", "a")
    assert cycle({"a": ["a"]}) == ("a", "a")
    assert cycle({"a": ["b"], "b": []}) == ()
    with pytest.raises(ValueError, match="a -> b -> a"):
        in_order([target("a", needs=("b",)), target("b", needs=("a",))])
