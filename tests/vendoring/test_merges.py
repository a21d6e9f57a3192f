"""Several refs as one tree (P43): merged in order, conflicts that stop one only, pull requests that ended."""

from __future__ import annotations

import json
import shutil

import pytest
from tests.vendoring.api import Api
from tests.vendoring.vendored import Dsync, Vendored, told

from directional_sync.model.lifecycle import Outcome
from directional_sync.testing.upstreams import Content, Upstream

GUIDE = ["one", "two", "three", "four", "five", "six", "seven", "eight"]


def guide(**words: str) -> bytes:
    return "".join(f"{words.get(word, word)}\n" for word in GUIDE).encode()


def propose(upstream: Upstream, number: int, changes: dict[str, Content]) -> str:
    """A pull request with one commit; answers its ref."""
    upstream.commit(changes, f"Propose {number}", branch=f"pr-{number}", onto="18.0")
    upstream.git("update-ref", f"refs/pull/{number}/head", f"refs/heads/pr-{number}")
    upstream.delete(f"refs/heads/pr-{number}")
    return f"refs/pull/{number}/head"


def merging(small: Vendored, *refs: str) -> None:
    small.configure(repositories={"web": {"merge": list(refs)}})


def test_P43_pull_requests_are_merged_onto_the_branch_and_follow_it(small: Vendored, web: Upstream) -> None:
    refs = [propose(web, 1, {"doc/guide.md": guide(one="ONE")}), propose(web, 2, {"new.txt": b"new\n"})]
    merging(small, *refs)
    small.sync()
    assert small.files("web")["doc/guide.md"].startswith("ONE") and small.files("web")["new.txt"] == "new"
    locked = small.lock()["web"]
    assert [part["ref"] for part in locked["merged"]] == refs and locked["merge"]
    assert "merged" not in small.lock()["crm"]
    small.rest()
    web.commit({"doc/guide.md": guide(eight="EIGHT")})
    small.sync()
    assert small.files("web")["doc/guide.md"] == guide(one="ONE", eight="EIGHT").decode().strip()
    tip = web.git("rev-parse", refs[1])
    web.commit({"new.txt": b"newer\n"}, branch="x", onto=tip)
    web.git("update-ref", refs[1], "refs/heads/x")
    small.sync()
    assert small.files("web")["new.txt"] == "newer", "a pull request that goes on"
    small.rest()


def test_P43_the_same_inputs_make_the_same_commit(small: Vendored, web: Upstream) -> None:
    ref = propose(web, 1, {"doc/guide.md": guide(one="ONE")})
    web.commit({"doc/guide.md": guide(eight="EIGHT")})
    merging(small, ref)
    small.sync()
    first = small.lock()["web"]
    small.project.git("reset", "-q", "--hard", "HEAD^")
    shutil.rmtree(small.project.root / ".git/directional-sync")
    small.project.git("update-ref", "-d", "refs/directional-sync/base/oca")
    small.sync()
    assert small.lock()["web"] == first


def test_P43_a_conflict_stops_that_one_and_the_next_run_works(small: Vendored, web: Upstream, dsync: Dsync) -> None:
    small.sync()
    ref = propose(web, 1, {"doc/guide.md": guide(two="PR")})
    web.commit({"doc/guide.md": guide(two="BRANCH")})
    small.first.commit({"README.md": b"newer\n"})
    merging(small, ref)
    before = small.tree("web")
    said = dsync("run")
    assert said.status == 1 and "E-MERGE-CONFLICT" in said.text and "doc/guide.md" in said.text, said
    assert small.tree("web") == before and small.files("crm")["README.md"] == "newer"
    assert "<<<<<<<" not in json.dumps(small.files("web"))
    assert small.project.clean()
    fixed = web.commit({"doc/guide.md": guide(two="BRANCH", eight="PR")}, branch="fixed", onto="18.0")
    web.git("update-ref", ref, fixed)
    assert dsync("run").status == 0
    assert small.files("web")["doc/guide.md"] == guide(two="BRANCH", eight="PR").decode().strip()
    small.rest()


def test_P43_what_upstream_has_merged_is_told_and_changes_nothing_else(small: Vendored, web: Upstream) -> None:
    ref = propose(web, 1, {"new.txt": b"new\n"})
    merging(small, ref)
    small.sync()
    web.reset(ref)
    record = small.sync()
    assert "pull/1/head brings nothing any more" in told(record) and "take it out of `merge`" in told(record)
    assert small.tree("web") == web.tree()
    merging(small)
    assert small.sync().plan is not None and small.tree("web") == web.tree() and "merged" not in small.lock()["web"]


STATES = {
    "open": ({"state": "open", "merged": False, "merged_at": None}, ""),
    "merged": ({"state": "closed", "merged": True, "merged_at": "2025-01-01T00:00:00Z"}, "is merged upstream"),
    "closed": ({"state": "closed", "merged": False, "merged_at": None}, "is closed upstream"),
    "not told": (None, ""),
    "rate limit": ({"message": "API rate limit exceeded"}, ""),
}


@pytest.mark.parametrize("what", STATES)
def test_P43_the_state_of_a_pull_request_is_asked_where_the_file_says(
    small: Vendored, web: Upstream, api: Api, what: str
) -> None:
    answer, says = STATES[what]
    ref = propose(web, 7, {"new.txt": b"new\n"})
    api.answers["/repos/OCA/web/pulls/7"] = answer
    small.configure(repositories={"web": {"merge": [ref]}}, pull_requests=api.url("/repos/OCA/{name}/pulls/{number}"))
    for _ in range(2):  # told again, and no change by itself
        record = small.sync()
        assert (says in told(record)) if says else ("upstream; take it out" not in told(record)), told(record)
    assert record.outcome is Outcome.IN_SYNC and small.files("web")["new.txt"] == "new"


def test_P07_P43_a_pull_request_that_is_gone_is_named(small: Vendored, web: Upstream, dsync: Dsync) -> None:
    refs = [propose(web, 1, {"new.txt": b"new\n"}), propose(web, 2, {"two.txt": b"2\n"})]
    merging(small, *refs)
    small.sync()
    tip = web.git("rev-parse", refs[1])
    web.delete(refs[1])
    record = small.try_()
    assert f"web has no {refs[1]} any more; {tip[:10]} was taken from it" in told(record), told(record)
    assert "E-UPSTREAM-REF-VANISHED" in told(record) and small.files("web")["two.txt"] == "2"
    assert dsync("run", "--accept-vanished-ref", "web").status == 0
    assert small.files("web")["two.txt"] == "2"


def test_P43_a_pull_request_that_never_was_is_no_vanished_one(small: Vendored) -> None:
    small.sync()
    merging(small, "refs/pull/404/head")
    record = small.try_()
    assert "E-UPSTREAM-REF:" in told(record) and "refs/pull/404/head" in told(record), told(record)
    assert "any more" not in told(record)


def test_P43_taking_a_ref_out_takes_its_change_out(small: Vendored, web: Upstream) -> None:
    refs = [propose(web, 1, {"one.txt": b"1\n"}), propose(web, 2, {"two.txt": b"2\n"})]
    merging(small, *refs)
    small.sync()
    merging(small, refs[1])
    small.sync()
    assert "one.txt" not in small.files("web") and small.files("web")["two.txt"] == "2"
    small.rest()


def test_P43_locked_makes_the_same_merge_again(small: Vendored, web: Upstream) -> None:
    ref = propose(web, 1, {"new.txt": b"new\n"})
    web.commit({"README.md": b"newer\n"})
    merging(small, ref)
    small.sync()
    locked, tree = small.lock(), small.tree("web")
    old = small.project.head
    web.commit({"README.md": b"newest\n"})
    small.sync()
    small.project.git("checkout", "-q", old, "--", "sync.lock")
    small.project.commit("Back")
    shutil.rmtree(small.project.root / ".git/directional-sync/cache")
    small.sync(locked=True)
    assert small.lock() == locked and small.tree("web") == tree
