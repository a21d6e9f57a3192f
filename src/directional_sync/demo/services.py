"""Flows from and to services: an inventory, a live server, a catalogue of skills, and rows of databases."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from directional_sync.demo.stage import Stage, expect
from directional_sync.errors import Exit
from directional_sync.testing.catalogue_server import CatalogueService
from directional_sync.testing.digitalocean import DigitalOcean
from directional_sync.testing.notion import NotionBoard

APPS = 12
_TRUTH = "docs/runtime/apps_truth.json"
_DATABASE = "docs/runtime/DB_CONFIG.prod.txt"
_TASKS = "docs/month_end_tasks_2026_01.json"
_SECRET = "Pg-Live-Secret-77"
_CONF = f"""[options]
addons_path = /usr/lib/odoo/addons, /mnt/extra-addons
db_host = db.internal
db_name = prod
db_user = odoo
db_password = {_SECRET}
"""
DATABASES: Mapping[str, Mapping[str, str]] = {
    "NOTION_FIELD_DOCS_DB_ID": {
        "Name": "title",
        "External ID": "rich_text",
        "Model": "select",
        "Field": "rich_text",
        "Type": "select",
        "Required": "checkbox",
        "Help": "rich_text",
        "Source": "rich_text",
    },
    "NOTION_MONTHEND_DB_ID": {
        "Name": "title",
        "External ID": "rich_text",
        "Agency": "select",
        "Owner": "rich_text",
        "Due": "date",
        "Status": "select",
    },
    "NOTION_BIR_DB_ID": {
        "Name": "title",
        "External ID": "rich_text",
        "Form": "select",
        "Company": "select",
        "Due": "date",
    },
}
"""Variable with the id of a database -> its properties, as the starter wants them."""


def live_server(folder: Path) -> None:
    """A server as its files show it: the configuration, and one process."""
    for path, content in {
        "etc/odoo/odoo.conf": _CONF,
        "proc/1/cmdline": "/sbin/init\0",
        "proc/1/environ": "",
        "proc/1/status": "Name:\tinit\nPid:\t1\nPPid:\t0\n",
        "proc/42/cmdline": "/usr/bin/python3\0/usr/bin/odoo\0-c\0/etc/odoo/odoo.conf\0",
        "proc/42/environ": f"LANG=C.UTF-8\0SMTP_PASSWORD={_SECRET}\0",
        "proc/42/status": "Name:\tpython3\nPid:\t42\nPPid:\t1\n",
    }.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")


def at_folder(config: str, folder: Path) -> str:
    """The starter's file with the live server as a folder of this machine instead of a host that ssh reaches."""
    keys = "host|port|user|identity_file|known_hosts"
    without = re.sub(rf'^ +(?:{keys}): "\$\{{ODOO_[A-Z_]+:-[^"]*"\n', "", config, flags=re.MULTILINE)
    return without.replace(
        "      type: server_config\n", f"      type: server_config\n      path: {json.dumps(str(folder))}\n"
    )


def documents(stage: Stage) -> None:
    """What the three pushes are made of."""
    head = "---\nmodel: res.partner\nfield: vat\ntype: char\nlabel: Tax ID\n---\n"
    stage.write("docs/odoo_fields/res_partner/vat.md", f"{head}# Tax ID\n\n- nine digits\n")
    stage.write(_TASKS, _tasks("2026-02-03"))
    filing = {"form": "1601-C", "company": "IPAI", "period": "2026-01", "title": "1601-C", "due": "2026-02-10"}
    filings = {"filings": [{**filing, "checklist": ["Prepare", "File", "Pay"]}]}
    stage.write("docs/bir_calendar_2026.json", json.dumps(filings, indent=2) + "\n")


def _tasks(due: str) -> str:
    tasks = [
        {
            "agency": agency,
            "task": "bank_reconciliation",
            "title": f"Reconcile the banks of {agency}",
            "owner": "Finance",
            "due": due if agency == "RIM" else "2026-02-03",
            "checklist": ["Download the statements", "Match the lines"],
        }
        for agency in ("RIM", "CKVC")
    ]
    return json.dumps({"period": "2026-01", "tasks": tasks}, indent=2) + "\n"


def inventory(stage: Stage, apps: DigitalOcean) -> None:
    if shutil.which("jq", path=stage.environment["PATH"]) is None:
        stage.say("\n--- apps_truth is left out: its verification needs the program jq, which is not here")
        return
    stage.step("what is live, from a service", "run", "--target", "apps_truth", "--verify", shows=["1 changed"])
    truth = (stage.repo / _TRUTH).read_bytes()
    expect(truth.count(b'"active_deployment"') == APPS, f"{APPS} apps are in {_TRUTH}")
    apps.age()
    stage.say("\n--- time goes by: certificates, progress and times change, and nothing that anybody did")
    stage.step("again: nothing to do", "run", "--target", "apps_truth", shows=["1 unchanged"])
    apps.total = lambda page, there: there + 1
    stage.say(f"\n--- the service says {APPS + 1} apps and delivers {APPS}")
    stage.step(
        "a list that may lack something is not taken",
        "run", "--target", "apps_truth", status=int(Exit.FAILED), shows=["E-REST-INCOMPLETE"],
    )  # fmt: skip
    expect((stage.repo / _TRUTH).read_bytes() == truth, f"{_TRUTH} is as it was")


def configuration(stage: Stage) -> None:
    stage.step(
        "the configuration of a live server, without its secrets",
        "run", "--target", "live_to_docs", shows=["1 changed"],
    )  # fmt: skip
    written = (stage.repo / _DATABASE).read_text(encoding="utf-8")
    expect("db_password = <secret:" in written and _SECRET not in written, "a placeholder stands for the password")


def skills(stage: Stage, catalogue: CatalogueService) -> None:
    stage.step("skills from a catalogue", "run", "--target", "skillsmith_catalog", shows=["1 changed"])
    catalogue.put("bank-import/fetch.sh", "#!/bin/sh\necho fetching\n", mode=0o755)
    stage.say("\n--- in the catalogue, a skill gets a program")
    stage.step(
        "what acts by itself waits for a person",
        "run", "--target", "skillsmith_catalog", status=int(Exit.REFUSED), shows=["dsync approve"],
    )  # fmt: skip


def rows(stage: Stage, board: NotionBoard) -> None:
    """Rows are pushed, one of them is changed, an answer gets lost."""
    pushed = ("--target", "notion_*", "--direction", "push")
    stage.step("files as rows of databases", "run", *pushed, shows=["3 changed"])
    made = len(board.pages)
    stage.step("again: nothing to do", "run", *pushed, shows=["3 unchanged"])
    stage.write(_TASKS, _tasks("2026-02-05"))
    stage.git("commit", "--quiet", "-am", "Move a date")
    stage.say(f"\n--- somebody moves a date in {_TASKS} and commits it")
    stage.step("field by field, before anything is sent", "plan", *pushed, shows=["2026-02-03", "2026-02-05"])
    stage.step("and sent: one request writes", "run", *pushed, shows=["1 changed"])
    expect(len(board.pages) == made, "no row was made twice")
