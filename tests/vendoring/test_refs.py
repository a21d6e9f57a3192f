"""What is followed: branches, tags, commits, HEAD and ranges of versions, and what a run makes of each."""

from __future__ import annotations

import pytest
from tests.vendoring.vendored import Vendored, told

from directional_sync.model.lifecycle import Outcome
from directional_sync.testing.upstreams import Upstream


def test_P02_a_second_run_asks_each_upstream_once_and_rewrites_nothing(small: Vendored) -> None:
    small.sync()
    small.rest()
    assert small.server.count(command="ls-refs") == 2


def test_P03_an_advanced_branch_is_one_commit_that_says_from_where_to_where(small: Vendored, web: Upstream) -> None:
    small.sync()
    old, commits = web.head(), small.project.commits()
    for number in range(3):
        web.commit({"README.md": b"%d\n" % number})
    record = small.sync()
    assert small.project.commits() == commits + 1
    message = small.project.git("show", "-s", "--format=%B", record.commit)
    assert f"web {old[:12]}..{web.head()[:12]}" in message and "crm" not in message
    changed = small.project.git("diff", "--name-only", "HEAD^").splitlines()
    assert changed == ["sync.lock", "vendor/web/README.md"]
    assert small.lock()["web"]["commit"] == web.head()
    small.rest()


REFS = {
    "branch": ("18.0", "branch", True),
    "full name of a branch": ("refs/heads/18.0", "branch", True),
    "tag": ("v1.0.0", "tag", False),
    "annotated tag": ("v2.0.0", "tag", False),
    "full name of a tag": ("refs/tags/v1.0.0", "tag", False),
    "pull request": ("refs/pull/7/head", "ref", False),
    "commit": ("commit", "commit", False),
    "nothing": ("", "branch", True),
}


@pytest.mark.parametrize("what", REFS)
def test_P11_every_way_to_name_what_is_wanted(small: Vendored, web: Upstream, what: str) -> None:
    """An id need not be at the tip of anything."""
    ref, kind, moves = REFS[what]
    for number in range(2):
        web.commit({"README.md": b"%d\n" % number})
    web.tag("v1.0.0", "18.0~1")
    web.tag("v2.0.0", "18.0~1", annotated=True)
    web.git("update-ref", "refs/pull/7/head", "18.0~1")
    first = web.head() if moves else web.git("rev-parse", "18.0~1")
    ref = first if ref == "commit" else ref
    small.configure(names=["web"], ref=ref)
    small.sync()
    locked = small.lock()["web"]
    assert (locked["commit"], locked["kind"], locked["asked"]) == (first, kind, ref or "HEAD")
    assert small.tree("web") == web.tree(first)
    small.rest()
    second = web.commit({"README.md": b"later\n"})
    assert small.sync().outcome is (Outcome.SYNCED if moves else Outcome.IN_SYNC)
    assert small.lock()["web"]["commit"] == (second if moves else first)


@pytest.mark.parametrize(
    ("ref", "code"),
    [("v9", "E-UPSTREAM-REF"), ("refs/heads/gone", "E-UPSTREAM-REF"), ("1" * 40, "E-UPSTREAM-COMMIT-GONE")],
)
def test_P07_P11_what_was_never_there_fails_for_that_one_alone(small: Vendored, ref: str, code: str) -> None:
    small.configure(repositories={"web": {"ref": ref}})
    record = small.try_()
    assert record.outcome is Outcome.FAILED and code in told(record), told(record)
    assert set(small.lock()) == {"crm"} and small.files("web") == {} and small.files("crm")


def test_P09_a_default_branch_that_was_renamed_is_followed_and_told(small: Vendored, web: Upstream) -> None:
    small.configure(ref=None)
    small.sync()
    web.git("update-ref", "refs/heads/main", "18.0")
    web.git("symbolic-ref", "HEAD", "refs/heads/main")
    web.commit({"README.md": b"on main\n"}, branch="main")
    record = small.sync()
    assert "default branch of web is now main, it was 18.0" in told(record)
    assert small.files("web")["README.md"] == "on main" and small.lock()["web"]["ref"] == "refs/heads/main"
    small.rest()


# Ranges


@pytest.fixture
def ranged(small: Vendored, web: Upstream) -> Vendored:
    """`web` by the range ^1.2, with versions and two tags that are none."""
    release(web, "1.2.0")
    release(web, "1.3.0")
    web.tag("v1")
    web.tag("latest")
    small.configure(names=["web"], ref=None, version="^1.2")
    small.sync()
    assert small.lock()["web"]["ref"] == "refs/tags/v1.3.0"
    return small


def release(upstream: Upstream, version: str, prefix: str = "v") -> str:
    commit = upstream.commit({"VERSION": version.encode()}, f"Release {version}")
    upstream.tag(f"{prefix}{version}")
    return commit


def test_P49_a_new_release_in_the_range_is_taken_and_nothing_else(ranged: Vendored, web: Upstream) -> None:
    ranged.rest()
    for outside in ("2.0.0", "1.5.0-rc.1"):
        release(web, outside)
    web.tag("v1")  # moves with every release
    ranged.rest()
    release(web, "1.4.0")
    ranged.sync()
    assert ranged.files("web")["VERSION"] == "1.4.0"
    locked = ranged.lock()["web"]
    assert (locked["ref"], locked["kind"], locked["asked"]) == ("refs/tags/v1.4.0", "version", "^1.2")


def test_P49_a_release_that_was_withdrawn_is_not_answered_by_going_back(ranged: Vendored, web: Upstream) -> None:
    web.delete("refs/tags/v1.3.0")
    before = ranged.project.head
    record = ranged.try_()
    assert record.outcome is Outcome.REFUSED and "E-UPSTREAM-REF-VANISHED" in told(record), told(record)
    assert ranged.project.head == before
    release(web, "1.3.1")  # what was withdrawn has a successor: that is an update like any other
    ranged.sync()
    assert ranged.files("web")["VERSION"] == "1.3.1"


def test_P04_the_tag_of_a_version_that_moved_is_refused(ranged: Vendored, web: Upstream) -> None:
    web.commit({"VERSION": b"not what was released"})
    web.tag("v1.3.0")
    record = ranged.try_()
    assert "E-UPSTREAM-TAG-MOVED" in told(record) and ranged.files("web")["VERSION"] == "1.3.0"


def test_P49_a_range_that_nothing_satisfies_names_what_is_there(ranged: Vendored) -> None:
    before = ranged.files("web")
    ranged.configure(names=["web"], version="^7")
    record = ranged.try_()
    assert record.failure is not None and record.failure.code == "E-UPSTREAM-VERSION"
    assert "v1.3.0" in record.failure.hint and ranged.files("web") == before


def test_P49_a_narrower_range_goes_back_because_the_file_says_so(ranged: Vendored) -> None:
    ranged.configure(names=["web"], version="~1.2")
    ranged.sync()
    assert ranged.files("web")["VERSION"] == "1.2.0"
    ranged.rest()
