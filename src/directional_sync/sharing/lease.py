"""One machine at a time writes to the far side of a target: a ref on the remote says whose turn it is.

It is taken by a push that says what it expects to find, so of two machines one is told no. Whoever holds it says until
when; who is not heard of any more loses it. Clocks differ: what has run out by the clock of its holder is taken over
only some minutes later, and what a machine with a clock far ahead has left behind is taken over once it was seen
unchanged for as long as it holds. A holder that was asleep finds out before its next effect, and stops. What a killed
run of this very clone has left is over at once, since only one run at a time works in a clone.
"""

from __future__ import annotations

import hashlib
import json
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from directional_sync.core.escape import one_line
from directional_sync.errors import LockHeldError, StalePlanError, SyncError
from directional_sync.git import tree as trees
from directional_sync.git.objects import ObjectStore
from directional_sync.git.outward import Wanted
from directional_sync.model.target import Target
from directional_sync.sharing import refusals
from directional_sync.sharing.far import Far
from directional_sync.sharing.refusals import Why
from directional_sync.system import host

LEASE_REF = "refs/directional-sync/lease/{target}"
CLOCKS_S = 300.0
"""How far apart the clocks of two machines may be."""
_AUTHOR = ("directional-sync", "directional-sync@localhost")
_LOOK_S = 2.0
_TRIES = 20
_KEPT = "nothing was sent to the far side"


@dataclass
class _Held:
    digest: str
    since: float
    """By the monotonic clock, when it was taken or renewed."""
    wall: datetime


@dataclass
class Leases:
    """Those of one run."""

    shared = True
    far: Far
    ttl_s: float
    run: str
    wait_s: float
    """How long to wait for a machine that has its turn."""
    refresh: Callable[[], None]
    """Brings branch and bases of this clone up to what the remote has."""
    stop: Callable[[], bool] = lambda: False
    waiting: Callable[[str], None] = lambda message: None
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    holds: dict[str, _Held] = field(default_factory=dict)

    def take(self, target: Target) -> None:
        """This machine's turn with the target, with what was agreed on until now. Raises LockHeldError E-LEASE-HELD,
        and SyncError E-DELIVER-... where the remote does not answer."""
        if target.name in self.holds:
            self.still(target)
            return
        ref, until = LEASE_REF.format(target=target.name), host.monotonic() + self.wait_s
        for _ in range(_TRIES):
            self._wait_for(ref, target, until)
            if self._pushed(ref, target.name, self.far.now.get(ref, "")):
                self.refresh()
                return
            self.far.look()
        raise self._refused(target, "others kept taking it")

    def still(self, target: Target) -> None:
        """Before an effect: raises StalePlanError E-LEASE-LOST when this machine's turn is over."""
        held = self.holds.get(target.name)
        if held is None:
            return
        passed = max(host.monotonic() - held.since, (self.now() - held.wall).total_seconds())
        if passed < self.ttl_s / 2:
            return
        ref = LEASE_REF.format(target=target.name)
        try:
            if self._pushed(ref, target.name, held.digest):
                return
        except SyncError:
            if passed < self.ttl_s * 0.9:
                return
        del self.holds[target.name]
        raise StalePlanError(
            "E-LEASE-LOST",
            f"another machine has taken over {target.name}, because this one was not heard of for too long",
            hint=f"look at what it has done, then: dsync run {target.name}",
            kept="what was sent is recorded, and nothing more is sent",
            retryable=True,
        )

    def release(self) -> None:
        """Lets go of all. What cannot be let go of runs out by itself."""
        wanted = [Wanted(LEASE_REF.format(target=name), "", held.digest) for name, held in self.holds.items()]
        self.holds.clear()
        with suppress(SyncError):
            if wanted and not self.far.push(wanted).taken:
                for one in wanted:
                    self.far.push([one])

    def _wait_for(self, ref: str, target: Target, until: float) -> None:
        while (current := self.far.now.get(ref, "")) and not self._is_over(ref, current):
            if self.stop() or host.monotonic() >= until:
                raise self._refused(target, self._whose(current))
            self.waiting(f"waiting for {target.name}: {self._whose(current)}")
            host.pause(min(_LOOK_S, max(0.0, until - host.monotonic())))
            self.far.look()

    def _pushed(self, ref: str, name: str, old: str) -> bool:
        """Whether the lease is ours now; False when somebody was quicker."""
        began, wall = host.monotonic(), self.now()
        new = self._written(name, wall)
        pushed = self.far.push([Wanted(ref, new, old)])
        if pushed.taken:
            self.holds[name] = _Held(new, began, wall)
            return True
        reason = refusals.why(pushed)
        if reason is Why.RACE:
            return False
        raise refusals.complaint(reason, self.far.outward.remote, refusals.told(pushed.finished), kept=_KEPT)

    def _written(self, name: str, wall: datetime) -> str:
        repository = self.far.repository
        content = {
            "version": 1,
            "target": name,
            "holder": socket.gethostname(),
            "clone": self._clone,
            "run": self.run,
            "taken": _text(wall),
            "until": _text(wall + timedelta(seconds=self.ttl_s)),
            "holds_s": self.ttl_s,
            "nonce": host.new_id(),
        }
        with ObjectStore(repository, repository.cache / "quarantine" / f"lease-{host.new_id()}") as store:
            empty = trees.empty_tree(repository.hash_name)
            store.write_trees([b""])
            message = f"Lease of {name}\n\n{json.dumps(content, indent=1)}"
            commit = store.write_commit(empty, (), message, author=_AUTHOR, when=_text(wall))
            store.publish([commit], [])
        return commit

    def _read(self, digest: str) -> dict[str, Any]:
        """What a lease says; {} where it is not one of ours."""
        try:
            content = self.far.repository.git.run("cat-file", "commit", digest)
            found = json.loads(content.partition(b"\n\n")[2].partition(b"\n\n")[2])
            return found if isinstance(found, dict) else {}
        except (SyncError, ValueError):
            return {}

    def _is_over(self, ref: str, digest: str) -> bool:
        """Whether its holder has not been heard of for long enough."""
        said = self._read(digest)
        now = self.now()
        if said.get("clone") == self._clone:
            return True
        try:
            until, holds_s = datetime.fromisoformat(str(said["until"])), float(said["holds_s"])
            if now > until + timedelta(seconds=CLOCKS_S):
                return True
        except (KeyError, ValueError, TypeError):
            holds_s = self.ttl_s  # nobody knows what it says, so it holds as long as ours would
        return self._seen_for(ref, digest, now) > min(holds_s, 86_400.0) + CLOCKS_S

    def _seen_for(self, ref: str, digest: str, now: datetime) -> float:
        """For how many seconds this clone knows the lease as it is, by its own clock."""
        path = self._sightings / ref.rpartition("/")[2]
        try:
            known, _, since = path.read_text("utf-8").partition(" ")
            if known == digest:
                return (now - datetime.fromisoformat(since.strip())).total_seconds()
        except (OSError, ValueError):
            pass
        host.make_folder(self._sightings)
        host.atomic_write(path, f"{digest} {_text(now)}\n".encode())
        return 0.0

    @cached_property
    def _clone(self) -> str:
        """What no other clone is: a copy has the same note, but not at the same place of the same machine."""
        path = self.far.repository.state / "clone"
        if not path.exists():
            host.atomic_write(path, f"{host.new_id()}\n".encode())
        about = f"{path.read_text('ascii').strip()} {socket.gethostname()} {path.stat().st_ino} {path}"
        return hashlib.sha256(about.encode("utf-8", "surrogateescape")).hexdigest()[:32]

    @property
    def _sightings(self) -> Path:
        return self.far.repository.cache / "leases"

    def _whose(self, digest: str) -> str:
        said = self._read(digest)
        names = [one_line(str(said.get(name, "?")), 80) for name in ("holder", "run", "taken", "until")]
        return "held by {} (run {}) since {}, until {} at the latest".format(*names)

    def _refused(self, target: Target, why: str) -> LockHeldError:
        return LockHeldError(
            "E-LEASE-HELD",
            f"another machine is at work on {target.name}: {why}",
            hint=f"wait for it: dsync run {target.name} --lock-timeout 10m",
            kept=_KEPT,
            retryable=True,
        )


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
