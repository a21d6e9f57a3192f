"""The GitHub Actions workflow that fits the targets: triggers for the schedules, a button, and a look at changes of the
file.

What is typed into the form and what GitHub says about the event reaches the shell as variables, never as text of
the script. A scheduled run takes whatever is due by the notes of earlier runs, however late it starts: no clock is
read here, and what was dropped is made up for by the next one. The token that may push is not there while targets run:
what they commit is delivered by a step of its own. A pull request that changes the file gets it checked, without a
secret and without running anything that it names.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC

from directional_sync import __version__
from directional_sync.core.due import own_delay
from directional_sync.core.firing import Rhythm
from directional_sync.core.redact import secret_name
from directional_sync.core.schedule import BadSchedule, parse
from directional_sync.core.triggers import put_off
from directional_sync.errors import ConfigError, Problem
from directional_sync.model.target import Config, DeliverMode, Schedule, Target

_CHECKOUT = "actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683 # v4.2.2"
_PYTHON = "actions/setup-python@a26af69be951a213d495a4c3e4e4022e16d87065 # v5.6.0"
_CACHE = "actions/cache/{}@5a3ec84eff668545956fd18022155c47e93e2684 # v4.2.3"
_ARTIFACT = "actions/upload-artifact@ea165f8d65b6e75b540449e92b4886f43607fa02 # v4.6.2"

_FILE = ".github/workflows/directional-sync.yml"
_TOKEN = "GITHUB_TOKEN"
_VALUES = {_TOKEN: "${{ github.token }}"}
_MINUTES_MAX = 360
_SPARE_MINUTES = 15
_GAP_MIN = 5
"""GitHub starts a schedule every five minutes at most."""
_OWN = ("CI", "HOME", "LANG", "LOGNAME", "PATH", "PWD", "SHELL", "SSH_AUTH_SOCK", "TMPDIR", "TZ", "USER")
"""Variables that the runner has itself."""


def workflow(config: Config, *, matrix: bool = False) -> str:
    """The text of the workflow file, the same for the same configuration. `matrix`: a job for each target, side by
    side. Raises ConfigError E-WORKFLOW when GitHub could not run it as it is written."""
    if matrix:
        _refuse_order(config)
    return "\n".join([*_head(config, matrix), *_job(config, matrix), ""])


def expected(config: Config, there: str) -> str:
    """What a file that holds `there` should hold: it is with or without a matrix as before. Raises as `workflow`."""
    return workflow(config, matrix="\n      matrix:\n" in there)


def _refuse_order(config: Config) -> None:
    message = "needs {}, and with a matrix each target runs in a job of its own"
    found = [
        _problem(target, message.format(target.needs[0]), "generate it without --matrix")
        for target in config.targets
        if target.needs
    ]
    if found:
        raise ConfigError(found, code="E-WORKFLOW")


def _head(config: Config, matrix: bool) -> list[str]:
    command = "dsync workflow generate" + (" --matrix" if matrix else "")
    return [
        f"# Made by `{command}` from {config.path}; change that file, then generate this one again.",
        "name: Directional Sync Automation",
        "",
        '"on":',
        *_schedules(config),
        "  pull_request:",
        f"    paths: {json.dumps([config.path, _FILE])}",
        "  workflow_dispatch:",
        "    inputs:",
        "      direction:",
        "        description: Only targets of this direction (empty means all)",
        "        type: choice",
        '        options: ["", pull, push, bidirectional]',
        '        default: ""',
        "      target:",
        '        description: Only targets that match, like "oca_*" (empty means all)',
        "        type: string",
        '        default: ""',
        "      dry_run:",
        "        description: Preview changes without executing",
        "        type: boolean",
        "        default: false",
        "      verify:",
        "        description: Verify also where nothing changed",
        "        type: boolean",
        "        default: false",
        "",
        "permissions: {}",
        "",
        "# Scheduled runs wait for each other. Of several GitHub keeps only the newest waiting, which is enough, since",
        "# each takes all that is due. The button waits for nobody; who delivers second plans again on top.",
        "concurrency:",
        "  group: directional-sync-${{ github.event_name == 'schedule' && 'schedule' || github.run_id }}",
        "  cancel-in-progress: false",
        "",
    ]


def _schedules(config: Config) -> list[str]:
    """One trigger for each distinct schedule, in file order, with the targets it is for. A target with a delay of its
    own has triggers of its own: at those of its schedule it is not due yet, and the next may come a day later."""
    users: dict[Schedule, list[Target]] = {}
    for target in config.targets:
        if target.schedule is not None:
            users.setdefault(target.schedule, []).append(target)
    _refuse(config, users)
    triggers: dict[Schedule, list[str]] = {}
    for schedule, targets in users.items():
        for target in targets:
            late = _late(target, schedule)
            for cron in put_off(schedule.cron, late):
                name = f"{target.name} (+{late} min)" if late else target.name
                triggers.setdefault(replace(schedule, cron=cron), []).append(name)
    lines = ["  schedule:"] if triggers else []
    for trigger, names in triggers.items():
        lines.append(f"    - cron: {json.dumps(trigger.cron)} # {', '.join(names)}")
        if trigger.timezone != "UTC":
            lines.append(f"      timezone: {json.dumps(trigger.timezone)}")
    return lines


def _late(target: Target, schedule: Schedule) -> int:
    """After how many minutes the target's own delay is over, in steps that GitHub takes, so that few triggers serve
    many targets."""
    delay = own_delay(target.name, Rhythm(parse(schedule.cron), UTC), target.punctuality)
    return math.ceil(delay.total_seconds() / 60 / _GAP_MIN) * _GAP_MIN


def _refuse(config: Config, users: dict[Schedule, list[Target]]) -> None:
    problems = []
    for schedule, (target, *_) in users.items():
        try:
            gap = parse(schedule.cron).gap_min
        except BadSchedule as error:
            problems.append(_problem(target, f"bad schedule: {error}", error.hint))
            continue
        if gap < _GAP_MIN:
            hint = f"leave {_GAP_MIN} minutes or more between two runs"
            problems.append(
                _problem(target, f"GitHub cannot run {schedule.cron!r}: it fires every {gap} minutes", hint)
            )
    if problems:
        raise ConfigError(problems, code="E-WORKFLOW")


def _problem(target: Target, message: str, hint: str) -> Problem:
    place = target.place
    return Problem(f"{target.name}: {message}", place.path, place.line, place.column, hint=hint, code="E-WORKFLOW")


def _job(config: Config, matrix: bool) -> list[str]:
    proposes = config.deliver is not None and (
        config.deliver.deliver_mode is DeliverMode.PULL_REQUEST or config.deliver.api is not None
    )
    return [
        "jobs:",
        "  sync:",
        "    name: Sync",
        "    if: ${{ github.event_name != 'pull_request' }}",
        "    runs-on: ubuntu-24.04",
        *(_matrix(config) if matrix else []),
        f"    timeout-minutes: {_minutes(config.targets, matrix)}",
        "    environment: directional-sync # the place for the secrets, and for rules on who may use them",
        "    permissions:",
        "      contents: write # to push what was pulled",
        *(["      pull-requests: write # to open one for each target, and keep it up to date"] if proposes else []),
        "    steps:",
        *_prepared("          fetch-depth: 0 # the history tells what was agreed last"),
        "      - name: Fetch what was agreed",
        "        env:",
        *_token(config),
        *_script("dsync base fetch --catch-up\n"),
        "",
        *_told(config, "restore"),
        "      - name: Sync",
        "        id: sync",
        "        env:",
        *_asked(),
        *(["          NAME: ${{ matrix.target }}"] if matrix else []),
        *_environment(config),
        *_script(_SYNC_ONE if matrix else _SYNC),
        "",
        "      - name: Deliver",
        "        if: ${{ !cancelled() && !inputs.dry_run && steps.sync.outcome != 'skipped' }}",
        "        env:",
        *_token(config),
        *_environment(config, but=_tokens(config)),
        *_script("dsync deliver --ci\n"),
        "",
        *_told(config, "save"),
        "      - name: Keep the report",
        "        if: ${{ !cancelled() }}",
        f"        uses: {_ARTIFACT}",
        "        with:",
        "          name: sync-summary" + ("-${{ matrix.target }}" if matrix else ""),
        "          path: ${{ runner.temp }}/sync_summary.json",
        "          if-no-files-found: warn",
        "          retention-days: 30",
        "",
        "      - name: Check that this file fits the configuration",
        "        if: ${{ !cancelled() }}",
        *_script("dsync workflow check\n"),
        "",
        "  check:",
        "    name: Check",
        "    if: ${{ github.event_name == 'pull_request' }}",
        "    runs-on: ubuntu-24.04",
        "    timeout-minutes: 10",
        "    permissions:",
        "      contents: read # of what is proposed; nothing of it is run, and there is no secret here",
        "    steps:",
        *_prepared(),
        "      - name: Check the configuration, and that this file fits it",
        *_script("dsync validate\ndsync workflow check\n"),
    ]


def _prepared(*checkout: str) -> list[str]:
    """The steps that both jobs begin with."""
    return [
        f"      - uses: {_CHECKOUT}",
        "        with:",
        *checkout,
        "          persist-credentials: false",
        "",
        f"      - uses: {_PYTHON}",
        "        with:",
        '          python-version: "3.12"',
        "",
        "      - name: Install",
        f"        run: python -m pip install --disable-pip-version-check 'directional-sync[secrets]=={__version__}'",
        "",
    ]


_ARGUMENTS = """\
arguments=(--ci --no-deliver --summary-json "$RUNNER_TEMP/sync_summary.json")
if [ -n "$SCHEDULE" ]; then arguments+=(--due); fi
if [ -n "$DIRECTION" ]; then arguments+=("--direction=$DIRECTION"); fi
if [ "$DRY_RUN" = true ]; then arguments+=(--dry-run); fi
if [ "$VERIFY" = true ]; then arguments+=(--verify); fi
"""

_SYNC = f"""{_ARGUMENTS}if [ -n "$TARGET" ]; then arguments+=("--target=$TARGET"); fi
dsync run "${{arguments[@]}}"
"""

# What was typed is a pattern here, so it is not in quotes; 3 says that the target has another direction.
_SYNC_ONE = f"""{_ARGUMENTS}if [ -n "$TARGET" ] && [[ "$NAME" != $TARGET ]]; then echo "not asked for"; exit 0; fi
dsync run "--target=$NAME" "${{arguments[@]}}" || {{ status=$?; [ "$status" = 3 ] || exit "$status"; }}
"""


def _matrix(config: Config) -> list[str]:
    return [
        "    strategy:",
        "      fail-fast: false",
        "      max-parallel: 4",
        "      matrix:",
        f"        target: {json.dumps([target.name for target in config.targets])}",
    ]


def _told(config: Config, way: str) -> list[str]:
    """What people were told already, from run to run: each begins with a fresh clone, and would tell it all again."""
    if config.notify is None:
        return []
    restores = way == "restore"
    return [
        f"      - name: {'Recall' if restores else 'Remember'} what was told",
        *([] if restores else ["        if: ${{ !cancelled() }}"]),
        "        continue-on-error: true",
        f"        uses: {_CACHE.format(way)}",
        "        with:",
        "          path: .git/directional-sync/told.json",
        "          key: directional-sync-told-${{ github.run_id }}-${{ github.run_attempt }}",
        *(["          restore-keys: directional-sync-told-"] if restores else []),
        "",
    ]


def _script(text: str) -> list[str]:
    return ["        run: |", *(f"          {line}" for line in text.splitlines())]


def _asked() -> list[str]:
    """What the form and the event say."""
    return [
        "          SCHEDULE: ${{ github.event.schedule }}",
        "          DIRECTION: ${{ inputs.direction }}",
        "          TARGET: ${{ inputs.target }}",
        "          DRY_RUN: ${{ inputs.dry_run }}",
        "          VERIFY: ${{ inputs.verify }}",
    ]


def _tokens(config: Config) -> frozenset[str]:
    """The variables that hold what pushing needs."""
    return frozenset({_TOKEN, (config.deliver.token if config.deliver is not None else "") or _TOKEN})


def _token(config: Config) -> list[str]:
    return [
        f"          {name}: {_VALUES.get(name) or f'${{{{ secrets.{name} }}}}'}" for name in sorted(_tokens(config))
    ]


def _environment(config: Config, *, but: frozenset[str] = frozenset()) -> list[str]:
    """The variables that targets refer to by name."""
    handed = {name for target in config.targets for name in (*target.env, *target.env_vars, *target.credentials)}
    handed |= set(config.notify.variables) if config.notify is not None else set()
    names = handed | {name for target in config.targets for name in target.variables}
    lines = []
    for name in sorted(names - but):
        if name in _VALUES:
            lines.append(f"          {name}: {_VALUES[name]}")
        elif name not in _OWN and not name.startswith(("GITHUB_", "RUNNER_")):
            sources = [f"secrets.{name}"] if name in handed or secret_name(name) else []
            sources += [] if secret_name(name) else [f"vars.{name}"]
            lines.append(f"          {name}: ${{{{ {' || '.join(sources)} }}}}")
    return lines


def _minutes(targets: Sequence[Target], matrix: bool) -> int:
    """Enough for all targets one after the other, or for the longest of them, within what GitHub allows."""
    needed = (max if matrix else sum)(target.timeout_s for target in targets) / 60
    return min(_MINUTES_MAX, math.ceil(needed) + _SPARE_MINUTES)
