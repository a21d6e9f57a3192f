"""The GitHub Actions workflow that fits the targets: one trigger for each schedule, and a button.

What is typed into the form and what GitHub says about the event reaches the shell as variables, never as text of
the script. A scheduled run is told which schedule fired and takes exactly the targets that have it, however late
it starts. The token that may push is given to one step only, after the targets' programs have ended. Where the
branch has moved meanwhile, the run is made again on the new tip instead of being merged unseen.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

from directional_sync import __version__
from directional_sync.core.redact import secret_name
from directional_sync.core.schedule import BadSchedule, parse
from directional_sync.errors import ConfigError, Problem
from directional_sync.model.target import Config, Schedule, Target

_CHECKOUT = "actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683 # v4.2.2"
_PYTHON = "actions/setup-python@a26af69be951a213d495a4c3e4e4022e16d87065 # v5.6.0"
_CACHE = "actions/cache/{}@5a3ec84eff668545956fd18022155c47e93e2684 # v4.2.3"
_ARTIFACT = "actions/upload-artifact@ea165f8d65b6e75b540449e92b4886f43607fa02 # v4.6.2"

_MINUTES_MAX = 360
_SPARE_MINUTES = 15
_GAP_MIN = 5
"""GitHub starts a schedule every five minutes at most."""
_OWN = ("CI", "HOME", "LANG", "LOGNAME", "PATH", "PWD", "SHELL", "SSH_AUTH_SOCK", "TMPDIR", "TZ", "USER")
"""Variables that the runner has itself."""


def workflow(config: Config) -> str:
    """The text of the workflow file, the same for the same configuration. Raises ConfigError E-WORKFLOW when GitHub
    could not run the schedules as they are written."""
    return "\n".join([*_head(config), *_job(config), ""])


def _head(config: Config) -> list[str]:
    return [
        f"# Made by `dsync workflow generate` from {config.path}; change that file, then generate this one again.",
        "name: Directional Sync Automation",
        "",
        '"on":',
        *_schedules(config),
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
        "# One schedule waits for its own last run and for nothing else: of several waiting runs in one group GitHub",
        "# keeps only the newest. Runs that meet are told apart by the branch: who comes second runs again.",
        "concurrency:",
        "  group: directional-sync-${{ github.event.schedule || github.event_name }}",
        "  cancel-in-progress: false",
        "",
    ]


def _schedules(config: Config) -> list[str]:
    """One trigger for each distinct schedule, in file order, with the targets it is for."""
    users: dict[Schedule, list[Target]] = {}
    for target in config.targets:
        if target.schedule is not None:
            users.setdefault(target.schedule, []).append(target)
    _refuse(config, users)
    lines = ["  schedule:"] if users else []
    for schedule, targets in users.items():
        lines.append(f"    - cron: {json.dumps(schedule.cron)} # {', '.join(target.name for target in targets)}")
        if schedule.timezone != "UTC":
            lines.append(f"      timezone: {json.dumps(schedule.timezone)}")
    return lines


def _refuse(config: Config, users: dict[Schedule, list[Target]]) -> None:
    problems, zones = [], dict[str, Schedule]()
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
        other = zones.setdefault(schedule.cron, schedule)
        if other != schedule:
            message = (
                f"{schedule.cron!r} is used in two time zones, {other.timezone} and {schedule.timezone}, and GitHub "
                "does not say which of them fired"
            )
            problems.append(_problem(target, message, "move one of them by a minute"))
    if problems:
        raise ConfigError(problems, code="E-WORKFLOW")


def _problem(target: Target, message: str, hint: str) -> Problem:
    place = target.place
    return Problem(f"{target.name}: {message}", place.path, place.line, place.column, hint=hint, code="E-WORKFLOW")


def _job(config: Config) -> list[str]:
    return [
        "jobs:",
        "  sync:",
        "    name: Sync",
        "    runs-on: ubuntu-24.04",
        f"    timeout-minutes: {_minutes(config.targets)}",
        "    environment: directional-sync # the place for the secrets, and for rules on who may use them",
        "    permissions:",
        "      contents: write # to push what was pulled",
        "    steps:",
        f"      - uses: {_CHECKOUT}",
        "        with:",
        "          fetch-depth: 0 # the history tells what was agreed last",
        "          persist-credentials: false",
        "",
        f"      - uses: {_PYTHON}",
        "        with:",
        '          python-version: "3.12"',
        "",
        "      - name: Install",
        f"        run: python -m pip install --disable-pip-version-check 'directional-sync[secrets]=={__version__}'",
        "",
        "      - name: Fetch what was agreed",
        "        env:",
        "          TOKEN: ${{ github.token }}",
        *_script(_FETCH),
        "",
        *_told(config, "restore"),
        "      - name: Sync",
        "        env:",
        *_environment(config),
        *_script(_SYNC),
        "",
        "      - name: Push",
        "        if: ${{ !cancelled() && !inputs.dry_run }}",
        "        env:",
        *_environment(config),
        "          BRANCH: ${{ github.ref }}",
        "          TOKEN: ${{ github.token }}",
        *_script(_PUSH),
        "",
        *_told(config, "save"),
        "      - name: Keep the report",
        "        if: ${{ !cancelled() }}",
        f"        uses: {_ARTIFACT}",
        "        with:",
        "          name: sync-summary",
        "          path: ${{ runner.temp }}/sync_summary.json",
        "          if-no-files-found: warn",
        "          retention-days: 30",
    ]


_RUN = """\
arguments=(--ci --summary-json "$RUNNER_TEMP/sync_summary.json")
if [ -n "$SCHEDULE" ]; then arguments+=("--schedule=$SCHEDULE"); fi
if [ -n "$DIRECTION" ]; then arguments+=("--direction=$DIRECTION"); fi
if [ -n "$TARGET" ]; then arguments+=("--target=$TARGET"); fi
if [ "$DRY_RUN" = true ]; then arguments+=(--dry-run); fi
if [ "$VERIFY" = true ]; then arguments+=(--verify); fi
"""

_SYNC = f"""{_RUN}python scripts/sync_directional.py "${{arguments[@]}}"
"""

_LOGIN = """\
agreed="$(git rev-parse --git-dir)/agreed-before"
basic="$(printf 'x-access-token:%s' "$TOKEN" | base64 -w0)"
as_us() (
  export GIT_CONFIG_COUNT=1
  export GIT_CONFIG_KEY_0="http.$GITHUB_SERVER_URL/.extraheader"
  export GIT_CONFIG_VALUE_0="Authorization: basic $basic"
  git "$@"
)
fetch_agreed() {
  as_us fetch --no-tags origin '+refs/directional-sync/base/*:refs/directional-sync/base/*'
  git for-each-ref --format='%(objectname) %(refname)' refs/directional-sync/base >"$agreed"
}
"""

_FETCH = f"""{_LOGIN}fetch_agreed
"""

# What was agreed with far sides is not in the branch. Of it only what this run has changed is pushed, and only where
# nobody has changed it since, all together with the branch or nothing.
_PUSH = f"""{_RUN}{_LOGIN}if [ ! -e "$agreed" ]; then : >"$agreed"; fi
push() {{
  refs=("HEAD:$BRANCH")
  while read -r object ref; do
    if grep -qxF "$object $ref" "$agreed"; then continue; fi
    before="$(sed -n "s|^\\([0-9a-f]*\\) $ref\\$|\\1|p" "$agreed")"
    refs+=("--force-with-lease=$ref:$before" "$ref:$ref")
  done < <(git for-each-ref --format='%(objectname) %(refname)' refs/directional-sync/base)
  if as_us push --atomic origin "${{refs[@]}}"; then return 0; fi
  fetch_agreed
  as_us fetch origin "$BRANCH"
  return 1
}}
status=0
for attempt in 1 2 3 4 5; do
  if push; then exit "$status"; fi
  if [ "$attempt" = 5 ]; then break; fi
  echo "attempt $attempt: the branch has moved; running again on its new tip"
  git reset --hard FETCH_HEAD
  status=0
  env -u TOKEN python scripts/sync_directional.py "${{arguments[@]}}" || status=$?
done
echo "the branch kept moving; the next run tries again" >&2
exit 1
"""


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


def _environment(config: Config) -> list[str]:
    """What the form and the event say, and the variables that targets refer to by name."""
    handed = {name for target in config.targets for name in (*target.env, *target.env_vars, *target.credentials)}
    handed |= set(config.notify.variables) if config.notify is not None else set()
    names = handed | {name for target in config.targets for name in target.variables}
    lines = [
        "          SCHEDULE: ${{ github.event.schedule }}",
        "          DIRECTION: ${{ inputs.direction }}",
        "          TARGET: ${{ inputs.target }}",
        "          DRY_RUN: ${{ inputs.dry_run }}",
        "          VERIFY: ${{ inputs.verify }}",
    ]
    for name in sorted(names):
        if name not in _OWN and not name.startswith(("GITHUB_", "RUNNER_")):
            sources = [f"secrets.{name}"] if name in handed or secret_name(name) else []
            sources += [] if secret_name(name) else [f"vars.{name}"]
            lines.append(f"          {name}: ${{{{ {' || '.join(sources)} }}}}")
        elif name == "GITHUB_TOKEN":
            lines.append("          GITHUB_TOKEN: ${{ github.token }}")
    return lines


def _minutes(targets: Sequence[Target]) -> int:
    """Enough for all targets one after the other, within what GitHub allows."""
    needed = sum(target.timeout_s for target in targets) / 60
    return min(_MINUTES_MAX, math.ceil(needed) + _SPARE_MINUTES)
