"""Every code that is raised has a page, every page a code; the reference is what the code says."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import directional_sync
from directional_sync.pages import near, pages, parse, written

SOURCE = Path(directional_sync.__file__).parent
ROOT = SOURCE.parent.parent
CODE = re.compile(r"(?<![A-Z0-9-])E-[A-Z][A-Z0-9]*(?:-[A-Z0-9]+)*")


def used() -> dict[str, str]:
    """Code -> a file that says it, outside docstrings and pages."""
    found: dict[str, str] = {}
    for path in sorted(SOURCE.rglob("*.py")):
        for text in _strings(ast.parse(path.read_text(encoding="utf-8"))):
            for code in CODE.findall(text):
                found.setdefault(code, str(path.relative_to(SOURCE)))
    return found


def _strings(tree: ast.AST) -> Iterator[str]:
    said = {
        id(statement.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        for statement in node.body
        if isinstance(statement, ast.Expr)
    }
    help_texts = re.compile(r"Examples?:")
    for node in ast.walk(tree):
        text = node.value if isinstance(node, ast.Constant) else None
        if isinstance(text, str) and id(node) not in said and not help_texts.search(text):
            yield text


def test_every_code_has_a_page() -> None:
    missing = {code: where for code, where in used().items() if code not in pages()}
    assert missing == {}


def test_every_page_has_a_code_that_is_raised() -> None:
    assert sorted(set(pages()) - set(used())) == []


@pytest.mark.parametrize("code", sorted(pages()))
def test_pages_say_what_is_kept_and_what_is_next(code: str) -> None:
    text = pages()[code].text
    assert len(text.split("**Kept:**")[0].split()) > 4
    assert "**Kept:**" in text and "**Next:**" in text


def test_no_code_has_two_pages() -> None:
    codes = [page.code for page in written()]
    assert sorted({code for code in codes if codes.count(code) > 1}) == []
    assert [page.code for page in parse("# x\n\n## E-A\n\none\n\n## E-B\n\ntwo\n", "room")] == ["E-A", "E-B"]


def test_near_names() -> None:
    assert near("E-USGE")[0] == "E-USAGE"
    assert "E-GUARD-DELETE" in near("delete")
    assert near("zzzzzz") == []


def test_the_reference_is_up_to_date() -> None:
    import runpy

    made = runpy.run_path(str(ROOT / "tools" / "reference.py"))["reference"]()
    for name, text in made.items():
        written = (ROOT / "docs" / "reference" / name).read_text(encoding="utf-8")
        assert written == text, f"docs/reference/{name} is out of date: make docs"


def test_the_exit_table_is_the_programs_own() -> None:
    from directional_sync.cli.commands.explain import EXITS
    from directional_sync.errors import EXIT_PRECEDENCE, Exit

    assert {status for status, _ in EXITS} == {int(status) for status in Exit}
    order = " > ".join(str(int(status)) for status in EXIT_PRECEDENCE if status is not Exit.OK)
    assert order in (ROOT / "docs" / "reference" / "exit-status.md").read_text(encoding="utf-8")
