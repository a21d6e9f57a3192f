"""What a gate finds in one source holds that source, and the others are synced."""

from __future__ import annotations

import hashlib
import json
import subprocess

import pytest
from tests.vendoring.vendored import Vendored

from directional_sync.errors import Exit
from directional_sync.model.lifecycle import Outcome
from directional_sync.model.plan import Why
from directional_sync.render.ink import Ink
from directional_sync.render.text import plan_text
from directional_sync.testing.upstreams import Upstream

VALUE = "ghp_" + "".join(hashlib.sha256(b"%d" % n).hexdigest()[:9] for n in range(4))
SECRET = b"token = '%s'\n" % VALUE.encode()


@pytest.fixture(autouse=True)
def without_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """The built-in rules find what is planted here; compiling those of the library takes seconds."""
    monkeypatch.setattr("directional_sync.gates.secrets.installed", lambda: False)


def _objects(vendored: Vendored) -> bytes:
    """Everything in the repository's own object store."""
    command = ["git", "cat-file", "--batch-all-objects", "--batch"]
    return subprocess.run(command, cwd=vendored.project.root, capture_output=True, check=True).stdout


def _three(vendored: Vendored) -> tuple[Upstream, Upstream, Upstream]:
    first, second, third = vendored.upstreams.values()
    return first, second, third


def test_a_finding_in_one_source_holds_that_one(vendored: Vendored) -> None:
    vendored.sync()
    first, second, _ = _three(vendored)
    before, locked = vendored.tree(first.name), vendored.lock()[first.name]
    first.commit({"README.md": b"beside the secret\n", "conf.py": SECRET})
    second.commit({"README.md": b"newer\n"})
    record = vendored.try_(prove=True)
    assert vendored.tree(first.name) == before and vendored.lock()[first.name] == locked
    assert vendored.tree(second.name) == second.tree() and record.commit == vendored.project.head
    assert (record.outcome, record.exit) == (Outcome.FAILED, Exit.REFUSED)
    assert record.failure is not None and record.failure.code == "E-SECRET"
    assert f"held back: vendor/{first.name}" in record.failure.message
    assert record.failure.kept == "its content in the repository is as it was; the others are synced and committed"
    assert record.plan is not None
    (held,) = record.plan.held
    assert (held.key, held.why) == (f"vendor/{first.name}", Why.REFUSED)
    stored = _objects(vendored)
    assert VALUE.encode() not in stored and b"beside the secret" not in stored
    assert vendored.project.clean()


def test_each_kind_of_finding_holds_and_is_told_with_its_next_step(vendored: Vendored) -> None:
    vendored.file["safety"] = {"max_file_bytes": 100_000, "protected": ["vendor/**/steering.yaml"]}
    vendored.configure()
    vendored.sync()
    first, second, third = _three(vendored)
    first.commit({"readme.md": b"another README.md\n", "dump.sql": b"x" * 200_000})
    second.commit({"passwd": ("120000", b"/etc/passwd"), "steering.yaml": b"x\n"})
    third.commit({"README.md": b"newer\n"})
    done = vendored.command("run", "--json")
    assert done.returncode == 6, done.stdout + done.stderr
    assert vendored.tree(third.name) == third.tree()
    (result,) = json.loads(done.stdout)["results"]
    assert {item["key"]: item["detail"].partition(":")[0] for item in result["held"]} == {
        f"vendor/{first.name}": "E-NAME-COLLISION",
        f"vendor/{second.name}": "E-LINK-ABSOLUTE",
    }
    assert {item["why"] for item in result["held"]} == {"refused"} and all(item["hint"] for item in result["held"])
    told = {error["code"]: error for error in (result["error"], *result["further_errors"])}
    assert set(told) == {"E-NAME-COLLISION", "E-LINK-ABSOLUTE", "E-SIZE", "E-GUARD-PROTECTED"}
    assert "raise safety.max_file_bytes" in told["E-SIZE"]["hint"]
    assert f"held back: vendor/{second.name}" in told["E-GUARD-PROTECTED"]["message"]


def test_nothing_of_a_refused_source_reaches_the_object_store(vendored: Vendored) -> None:
    first, second, _ = _three(vendored)
    first.commit({"conf.py": SECRET, "other.py": b"beside the secret\n"})
    record = vendored.try_()  # the first sync: all is new
    assert record.commit and vendored.tree(second.name) == second.tree()
    assert first.name not in vendored.lock()
    assert not vendored.project.git("ls-tree", "HEAD", f"vendor/{first.name}")
    stored = _objects(vendored)
    assert VALUE.encode() not in stored and b"beside the secret" not in stored
    assert record.failure is not None
    assert record.failure.kept == "nothing of it was taken; the others are synced and committed"
    again = vendored.try_()
    assert again.exit is Exit.REFUSED and not again.commit, "nothing is left to be done"
    first.commit({"conf.py": b"token = None\n"})
    assert vendored.sync().outcome is Outcome.SYNCED and vendored.tree(first.name) == first.tree()


def test_the_same_secret_in_equal_files_holds_all_who_bring_it(vendored: Vendored) -> None:
    vendored.sync()
    first, second, third = _three(vendored)
    first.commit({"conf.py": SECRET})
    second.commit({"conf.py": SECRET})
    third.commit({"README.md": b"newer\n"})
    record = vendored.try_()
    assert record.plan is not None
    assert [item.key for item in record.plan.held] == [f"vendor/{first.name}", f"vendor/{second.name}"]
    assert vendored.tree(third.name) == third.tree()
    assert VALUE.encode() not in _objects(vendored)


def test_beside_an_upstream_that_is_gone_both_are_told(vendored: Vendored) -> None:
    vendored.sync()
    first, second, third = _three(vendored)
    first.commit({"conf.py": SECRET})
    second.path.rename(second.path.with_suffix(".away"))
    third.commit({"README.md": b"newer\n"})
    record = vendored.try_()
    assert record.failure is not None and record.failure.code == "E-SECRET" and record.exit is Exit.REFUSED
    assert [failure.code for failure in record.also] == ["E-UPSTREAM-GONE"]
    assert vendored.tree(third.name) == third.tree()


def test_the_plan_that_is_shown_is_the_one_that_is_done(vendored: Vendored) -> None:
    vendored.sync()
    first, second, _ = _three(vendored)
    first.commit({"conf.py": SECRET})
    second.commit({"README.md": b"newer\n"})
    planned = vendored.project.plan()
    assert planned.exit() is Exit.REFUSED and not planned.records[0].commit
    text = plan_text(planned, Ink(), planned.exit())
    assert "Plan: 1 target would change in part.  ~1 file\n" in text
    assert f"dsync run --plan {planned.plan_id}" in text
    assert f"! vendor/{first.name}  left as it is: what comes was refused: E-SECRET: secrets: 1 likely secret" in text
    done = vendored.project.run(plan_id=planned.plan_id).records[0]
    assert done.plan_digest == planned.records[0].plan_digest
    assert vendored.tree(second.name) == second.tree() and VALUE.encode() not in _objects(vendored)


def test_what_lies_elsewhere_by_now_stays_where_it_was(vendored: Vendored) -> None:
    vendored.sync()
    first, second, _ = _three(vendored)
    before = vendored.tree(first.name)
    first.commit({"conf.py": SECRET})
    second.commit({"README.md": b"newer\n"})
    vendored.configure(repositories={first.name: {"into": "vendor/elsewhere"}})
    record = vendored.try_()
    assert record.commit and vendored.tree(first.name) == before and vendored.tree(second.name) == second.tree()
    assert vendored.lock()[first.name]["into"] == f"vendor/{first.name}"


def test_where_nothing_would_be_left_the_target_is_refused(vendored: Vendored) -> None:
    vendored.sync()
    for upstream in vendored.upstreams.values():
        upstream.commit({"conf.py": SECRET})
    record = vendored.try_()
    assert record.outcome is Outcome.REFUSED and not record.commit
    assert record.failure is not None and record.failure.kept == "nothing was changed"


def test_too_many_deletions_refuse_the_target(vendored: Vendored) -> None:
    vendored.sync()
    first, second, _ = _three(vendored)
    first.commit({"conf.py": SECRET})
    paths = second.git("ls-tree", "-r", "--name-only", "18.0").splitlines()
    second.commit(dict.fromkeys(path for path in paths if path != "README.md"))
    vendored.target["policy"] = {"max_delete": 1}
    vendored.configure()
    record = vendored.try_()
    assert record.outcome is Outcome.REFUSED and not record.commit
    assert {verdict.code for verdict in record.verdicts if not verdict.passed} == {"E-GUARD-DELETE", "E-SECRET"}
