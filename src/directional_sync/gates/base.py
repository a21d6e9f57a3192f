"""What judges at a phase. A gate reads and answers; it never changes anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from directional_sync.model.approval import Approvals
from directional_sync.model.plan import Change, Plan
from directional_sync.model.record import Phase, Verdict
from directional_sync.model.snapshot import Snapshot
from directional_sync.model.target import Config, Target

if TYPE_CHECKING:
    from directional_sync.git.rehearsal import Rehearsal

READ_BYTES_MAX = 64_000_001
"""What is behind this in a file no gate reads."""


@dataclass(frozen=True)
class Subject:
    """What is being judged."""

    config: Config
    target: Target
    root: Path
    """PRE: the user's work tree. POST: a checkout of the staged tree. Commands run here, and write nothing."""
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    """For commands: the allow-listed variables."""
    plan: Plan | None = None
    """PLAN and POST only."""
    entries: tuple[Change, ...] = ()
    """PLAN only: what happens to the entries of the repository's side. The same as the plan's, but where these are
    records: there the plan names the files that they stand in."""
    base: Snapshot = Snapshot()
    repo: Snapshot = Snapshot()
    remote: Snapshot = Snapshot()
    """PLAN only: the three snapshots that were reconciled; keys equal on all three sides are left out."""
    sizes: Mapping[str, int] = field(default_factory=dict)
    """Side name -> how many entries it holds altogether, equal ones included. PLAN only; filled when needed."""
    emptied: tuple[str, ...] = ()
    """PLAN only: places of sources that held something when both sides last agreed, and of which nothing is left."""
    read: Callable[[str], bytes] = lambda digest: b""
    """The content behind a digest."""
    read_many: Callable[[list[str]], Mapping[str, bytes]] = lambda digests: {}
    """The same for many digests in few round trips; of each no more than its first READ_BYTES_MAX bytes."""
    size_many: Callable[[list[str]], Mapping[str, int]] = lambda digests: {}
    """Digest -> size in bytes, without reading the content."""
    allow_delete: int | None = None
    """What a person has allowed on the command line: raises the deletion limit to exactly this count."""
    today: str = ""
    """ISO date, for allow-list entries that expire."""
    listing: Callable[[list[str]], Mapping[str, Mapping[str, str]]] = lambda folders: {}
    """Folder keys ("" for the root) -> name -> mode of what the branch holds directly in them now, what is equal
    on all sides included; folders that it does not hold are left out."""
    approvals: Callable[[], Approvals] = Approvals
    """What people have approved, as the branch holds it."""
    rehearsal: Rehearsal | None = None
    """POST only: the commit that is about to be made; None where none is, or no hook is to be asked."""
    cache: Path | None = None
    """A folder in which a gate may keep what only makes it faster; None: nothing is kept."""


class Gate(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def phase(self) -> Phase: ...

    def judge(self, subject: Subject) -> list[Verdict]:
        """One verdict for each thing judged; [] when it does not apply. Never raises for what it judges."""


@runtime_checkable
class Preparing(Protocol):
    """A gate that has something to get ready."""

    def prepare(self, cache: Path) -> None:
        """Content to judge is on its way: begins, beside, what takes long. `cache` as in `Subject`. Never raises."""
