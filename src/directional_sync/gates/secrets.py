"""The gate that keeps secrets in: the added lines of everything that a plan would commit or send to a far side.

Three engines look: the built-in rules, the file's own `secret_patterns`, and the detector library where it is
installed. Only lines that the repository does not hold yet count, so that nobody is stopped for what is there
already; moved files have none. Of a far side the same holds: what it holds already has left long ago. What cannot be
looked at is not passed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

from directional_sync.core.escape import one_line
from directional_sync.gates.base import Subject
from directional_sync.gates.detector import Detector, description, installed
from directional_sync.gates.engines import Engines, NotJudgedError, judging
from directional_sync.gates.finding import Finding
from directional_sync.gates.patterns import Patterns
from directional_sync.gates.plan import counted
from directional_sync.gates.rules import prefilter
from directional_sync.gates.search import FILE_BYTES_MAX, Search
from directional_sync.gates.size import megabytes
from directional_sync.model.plan import Change
from directional_sync.model.record import Phase, Verdict
from directional_sync.model.snapshot import FOLDER, GITLINK
from directional_sync.model.target import Allowed
from directional_sync.system.user_cache import user_cache

_RULES = "secret-rules"
_SHOWN = 300
_ALLOWED_AT_ONCE = 50
_FINGERPRINT_MIN = 6

_HINT = "take it out at its source; if it is no secret, allow it in the YAML:\nsafety: {allowed_secrets: ["
_ENTRY = '{{fingerprint: "{}",\nreason: "...", expires: "YYYY-MM-DD"}}'
_ENTRY_OF_MANY = '{{fingerprint: "{}", reason: "...", expires: "YYYY-MM-DD"}}'


@dataclass
class Secrets:
    """No likely secret is committed, and none is sent."""

    name: str = "secrets"
    phase: Phase = Phase.PLAN
    _detectors: dict[str, Future[Detector]] = field(default_factory=dict, repr=False)
    _turn: Lock = field(default_factory=Lock, repr=False)
    """Folder of compiled rules -> the detector, or what it will be."""
    _patterns: dict[tuple[str, ...], tuple[Patterns, Any]] = field(default_factory=dict, repr=False)
    _said: set[str] = field(default_factory=set, repr=False)
    """What has been pointed out once in this run and need not be again."""

    def judge(self, subject: Subject) -> list[Verdict]:
        changes = _to_look_at(subject)
        if not changes:
            return []
        verdicts = self._without_detector(subject)
        if any(not verdict.passed for verdict in verdicts):
            return verdicts
        try:
            search = Search(subject, self._engines(subject))
            search.run(changes)
        except ValueError as error:
            problem = f"a pattern in safety.secret_patterns cannot be used: {error}"
            return [*verdicts, Verdict(self.name, self.phase, False, problem, "E-SECRET-PATTERN")]
        except KeyError:
            problem = "content that would be committed could not be read"
            return [*verdicts, Verdict(self.name, self.phase, False, problem, "E-GATE-CONTENT")]
        except NotJudgedError as error:
            hint = "this is a fault of the detector, not of your files: report it, or uninstall it to go on without"
            return [*verdicts, Verdict(self.name, self.phase, False, str(error), "E-SECRET-DETECTOR", (), hint)]
        return [*verdicts, *self._judged(subject, search)]

    def _without_detector(self, subject: Subject) -> list[Verdict]:
        if installed():
            return []
        hint = "pip install 'directional-sync[secrets]'"
        message = "no detector is installed; only the built-in rules and the configured patterns judge"
        if subject.config.safety.require_detector:
            message = "no detector is installed, and safety.require_detector asks for one"
            return [Verdict(self.name, self.phase, False, message, "E-SECRET-DETECTOR", (), hint)]
        if "detector" in self._said:
            return []
        self._said.add("detector")
        return [Verdict(self.name, self.phase, True, message, "E-SECRET-DETECTOR", (), hint, warning=True)]

    def _engines(self, subject: Subject) -> Engines:
        configured = subject.config.safety.secret_patterns
        if configured not in self._patterns:
            patterns = Patterns(configured)
            self._patterns[configured] = (patterns, prefilter(patterns.expression))
        patterns, either = self._patterns[configured]
        detector = None
        if installed():
            with judging("the rules of the detector"):
                detector = self._detector(subject.cache)
        return Engines(patterns, detector, either)

    def prepare(self, cache: Path) -> None:
        """Begins to load the detector, which takes longer than many a fetch; `judge` waits for it."""
        if installed():
            self._load(cache)

    def _detector(self, cache: Path | None) -> Detector:
        try:
            return self._load(cache).result()
        except BaseException:
            self._detectors.clear()  # another attempt may fare better
            raise

    def _load(self, cache: Path | None) -> Future[Detector]:
        folder = user_cache(os.environ, _RULES) or (cache / _RULES if cache is not None else None)
        with self._turn:  # several targets are looked at at the same time
            if str(folder) not in self._detectors:
                pool = ThreadPoolExecutor(1)
                self._detectors[str(folder)] = pool.submit(Detector, folder)
                pool.shutdown(wait=False)
            return self._detectors[str(folder)]

    def _judged(self, subject: Subject, search: Search) -> Iterator[Verdict]:
        allowed, expired = _allowed(subject.config.safety.allowed_secrets, search.findings, subject.today)
        stopped = [finding for finding in search.findings if finding.fingerprint not in allowed]
        if search.cut:
            message = f"{counted(len(search.cut), 'file')} looked at only up to {megabytes(FILE_BYTES_MAX)}: "
            yield Verdict(self.name, self.phase, True, message + ", ".join(search.cut[:3]), warning=True)
        if not stopped:
            looked = f"{counted(search.files, 'file')}, {megabytes(search.size_bytes)} of text: no likely secret"
            looked += f", nor in {search.known_files:,} looked at before" if search.known_files else ""
            by = f" ({description()})" if installed() else ""
            yield Verdict(self.name, self.phase, True, looked + by + _count_allowed(search.findings))
            return
        fingerprints = {finding.fingerprint for finding in stopped}
        where = "committed" if subject.plan is not None and subject.plan.repo else "sent"
        message = f"{counted(len(fingerprints), 'likely secret')} in the content to be {where}"
        detail = [str(finding) for finding in stopped[:_SHOWN]]
        detail += [f"and {len(stopped) - _SHOWN} more places"] if len(stopped) > _SHOWN else []
        detail += expired
        hint = _hint(list(dict.fromkeys(finding.fingerprint for finding in stopped)))
        keys = tuple(key for finding in stopped for key in finding.keys)
        yield Verdict(self.name, self.phase, False, message, "E-SECRET", tuple(detail), hint, keys=keys)


def _hint(fingerprints: Sequence[str]) -> str:
    """What allows all of them, to be copied into the file at once."""
    if len(fingerprints) == 1:
        return _HINT + _ENTRY.format(fingerprints[0]) + "]}"
    entries = ",\n".join(map(_ENTRY_OF_MANY.format, fingerprints[:_ALLOWED_AT_ONCE]))
    left = len(fingerprints) - _ALLOWED_AT_ONCE
    return _HINT + "\n" + entries + "]}" + (f"\nand {left} more" if left > 0 else "")


def _to_look_at(subject: Subject) -> list[Change]:
    """Changes that bring in content which the side where they are made did not hold under another name."""
    found: list[Change] = []
    for changes in (subject.plan.repo, subject.plan.remote) if subject.plan is not None else ():
        held = {change.before.digest for change in changes if change.before.present}
        found += (
            change
            for change in changes
            if change.after.present and change.after.mode not in (FOLDER, GITLINK) and change.after.digest not in held
        )
    return found


def _allowed(entries: Sequence[Allowed], findings: Sequence[Finding], today: str) -> tuple[set[str], list[str]]:
    """Fingerprints that are allowed, and a line for each entry that would have allowed one but has expired. An
    entry with a date does not hold while nobody knows the date."""
    allowed: set[str] = set()
    expired = []
    for entry in entries:
        prefix = entry.fingerprint.lower()
        meant = {
            f.fingerprint for f in findings if len(prefix) >= _FINGERPRINT_MIN and f.fingerprint.startswith(prefix)
        }
        if not entry.expires or (today and today <= entry.expires):
            allowed |= meant
        elif meant:
            expired.append(f"the allowance for {prefix} ended on {entry.expires} ({one_line(entry.reason, 80)})")
    return allowed, expired


def _count_allowed(findings: Sequence[Finding]) -> str:
    number = len({finding.fingerprint for finding in findings})
    return f", {number} allowed" if number else ""
