"""F67, F68, F69: what an upstream does that nobody expects: refused under its own code, and taken once a person has
accepted it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from tests.vendoring.conftest import FILES
from tests.vendoring.vendored import Dsync, Vendored, told

from directional_sync.model.lifecycle import Outcome
from directional_sync.testing.git_server import Fault
from directional_sync.testing.upstreams import Upstream

Happens = Callable[[Vendored, str], None]


@dataclass(frozen=True)
class Case:
    option: str
    code: str
    happens: Happens
    ref: str | None
    """What the file asks for."""
    says: tuple[str, ...]
    taken: str
    """What README.md is once it was accepted."""


def _rewritten(small: Vendored, name: str) -> None:
    small.upstreams[name].commit({"README.md": b"instead\n"}, onto="18.0~1")


def _moved_tag(small: Vendored, name: str) -> None:
    small.upstreams[name].commit({"README.md": b"retagged\n"})
    small.upstreams[name].tag("v1.0.0")


def _vanished(small: Vendored, name: str) -> None:
    small.upstreams[name].delete("refs/heads/18.0")


def _other_default(small: Vendored, name: str) -> None:
    upstream = small.upstreams[name]
    upstream.commit({**FILES, "README.md": b"other\n"}, branch="other", onto="")
    upstream.git("symbolic-ref", "HEAD", "refs/heads/other")


def _moved_away(small: Vendored, name: str) -> None:
    new = f"new-{name}"
    if not (small.upstreams[name].path.parent / f"{new}.git").exists():
        small.upstreams[name].path.rename(small.upstreams[name].path.parent / f"{new}.git")
    small.server.fault(name, Fault(redirect=small.server.url(new)))


CASES = {
    "rewritten branch": Case(
        "accept_rewrite", "E-UPSTREAM-REWRITE", _rewritten, "18.0", ("{old}", "{new}", "dropped: {old7}"), "instead"
    ),
    "moved tag": Case("accept_moved_tag", "E-UPSTREAM-TAG-MOVED", _moved_tag, "v1.0.0", ("{old}", "{new}"), "retagged"),
    "vanished branch": Case(
        "accept_vanished_ref", "E-UPSTREAM-REF-VANISHED", _vanished, "18.0", ("no 18.0 any more", "{old}"), "second"
    ),
    "other default branch": Case(
        "accept_default_branch", "E-UPSTREAM-DEFAULT-BRANCH", _other_default, None, ("now other, it was 18.0",), "other"
    ),
    "moved repository": Case(
        "accept_moved_repository", "E-UPSTREAM-MOVED", _moved_away, "18.0", ("/new-web.git",), "second"
    ),
}
"""P04, P05, P07, P09, P08."""


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


@pytest.fixture
def surprised(small: Vendored, case: Case) -> Vendored:
    """Synced, and then the same happened to both upstreams; nothing was accepted."""
    for upstream in small.upstreams.values():
        upstream.commit({"README.md": b"second\n"})
        upstream.tag("v1.0.0")
    small.configure(ref=case.ref)
    small.sync()
    for name in small.upstreams:
        case.happens(small, name)
    return small


def told_of(case: Case, small: Vendored, name: str, said: str) -> None:
    old = small.lock()[name]["commit"]
    ref = case.ref if case.option != "accept_vanished_ref" else None
    new = small.upstreams[name].git("rev-parse", f"{ref}^0", check=False) if ref else ""
    for words in case.says:
        assert words.format(old=old[:10], new=new[:10], old7=old[:7]) in said, said


def taken(small: Vendored) -> dict[str, str]:
    return {name: small.files(name)["README.md"] for name in small.upstreams}


def test_P04_P05_P07_P08_P09_nothing_unexpected_is_taken(surprised: Vendored, case: Case) -> None:
    before = (surprised.project.head, surprised.stamps())
    for _ in range(2):  # a second look is no consent
        record = surprised.try_()
        assert not record.success and case.code in told(record)
    told_of(case, surprised, "web", told(record))
    assert record.failure is not None and record.failure.kept and case.option.replace("_", "-") in told(record)
    assert (surprised.project.head, surprised.stamps()) == before


def test_accepted_once_by_name_for_that_one_alone(surprised: Vendored, case: Case, dsync: Dsync) -> None:
    option = "--" + case.option.replace("_", "-")
    said = dsync("run", option, "web")
    assert said.status == 1 and case.code in said.text, said
    assert taken(surprised) == {"crm": "second", "web": case.taken}
    assert surprised.lock()["crm"]["commit"] != ""
    said = dsync("run", option, "c*")
    assert said.status == (1 if case.option in LASTING else 0), said
    assert taken(surprised) == {"crm": case.taken, "web": case.taken}


LASTING = ("accept_vanished_ref", "accept_moved_repository")
"""Where the file has to change in the end: until then every run is told again."""


@pytest.mark.parametrize("where", ["for all", "for one"])
def test_accepted_by_the_file(surprised: Vendored, case: Case, where: str) -> None:
    said: dict[str, Any] = {case.option: True}
    surprised.configure(**said if where == "for all" else {"repositories": {"web": said}})
    record = surprised.try_()
    both = where == "for all"
    assert record.success is both, told(record)
    assert taken(surprised) == {"crm": case.taken if both else "second", "web": case.taken}
    if both:
        assert "accepted" in told(record)
        surprised.rest()
    else:
        assert case.code in told(record) and "crm" in told(record)


def test_accepting_one_surprise_accepts_no_other(surprised: Vendored, case: Case) -> None:
    others = {other.option: True for other in CASES.values() if other is not case}
    surprised.configure(**others)
    record = surprised.try_()
    assert not record.success and case.code in told(record)
    assert set(taken(surprised).values()) == {"second"}


def test_P04_P05_other_upstreams_go_on_meanwhile(small: Vendored, web: Upstream) -> None:
    small.sync()
    web.commit({"README.md": b"instead\n"}, onto="")
    small.first.commit({"README.md": b"newer\n"})
    record = small.try_()
    assert record.outcome is Outcome.FAILED and "E-UPSTREAM-REWRITE" in told(record)
    assert "web: dropped: " in told(record) and "to accept it once: --accept-rewrite web" in told(record)
    assert taken(small) == {"crm": "newer", "web": "# Modules"}


def test_P05_what_was_accepted_once_is_the_new_base(small: Vendored, web: Upstream, dsync: Dsync) -> None:
    small.sync()
    web.commit({"README.md": b"instead\n"}, onto="")
    assert dsync("run", "--accept-rewrite", "web").status == 0
    small.rest()
    web.commit({"README.md": b"once more\n"}, onto="")
    assert dsync("run").status != 0, "accepted once is not accepted for ever"


def test_P06_P07_a_branch_that_comes_back_is_followed_again(small: Vendored, web: Upstream) -> None:
    small.sync()
    web.git("update-ref", "refs/heads/kept", "18.0")
    web.delete("refs/heads/18.0")
    assert not small.try_().success
    web.git("update-ref", "refs/heads/18.0", "refs/heads/kept")
    web.commit({"README.md": b"back\n"})
    small.sync()
    assert taken(small)["web"] == "back"


# F67


def test_F67_what_was_taken_outlives_its_upstream(small: Vendored, web: Upstream, dsync: Dsync) -> None:
    """The old commit is nowhere upstream any more: what it held stays, in the branch and under our own ref, and by the
    lock it is still to be had."""
    small.sync()
    old, locked = small.tree("web"), small.lock()["web"]["commit"]
    web.commit({**FILES, "README.md": b"instead\n"}, onto="")
    web.git("reflog", "expire", "--expire=now", "--all")
    web.git("gc", "-q", "--prune=now")
    assert web.git("cat-file", "-t", locked, check=False) == ""
    said = dsync("run")
    assert said.status == 1 and "E-UPSTREAM-REWRITE" in said.text and locked[:10] in said.text
    assert small.tree("web") == old
    assert small.project.git("rev-parse", "refs/directional-sync/base/oca:vendor/web") == old
    small.project.git("rm", "-rq", "--cached", "vendor/web")
    small.project.git("checkout", "-q", "HEAD", "--", "vendor/web")
    assert dsync("run", "--locked").status == 0
    assert dsync("run", "--accept-rewrite", "web").status == 0 and taken(small)["web"] == "instead"
    assert dsync("undo", "--yes").status == 0 and small.tree("web") == old and small.project.fsck() == ""


# F70


@pytest.mark.parametrize("what", ["all of it", "the wanted folder"])
def test_F70_what_vanished_upstream_is_not_deleted_here_without_a_word(
    small: Vendored, web: Upstream, dsync: Dsync, what: str
) -> None:
    folder = "sale_a/" if what == "the wanted folder" else ""
    if folder:
        small.configure(repositories={"web": {"subdir": "sale_a"}})
    small.sync()
    before = (small.tree("web"), small.lock()["web"])
    paths = web.git("ls-tree", "-r", "--name-only", "18.0").splitlines()
    web.commit({path: None for path in paths if path.startswith(folder)}, "Remove")
    small.first.commit({"README.md": b"newer\n"})
    record = small.try_()
    assert not record.success and ("E-VIEW-SUBDIR" if folder else "E-GUARD-EMPTIED") in told(record)
    assert (small.tree("web"), small.lock()["web"]) == before and small.project.clean()
    assert small.files("crm")["README.md"] == "newer", "the others go on"
    if not folder:
        assert "all of its 7 entries are gone" in told(record) and "--allow-delete 7" in told(record)
        assert dsync("run", "--allow-delete", "6").status == 6 and small.tree("web") == before[0]
        assert dsync("run", "--allow-delete", "7").status == 0
        assert small.files("web") == {} and small.lock()["web"]["commit"] == web.head()
        small.rest()


def test_F70_what_is_meant_to_be_empty_may_be(small: Vendored, web: Upstream) -> None:
    small.target["policy"] = {"allow_empty": True}
    small.configure()
    small.sync()
    web.commit(dict.fromkeys(web.git("ls-tree", "-r", "--name-only", "18.0").splitlines()), "Remove")
    small.sync()
    assert small.files("web") == {}
