"""What of an upstream is taken, and what a change of that in the file does to what was vendored before."""

from __future__ import annotations

from typing import Any

import pytest
from tests.vendoring.conftest import FILES
from tests.vendoring.vendored import Dsync, Vendored, told

from directional_sync.model.lifecycle import Outcome
from directional_sync.testing.upstreams import Upstream

ALL = {*FILES, "NAME"}
BOTH = {"repositories": {"web": {"paths": ["sale_*/**"], "exclude": ["**/run.sh"]}}}

CHANGES: dict[str, tuple[dict[str, Any], set[str]]] = {
    "subdir": ({"subdir": "sale_a"}, {"__init__.py", "run.sh"}),
    "paths": ({"paths": ["sale_*/**", "LICENSE"]}, {path for path in ALL if path.startswith(("sale_", "LIC"))}),
    "exclude": ({"exclude": ["doc/**", "NAME"]}, ALL - {"doc/guide.md", "NAME"}),
    "rename": (
        {"rename": {"README.md": "UPSTREAM.md", "doc": "docs"}},
        {"UPSTREAM.md", "docs/guide.md"} | ALL - {"README.md", "doc/guide.md"},
    ),
    "paths of one": (BOTH, {"sale_a/__init__.py", "sale_b/__init__.py"}),
    "all at once": ({"subdir": "sale_a", "exclude": ["*.py"], "rename": {"run.sh": "bin/go"}}, {"bin/go"}),
}


@pytest.mark.parametrize("what", CHANGES)
def test_P40_what_left_the_selection_is_removed_as_part_of_a_shown_plan(small: Vendored, what: str) -> None:
    change, left = CHANGES[what]
    small.sync()
    small.configure(**change)
    [row] = small.status().rows
    assert "web" in row.why.configured and not row.why.moved and not row.why.edited
    plan = small.project.plan(allow_delete=99).records[0].plan
    assert plan is not None
    planned = {item.key.removeprefix("vendor/web/") for item in plan.repo if item.key.startswith("vendor/web/")}
    assert planned == ALL ^ left and set(small.files("web")) == ALL
    small.sync(allow_delete=99)
    assert set(small.files("web")) == left
    assert small.lock()["web"]["recipe"].startswith("view:") and small.lock()["web"]["tree"] == small.tree("web")
    if what == "paths of one":
        assert set(small.files("crm")) == ALL and "recipe" not in small.lock()["crm"]
    small.rest()
    small.configure(**dict.fromkeys(change))
    small.sync()
    assert small.tree("web") == small.upstreams["web"].tree(), "and back"


@pytest.mark.parametrize("what", ["paths", "subdir", "rename"])
def test_P40_updates_go_on_within_the_selection(small: Vendored, web: Upstream, what: str) -> None:
    small.configure(**CHANGES[what][0])
    small.sync()
    before = set(small.files("web"))
    web.commit({"sale_a/new.py": b"new\n", "sale_b/__init__.py": None, "sale_a/run.sh": None})
    small.sync()
    after = set(small.files("web"))
    assert {path.removeprefix("sale_a/") for path in after - before} == {"new.py"}
    assert {path for path in before - after if path.endswith("run.sh")}
    small.rest()


def test_P40_what_changes_outside_the_selection_changes_the_lock_alone(small: Vendored, web: Upstream) -> None:
    small.configure(paths=["sale_*/**"])
    small.sync()
    web.commit({"README.md": b"newer\n"})
    record = small.sync()
    assert small.project.git("diff", "--name-only", f"{record.commit}^").splitlines() == ["sync.lock"]
    assert small.lock()["web"]["commit"] == web.head()
    small.rest()


EMPTIED: dict[str, tuple[dict[str, Any], str]] = {
    "paths that match nothing": ({"paths": ["purchase_*/**"]}, "E-VIEW-EMPTY"),
    "everything excluded": ({"exclude": ["**"]}, "E-VIEW-EMPTY"),
    "no such folder": ({"subdir": "sale_c"}, "E-VIEW-SUBDIR"),
    "nothing to rename": ({"rename": {"READ.md": "x"}}, "E-VIEW-RENAME"),
    "renamed onto another": ({"rename": {"README.md": "LICENSE"}}, "E-VIEW-RENAME"),
    "too large": ({"max_size": 20}, "E-VIEW-SIZE"),
}


@pytest.mark.parametrize("what", EMPTIED)
def test_P40_a_selection_that_cannot_be_meant_changes_nothing(small: Vendored, what: str) -> None:
    change, code = EMPTIED[what]
    small.sync()
    before = small.tree("web")
    small.configure(repositories={"web": change})
    record = small.try_()
    assert record.outcome is Outcome.FAILED and code in told(record), told(record)
    assert small.tree("web") == before
    small.first.commit({"README.md": b"newer\n"})
    assert not small.try_().success and small.files("crm")["README.md"] == "newer"


def test_P40_a_folder_that_upstream_renamed_is_no_wish_to_delete_everything(small: Vendored, web: Upstream) -> None:
    small.configure(subdir="sale_a")
    small.sync()
    before = small.tree("web")
    web.commit({"sale_a": None, "sales/__init__.py": b"moved\n"})
    record = small.try_()
    assert "E-VIEW-SUBDIR" in told(record) and small.tree("web") == before


@pytest.mark.parametrize(("how", "left"), [("keep", True), ("skip", False), ("refuse", None)])
def test_P24_symlinks_change_after_the_first_sync(small: Vendored, web: Upstream, how: str, left: bool | None) -> None:
    web.commit({"doc/link": ("120000", b"guide.md")})
    small.sync()
    assert (small.project.root / "vendor/web/doc/link").is_symlink()
    small.configure(symlinks=how)
    record = small.try_()
    if left is None:
        assert "E-VIEW-LINK" in told(record) and "doc/link" in told(record)
        assert (small.project.root / "vendor/web/doc/link").is_symlink()
        return
    assert record.success
    assert (small.project.root / "vendor/web/doc/link").is_symlink() is left
    assert (record.outcome is Outcome.IN_SYNC) is (how == "keep")


def test_P40_moving_the_folder_moves_the_files(small: Vendored) -> None:
    small.sync()
    before = small.tree("web")
    small.configure(repositories={"web": {"into": "vendor/deep/web"}})
    small.sync(allow_delete=99)
    assert small.files("web") == {} and small.project.git("rev-parse", "HEAD:vendor/deep/web") == before
    small.rest()


def test_P40_many_files_that_would_go_need_a_word(small: Vendored, dsync: Dsync) -> None:
    small.sync()
    small.configure(paths=["sale_a/**"])
    said = dsync("run")
    assert said.status == 6 and "E-GUARD-DELETE" in said.text and "--allow-delete 10" in said.text, said
    assert set(small.files("web")) == ALL
    assert dsync("run", "--allow-delete", "10").status == 0
    assert set(small.files("web")) == {"sale_a/__init__.py", "sale_a/run.sh"}


def test_P40_an_edited_file_that_leaves_the_selection_stays(small: Vendored) -> None:
    small.sync()
    small.project.write("vendor/web/doc/guide.md", "mine\n")
    small.project.commit("Edit")
    small.configure(exclude=["doc/**"])
    record = small.sync()
    assert small.files("web")["doc/guide.md"] == "mine" and "doc/guide.md" not in small.files("crm")
    assert "vendor/web/doc/guide.md" in told(record)
