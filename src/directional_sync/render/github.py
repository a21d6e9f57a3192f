"""What GitHub Actions reads: annotations and the job summary. All foreign text is escaped for its place.

Commands to the runner are written by nothing else. Everything that a run prints stands between `pause` and
`resume`, so that no line of a script or of an upstream is taken for a command.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

from directional_sync.core.escape import visible
from directional_sync.errors import ConfigError, SyncError
from directional_sync.model.record import Failure, Summary, TargetRecord
from directional_sync.render.ink import one_line
from directional_sync.render.plan import counted
from directional_sync.render.problems import failures
from directional_sync.render.tally import FAILURES, SIGNS, Word, numbers, tally, word
from directional_sync.render.when import took

ANNOTATIONS_MAX = 9
"""The host shows ten for each step, first come first served; the tenth says how many are left."""
SUMMARY_BYTES_MAX = 900_000
"""A summary over 1,024 KB is dropped as a whole by the host."""
_MESSAGE_CHARACTERS_MAX = 4_000


def pause(token: str) -> str:
    """From here to `resume` the runner takes no command. `token` is random."""
    return f"::stop-commands::{token}"


def resume(token: str) -> str:
    return f"::{token}::"


def annotation(level: str, message: str, *, file: str = "", line: int = 0, title: str = "") -> str:
    """One command line. `level` is error, warning or notice."""
    properties = [("file", file), ("line", str(line) if line else ""), ("title", title)]
    given = ",".join(f"{name}={_property(value)}" for name, value in properties if value)
    return f"::{level}{' ' + given if given else ''}::{_data(message[:_MESSAGE_CHARACTERS_MAX])}"


def _data(text: str) -> str:
    safe = "\n".join(visible(line) for line in text.split("\n"))
    return safe.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(one_line(text)).replace(":", "%3A").replace(",", "%2C")


def record_annotations(records: Sequence[TargetRecord], places: dict[str, tuple[str, int]]) -> list[str]:
    """Errors first, then warnings, at most nine and one that counts the rest. `places`: target -> (file, line)."""
    found: list[str] = []
    for record in records:
        file, line = places.get(record.target, ("", 0))
        for failure in failures(record):
            title = f"{record.target}: {failure.code}" if failure.code else record.target
            found.append(annotation("error", _sentence(failure), file=file, line=line, title=title))
    for record in records:
        file, line = places.get(record.target, ("", 0))
        for verdict in record.verdicts:
            if verdict.passed and verdict.warning:
                found.append(annotation("warning", verdict.message, file=file, line=line, title=record.target))
    return _limited(found)


def delivery_annotation(failure: Failure) -> str:
    return annotation("error", _sentence(failure), title=f"not delivered: {failure.code}")


def error_annotations(error: SyncError) -> list[str]:
    if isinstance(error, ConfigError):
        return _limited(
            [annotation("error", p.message, file=p.path, line=p.line, title=p.code) for p in error.problems]
        )
    return [annotation("error", error.message + (f"\n{error.hint}" if error.hint else ""), title=error.code)]


def _limited(found: list[str]) -> list[str]:
    left = len(found) - ANNOTATIONS_MAX
    return [*found[:ANNOTATIONS_MAX], annotation("notice", f"and {left} more, see the summary")] if left > 0 else found


def _sentence(failure: Failure) -> str:
    parts = [failure.message, f"kept: {failure.kept}" if failure.kept else "", failure.hint]
    return "\n".join(part for part in parts if part)


def job_summary(summary: Summary) -> str:
    """Markdown: one sentence, a table of what changed or failed, the failures opened out."""
    given = tally(summary)
    lines = [f"### {'Plan' if summary.dry_run else 'Sync'}: {numbers(given)}", ""]
    shown = [record for record in summary.records if word(record) not in (Word.UNCHANGED, Word.SKIPPED)]
    if shown:
        lines += ["| target | result | changes | took | commit |", "|---|---|---|---|---|"]
        lines += [_row(record) for record in shown]
        lines.append("")
    for record in shown:
        if word(record) in FAILURES:
            lines += _opened(record)
    lines += _delivered(summary)
    same = given.of(Word.UNCHANGED)
    lines.append(f"{same} unchanged, {given.skipped} skipped. Run `{summary.run}`, {took(summary.duration_s)}.")
    if summary.dry_run and summary.plan_id:
        lines.append(f"Nothing was written. `dsync run --plan {summary.plan_id}` does exactly this.")
    return _cut("\n".join(lines) + "\n")


def _delivered(summary: Summary) -> list[str]:
    found = summary.delivered
    if found is None:
        return []
    lines = [f"- delivered {found.pushed} commits to {markdown(found.branch)}"] if found.pushed else []
    for one in found.branches:
        address = f": {one.url}" if one.url.startswith("https://") else ""
        lines.append(f"- {markdown(one.target)} waits on {markdown(one.branch)}{address}")
    lines += [f"- {markdown(note)}" for note in (*found.notes, *(one.note for one in found.branches)) if note]
    if found.failure is not None:
        lines.append(f"- **not delivered**: {markdown(found.failure.message)}; kept: {markdown(found.failure.kept)}")
    return [*lines, ""] if lines else []


def _row(record: TargetRecord) -> str:
    what = word(record)
    commit = f"`{record.commit[:7]}`" if record.commit else ""
    return (
        f"| {markdown(record.target)} | {SIGNS[what]} {what} | {counted(record.counts)} "
        f"| {took(record.duration_s)} | {commit} |"
    )


def _opened(record: TargetRecord) -> list[str]:
    lines = []
    for failure in failures(record):
        head = f"{record.target}: {failure.message}"
        lines += ["<details open>", f"<summary>{in_html(f'{failure.code} {head}'.strip())}</summary>", ""]
        lines += [f"- {markdown(line)}" for line in failure.detail[:50]]
        lines += [
            f"- {name}: {markdown(text)}" for name, text in (("kept", failure.kept), ("next", failure.hint)) if text
        ]
        lines += ["", "</details>", ""]
    return lines


def markdown(text: str) -> str:
    """Foreign text as one line of Markdown that shows as it is: no markup, no HTML, no mention, no link."""
    return re.sub(r"([\\`*_{}\[\]()+!|~]|(?<!&)#)", r"\\\1", in_html(text))


def in_html(text: str) -> str:
    """Foreign text as one line inside an HTML element, where Markdown does not hold."""
    return html.escape(one_line(text), quote=False).replace("@", "@&#8203;").replace("://", ":&#8203;//")


def _cut(text: str) -> str:
    content = text.encode()
    if len(content) <= SUMMARY_BYTES_MAX:
        return text
    return content[:SUMMARY_BYTES_MAX].decode("utf-8", "ignore").rpartition("\n")[0] + "\n\n... cut, see the report\n"
