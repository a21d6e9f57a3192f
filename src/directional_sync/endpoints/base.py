"""What stands behind a side of a target.

An *endpoint* answers `snapshot()` and carries out `apply(changes)`. Its contract, which the conformance suite
in `testing.conformance` holds every endpoint to:

- `snapshot` changes nothing that a person could see; two snapshots without a change between them are equal.
- `apply([])` does nothing. After `apply`, a snapshot shows `after` for every effect that is *done*.
- A change whose `before` no longer matches is answered *stale* and nothing is written for it.
- A second identical `apply` changes nothing. One failing key does not hide the others.
- An item that cannot be read is unreadable, never absent.
- Content is named by its git object id; whoever takes a snapshot puts the content into the object store it
  was given, so that `objects.read(entry.digest)` works afterwards. Of a push only the id is needed.
- What the far side could not hold at all (modes, links, what is excluded) it says as the snapshot's `grasp`.
- No secret in repr, log or error. What `Capabilities` declares is what happens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from directional_sync.model.lifecycle import Tell
from directional_sync.model.plan import Change, Plan
from directional_sync.model.record import Attempt, Effect
from directional_sync.model.snapshot import Entry, Snapshot
from directional_sync.model.surprise import Accepted
from directional_sync.model.target import Target

if TYPE_CHECKING:
    from directional_sync.endpoints.options import Options as Options


def __getattr__(name: str) -> Any:
    """`Options`, whose library is loaded by those who declare options, not by those who only run."""
    if name != "Options":
        raise AttributeError(name)
    from directional_sync.endpoints.options import Options

    return Options


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an endpoint can do; declared and observed behaviour are the same."""

    writes: bool = False
    """`apply` works."""
    previews: bool = True
    """A snapshot tells what a run would do. False: the plan is opaque."""
    portions: bool = False
    """`apply` makes several changes before it tells what became of each, and settles the ledger before it goes on."""


class Ledger(Protocol):
    """What was sent to the far side of one target, on the disk before it is sent."""

    def attempts(self) -> Mapping[str, Attempt]:
        """By key, the newest of what runs, this one among them, sent and of which a look at the far side may not show
        the outcome yet: where a run was cut off, and where it is not long ago."""

    def intend(self, change: Change) -> None:
        """The change is about to be sent. For changes of which a second sending would not be the same as one, and for
        all that a later run should not take for somebody else's. Raises HostError; then it must not be sent."""

    def settle(self) -> None:
        """What has become of changes so far is on the disk. For who has `Capabilities.portions`, before each of them.
        Raises HostError; then nothing more must be sent."""


class _NoLedger:
    def attempts(self) -> Mapping[str, Attempt]:
        return {}

    def intend(self, change: Change) -> None:
        """Kept nowhere."""

    def settle(self) -> None:
        """Kept nowhere."""


class Objects(Protocol):
    """The object store an endpoint puts content into: a quarantine, joined to the repository's own store
    only when every gate has passed."""

    def write_blob(self, content: bytes) -> str:
        """Stores `content`; answers its object id."""

    def write_blobs(self, contents: Sequence[bytes]) -> list[str]:
        """Stores many at once; answers their object ids in order."""

    def write_files(self, paths: Sequence[Path]) -> list[str]:
        """Stores the raw bytes of these files (no filters); answers their object ids in order."""

    def read(self, digest: str) -> bytes:
        """The content of a blob. Raises KeyError when it is nowhere."""

    def borrow(self, objects_dir: Path) -> None:
        """From now on objects in `objects_dir` (another store's `objects` folder) can be read too."""


@dataclass(frozen=True)
class Context:
    """All that an endpoint is given by the program; it finds nothing out by itself."""

    target: Target
    objects: Objects
    git_dir: Path
    """The repository's common git directory."""
    cache: Path
    """A folder of this endpoint's own under the state directory; may be deleted at any time between runs."""
    head: str
    """The commit of the branch when the run began."""
    tell: Tell
    environment: Mapping[str, str] = field(repr=False)
    """The variables this target may see (already filtered), for credentials and entrypoints."""
    dry_run: bool = False
    """For the entrypoint's SYNC_DRY_RUN only; endpoints decide nothing by it."""
    run: str = ""
    config_path: str = ""
    stop: Callable[[], bool] = lambda: False
    """Whether somebody asked us to stop. An endpoint that may take long asks it, and then raises InterruptedRun."""
    locked: bool = False
    """Take exactly the sources that the lock names (they are `prior.sources`), and ask no far side for newer ones."""
    prune: bool = False
    """Answer what is agreed already, without what came from sources that the configuration no longer holds."""
    accepted: Accepted = field(default_factory=dict)
    """The surprises that a person has accepted for this run."""
    ledger: Ledger = field(default_factory=_NoLedger)
    root: Path = Path()
    """The root of the user's work tree."""
    external_roots: Callable[[], tuple[Path, ...]] = lambda: ()
    """Folders outside of the repository that this machine lets targets write into; asked for when one is to be."""
    expect: Callable[[], None] = lambda: None
    """Said once when new content is about to be obtained, so that who judges it can get ready meanwhile."""


class Endpoint(Protocol):
    """One far side, opened for one run of one target."""

    capabilities: Capabilities

    def snapshot(self, prior: Snapshot) -> Snapshot:
        """All it holds now. `prior` is the base, with its sources: what was there last time, for saving work;
        the answer does not depend on it. Raises SyncError when nothing at all can be said, NotHere."""

    def apply(self, changes: Sequence[Change]) -> Iterator[Effect]:
        """Carries out the changes in order; one effect each, yielded as soon as it is known."""

    def close(self) -> None:
        """Lets go of processes, connections and temporary files. Safe to call twice."""


class NotHere(Exception):
    """The far side does not exist on this machine, and the target's options say that it is left out then. Raised by
    `snapshot`; the message says what is missing."""


@runtime_checkable
class Tidying(Protocol):
    """What an endpoint offers beside the rest that may leave something on its far side when it is killed."""

    def tidy(self) -> None:
        """Removes what the last snapshot has seen there of killed runs of this target. Asked in real runs only, under
        the run lock. Never raises: what cannot be removed is of no harm, and the next run tries again."""


@runtime_checkable
class Foreseeing(Protocol):
    """What an endpoint offers beside the rest that knows beforehand what its far side does not take."""

    def foresee(self, changes: Sequence[Change]) -> Mapping[str, str]:
        """Key -> why `apply` would refuse this change, as the last snapshot has it. Changes nothing."""


@runtime_checkable
class Confirming(Protocol):
    """What an endpoint offers beside the rest that can look at single keys for less than at everything."""

    def confirm(self, changes: Sequence[Change]) -> Mapping[str, Entry] | None:
        """Key -> what is there now, of changes that were made a moment ago; read once more, not remembered. None where
        only a snapshot tells."""


class Translating(Protocol):
    """What an endpoint offers beside the rest whose keys are no paths of the repository but records of the far side:
    its targets have `records`."""

    def translate(self, repo: Snapshot) -> Snapshot:
        """What the repository's files say, as records: keys and content as `snapshot` has them. `repo` has no unopened
        folders. Asked once, before `snapshot`. Raises SyncError naming file and line of everything that cannot be
        translated."""


class Writing(Translating, Protocol):
    """What a translating endpoint offers beside the rest whose targets may change the repository's side: its records
    stand in files there, and only it knows how."""

    def write(self, repo: Snapshot, plan: Plan, effects: Sequence[Effect] | None) -> tuple[Change, ...]:
        """The files of the repository that change so that `translate` of them then answers what the plan says: sorted
        by path, each other than before. `repo`: its files now, as `translate` was given them. `effects`: what became
        of the changes of the far side; None before they are made, as if all went well that can. Writes nothing; asked
        for one plan again and again. Raises SyncError where the files cannot say it."""


@runtime_checkable
class Reporting(Protocol):
    """What a writing endpoint offers beside the rest that keeps a report of what differs among the target's outputs."""

    def report_refused(self, repo: Snapshot, plan: Plan) -> tuple[Change, ...]:
        """The change of the report alone, where a drift gate has refused the plan and nothing of it is carried out.
        `repo` as in `Writing.write`. Writes nothing."""


class Opaque(Protocol):
    """What an endpoint with `capabilities.previews` False offers beside the rest: nobody can look at its far side,
    so its `snapshot` is the prior one, and instead of `apply` it is performed as a whole, after the gates."""

    def opaque(self) -> tuple[str, str]:
        """Why nothing can be said beforehand, and what it says itself when asked for a dry run ("" when it cannot
        be asked): `Plan.opaque` and `Plan.preview`."""

    def perform(self) -> Snapshot:
        """Does it, once. Answers what both sides now agree on: the inputs as the branch has them, and the outputs as
        it left them; to be weighed as the remote side. Raises SyncError."""
