"""The gate over text that an agent would read and that nobody sees who looks at the file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from directional_sync.core.escape import one_line
from directional_sync.core.hidden_text import Found, find
from directional_sync.gates.approval import unreadable, waiting
from directional_sync.gates.base import Subject
from directional_sync.gates.incoming import contents, incoming
from directional_sync.gates.plan import counted, listed
from directional_sync.model.approval import Ask
from directional_sync.model.record import Phase, Verdict
from directional_sync.model.target import HiddenText

_READ = (".md", ".mdx", ".mdc", ".markdown", ".txt", ".rst", ".cursorrules", ".windsurfrules", ".clinerules")


@dataclass(frozen=True)
class Hidden:
    """No text comes in that is hidden from people: what was there before, or is approved, does not count."""

    name: str = "hidden text"
    phase: Phase = Phase.PLAN

    def judge(self, subject: Subject) -> list[Verdict]:
        changes = [
            change
            for change in incoming(subject)
            if change.key.lower().endswith(_READ) and change.after.digest != change.before.digest
        ]
        found: list[tuple[str, Ask, Sequence[Found]]] = []
        try:
            for change, before, after in contents(subject, changes):
                new = _new(before, after)
                if new:
                    found.append((change.key, _ask(change.key, new), new))
        except KeyError:
            problem = "text that would be installed could not be read"
            return [Verdict(self.name, self.phase, False, problem, "E-GATE-CONTENT")]
        if not found:
            return [Verdict(self.name, self.phase, True, f"{counted(len(changes), 'text')}: none")] if changes else []
        return self._judged(subject, found)

    def _judged(self, subject: Subject, found: Sequence[tuple[str, Ask, Sequence[Found]]]) -> list[Verdict]:
        warns = subject.target.hidden_text is HiddenText.WARN
        broken = None if warns else unreadable(subject, self.name)
        if broken is not None:
            return [broken]
        wait = {key for key, _ in waiting(subject, [(key, ask) for key, ask, _ in found])}
        places = [(key, one) for key, _, new in found if key in wait for one in new]
        if not places:
            return [Verdict(self.name, self.phase, True, f"{counted(len(found), 'text')} with some, approved as it is")]
        where = f" in {one_line(places[0][0], 80)}" if len(wait) == 1 else f" in {len(wait)} files"
        kinds = ", ".join(dict.fromkeys(one.kind for _, one in places))
        return [
            Verdict(
                self.name,
                self.phase,
                warns,
                f"{counted(len(places), 'place')}{where}: {kinds}",
                "E-HIDDEN-TEXT",
                listed([f"{one_line(key, 200)}:{one}" for key, one in places]),
                f"read it as it is shown here; if it is harmless: dsync approve {subject.target.name}",
                warning=warns,
                keys=tuple(key for key, _ in places),
                asks=() if warns else tuple(ask for key, ask, _ in found if key in wait),
            )
        ]


def _new(before: bytes, after: bytes) -> list[Found]:
    """What is hidden in `after` and was not in `before`."""
    now = find(after.decode("utf-8", "replace"))
    then = {(one.kind, one.hidden) for one in find(before.decode("utf-8", "replace"))} if now and before else set()
    return [one for one in now if (one.kind, one.hidden) not in then]


def _ask(key: str, new: Sequence[Found]) -> Ask:
    """Bound to what is hidden, so that other edits of the file need no new approval."""
    content = "\n".join(f"{one.kind}: {one.hidden}" for one in new).encode("utf-8", "replace")
    shown = "\n".join(f"{one}\n{one.hidden}" for one in new).encode("utf-8", "replace")
    return Ask(f"{key}#hidden", sha256(content).hexdigest(), "text that people do not see", shown)
