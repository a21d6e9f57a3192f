"""The three Notion targets of the starter: databases that fit them, and documents of the shapes that they read."""

from __future__ import annotations

import json
from collections.abc import Mapping

from tests.notion.noted import TOKEN

from directional_sync.demo.services import DATABASES
from directional_sync.testing.notion import NotionBoard, NotionService

DOCUMENTS: Mapping[str, str] = {
    "docs/odoo_fields/res_partner/vat.md": "---\nmodel: res.partner\nfield: vat\ntype: char\nlabel: Tax ID\n"
    "help: The number that the tax office gave.\n---\n# Tax ID\n\nUsed in every BIR form.\n\n- nine digits\n",
    "docs/odoo_fields/res_partner/name.md": "---\nmodel: res.partner\nfield: name\ntype: char\nlabel: Name\n"
    "required: true\n---\nThe name.\n",
    "docs/month_end_tasks_2026_01.json": json.dumps(
        {
            "period": "2026-01",
            "tasks": [
                {
                    "agency": agency,
                    "task": "bank_reconciliation",
                    "title": f"Reconcile the banks of {agency}",
                    "owner": "Finance",
                    "due": "2026-02-03",
                    "checklist": ["Download the statements", {"text": "Match the lines", "done": False}],
                }
                for agency in ("RIM", "CKVC")
            ],
        },
        indent=2,
    ),
    "docs/bir_calendar_2026.json": json.dumps(
        {
            "filings": [
                {
                    "form": "1601-C",
                    "company": "IPAI",
                    "period": f"2026-0{month}",
                    "title": f"1601-C of month {month}",
                    "due": f"2026-0{month + 1}-10",
                    "checklist": ["Prepare", "File", "Pay"],
                }
                for month in (1, 2)
            ]
        },
        indent=2,
    ),
}
ROWS: Mapping[str, set[str]] = {
    "NOTION_FIELD_DOCS_DB_ID": {"res.partner.vat", "res.partner.name"},
    "NOTION_MONTHEND_DB_ID": {
        "monthend_RIM_bank_reconciliation_2026_01",
        "monthend_CKVC_bank_reconciliation_2026_01",
    },
    "NOTION_BIR_DB_ID": {"bir_1601-C_IPAI_2026_01", "bir_1601-C_IPAI_2026_02"},
}


def service() -> tuple[NotionService, dict[str, str]]:
    """The stand-in with the three databases, and the variables that lead there."""
    board = NotionBoard(token=TOKEN)
    ids = {name: board.database(name, columns) for name, columns in DATABASES.items()}
    service = NotionService(board)
    return service, {"NOTION_API_URL": service.url, "NOTION_API_TOKEN": TOKEN, **ids}
