"""A run as JSON: the seed's report, with fields added. Its schema is `schemas/report.schema.json`.

`successful + failed == total_targets == len(results)`, always; skipped targets stand beside, under `skipped`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from directional_sync.errors import Exit
from directional_sync.model.plan import Conflict, Counts, Plan, Settled
from directional_sync.model.record import Effect, Summary, TargetRecord, Verdict
from directional_sync.model.snapshot import Source
from directional_sync.render.failure import error
from directional_sync.render.problems import failures
from directional_sync.render.tally import tally, word

VERSION = 1
"""Rises when a field changes its meaning; added fields do not raise it."""


def report(summary: Summary, *, status: Exit | None = None) -> dict[str, Any]:
    """The report of one run. `status` is the exit status where options made it differ from the run's own."""
    given = tally(summary)
    found: dict[str, Any] = {
        "timestamp": summary.started,
        "total_targets": given.total,
        "successful": given.successful,
        "failed": given.failed,
        "total_duration": round(summary.duration_s, 3),
        "results": [result(record) for record in summary.counted],
        "skipped": [result(record) for record in summary.skipped],
        "report_version": VERSION,
        "version": summary.version,
        "run": summary.run,
        "dry_run": summary.dry_run,
        "command": summary.command,
        "base": summary.base,
        "plan": summary.plan_id or None,
        "outcomes": {str(name): number for name, number in sorted(given.words.items())},
        "changes": changes(given.counts),
        "exit_status": int(summary.exit() if status is None else status),
        **({"warnings": list(summary.warnings)} if summary.warnings else {}),
        **({"undoes": summary.undoes} if summary.undoes else {}),
    }
    if summary.delivered is not None:
        from directional_sync.render.delivery import delivered  # most runs have none

        found["delivered"] = delivered(summary.delivered)
    cleaned: dict[str, Any] = clean(found)
    return cleaned


def schema() -> dict[str, Any]:
    """The published JSON schema, which every report keeps."""
    import json
    from importlib import resources

    text = resources.files("directional_sync").joinpath("schemas/report.schema.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def result(record: TargetRecord) -> dict[str, Any]:
    """One entry of `results` or `skipped`."""
    found: dict[str, Any] = {
        "target": record.target,
        "direction": str(record.direction),
        "success": record.success,
        "message": record.message,
        "duration": round(record.duration_s, 3),
        **({"steps": {str(step): round(taken, 6) for step, taken in record.steps}} if record.steps else {}),
        "outputs_created": list(record.outputs_created),
        "verification_passed": record.verification_passed,
        "outcome": str(record.outcome),
        "result": str(word(record)),
        "changes": changes(record.counts),
        "gates": [_gate(verdict) for verdict in record.verdicts],
        "commit": record.commit or None,
        "plan": record.plan_digest or None,
        "error": _error(record),
        **({"further_errors": [error(one) for one in record.also]} if record.also else {}),
        "skipped_because": str(record.skip) if record.skip else None,
        **({"scheduled": record.scheduled} if record.scheduled else {}),
        "notes": list(record.notes),
        **({"effects": [_effect(effect) for effect in record.effects]} if record.effects else {}),
        **(_plan(record.plan) if record.plan is not None else {}),
    }
    cleaned: dict[str, Any] = clean(found)
    return cleaned


def changes(counts: Counts) -> dict[str, int]:
    return {"added": counts.added, "changed": counts.changed, "deleted": counts.deleted, "moved": counts.moved}


def _plan(plan: Plan) -> dict[str, Any]:
    return {
        "sources": [_source(source) for source in plan.sources],
        "conflicts": [conflict.key for conflict in plan.conflicts],
        **({"conflict_details": [_conflict(one) for one in plan.conflicts]} if plan.conflicts else {}),
        **({"settled": [_settled(one) for one in plan.settled]} if plan.settled else {}),
        **({"edits_kept": list(plan.outlived)} if plan.outlived else {}),
        "held": [
            {
                "key": item.key,
                "side": str(item.side),
                "why": str(item.why),
                "detail": item.detail,
                **({"hint": item.advice} if item.advice else {}),
            }
            for item in plan.held
        ],
        "opaque": plan.opaque or None,
    }


def _conflict(conflict: Conflict) -> dict[str, Any]:
    return {"key": conflict.key, "why": conflict.why, "clashes": list(conflict.clashes)}


def _settled(one: Settled) -> dict[str, Any]:
    return {"key": one.conflict.key, "how": str(one.ending), "copy": one.copy or None, "note": one.note}


def _effect(effect: Effect) -> dict[str, Any]:
    return {
        "key": effect.change.key,
        "change": effect.change.sign.name.lower(),
        "kind": str(effect.kind),
        "message": effect.message,
        "facts": dict(effect.facts),
    }


def _source(source: Source) -> dict[str, str]:
    names = ("name", "url", "ref", "commit", "tree", "into")
    return {name: getattr(source, name) for name in names}


def _gate(verdict: Verdict) -> dict[str, Any]:
    return {
        "name": verdict.gate,
        "phase": str(verdict.phase),
        "passed": verdict.passed,
        "warning": verdict.warning,
        "message": verdict.message,
        "code": verdict.code or None,
        "detail": list(verdict.detail),
        "hint": verdict.hint,
    }


def _error(record: TargetRecord) -> dict[str, Any] | None:
    found = failures(record)
    return error(found[0]) if found else None


def clean(value: Any) -> Any:
    """The value with every text in it valid Unicode: bytes of names that are no UTF-8 show as `\\xff`."""
    if isinstance(value, str):
        return _clean_text(value)
    if isinstance(value, Mapping):
        return {clean(key): clean(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [clean(item) for item in value]
    return value


def _clean_text(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        escaped = "".join(
            c if not ("\ud800" <= c < "\udc80" or "\udcff" < c <= "\udfff") else f"\\u{ord(c):04x}" for c in text
        )
        return escaped.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return text
