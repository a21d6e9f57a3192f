"""Which targets may be looked at before their turn."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directional_sync.core.ahead import ANYWHERE, Stop, may_begin
from directional_sync.model.target import Concurrency

MANY = Concurrency(targets=8, per_host=8)


def way(*texts: str) -> list[Stop]:
    """`a@x` looks at host x, `a@x!` changes it too, `a!` may change anything, `a@x<b,c` needs b and c."""
    found = []
    for text in texts:
        text, _, needs = text.partition("<")
        name, _, host = text.partition("@")
        written = host.removesuffix("!") if host.endswith("!") else ANYWHERE if name.endswith("!") else ""
        needed = tuple(needs.split(",")) if needs else ()
        found.append(Stop(name.removesuffix("!"), host.removesuffix("!"), written, needed))
    return found


@pytest.mark.parametrize(
    ("stops", "at_hand", "limits", "expected"),
    [
        (["a@x", "b@y", "c@z"], "a", MANY, ["b", "c"]),
        (["a@x", "b@y", "c@z"], "a", Concurrency(1, 8), []),
        (["a@x", "b@y", "c@z"], "a", Concurrency(2, 8), ["b"]),
        (["a@x", "b@x", "c@z"], "a", Concurrency(8, 1), ["c"]),
        (["a@x", "b@x", "c@x"], "a", Concurrency(8, 2), ["b"]),
        (["a@x", "b", "c@z"], "a", MANY, ["c"]),  # b is on this machine, and quick
        (["a@x!", "b@x", "c@y"], "a", MANY, ["c"]),
        (["a@x", "b@y!", "c@y", "d@z"], "a", MANY, ["b", "d"]),  # what b writes, c has to see
        (["a@x", "b!", "c@y"], "a", MANY, []),
        (["a!", "b@y"], "a", MANY, []),
        (["a@x", "b@y<a", "c@z"], "a", MANY, ["c"]),
    ],
)
def test_who_may(stops: list[str], at_hand: str, limits: Concurrency, expected: list[str]) -> None:
    assert list(may_begin(way(*stops), (), {at_hand}, {at_hand}, limits)) == expected


def test_those_that_wait_for_their_turn_count_but_keep_no_host_busy() -> None:
    stops = way("a@x", "b@y", "c@y", "d@y")
    assert may_begin(stops, (), {"a", "b"}, {"a"}, Concurrency(8, 1)) == ("c",)
    assert may_begin(stops, (), {"a", "b"}, {"a"}, Concurrency(2, 1)) == ()


def test_what_is_needed_has_to_have_succeeded() -> None:
    stops = way("a@x", "b@y", "c@z<a")
    assert may_begin(stops, {"a"}, {"b"}, {"b"}, MANY) == ("c",)
    assert may_begin(stops[1:], (), {"b"}, {"b"}, MANY) == ()  # a has failed and is no longer on the way


HOSTS = st.sampled_from(["", "x", "y", "z"])


@st.composite
def ways(draw: st.DrawFn) -> list[Stop]:
    count = draw(st.integers(1, 8))
    found = []
    for at in range(count):
        host = draw(HOSTS)
        written = draw(st.sampled_from(["", "", host, ANYWHERE]))
        needs = draw(st.lists(st.sampled_from([str(n) for n in range(at)]), max_size=2)) if at else []
        found.append(Stop(str(at), host, written, tuple(needs)))
    return found


@given(ways(), st.integers(1, 5), st.integers(1, 3), st.randoms(use_true_random=False))
def test_a_whole_run_keeps_its_limits_and_sees_what_it_would_have_seen(
    stops: list[Stop], targets: int, per_host: int, random: object
) -> None:
    """Looks end whenever they like. Nothing is ever looked at while something before it that could change it, or that
    it needs, is not over."""
    limits, hosts = Concurrency(targets, per_host), {stop.name: stop.host for stop in stops}
    done: set[str] = set()
    begun: set[str] = set()
    looking: set[str] = set()

    def begin() -> None:
        for name in may_begin(stops, done, begun, looking, limits):
            stop = stops[int(name)]
            before = [each for each in stops[: int(name)] if each.name not in done]
            assert stop.host and name not in begun and set(stop.needs) <= done
            assert not any(each.writes in (ANYWHERE, stop.host) for each in before if each.writes)
            begun.add(name)
            looking.add(name)
        assert len(begun) <= max(targets, 1)
        for host in set(hosts.values()) - {""}:
            assert sum(hosts[name] == host for name in looking) <= max(per_host, 1) + 1  # the one at hand is not asked

    for stop in stops:
        begun.add(stop.name)
        looking.add(stop.name)
        begin()
        for name in sorted(looking - {stop.name}):
            if random.random() < 0.5:  # type: ignore[attr-defined]
                looking.discard(name)
                begin()
        looking.discard(stop.name)
        begun.discard(stop.name)
        done.add(stop.name)


def test_without_limits_to_speak_of_all_readers_begin_at_once() -> None:
    stops = [replace(stop, writes="") for stop in way("a@x", "b@x", "c@y", "d@z")]
    assert may_begin(stops, (), {"a"}, {"a"}, Concurrency(64, 64)) == ("b", "c", "d")
