"""The user's own `pre-commit`, asked about what would be committed, where the file says `run_hooks`.

Commits are made by plumbing, which runs no hook. Who asks for this one gets it run on exactly the tree that is to be
committed, in a throw-away repository. A hook that mends files is refused all the same: what was judged and verified is
what comes from the source, and so it has to be mended there.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace

from directional_sync.errors import HostError
from directional_sync.gates.base import Subject
from directional_sync.gates.command import Answer, run
from directional_sync.git.rehearsal import Rehearsal, executable
from directional_sync.model.record import Phase, Verdict

_HOOK = "pre-commit"
_TIMEOUT_S = 600.0
_LISTED = 20
_FAILED = "mend at the source what it complains of, or teach the hook to leave these files alone; then run again"
_CHANGED = "mend at the source what it would change, or teach the hook to leave these files alone; then run again"


@dataclass(frozen=True)
class Hooks:
    name: str = _HOOK
    phase: Phase = Phase.POST

    def judge(self, subject: Subject) -> list[Verdict]:
        if subject.rehearsal is None:
            return []
        try:
            return [self._asked(subject, subject.rehearsal)]
        except HostError as error:
            message = f"the hook could not be asked: {error.message}"
            return [Verdict(self.name, self.phase, False, message, "E-HOOK", error.detail, error.hint)]

    def _asked(self, subject: Subject, rehearsal: Rehearsal) -> Verdict:
        hook = rehearsal.hook(_HOOK)
        if hook is None or not executable(hook):
            why = "this clone has none" if hook is None else f"git would not run it either: {hook} is not executable"
            return Verdict(self.name, self.phase, True, f"safety.run_hooks asks for it, and {why}", warning=True)
        try:
            variables = rehearsal.begin()
            place = replace(
                subject, root=rehearsal.folder, environment={**subject.environment, **variables}, rehearsal=None
            )
            answer = run(place, shlex.quote(str(hook)), _TIMEOUT_S, "E-HOOK", trusted=False)
            return self._answered(answer, rehearsal)
        finally:
            rehearsal.end()

    def _answered(self, answer: Answer, rehearsal: Rehearsal) -> Verdict:
        if answer.trouble or answer.status:
            failed = answer.failed(self.name, self.phase, answer.trouble or f"exit status {answer.status}, 0 expected")
            return failed if failed.code == "E-CHECK-TIMEOUT" else replace(failed, hint=_FAILED)
        altered = rehearsal.altered()
        if not altered:
            return Verdict(self.name, self.phase, True, "exit status 0, and nothing was changed", detail=answer.shown)
        count = f"{len(altered)} file{'' if len(altered) == 1 else 's'}"
        message = f"it changed {count} of what was to be committed, which is then not what was verified"
        more = [f"and {len(altered) - _LISTED} more"] if len(altered) > _LISTED else []
        return Verdict(
            self.name,
            self.phase,
            False,
            message,
            "E-HOOK-CHANGED",
            (*(f"changed: {path}" for path in altered[:_LISTED]), *more, *answer.shown),
            _CHANGED,
        )
