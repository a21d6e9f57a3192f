"""`dsync status` says whose doing it is that the sides differ: moved there, edited here, or asked for otherwise."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from tests.vendoring.vendored import Dsync, Vendored

Act = Callable[[Vendored], object]


def _moved(small: Vendored) -> None:
    small.upstreams["web"].commit({"README.md": b"newer\n"})


def _edited(small: Vendored) -> None:
    small.project.write("vendor/web/LICENSE", "mine\n")
    small.project.commit("Edit")


def _added(small: Vendored) -> None:
    small.project.write("vendor/web/mine.txt", "mine\n")
    small.project.commit("Add")


def _configured(small: Vendored) -> None:
    small.configure(repositories={"web": {"exclude": ["doc/**"]}})


def _named(small: Vendored) -> None:
    small.add("dms", {"README.md": b"dms\n"})
    small.configure()


def _gone(small: Vendored) -> None:
    small.configure(names=["crm"])


def _merged(small: Vendored) -> None:
    small.upstreams["web"].git("update-ref", "refs/pull/7/head", "18.0")
    small.configure(repositories={"web": {"merge": ["refs/pull/7/head"]}})


def _refd(small: Vendored) -> None:
    small.upstreams["web"].tag("v1.0.0")
    small.configure(repositories={"web": {"ref": "v1.0.0"}})


MOVED, EDITED, CONFIGURED, ORPHANS = "remote_moved", "edited_here", "config_changed", "orphans"
CASES: dict[str, tuple[list[Act], dict[str, list[str]], tuple[str, ...]]] = {
    "nothing": ([], {}, ("yes", "none")),
    "remote moved": ([_moved], {MOVED: ["web"]}, ("remote moved: web",)),
    "edited here": ([_edited], {EDITED: ["vendor/web/LICENSE"]}, ("edited here: 1",)),
    "added here": ([_added], {EDITED: ["vendor/web/mine.txt"]}, ("edited here: 1",)),
    "config changed": ([_configured], {CONFIGURED: ["web"]}, ("config changed: web",)),
    "a new name": ([_named], {CONFIGURED: ["dms"]}, ("config changed: dms",)),
    "a merge asked for": ([_merged], {CONFIGURED: ["web"]}, ("config changed: web",)),
    "another ref": ([_refd], {CONFIGURED: ["web"]}, ("config changed: web",)),
    "a name gone": ([_gone], {ORPHANS: ["web"]}, ("no longer in the file: web", "dsync prune oca")),
    "moved and edited": (
        [_moved, _edited],
        {MOVED: ["web"], EDITED: ["vendor/web/LICENSE"]},
        ("remote moved: web", "edited here: 1"),
    ),
    "all at once": (
        [_moved, _edited, _configured],
        {CONFIGURED: ["web"], EDITED: ["vendor/web/LICENSE"]},
        ("config changed: web", "edited here: 1"),
    ),
}


@pytest.mark.parametrize("what", CASES)
def test_status_tells_apart_whose_doing_it_is(small: Vendored, dsync: Dsync, what: str) -> None:
    acts, expected, words = CASES[what]
    small.sync()
    for act in acts:
        act(small)
    before = (small.project.head, small.stamps())
    [row] = json.loads(dsync("status", "--json").out)["targets"]
    assert {key: row[key] for key in (MOVED, EDITED, CONFIGURED, ORPHANS) if row[key]} == expected
    text = dsync("status").text
    for word in words:
        assert word in text, text
    for word in {"remote moved", "edited here", "config changed", "no longer in the file"}:
        assert (word in text) is any(word in said for said in words), text
    assert (small.project.head, small.stamps()) == before


@pytest.mark.parametrize(("acts", "status"), [([], 0), ([_moved], 5), ([_edited], 5), ([_configured], 5)])
def test_status_check_is_for_scripts(small: Vendored, dsync: Dsync, acts: list[Act], status: int) -> None:
    small.sync()
    for act in acts:
        act(small)
    assert dsync("status", "--check").status == status


def test_an_upstream_that_cannot_be_asked_is_not_in_sync(small: Vendored, dsync: Dsync) -> None:
    small.sync()
    small.upstreams["web"].path.rename(small.upstreams["web"].path.with_name("away"))
    [row] = json.loads(dsync("status", "--json").out)["targets"]
    assert row["in_sync"] is None and "there is no repository at" in row["message"]
    assert dsync("status", "--check").status == 1


def test_before_the_first_sync_everything_is_asked_for(small: Vendored, dsync: Dsync) -> None:
    [row] = json.loads(dsync("status", "--json").out)["targets"]
    assert row["in_sync"] is False and row[CONFIGURED] == ["crm", "web"] and row["repo"] == 14


def test_the_plan_names_what_moved_and_by_how_much(small: Vendored, dsync: Dsync) -> None:
    small.sync()
    old = small.lock()["web"]["commit"]
    _moved(small)
    said = dsync("plan")
    assert said.status == 0 and "vendor/web/README.md" in said.text
    assert f"{old[:7]}..{small.upstreams['web'].head()[:7]}" in said.text and "crm" not in said.text
    [result] = json.loads(dsync("plan", "--json").out)["results"]
    assert {source["name"]: source["commit"] for source in result["sources"]} == {
        name: upstream.head() for name, upstream in small.upstreams.items()
    }
