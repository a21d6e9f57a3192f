"""Settings files, YAML and front matter as records, and back."""

from __future__ import annotations

import json

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from directional_sync.core.sections.files import (
    Unread,
    fields,
    new_fields,
    owned_only,
    put_fields,
    put_settings,
)
from directional_sync.core.sections.files import settings as read_settings
from directional_sync.core.sections.form import Kind, Record, Unsayable, tidy

AT = ["mcpServers"]
SERVER = {"command": Kind.CODE, "args": Kind.LIST, "env": Kind.NAMES}
AGENT = {"description": Kind.TEXT, "model": Kind.CODE, "tools": Kind.LIST}
MCP = b"""\
{
  // by hand
  "mcpServers": {
    "github": {"command": "npx", "args": ["-y", "@mcp/github"], "disabled": false}, // mine
    "search": {
      "command": "uvx",
      "env": {"SEARCH_KEY": "s3cr3t"},
      "autoApprove": ["find"]
    }
  },
  "zoom": 1.10
}
"""
YAML = b"""\
# kept
name: reviewer
description: >
  Looks closely,
  and twice.
tools:
- Read  # kept with it
- Grep
prompt: |
  Be kind.
"""


def test_the_values_of_the_environment_are_never_read() -> None:
    found = read_settings(MCP, AT, SERVER)
    assert found == {
        "github": {"command": "npx", "args": ["-y", "@mcp/github"]},
        "search": {"command": "uvx", "env": ["SEARCH_KEY"]},
    }
    assert "s3cr3t" not in repr(found)


def test_keys_of_a_settings_file_change_one_by_one() -> None:
    after = put_settings(MCP, AT, "search", {"command": "uvx", "env": ["OTHER", "SEARCH_KEY"]}, SERVER)
    assert after == MCP.replace(b'"s3cr3t"}', b'"s3cr3t", "OTHER": ""}')
    after = put_settings(MCP, AT, "github", {"command": "npx", "args": ["-y"]}, SERVER)
    assert after == MCP.replace(b', "@mcp/github"', b"")
    assert put_settings(MCP, AT, "github", {"command": "npx", "args": ["-y", "@mcp/github"]}, SERVER) == MCP
    made = put_settings(MCP, AT, "new", {"command": "x"}, SERVER)
    assert b'"autoApprove": ["find"]\n    },\n    "new": {\n      "command": "x"\n    }\n  },\n' in made
    assert put_settings(made, AT, "new", None, SERVER) == MCP
    assert b"search" not in put_settings(MCP, AT, "search", None, SERVER)


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        (b'{\n "mcpServers": {,\n}', 2, "no JSON"),
        (b'{"mcpServers": []}', 0, "no object"),
        (b'{"mcpServers": {"a": {}, "a": {}}}', 0, "twice"),
        (b'{"x": "\xff"}', 1, "UTF-8"),
    ],
)
def test_a_broken_settings_file_is_unread_and_not_empty(content: bytes, line: int, words: str) -> None:
    found = read_settings(content, AT, SERVER)
    assert isinstance(found, Unread) and found.line in (line, 1), found
    assert words.split()[-1] in found.why
    with pytest.raises(Unsayable):
        put_settings(content, AT, "a", {"command": "x"}, SERVER)


def test_one_entry_of_another_shape_does_not_hide_the_others() -> None:
    found = read_settings(b'{"mcpServers": {"a": {"command": 7}, "b": {"command": "x"}}}', AT, SERVER)
    assert isinstance(found, dict)
    assert isinstance(found["a"], Unread) and "command" in found["a"].why and "7" not in found["a"].why
    assert found["b"] == {"command": "x"}


def test_fields_of_yaml_change_one_by_one() -> None:
    assert fields(YAML, AGENT, front=False) == {
        "description": "Looks closely, and twice.",
        "tools": ["Read", "Grep"],
    }
    after = put_fields(YAML, {"description": "Looks", "tools": ["Read", "Grep"], "model": "opus"}, AGENT, front=False)
    assert after == YAML.replace(b">\n  Looks closely,\n  and twice.", b"Looks") + b"model: opus\n"
    assert put_fields(YAML, {"description": "Looks closely, and twice."}, AGENT, front=False) == YAML.replace(
        b"tools:\n- Read  # kept with it\n- Grep\n", b""
    )


def test_front_matter_changes_and_what_follows_stays() -> None:
    skill = b"---\nname: pdf\ndescription: Fills forms\ntools: Read, Grep\n---\n# How\n\n---\ndescription: not this\n"
    assert fields(skill, AGENT, front=True) == {"description": "Fills forms", "tools": ["Read", "Grep"]}
    after = put_fields(skill, {"description": "Yes: it", "tools": ["Read"]}, AGENT, front=True)
    assert after == skill.replace(b"Fills forms", b'"Yes: it"').replace(b"Read, Grep", b"Read")
    broken = fields(b"---\nname: pdf\ndescription: [\n---\n", AGENT, front=True)
    assert isinstance(broken, Unread) and broken.line >= 3
    assert isinstance(fields(b"# no front matter\n", AGENT, front=True), Unread)


def test_whether_a_file_holds_more_than_its_fields() -> None:
    made = new_fields("rev", {"description": "x"}, AGENT, front=True)
    assert owned_only(made, "rev", AGENT, front=True)
    assert not owned_only(made + b"Instructions\n", "rev", AGENT, front=True)
    assert not owned_only(YAML, "reviewer", AGENT, front=False)


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), max_size=12)
NAME = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=6)


@settings(max_examples=150, deadline=None)
@given(
    st.fixed_dictionaries({}, optional={"command": TEXT, "args": st.lists(TEXT, max_size=3)}).map(tidy),
    NAME | st.sampled_from(["github", "search"]),
)
def test_settings_say_what_was_written_and_nothing_else_changes(record: Record, name: str) -> None:
    after = put_settings(MCP, AT, name, record, SERVER)
    found, before = read_settings(after, AT, SERVER), read_settings(MCP, AT, SERVER)
    assert isinstance(found, dict) and isinstance(before, dict)
    assert found == {**before, name: record}
    now = json.loads(after.replace(b"  // by hand\n", b"").replace(b" // mine", b""))
    assert now["mcpServers"]["search"].get("autoApprove") == ["find"]
    assert after.count(b"//") >= 2 and b"1.10" in after
    assert put_settings(after, AT, name, record, SERVER) == after


@settings(max_examples=150, deadline=None)
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "description": TEXT.map(lambda text: " ".join(text.split())),
            "model": TEXT,
            "tools": st.lists(TEXT, max_size=3),
        },
    ).map(tidy),
    st.booleans(),
)
def test_yaml_says_what_was_written_to_every_reader(record: Record, front: bool) -> None:
    content = b"---\n" + YAML + b"---\nBody\n" if front else YAML
    try:
        after = put_fields(content, record, AGENT, front=front)
    except Unsayable:
        return
    assert fields(after, AGENT, front=front) == record
    inner = after.decode().removeprefix("---\n").removesuffix("---\nBody\n") if front else after.decode()
    said = yaml.safe_load(inner)
    assert said["prompt"] == "Be kind.\n" and said["name"] == "reviewer"
    assert {key: said[key] for key in ("model", "tools") if key in record} == {
        key: record[key] for key in ("model", "tools") if key in record
    }
    assert put_fields(after, record, AGENT, front=front) == after
