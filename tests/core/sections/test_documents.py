"""Markdown sections as records, and back: what is not owned stays byte for byte."""

from __future__ import annotations

import difflib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from directional_sync.core.sections.document import Broken, places, read, write
from directional_sync.core.sections.form import Form, Kind, Record, Unsayable, span, tidy

SERVERS = Form(
    {"command": "command", "args": "args", "env": "env"},
    {"command": Kind.CODE, "args": Kind.LIST, "env": Kind.NAMES},
)
AGENTS = Form(
    {"model": "model", "tools": "tools"},
    {"description": Kind.TEXT, "model": Kind.CODE, "tools": Kind.LIST},
    "description",
)
PARTS = {17: SERVERS, 18: AGENTS, 19: AGENTS}
WANTED = range(17, 20)

DOCUMENT = """\
---
owner: ada
---
# Claude

## 17) MCP servers

What we use:

- **github**: issues and pull requests
  - command: `npx`
  - args: `-y`, `@mcp/github`
  - note: mine, and nobody else's
- a bullet that is no entry

```markdown
- **fenced**: no entry
## 18) no heading
```

<!--
- **hidden**: no entry
-->

## Section 18: Agents

### reviewer

Looks closely,
and twice.

- **Model**: `opus`

#### Its history

Long.

### writer

## 19 Skills

| Name | Description |
|:-----|-------------|
| `pdf` | Fills a \\| b |
| docx | Writes |
"""


def changed_lines(before: str, after: str) -> list[str]:
    found = difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
    return [f"{line[0]} {line[1:]}" for line in list(found)[2:] if line[0] in "+-"]


def put(number: int, name: str, record: Record | None, document: str = DOCUMENT) -> str:
    return write(document.encode(), PARTS, WANTED, {number: {name: record}}).decode()


def test_the_three_spellings_and_the_three_shapes_are_read() -> None:
    assert read(DOCUMENT.encode(), PARTS, WANTED) == {
        17: {"github": {"args": ["-y", "@mcp/github"], "command": "npx"}},
        18: {"reviewer": {"description": "Looks closely, and twice.", "model": "opus"}},
        19: {"pdf": {"description": "Fills a | b"}, "docx": {"description": "Writes"}},
    }
    assert places(DOCUMENT.encode(), PARTS, WANTED)[18, "reviewer"] == DOCUMENT.splitlines().index("### reviewer") + 1


@pytest.mark.parametrize(
    ("number", "name", "record", "lines"),
    [
        (
            17,
            "github",
            {"command": "uvx", "args": ["-y", "@mcp/github"]},
            ["-   - command: `npx`", "+   - command: `uvx`"],
        ),
        (17, "github", {"command": "npx"}, ["-   - args: `-y`, `@mcp/github`"]),
        (
            17,
            "github",
            {"command": "npx", "args": ["-y", "@mcp/github"], "env": ["TOKEN"]},
            ["+   - env: `TOKEN`"],
        ),
        (17, "fs", {"command": "npx", "args": ["a b"]}, ["+ - **fs**", "+   - command: `npx`", "+   - args: `a b`"]),
        (18, "reviewer", {"description": "Short", "model": "opus"}, ["- Looks closely,", "- and twice.", "+ Short"]),
        (18, "writer", {"description": "Writes"}, ["+ ", "+ Writes"]),
        (19, "pdf", {"description": "x | y"}, ["- | `pdf` | Fills a \\| b |", "+ | `pdf` | x \\| y |"]),
        (19, "xlsx", {"description": "Counts"}, ["+ | xlsx | Counts |"]),
        (19, "docx", None, ["- | docx | Writes |"]),
    ],
)
def test_only_the_lines_of_what_changes_change(number: int, name: str, record: Record | None, lines: list[str]) -> None:
    after = put(number, name, record)
    assert sorted(changed_lines(DOCUMENT, after)) == sorted(lines)
    if record is not None:
        assert read(after.encode(), PARTS, WANTED)[number][name] == record


def test_a_removed_entry_goes_with_all_that_is_its_own() -> None:
    gone = put(17, "github", None)
    assert "github" not in gone and "mine, and nobody else's" not in gone
    assert "a bullet that is no entry" in gone
    assert "Its history" not in put(18, "reviewer", None)


def test_what_cannot_be_said_is_refused_instead_of_becoming_something_else() -> None:
    for record in ({"command": "two\nlines"}, {"args": ["a", ""]}):
        with pytest.raises(Unsayable):
            put(17, "github", record)  # type: ignore[arg-type]
    with pytest.raises(Unsayable, match="column"):
        put(19, "pdf", {"description": "Fills", "model": "opus"})
    with pytest.raises(Unsayable):
        put(18, "writer", {"description": "## 19) not this"})
    with pytest.raises(Unsayable, match="name"):
        put(17, "two words", {"command": "x"})


def test_missing_and_doubled_sections_and_entries_are_all_named() -> None:
    broken = DOCUMENT.replace("## 19 Skills", "## 17: again") + "- **a**: x\n- **a**: y\n"
    with pytest.raises(Broken) as caught:
        read(broken.encode(), PARTS, WANTED)
    said = [(mistake.line > 0, mistake.message.partition(" (")[0]) for mistake in caught.value.found]
    assert said == [(True, "section 17 is there twice"), (False, "section 19 is missing")]
    with pytest.raises(Broken, match="1"):
        read(DOCUMENT.replace("| docx", "| pdf").encode(), PARTS, WANTED)


def test_line_ends_byte_order_mark_and_a_missing_last_line_feed_stay() -> None:
    crlf = ("\ufeff" + DOCUMENT.rstrip("\n")).replace("\n", "\r\n").encode()
    after = write(crlf, PARTS, WANTED, {17: {"github": {"command": "uvx"}}})
    assert after.startswith(b"\xef\xbb\xbf---\r\n") and not after.endswith(b"\n")
    assert after.count(b"\r\n") == after.count(b"\n") == crlf.count(b"\n") - 1
    with pytest.raises(Broken, match="1 mistakes"):
        read(DOCUMENT.replace("\n", "\r\n", 1).encode(), PARTS, WANTED)


NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True)
LETTERS = st.characters(codec="utf-8", exclude_categories=("Cs", "Cc"))
PROSE = st.text(LETTERS, max_size=20).map(lambda text: " ".join(text.split()))
CODE = st.text(LETTERS, min_size=1, max_size=12)
SERVER = (
    st.fixed_dictionaries({}, optional={"command": CODE, "args": st.lists(CODE, max_size=3)}).map(tidy).filter(bool)
)
AGENT = (
    st.fixed_dictionaries({}, optional={"description": PROSE, "model": CODE, "tools": st.lists(CODE, max_size=3)})
    .map(tidy)
    .filter(bool)
)
CHANGES = st.fixed_dictionaries(
    {
        17: st.dictionaries(NAMES | st.just("github"), SERVER | st.none(), max_size=3),
        18: st.dictionaries(NAMES | st.sampled_from(["reviewer", "writer"]), AGENT | st.none(), max_size=3),
    }
)


@settings(max_examples=150, deadline=None)
@given(CHANGES)
def test_what_was_written_is_read_and_everything_else_is_as_it_was(
    changes: dict[int, dict[str, Record | None]],
) -> None:
    before = read(DOCUMENT.encode(), PARTS, WANTED)
    try:
        after = write(DOCUMENT.encode(), PARTS, WANTED, changes)
    except Unsayable:
        return
    found = read(after, PARTS, WANTED)
    for number, some in before.items():
        wanted = {**some, **changes.get(number, {})}
        assert found[number] == {name: record for name, record in wanted.items() if record is not None}
    kept = [line for line in DOCUMENT.splitlines() if "no entry" in line or "owner" in line or "Name" in line]
    assert [line for line in after.decode().splitlines() if line in kept] == kept
    assert write(after, PARTS, WANTED, changes) == after


@given(SERVER, NAMES)
@settings(max_examples=150, deadline=None)
def test_a_plain_server_can_always_be_said(record: Record, name: str) -> None:
    try:
        for value in record.values():
            for one in [value] if isinstance(value, str) else value:
                span(one)
    except Unsayable:
        return
    after = put(17, name, record)
    assert read(after.encode(), PARTS, WANTED)[17][name] == record
    if name != "github":
        assert put(17, name, None, after) == DOCUMENT
