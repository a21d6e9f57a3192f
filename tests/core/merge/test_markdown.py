"""Merging Markdown by sections."""

from __future__ import annotations

import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from directional_sync.core.merge.markdown_sections import named, read
from directional_sync.core.merge.merging import merge
from directional_sync.core.merge.values import Choice, Kind, Merged, NoteKind, Place

GUIDE = """\
---
title: Guide
tags: [a]
---
How we work.

## 3) Rules
Be kind.
Be brief.

### Exceptions
None.

## 17) MCP servers
- github
- files

```sh
## 99) no heading
```

<!--
## 98) none either
-->

## Usage
Call it.
"""
RULES = "## 3) Rules\nBe kind.\nBe brief.\n\n### Exceptions\nNone.\n\n"


def merged(base: str | None, repo: str, remote: str, **more: object) -> Merged:
    contents = [None if one is None else one.encode() for one in (base, repo, remote)]
    return merge(contents[0], contents[1] or b"", contents[2] or b"", Kind.MARKDOWN, **more)  # type: ignore[arg-type]


def put(text: str, *pairs: tuple[str, str]) -> str:
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new, 1)
    return text


CASES = [
    (
        "edits in two sections",  # B49
        put(GUIDE, ("Be kind.", "Be very kind."), ("title: Guide", "title: The guide")),
        put(GUIDE, ("- files\n", "- files\n- notion\n"), ("[a]", "[a, b]")),
        put(
            GUIDE,
            ("Be kind.", "Be very kind."),
            ("title: Guide", "title: The guide"),
            ("- files\n", "- files\n- notion\n"),
            ("[a]", "[a, b]"),
        ),
    ),
    (
        "the last line of one and the heading of the next",
        put(GUIDE, ("None.\n", "Some.\n"), ("\n## 17)", "## 17)")),
        put(GUIDE, ("## 17) MCP servers", "## Section 17: MCP servers")),
        put(GUIDE, ("None.\n", "Some.\n"), ("\n## 17) MCP", "## Section 17: MCP")),
    ),
    (
        "both add a section at the end",
        GUIDE + "\n## Zebra\nz\n",
        GUIDE + "\n## Ape\na\n",
        GUIDE + "\n## Ape\na\n\n## Zebra\nz\n",
    ),
    (
        "one adds a part to a section, one a section behind it",
        put(GUIDE, ("None.\n", "None.\n\n### More\nm\n")),
        put(GUIDE, ("None.\n", "None.\n\n## 4) New\nn\n")),
        put(GUIDE, ("None.\n", "None.\n\n### More\nm\n\n## 4) New\nn\n")),
    ),
    (
        "one is renumbered, and changed",
        put(GUIDE, ("## 17) MCP", "## 18) MCP")),
        put(GUIDE, ("- files\n", "- folders\n")),
        put(GUIDE, ("## 17) MCP", "## 18) MCP"), ("- files\n", "- folders\n")),
    ),
    (
        "one is retitled, and changed",
        put(GUIDE, ("MCP servers", "Servers")),
        put(GUIDE, ("- files\n", "- folders\n")),
        put(GUIDE, ("MCP servers", "Servers"), ("- files\n", "- folders\n")),
    ),
    ("one is deleted", put(GUIDE, (RULES, "")), put(GUIDE, ("Call", "Use")), put(GUIDE, (RULES, ""), ("Call", "Use"))),
    (
        "one is moved, and changed",
        put(GUIDE, (RULES, "")) + "\n" + RULES.rstrip("\n") + "\n",
        put(GUIDE, ("Be brief.", "Be short.")),
        put(GUIDE, (RULES, "")) + "\n" + RULES.rstrip("\n").replace("brief", "short") + "\n",
    ),
]


@pytest.mark.parametrize(("what", "repo", "remote", "expected"), CASES, ids=[one[0] for one in CASES])
def test_sections(what: str, repo: str, remote: str, expected: str) -> None:
    for sides in ((repo, remote), (remote, repo)):
        found = merged(GUIDE, *sides)
        assert not found.clashes and found.content is not None and found.kind is Kind.MARKDOWN
        assert found.content.decode() == expected


@pytest.mark.parametrize(
    ("heading", "name"),
    [
        ("17) MCP servers", ("17", "mcp servers")),
        ("17 MCP Servers", ("17", "mcp servers")),
        ("Section 17: **MCP** servers", ("17", "mcp servers")),
        ("17. MCP servers", ("17", "mcp servers")),
        ("3.2 – Deep", ("3.2", "deep")),
        ("17", ("17", "")),
        ("Sections of 17", (None, "sections of 17")),
        ("2nd thoughts", (None, "2nd thoughts")),
    ],
)
def test_names_of_headings(heading: str, name: tuple[str | None, str]) -> None:
    assert named(heading) == name


def test_what_a_heading_is() -> None:
    text = (
        "# One #\nTwo\n===\n\nThree\n---\n\n    # code\n~~~\n# no\n```\n# no\n~~~\n\n"
        "- a list\n---\n#hash\n####### seven\n\n| a |\n|---|\n\n<!-- one line --> \n# Four\n"
    )
    headings = [one.heading for one in read(text).sections if one.level]
    assert headings == ["# One #\n", "Two\n===\n", "Three\n---\n", "# Four\n"]


def test_a_clash_is_one_hunk_of_one_section() -> None:
    found = merged(GUIDE, put(GUIDE, ("- files", "- f")), put(GUIDE, ("- files", "- g"), ("Call", "Use")))
    (clash,) = found.clashes
    line = GUIDE.split("\n").index("- files") + 1
    assert (clash.id, clash.place) == (f"## 17) MCP servers: line {line}", Place.LINES)
    assert (clash.base, clash.repo, clash.remote) == ("- files\n", "- f\n", "- g\n")
    assert b"Use it." in found.partial and found.content is None
    chosen = merged(
        GUIDE, put(GUIDE, ("- files", "- f")), put(GUIDE, ("- files", "- g")), choices={clash.id: Choice.BOTH}
    )
    assert chosen.content is not None and b"- github\n- f\n- g\n" in chosen.content


def test_a_section_that_was_deleted_and_changed() -> None:  # B49, as B38
    repo, remote = put(GUIDE, (RULES, "")), put(GUIDE, ("None.", "Some."), ("Call", "Use"))
    found = merged(GUIDE, repo, remote)
    assert found.content is not None and found.content.decode() == remote
    assert {(note.kind, note.where) for note in found.notes} == {
        (NoteKind.EDIT_KEPT, "## 3) Rules"),
        (NoteKind.EDIT_KEPT, "### Exceptions"),
    }
    strict = merged(GUIDE, repo, remote, strict=True)
    assert [clash.id for clash in strict.clashes] == ["## 3) Rules", "### Exceptions"]
    assert strict.partial.decode() == put(repo, ("Call", "Use"))


def test_sections_of_one_name_are_counted() -> None:
    base = "## A\n1\n\n## A\n2\n\n## A\n3\n"
    found = merged(base, put(base, ("2", "x")), put(base, ("2", "y")))
    assert [clash.id for clash in found.clashes] == ["## A (2): line 5"]


def test_a_first_sync_unites_sections() -> None:
    found = merged(None, "# T\n\n## A\na\n", "# T\n\n## B\nb\n")
    assert found.content == b"# T\n\n## A\na\n\n## B\nb\n"
    assert [clash.id for clash in merged(None, "## A\na\n", "## A\nb\n").clashes] == ["## A: line 2"]


def test_orders_that_exclude_each_other_are_a_clash() -> None:
    one, two, three = "## A\na\n\n", "## B\nb\n\n", "## C\nc\n"
    base = one + two + three
    found = merged(base, two + one + three, three + "\n" + one + two.rstrip("\n") + "\n")
    assert [clash.id for clash in found.clashes] == ["order of the sections"]


def made(rng: random.Random) -> list[tuple[str, list[str]]]:
    return [(f"{'#' * rng.randrange(1, 4)} {n}) Title {n}", [f"text {n} {k}" for k in range(5)]) for n in range(6)]


def edited(sections: list[tuple[str, list[str]]], rng: random.Random, mark: str) -> list[tuple[str, list[str]]]:
    found = [(heading, list(body)) for heading, body in sections]
    for _ in range(rng.randrange(4)):
        at, kind = rng.randrange(len(found)), rng.randrange(5)
        heading, body = found[at]
        if kind == 0:
            found.insert(at + 1, (f"## New {mark}{rng.randrange(3)}", [f"new {mark}"]))
        elif kind == 1 and len(found) > 1:
            del found[at]
        elif kind == 2:
            found[at] = (heading.replace(") ", " "), body)
        elif body:
            body[rng.randrange(len(body))] = f"edit {mark}{rng.randrange(1000)}"
    return found


def written(sections: list[tuple[str, list[str]]]) -> bytes:
    return "\n\n".join("\n".join([heading, *body]) for heading, body in sections).encode() + b"\n"


@settings(max_examples=150)
@given(seed=st.integers(0, 10**9))
@example(seed=5815823)  # two neighbours, each kept against a deletion on the other side, changed places
@example(seed=2066)  # what stood in a deleted section, and lives on, was taken for an edit of that section
@example(seed=30577)  # what came behind another section was taken to have been put into a deleted one
@example(seed=184962)  # what was edited in a deleted section came to stand in one between them
@example(seed=2034755)  # a heading came between a deleted section and what is kept of it
@example(seed=8823)  # sections of one name came to stand in different sections
def test_laws(seed: int) -> None:  # I3 I11
    rng = random.Random(seed)
    base = made(rng)
    contents = [written(one) for one in (base, edited(base, rng, "r"), edited(base, rng, "m"))]
    found = merge(*contents, Kind.MARKDOWN)  # type: ignore[misc,arg-type]
    back = merge(contents[0], contents[2], contents[1], Kind.MARKDOWN)
    assert sorted((c.base or "", c.repo or "", c.remote or "") for c in found.clashes) == sorted(
        (c.base or "", c.remote or "", c.repo or "") for c in back.clashes
    )
    there = found.partial.decode() + "".join(clash.remote or "" for clash in found.clashes)
    old = set(contents[0].decode().splitlines())
    for side in contents[1:]:
        for line in set(side.decode().splitlines()) - old:
            assert line in there or line.replace(" ", ") ", 2) in there or line.startswith("#")
    if found.content is None:
        return
    assert back.content is not None
    assert sorted(found.content.split(b"\n")) == sorted(back.content.split(b"\n"))
    again = merge(contents[0], found.content, contents[2], Kind.MARKDOWN)
    assert again.content == found.content
