"""The main job: many upstream repositories in one, and what happens when they or people change something."""

from __future__ import annotations

import re
from pathlib import Path

from directional_sync.demo.stage import Stage, expect
from directional_sync.errors import Exit
from directional_sync.testing.upstreams import Upstream

MODULES_EACH = 4
BRANCH = "18.0"
_VENDORED = Path("insightpulse_odoo/addons/oca")
_EDITED = "README.md"


def main_job(stage: Stage, upstreams: dict[str, Upstream]) -> None:
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
    expect(len(list((stage.repo / _VENDORED).rglob("__manifest__.py"))) >= 100, "100 modules are in the work tree")
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
    expect(plan is not None, "the plan has an id")
    assert plan is not None
    stage.step("exactly that plan, and nothing else", "run", "--plan", plan[1], shows=["1 changed"])


def trouble(stage: Stage, upstreams: dict[str, Upstream]) -> None:
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


def _spoil(upstream: Upstream) -> None:
    """Takes the manifests out of every module but keeps the rest, so that only a count can tell."""
    paths = upstream.git("ls-tree", "-r", "--name-only", BRANCH).splitlines()
    gone: dict[str, None] = {path: None for path in paths if path.endswith("__manifest__.py")}
    upstream.commit(gone, "[REM] all manifests", branch=BRANCH)
