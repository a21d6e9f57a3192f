"""The three Notion targets of the starter, as the file says them."""

from __future__ import annotations

from tests.notion.starter import DOCUMENTS, ROWS, service
from tests.project import Project

from directional_sync import starters
from directional_sync.model.lifecycle import Outcome


def test_the_three_targets(project: Project) -> None:
    notion, variables = service()
    with notion:
        project.environ |= variables
        starters.prepare(project.root, "insightpulse", force=False)
        for path, content in DOCUMENTS.items():
            project.write(path, content)
        project.commit()
        summary = project.run("notion_*")
        assert [record.outcome for record in summary.records] == [Outcome.SYNCED] * 3, summary.records
        board = notion.board
        for name, keys in ROWS.items():
            assert set(board.rows(variables[name])) == keys
        page = board.row(variables["NOTION_MONTHEND_DB_ID"], "monthend_RIM_bank_reconciliation_2026_01")
        assert [block["type"] for block in page.children] == ["to_do", "to_do"]
        page = board.row(variables["NOTION_FIELD_DOCS_DB_ID"], "res.partner.vat")
        assert [block["type"] for block in page.children] == ["heading_1", "paragraph", "bulleted_list_item"]
        notion.forget()
        assert [record.outcome for record in project.run("notion_*").records] == [Outcome.IN_SYNC] * 3
        assert [asked.method for asked in notion.heard] == ["POST"] * 3  # one query each


def test_a_missing_token_fails_each_of_them_and_nothing_else(project: Project) -> None:
    starters.prepare(project.root, "insightpulse", force=False)
    project.commit()
    records = {record.target: record for record in project.run("notion_*", dry_run=True).records}
    for record in records.values():
        assert record.failure is not None and (record.failure.code, int(record.exit)) == ("E-ENV-MISSING", 4)  # U21
        assert "NOTION_API_TOKEN" in record.failure.message and "sync.yaml:" in record.failure.place
