"""Whole runs against an S3 service on loopback, asked by a client that knows nothing of this program."""

from __future__ import annotations

import shutil
from typing import Any

import pytest
from tests.files.conftest import KEY, S3, SECRET
from tests.project import Project

from directional_sync.errors import Exit
from directional_sync.model.lifecycle import Outcome
from directional_sync.model.record import EffectKind


class Flow:
    """A repository and a bucket."""

    def __init__(self, project: Project, s3: S3) -> None:
        self.project, self.s3, self.bucket = project, s3, s3.bucket()
        project.environ |= {"KEY_ID": KEY, "SECRET_KEY": SECRET}

    def target(self, direction: str, more: str = "", *, remote: str = "") -> None:
        side = "outputs" if direction == "pull" else "inputs"
        self.project.configure(
            f"""
            targets:
              store:
                direction: {direction}
                retries: 0
                remote:
                  type: files
                  url: s3://{self.bucket}/pre
                  endpoint_url: {self.s3.url}
                  key: KEY_ID
                  secret: SECRET_KEY
                  {remote}
                {side}: ["data/**"]
                {more}
            """
        )

    def put(self, key: str, content: bytes | str) -> None:
        self.s3.put(self.bucket, f"pre/{key}", content if isinstance(content, bytes) else content.encode())

    def files(self) -> dict[str, str]:
        return {key.removeprefix("pre/"): text.decode() for key, text in self.s3.files(self.bucket).items()}

    def remove(self, key: str) -> None:
        self.s3.client.delete_object(Bucket=self.bucket, Key=f"pre/{key}")


@pytest.fixture
def flow(project: Project, s3: S3) -> Flow:
    return Flow(project, s3)


def test_pull_first_nothing_change_delete(flow: Flow) -> None:
    """U18, B60: and an emptied bucket deletes nothing."""
    for number in range(5):
        flow.put(f"d/{number}", str(number))
    flow.s3.put(flow.bucket, "other/x", b"not below the prefix")
    flow.s3.put(flow.bucket, "prefix-like", b"neither")
    flow.s3.put(flow.bucket, "pre/d/", b"")  # what some tools leave for a folder
    flow.target("pull")
    record = flow.project.one()
    assert record.outcome is Outcome.SYNCED, record.failure
    assert flow.project.files(under="data") == {f"data/d/{n}": str(n) for n in range(5)}
    flow.s3.requests.clear()
    assert flow.project.one().outcome is Outcome.IN_SYNC
    assert flow.s3.asked("GET") == flow.s3.asked("PUT") == []
    flow.put("d/0", "X")
    flow.remove("d/1")
    flow.s3.requests.clear()
    assert flow.project.one().outcome is Outcome.SYNCED
    assert len(flow.s3.asked("GET")) == 1
    assert sorted(flow.project.files(under="data")) == ["data/d/0", "data/d/2", "data/d/3", "data/d/4"]
    for number in (0, 2, 3, 4):
        flow.remove(f"d/{number}")
    record = flow.project.one()
    assert record.failure is not None and record.failure.code == "E-GUARD-EMPTIED"


def test_push_first_nothing_change_delete(flow: Flow) -> None:
    for number in range(5):
        flow.project.write(f"data/d/{number}", str(number))
    flow.project.write("data/run.sh", "x", mode=0o755)  # B24
    flow.target("push")
    record = flow.project.one()
    assert record.outcome is Outcome.SYNCED, record.failure
    assert flow.files() == {**{f"d/{n}": str(n) for n in range(5)}, "run.sh": "x"}
    flow.s3.requests.clear()
    assert flow.project.one().outcome is Outcome.IN_SYNC
    assert flow.s3.asked("GET") == flow.s3.asked("PUT") == []
    flow.project.write("data/d/0", "X")
    (flow.project.root / "data/d/1").unlink()
    flow.project.commit()
    flow.s3.requests.clear()
    [planned] = flow.project.plan().records
    assert planned.counts.total == 2
    assert flow.s3.asked("PUT") == flow.s3.asked("DELETE") == []  # G8
    record = flow.project.one()
    assert record.outcome is Outcome.SYNCED, record.failure
    assert len(flow.s3.asked("PUT")) == len(flow.s3.asked("DELETE")) == 1
    assert flow.files() == {"d/0": "X", "d/2": "2", "d/3": "3", "d/4": "4", "run.sh": "x"}
    assert flow.project.one().outcome is Outcome.IN_SYNC


def test_max_delete_counts_objects(flow: Flow) -> None:
    """G12."""
    for number in range(4):
        flow.project.write(f"data/{number}", str(number))
    flow.target("push")
    flow.project.one()
    for number in range(3):
        (flow.project.root / "data" / str(number)).unlink()
    flow.project.commit()
    record = flow.project.one()
    assert record.failure is not None and record.failure.code == "E-GUARD-DELETE"
    assert len(flow.files()) == 4


def test_edits_in_the_bucket_are_held_and_kept_when_overwritten(flow: Flow) -> None:
    flow.project.write("data/a", "1")
    flow.project.write("data/b", "1")
    flow.target("push")
    flow.project.one()
    flow.put("a", "theirs")
    assert flow.project.one().outcome is Outcome.IN_SYNC
    flow.target("push", "policy: {overwrite_edits: true}", remote="keep_deleted: kept")
    record = flow.project.one()
    assert record.outcome is Outcome.SYNCED, record.failure
    found = flow.files()
    assert (found.pop("a"), found.pop("b")) == ("1", "1")
    assert list(found.values()) == ["theirs"]


@pytest.mark.parametrize("there", ["changed", "new", "gone"])
def test_a_write_of_somebody_else_in_the_same_moment_is_not_lost(
    flow: Flow, there: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """B90: after the last look, before the write. The store itself refuses."""
    from directional_sync.endpoints.files.putting import Putting

    flow.project.write("data/a", "1")
    flow.target("push")
    if there != "new":
        flow.project.one()
        if there == "gone":
            flow.project.write("data/b", "1")
            (flow.project.root / "data/a").unlink()
        else:
            flow.project.write("data/a", "2")
        flow.project.commit()
        flow.target("push", "policy: {max_delete: 100%}")
    real = Putting._now

    def now(self: Putting, path: str) -> tuple[str, str]:
        answer = real(self, path)
        if path == "a" and "done" not in vars(flow):
            flow.done = True  # type: ignore[attr-defined]
            flow.put("a", "theirs")
        return answer

    monkeypatch.setattr(Putting, "_now", now)
    record = flow.project.one()
    assert record.failure is not None and record.failure.code == "E-APPLY"
    assert [e.kind for e in record.effects if e.change.key == "data/a"] == [EffectKind.STALE]
    assert flow.files()["a"] == "theirs"


def test_a_lost_answer_is_no_failure_and_makes_nothing_twice(flow: Flow, monkeypatch: pytest.MonkeyPatch) -> None:
    """B94: the write was done, and the connection broke before that was said."""
    from directional_sync.endpoints.files.putting import Putting

    flow.project.write("data/a", "1")
    flow.target("push")
    real = Putting._put

    def put(self: Putting, *args: Any) -> None:
        real(self, *args)
        raise ConnectionError("reset")

    monkeypatch.setattr(Putting, "_put", put)
    assert flow.project.one().outcome is Outcome.SYNCED
    assert flow.files() == {"a": "1"}


def test_hostile_and_impossible_names(flow: Flow) -> None:
    flow.put("fine", "1")
    flow.put("clash", "1")
    flow.put("clash/inside", "1")
    flow.put("a//b", "1")
    flow.put("../../escape", "1")
    flow.target("pull")
    record = flow.project.one()
    assert record.failure is not None and record.failure.code in ("E-FILES-NAME", "E-FILES-CLASH")
    assert flow.project.files(under="data") == {"data/fine": "1"}
    flow.target("pull", remote='exclude: [clash, "a/**"]')
    told = " ".join(flow.project.one().failure.detail)  # type: ignore[union-attr]
    assert "escape" in told and "clash" not in told


def test_a_bucket_that_is_not_there(flow: Flow) -> None:
    flow.target("pull")
    flow.bucket = "no-such-bucket"
    flow.target("pull")
    record = flow.project.one()
    assert record.failure is not None and record.failure.code == "E-FILES-ROOT", record.message


def test_u21_a_missing_variable_is_named_and_nothing_is_said_of_the_far_side(flow: Flow) -> None:
    flow.target("push")
    del flow.project.environ["SECRET_KEY"]
    [record] = flow.project.plan().records
    assert record.exit is Exit.CREDENTIAL
    assert record.failure is not None and record.failure.code == "E-ENV-MISSING"
    assert "SECRET_KEY" in record.message


def test_the_secret_shows_nowhere_and_programs_do_not_get_it(flow: Flow) -> None:
    flow.put("a", "1")
    flow.target("pull", 'verification: {command: "env; exit 3"}')
    record = flow.project.one()
    shown = repr(record) + repr(flow.project.events)
    assert "KEY_ID" not in shown and SECRET not in shown
    state = flow.project.root / ".git/directional-sync"
    assert not [path for path in state.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]


@pytest.mark.parametrize(
    ("method", "answer", "code"),
    [
        ("listing", (200, b"<html><body>Please log in</body></html>"), "E-FILES-LISTING"),
        ("listing", (200, b'{"ok": true}'), "E-FILES-"),
        ("listing", (403, b"<Error><Code>AccessDenied</Code></Error>"), "E-FILES-AUTH"),
        ("listing", (503, b"<Error><Code>SlowDown</Code></Error>"), "E-FILES-"),
        ("object", (403, b"<Error><Code>AccessDenied</Code></Error>"), "E-FILES-AUTH"),
        ("object", (200, b"1"), "E-FILES-UNSTEADY"),
    ],
)
def test_g10_f48_f49_a_bad_answer_deletes_nothing(
    flow: Flow, method: str, answer: tuple[int, bytes], code: str, tmp_path: Any
) -> None:
    """A proxy in front of the store answers in its place."""
    from tests.files.proxy import Between

    flow.put("a", "1" * 10)
    flow.put("b", "2" * 10)
    flow.target("pull", "policy: {max_delete: 100%, allow_empty: true}")
    assert flow.project.one().outcome is Outcome.SYNCED
    flow.put("a", "3" * 10)
    before = flow.project.files(under="data")
    shutil.rmtree(flow.project.root / ".git/directional-sync/cache")  # as in CI: only what was agreed is known
    with Between(flow.s3.url) as proxy:
        proxy.answers[method] = answer
        flow.s3, real = S3(proxy.url, None), flow.s3
        flow.target("pull", "policy: {max_delete: 100%, allow_empty: true}")
        record = flow.project.one()
        flow.s3 = real
    assert record.failure is not None and record.failure.code.startswith(code), record.failure
    assert flow.project.files(under="data") == before


def test_nobody_listens(flow: Flow) -> None:
    flow.s3 = S3("http://127.0.0.1:9", None)
    flow.target("pull")
    record = flow.project.one()
    assert record.failure is not None and record.failure.code == "E-FILES-UNREACHABLE", record.failure


def test_without_the_package_the_extra_is_named(flow: Flow, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    import fsspec  # noqa: F401

    monkeypatch.delitem(sys.modules["fsspec.registry"]._registry, "s3", raising=False)
    flow.target("pull")
    monkeypatch.setitem(sys.modules, "s3fs", None)
    record = flow.project.one()
    assert record.failure is not None and record.failure.code == "E-FILES-EXTRA"
    assert "directional-sync[s3]" in record.failure.hint


def test_f59_a_store_that_goes_away_is_not_asked_for_each_object(flow: Flow, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was made is recorded; the next run makes the rest, and nothing twice."""
    from directional_sync.endpoints.files.putting import Putting

    for number in range(20):
        flow.project.write(f"data/{number:02}", str(number))
    flow.target("push", remote="concurrency: 1")
    real, tried = Putting._now, []

    def now(self: Putting, path: str) -> tuple[str, str]:
        tried.append(path)
        if len(tried) > 7:
            raise ConnectionError("no route")
        return real(self, path)

    monkeypatch.setattr(Putting, "_now", now)
    record = flow.project.one()
    assert record.failure is not None and record.failure.code == "E-FILES-UNREACHABLE"
    assert len(flow.files()) == 7 and len(tried) == 9  # the last one twice: perhaps only the answer was lost
    monkeypatch.undo()
    record = flow.project.one()
    assert record.outcome is Outcome.SYNCED, record.failure
    assert len(record.effects) == 13 and len(flow.files()) == 20


def test_without_leave_to_write_it_is_the_credentials(flow: Flow, monkeypatch: pytest.MonkeyPatch) -> None:
    from directional_sync.endpoints.files.putting import Putting

    def put(self: Putting, *args: Any) -> None:
        raise PermissionError("Access Denied")

    flow.project.write("data/a", "1")
    flow.target("push")
    monkeypatch.setattr(Putting, "_put", put)
    assert flow.project.one().exit is Exit.CREDENTIAL


def test_both_ways(flow: Flow) -> None:  # B02, B03, B15, B24, B30, B46
    ten = "".join(f"line {number}\n" for number in range(1, 11))
    flow.put("m", ten)
    flow.put("theirs", "t")
    flow.project.write("data/m", ten)
    flow.project.write("data/ours", "o", mode=0o755)
    flow.target("bidirectional")
    assert flow.project.one().success
    assert flow.files() == {"m": ten, "theirs": "t", "ours": "o"}
    flow.s3.requests.clear()
    assert flow.project.one().outcome is Outcome.IN_SYNC
    assert not flow.s3.asked("GET") and not flow.s3.asked("PUT")

    flow.put("m", ten.replace("line 9\n", "nine there\n"))
    flow.project.write("data/m", ten.replace("line 1\n", "one here\n"))
    flow.remove("theirs")
    flow.put("ours", "changed there")
    flow.project.commit()
    record = flow.project.one()
    assert record.success, record.failure
    both = ten.replace("line 1\n", "one here\n").replace("line 9\n", "nine there\n")
    assert flow.files() == {"m": both, "ours": "changed there"}
    assert (flow.project.root / "data/m").read_text() == both
    assert (flow.project.root / "data/ours").stat().st_mode & 0o100  # a bucket has no bits, so it has not cleared it

    flow.put("ours", "3")
    flow.project.write("data/ours", "2", mode=0o755)
    flow.project.commit()
    assert flow.project.one().exit is Exit.CONFLICTS
    assert flow.files()["ours"] == "3" and (flow.project.root / "data/ours").read_text() == "2"


def test_the_newer_of_two_wins_in_a_bucket_too(flow: Flow) -> None:  # B31
    flow.project.write("data/f", "1")
    flow.target("bidirectional", "policy: {on_conflict: newer}")
    assert flow.project.one().success
    flow.put("f", "3")
    flow.project.write("data/f", "2")
    flow.project.git("add", "-A")
    flow.project.git("commit", "-q", "-m", "Edit", "--date", "2001-01-01T00:00:00Z")
    assert flow.project.one().success
    assert flow.files() == {"f": "3"} and (flow.project.root / "data/f").read_text() == "3"
