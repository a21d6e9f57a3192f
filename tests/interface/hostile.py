"""A summary in which one text stands wherever text from outside can stand."""

from __future__ import annotations

from directional_sync.model.lifecycle import Outcome
from directional_sync.model.plan import Change, Conflict, FileDiff, Held, Plan, Side, Why, count
from directional_sync.model.record import Failure, Phase, Summary, TargetRecord, Verdict
from directional_sync.model.snapshot import ABSENT, FILE, Entry, Source
from directional_sync.model.target import Direction

_ENTRY, _OTHER = Entry("a" * 40, FILE), Entry("b" * 40, FILE)


def hostile_summary(text: str, *, dry_run: bool) -> Summary:
    source = Source(text, text, text, text, text, text)
    key = text or "k"
    plan = Plan(
        text,
        Direction.PULL,
        repo=(Change(key, ABSENT, _ENTRY), Change(key + "/x", _ENTRY, _OTHER)),
        remote=(Change(key, _ENTRY, ABSENT),),
        conflicts=(Conflict(key, _ENTRY, _OTHER, ABSENT),),
        held=(Held(key, Side.REPO, Why.EDITED, text), Held(key, Side.REMOTE, Why.UNREADABLE, text)),
        sources=(source,),
        notes=(text,),
    )
    content = text.encode("utf-8", "surrogatepass")
    verdicts = (
        Verdict(text, Phase.PLAN, True, text, warning=True),
        Verdict(text, Phase.PRE, True, text),
        Verdict(text, Phase.POST, False, text, "E-X", (text,), text),
    )
    first = TargetRecord(
        text,
        Direction.PULL,
        Outcome.FAILED,
        text,
        counts=count(plan.repo),
        outputs_created=(text,),
        verdicts=verdicts,
        plan=plan,
        failure=Failure("E-Y", text, text, text, text, (text,)),
        notes=(text,),
        samples=(FileDiff(key, content, b"new\n" + content),),
    )
    opaque = TargetRecord(
        text, Direction.PUSH, Outcome.PLANNED, text, plan=Plan(text, Direction.PUSH, opaque=text, preview=text)
    )
    return Summary("0" * 22, "2026-03-29T02:00:00Z", 1.0, (first, opaque), dry_run, text, "0.1.0", text, "")
