"""The checked models of the file as the frozen values that the rest of the program talks about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from directional_sync import plugins
from directional_sync.config.schema_deliver import DeliverPart
from directional_sync.config.schema_safety import CheckPart, DriftGatePart, SafetyPart
from directional_sync.config.schema_target import DefaultsPart, PolicyPart, TargetPart, VerificationPart
from directional_sync.model.target import (
    Allowed,
    Api,
    Catchup,
    Check,
    ConflictRule,
    Deliver,
    Direction,
    DriftGate,
    Place,
    Policy,
    Punctuality,
    Safety,
    Schedule,
    Target,
    Verification,
)


def target(
    name: str,
    part: TargetPart,
    defaults: DefaultsPart,
    *,
    options: Any,
    place: Place,
    missing: tuple[tuple[str, Place], ...],
    variables: tuple[str, ...],
) -> Target:
    """One target; `part` has passed every check."""

    def own(key: str) -> Any:
        value = getattr(part, key)
        return getattr(defaults, key) if value is None else value

    endpoint = plugins.COMMAND if part.remote is None else str(part.remote.get("type", ""))
    given = {key: own(key) for key in _SAME if own(key) is not None}
    given = {**plugins.cautions(endpoint), **given}
    if own("timeout") is not None:
        given["timeout_s"] = own("timeout")
    config = part.config or {}
    catchup, catchup_max = own("catchup") or (Catchup.ONCE, 1)
    made = Target(
        name=name,
        direction=own("direction") or Direction.BIDIRECTIONAL,
        endpoint=endpoint,
        options=options,
        description=part.description,
        schedule=Schedule(part.schedule, own("timezone") or "UTC") if part.schedule else None,
        punctuality=Punctuality(catchup, catchup_max, own("jitter") or 0.0, own("overdue_after")),
        config=config,
        inputs=tuple(part.inputs or ()),
        outputs=tuple(part.outputs or ()),
        verification=_verification(part.verification) if part.verification else None,
        policy=_policy(part.policy, defaults.policy),
        needs=tuple(dict.fromkeys(part.needs or ())),
        priority=part.priority,
        env=tuple(dict.fromkeys((*(defaults.env or ()), *(part.env or ())))),
        env_vars=tuple(dict.fromkeys(config.get("env_vars") or ())),
        paused=part.paused,
        place=place,
        missing=missing,
        variables=variables,
        records=plugins.records(endpoint),
        **given,
    )
    return replace(made, credentials=plugins.credentials(made))


_SAME = (
    "retries",
    "git_commit",
    "git_commit_message",
    "idempotent",
    "dry_run",
    "fail_on_diff",
    "approve",
    "hidden_text",
)
"""Keys that `defaults` may set and that have the same name in the model."""


def entrypoint_options(part: TargetPart) -> dict[str, Any]:
    """What the endpoint `command` is told."""
    keys = ("entrypoint", "args", "dry_run_flag", "fresh_outputs")
    return {key: getattr(part, key) for key in keys if getattr(part, key) is not None}


def safety(part: SafetyPart) -> Safety:
    return Safety(
        secret_patterns=tuple(part.secret_patterns or ()),
        pre_sync_checks=tuple(_check(check) for check in part.pre_sync_checks or ()),
        post_sync_checks=tuple(_check(check) for check in part.post_sync_checks or ()),
        drift_gates=tuple(_gate(gate) for gate in part.drift_gates or ()),
        allowed_secrets=tuple(
            Allowed(item.fingerprint, item.reason, item.expires or "") for item in part.allowed_secrets or ()
        ),
        require_detector=part.require_detector,
        max_file_bytes=part.max_file_bytes,
        protected=tuple(part.protected or ()),
        allow_protected=tuple(part.allow_protected or ()),
        run_hooks=part.run_hooks,
    )


def deliver(part: DeliverPart) -> Deliver:
    api = part.api
    return Deliver(
        push=part.push,
        remote=part.remote or "",
        branch=part.branch or "",
        deliver_mode=part.mode,
        token=part.token or "",
        attempts=part.attempts,
        api=Api(api.type, api.url or "", api.repository or "") if api is not None else None,
        labels=tuple(part.labels or ()),
        **({"lease_s": part.lease} if part.lease is not None else {}),
    )


def _policy(part: PolicyPart | None, defaults: PolicyPart | None) -> Policy:
    given: dict[str, Any] = {}
    for source in (defaults, part):
        for key in PolicyPart.model_fields if source is not None else ():
            if getattr(source, key) is not None:
                given[key] = getattr(source, key)
    rules = given.pop("on_conflict_at", {})
    return Policy(**given, on_conflict_at=tuple(ConflictRule(glob, said) for glob, said in rules.items()))


def _verification(part: VerificationPart) -> Verification:
    return Verification(
        command=part.command,
        expected_min=part.expected_min,
        expected_max=part.expected_max,
        expected_exit_code=part.expected_exit_code,
        **_timeout(part.timeout),
    )


def _check(part: CheckPart) -> Check:
    return Check(
        name=part.name,
        command=part.command,
        expected_exit_code=part.expected_exit_code,
        skip_on_pull=part.skip_on_pull,
        skip_on_push=part.skip_on_push,
        **_timeout(part.timeout),
    )


def _gate(part: DriftGatePart) -> DriftGate:
    return DriftGate(
        name=part.name,
        command=part.command,
        max_drift_score=part.max_drift_score,
        min_value=part.min_value,
        max_value=part.max_value,
        targets=tuple(part.targets or ()),
        **_timeout(part.timeout),
    )


def _timeout(given: float | None) -> Mapping[str, float]:
    return {} if given is None else {"timeout_s": given}
