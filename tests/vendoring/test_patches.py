"""Local patches over vendored code: laid again on every update, made from edits, and stopped where they do not fit."""

from __future__ import annotations

import pytest
from tests.vendoring.vendored import Vendored

from directional_sync.model.lifecycle import Outcome
from directional_sync.model.plan import Why


def _edit(vendored: Vendored, text: str = "# ours\n") -> str:
    """An edit at the end of a file of the first upstream; its path below the folder."""
    module = vendored.project.git("ls-files", f"vendor/{vendored.first.name}/*/__manifest__.py").splitlines()[0]
    file = vendored.project.root / module
    file.write_text(file.read_text() + text)
    return module.removeprefix(f"vendor/{vendored.first.name}/")


@pytest.mark.parametrize("committed", [False, True])
def test_an_edit_becomes_a_patch_that_runs_keep(vendored: Vendored, committed: bool) -> None:
    vendored.sync()
    name = vendored.first.name
    path = _edit(vendored)
    if committed:
        vendored.project.commit("Edit what was vendored")
    done = vendored.command("diff", "oca", "--as-patch", "--write")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"patches/{name}/0001-local-edit.patch\n"
    vendored.project.commit("Keep it as a patch")
    edited = vendored.tree(name)
    record = vendored.sync()
    assert not record.plan.repo and not record.plan.held
    assert vendored.lock()[name]["recipe"].startswith("patches:") and vendored.lock()[name]["tree"] == edited
    assert vendored.sync().outcome is Outcome.IN_SYNC

    vendored.first.commit({"README.md": b"moved on\n"})
    assert vendored.sync().outcome is Outcome.SYNCED
    assert vendored.project.git("show", f"HEAD:vendor/{name}/README.md") == "moved on"
    assert vendored.project.git("show", f"HEAD:vendor/{name}/{path}").endswith("# ours")
    assert vendored.command("diff", "oca", "--as-patch").stdout == ""


def test_a_patch_that_does_not_fit_stops_that_repository_only(vendored: Vendored) -> None:
    vendored.sync()
    name = vendored.first.name
    path = _edit(vendored)
    vendored.command("diff", "oca", "--as-patch", "--write")
    vendored.project.commit("Keep it as a patch")
    vendored.sync()
    before = vendored.tree(name)
    vendored.first.commit({path: b"{'name': 'all of it is different'}\n"})
    other = list(vendored.upstreams.values())[1]
    other.commit({"README.md": b"newer\n"})
    record = vendored.try_()
    assert record.outcome is Outcome.FAILED and record.failure is not None
    assert record.failure.code == "E-PATCH-CONFLICT"
    assert "0001-local-edit.patch" in record.failure.message and path in record.failure.message
    assert vendored.tree(name) == before and vendored.tree(other.name) == other.tree()


def test_a_patch_that_is_taken_away_takes_its_change_along(vendored: Vendored) -> None:
    vendored.sync()
    name = vendored.first.name
    _edit(vendored)
    vendored.command("diff", "oca", "--as-patch", "--write")
    vendored.project.commit("Keep it as a patch")
    vendored.sync()
    vendored.project.git("rm", "-q", "-r", "patches")
    vendored.project.commit("Drop the patch")
    vendored.sync()
    assert vendored.tree(name) == vendored.first.tree()
    assert "recipe" not in vendored.lock()[name]


def test_edits_in_two_sources_are_told_apart(vendored: Vendored) -> None:
    vendored.sync()
    for name in list(vendored.upstreams)[:2]:
        vendored.project.write(f"vendor/{name}/README.md", "ours\n")
    done = vendored.command("diff", "oca", "--as-patch")
    assert done.returncode == 3 and all(name in done.stderr for name in list(vendored.upstreams)[:2])
    one = vendored.command("diff", "oca", "--as-patch", "--source", vendored.first.name)
    assert one.returncode == 0 and one.stdout.startswith("diff --git a/README.md b/README.md")


def test_P14_an_edit_that_is_no_patch_is_never_overwritten(vendored: Vendored) -> None:
    vendored.sync()
    name = vendored.first.name
    vendored.project.write(f"vendor/{name}/README.md", "ours\n")
    vendored.project.commit("Edit what was vendored")
    record = vendored.sync()
    assert [item.why for item in record.plan.held] == [Why.EDITED]
    assert (vendored.project.root / f"vendor/{name}/README.md").read_text() == "ours\n"


def test_ignored_files_are_no_edits(vendored: Vendored) -> None:
    vendored.project.write(".gitignore", "*.pyc\n")
    vendored.project.commit()
    vendored.sync()
    vendored.project.write(f"vendor/{vendored.first.name}/x.pyc", b"\0")
    done = vendored.command("diff", "oca", "--as-patch")
    assert done.stdout == "" and "nothing was edited" in done.stderr
