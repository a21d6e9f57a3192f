"""F78: the user's own hooks. None ever runs, but for `pre-commit` where the file asks for it; that one sees the commit
to be."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.project import Project

from directional_sync.errors import Exit
from directional_sync.model.lifecycle import Outcome
from directional_sync.model.record import TargetRecord

HOOKS = (
    "pre-commit", "prepare-commit-msg", "commit-msg", "post-commit", "post-checkout", "post-index-change",
    "reference-transaction", "pre-merge-commit", "post-merge", "pre-push", "pre-rebase", "post-rewrite", "pre-auto-gc",
    "fsmonitor-watchman", "applypatch-msg", "pre-applypatch", "post-applypatch", "sendemail-validate",
)  # fmt: skip
CONFIG = """
    targets:
      in:
        direction: pull
        remote: {{type: files, url: "{far}"}}
        outputs: ["out/**"]
        policy: {{max_delete: 100%, allow_empty: true}}
"""
ASKED = "    safety: {run_hooks: true}\n"


@pytest.fixture
def flow(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setattr("directional_sync.gates.secrets.installed", lambda: False)
    (tmp_path / "far").mkdir()
    bring(project, "a.txt", "one\n")
    project.write("mine.txt", "mine\n")
    project.configure(CONFIG.format(far=tmp_path / "far") + ASKED)
    return project


def bring(flow: Project, name: str, content: str) -> None:
    (flow.root.parent / "far" / name).write_text(content)


def hook(flow: Project, script: str, name: str = "pre-commit", folder: str = ".git/hooks") -> Path:
    return flow.write(f"{folder}/{name}", f"#!/bin/sh\n{script}\n", mode=0o755)


def ran(flow: Project) -> list[str]:
    marks = flow.root.parent / "marks"
    return sorted(set(marks.read_text().split())) if marks.exists() else []


def mark_all(flow: Project) -> None:
    """Every hook that git knows leaves its name."""
    for name in HOOKS:
        hook(flow, f"echo {name} >> {flow.root.parent}/marks", name)


def refused(record: TargetRecord, flow: Project, head: str) -> str:
    """It is refused, nothing has happened, and this is what is told."""
    assert record.exit is Exit.REFUSED and record.failure is not None and not record.commit, record
    assert flow.head == head and not (flow.root / "out").exists() and flow.clean() and flow.fsck() == ""
    assert not (flow.root / ".git/directional-sync/cache/hooks").exists()
    return "\n".join((record.failure.code, record.failure.message, record.failure.hint, *record.failure.detail))


def test_F78_without_a_word_in_the_file_no_hook_ever_runs(flow: Project, tmp_path: Path) -> None:
    flow.configure(CONFIG.format(far=tmp_path / "far"))
    mark_all(flow)
    flow.git("config", "core.fsmonitor", str(flow.root / ".git/hooks/fsmonitor-watchman"))
    for turn in range(2):
        bring(flow, "a.txt", f"{turn}\n")
        assert flow.one().outcome is Outcome.SYNCED
    command = [sys.executable, "-m", "directional_sync", "undo", "--yes"]
    subprocess.run(command, cwd=flow.root, env=flow.environ, check=True, capture_output=True)
    assert ran(flow) == []
    flow.git("-c", "core.fsmonitor=false", "commit", "-q", "--allow-empty", "-m", "By hand")
    assert {"pre-commit", "commit-msg", "post-commit", "reference-transaction"} <= set(ran(flow)), (
        "else it proves nothing"
    )


def test_F78_where_it_is_asked_for_only_pre_commit_runs(flow: Project) -> None:
    mark_all(flow)
    assert flow.one().outcome is Outcome.SYNCED
    assert ran(flow) == ["pre-commit"]
    assert flow.one().outcome is Outcome.IN_SYNC
    (flow.root.parent / "marks").unlink()
    assert flow.one().outcome is Outcome.IN_SYNC and ran(flow) == [], "nothing is to be committed"
    bring(flow, "a.txt", "two\n")
    assert flow.plan().records[0].outcome is Outcome.PLANNED and ran(flow) == []


def test_F78_the_hook_sees_just_the_commit_to_be(flow: Project) -> None:
    seen = flow.root.parent / "seen"
    flow.write("mine.txt", "being edited\n")
    flow.write("staged.txt", "staged\n")
    flow.git("add", "staged.txt")
    flow.write("loose.txt", "loose\n")
    hook(
        flow,
        f"exec > {seen}; git diff --cached --name-status; git status --porcelain; git rev-parse HEAD; "
        "git symbolic-ref HEAD; cat mine.txt; ls; git var GIT_AUTHOR_IDENT; pwd",
    )
    head = flow.head
    record = flow.one()
    assert record.outcome is Outcome.SYNCED, record.failure
    said = seen.read_text().splitlines()
    assert said[:2] == ["A\tout/a.txt", "A\tsync.lock"] and said[2:4] == ["A  out/a.txt", "A  sync.lock"]
    assert said[4:7] == [head, "refs/heads/main", "mine"]
    assert said[7:11] == ["mine.txt", "out", "sync.lock", "sync.yaml"] and "Ada <ada@example.org>" in said[11]
    assert "directional-sync/cache/hooks" in said[12]
    assert set(flow.git("status", "--porcelain").splitlines()) == {"M mine.txt", "A  staged.txt", "?? loose.txt"}


def test_F78_a_hook_that_fails_refuses_and_is_heard(flow: Project) -> None:
    hook(flow, "echo 'trailing blanks in out/a.txt' >&2; exit 3")
    head = flow.head
    told = refused(flow.one(), flow, head)
    assert told.startswith("E-HOOK\n") and "exit status 3, 0 expected" in told and "trailing blanks" in told
    done = subprocess.run(
        [sys.executable, "-m", "directional_sync", "run"],
        cwd=flow.root,
        env=flow.environ,
        capture_output=True,
        text=True,
    )
    assert (
        done.returncode == 6
        and "E-HOOK" in done.stderr + done.stdout
        and "trailing blanks" in done.stderr + done.stdout
    )


CHANGES = {
    "a file": "echo mended >> out/a.txt",
    "of the same size": "printf 'eno\\n' > out/a.txt",
    "of another": "echo mended >> mine.txt",
    "a mode": "chmod +x out/a.txt",
    "staged": "echo mended >> out/a.txt; git add -A",
    "staged only": "echo x > t; git update-index --cacheinfo 100644,$(git hash-object -w t),out/a.txt; rm t",
    "one more": "echo more > out/more.txt; git add out/more.txt",
    "one less": "rm out/a.txt",
    "unstaged": "git rm -q --cached out/a.txt",
    "hidden": "git update-index --assume-unchanged out/a.txt; echo mended >> out/a.txt; git add -A; "
    "git update-index --no-assume-unchanged out/a.txt",
}


@pytest.mark.parametrize("how", CHANGES)
def test_F78_a_hook_that_changes_what_was_verified_is_refused(flow: Project, how: str) -> None:
    hook(flow, CHANGES[how])
    head = flow.head
    told = refused(flow.one(), flow, head)
    assert told.startswith("E-HOOK-CHANGED\n") and "not what was verified" in told
    assert ("changed: mine.txt" if how == "of another" else "changed: out/") in told


def test_F78_what_it_only_leaves_lying_about_is_no_change(flow: Project) -> None:
    flow.write(".gitattributes", "* text eol=crlf\n")
    flow.commit()
    hook(flow, "mkdir .cache; echo x > .cache/x; touch out/a.txt mine.txt; git status > /dev/null")
    assert flow.one().outcome is Outcome.SYNCED
    assert flow.files(under="out") == {"out/a.txt": "one"}


def test_F78_whatever_it_does_there_it_does_to_nothing_of_the_users(flow: Project) -> None:
    flow.write("mine.txt", "being edited\n")
    config, refs, index = flow.root / ".git/config", flow.git("for-each-ref"), flow.git("ls-files", "--stage")
    before = config.read_bytes()
    hook(
        flow,
        "git config user.name Nobody; git branch taken; git tag taken; git stash -q; git gc -q; "
        "git commit -qn --allow-empty -m X; git checkout -q -f HEAD; git clean -fdxq; exit 1",
    )
    assert flow.one().exit is Exit.REFUSED
    assert config.read_bytes() == before and flow.git("for-each-ref") == refs
    assert flow.git("ls-files", "--stage") == index and (flow.root / "mine.txt").read_text() == "being edited\n"
    assert flow.fsck() == ""


def test_F78_it_is_found_where_git_finds_it_and_runs_as_the_user_has_it(flow: Project) -> None:
    """By a path in the repository: the user's version, not one that a source delivers."""
    (flow.root.parent / "far/hooks").mkdir()
    bring(flow, "hooks/pre-commit", "#!/bin/sh\nexit 9\n")
    (flow.root.parent / "far/hooks/pre-commit").chmod(0o755)
    hook(flow, f"echo own >> {flow.root.parent}/marks", folder="out/hooks")
    flow.git("config", "core.hooksPath", "out/hooks")
    flow.git("add", "out")
    flow.git("-c", "core.hooksPath=/dev/null", "commit", "-qm", "Hooks")
    record = flow.one(prefer=None)
    assert ran(flow) == ["own"], record


def test_F78_a_clone_without_the_hook_says_so_and_goes_on(flow: Project) -> None:
    record = flow.one()
    assert record.outcome is Outcome.SYNCED
    [verdict] = [verdict for verdict in record.verdicts if verdict.gate == "pre-commit"]
    assert verdict.warning and "this clone has none" in verdict.message
    hook(flow, "exit 1").chmod(0o644)
    bring(flow, "a.txt", "two\n")
    record = flow.one()
    assert record.outcome is Outcome.SYNCED and any("not executable" in verdict.message for verdict in record.verdicts)


def test_F78_it_sees_no_secret(flow: Project) -> None:  # T18
    flow.environ |= {"API_TOKEN": "canary-Zq81", "PLAIN": "plain"}
    flow.configure(CONFIG.format(far=flow.root.parent / "far") + "        env: [API_TOKEN, PLAIN]\n" + ASKED)
    hook(flow, "echo plain=$PLAIN token=$API_TOKEN; exit 1")
    record = flow.one()
    assert record.failure is not None
    assert "plain=plain token=" in "\n".join(record.failure.detail) and "canary" not in repr(record)
