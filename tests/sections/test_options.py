"""What the file may say of sections: every mistake has a place and words."""

from __future__ import annotations

import pytest
from tests.config.conftest import problems

PART = "{section: 2, mcp_servers: /a/b.json}"


def said(remote: str) -> str:
    text = f"""
version: "1.0"
targets:
  one:
    direction: bidirectional
    inputs: [a.md]
    remote: {{type: sections, {remote}}}
"""
    return "\n".join(problem.message for problem in problems(text))


@pytest.mark.parametrize(
    ("remote", "words"),
    [
        (f"document: a.txt, parts: [{PART}]", "Markdown"),
        (f"document: ../a.md, parts: [{PART}]", "outside"),
        (f"document: a.md, sections: 9-3, parts: [{PART}]", "range"),
        ("document: a.md, parts: []", "`parts` is empty"),
        ("document: a.md, parts: [{section: 2}]", "exactly one"),
        ("document: a.md, parts: [{section: 2, agents: a, skills: b}]", "exactly one"),
        (f"document: a.md, parts: [{PART}, {{section: 2, agents: x}}]", "two parts have the section 2"),
        (f"document: a.md, parts: [{PART}, {{section: 3, mcp_servers: x.json}}]", "two parts have the name"),
        ("document: a.md, parts: [{section: 2, agents: ~/a}]", "$HOME/a"),
        ("document: a.md, parts: [{section: 2, mcp_servers: a.yaml}]", "JSON"),
        ("document: a.md, parts: [{section: 2, settings: a.json}]", "`fields`"),
        (
            "document: a.md, parts: [{section: 2, settings: a.json, fields: {a: {key: x}, b: {key: x}}}]",
            "`a` and `b` are both the key `x`",
        ),
        (
            "document: a.md, parts: [{section: 2, settings: a.json, text: x, fields: {a: {key: x}}}]",
            "stands in `fields` too",
        ),
        ("document: a.md, parts: [{section: 2, agents: a, at: x}]", "`at` belongs to `settings`"),
    ],
)
def test_mistakes_are_named(remote: str, words: str) -> None:
    assert words in said(remote)


def test_what_is_right_has_no_mistakes() -> None:
    assert said(f"document: a.md, sections: 0-3, parts: [{PART}], report: r.md") == ""
