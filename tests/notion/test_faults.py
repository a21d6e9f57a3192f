"""What the world does to a push: nothing is made twice, nothing is lost, and the record says exactly what was done."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from tests.notion.noted import TOKEN, Noted, creates, reads, state, task, tasks, updates

from directional_sync.endpoints.notion import api
from directional_sync.errors import Exit
from directional_sync.model.lifecycle import EventType, Outcome
from directional_sync.model.record import EffectKind, TargetRecord
from directional_sync.render.report import schema
from directional_sync.testing.service import Asked, Mishap


def effects(record: TargetRecord) -> dict[str, str]:
    return {effect.change.key: str(effect.kind) for effect in record.effects}


def waits(noted: Noted) -> list[str]:
    return [event.message for event in noted.project.events if event.message.startswith("waiting")]


@pytest.mark.parametrize(
    "mishap",
    [
        Mishap(drop_after=True, when=creates),
        Mishap(cut_after=20, when=creates),
        Mishap(cut_after=20, no_length=True, when=creates),
    ],
)
@pytest.mark.parametrize("lag_s", [0.0, 0.7])
def test_a_creation_whose_reply_is_lost_is_found_by_its_id(
    noted: Noted, mishap: Mishap, lag_s: float
) -> None:  # U15, F57, F58
    noted.configure(settle=2)
    noted.board.lag = lambda: lag_s
    noted.say(task(1), task(2))
    noted.service.misbehave(mishap, times=1)
    record = noted.sync()
    assert effects(record) == {"t001": "done", "t002": "done"}
    assert noted.ids() == ["t001", "t002"] and noted.board.writes[0][0] == "create"
    assert len(noted.board.writes) == 2
    assert record.effects[0].facts["id"] == noted.row("t001").id
    assert bool(lag_s) == bool(waits(noted))
    assert noted.sync().outcome is Outcome.IN_SYNC


def test_a_creation_that_never_arrived_is_made_again_once_that_is_certain(noted: Noted) -> None:
    noted.configure(settle=0.3)
    noted.say(task(1))
    noted.service.misbehave(Mishap(drop_before=True, when=creates), times=1)
    assert effects(noted.sync()) == {"t001": "done"}
    assert noted.ids() == ["t001"]


def test_what_the_run_could_not_find_out_the_next_one_does(noted: Noted) -> None:  # F57, F58
    noted.configure(settle=0.3)
    noted.board.lag = lambda: 1.0
    noted.say(task(1), task(2))
    noted.service.misbehave(Mishap(drop_after=True, when=creates))
    noted.service.misbehave(Mishap(status=500, when=lambda asked: b"equals" in asked.body))
    record = noted.run()
    assert effects(record) == {"t001": "unknown"} and len(noted.board.writes) == 1
    assert "1 unknown, 1 not attempted" in record.message
    noted.service.behave()
    noted.configure(settle=2)
    assert noted.sync().counts.added == 1
    assert noted.ids() == ["t001", "t002"] and len(noted.board.writes) == 2


def test_a_row_that_queries_do_not_show_yet_is_asked_for_by_its_id(noted: Noted) -> None:  # F58
    noted.configure(settle=60)
    noted.board.lag = lambda: 1000.0
    noted.say(task(1))
    noted.sync()
    noted.heard()
    assert noted.sync().outcome is Outcome.IN_SYNC
    assert noted.heard() == ["query", f"GET /v1/pages/{noted.row('t001').id}"]
    noted.say(task(1, status="Done"))
    assert noted.sync().counts.changed == 1
    assert noted.sync().outcome is Outcome.IN_SYNC  # the query still shows nothing
    noted.say(task(2))
    noted.target["policy"] = {"max_delete": "100%"}
    noted.configure()
    assert noted.sync().counts.deleted == 1
    assert noted.sync().outcome is Outcome.IN_SYNC
    assert noted.ids() == ["t002"]


@pytest.mark.parametrize("k", range(4))
def test_every_kth_failure_tells_which_and_the_next_run_goes_on(noted: Noted, k: int) -> None:  # F59
    noted.say(*tasks(4))

    def kth(asked: Asked) -> bool:
        return creates(asked) and f"t{k:03}" in asked.body.decode()

    noted.service.misbehave(Mishap(status=403, when=kth))
    record = noted.run()
    assert record.exit is Exit.CREDENTIAL
    assert effects(record) == {f"t{at:03}": "done" if at < k else "failed" for at in range(k + 1)}
    left = f", {3 - k} not attempted" if k < 3 else ""
    assert f"of 4 changes on the far side {k} made, 1 failed{left}" in record.message
    assert len(noted.ids()) == k
    noted.service.behave()
    assert noted.sync().counts.added == 4 - k
    assert noted.ids() == [f"t{at:03}" for at in range(4)] and len(noted.board.writes) == 4


def test_rows_that_notion_refuses_do_not_hide_the_others(noted: Noted) -> None:  # U17
    noted.configure(properties={"Name": "{title}", "Link": "{link?}"})
    bad = {7, 21, 34, 50, 63, 77, 98}
    noted.say(*[task(at, link="ok") for at in range(100)])

    def refused(asked: Asked) -> bool:
        return creates(asked) and any(f"t{at:03}" in asked.body.decode() for at in bad)

    noted.service.misbehave(Mishap(status=400, when=refused))
    record = noted.run()
    assert record.failure is not None and int(record.exit) == 1
    assert "93 made, 7 refused" in record.message
    assert [line.split(":")[0] for line in record.failure.detail] == [f"t{at:03}" for at in sorted(bad)]
    assert "400" in record.failure.detail[0]
    assert len(noted.ids()) == 93
    noted.service.behave()
    assert noted.sync().counts.added == 7


def test_the_report_says_what_became_of_each_row(noted: Noted) -> None:  # F59
    noted.say(task(1), task(2), task(3))
    noted.service.misbehave(Mishap(status=400, when=lambda asked: creates(asked) and b"t002" in asked.body))
    done = noted.command("run", "--json")
    [result] = json.loads(done.stdout)["results"]
    Draft202012Validator(schema()).validate(json.loads(done.stdout))
    assert [(one["key"], one["change"], one["kind"]) for one in result["effects"]] == [
        ("t001", "add", "done"),
        ("t002", "add", "refused"),
        ("t003", "add", "done"),
    ]
    assert result["effects"][0]["facts"]["id"] == noted.row("t001").id
    assert "400" in result["effects"][1]["message"]
    assert "t002: refused" in noted.command("run").stdout


def test_a_rate_limit_is_kept_and_shown(noted: Noted) -> None:  # F51, U16
    noted.say(*tasks(3))
    noted.service.misbehave(Mishap(status=429, retry_after="0.1"), times=3)
    noted.service.misbehave(Mishap(status=429, retry_after="2", when=creates), times=1)
    assert effects(noted.sync()) == {"t000": "done", "t001": "done", "t002": "done"}
    assert any("rate limit" in line and "2 s" in line for line in waits(noted))
    assert len(noted.board.writes) == 3


def test_pages_that_are_too_big_become_smaller_and_grow_again(noted: Noted) -> None:  # U16
    noted.target["retries"] = 0
    noted.configure()
    noted.have(*tasks(260))
    sizes: list[int] = []

    def big(asked: Asked) -> bool:
        if not asked.path.endswith("/query"):
            return False
        sizes.append(asked.json["page_size"])
        return len(sizes) in (1, 3)

    noted.service.misbehave(Mishap(status=504, when=big))
    assert noted.sync().outcome is Outcome.IN_SYNC
    assert sizes[:6] == [100, 25, 50, 12, 24, 48] and sizes[-1] == 100


@pytest.mark.parametrize("status", [401, 403])
def test_a_token_that_ends_while_rows_are_listed(noted: Noted, status: int) -> None:  # F54, U04
    noted.have(*tasks(150))
    noted.say(*tasks(1))
    noted.target["policy"] = {"max_delete": "100%"}
    noted.configure()
    noted.service.misbehave(Mishap(status=status, when=lambda asked: b"start_cursor" in asked.body))
    record = noted.run()
    assert (record.exit, record.outcome) == (Exit.CREDENTIAL, Outcome.FAILED)
    assert len(noted.ids()) == 150


@pytest.mark.parametrize(
    "answer",
    [
        b"{}",
        b'{"object":"list","results":[],"has_more":null,"next_cursor":null}',
        b'{"object":"list","results":[],"has_more":true,"next_cursor":null}',
        b'{"object":"list","results":[{"object":"page"}],"has_more":false}',
        b'{"object":"list","results":{},"has_more":false}',
        b"[]",
        b"null",
    ],
)
def test_an_answer_of_another_shape_is_none(noted: Noted, answer: bytes) -> None:  # F48, F55, F56, G10
    noted.say(*tasks(3))
    noted.sync()
    noted.service.misbehave(Mishap(body=answer, when=lambda asked: asked.path.endswith("/query")))
    record = noted.run()
    assert record.failure is not None and record.failure.code == "E-NOTION-SHAPE", record.message
    assert len(noted.board.writes) == 3


def test_a_cursor_that_leads_in_a_circle(noted: Noted) -> None:  # F55
    noted.say(task(1))
    body = b'{"object":"list","results":[],"has_more":true,"next_cursor":"again"}'
    noted.service.misbehave(Mishap(body=body, when=lambda asked: asked.path.endswith("/query")))
    record = noted.run()
    assert record.failure is not None and "circle" in record.failure.message
    assert not noted.board.writes


def test_a_cursor_that_is_no_longer_good_begins_the_list_again(noted: Noted) -> None:  # F55
    noted.have(*tasks(250))
    noted.service.misbehave(Mishap(status=400, when=lambda asked: b"start_cursor" in asked.body), times=1)
    assert noted.sync().outcome is Outcome.IN_SYNC
    assert noted.heard() == ["query"] * 5


@pytest.mark.parametrize("change", ["edit", "trash", "equal"])
def test_a_conflict_makes_us_look_again(noted: Noted, change: str) -> None:  # F53
    noted.say(task(1), task(2))
    noted.sync()
    page = noted.row("t001").id

    def collides(asked: Asked) -> bool:
        if updates(asked) and page in asked.path and not collided:
            collided.append(asked)
            if change == "trash":
                noted.board.trash(page)
            else:
                name = "Done" if change == "equal" else "Other"
                noted.board.edit(page, {"Status": {"select": {"name": name}}})
            return True
        return False

    collided: list[Asked] = []
    noted.service.misbehave(Mishap(status=409, when=collides))
    noted.say(task(1, status="Done"), task(2, status="Done"))
    record = noted.run()
    assert effects(record) == {"t001": "done" if change == "equal" else "stale", "t002": "done"}
    assert len(collided) == 1
    if change == "edit":
        assert noted.value("t001", "Status")["name"] == "Other"


def test_a_conflict_over_nothing_of_ours_is_tried_again(noted: Noted) -> None:  # F53
    noted.say(task(1))
    noted.sync()
    noted.service.misbehave(Mishap(status=409, when=updates), times=1)
    noted.say(task(1, status="Done"))
    assert effects(noted.sync()) == {"t001": "done"}


def test_what_is_edited_between_the_look_and_the_write_is_left_alone(noted: Noted) -> None:  # B90
    noted.say(task(1), task(2), task(3))
    noted.sync()
    first = noted.row("t001").id
    looks: list[Asked] = []

    def edits(asked: Asked) -> bool:
        if asked.path.endswith("/query"):
            looks.append(asked)
            if len(looks) == 2:  # right before the first write
                noted.board.edit(first, {"Status": {"select": {"name": "Other"}}})
                noted.board.edit(noted.row("t002").id, {"Hours": {"number": 5}})
                noted.board.add(noted.database, {"External ID": {"rich_text": [{"text": {"content": "t009"}}]}})
        return False

    noted.service.misbehave(Mishap(when=edits))
    noted.say(*[task(at, status="Done") for at in (1, 2, 3)], task(9))
    record = noted.run()
    assert effects(record) == {"t001": "stale", "t002": "done", "t003": "done", "t009": "stale"}
    assert noted.value("t001", "Status")["name"] == "Other"
    assert noted.ids() == ["t001", "t002", "t003", "t009"]


def test_two_rows_with_one_id_are_refused_with_their_addresses(noted: Noted) -> None:  # F60
    noted.say(task(1), task(2))
    noted.sync()
    twin = noted.board.add(noted.database, {"External ID": {"rich_text": [{"text": {"content": "t001"}}]}})
    noted.say(task(1, status="Done"), task(2, status="Done"))
    record = noted.run()
    assert record.failure is not None and record.failure.code == "E-NOTION-DUPLICATE"
    assert (record.outcome, record.exit) == (Outcome.REFUSED, Exit.REFUSED)
    for page in (noted.row("t002").id, twin):
        assert (page.replace("-", "") in record.failure.message) == (page == twin)
    assert noted.row("t002").id and len(noted.board.writes) == 2
    noted.board.trash(twin)
    assert noted.sync().counts.changed == 2


def test_notion_that_keeps_something_else_is_told(noted: Noted, monkeypatch: pytest.MonkeyPatch) -> None:
    noted.say(task(1))
    real = api.Api.create

    def other(self: api.Api, body: Mapping[str, Any], sending: Any) -> Any:
        page: Any = json.loads(json.dumps(real(self, body, sending)))
        page["properties"]["Name"]["title"][0]["plain_text"] = "Another"
        return page

    monkeypatch.setattr(api.Api, "create", other)
    record = noted.run()
    assert [effect.kind for effect in record.effects] == [EffectKind.UNKNOWN]
    assert 'Name: "Another" instead of "Task 1"' in record.message
    monkeypatch.undo()
    assert noted.sync().outcome is Outcome.SYNCED and len(noted.board.writes) == 1


def test_no_token_anywhere(noted: Noted) -> None:  # T24, I12
    noted.say(*tasks(3))
    noted.service.misbehave(Mishap(status=401, when=updates))
    done = [noted.command("run", "--json", "-v"), noted.command("plan"), noted.command("run", "--ci")]
    noted.say(*tasks(3, note="x", status="Done"))
    done += [noted.command("run", "-v"), noted.command("log"), noted.command("show")]
    assert done[3].returncode == 4
    for one in done:
        assert TOKEN not in one.stdout + one.stderr
        assert noted.database.replace("-", "") not in one.stdout + one.stderr
    for path in state(noted.project).rglob("*"):
        assert not path.is_file() or TOKEN.encode() not in path.read_bytes(), path


def test_the_progress_of_a_run_names_each_row(noted: Noted) -> None:
    noted.say(task(1), task(2))
    noted.sync()
    told = [event.message for event in noted.project.events if event.type is EventType.PROGRESS]
    assert "2 of 2: t002 done" in told


def test_a_service_that_is_down_keeps_everything(noted: Noted) -> None:  # F52
    noted.target["retries"] = 0
    noted.configure()
    noted.say(task(1))
    noted.sync()
    noted.say(task(1, status="Done"), task(2))
    noted.service.misbehave(Mishap(status=503, when=lambda asked: not reads(asked)))
    record = noted.run()
    assert effects(record) == {"t001": "unknown"} and int(record.exit) == 1
    noted.service.behave()
    assert noted.sync().counts.total == 2
    assert noted.ids() == ["t001", "t002"]


def test_no_write_is_begun_when_the_time_is_nearly_over(noted: Noted) -> None:
    noted.target["timeout"] = 8
    noted.configure(rate=3)
    noted.say(*tasks(40))
    record = noted.run()
    assert record.failure is not None and record.failure.code == "E-SERVICE-TIMEOUT"
    assert set(effects(record).values()) <= {"done"}
    assert len(noted.board.writes) == len(record.effects) < 40
    noted.target["timeout"] = 600
    noted.configure(rate=100)
    noted.sync()
    assert len(noted.ids()) == len(noted.board.writes) == 40


def test_more_rows_than_one_query_answers(noted: Noted) -> None:
    """Notion ends a list after 10,000 rows and says that there are no more: those behind would be made again."""
    noted.have(*tasks(130))
    for number, page in enumerate(noted.board.pages.values()):
        page.created_at = 1_767_225_600 + 20 * number  # three a minute
        page.now.edited_at = page.created_at
    noted.board.results_max = 50
    assert noted.sync().outcome is Outcome.IN_SYNC
    assert 3 <= noted.heard().count("query") <= 4
    noted.say(*[task(at, status="Done" if at > 120 else "Todo") for at in range(135)])
    record = noted.sync()
    assert (record.counts.changed, record.counts.added) == (9, 5)
    assert noted.ids() == [f"t{at:03}" for at in range(135)]


def test_more_rows_of_one_minute_than_one_query_answers(noted: Noted) -> None:
    noted.board.clock = lambda: 1_767_225_600.0
    noted.have(*tasks(60))
    noted.board.results_max = 50
    record = noted.run()
    assert record.failure is not None and "not all of them can be seen" in record.failure.message
    assert not noted.board.writes
