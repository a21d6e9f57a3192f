"""The gate that keeps secrets out of the repository: the added lines of everything a plan would commit.

Three engines look: the built-in rules, the file's own `secret_patterns`, and the detector library where it is
installed. Only lines that the repository does not hold yet count, so that nobody is stopped for what is there
already; moved files have none. What cannot be looked at is not passed.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from directional_sync.core.escape import one_line
from directional_sync.core.redact import secret_values
from directional_sync.gates.base import Subject
from directional_sync.gates.detector import Detector, description, installed
from directional_sync.gates.literals import literal_secret
from directional_sync.gates.patterns import Patterns
from directional_sync.gates.plan import counted
from directional_sync.gates.rules import Hit, built_in, prefilter
from directional_sync.gates.size import megabytes
from directional_sync.model.plan import Change
from directional_sync.model.record import Phase, Verdict
from directional_sync.model.snapshot import FOLDER, GITLINK
from directional_sync.model.target import Allowed

CHUNK_BYTES = 16_000_000
"""How much content is held at a time."""
FILE_BYTES_MAX = 64_000_000
"""What lies beyond in one file is not looked at, and said so."""
_SHOWN = 30
_FINGERPRINT_MIN = 6
_BINARY_LOOK = 8000

_HINT = (
    "take it out at its source; if it is no secret, allow it in the YAML:\n"
    'safety: {{allowed_secrets: [{{fingerprint: "{0}",\n'
    'reason: "...", expires: "YYYY-MM-DD"}}]}}'
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One likely secret in one file."""

    key: str
    line: int
    """1-based; 0 for the name itself."""
    rule: str
    masked: str
    fingerprint: str
    """Twelve hexadecimal digits of the value's hash: the same wherever and by whatever rule it is found."""

    def __str__(self) -> str:
        place = f"{one_line(self.key, 200)}:{self.line}"
        return f"{place}   rule {one_line(self.rule, 80)}   {self.masked}   fingerprint {self.fingerprint}"


@dataclass
class Secrets:
    """No likely secret is committed."""

    name: str = "secrets"
    phase: Phase = Phase.PLAN
    _detectors: dict[str, Detector] = field(default_factory=dict, repr=False)
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
        search = _Search(subject)
        try:
            search.run(changes, self._engines(subject))
        except ValueError as error:
            problem = f"a pattern in safety.secret_patterns cannot be used: {error}"
            return [*verdicts, Verdict(self.name, self.phase, False, problem, "E-SECRET-PATTERN")]
        except KeyError:
            problem = "content that would be committed could not be read"
            return [*verdicts, Verdict(self.name, self.phase, False, problem, "E-GATE-CONTENT")]
        except _NotJudgedError as error:
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

    def _engines(self, subject: Subject) -> _Engines:
        configured = subject.config.safety.secret_patterns
        if configured not in self._patterns:
            patterns = Patterns(configured)
            self._patterns[configured] = (patterns, prefilter(patterns.expression))
        patterns, either = self._patterns[configured]
        detector = None
        if installed():
            folder = subject.cache / "secret-rules" if subject.cache is not None else None
            detector = self._detectors.get(str(folder))
            if detector is None:
                with _judging("the rules of the detector"):
                    detector = self._detectors[str(folder)] = Detector(folder)
        return _Engines(patterns, detector, either)

    def _judged(self, subject: Subject, search: _Search) -> Iterator[Verdict]:
        allowed, expired = _allowed(subject.config.safety.allowed_secrets, search.findings, subject.today)
        stopped = [finding for finding in search.findings if finding.fingerprint not in allowed]
        if search.cut:
            message = f"{counted(len(search.cut), 'file')} looked at only up to {megabytes(FILE_BYTES_MAX)}: "
            yield Verdict(self.name, self.phase, True, message + ", ".join(search.cut[:3]), warning=True)
        if not stopped:
            looked = f"{counted(search.files, 'file')}, {megabytes(search.size_bytes)} of text: no likely secret"
            by = f" ({description()})" if installed() else ""
            yield Verdict(self.name, self.phase, True, looked + by + _count_allowed(search.findings))
            return
        fingerprints = {finding.fingerprint for finding in stopped}
        message = f"{counted(len(fingerprints), 'likely secret')} in the content to be committed"
        detail = [str(finding) for finding in stopped[:_SHOWN]]
        detail += [f"and {len(stopped) - _SHOWN} more places"] if len(stopped) > _SHOWN else []
        detail += expired
        hint = _HINT.format(stopped[0].fingerprint)
        yield Verdict(self.name, self.phase, False, message, "E-SECRET", tuple(detail), hint)


class _NotJudgedError(Exception):
    """An engine could not do its work."""


class _judging:
    """Turns whatever an engine raises into _NotJudgedError: a gate that fell over has not said yes."""

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        # The library's failures in native code arrive as BaseException (a panic); those of the user must go on.
        if error is not None and not isinstance(error, KeyboardInterrupt | SystemExit | GeneratorExit):
            raise _NotJudgedError(f"{self._what} could not be applied: {type(error).__name__}") from error


@dataclass(frozen=True)
class _Engines:
    patterns: Patterns
    detector: Detector | None
    prefilter: Any
    """Matches wherever the built-in rules or the patterns may find something."""

    def find(self, content: bytes, path: str) -> list[Hit]:
        """All hits; where several say the same of one place, the first."""
        hits = []
        if self.detector is not None:
            with _judging(f"the detector on {one_line(path, 200)}"):
                hits += list(self.detector.find(content, path))
        if self.prefilter.search(content) is not None:
            hits += built_in(content)
            hits += self.patterns.find(content, path)
        kept: list[Hit] = []
        for hit in hits:
            if not any(hit.start < other.end and other.start < hit.end for other in kept):
                kept.append(hit)
        return sorted(kept, key=lambda hit: hit.start)


@dataclass
class _Search:
    """Goes through the content of changes and keeps what it finds."""

    subject: Subject
    findings: list[Finding] = field(default_factory=list)
    files: int = 0
    size_bytes: int = 0
    cut: list[str] = field(default_factory=list)

    def run(self, changes: Sequence[Change], engines: _Engines) -> None:
        """Raises KeyError for missing content, _NotJudgedError."""
        values = dict.fromkeys((*self.subject.config.secrets, *secret_values(self.subject.environment)))
        known = [value.encode() for value in values if literal_secret(value)]
        self._look_at_names(known)
        done: set[tuple[str, str]] = set()
        for chunk, contents in _chunks(self.subject, changes):
            for change in chunk:
                pair = (change.before.digest, change.after.digest)
                if pair in done:
                    continue
                done.add(pair)
                self._look(change, contents, engines, known)

    def _look_at_names(self, known: Sequence[bytes]) -> None:
        """A name is committed as much as what it stands for, moved files' names too."""
        changes = self.subject.plan.repo if self.subject.plan is not None else ()
        keys = [change.key for change in changes if change.after.present]
        every = "\n".join(keys)
        for value in (value.decode() for value in known if value.decode() in every):
            for key in (key for key in keys if value in key):
                shown = key.replace(value, masked(value))
                self.findings.append(Finding(shown, 0, "known value in a name", masked(value), fingerprint(value)))

    def _look(self, change: Change, contents: Mapping[str, bytes], engines: _Engines, known: Sequence[bytes]) -> None:
        raw = contents[change.after.digest]
        if len(raw) > FILE_BYTES_MAX:
            raw = raw[:FILE_BYTES_MAX]
            self.cut.append(one_line(change.key, 200))
        before = contents[change.before.digest] if change.before.digest else b""
        values = [value for value in known if value in raw and value not in before]
        hits = [Hit("known value", raw.find(value), raw.find(value) + len(value), value.decode()) for value in values]
        text = as_text(raw)
        if text is not None:
            self.files += 1
            self.size_bytes += len(text)
            hits += [hit for hit in engines.find(text, change.key) if hit.value.encode() not in values]
        if not hits:
            return
        content = text if text is not None else raw
        added = _added_lines(as_text(before) or b"", content) if before else None
        for hit in hits:
            line = content.count(b"\n", 0, hit.start) + 1
            last = content.count(b"\n", hit.start, hit.end) + line
            if added is None or hit.rule == "known value" or any(n in added for n in range(line, last + 1)):
                self.findings.append(Finding(change.key, line, hit.rule, masked(hit.value), fingerprint(hit.value)))


def fingerprint(value: str) -> str:
    """Twelve hexadecimal digits that stand for a value. White space, and for a private key everything but its
    body, makes no difference."""
    body = re.search(r"PRIVATE KEY(?: BLOCK)?-----(.*?)(?:-----END|$)", value, re.DOTALL)
    if body:
        value = re.sub(r"\\[nr]|[^A-Za-z0-9+/=]", "", body.group(1))
    return hashlib.sha256(b"dsync-secret\0" + re.sub(r"\s", "", value).encode("utf-8", "replace")).hexdigest()[:12]


def masked(value: str) -> str:
    """The first characters of a value, at most four and never more than a quarter, and stars that do not tell how
    long it is."""
    shown = one_line(value.lstrip()[: min(4, len(value) // 4)])
    return shown + "*" * 12


def as_text(content: bytes) -> bytes | None:
    """`content` as UTF-8, or as it is where its encoding is unknown; None when it is no text."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", "replace").encode("utf-8", "replace")
    return None if b"\0" in content[:_BINARY_LOOK] else content


def _to_look_at(subject: Subject) -> list[Change]:
    """Changes that bring in content which the repository did not hold under another name."""
    changes = subject.plan.repo if subject.plan is not None else ()
    held = {change.before.digest for change in changes if change.before.present}
    return [
        change
        for change in changes
        if change.after.present and change.after.mode not in (FOLDER, GITLINK) and change.after.digest not in held
    ]


def _chunks(subject: Subject, changes: Sequence[Change]) -> Iterator[tuple[list[Change], Mapping[str, bytes]]]:
    """Changes with their contents, about CHUNK_BYTES at a time. Raises KeyError when content is missing."""
    sizes = subject.size_many(list(dict.fromkeys(change.after.digest for change in changes)))
    chunk: list[Change] = []
    total = 0
    for change in changes:
        chunk.append(change)
        total += sizes[change.after.digest] * (2 if change.before.present else 1)
        if total >= CHUNK_BYTES:
            yield chunk, _contents(subject, chunk)
            chunk, total = [], 0
    if chunk:
        yield chunk, _contents(subject, chunk)


def _contents(subject: Subject, chunk: list[Change]) -> Mapping[str, bytes]:
    wanted = {change.after.digest: None for change in chunk}
    wanted |= {
        change.before.digest: None for change in chunk if change.before.present and change.before.mode != GITLINK
    }
    return subject.read_many(list(wanted))


def _added_lines(before: bytes, after: bytes) -> set[int]:
    """1-based numbers of the lines of `after` that `before` does not hold, or not as often. Where a line stands
    makes no difference."""
    left = Counter(before.split(b"\n"))
    added = set()
    for number, line in enumerate(after.split(b"\n"), 1):
        if left[line] > 0:
            left[line] -= 1
        else:
            added.add(number)
    return added


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
