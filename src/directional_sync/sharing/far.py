"""The remote as it was last seen, and one push of all that belongs together.

What the remote's refs hold is kept under `refs/directional-sync/seen/<remote>/`: with it a clone knows which of its own
refs have moved since, and every push says what it expects to find.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from directional_sync.errors import HostError
from directional_sync.git.outward import Outward, Pushed, Wanted
from directional_sync.git.plumbing import RefMove
from directional_sync.git.repository import Repository
from directional_sync.sharing import refusals

_SEEN = "refs/directional-sync/seen/"
_SHARED = "refs/directional-sync/shared/{remote}/{target}"
_NOTED = "refs/directional-sync/noted/{remote}/{target}"
_OURS = (
    "refs/heads/directional-sync/*",
    "refs/directional-sync/base/*",
    "refs/directional-sync/branch/*",
    "refs/directional-sync/lease/*",
    "refs/directional-sync/ran/*",
)
KEPT = "what was committed is kept in this clone"


@dataclass
class Far:
    """One branch of one remote, and our own refs beside it."""

    repository: Repository
    outward: Outward
    branch: str
    """Its short name."""
    now: dict[str, str] = field(default_factory=dict)
    """Ref -> what it held when it was last seen."""

    @property
    def ref(self) -> str:
        return f"refs/heads/{self.branch}"

    @property
    def head(self) -> str:
        """What the branch holds there; "" where there is none."""
        return self.now.get(self.ref, "")

    @property
    def where(self) -> str:
        """For people."""
        return f"{self.outward.remote}/{self.branch}"

    def shared(self, target: str) -> str:
        """The ref at which it is kept on which base of `target` this clone and the remote were one last."""
        return _SHARED.format(remote=self.outward.remote, target=target)

    def noted(self, target: str) -> str:
        """The same for the note of when `target` ran."""
        return _NOTED.format(remote=self.outward.remote, target=target)

    def look(self) -> None:
        """Fetches the branch and our refs. Raises SyncError E-DELIVER-...; nothing of the user's has changed then."""
        self.now = self._seen()
        specs = [f"+{ref}:{self._name(ref)}" for ref in (self.ref, *_OURS)]
        done = self.outward.fetch(*specs)
        if done.status and b"couldn't find remote ref" in done.stderr:
            self._refuse_gone()
            done = self.outward.fetch(*specs[1:])
        if done.status:
            raise refusals.from_fetch(self.where, done, kept=KEPT)
        self.now = self._seen()
        self._deepen()

    def push(self, wanted: Sequence[Wanted]) -> Pushed:
        """All or nothing; what was taken counts as seen."""
        pushed = self.outward.push(wanted)
        if pushed.taken:
            moves = [
                RefMove(self._name(one.ref), one.new, self.now.get(one.ref, ""))
                for one in wanted
                if one.new != self.now.get(one.ref, "")
            ]
            self.repository.git.update_refs(moves, "directional-sync: pushed")
            self.now = self._seen()
        return pushed

    def _refuse_gone(self) -> None:
        if self.now.get(self.ref):
            raise HostError(
                "E-DELIVER-GONE",
                f"{self.outward.remote} has no branch {self.branch} any more",
                hint=f"if it is to be made again: git push {self.outward.remote} HEAD:{self.ref}",
                kept=KEPT,
            )

    def _deepen(self) -> None:
        """A shallow clone may lack what both sides have in common; then the rest of the history is fetched, once."""
        git = self.repository.git
        if not self.head or git.attempt("merge-base", self.head, "HEAD").status == 0:
            return
        if (self.repository.common_dir / "shallow").exists():
            done = self.outward.fetch(f"+{self.ref}:{self._name(self.ref)}", options=("--unshallow",))
            if done.status:
                raise refusals.from_fetch(self.where, done, kept=KEPT)

    def _seen(self) -> dict[str, str]:
        prefix = f"{_SEEN}{self.outward.remote}/"
        found = self.repository.git.refs(prefix)
        return {f"refs/{name.removeprefix(prefix)}": digest for name, digest in found.items()}

    def _name(self, ref: str) -> str:
        """Where it is kept what `ref` holds; of a pattern, the pattern."""
        return f"{_SEEN}{self.outward.remote}/{ref.removeprefix('refs/')}"
