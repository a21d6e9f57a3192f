"""Merging YAML and TOML by keys: what a person sees in the text."""

from __future__ import annotations

import pytest

from directional_sync.core.merge.merging import merge
from directional_sync.core.merge.values import Choice, Kind, Merged, NoteKind

AGENTS = """\
# Agents of the team

version: "1.0"
agents:
  # looks at what others wrote
  reviewer:
    model: large   # the good one
    tools: [read, grep]
    steps:
      - name: read
        limit: 1
      - name: judge
        limit: 2
    # end of reviewer
  writer:
    prompt: |
      Write.
      # no comment
      Stop.
  # nobody else
last: on
"""


def merged(kind: Kind, base: str | None, repo: str, remote: str) -> Merged:
    return merge(None if base is None else base.encode(), repo.encode(), remote.encode(), kind)


def put(text: str, *pairs: tuple[str, str]) -> str:
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new, 1)
    return text


NEW = "      - name: judge\n        limit: 2\n        # rarely\n        skip:\n          when: never\n"
JUDGE = "      - name: judge\n        limit: 2\n"
END = "    # end of reviewer\n"
YAML_CASES = [
    (
        "values, sets, items, comments",
        AGENTS,
        put(AGENTS, ("large   #", "small   #"), ("limit: 2", "limit: 9"), ("grep]", "grep, web]")),
        put(AGENTS, (JUDGE, NEW + "      - name: tell\n"), ("grep]", "grep, edit]"), ("last: on", "last: off")),
        put(
            AGENTS,
            ("large   #", "small   #"),
            (JUDGE, NEW.replace("limit: 2", "limit: 9") + "      - name: tell\n"),
            ("grep]", "grep, edit, web]"),
            ("last: on", "last: off"),
        ),
    ),
    (
        "both add at the same spot",
        AGENTS,
        put(AGENTS, (END, END + "  critic: {model: x}\n")),
        put(AGENTS, (END, END + "  # speaks\n  speaker:\n    model: y\n")),
        put(AGENTS, (END, END + "  critic: {model: x}\n  # speaks\n  speaker:\n    model: y\n")),
    ),
    (
        "a block scalar changes",
        AGENTS,
        put(AGENTS, ("Stop.", "Go on.")),
        put(AGENTS, ("last: on\n", "last: on\nx: 1\n")),
        put(AGENTS, ("Stop.", "Go on."), ("last: on\n", "last: on\nx: 1\n")),
    ),
    (
        "both at the end",
        "a: 1\n",
        "a: 1\nb: |\n  x\n\n  y\n",
        "a: 1\nc: >-\n  z\n",
        "a: 1\nb: |\n  x\n\n  y\nc: >-\n  z\n",
    ),
    ("no line feed at the end", "a: 1", "a: 1\nb: 2", "a: 1\nc: 3", "a: 1\nb: 2\nc: 3"),
    (
        "dashes as far out as their key",
        "a:\n- x\nb: 1\n",
        "a:\n- x\n- y\nb: 1\n",
        "a:\n- x\n- z\nb: 1\n",
        "a:\n- x\n- y\n- z\nb: 1\n",
    ),
    ("a key behind a dash goes", "- a: 1\n  b: 2\n- c\n", "- a: 1\n  b: 3\n- c\n", "- b: 2\n- c\n", "- b: 3\n- c\n"),
    (
        "all keys go, by halves",
        "m:\n  a: 1\n  b: 2\nx: 1\n",
        "m:\n  a: 1\nx: 1\n",
        "m:\n  b: 2\nx: 1\n",
        "m: {}\nx: 1\n",
    ),
    (
        "into four spaces from two",
        "m:\n    a: 1\n",
        "m:\n    a: 1\n    b: 1\n",
        "m:\n  a: 1\n  c:\n    d: 1\n",
        "m:\n    a: 1\n    b: 1\n    c:\n      d: 1\n",
    ),
    (
        "an empty map becomes a block",
        "m: {}\nx: 1\n",
        "m:\n  a: 1\nx: 1\n",
        "m:\n  b: 1\nx: 1\n",
        "m:\n  a: 1\n  b: 1\nx: 1\n",
    ),
    ("null becomes something", "m:\nx: 1\n", "m: 1\nx: 1\n", "m:\nx: 2\n", "m: 1\nx: 2\n"),
    ("quotes are notation", "a: 'x'\nb: 1\n", 'a: "x"\nb: 2\n', "a: x\nb: 1\nc: 1\n", 'a: "x"\nb: 2\nc: 1\n'),
    (
        "a document that says that it begins",
        "---\na: 1\n",
        "---\na: 1\nb: 1\n",
        "---\na: 1\nc: 1\n",
        "---\na: 1\nb: 1\nc: 1\n",
    ),
    (
        "quoted keys and colons",
        '"a: b": 1\n',
        '"a: b": 2\nx: 1\n',
        '"a: b": 1\n\'y\': "#1"\n',
        '"a: b": 2\nx: 1\n\'y\': "#1"\n',
    ),
    (
        "letters beyond the first plane",
        "a: \U0001f600 # \U0001f600\n",
        "a: \U0001f600 # \U0001f600\nb: é\n",
        "a: \U0001f600 # \U0001f600\nc: ü\n",
        "a: \U0001f600 # \U0001f600\nb: é\nc: ü\n",
    ),
    (
        "nobody ever agreed",
        None,
        "a: 1\nb:\n    x: 1\n",
        "b:\n  y: 1\n  z:\n    - 1\n",
        "a: 1\nb:\n    x: 1\n    y: 1\n    z:\n      - 1\n",
    ),
]


@pytest.mark.parametrize(("what", "base", "repo", "remote", "expected"), YAML_CASES, ids=[one[0] for one in YAML_CASES])
def test_yaml(what: str, base: str | None, repo: str, remote: str, expected: str) -> None:
    found = merged(Kind.YAML, base, repo, remote)
    assert found.kind is Kind.YAML, found.notes
    assert not found.clashes and found.content is not None
    assert found.content.decode() == expected


def test_a_clash_in_yaml_is_one_key() -> None:
    found = merged(Kind.YAML, AGENTS, put(AGENTS, ("limit: 2", "limit: 3")), put(AGENTS, ("limit: 2", "limit: 4")))
    assert [(c.id, c.base, c.repo, c.remote) for c in found.clashes] == [
        ("$.agents.reviewer.steps[name=judge].limit", "2", "3", "4")
    ]


APART = [
    ("anchors", "a: &x 1\n\nb: 1\n\nc: 1\n"),
    ("tags", "a: !secret 1\n\nb: 1\n\nc: 1\n"),
    ("two documents", "a: 1\n---\nb: 1\n\nc: 1\n"),
    ("keys with question marks", "? a\n: 1\n\nb: 1\n\nc: 1\n"),
    ("a directive", "%YAML 1.2\n---\na: 1\n\nb: 1\n\nc: 1\n"),
]


@pytest.mark.parametrize(("what", "base"), APART, ids=[one[0] for one in APART])
def test_yaml_whose_parts_hang_together_is_merged_by_lines(what: str, base: str) -> None:
    found = merged(Kind.YAML, base, put(base, ("1\n", "2\n")), put(base, ("c: 1", "c: 3")))
    assert found.kind is Kind.TEXT and found.content is not None
    assert found.content.decode() == put(base, ("1\n", "2\n"), ("c: 1", "c: 3"))
    assert [note.kind for note in found.notes] == [NoteKind.BY_LINES]


def test_a_comment_that_both_sides_changed_is_not_lost() -> None:
    base = "# one\na: 1\nb: 1\n"
    found = merged(Kind.YAML, base, "# two\na: 2\nb: 1\n", "# three\na: 1\nb: 2\n")
    assert found.content is None and "# three" in str([clash.remote for clash in found.clashes])


PYPROJECT = """\
# The project

[project]
name = "x"   # for now
dependencies = [
  "click",  # commands
  "rich",
]

[tool.ruff]
line-length = 120

[tool.ruff.lint]
select = ["E", "F"]

# those who help
[[authors]]
name = "one"
mail = "1@example.com"

[[authors]]
name = "two"
mail = "2@example.com"
"""

TOML_CASES = [
    (
        "values, lists, tables",
        PYPROJECT,
        put(PYPROJECT, ('"rich",\n', '"rich",\n  "yaml",\n'), ("= 120\n", "= 100\nfix = true\n"), ('"1@', '"one@')),
        put(PYPROJECT, ('"rich",\n', '"rich",\n  "mypy", # types\n'), ("= 120\n", "= 120\nunsafe = 1\n"))
        + '\n[[authors]]\nname = "three"\n\n[last]\nx = { a = 1 }\n',
        put(
            PYPROJECT,
            ('"rich",\n', '"rich",\n  "mypy", # types\n  "yaml",\n'),
            ("= 120\n", "= 100\nfix = true\nunsafe = 1\n"),
            ('"1@', '"one@'),
        )
        + '\n[[authors]]\nname = "three"\n\n[last]\nx = { a = 1 }\n',
    ),
    (
        "a key before the tables",
        "[t]\nx = 1\n",
        "a = 1\n\n[t]\nx = 1\n",
        "b = 1\n\n[t]\nx = 1\n",
        "a = 1\nb = 1\n\n[t]\nx = 1\n",
    ),
    (
        "texts of many lines",
        'a = """\nx = 1\n[no]\n"""\n',
        'a = """\nx = 1\n[no]\n"""\nb = 1\n',
        "a = '''\n#'''\n",
        "a = '''\n#'''\nb = 1\n",
    ),
    (
        "dates, dots, quotes",
        'a.b = 1979-05-27 07:32:00\n"c d" = 1\n',
        'a.b = 1979-05-27 07:32:01\n"c d" = 1\n',
        'a . b = 1979-05-27 07:32:00\n"c d" = 2\n',
        'a.b = 1979-05-27 07:32:01\n"c d" = 2\n',
    ),
    (
        "maps in lines",
        "t = { a = 1, b = 2 }\n",
        "t = { a = 1, b = 3 }\n",
        "t = { b = 2, c = 1 }\n",
        "t = { b = 3, c = 1 }\n",
    ),
]


@pytest.mark.parametrize(("what", "base", "repo", "remote", "expected"), TOML_CASES, ids=[one[0] for one in TOML_CASES])
def test_toml(what: str, base: str | None, repo: str, remote: str, expected: str) -> None:
    found = merged(Kind.TOML, base, repo, remote)
    assert found.kind is Kind.TOML, found.notes
    assert not found.clashes and found.content is not None
    assert found.content.decode() == expected


def test_a_clash_in_toml_is_one_key() -> None:
    found = merged(Kind.TOML, PYPROJECT, put(PYPROJECT, ("120", "1")), put(PYPROJECT, ("120", "2"), ('"2@', '"two@')))
    assert [(c.id, c.base, c.repo, c.remote) for c in found.clashes] == [("$.tool.ruff.line-length", "120", "1", "2")]
    assert b"two@" in found.partial


def test_a_table_that_was_deleted_and_changed_stays_whole() -> None:
    repo = put(PYPROJECT, ('[tool.ruff]\nline-length = 120\n\n[tool.ruff.lint]\nselect = ["E", "F"]\n\n', ""))
    found = merged(Kind.TOML, PYPROJECT, repo, put(PYPROJECT, ('"F"]', '"F", "W"]')))
    assert found.content is not None and b"line-length = 120" in found.content and b'"W"' in found.content
    assert {note.where for note in found.notes} == {"$.tool.ruff", "$.tool.ruff.lint"}


def test_items_that_nothing_tells_apart_are_not_mixed_up() -> None:
    base = "[[x]]\nv = 1\n\n[[x]]\nv = 2\n\n[[x]]\nv = 3\n"
    found = merged(Kind.TOML, base, base.replace("[[x]]\nv = 1\n\n", ""), base.replace("v = 3", "v = 9"))
    assert found.kind is Kind.TEXT and found.content == b"[[x]]\nv = 2\n\n[[x]]\nv = 9\n"


SCRIPT = "job:\n  run: |\n    one\n    two\n    three\n    four\n  x: 1\n"


def test_a_text_of_many_lines_is_merged_by_lines() -> None:
    repo = put(SCRIPT, ("one", "1"), ("x: 1", "x: 1\n  y: 1"))
    remote = put(SCRIPT, ("four", "4"), ("run: |", "run: |-"), ("x: 1", "x: 1\n  z: 1"))
    found = merged(Kind.YAML, SCRIPT, repo, remote)
    expected = put(SCRIPT, ("one", "1"), ("four", "4"), ("run: |", "run: |-"), ("x: 1", "x: 1\n  y: 1\n  z: 1"))
    assert found.kind is Kind.YAML and found.content == expected.encode()


def test_a_clash_in_a_text_of_many_lines_is_one_line() -> None:
    found = merged(Kind.YAML, SCRIPT, put(SCRIPT, ("two", "2")), put(SCRIPT, ("two", "zwei"), ("x: 1", "x: 2")))
    (clash,) = found.clashes
    assert (clash.id, clash.base, clash.repo, clash.remote) == (
        "$.job.run: line 4",
        "    two\n",
        "    2\n",
        "    zwei\n",
    )
    assert found.partial.decode() == put(SCRIPT, ("two", "2"), ("x: 1", "x: 2"))
    chosen = merge(
        SCRIPT.encode(),
        put(SCRIPT, ("two", "2")).encode(),
        put(SCRIPT, ("two", "zwei")).encode(),
        Kind.YAML,
        {clash.id: Choice.BOTH},
    )
    assert chosen.content is not None and chosen.content.decode() == put(SCRIPT, ("two", "2\n    zwei"))


def test_a_deleted_comment_does_not_come_back() -> None:
    base = "# one\n# two\n# three\na: 1\nb: 1\n"
    found = merged(Kind.YAML, base, put(base, ("# two\n", "")), put(base, ("# one\n", ""), ("# three\n", "")))
    assert found.content is None
    apart = merged(Kind.YAML, base, put(base, ("# one\n", "")), put(base, ("a: 1", "a: 2")))
    assert apart.content == put(base, ("# one\n", ""), ("a: 1", "a: 2")).encode()


def test_lines_that_put_a_key_in_twice_are_not_written_beside_anchors() -> None:
    """Git takes it for a clean merge."""
    base = "base: &base\n  a: 1\n\nuse:\n  <<: *base\n  b: 1\n\n  c: 1\n"
    found = merged(
        Kind.YAML, base, put(base, ("  b: 1\n", "  d: 2\n  b: 1\n")), put(base, ("c: 1\n", "c: 1\n  d: 3\n"))
    )
    assert [clash.id for clash in found.clashes] == ["whole file"]
    fine = merged(Kind.YAML, base, put(base, ("a: 1", "a: 2")), put(base, ("c: 1\n", "c: 1\n  d: 3\n")))
    assert fine.content is not None


def test_dashes_and_brackets_become_one_list() -> None:
    base, flow = 'a:\n- "x"\n- "y"\nb: 1\n', 'a: ["x"]\nb: 1\n'
    block = put(base, ('- "y"\n', '- "y"\n- "z"\n'))
    found, back = merged(Kind.YAML, base, flow, block), merged(Kind.YAML, base, block, flow)
    assert found.content == b'a: ["x", "z"]\nb: 1\n'
    assert back.content == b'a:\n- "x"\n- "z"\nb: 1\n'
    more = merged(Kind.YAML, base, base.replace("b: 1", "b: 2"), 'a: ["x", "y", "w"]\nb: 1\n')
    assert more.content is not None and more.content.decode() == 'a: ["x", "y", "w"]\nb: 2\n'
