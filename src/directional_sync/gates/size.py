"""The gate over the size of what comes in: a host refuses files over a limit only after everything is done."""

from __future__ import annotations

from dataclasses import dataclass

from directional_sync.core.escape import one_line
from directional_sync.gates.base import Subject
from directional_sync.gates.plan import counted, listed
from directional_sync.model.record import Phase, Verdict
from directional_sync.model.snapshot import FOLDER, GITLINK, LINK


@dataclass(frozen=True)
class Size:
    """No file that comes in is larger than `safety.max_file_bytes`."""

    name: str = "file size"
    phase: Phase = Phase.PLAN

    def judge(self, subject: Subject) -> list[Verdict]:
        changes = [
            change
            for change in (subject.plan.repo if subject.plan else ())
            if change.after.present
            and change.after.digest != change.before.digest
            and change.after.mode not in (LINK, GITLINK, FOLDER)
        ]
        if not changes:
            return []
        most = subject.config.safety.max_file_bytes
        sizes = _sizes(subject, [change.after.digest for change in changes])
        large = [(change.key, sizes.get(change.after.digest, -1)) for change in changes]
        unknown = [key for key, size in large if size < 0]
        if unknown:
            message = f"the size of {counted(len(unknown), 'file')} could not be found"
            detail = listed(unknown)
            return [Verdict(self.name, self.phase, False, message, "E-GATE-CONTENT", detail, keys=tuple(unknown))]
        large = sorted((item for item in large if item[1] > most), key=lambda item: -item[1])
        if not large:
            return [
                Verdict(self.name, self.phase, True, f"{counted(len(changes), 'file')}, none over {megabytes(most)}")
            ]
        message = (
            f"{counted(len(large), 'file')} over the limit of {megabytes(most)}, the largest {megabytes(large[0][1])}"
        )
        said = [f"{one_line(key, 200)}  {megabytes(size)}" for key, size in large]
        hint = "leave it out at the source, or raise safety.max_file_bytes if your host takes files of this size"
        keys = tuple(key for key, _ in large)
        return [Verdict(self.name, self.phase, False, message, "E-SIZE", listed(said), hint, keys=keys)]


def megabytes(size_bytes: int) -> str:
    """ "12.3 MB" (millions of bytes), "840 bytes"."""
    return f"{size_bytes / 1e6:,.1f} MB" if size_bytes >= 100_000 else f"{size_bytes:,} bytes"


def _sizes(subject: Subject, digests: list[str]) -> dict[str, int]:
    try:
        return dict(subject.size_many(list(dict.fromkeys(digests))))
    except KeyError:
        return {}
