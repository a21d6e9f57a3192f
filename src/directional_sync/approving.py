"""What waits for a person's approval, and giving it."""

from __future__ import annotations

from collections.abc import Sequence

from directional_sync.app import run_in
from directional_sync.errors import HostError, SelectionError
from directional_sync.model.approval import Approvals, Ask
from directional_sync.model.lifecycle import Tell
from directional_sync.model.record import TargetRecord
from directional_sync.system import host
from directional_sync.workspace import RunOptions, Selection, Workspace, select


def waiting(workspace: Workspace, name: str, options: RunOptions, tell: Tell) -> tuple[TargetRecord, tuple[Ask, ...]]:
    """What of one target a person would have to approve, each once, and how its plan ended. Changes nothing. Raises
    SelectionError, also when `name` means several: approvals are given one by one."""
    from directional_sync.run.world import Mode

    targets = select(workspace, Selection((name,)))
    if len(targets) > 1:
        names = ", ".join(target.name for target in targets)
        raise SelectionError("E-SELECT", f"{name!r} means several targets: {names}", hint="name one of them")
    record = run_in(workspace, targets, options, Mode(dry_run=True), tell).records[0]
    asks = {(ask.key, ask.sha256): ask for verdict in record.verdicts for ask in verdict.asks}
    return record, tuple(ask for _, ask in sorted(asks.items()))


def given(workspace: Workspace) -> Approvals:
    """What people have approved, as the work tree has it, committed or not."""
    from directional_sync.core import approvals

    return approvals.parse(content) if (content := _approvals(workspace)) else Approvals()


def approve(workspace: Workspace, target: str, asks: Sequence[Ask]) -> str:
    """Writes the approvals into the work tree; answers the path of the file. Raises HostError E-APPROVALS-FILE when it
    cannot be read, and what writing raises."""
    from directional_sync.core import approvals

    path = workspace.approvals_path
    try:
        content = approvals.added(_approvals(workspace), target, asks)
    except ValueError as error:
        hint = f"mend it, or take it back: git checkout HEAD -- {path}"
        raise HostError("E-APPROVALS-FILE", f"{path}: {error}", hint=hint, kept="nothing was approved") from error
    host.atomic_write(workspace.root / path, content, 0o644)
    return path


def _approvals(workspace: Workspace) -> bytes:
    path = workspace.root / workspace.approvals_path
    with host.host_errors(path):
        return path.read_bytes() if path.is_file() else b""
