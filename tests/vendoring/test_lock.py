"""The lock: what it holds, taking exactly what it says, and the proof that the tree is what it says."""

from __future__ import annotations

import json
import shutil

import pytest
from tests.vendoring.vendored import Vendored

from directional_sync.errors import Exit
from directional_sync.model.lifecycle import Outcome, Skip
from directional_sync.model.surprise import Surprise
from directional_sync.testing.git_server import GitServer


def test_P01_the_lock_holds_commit_tree_and_kind_of_ref(vendored: Vendored) -> None:
    record = vendored.sync()
    for name, upstream in vendored.upstreams.items():
        source = vendored.lock()[name]
        assert source == {
            "name": name,
            "url": vendored.server.url(name),
            "ref": "refs/heads/18.0",
            "asked": "18.0",
            "kind": "branch",
            "commit": upstream.head(),
            "tree": upstream.tree(),
            "into": f"vendor/{name}",
        }
        assert vendored.tree(name) == upstream.tree()
    changed = vendored.project.git("diff", "--name-only", f"{record.commit}^", record.commit).splitlines()
    assert all(path == "sync.lock" or path.startswith("vendor/") for path in changed)


def test_locked_asks_no_upstream_and_changes_nothing(vendored: Vendored, server: GitServer) -> None:
    vendored.sync()
    vendored.first.commit({"README.md": b"newer\n"})
    server.reset()
    record = vendored.sync(locked=True)
    assert record.outcome is Outcome.IN_SYNC and not server.asked


def test_locked_brings_back_exactly_what_the_lock_says(vendored: Vendored) -> None:
    vendored.sync()
    old = vendored.project.head
    locked = vendored.lock()
    name = vendored.first.name
    vendored.first.commit({"README.md": b"newer\n"})
    vendored.sync()
    assert vendored.lock() != locked
    vendored.project.git("checkout", "-q", old, "--", "sync.lock")
    vendored.project.commit("Go back to the old lock")
    vendored.sync(locked=True)
    assert vendored.lock() == locked and vendored.tree(name) == locked[name]["tree"]


def test_locked_does_not_bring_back_what_was_deleted_here(vendored: Vendored) -> None:
    vendored.sync()
    name = vendored.first.name
    vendored.first.commit({"README.md": b"newer\n"})
    vendored.project.git("rm", "-rq", f"vendor/{name}")
    vendored.project.commit("Lose one by accident")
    shutil.rmtree(vendored.project.root / ".git" / "directional-sync")
    record = vendored.try_(locked=True)
    assert record.plan is not None
    # Somebody deleted it here, so it is not brought back against their will; the proof says what is missing.
    assert [item.why for item in record.plan.held]
    assert vendored.verify().exit() is Exit.CHANGES


def test_locked_does_not_overwrite_an_edit_that_a_run_has_left_beside_its_commit(vendored: Vendored) -> None:
    """The commit of that run holds the edit, which does not make it what the lock says."""
    vendored.sync()
    old = vendored.project.head
    edited, other = list(vendored.upstreams)[:2]
    vendored.project.write(f"vendor/{edited}/README.md", "mine\n")
    vendored.project.commit("Edit")
    vendored.upstreams[other].commit({"README.md": b"newer\n"})
    assert vendored.sync().commit
    for lock in ("", old):
        if lock:
            vendored.project.git("checkout", "-q", lock, "--", "sync.lock")
            vendored.project.commit("Go back to the old lock")
        vendored.try_(locked=True)
        assert (vendored.project.root / f"vendor/{edited}/README.md").read_text() == "mine\n"


def test_P06_a_locked_commit_that_is_gone_is_told_and_files_stay(vendored: Vendored) -> None:
    vendored.sync()
    upstream = vendored.first
    data = json.loads((vendored.project.root / "sync.lock").read_text())
    for source in data["targets"]["oca"]["sources"]:
        if source["name"] == upstream.name:
            source |= {"commit": "1" * 40, "tree": "2" * 40}
    vendored.project.write("sync.lock", json.dumps(data, indent=1) + "\n")
    vendored.project.commit("A lock that names a commit nobody has")
    before = vendored.tree(upstream.name)
    record = vendored.try_(locked=True)
    assert not record.success and record.failure is not None
    assert record.failure.code == "E-UPSTREAM-COMMIT-GONE"
    assert "1" * 10 in record.failure.message
    assert vendored.tree(upstream.name) == before


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"ref": "19.0"}, "ref"),
        ({"exclude": ["**/static/**"]}, "what is taken of it"),
        ({"merge": ["refs/pull/1/head"]}, "merge"),
        ({"into": "vendor/deep/{name}"}, "into"),
    ],
)
def test_locked_refuses_a_lock_that_speaks_of_something_else(
    vendored: Vendored, change: dict[str, object], why: str
) -> None:
    vendored.sync()
    vendored.configure(**change)
    record = vendored.try_(locked=True)
    assert record.outcome is Outcome.REFUSED and record.failure is not None
    assert record.failure.code == "E-LOCK-OUTDATED" and why in " ".join(
        (record.failure.message, *record.failure.detail)
    )


def test_locked_skips_what_the_lock_cannot_say(vendored: Vendored) -> None:
    vendored.project.write("scripts/x.sh", "mkdir -p out; echo 1 > out/x\n")
    text = (vendored.project.root / "sync.yaml").read_text()
    more = "  script:\n    direction: pull\n    entrypoint: scripts/x.sh\n    outputs: ['out/**']\n"
    vendored.project.write("sync.yaml", text.rstrip() + "\n" + more)
    vendored.project.commit()
    vendored.project.run()
    by_name = {record.target: record for record in vendored.project.run(locked=True).records}
    assert by_name["oca"].outcome is Outcome.IN_SYNC
    assert by_name["script"].skip is Skip.UNLOCKED


def test_verify_proves_that_the_tree_is_what_the_lock_says(vendored: Vendored, server: GitServer) -> None:
    vendored.sync()
    server.reset()
    summary = vendored.verify()
    assert summary.exit() is Exit.OK and not server.asked
    assert "the tree is what the lock says (3 sources)" in summary.records[0].verdicts[0].message


@pytest.mark.parametrize("committed", [True, False])
def test_verify_finds_an_edit_and_exits_5(vendored: Vendored, committed: bool) -> None:
    vendored.sync()
    name = vendored.first.name
    file = f"vendor/{name}/README.md"
    vendored.project.write(file, "edited\n")
    if committed:
        vendored.project.commit("Edit what was vendored")
    before = vendored.project.git("status", "--porcelain")
    done = vendored.command("verify")
    assert done.returncode == 5, done.stdout + done.stderr
    assert file in done.stdout + done.stderr and "E-LOCK-MISMATCH" in done.stdout + done.stderr
    assert vendored.project.git("status", "--porcelain") == before


def test_verify_in_a_fresh_clone_needs_no_state(vendored: Vendored, tmp_path: object) -> None:
    vendored.sync()
    shutil.rmtree(vendored.project.root / ".git" / "directional-sync")
    vendored.project.git("update-ref", "-d", "refs/directional-sync/base/oca")
    assert vendored.verify().exit() is Exit.OK


def test_P03_the_commit_says_from_where_to_where_and_by_how_many_commits(vendored: Vendored) -> None:
    vendored.sync()
    old = vendored.first.head()
    for number in range(3):
        vendored.first.commit({"README.md": b"%d\n" % number})
    record = vendored.sync()
    message = vendored.project.git("log", "-1", "--format=%B", record.commit)
    assert f"  {vendored.first.name} {old[:12]}..{vendored.first.head()[:12]} (3 commits)" in message.splitlines()


def test_what_was_added_or_edited_here_survives_a_locked_run_and_a_prune(vendored: Vendored) -> None:
    vendored.sync()
    old = vendored.project.head
    first, second, _ = vendored.upstreams
    vendored.project.write(f"vendor/{first}/ours.txt", "ours\n")
    vendored.project.write(f"vendor/{first}/README.md", "edited\n")
    vendored.project.commit("Work in a vendored folder")
    vendored.upstreams[second].commit({"README.md": b"newer\n"})
    vendored.sync()
    vendored.configure(names=list(vendored.upstreams)[:2])
    vendored.prune()
    vendored.sync(locked=True)
    vendored.project.git("checkout", "-q", old, "--", "sync.lock")
    vendored.project.commit("Go back to the old lock")
    vendored.sync(locked=True)
    folder = vendored.project.root / "vendor" / first
    assert (folder / "ours.txt").read_text() == "ours\n" and (folder / "README.md").read_text() == "edited\n"
    assert vendored.tree(second) == vendored.lock()[second]["tree"]


def test_a_plan_is_carried_out_with_what_was_allowed_when_it_was_made(vendored: Vendored) -> None:
    vendored.sync()
    vendored.first.commit({"README.md": b"instead\n"}, onto="")
    accepted = {Surprise.REWRITE: (vendored.first.name,)}
    plan = vendored.project.plan(accepted=accepted)
    assert plan.records[0].success
    summary = vendored.project.run(plan_id=plan.plan_id)
    assert summary.records[0].outcome is Outcome.SYNCED
    assert vendored.tree(vendored.first.name) == vendored.first.tree()


def test_locked_leaves_out_what_was_left_out_when_the_lock_was_written(vendored: Vendored) -> None:
    name = vendored.first.name
    vendored.first.git("update-ref", "-d", "refs/heads/18.0")
    vendored.first.commit({"x": b"1"}, branch="17.0", onto="")
    vendored.configure(repositories={name: {"accept_vanished_ref": True}})
    vendored.sync()
    assert name not in vendored.lock()
    assert vendored.sync(locked=True).outcome is Outcome.IN_SYNC
    assert vendored.verify().exit() is Exit.OK
