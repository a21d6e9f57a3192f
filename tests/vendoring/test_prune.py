"""What the file no longer names: kept and told, removed only by `dsync prune`, in a commit of nothing else (P38)."""

from __future__ import annotations

import json

import pytest
import yaml
from tests.vendoring.vendored import Dsync, Vendored

from directional_sync.model.lifecycle import Outcome


@pytest.fixture
def orphaned(small: Vendored) -> Vendored:
    """Synced with both; then `web` left the file."""
    small.sync()
    small.configure(names=["crm"])
    return small


def without_target(small: Vendored) -> None:
    """The file names another target instead of `oca`."""
    other = {"direction": "pull", "entrypoint": "scripts/x.sh", "outputs": ["out/**"]}
    small.project.write("scripts/x.sh", "mkdir -p out; echo 1 > out/x\n")
    small.project.configure(yaml.safe_dump({"targets": {"other": other}}))


def committed(small: Vendored) -> dict[str, str]:
    """Path -> letter of what the last commit did to it."""
    lines = small.project.git("diff", "--name-status", "--no-renames", "HEAD^", "HEAD").splitlines()
    return {path: letter for letter, path in (line.split("\t") for line in lines)}


def test_P38_a_run_lists_orphans_and_keeps_them(orphaned: Vendored, dsync: Dsync) -> None:
    before = orphaned.files("web")
    said = dsync("run")
    assert said.status == 0
    assert orphaned.files("web") == before and "web" in orphaned.lock()
    assert "no longer in the file: web" in dsync("status").text
    document = json.loads(dsync("status", "--json").out)
    assert document["targets"][0]["orphans"] == ["web"] and document["targets"][0]["remote_moved"] == []


def test_P38_prune_removes_them_in_a_commit_of_nothing_else(orphaned: Vendored, dsync: Dsync) -> None:
    gone = {f"vendor/web/{path}": "D" for path in orphaned.files("web")}
    crm, commits = orphaned.tree("crm"), orphaned.project.commits()
    orphaned.first.commit({"README.md": b"newer, and not taken by a prune\n"})
    orphaned.server.reset()
    said = dsync("prune")
    assert said.status == 0, said
    assert orphaned.project.commits() == commits + 1
    assert committed(orphaned) == {**gone, "sync.lock": "M"}
    assert set(orphaned.lock()) == {"crm"} and orphaned.tree("crm") == crm
    assert not (orphaned.project.root / "vendor/web").exists() and not orphaned.server.asked
    assert orphaned.project.clean() and "Prune oca" in orphaned.project.git("log", "-1", "--format=%s")
    assert dsync("verify").status == 0
    assert orphaned.sync().outcome is Outcome.SYNCED and orphaned.files("crm")["README.md"].startswith("newer")
    orphaned.rest()


@pytest.mark.parametrize("form", ["--output=text", "--json"])
def test_P38_a_dry_run_shows_and_changes_nothing(orphaned: Vendored, dsync: Dsync, form: str) -> None:
    before = (orphaned.project.head, orphaned.stamps())
    said = dsync("prune", "--dry-run", form)
    assert said.status == 0 and (orphaned.project.head, orphaned.stamps()) == before
    if form == "--json":
        report = json.loads(said.out)
        assert report["dry_run"] is True and report["changes"]["deleted"] == 7
        assert [source["name"] for source in report["results"][0]["sources"]] == ["crm"]
    else:
        assert "- web 18.0" in said.text and "gone -7 files" in said.text and "nothing was written" in said.text
    assert dsync("prune", form).status == 0 and orphaned.files("web") == {}


def test_P38_what_was_edited_here_stays(orphaned: Vendored, dsync: Dsync) -> None:
    orphaned.project.write("vendor/web/README.md", "mine\n")
    orphaned.project.commit("Edit")
    orphaned.project.write("vendor/web/untracked.txt", "mine too\n")
    assert "! vendor/web/README.md left as it is" in dsync("prune", "--dry-run").text
    for _ in range(3):  # however often
        said = dsync("prune")
        assert said.status == 0 and "1 held" in said.text, said
        assert orphaned.files("web") == {"README.md": "mine"}
        assert (orphaned.project.root / "vendor/web/untracked.txt").read_text() == "mine too\n"
        orphaned.sync()


def test_P38_an_edit_that_a_run_has_left_beside_its_commit_stays(orphaned: Vendored, dsync: Dsync) -> None:
    """The commit of that run holds the edit, which does not make it agreed."""
    orphaned.project.write("vendor/web/README.md", "mine\n")
    orphaned.project.commit("Edit")
    orphaned.first.commit({"README.md": b"newer\n"})
    assert orphaned.sync().commit
    assert dsync("prune").status == 0
    assert orphaned.files("web") == {"README.md": "mine"}


def test_P38_an_edit_that_is_not_committed_stays(orphaned: Vendored, dsync: Dsync) -> None:
    orphaned.project.write("vendor/web/README.md", "mine\n")
    said = dsync("prune")
    assert (orphaned.project.root / "vendor/web/README.md").read_text() == "mine\n", said


def test_P38_nothing_to_prune(small: Vendored, dsync: Dsync) -> None:
    small.sync()
    before = (small.project.head, small.stamps())
    said = dsync("prune")
    assert said.status == 0 and (small.project.head, small.stamps()) == before


def test_P38_a_target_that_left_the_file(small: Vendored, dsync: Dsync) -> None:
    small.sync()
    small.project.write("vendor/README.md", "ours, beside\n")
    without_target(small)
    assert dsync("run").status == 0 and small.files("web")
    assert "oca: this target is no longer in the file" in dsync("status").text
    assert json.loads(dsync("status", "--json").out)["departed"] == ["oca"]
    said = dsync("prune", "oca")
    assert said.status == 0, said
    files = small.project.files(under="vendor")
    assert files == {"vendor/README.md": "ours, beside"}
    assert set(committed(small).values()) == {"D", "M"} and committed(small)["sync.lock"] == "M"
    assert list(json.loads(small.project.git("show", "HEAD:sync.lock"))["targets"]) == ["other"]
    assert dsync("status", "--check").status == 0
    assert dsync("prune", "oca").status == 3, "there is nothing of that name any more"


def test_P38_one_target_is_pruned_by_name(orphaned: Vendored, dsync: Dsync) -> None:
    said = dsync("prune", "nobody")
    assert said.status == 3 and "no target matches" in said.text
    assert orphaned.files("web")


def test_P38_a_name_whose_place_another_took_is_no_orphan(small: Vendored) -> None:
    small.sync()
    small.add("www", {"README.md": b"the new one\n"})
    small.configure(names=["crm", "www"], repositories={"www": {"into": "vendor/web"}})
    small.sync(allow_delete=99)
    assert small.files("web") == {"README.md": "the new one"} and set(small.lock()) == {"crm", "www"}
    assert small.status().rows[0].why.orphans == ()
