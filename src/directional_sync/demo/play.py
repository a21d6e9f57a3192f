"""The order of the demonstration, and what it is played with."""

from __future__ import annotations

import os
import shutil
import site
import sys
from contextlib import ExitStack
from pathlib import Path

from directional_sync.demo import operational, services, vendoring
from directional_sync.demo.stage import Say, Stage
from directional_sync.errors import Exit, HostError
from directional_sync.starters import CONFIG
from directional_sync.testing.catalogue_server import CatalogueService
from directional_sync.testing.digitalocean import DigitalOcean
from directional_sync.testing.git_server import GitServer
from directional_sync.testing.notion import NotionBoard, NotionService
from directional_sync.testing.upstreams import build

_TOKEN = "demo-token-of-nobody"


def show(folder: Path, say: Say, *, color: bool = False) -> int:
    """Plays it in `folder`, which must be empty or not exist. Answers the exit status; raises HostError."""
    folder = folder.absolute()
    if folder.exists() and any(folder.iterdir()):
        raise HostError("E-DEMO", f"{folder} is not empty", hint=f"remove it first, or: dsync demo {folder}-2")
    names = _names()
    modules = vendoring.MODULES_EACH * len(names)
    say(f"building {len(names)} upstream repositories with {modules} modules in {folder / 'upstreams'}")
    upstreams = build(folder / "upstreams", names=names, modules=modules, branch=vendoring.BRANCH)
    services.live_server(folder / "server")
    board = NotionBoard(token=_TOKEN)
    databases = {variable: board.database(variable, columns) for variable, columns in services.DATABASES.items()}
    with ExitStack() as stack:
        server = stack.enter_context(GitServer(folder / "upstreams"))
        apps = stack.enter_context(DigitalOcean(_TOKEN, apps=services.APPS))
        catalogue = stack.enter_context(CatalogueService(folder / "catalogue"))
        notion = stack.enter_context(NotionService(board))
        for name in ("odoo-upgrade", "bank-import"):
            catalogue.skill(name)
        say(f"serving them at http://127.0.0.1:{server.port}/")
        say(f"stand-ins for services: DigitalOcean {apps.url}, Notion {notion.url}, a catalogue {catalogue.url}")
        environment = {
            "OCA_BASE_URL": f"http://127.0.0.1:{server.port}",
            "DIGITALOCEAN_API_URL": apps.url,
            "DIGITALOCEAN_TOKEN": _TOKEN,
            "NOTION_API_URL": notion.url,
            "NOTION_API_TOKEN": _TOKEN,
            "SKILLSMITH_URL": catalogue.url.rpartition("/")[0],
            **databases,
            "HOME": str(folder / "home"),
            "PYTHONUSERBASE": site.getuserbase(),  # where this program may be installed, whose home is another one now
        }
        stage = Stage(folder / "repo", _environment(environment, color=color), say)
        _prepare(stage, folder / "server")
        vendoring.main_job(stage, upstreams)
        vendoring.trouble(stage, upstreams)
        services.inventory(stage, apps)
        services.configuration(stage)
        services.skills(stage, catalogue)
        services.rows(stage, board)
        operational.all_of_it(stage, apps, catalogue, folder / "home")
        stage.step("all that happened, on record", "log", shows=["refused|1 failed", "changed"])
    say(_farewell(folder, color))
    return int(Exit.OK)


def _prepare(stage: Stage, server: Path) -> None:
    stage.repo.mkdir(parents=True)
    stage.git("init", "--quiet", "--initial-branch=main", ".")
    stage.git("config", "user.name", "Demo")
    stage.git("config", "user.email", "demo@localhost")
    stage.step("a repository gets its YAML, its runner and its workflow", "init", "--starter", "insightpulse")
    config = stage.repo / CONFIG
    stage.write(CONFIG, services.at_folder(config.read_text(encoding="utf-8"), server))
    stage.say(f"\n--- no server for ssh is at hand: live_to_docs looks at the folder {server} instead")
    services.documents(stage)
    stage.git("add", "-A")
    stage.git("commit", "--quiet", "-m", "Add the sync configuration")


def _names() -> list[str]:
    """The upstreams that the starter names."""
    import yaml

    from directional_sync.starters import CONFIG, contents

    found: list[str] = yaml.safe_load(contents("insightpulse")[CONFIG])["targets"]["oca_repos"]["remote"]["names"]
    return found


def _environment(addresses: dict[str, str], *, color: bool) -> dict[str, str]:
    """For the children: nothing of the caller's git or GitHub, and the public addresses turned to loopback."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("GIT_", "GITHUB_", "DSYNC", "DIRECTIONAL_"))}
    folder = str(Path(shutil.which("dsync") or sys.executable).parent)
    return {
        **kept,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{folder}{os.pathsep}{kept.get('PATH', os.defpath)}",
        "COLUMNS": "80",
        **addresses,
        **({"FORCE_COLOR": "1"} if color else {"NO_COLOR": "1"}),
    }


def _farewell(folder: Path, color: bool) -> str:
    return (
        f"\nAll steps ended as they should. The repository is left in {folder / 'repo'}; try there:\n\n"
        f"  cd {folder / 'repo'}\n"
        "  git log --stat              one commit for each run of a target, with its sources\n"
        "  dsync show RUN              one run in full, RUN from dsync log\n"
        "  dsync explain exit          what the exit statuses mean\n\n"
        "Upstreams and services are no longer there: dsync plan shows what a run says when all of them are down."
    )
