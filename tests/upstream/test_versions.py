"""Ranges and the tags in them. The table follows the documentation of npm's ranges, and what its program answers."""

from __future__ import annotations

import itertools

import pytest

from directional_sync.errors import RemoteError
from directional_sync.upstream.addresses import BadAddress
from directional_sync.upstream.versions import check_range, highest, none_satisfies


def fits(wanted: str, *versions: str) -> list[str]:
    return [version for version in versions if highest([version], wanted) == version]


@pytest.mark.parametrize(
    ("wanted", "inside", "outside"),
    [
        # npm: primitives, hyphens, x, tilde and caret as documented, edge by edge
        ("1.2.3", "1.2.3 1.2.3+build", "1.2.2 1.2.4 1.2.3-rc"),
        ("=v1.2.3", "1.2.3", "1.2.4"),
        (">=1.2.7", "1.2.7 1.2.8 2.5.3 1.3.9", "1.2.6 1.1.0"),
        (">1.2.3", "1.2.4", "1.2.3 1.2.3+build"),
        ("<1.2.3", "1.2.2", "1.2.3"),
        ("<=1.2.3", "1.2.3", "1.2.4"),
        (">=1.2.7 <1.3.0", "1.2.7 1.2.8 1.2.99", "1.2.6 1.3.0 1.1.0"),
        (">=1.2.7, <1.3.0", "1.2.7 1.2.99", "1.2.6 1.3.0"),
        ("> 1.2.7   < 1.3.0", "1.2.8", "1.2.7 1.3.0"),
        ("1.2.7 || >=1.2.9 <2.0.0", "1.2.7 1.2.9 1.4.6", "1.2.8 2.0.0"),
        ("1.2.3 - 2.3.4", "1.2.3 2.3.4", "1.2.2 2.3.5"),
        ("1.2 - 2.3.4", "1.2.0 2.3.4", "1.1.9 2.3.5"),
        ("1.2.3 - 2.3", "2.3.99", "2.4.0"),
        ("1.2.3 - 2", "2.99.99", "3.0.0"),
        ("*", "0.0.1 9.9.9", "1.0.0-rc"),
        ("1.x", "1.0.0 1.99.0", "0.9.9 2.0.0"),
        ("1", "1.0.0 1.99.0", "0.9.9 2.0.0"),
        ("1.2.X", "1.2.0 1.2.9", "1.1.9 1.3.0"),
        ("1.2.*", "1.2.0 1.2.9", "1.3.0"),
        (">1.2", "1.3.0", "1.2.9"),
        (">=1.x", "1.0.0 2.0.0", "0.9.0"),
        ("<=1.2", "1.2.9", "1.3.0"),
        ("<1.2", "1.1.9", "1.2.0"),
        ("~1.2.3", "1.2.3 1.2.9", "1.2.2 1.3.0"),
        ("~1.2", "1.2.0 1.2.9", "1.3.0"),
        ("~1", "1.0.0 1.9.0", "2.0.0"),
        ("~>1.2", "1.2.9", "1.3.0"),
        ("~0.2.3", "0.2.3 0.2.9", "0.3.0"),
        ("~0", "0.9.9", "1.0.0"),
        ("^1.2.3", "1.2.3 1.9.0", "1.2.2 2.0.0"),
        ("^0.2.3", "0.2.3 0.2.9", "0.2.2 0.3.0"),
        ("^0.0.3", "0.0.3", "0.0.2 0.0.4"),
        ("^1.2.x", "1.2.0 1.9.0", "2.0.0"),
        ("^0.0.x", "0.0.0 0.0.9", "0.1.0"),
        ("^0.0", "0.0.9", "0.1.0"),
        ("^1.x", "1.0.0 1.9.0", "2.0.0"),
        ("^0.x", "0.0.0 0.9.9", "1.0.0"),
        ("^ 1.4", "1.4.0", "1.3.0"),
        # prereleases
        (">1.2.3-alpha.3", "1.2.3-alpha.7 3.4.5", "3.4.5-alpha.9 1.2.3-alpha.3"),
        ("~1.2.3-beta.2", "1.2.3-beta.2 1.2.3-beta.11 1.2.3 1.2.4", "1.2.4-beta.2 1.2.3-beta.1 1.3.0"),
        ("^1.2.3-beta.2", "1.2.3-beta.4 1.2.3 1.9.0", "1.2.4-beta.2 2.0.0-beta.4"),
        ("^0.0.3-beta", "0.0.3-beta 0.0.3-pr.2 0.0.3", "0.0.4"),
        ("<2.0.0-rc.1", "1.9.9 2.0.0-beta 2.0.0-rc.0", "2.0.0-rc.1 2.0.0 1.9.9-rc"),
        ("<2 || 2.0.0-rc.1", "1.9.9 2.0.0-rc.1", "2.0.0-rc.2 2.0.0"),
        (">=1.0.0-0 <1.0.0", "1.0.0-0 1.0.0-x", "1.0.0"),
        (">1.2 <=1.3.0-rc.2", "", "1.3.0-rc.1 1.2.5 1.3.0"),
    ],
)
def test_a_range_holds_what_npm_says(wanted: str, inside: str, outside: str) -> None:
    assert fits(wanted, *inside.split(), *outside.split()) == inside.split()


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        ("", "empty"),
        ("1 ||", "empty"),
        (">=1,", "empty"),
        (">1,,<2", "empty"),
        ("latest", "not a version"),
        ("1.2.3.4", "not a version"),
        ("01.2.3", "not a version"),
        ("1.x.3", "not a version"),
        ("1.2-rc", "not a version"),
        ("1.x.x-rc", "not a version"),
        ("1.2.3 -2.0.0", "not a version"),
        ("^", "not understood"),
        (">= <2", "not understood"),
        ("!=1.2.3", "not understood"),
        ("^^1", "not understood"),
        (">=2 <1", "no version can ever satisfy"),
        (">x", "no version can ever satisfy"),
        ("1, 2", "no version can ever satisfy"),
        ("1.2.3\n", "plain characters"),
        ("^１.2", "plain characters"),
        ("1" * 201, "at most 200"),
    ],
)
def test_what_is_no_range_is_told(wanted: str, why: str) -> None:
    with pytest.raises(BadAddress, match=why) as caught:
        check_range(wanted)
    assert caught.value.code == "E-UPSTREAM-VERSION"


@pytest.mark.parametrize(
    ("tags", "wanted", "chosen"),
    [
        (["v1.9.0", "v1.10.0", "v1.2.0"], "^1", "v1.10.0"),
        (["v1.4.9", "v1", "v1.4", "v2", "latest"], "^1", "v1.4.9"),
        (["v1", "v1.4", "1"], "^1", None),  # moving tags
        (["v1.49.0", "v1"], "*", "v1.49.0"),
        (["refs/tags/v1.0.0", "refs/tags/v1.1.0"], "1", "refs/tags/v1.1.0"),
        (["web-1.2.3", "release/1.2.3", "1.2.3.4", "v1.2.3-", "v01.2.3", "vv1.2.3", "1.2.3\n"], "*", None),
        (["1.0.0-rc.1", "0.9.0"], "*", "0.9.0"),
        (["1.0.0-rc.2", "1.0.0-rc.10", "1.0.0-alpha"], ">=1.0.0-0", "1.0.0-rc.10"),
        (["V1.0.0", "v1.0.0", "1.0.0"], "1", "1.0.0"),
        (["V1.0.0", "v1.0.0"], "1", "v1.0.0"),
        (["1.0.0+b", "v1.0.0"], "1", "v1.0.0"),
        (["1.0.0+a", "1.0.0+b"], "1", "1.0.0+b"),
        (["v" + "9" * 30 + ".0.0", "v1.0.0"], "*", "v1.0.0"),
        ([], "*", None),
    ],
)
def test_the_highest_tag_is_chosen_whatever_their_order(tags: list[str], wanted: str, chosen: str | None) -> None:
    for order in itertools.islice(itertools.permutations(tags), 24):
        assert highest(order, wanted) == chosen


def test_no_tag_in_the_range_is_an_error_that_names_what_is_there() -> None:
    error = none_satisfies("https://host.test/web", ["v1.2.0", "v1.10.0", "v2"], "^3")
    assert isinstance(error, RemoteError) and error.code == "E-UPSTREAM-VERSION"
    assert error.message == "https://host.test/web has no tag in the range: ^3"
    assert error.hint == "the highest versions there: v1.10.0, v1.2.0"
    assert "in full" in none_satisfies("https://host.test/web", ["v1"], "^3").hint


ORDER = (
    "1.0.0-0 1.0.0-2 1.0.0-11 1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-beta 1.0.0-beta.2 1.0.0-beta.11 1.0.0"
)


def test_versions_are_ordered_as_the_standard_says() -> None:
    for lower, higher in itertools.combinations(ORDER.split(), 2):
        assert highest([higher, lower], ">=1.0.0-0") == higher
        assert fits(f"<{higher} >=1.0.0-0", lower, higher) == [lower]
        assert fits(f">{lower}", lower, higher) == [higher]
        assert fits(f"<={lower} >=1.0.0-0", lower, higher) == [lower]
