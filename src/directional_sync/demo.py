"""The demonstration: a scratch repository, upstreams on loopback, and the real commands, one after the other.

Every step is a child process that a reader could start by hand, and every step knows how it has to end, so the
demonstration is a test too.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from directional_sync.errors import Exit, HostError
from directional_sync.system.host import monotonic
from directional_sync.system.process import Finished, capture
from directional_sync.testing.digitalocean import DigitalOcean
from directional_sync.testing.git_server import GitServer
from directional_sync.testing.upstreams import Upstream, build

MODULES_EACH = 4
BRANCH = "18.0"
_STEP_TIMEOUT_S = 120.0
_VENDORED = Path("insightpulse_odoo/addons/oca")
_EDITED = "README.md"
_TRUTH = Path("docs/runtime/apps_truth.json")
_TOKEN = "only-for-the-demonstration"
_APPS = 12

Say = Callable[[str], None]


@dataclass(frozen=True)
class _Stage:
    """Where the demonstration plays."""

    repo: Path
    environment: dict[str, str]
    say: Say

    def step(self, title: str, *command: str, status: int = 0, shows: Sequence[str] = ()) -> str:
        """Runs `dsync COMMAND`, shows it and what it prints; answers its stdout. Raises HostError E-DEMO when it
        ends otherwise than with `status` or does not show what it has to."""
        self.say(f"\n--- {title}\n\n$ dsync {' '.join(map(_quoted, command))}")
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


def show(folder: Path, say: Say, *, color: bool = False) -> int:
    """Plays it in `folder`, which must be empty or not exist. Answers the exit status; raises HostError."""
    folder = folder.absolute()
    if folder.exists() and any(folder.iterdir()):
        raise HostError("E-DEMO", f"{folder} is not empty", hint=f"remove it first, or: dsync demo {folder}-2")
    names = _names()
    modules = MODULES_EACH * len(names)
    say(f"building {len(names)} upstream repositories with {modules} modules in {folder / 'upstreams'}")
    upstreams = build(folder / "upstreams", names=names, modules=modules, branch=BRANCH)
    with GitServer(folder / "upstreams") as server, DigitalOcean(_TOKEN, apps=_APPS) as apps:
        say(f"serving them at http://127.0.0.1:{server.port}/")
        say(f"and a stand-in for DigitalOcean with {_APPS} apps at {apps.url}/")
        stage = _Stage(folder / "repo", _environment(server.port, apps.url, color=color), say)
        _prepare(stage)
        _main_job(stage, upstreams)
        _trouble(stage, upstreams)
        _inventory(stage, apps)
        stage.step("all that happened, on record", "log", shows=["refused|1 failed", "changed"])
    say(_farewell(folder, color))
    return int(Exit.OK)


def _prepare(stage: _Stage) -> None:
    stage.repo.mkdir(parents=True)
    stage.git("init", "--quiet", "--initial-branch=main", ".")
    stage.git("config", "user.name", "Demo")
    stage.git("config", "user.email", "demo@localhost")
    stage.step("a repository gets its YAML, its runner and its workflow", "init", "--starter", "insightpulse")
    stage.git("add", "-A")
    stage.git("commit", "--quiet", "-m", "Add the sync configuration")


def _main_job(stage: _Stage, upstreams: dict[str, Upstream]) -> None:
    stage.step("eight targets, with their schedules", "list", shows=["oca_repos +pull", "8 targets"])
    stage.step(
        "what would a run do? nothing is written",
        "plan", "--target", "oca_repos",
        shows=[r"DRY RUN  nothing was written", r"1 target would change", f"{len(upstreams)} sources"],
    )  # fmt: skip
    stage.step(
        "the same for real: fetched, verified, one commit",
        "run", "--target", "oca_repos", "--verify",
        shows=["1 successful", "1 changed", "commit [0-9a-f]{7}"],
    )  # fmt: skip
    _expect(len(list((stage.repo / _VENDORED).rglob("__manifest__.py"))) >= 100, "100 modules are in the work tree")
    stage.step("again: nothing to do, and quickly", "run", "--target", "oca_repos", shows=["1 unchanged"])

    web = upstreams["sale-workflow"]
    web.commit(
        {
            "sale_demo/__manifest__.py": b"{'name': 'Sale Demo', 'installable': True}\n",
            "README.md": b"# Sale\n\nNew.\n",
        },
        "[ADD] sale_demo",
        branch=BRANCH,
    )
    stage.say("\n--- meanwhile, upstream: sale-workflow gets a new module and a new README")
    output = stage.step("the real difference", "plan", "--target", "oca_repos", shows=["sale-workflow", r"\+1 ~1"])
    plan = re.search(r"dsync run --plan ([0-9a-f]+)", output)
    _expect(plan is not None, "the plan has an id")
    assert plan is not None
    stage.step("exactly that plan, and nothing else", "run", "--plan", plan[1], shows=["1 changed"])


def _trouble(stage: _Stage, upstreams: dict[str, Upstream]) -> None:
    vendored = stage.repo / _VENDORED / "server-tools" / _EDITED
    before = vendored.read_bytes()
    vendored.write_bytes(before + b"\nA local note.\n")
    stage.git("commit", "--quiet", "-am", "Edit a vendored file by hand")
    stage.say(f"\n--- somebody edits {vendored.relative_to(stage.repo)} here and commits it")
    stage.step(
        "drift is seen; the edit is not overwritten", "status", "--target", "oca_repos", shows=[r"oca_repos +no"]
    )

    tips = {name: upstream.head(BRANCH) for name, upstream in upstreams.items()}
    for name in sorted(upstreams)[:16]:
        _spoil(upstreams[name])
    stage.say("\n--- sixteen upstreams lose their modules: fewer than 100 would be left")
    stage.step(
        "verification refuses; nothing is committed",
        "run", "--target", "oca_repos", status=int(Exit.REFUSED),
        shows=[r"refused\[E-", "1 failed"],
    )  # fmt: skip
    for name, tip in tips.items():
        upstreams[name].reset(tip, BRANCH)


def _inventory(stage: _Stage, apps: DigitalOcean) -> None:
    if shutil.which("jq", path=stage.environment["PATH"]) is None:
        stage.say("\n--- apps_truth is left out: its verification needs the program jq, which is not here")
        return
    stage.step("what is live, from a service", "run", "--target", "apps_truth", "--verify", shows=["1 changed"])
    truth = (stage.repo / _TRUTH).read_bytes()
    _expect(truth.count(b'"active_deployment"') == _APPS, f"{_APPS} apps are in {_TRUTH}")
    apps.age()
    stage.say("\n--- time goes by: certificates, progress and times change, and nothing that anybody did")
    stage.step("again: nothing to do", "run", "--target", "apps_truth", shows=["1 unchanged"])
    apps.total = lambda page, there: there + 1
    stage.say("\n--- the service says 13 apps and delivers 12")
    stage.step(
        "a list that may lack something is not taken",
        "run", "--target", "apps_truth", status=int(Exit.FAILED), shows=["E-REST-INCOMPLETE"],
    )  # fmt: skip
    _expect((stage.repo / _TRUTH).read_bytes() == truth, f"{_TRUTH} is as it was")


def _spoil(upstream: Upstream) -> None:
    """Takes the manifests out of every module but keeps the rest, so that only a count can tell."""
    paths = upstream.git("ls-tree", "-r", "--name-only", BRANCH).splitlines()
    gone: dict[str, None] = {path: None for path in paths if path.endswith("__manifest__.py")}
    upstream.commit(gone, "[REM] all manifests", branch=BRANCH)


def _names() -> list[str]:
    """The upstreams that the starter names."""
    import yaml

    from directional_sync.starters import CONFIG, contents

    found: list[str] = yaml.safe_load(contents("insightpulse")[CONFIG])["targets"]["oca_repos"]["remote"]["names"]
    return found


def _environment(port: int, apps_url: str, *, color: bool) -> dict[str, str]:
    """For the children: nothing of the caller's git or GitHub, and the public addresses turned to loopback."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("GIT_", "GITHUB_", "DSYNC", "DIRECTIONAL_"))}
    folder = str(Path(shutil.which("dsync") or sys.executable).parent)
    return {
        **kept,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{folder}{os.pathsep}{kept.get('PATH', os.defpath)}",
        "OCA_BASE_URL": f"http://127.0.0.1:{port}",
        "DIGITALOCEAN_API_URL": apps_url,
        "DIGITALOCEAN_TOKEN": _TOKEN,
        "COLUMNS": "80",
        **({"FORCE_COLOR": "1"} if color else {"NO_COLOR": "1"}),
    }


def _expect(true: bool, what: str) -> None:
    if not true:
        raise HostError("E-DEMO", f"not so: {what}")


def _quoted(word: str) -> str:
    import shlex

    return shlex.quote(word)


def _farewell(folder: Path, color: bool) -> str:
    return (
        f"\nAll steps ended as they should. The repository is left in {folder / 'repo'}; try there:\n\n"
        f"  cd {folder / 'repo'}\n"
        "  git log --stat              one commit for each run of a target, with its sources\n"
        "  dsync show RUN              one run in full, RUN from dsync log\n"
        "  dsync explain exit          what the exit statuses mean\n\n"
        "The upstreams are no longer served: dsync plan shows there what a run says when all of them are down."
    )
