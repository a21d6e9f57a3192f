"""What was sent to far sides: one file for each run of a target, a line before each change is sent and one after.

It answers two questions. The next run asks what became of a change whose answer was lost (`attempts`); somebody who
wants a run undone asks what was there before (`prior`). A line is on the disk before what it speaks of happens; a last
line that was torn by a crash is not there.

    {"ledger": 1, "target": "rows", "run": "..."}
    {"intend": "KEY", "at": 1767225600.0, "after": "DIGEST"}
    {"ended": "KEY", "at": ..., "kind": "done", "before": "TEXT", "after": "DIGEST", "facts": {"id": "..."}}
    {"closed": true}                              the base has moved: nothing of this run is open any more
"""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from directional_sync.core.redact import Redactor
from directional_sync.model.plan import Change
from directional_sync.model.record import Attempt, Effect, EffectKind, Prior
from directional_sync.system import host

_VERSION = 1
_RECENT_S = 3600.0
"""What was done longer ago shows on every far side by now."""
_LOOKED_AT = 50
_KEPT = 500
PRIOR_BYTES_MAX = 256_000


class TargetLedger:
    """The ledger of one target in one run. Nothing is made on the disk before the first change."""

    def __init__(self, folder: Path, target: str, run: str, mask: Redactor) -> None:
        """`folder` is that of all targets; `run` sorts by time."""
        self._folder = folder / target
        self._path = self._folder / f"{run}.jsonl"
        self._head = {"ledger": _VERSION, "target": target, "run": run}
        self._mask = mask
        self._file: int | None = None
        self._waiting = False
        """Lines were written that may not be on the disk yet."""

    def attempts(self) -> dict[str, Attempt]:
        """By key the newest of what runs, this one among them, sent: where they were cut off, where no answer came, and
        what is not long ago."""
        now = time.time()
        found: dict[str, Attempt] = {}
        based: set[str] = set()
        for path in self._newest():
            lines = list(_lines(path))
            closed = any("closed" in line for line in lines)
            sent = _sent(lines, now)
            for key, attempt in sent.items():
                if key not in based and not (closed and attempt.done and attempt.age_s >= _RECENT_S):
                    newest = found.get(key)
                    found[key] = newest.after_that(attempt) if newest is not None else attempt
                if closed and attempt.done:
                    based.add(key)
            if closed and all(attempt.done and attempt.age_s >= _RECENT_S for attempt in sent.values()):
                break
        return found

    def intend(self, change: Change) -> None:
        """Raises HostError when it cannot be kept."""
        self._write({"intend": change.key, "at": time.time(), "after": change.after.digest})

    def ended(self, effect: Effect, before: bytes | None, *, wait: bool = True) -> None:
        """What became of it, and the content that was there before; None when it was absent or is too long to be kept.
        Without `wait` it outlives this process at once, and the machine after `settle`. Raises HostError when it cannot
        be kept."""
        change = effect.change
        self._write(
            {
                "ended": change.key,
                "at": time.time(),
                "kind": str(effect.kind),
                "after": change.after.digest,
                "facts": dict(effect.facts),
                **self._prior(change, before),
            },
            wait=wait,
        )

    def settle(self) -> None:
        """All lines are on the disk. Raises HostError."""
        if self._file is not None and self._waiting:
            with host.host_errors(self._path):
                os.fsync(self._file)
            self._waiting = False

    def close(self) -> None:
        """The base has moved by all that was done. Raises HostError."""
        if self._file is not None:
            self._write({"closed": True})
            os.close(self._file)
            self._file = None
            for path in sorted(self._folder.glob("*.jsonl"))[:-_KEPT]:
                path.unlink(missing_ok=True)

    def prior(self, run: str) -> list[Prior]:
        """What each key held before `run` changed it, in the order of the changes; [] when nothing is known of it."""
        path = self._folder / f"{run}.jsonl"
        return [_read_prior(line) for line in _lines(path) if "ended" in line and line.get("kind") == EffectKind.DONE]

    def _prior(self, change: Change, before: bytes | None) -> dict[str, Any]:
        if not change.before.present:
            return {"before": None}
        if before is None:
            return {"before": None, "withheld": "it is too long"}
        if self._mask.value(before) != before:
            return {"before": None, "withheld": "it holds a known secret"}
        try:
            return {"before": before.decode("utf-8")}
        except UnicodeDecodeError:
            return {"before": base64.b64encode(before).decode("ascii"), "encoding": "base64"}

    def _write(self, line: Mapping[str, Any], *, wait: bool = True) -> None:
        """One line, on the disk when this returns, but without `wait`."""
        with host.host_errors(self._path):
            if self._file is None:
                host.make_folder(self._folder)
                flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
                self._file = os.open(self._path, flags, host.OWNER_ONLY_FILE)
                os.write(self._file, _encoded(self._head))
                host.fsync_dir(self._folder)
            os.write(self._file, _encoded(line))
            self._waiting = not wait
            if wait:
                os.fsync(self._file)

    def _newest(self) -> list[Path]:
        return sorted(self._folder.glob("*.jsonl"), reverse=True)[:_LOOKED_AT]


def _encoded(line: Mapping[str, Any]) -> bytes:
    return json.dumps(line, ensure_ascii=True, separators=(",", ":")).encode() + b"\n"


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    """What was written whole; nothing where there is no such file."""
    try:
        content = path.read_bytes()
    except OSError:
        return
    for line in content.split(b"\n")[:-1]:
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict):
            yield value


def _sent(lines: Iterable[Mapping[str, Any]], now: float) -> dict[str, Attempt]:
    """What was made, or may have been: the last word on each key counts."""
    found: dict[str, Attempt] = {}
    for line in lines:
        key = line.get("ended", line.get("intend"))
        if key is None:
            continue
        kind = line.get("kind", EffectKind.UNKNOWN)
        if kind not in (EffectKind.DONE, EffectKind.UNKNOWN):
            found.pop(key, None)
            continue
        age = max(0.0, now - float(line.get("at", 0)))
        done = kind == EffectKind.DONE
        found[key] = Attempt(key, str(line.get("after", "")), age, done, dict(line.get("facts", {})))
    return found


def _read_prior(line: Mapping[str, Any]) -> Prior:
    before = line.get("before")
    content = None
    if before is not None:
        content = base64.b64decode(before) if line.get("encoding") == "base64" else str(before).encode()
    facts, after = dict(line.get("facts", {})), str(line.get("after", ""))
    return Prior(str(line["ended"]), content, str(line.get("withheld", "")), facts, after)
