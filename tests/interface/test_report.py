"""The report: the seed's fields, the published schema, and the same counts on every face."""

from __future__ import annotations

import json
import re
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from tests.interface.values import everything

from directional_sync.errors import Exit
from directional_sync.model.lifecycle import Event, EventType, Outcome, Skip
from directional_sync.model.plan import Change, Counts, Held, Plan, Side, Why
from directional_sync.model.record import Failure, Phase, Summary, TargetRecord, Verdict
from directional_sync.model.snapshot import ABSENT, FILE, Entry
from directional_sync.model.target import Direction
from directional_sync.render import github, ndjson
from directional_sync.render.ink import Ink
from directional_sync.render.report import report, schema
from directional_sync.render.tally import tally
from directional_sync.render.text import plan_text, run_text

SCHEMA = schema()
VALIDATOR = Draft202012Validator(SCHEMA)

text = st.text(st.characters(), max_size=12)
verdicts = st.builds(
    Verdict,
    text,
    st.sampled_from(Phase),
    st.booleans(),
    text,
    st.just("E-GATE-POST"),
    st.tuples(text),
    text,
    st.booleans(),
)
failures = st.builds(
    Failure, st.just("E-NET"), text, text, text, text, st.tuples(text), st.sampled_from([Exit.FAILED, Exit.CREDENTIAL])
)
plans = st.one_of(
    st.none(),
    st.just(Plan("t", Direction.PULL)),
    st.just(Plan("t", Direction.PUSH, opaque="why")),
    st.just(Plan("t", Direction.PULL, held=(Held("k", Side.REMOTE, Why.REFUSED, "E-SECRET: why", "take it out"),))),
    st.just(Plan("t", Direction.PULL, repo=(Change("k", ABSENT, Entry("a" * 40, FILE)),))),
)


@st.composite
def records(draw: st.DrawFn) -> TargetRecord:
    outcome = draw(st.sampled_from(Outcome))
    ended = outcome in (Outcome.FAILED, Outcome.REFUSED, Outcome.CONFLICTED, Outcome.CANCELLED)
    return TargetRecord(
        draw(text),
        draw(st.sampled_from(Direction)),
        outcome,
        draw(text),
        duration_s=draw(st.floats(0, 1e6)),
        counts=Counts(*draw(st.tuples(*[st.integers(0, 99)] * 4))),
        outputs_created=tuple(draw(st.lists(text, max_size=2))),
        verification_passed=draw(st.sampled_from([None, True, False])),
        verdicts=tuple(draw(st.lists(verdicts, max_size=2))),
        commit=draw(st.sampled_from(["", "a" * 40])),
        plan=draw(plans),
        failure=draw(failures) if ended else None,
        also=tuple(draw(st.lists(failures, max_size=1))) if ended else (),
        skip=draw(st.sampled_from(Skip)) if outcome is Outcome.SKIPPED else None,
        notes=tuple(draw(st.lists(text, max_size=1))),
    )


summaries = st.builds(
    Summary,
    run=st.just("0199aa00bb11c0ffee0000"),
    started=st.just("2026-03-29T02:00:00Z"),
    duration_s=st.floats(0, 1e6),
    records=st.lists(records(), max_size=6).map(tuple),
    dry_run=st.booleans(),
    command=text,
    version=st.just("0.1.0"),
    base=text,
    plan_id=st.sampled_from(["", "8f3c21ab"]),
)


def test_the_published_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_it_has_exactly_the_fields_of_the_seed_and_more() -> None:
    found = report(everything(dry_run=False))
    seed = {"timestamp", "total_targets", "successful", "failed", "total_duration", "results"}
    result = {"target", "direction", "success", "message", "duration", "outputs_created", "verification_passed"}
    assert seed <= set(found)
    assert all(result <= set(entry) for entry in found["results"])


@settings(max_examples=150)
@given(summaries)
def test_every_report_is_valid_and_adds_up(summary: Summary) -> None:
    found = json.loads(json.dumps(report(summary), ensure_ascii=False).encode("utf-8"))  # no lone surrogates
    assert [error.message for error in VALIDATOR.iter_errors(found)] == []
    assert found["successful"] + found["failed"] == found["total_targets"] == len(found["results"])
    assert found["successful"] == sum(entry["success"] for entry in found["results"])
    assert sum(found["outcomes"].values()) == found["total_targets"] + len(found["skipped"])


@settings(max_examples=150)
@given(summaries)
def test_all_faces_show_the_same_counts(summary: Summary) -> None:  # U11, P11, R3
    found = report(summary)
    wanted = (found["total_targets"], found["successful"], found["failed"], len(found["skipped"]))
    shown = plan_text if summary.dry_run else run_text
    faces = [
        shown(summary, Ink(), summary.exit()),
        shown(summary, Ink(verbose=-1), summary.exit()),
        github.job_summary(summary),
    ]
    for face in faces:
        assert _counts(face) == (*wanted, dict(tally(summary).words))
    event = Event(EventType.RUN_END, "", subject=summary)
    line = ndjson.line(event, seq=1, ts="2026-03-29T02:00:00Z", run=summary.run)
    assert line["data"]["report"] == found


def _counts(face: str) -> tuple[Any, ...]:
    [line] = re.findall(r"^(?:### \w+: )?(\d+ targets?: .*)$", face, re.MULTILINE)
    total, good, bad, skipped = (int(n) for n in re.search(  # type: ignore[union-attr]
        r"^(\d+) targets?: (\d+) successful.*?, (\d+) failed.*?, (\d+) skipped", line
    ).groups())  # fmt: skip
    words = {
        word: int(n) for n, word in re.findall(r"(\d+) (changed|unchanged|unknown|refused|conflict|cancelled)", line)
    }
    if "(" in line and re.search(r"failed \(.*?(\d+) failed", line):
        words["failed"] = int(re.search(r"failed \(.*?(\d+) failed", line)[1])  # type: ignore[index]
    elif bad and not re.search(r"failed \(", line):
        words["failed"] = bad
    if skipped:
        words["skipped"] = skipped
    return total, good, bad, skipped, words


@settings(max_examples=60)
@given(summaries)
def test_event_lines_are_valid_json_on_one_line(summary: Summary) -> None:
    for record in summary.records:
        event = Event(EventType.TARGET_END, record.message, record.target, subject=record)
        line = ndjson.line(event, seq=3, ts="2026-03-29T02:00:00Z", run=summary.run)
        written = json.dumps(line, ensure_ascii=False)
        assert {"v", "ts", "seq", "run", "type", "target", "level", "msg"} <= set(line)
        assert "\n" not in written and json.loads(written.encode()) == line


def test_names_that_are_no_utf8_stay_readable() -> None:
    from tests.interface.hostile import hostile_summary

    found = report(hostile_summary(b"caf\xe9".decode("utf-8", "surrogateescape"), dry_run=True))
    assert found["results"][0]["target"] == "caf\\xe9"
