"""`--ci`: the report file, and where GitHub Actions is the host, annotations and the job summary."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from directional_sync.cli.console import Console, Form
from directional_sync.errors import Exit, HostError
from directional_sync.model.record import Summary
from directional_sync.render.report import report
from directional_sync.system import host
from directional_sync.workspace import Workspace

PUBLIC_FILE = 0o644


def on_github(console: Console) -> bool:
    return console.environ.get("GITHUB_ACTIONS") == "true"


@contextmanager
def no_commands(console: Console, ci: bool) -> Iterator[None]:
    """While this is open, the runner takes no line that we print for a command: not from a script, not from a
    name that an upstream made up. The token is random, so nobody can end this from inside."""
    if not (ci and on_github(console)):
        yield
        return
    import secrets

    from directional_sync.render import github

    token = secrets.token_hex(16)
    console.say(github.pause(token))
    try:
        yield
    finally:
        console.say(github.resume(token))


def annotate(summary: Summary, workspace: Workspace, console: Console) -> None:
    """Annotations at the targets' lines in the file, and the job summary."""
    from directional_sync.render import github

    places = {t.name: (t.place.path or workspace.config.path, t.place.line) for t in workspace.config.targets}
    lines = github.record_annotations(summary.records, places)
    if summary.delivered is not None and summary.delivered.failure is not None:
        lines = [github.delivery_annotation(summary.delivered.failure), *lines]
    for line in lines:
        (console.result if console.looks.form is Form.TEXT else console.say)(line)
    path = console.environ.get("GITHUB_STEP_SUMMARY")
    if path:
        try:
            with Path(path).open("a", encoding="utf-8") as file:
                file.write(github.job_summary(summary))
        except OSError as error:
            console.say(f"the job summary could not be written: {error.strerror or error}")


def report_path(summary: Summary, workspace: Workspace, wanted: str | None) -> Path:
    """Where the report goes: as asked, else under the state directory, so that it never dirties the tree."""
    return Path(wanted) if wanted else workspace.state / f"sync_summary_{summary.run}.json"


def write_report(summary: Summary, status: Exit, path: Path) -> None:
    """Writes the report whole or leaves the old one. Raises HostError."""
    text = json.dumps(report(summary, status=status), indent=2, ensure_ascii=False) + "\n"
    if path.is_dir():
        raise HostError(
            "E-REPORT", f"{path} is a folder, not a file", hint="give a file name: --summary-json report.json"
        )
    host.atomic_write(path.absolute(), text.encode(), mode=PUBLIC_FILE)
