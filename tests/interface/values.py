"""Hand-made values for what the renderers are shown."""

from __future__ import annotations

from typing import Any

from directional_sync.errors import Exit
from directional_sync.model.lifecycle import Outcome, Skip
from directional_sync.model.plan import Change, Conflict, FileDiff, Held, Plan, Side, Why, count
from directional_sync.model.record import Failure, Phase, Summary, TargetRecord, Verdict
from directional_sync.model.snapshot import ABSENT, FILE, Entry, Source
from directional_sync.model.target import Direction, Pause, Place, Schedule, Target

RUN = "0199aa00bb11c0ffee0000"


def entry(content: str, mode: str = FILE) -> Entry:
    return Entry(content.encode().hex().ljust(40, "0")[:40], mode)


def source(name: str, commit: str) -> Source:
    return Source(
        name, f"https://git.example/{name}.git", "refs/heads/18.0", commit * 10, commit[::-1] * 10, f"addons/{name}"
    )


def add(key: str) -> Change:
    return Change(key, ABSENT, entry(key))


def change(key: str) -> Change:
    return Change(key, entry("old" + key), entry("new" + key))


def delete(key: str) -> Change:
    return Change(key, entry(key), ABSENT)


def sources_plan() -> Plan:
    """Four upstreams: one moved, one new, one gone, one unchanged."""
    return Plan(
        "oca_repos",
        Direction.PULL,
        repo=(
            add("addons/sale-workflow/sale_note/__init__.py"),
            change("addons/sale-workflow/sale_order/models.py"),
            delete("addons/sale-workflow/sale_old/x.py"),
            add("addons/web/web_view/__init__.py"),
            delete("addons/crm/crm_lead/a.py"),
        ),
        sources=(source("sale-workflow", "9a7b"), source("server-tools", "f5d2"), source("web", "00aa")),
        was=(source("sale-workflow", "1c0f"), source("server-tools", "f5d2"), source("crm", "7777")),
    )


def file_plan() -> Plan:
    return Plan(
        "apps_truth",
        Direction.PULL,
        repo=(change("docs/runtime/apps_truth.json"),),
        held=(Held("docs/runtime/notes.md", Side.REPO, Why.EDITED),),
        notes=("the list has no end marker",),
    )


BEFORE = b'{\n  "region": "sgp",\n  "active": "b81c",\n  "DB_PASSWORD": "hunter2-old"\n}\n'
AFTER = b'{\n  "region": "sgp",\n  "active": "e02f",\n  "DB_PASSWORD": "hunter2-new"\n}\n'


def record(plan: Plan, outcome: Outcome, message: str, **given: object) -> TargetRecord:
    return TargetRecord(
        plan.target,
        plan.direction,
        outcome,
        message,
        duration_s=1.25,
        counts=count(plan.repo),
        plan=plan,
        plan_digest="d" * 64,
        **given,  # type: ignore[arg-type]
    )


def skipped(name: str, why: Skip) -> TargetRecord:
    return TargetRecord(name, Direction.PUSH, Outcome.SKIPPED, "not attempted", skip=why)


def unchanged(name: str) -> TargetRecord:
    return TargetRecord(name, Direction.PULL, Outcome.IN_SYNC, "Nothing to do", duration_s=0.01)


def refused() -> TargetRecord:
    verdict = Verdict(
        "max_delete",
        Phase.PLAN,
        False,
        "212 of 260 files would be removed (82 %, limit 50 %)",
        "E-GUARD-DELETE",
        tuple(f"docs/{n}.json" for n in range(12)),
        "check the source, then: dsync run notion_monthend --allow-delete 212",
    )
    return TargetRecord(
        "notion_monthend",
        Direction.PULL,
        Outcome.REFUSED,
        "Refused: max_delete: 212 of 260 files would be removed (82 %, limit 50 %)",
        verdicts=(verdict,),
        failure=Failure(
            verdict.code,
            f"max_delete: {verdict.message}",
            verdict.hint,
            kept="nothing was changed",
            detail=verdict.detail,
            exit=Exit.REFUSED,
        ),
    )


def failed(name: str = "live_to_docs") -> TargetRecord:
    return TargetRecord(
        name,
        Direction.PULL,
        Outcome.FAILED,
        "the answer from api.example ended early",
        duration_s=58.2,
        failure=Failure(
            "E-NET-TRUNCATED",
            "the answer from api.example ended early",
            f"usually temporary, try again with: dsync run {name}",
            ".insightpulse/sync.yaml:31:3",
            "docs/runtime/ is unchanged",
            ("got 2,700 bytes, no end marker",),
        ),
    )


def conflicted() -> TargetRecord:
    plan = Plan(
        "claude_config",
        Direction.BIDIRECTIONAL,
        conflicts=(Conflict("claude.md#17", entry("a"), entry("b"), entry("c")),),
    )
    return TargetRecord(
        plan.target,
        plan.direction,
        Outcome.CONFLICTED,
        "1 conflict waits for a person",
        plan=plan,
        failure=Failure("E-CONFLICT", "1 conflict waits for a person: claude.md#17", exit=Exit.CONFLICTS),
    )


def opaque() -> TargetRecord:
    plan = Plan("notion_legacy", Direction.PUSH, opaque="the entrypoint has no dry run", preview="would push 3 rows\n")
    return TargetRecord(
        plan.target, plan.direction, Outcome.PLANNED, "no preview possible", plan=plan, plan_digest="e" * 64
    )


def sample() -> tuple[FileDiff, ...]:
    return (FileDiff("docs/runtime/apps_truth.json", BEFORE, AFTER),)


def summary(*records: TargetRecord, dry_run: bool = False, plan_id: str = "") -> Summary:
    return Summary(RUN, "2026-03-29T02:00:00Z", 61.5, records, dry_run, "dsync run", "0.1.0", "main@4d2e9a1", plan_id)


def everything(*, dry_run: bool) -> Summary:
    done = Outcome.PLANNED if dry_run else Outcome.SYNCED
    commit = {} if dry_run else {"commit": "9a1c4e0" * 5 + "abcde"}
    sample_given = {"samples": sample()} if dry_run else {}
    records = (
        record(sources_plan(), done, "3 of 3 sources moved, +2 ~1 -2 files", **commit),
        record(file_plan(), done, "~1 file", notes=("the list has no end marker",), **commit, **sample_given),
        *((opaque(),) if dry_run else ()),
        unchanged("skillsmith_catalog"),
        skipped("notion_bir", Skip.UNAVAILABLE),
        skipped("notion_field_docs", Skip.UNAVAILABLE),
        skipped("paused_one", Skip.PAUSED),
        conflicted(),
        refused(),
        failed(),
    )
    return summary(*records, dry_run=dry_run, plan_id="8f3c21ab" if dry_run else "")


def targets() -> tuple[Target, ...]:
    def one(name: str, direction: Direction, cron: str, line: int, **given: Any) -> Target:
        place = Place(".insightpulse/sync.yaml", line, 3)
        return Target(name, direction, "command", schedule=Schedule(cron), place=place, **given)

    return (
        one("oca_repos", Direction.PULL, "0 2 * * *", 12, outputs=("addons/**",)),
        one("apps_truth", Direction.PULL, "0 */6 * * *", 21, outputs=("docs/runtime/apps_truth.json",)),
        one("live_to_docs", Direction.PULL, "0 */12 * * *", 30),
        one("skillsmith_catalog", Direction.PULL, "0 5 * * 0", 40),
        one("claude_config", Direction.BIDIRECTIONAL, "0 4 * * *", 50),
        one("notion_monthend", Direction.PUSH, "0 1 1 * *", 60, paused=Pause()),
    )
