"""What is the user's stays the user's: edits, files beside, the index, other checkouts, and the branch."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import yaml
from tests.vendoring.vendored import Dsync, Vendored, told

from directional_sync.model.lifecycle import Outcome
from directional_sync.testing.git_server import Fault
from directional_sync.testing.upstreams import Upstream


def _edit(small: Vendored) -> None:
    small.project.write("vendor/web/README.md", "mine\n")


def _stage(small: Vendored) -> None:
    _edit(small)
    small.project.git("add", "-A")


def _delete(small: Vendored) -> None:
    (small.project.root / "vendor/web/README.md").unlink()


def _put_a_folder(small: Vendored) -> None:
    _delete(small)
    small.project.write("vendor/web/README.md/mine.txt", "mine\n")


def _untracked(small: Vendored) -> None:
    small.project.write("vendor/web/NEWS", "mine\n")


def _ignored(small: Vendored) -> None:
    small.project.write(".git/info/exclude", "NEWS\n")
    _untracked(small)


IN_THE_WAY = {
    "edited": _edit,
    "edited and staged": _stage,
    "deleted": _delete,
    "a folder in its place": _put_a_folder,
    "untracked": _untracked,
    "ignored": _ignored,
}


@pytest.mark.parametrize("what", IN_THE_WAY)
def test_P14_P16_P18_work_in_the_way_is_never_overwritten(
    small: Vendored, web: Upstream, dsync: Dsync, what: str
) -> None:
    """Nothing moves, neither files nor branch nor index; what is in the way is named."""
    small.sync()
    IN_THE_WAY[what](small)
    web.commit({"README.md": b"newer\n", "NEWS": b"theirs\n"})
    before = (small.project.head, small.stamps(), small.project.git("status", "--porcelain", "--ignored"))
    said = dsync("run")
    assert said.status not in (0, 70), said
    named = "vendor/web/NEWS" if what in ("untracked", "ignored") else "vendor/web/README.md"
    assert named in said.text, said
    assert (small.project.head, small.stamps(), small.project.git("status", "--porcelain", "--ignored")) == before


@pytest.mark.parametrize("overwrite", [False, True])
def test_P14_a_committed_edit_that_upstream_changed_too_waits_for_a_person(
    small: Vendored, web: Upstream, dsync: Dsync, overwrite: bool
) -> None:
    small.sync()
    _edit(small)
    small.project.commit("Edit")
    web.commit({"README.md": b"newer\n", "LICENSE": b"MIT\n"})
    said = dsync("run", *(["--prefer", "remote"] if overwrite else []))
    assert said.status == (0 if overwrite else 7) and (overwrite or "vendor/web/README.md" in said.text), said
    assert small.files("web")["README.md"] == ("newer" if overwrite else "mine")
    assert small.files("web")["LICENSE"] == "MIT", "the rest goes on"


def test_P16_files_of_ones_own_beside_what_was_vendored_stay(small: Vendored, web: Upstream) -> None:
    small.sync()
    small.project.write("vendor/web/mine.txt", "mine\n")
    small.project.commit("Mine")
    small.project.write("vendor/web/loose.txt", "loose\n")
    small.project.write("vendor/web/doc/loose.txt", "loose\n")
    web.commit({"README.md": b"newer\n", "doc": None})
    record = small.sync()
    assert "vendor/web/mine.txt" in told(record)
    for path, text in (("mine.txt", "mine\n"), ("loose.txt", "loose\n"), ("doc/loose.txt", "loose\n")):
        assert (small.project.root / "vendor/web" / path).read_text() == text
    assert small.files("web")["README.md"] == "newer" and "doc/guide.md" not in small.files("web")


def test_P17_work_elsewhere_is_neither_committed_nor_touched(small: Vendored, web: Upstream) -> None:
    small.sync()
    small.project.write("mine.txt", "edited\n")
    small.project.write("staged.txt", "staged\n")
    small.project.git("add", "staged.txt")
    small.project.write("loose.txt", "loose\n")
    before = small.project.git("status", "--porcelain")
    web.commit({"README.md": b"newer\n"})
    record = small.sync()
    assert small.project.git("status", "--porcelain") == before
    changed = small.project.git("diff", "--name-only", f"{record.commit}^", record.commit).splitlines()
    assert changed == ["sync.lock", "vendor/web/README.md"]


def _unreachable(small: Vendored) -> None:
    small.server.fault("web", Fault(status=503))


def _gone(small: Vendored) -> None:
    small.upstreams["web"].path.rename(small.upstreams["web"].path.with_name("away"))


def _cut(small: Vendored) -> None:
    small.upstreams["web"].commit({"big.txt": bytes(range(256)) * 400})
    small.server.fault("web", Fault(cut_after=2_000))


@pytest.mark.parametrize("trouble", [_unreachable, _gone, _cut])
def test_P31_P32_a_fetch_that_fails_leaves_everything_beside_it(
    small: Vendored, trouble: Callable[[Vendored], None]
) -> None:
    small.target = {"retries": 0}
    small.configure(names=["web"])
    small.project.write("vendor/by-hand/notes.txt", "mine\n")
    small.project.commit("By hand")
    small.sync()
    small.project.write("vendor/by-hand/loose.txt", "mine too\n")
    trouble(small)
    before = (small.project.head, small.stamps(), small.project.git("status", "--porcelain"))
    assert small.try_().outcome is Outcome.FAILED
    assert (small.project.head, small.stamps(), small.project.git("status", "--porcelain")) == before


CHECKS = {
    "verification": {"verification": {"command": "ls vendor | wc -l", "expected_min": 3}},
    "exit status": {"verification": {"command": "test ! -e vendor/web/NEWS"}},
}


@pytest.mark.parametrize("what", CHECKS)
def test_P31_P41_what_fails_its_verification_is_not_committed(small: Vendored, web: Upstream, what: str) -> None:
    small.sync()
    small.target = CHECKS[what]
    small.configure()
    web.commit({"NEWS": b"new\n"})
    before = (small.project.head, small.stamps())
    record = small.try_()
    assert record.outcome is Outcome.REFUSED and record.verification_passed is False, told(record)
    assert (small.project.head, small.stamps()) == before and small.project.clean()
    small.add("dms", {"x": b"1\n"})
    web.commit({"NEWS": None})
    small.configure()
    small.sync()
    assert set(small.lock()) == {"crm", "dms", "web"}


def test_P48_the_state_survives_a_squash(small: Vendored, web: Upstream) -> None:
    """What was agreed on is in the lock, so that no message of a commit has to survive."""
    small.project.git("switch", "-qc", "update")
    small.sync()
    web.commit({"README.md": b"newer\n"})
    small.sync()
    small.project.git("switch", "-q", "main")
    small.project.git("merge", "-q", "--squash", "update")
    small.project.git("commit", "-qm", "Squashed, with another message")
    small.project.git("branch", "-qD", "update")
    small.project.git("update-ref", "-d", "refs/directional-sync/base/oca")
    small.sync()
    small.rest()
    web.commit({"README.md": b"newest\n"})
    record = small.sync()
    assert record.counts.changed == 1 and small.files("web")["README.md"] == "newest"


@pytest.mark.parametrize("other", ["vendor/web/**", "vendor/**", "vendor/web/doc/guide.md", "vendor/*/doc/**"])
def test_P39_two_targets_with_one_place_are_no_configuration(small: Vendored, dsync: Dsync, other: str) -> None:
    text = (small.project.root / "sync.yaml").read_text()
    more = {"other": {"direction": "pull", "entrypoint": "scripts/x.sh", "outputs": [other]}}
    small.project.write("scripts/x.sh", "true\n")
    small.project.write("sync.yaml", text + "  " + yaml.safe_dump(more).replace("\n", "\n  ").rstrip() + "\n")
    small.project.commit("Two")
    said = dsync("run")
    assert said.status == 2 and "overlaps" in said.text and "other" in said.text and "oca" in said.text, said
    assert not (small.project.root / "vendor").exists()


@pytest.mark.parametrize("into", ["../{name}", "/tmp/{name}", ".git/{name}", "vendor/../../{name}", "vendor"])
def test_P25_P39_places_that_cannot_be_are_no_configuration(small: Vendored, dsync: Dsync, into: str) -> None:
    small.configure(into=into)
    said = dsync("run")
    assert said.status == 2 and "into" in said.text, said
    assert not (small.project.root / "vendor").exists()
