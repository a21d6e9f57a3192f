"""What the repository says: broken documents are told with their lines, all at once, and nothing is written."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.notion.noted import COLUMNS, Noted, task, tasks

from directional_sync.errors import Exit, Problem
from directional_sync.model.lifecycle import Outcome
from directional_sync.model.record import TargetRecord
from directional_sync.testing.notion import text


def mistakes(noted: Noted) -> list[str]:
    """What a run says of its input; nothing is written by it."""
    before = len(noted.board.writes)
    record = noted.run()
    assert record.failure is not None and record.failure.code == "E-NOTION-INPUT", record.message
    assert (record.outcome, record.exit) == (Outcome.FAILED, Exit.FAILED)
    assert len(noted.board.writes) == before
    return list(record.failure.detail)


def test_every_broken_document_is_told_at_once_with_its_line(noted: Noted) -> None:
    files = {
        "a.json": '[\n {"id": "a1", "title": "fine"},\n {"id": "a2"}\n]',
        "b.json": '[{"id": "b1", "title": "x"},\n  oops]',
        "c.yaml": "- id: c1\n  title: x\n- id: c1\n  title: again\n",
        "d.yaml": "- id: d1\n  id: d2\n",
        "e.csv": "id,title\ne1,fine\ne2\n",
        "f.md": "# no front matter\n",
        "g.md": "---\nid: [\n---\n",
        "h.txt": "text",
        "i.json": '{"id": "a1", "title": "a2 again"}',
        "j.yaml": "- &x 1\n- *x\n",
        "k.json": '[1,\n\n2]',
        "l.json": '{"id": "l", "title": {"deep": 1}}',
        "m.json": b'{"id": "\xff"}',
        "n.json": '{"id": " n", "title": "x"}',
        "o.json": '{"id": "", "title": "x"}',
        "p.json": '{"id": "p", "titel": "x"}',
    }  # fmt: skip
    for name, content in files.items():
        noted.project.write(f"tasks/{name}", content)
    noted.project.commit()
    found = mistakes(noted)
    wanted = {
        "a.json:3": "no field `title`",
        "b.json:2": "no JSON",
        "c.yaml:3": "that of tasks/c.yaml:1",
        "d.yaml:2": "'id' stands twice",
        "e.csv:3": "1 cells, and the head has 2",
        "f.md:1": "front matter",
        "g.md:3": "front matter is no YAML",
        "h.txt:1": "only .json",
        "i.json:1": "that of tasks/a.json:2",
        "j.yaml:1": "anchors",
        "k.json:1": "row 1 is no mapping",
        "k.json:3": "row 2 is no mapping",
        "l.json:1": "mapping is no text",
        "m.json:1": "not UTF-8",
        "n.json:1": "white space",
        "o.json:1": "external id is empty",
        "p.json:1": "did you mean `titel`?",
    }
    for place, words in wanted.items():
        if place != "l.json:1":  # what a value is worth is known once the types are
            assert any(line.startswith(f"tasks/{place}: ") and words in line for line in found), (place, found)
    assert len(found) == len(wanted) - 1


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("Due", "soon", "no date"),
        ("Due", "2026-02-30", "no date"),
        ("Due", "2026-01", "no date"),
        ("Due", "2026-02-01/2026-01-01", "no period"),
        ("Hours", "many", "no number"),
        ("Hours", "1e400", "no number"),
        ("Urgent", "perhaps", "neither true nor false"),
        ("Status", "a, b", "has a comma"),
        ("Stage", "Nearly", "none of its options (Not started, In progress, Done)"),
        ("Name", {"a": 1}, "mapping is no text"),
        ("Notes", "x" * 200_001, "longer than the 200,000"),
        ("Link", "x" * 2001, "longer than the 2,000"),
        ("Tags", ["x" * 101], "longer than the 100"),
        ("Tags", [str(n) for n in range(101)], "101 entries"),
    ],
)
def test_a_value_that_is_none_of_the_type(noted: Noted, name: str, value: Any, words: str) -> None:
    noted.configure(properties={name: "{v}"})
    noted.say({"id": "fine", "v": None if name == "Name" else ""}, {"id": "bad", "v": value})
    noted.configure(properties={name: "{v?}"})
    [line] = mistakes(noted)
    assert line.startswith(f"tasks/all.json:6: {name} (") and words in line


def test_all_kinds_of_values_rest_once_they_are_written(noted: Noted) -> None:
    """Notion gives back other forms than it was given; none of them may look like a difference."""
    columns = {**COLUMNS, "Mail": "email", "Phone": "phone_number", "Who": "people", "With": "relation"}
    other = noted.board.database("Kinds", columns)
    noted.project.environ["TASKS_DB_ID"] = other
    noted.database = other
    names = [name for name in columns if name not in ("External ID", "Total")]
    noted.configure(properties={name: f"{{{name.lower()}?}}" for name in names})
    one, two = "0123456789abcdef0123456789abcdef", "fedcba98-7654-3210-fedc-ba9876543210"
    full = {
        "id": "full",
        "name": "  Ünïcode \U0001f600 title\n",
        "status": "todo",
        "due": "2026-01-31T09:30:59+08:00",
        "tags": ["b", "a", "B", " "],
        "notes": "\U0001f600" * 1700 + " and\r\nlines",
        "stage": "in PROGRESS",
        "hours": 1.0,
        "link": " https://example.org/x ",
        "urgent": "yes",
        "mail": "ada@example.org",
        "phone": "+63 2 1234",
        "who": [one, two],
        "with": f"{two}, {one}",
    }
    period = {"id": "period", "name": "x", "due": {"start": "2026-01-01", "end": "2026-01-31"}, "hours": "12.50"}
    noted.say(full, period, {"id": "empty", "name": "", "tags": [], "due": ""}, {"id": "none"})
    noted.sync()
    assert noted.value("full", "Status")["name"] == "Todo"
    assert noted.value("full", "Hours") == 1 and noted.value("period", "Hours") == 12.5
    assert noted.value("full", "Due")["start"] == "2026-01-31T01:30:00.000+00:00"
    assert noted.value("period", "Due")["end"] == "2026-01-31"
    assert len(noted.row("full").now.properties["Notes"]["rich_text"]) >= 2
    assert [user["object"] for user in noted.value("full", "Who")] == ["user", "user"]
    noted.rest()


def test_a_page_gets_its_content_when_it_is_made_and_only_then(noted: Noted) -> None:
    noted.configure(
        checklist="steps", body="text", rows="list.tasks", date="{period}", key="{agency|slug}_{id}_{yyyy}_{mm}"
    )
    row = {"id": "1", "agency": "R. I. M.", "title": "x", "steps": [f"step {n}" for n in range(250)]}
    document = {
        "period": "2026-01",
        "list": {"tasks": [row, {**row, "id": "2", "steps": [], "text": "# A\n\nb\nc\n- [x] d"}]},
    }
    noted.project.write("tasks/january.json", json.dumps(document))
    noted.project.commit()
    noted.sync()
    assert noted.ids() == ["r_i_m_1_2026_01", "r_i_m_2_2026_01"]
    long, short = (noted.row(key).children for key in noted.ids())
    inside = [block for toggle in long for block in toggle["toggle"]["children"]]
    assert [len(toggle["toggle"]["children"]) for toggle in long] == [100, 100, 50]
    assert [block["to_do"]["rich_text"][0]["text"]["content"] for block in inside] == row["steps"]
    assert [block["type"] for block in short] == ["heading_1", "paragraph", "to_do"]
    document["list"]["tasks"][1]["steps"] = ["another"]  # type: ignore[index]
    noted.project.write("tasks/january.json", json.dumps(document))
    noted.project.commit()
    noted.rest()
    document["list"]["tasks"][0]["steps"] = [f"step {n}" for n in range(901)]  # type: ignore[index]
    document["list"]["tasks"][1]["steps"] = [{"nothing": 1}]  # type: ignore[index]
    noted.project.write("tasks/january.json", json.dumps(document))
    noted.project.commit()
    found = mistakes(noted)
    assert "901 blocks" in found[0] and "entry 1 of the checklist has no text" in found[1]


def test_a_misspelt_field_of_the_checklist(noted: Noted) -> None:
    noted.configure(checklist="chekclist")
    noted.say(task(1, checklist=["a"]), task(2))
    [line] = mistakes(noted)
    assert "did you mean `checklist`?" in line


def test_links_are_no_documents(noted: Noted) -> None:
    noted.say(task(1))
    (noted.project.root / "tasks/link.json").symlink_to("/etc/passwd")
    noted.project.commit()
    [line] = mistakes(noted)
    assert line == "tasks/link.json:1: it is a link, and only files are read"


def failed(record: TargetRecord) -> tuple[str, str]:
    assert record.failure is not None, record.message
    return record.failure.code, " ".join((record.failure.message, *record.failure.detail, record.failure.hint))


@pytest.mark.parametrize("kept", [True, False], ids=["remembered", "fresh"])
def test_properties_that_do_not_fit_stop_it_before_the_first_write(noted: Noted, kept: bool) -> None:
    noted.say(*tasks(2))
    if kept:
        noted.sync()
        writes = len(noted.board.writes)
    else:
        writes = 0
    noted.configure(
        properties={
            "Name": "{title}",
            "Statsu": "x",
            "Due": {"value": "{due}", "type": "rich_text"},
            "Total": "1",
            "External ID": "x",
        }
    )
    noted.say(*tasks(3))
    code, said = failed(noted.run())
    assert code == "E-NOTION-SCHEMA"
    assert "did you mean 'Status'?" in said and "has the type date, and the file says rich_text" in said
    assert "type formula, which cannot be owned" in said and "cannot be owned beside" in said
    assert len(noted.board.writes) == writes


@pytest.mark.parametrize("rows", [0, 2])
def test_a_property_that_people_rename_or_change_is_noticed(noted: Noted, rows: int) -> None:
    noted.say(*tasks(rows))
    noted.sync()
    table = noted.board.table(noted.database)
    table.properties["State"] = table.properties.pop("Status")
    noted.say(*tasks(3))
    code, said = failed(noted.run())
    assert code == "E-NOTION-SCHEMA" and "no property 'Status'" in said
    assert len(noted.board.writes) == rows
    table.properties["Status"] = table.properties.pop("State")
    table.properties["Code"] = table.properties.pop("External ID")
    code, said = failed(noted.run())
    assert code == "E-NOTION-SCHEMA" and "'External ID'" in said


def test_an_option_of_a_status_that_is_new(noted: Noted) -> None:
    noted.configure(properties={"Stage": "{stage}"})
    noted.say({"id": "a", "stage": "Done"})
    noted.sync()
    noted.board.table(noted.database).properties["Stage"]["status"]["options"].append({"id": "o9", "name": "Waiting"})
    noted.say({"id": "a", "stage": "waiting"})
    assert noted.sync().counts.changed == 1
    noted.rest()


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("0" * 32, "E-NOTION-DATABASE"),
        ("not an id", "E-NOTION-DATABASE"),
        ("", "E-ENV-MISSING"),
    ],
)
def test_an_unknown_database(noted: Noted, value: str, code: str) -> None:
    noted.say(task(1))
    noted.project.environ["TASKS_DB_ID"] = value
    found, said = failed(noted.run())
    assert found == code and "TASKS_DB_ID" in said
    assert value == "" or value not in said


def test_a_database_by_its_address_and_by_its_id(noted: Noted) -> None:
    noted.say(task(1))
    bare = noted.database.replace("-", "")
    noted.project.environ["TASKS_DB_ID"] = f"https://www.notion.so/team/Tasks-{bare}?v=123"
    noted.sync()
    noted.configure(database=noted.database)
    noted.rest()


def test_of_several_data_sources_one_is_named(noted: Noted) -> None:
    noted.database = noted.board.database("Both", COLUMNS, sources=("Old", "New"))
    noted.project.environ["TASKS_DB_ID"] = noted.database
    noted.say(task(1))
    code, said = failed(noted.run())
    assert code == "E-NOTION-DATABASE" and "2 data sources: 'Old', 'New'" in said and "data_source" in said
    noted.configure(data_source="Nwe")
    assert failed(noted.run())[0] == "E-NOTION-DATABASE"
    noted.configure(data_source="New")
    noted.sync()
    assert noted.row("t001").source == noted.board.table(noted.database, 1).id
    noted.configure(data_source=noted.board.table(noted.database, 1).id)
    noted.sync()
    noted.rest()


def test_empty_inputs_make_nothing(noted: Noted) -> None:
    noted.say()
    noted.sync()
    noted.rest()
    assert not noted.board.writes


def test_rows_without_an_external_id_are_none_of_our_business(noted: Noted) -> None:
    noted.board.add(noted.database, {"Name": {"title": [{"text": {"content": "theirs"}}]}})
    noted.say(task(1))
    record = noted.sync()
    assert record.plan is not None and not record.plan.held
    assert len(noted.board.pages) == 2


def test_odd_ids_come_back(noted: Noted) -> None:
    ids = [".git", "a/b/../c", "%41", "ünï", "a b", "..", "A", "a", "CON", "\\x", "<b>&amp;", "x" * 900]
    noted.say(*[{"id": one, "title": one} for one in ids])
    noted.sync()
    assert noted.ids() == sorted(ids)
    assert text(noted.row(".git").now.properties["Name"]) == ".git"
    noted.rest()
    assert noted.project.fsck() == ""


@pytest.mark.parametrize(
    ("remote", "words"),
    [
        ({"token": "ntn_123-456"}, "name of the variable"),
        ({"key": "same"}, "every row would have the same"),
        ({"key": "{id.__class__()}"}, "is no field"),
        ({"key": "{id|upcase}"}, "is no filter"),
        ({"properties": {"Name": "{title"}}, "without its other half"),
        ({"rows": "a..b"}, "place in a document"),
        ({"url": "ftp://x"}, "https address"),
        ({"properties": {"Name": {"value": "{x}", "type": "formula"}}}, "formula"),
        ({"rate": 0}, "rate"),
        ({"archiv": "x"}, "archiv"),
    ],
)
def test_mistakes_in_the_file(noted: Noted, remote: dict[str, Any], words: str) -> None:
    from directional_sync.errors import ConfigError

    noted.configure(**remote)
    with pytest.raises(ConfigError) as caught:
        noted.run()
    found: tuple[Problem, ...] = caught.value.problems
    assert any(words in f"{problem.message} {problem.hint}" for problem in found), found
