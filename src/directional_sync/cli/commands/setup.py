"""Commands around a repository: init, validate, schema, workflow, doctor, recover, completion."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from directional_sync.cli.console import Form
from directional_sync.cli.options import Duration, Face, faced
from directional_sync.cli.sarif import sarif_option
from directional_sync.errors import ConfigError, Exit

if TYPE_CHECKING:
    from directional_sync.model.target import Config

WORKFLOW_FILE = ".github/workflows/directional-sync.yml"

_INIT_HELP = """Prepare a repository: the YAML, the runner script and the workflow.

Nothing that exists is overwritten without --force. With --from the YAML is made of
the configuration of another vendoring tool: repos.yaml of git-aggregator, .repos of
vcstool, vendir.yml, west.yml or .gitmodules. What cannot be carried over is told.
With --systemd units for your systemd are written instead, which run what is due.

\b
Examples:
  dsync init --starter insightpulse
  dsync init ../elsewhere
  dsync init --from repos.yaml --print
  dsync init --from ros2.repos --into src
  dsync init --systemd
"""
_VALIDATE_HELP = """Check the YAML; every mistake at once, with its place.

\b
Example:
  dsync validate
"""
_SCHEMA_HELP = """Print the JSON schema of the YAML, of the report, or of a catalogue of skills.

\b
Examples:
  dsync schema
  dsync schema --report
  dsync schema --catalogue
"""
_WORKFLOW_HELP = """Print the GitHub Actions workflow that fits the YAML, or check that the one that is there does.

`check` shows what differs and exits with 5, so that a changed schedule that nobody carried over is seen.

\b
Examples:
  dsync workflow generate > .github/workflows/directional-sync.yml
  dsync workflow check
"""
_DOCTOR_HELP = """Check this machine and this repository; say how to mend what is wrong.

--acceptance looks at the ten acceptance criteria instead, each with its evidence. It plans all
targets, so far sides are asked; what only a run can show is read from the last one.

\b
Examples:
  dsync doctor
  dsync doctor --acceptance -v
"""
_RECOVER_HELP = """Finish or undo what a killed run left. The next run does the same by itself.

\b
Example:
  dsync recover
"""
_COMPLETION_HELP = """Print the completion script for a shell.

\b
Example:
  dsync completion bash
"""


@click.command(help=_INIT_HELP, short_help="Prepare a repository: the YAML, the runner script and the workflow.")
@click.argument("folder", default=".", type=click.Path(file_okay=False))
@click.option("--starter", help="Which starter to write.  [default: insightpulse]")
@click.option("--from", "source", metavar="FILE", help="Carry over this configuration of another tool.")
@click.option("--into", metavar="FOLDER", help="What paths in FILE are relative to; else the folder it is in.")
@click.option("--print", "only_print", is_flag=True, help="Print the YAML for FILE and write nothing.")
@click.option("--force", is_flag=True, help="Overwrite what exists.")
@click.option(
    "--systemd",
    type=click.Choice(["timer", "daemon"]),
    is_flag=False,
    flag_value="timer",
    help="Write units for your systemd that run what is due: a timer, or =daemon.",
)
@faced
def init(
    face: Face, folder: str, starter: str | None, source: str | None, into: str | None, only_print: bool, force: bool,
    systemd: str | None,
) -> int:  # fmt: skip
    from directional_sync.starters import prepare

    if systemd is not None:
        if starter is not None or source is not None or into is not None:
            raise click.UsageError("--systemd stands alone, with --force or --print")
        return _units(face, folder, systemd, only_print, force)

    if source is not None:
        if starter is not None:
            raise click.UsageError("--from and --starter exclude each other")
        return _carry_over(face, folder, source, into, only_print, force)
    if into is not None or only_print:
        raise click.UsageError(f"{'--print' if only_print else '--into'} goes with --from")
    written = prepare(Path(folder), starter or "insightpulse", force=force)
    if face.console.looks.form is not Form.TEXT:
        face.console.document({"written": written})
        return int(Exit.OK)
    lines = [f"+ {name}" for name in written] or ["= everything is there already"]
    where = "" if folder == "." else f"cd {folder} && "
    face.console.result("\n".join([*lines, "", f"  {where}dsync list   see the targets"]))
    return int(Exit.OK)


def _units(face: Face, folder: str, flavour: str, only_print: bool, force: bool) -> int:
    """Units for the user's systemd, in their own configuration folder."""
    import sys

    from directional_sync.git import layout
    from directional_sync.render import systemd
    from directional_sync.starters import write

    root = layout.find_root(Path(folder))
    if root is None:
        from directional_sync.git.repository import Repository

        root = Repository.open(Path(folder)).root  # says what is wrong here
    kind = systemd.Flavour(flavour)
    units = systemd.units(str(root), (sys.executable, "-m", "directional_sync"), kind)
    home = face.console.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    where = Path(home) / "systemd" / "user"
    files = {name: text.encode() for name, text in units.items()}
    written = [] if only_print else [str(where / name) for name in write(where, files, force=force)]
    commands = systemd.enabling(str(root), kind)
    if face.console.looks.form is not Form.TEXT:
        face.console.document({"units": units, "written": written, "enable": list(commands)})
        return int(Exit.OK)
    if only_print:
        face.console.result("\n".join(f"# {where / name}\n{text}" for name, text in units.items()).rstrip("\n"))
        return int(Exit.OK)
    lines = [f"+ {name}" for name in written] or ["= everything is there already"]
    told = [f"  {commands[0]}", f"  {commands[1]}", f"  {commands[2]}   so that it goes on while you are logged out"]
    face.console.result("\n".join([*lines, "", "put them to work:", *told]))
    return int(Exit.OK)


def _carry_over(face: Face, folder: str, source: str, into: str | None, only_print: bool, force: bool) -> int:
    from directional_sync.config.onramp import telling
    from directional_sync.render.ink import amount
    from directional_sync.starters import carried

    console = face.console
    made = carried.draft(Path(folder), Path(source), into, face.config, console.environ)
    left_over = made.carried.left_over
    written = [] if only_print else carried.write(Path(folder), made, force=force)
    text = made.files[made.config].decode()
    if console.looks.form is not Form.TEXT:
        found = {
            "from": made.name,
            "format": made.carried.format.value,
            "left_over": telling.data(left_over, made.name),
        }
        console.document({**found, "yaml": text} if only_print else {**found, "written": written})
        return int(Exit.OK)
    told = telling.text(left_over, made.name, console.err_ink)
    if told:
        console.say(face.redactor().text(told))
    if only_print:
        console.result(text.rstrip("\n"))
        return int(Exit.OK)
    count = sum(len(target.repositories) for target in made.carried.targets)
    summary = f"{amount(count, 'repository', 'repositories')} in {amount(len(made.carried.targets), 'target')}"
    where = "" if folder == "." else f"cd {folder} && "
    lines = [*(f"+ {name}" for name in written), "", f"  {summary}", f"  {where}dsync plan   see what a run would do"]
    console.result("\n".join(lines))
    return int(Exit.OK)


@click.command(help=_VALIDATE_HELP, short_help="Check the YAML; every mistake at once, with its place.")
@sarif_option("Write the mistakes there, as SARIF, and exit 0 whatever they are.")
@faced
def validate(face: Face, sarif: str | None) -> int:
    try:
        config = face.open(anew=True).config
    except ConfigError as error:
        if sarif is None:
            raise
        return _mistakes(face, error, sarif)
    if sarif is not None:
        from directional_sync.cli.sarif import write

        write((), sarif, face.console)
    names = [target.name for target in config.targets]
    if face.console.looks.form is not Form.TEXT:
        face.console.document({"path": config.path, "valid": True, "targets": names, "problems": []})
    else:
        from directional_sync.render.ink import amount

        face.console.result(f"ok: {config.path}: {amount(len(names), 'target')}, no mistakes")
    return int(Exit.OK)


def _mistakes(face: Face, error: ConfigError, path: str) -> int:
    """Code scanning shows them, once they are uploaded; a failing step would keep them from that."""
    from directional_sync.cli.sarif import write
    from directional_sync.render import problems, sarif

    mask = face.redactor()
    write(mask.value(tuple(sarif.of_problems(error.problems))), path, face.console)
    face.console.say(mask.text(problems.error(error, face.console.err_ink)))
    return int(Exit.OK)


@click.command(help=_SCHEMA_HELP, short_help="Print the JSON schema of the YAML, or of the report.")
@click.option("--report", "of_report", is_flag=True, help="The schema of the report instead.")
@click.option("--catalogue", "of_catalogue", is_flag=True, help="The schema of a catalogue document instead.")
@faced
def schema(face: Face, of_report: bool, of_catalogue: bool) -> int:
    if of_report and of_catalogue:
        raise click.UsageError("--report and --catalogue exclude each other")
    if of_catalogue:
        from directional_sync.endpoints.catalogue.publish import schema as of_the_catalogue

        face.console.document(of_the_catalogue())
    elif of_report:
        from directional_sync.render.report import schema as of_the_report

        face.console.document(of_the_report())
    else:
        from directional_sync.config.schema import json_schema

        face.console.document(json_schema())
    return int(Exit.OK)


@click.command(help=_WORKFLOW_HELP, short_help="Print the GitHub Actions workflow that fits the YAML, or check it.")
@click.argument("action", type=click.Choice(["generate", "check"]), default="generate")
@click.option("--matrix", is_flag=True, help="A job for each target, side by side; not where targets need each other.")
@click.option("--file", "path", metavar="PATH", help=f"The workflow to check.  [default: {WORKFLOW_FILE}]")
@sarif_option("With check: write what differs there, as SARIF, and exit 0 whatever it is.")
@faced
def workflow(face: Face, action: str, matrix: bool, path: str | None, sarif: str | None) -> int:
    from directional_sync.render.workflow import workflow as render

    workspace = face.open()
    if action == "check":
        if matrix:
            raise click.UsageError("--matrix goes with generate; check sees by itself which form there is")
        return _checked(face, workspace.config, Path(path) if path else workspace.root / WORKFLOW_FILE, sarif)
    if path is not None or sarif is not None:
        raise click.UsageError(f"{'--file' if path is not None else '--sarif'} goes with check")
    face.console.result(render(workspace.config, matrix=matrix).rstrip("\n"))
    return int(Exit.OK)


def _checked(face: Face, config: Config, path: Path, sarif: str | None) -> int:
    """Whether the workflow at `path` fits; what differs is shown."""
    import difflib

    from directional_sync.core.escape import visible
    from directional_sync.render.workflow import expected
    from directional_sync.system import host

    with host.host_errors(path):
        there = path.read_bytes().decode("utf-8", "replace") if path.exists() else ""
    name, text = path.name, expected(config, there)
    lines = list(
        difflib.unified_diff(
            there.splitlines(), text.splitlines(), f"{name} as it is", f"{name} as it should be", lineterm=""
        )
    )
    fits = there == text
    if face.console.looks.form is not Form.TEXT:
        face.console.document({"path": str(path), "exists": path.exists(), "fits": fits, "diff": lines})
    elif fits:
        face.console.result(f"ok: {name} fits the configuration")
    else:
        what = "does not fit the configuration" if path.exists() else "is not there"
        hint = f"  dsync workflow generate > {WORKFLOW_FILE}   write it anew"
        shown = [visible(line) for line in lines] if path.exists() else []
        face.console.result("\n".join([*shown, f"{name} {what}", hint]))
    if sarif is not None:
        _drift_as_sarif(face, there.splitlines(), text.splitlines(), path, sarif)
    return int(Exit.OK if fits or sarif is not None else Exit.CHANGES)


def _drift_as_sarif(face: Face, there: list[str], wanted: list[str], path: Path, sarif: str) -> None:
    """One finding, at the first line that differs."""
    import os
    from itertools import zip_longest

    from directional_sync.cli.sarif import write
    from directional_sync.render.sarif import Found

    differing = [n for n, (own, right) in enumerate(zip_longest(there, wanted), 1) if own != right]
    name = os.path.relpath(path.absolute(), face.open().root)
    message = "the workflow does not fit the configuration; write it anew: dsync workflow generate"
    found = [Found("E-WORKFLOW", message, name, min(differing[0], max(1, len(there))))] if differing else []
    write(found, sarif, face.console)


@click.command(help=_DOCTOR_HELP, short_help="Check this machine and this repository; say how to mend what is wrong.")
@click.option("--acceptance", is_flag=True, help="Look at the ten acceptance criteria, each with its evidence.")
@faced
def doctor(face: Face, acceptance: bool) -> int:
    if acceptance:
        return _accepted(face)
    from directional_sync import doctor as examination
    from directional_sync.render import listing

    found = examination.examine(face.config, Path.cwd(), face.console.environ)
    checks = [listing.Checked(check.group, check.name, check.ok, check.message, check.fix) for check in found]
    failed = [check for check in checks if check.ok is False]
    if face.console.looks.form is not Form.TEXT:
        names = ("group", "name", "ok", "message", "fix")
        entries: list[dict[str, Any]] = [{name: getattr(check, name) for name in names} for check in checks]
        face.console.document({"checks": entries, "passed": len(checks) - len(failed), "total": len(checks)})
    else:
        face.console.result(listing.doctor(checks, face.console.out_ink))
    return int(Exit.FAILED if failed else Exit.OK)


def _accepted(face: Face) -> int:
    from directional_sync import acceptance
    from directional_sync.cli.signals import listening
    from directional_sync.render import acceptance as render

    with listening(face.stop, face.console.say):
        criteria = acceptance.examine(face.config, Path.cwd(), face.console.environ, face.stop)
    mask = face.redactor()
    if face.console.looks.form is not Form.TEXT:
        face.console.document(mask.value(render.data(criteria)))
    else:
        face.console.result(mask.text(render.text(criteria, face.console.out_ink)))
    return int(render.exit_of(criteria))


@click.command(help=_RECOVER_HELP, short_help="Finish or undo what a killed run left.")
@click.option("--lock-timeout", type=Duration(), default=0.0, help="Wait so long for another run: 30s, 10m.")
@faced
def recover(face: Face, lock_timeout: float) -> int:
    from directional_sync import app
    from directional_sync.cli.progress import listeners

    options = app.RunOptions(command=face.command, lock_timeout_s=lock_timeout)
    workspace = face.open()
    with listeners(face.console) as tell:
        done = app.recover(workspace, options, tell)
    if face.console.looks.form is not Form.TEXT:
        face.console.document({"recovered": done or None})
    else:
        face.console.result(done or "nothing to recover")
    return int(Exit.OK)


@click.command(help=_COMPLETION_HELP, short_help="Print the completion script for a shell.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> int:
    from click.shell_completion import get_completion_class

    from directional_sync.cli.group import root

    found = get_completion_class(shell)
    assert found is not None
    click.echo(found(root, {}, "dsync", "_DSYNC_COMPLETE").source())
    return int(Exit.OK)
