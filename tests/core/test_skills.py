"""The public rules for SKILL.md, one row each."""

from __future__ import annotations

import pytest

from directional_sync.core.skills import BYTES_MAX, name_mistake, parse

GOOD = """---
name: pdf-forms
description: Fills in forms. Use it for forms.
license: MIT
compatibility: Needs pdftk
metadata:
  author: ada
  version: "1.0"
allowed-tools: Read Bash(pdftk:*)
---
# Forms
"""


def lines(text: str | bytes, folder: str = "pdf-forms") -> list[int]:
    content = text.encode() if isinstance(text, str) else text
    return [mistake.line for mistake in parse(content, folder).mistakes]


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        "\ufeff" + GOOD,
        GOOD.replace("\n", "\r\n"),
        "---\nname: pdf-forms\ndescription: x\n---",
        "---  \nname: pdf-forms\ndescription: 'a: b'\n---\t\n",
        f"---\nname: pdf-forms\ndescription: {'x' * 1024}\ncompatibility: {'x' * 500}\n---\n",
        "---\nname: pdf-forms\ndescription: |\n  one\n  two\n---\n---\nmore\n",
    ],
)
def test_what_is_a_skill(text: str) -> None:
    found = parse(text.encode(), "pdf-forms")
    assert found.mistakes == () and found.fields["name"] == "pdf-forms" and found.unknown == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [1]),
        ("# Forms\n", [1]),
        ("\n" + GOOD, [1]),
        ("----\nname: pdf-forms\n---\n", [1]),
        ("---\nname: pdf-forms\ndescription: x\n", [1]),
        ("---\n---\n", [1]),
        ("---\n- a\n---\n", [1]),
        ("---\nname: pdf-forms\n---\n", [1]),
        ("---\ndescription: x\n---\n", [1]),
        ("---\n{}\n---\n", [1, 1]),
        (GOOD.replace("name: pdf-forms", "name: PDF-Forms"), [2]),
        (GOOD.replace("name: pdf-forms", "name: pdf--forms"), [2]),
        (GOOD.replace("name: pdf-forms", "name: 'pdf-forms '"), [2]),
        (GOOD.replace("name: pdf-forms", "name: pdf-form"), [2]),
        (GOOD.replace("name: pdf-forms", "name: 12"), [2]),
        (GOOD.replace("name: pdf-forms", "name: null"), [2]),
        (GOOD.replace("Fills in forms. Use it for forms.", "'  '"), [3]),
        (GOOD.replace("Fills in forms. Use it for forms.", "x" * 1025), [3]),
        (GOOD.replace("Fills in forms. Use it for forms.", "[a]"), [3]),
        (GOOD.replace("license: MIT", "license: {a: b}"), [4]),
        (GOOD.replace("Needs pdftk", "x" * 501), [5]),
        (GOOD.replace("Needs pdftk", '""'), [5]),
        (GOOD.replace("metadata:\n  author: ada", "metadata: text\nx:\n  author: ada"), [6]),
        (GOOD.replace('"1.0"', "1.0"), [8]),
        (GOOD.replace('"1.0"', "[a]"), [8]),
        (GOOD.replace("Read Bash(pdftk:*)", "[Read]"), [9]),
        (GOOD.replace("license: MIT", "name: pdf-forms"), [4]),  # twice
        (GOOD.replace("license: MIT", "license: !!python/name:os.system x"), [4]),
        (GOOD.replace("license: MIT", "\tlicense: MIT"), [4]),
        (GOOD.replace("license: MIT", "license: [a"), [5]),
        ("---\nname: A\ndescription: ''\nmetadata: {v: 1}\n---\n", [2, 3, 4]),
        ("---\nname: pdf-forms\ndescription: *x\n---\n", [3]),
    ],
)
def test_what_is_none_is_told_with_its_lines(text: str, expected: list[int]) -> None:
    assert lines(text) == expected


def test_bytes_that_are_no_text_and_too_many() -> None:
    assert lines(b"---\nname: x\n\xff\n---\n") == [3]
    assert lines(b"---\n" + b"x" * BYTES_MAX) == [0]
    assert lines(b"\xff\xfe-\0") == [1]


def test_a_bomb_of_aliases_is_a_mistake() -> None:
    bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]\n"
        for before, name in zip("abcdefgh", "bcdefghi", strict=True)
    )
    assert parse(f"---\n{bomb}---\n".encode(), "a").mistakes


def test_messages_are_fit_for_a_line() -> None:
    text = '---\nname: "a\\u202eb\\nc"\ndescription: x\n---\n'
    [mistake] = parse(text.encode(), "a").mistakes
    assert str(mistake).isprintable()


def test_keys_that_are_not_known() -> None:
    assert parse(GOOD.replace("license: MIT", "model: opus").encode(), "pdf-forms").unknown == ("model",)


@pytest.mark.parametrize(
    ("name", "fits"),
    [("a", True), ("a-1", True), ("1", True), ("a" * 64, True), ("", False), ("a" * 65, False), ("-a", False),
     ("a-", False), ("a--b", False), ("A", False), ("a_b", False), ("ä", False), ("a\n", False), ("²", False)],
)  # fmt: skip
def test_names(name: str, fits: bool) -> None:
    assert (name_mistake(name) == "") == fits
