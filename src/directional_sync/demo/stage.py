"""Where the demonstration plays: a repository, and commands in it that have to end as is foreseen."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from directional_sync.errors import HostError
from directional_sync.system.host import monotonic
from directional_sync.system.process import Finished, capture

_STEP_TIMEOUT_S = 120.0

Say = Callable[[str], None]


@dataclass(frozen=True)
class Stage:
    """Where the demonstration plays."""

    repo: Path
    environment: dict[str, str]
    say: Say

    def step(self, title: str, *command: str, status: int = 0, shows: Sequence[str] = ()) -> str:
        """Runs `dsync COMMAND`, shows it and what it prints; answers its stdout. Raises HostError E-DEMO when it
        ends otherwise than with `status` or does not show what it has to."""
        self.say(f"\n--- {title}\n\n$ dsync {' '.join(map(shlex.quote, command))}")
        started = monotonic()
        done = self.run(sys.executable, "-m", "directional_sync", *command)
        took = monotonic() - started
        output, errors = (text.decode("utf-8", "replace").rstrip() for text in (done.stdout, done.stderr))
        self.say("\n".join(text for text in (errors, output) if text))
        self.say(f"[exit {done.status}, {took:.2f} s]")
        missing = [pattern for pattern in shows if not re.search(pattern, output + "\n" + errors)]
        if done.status != status or missing:
            what = f"it does not show {missing[0]!r}" if missing else f"it should end with {status}"
            raise HostError("E-DEMO", f"dsync {' '.join(command)} did not do what it has to: {what}")
        return output

    def git(self, *arguments: str) -> None:
        done = self.run("git", *arguments)
        if done.status:
            raise HostError("E-DEMO", f"git {arguments[0]} failed: {done.stderr.decode('utf-8', 'replace').strip()}")

    def run(self, *command: str) -> Finished:
        return capture(command, env=self.environment, cwd=self.repo, timeout_s=_STEP_TIMEOUT_S)

    def write(self, path: str, content: str) -> None:
        file = self.repo / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")


def expect(true: bool, what: str) -> None:
    """Raises HostError E-DEMO when it is not so."""
    if not true:
        raise HostError("E-DEMO", f"not so: {what}")
