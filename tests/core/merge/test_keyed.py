"""Merging by keys: what a person sees in the text."""

from __future__ import annotations

import json
import random
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.core.merge.test_laws import BASE
from tests.core.merge.writing import (
    DROPPED,
    Layout,
    edited,
    plain_merge,
    same,
    write_json,
    write_toml,
    write_yaml,
)

from directional_sync.core.merge.kinds import kind_of
from directional_sync.core.merge.merging import merge
from directional_sync.core.merge.values import Choice, Kind, Merged, NoteKind, Place, UnfitChoice


def merged(kind: Kind, base: str | None, repo: str, remote: str, **more: Any) -> Merged:
    return merge(None if base is None else base.encode(), repo.encode(), remote.encode(), kind, **more)


def text(found: Merged) -> str:
    assert found.content is not None, found
    return found.content.decode()


SETTINGS = """\
{
  // how it looks
  "theme": "dark", // as at night
  "size": 2,

  "mcpServers": {
    "github": { "command": "npx", "args": ["-y", "server-github"] },
  },
}
"""

JSON_CASES = [
    (
        "both add at the same spot",  # B48
        '{\n  "a": 1\n}\n',
        '{\n  "a": 1,\n  "x": 1\n}\n',
        '{\n  "a": 1,\n  "y": {\n    "deep": [\n      1\n    ]\n  }\n}\n',
        '{\n  "a": 1,\n  "x": 1,\n  "y": {\n    "deep": [\n      1\n    ]\n  }\n}\n',
    ),
    (
        "into four spaces from two",
        '{\n  "a": 1\n}\n',
        '{\n    "a": 1,\n    "x": 1\n}\n',
        '{\n  "a": 1,\n  "y": {\n    "z": 1\n  }\n}\n',
        '{\n    "a": 1,\n    "x": 1,\n    "y": {\n        "z": 1\n    }\n}\n',
    ),
    (
        "comments and commas of editors' settings",
        SETTINGS,
        SETTINGS.replace('"size": 2,', '"size": 4,').replace('"theme"', '"mine": 1,\n  "theme"'),
        SETTINGS.replace('"size": 2,', '"size": 2,\n  // for the eyes\n  "ruler": 80, // columns').replace(
            " },\n  },", ' },\n    "files": { "command": "node" },\n  },'
        ),
        SETTINGS.replace('"size": 2,', '"size": 4,\n  // for the eyes\n  "ruler": 80, // columns')
        .replace('"theme"', '"mine": 1,\n  "theme"')
        .replace(" },\n  },", ' },\n    "files": { "command": "node" },\n  },'),
    ),
    (
        "the last of several goes, one comes",
        '{"a": 1, "b": 2}',
        '{"a": 1}',
        '{"a": 1, "b": 2, "c": 3}',
        '{"a": 1, "c": 3}',
    ),
    ("all go, by halves", '{"a": 1, "b": 2}', '{"a": 1}', '{"b": 2}', "{}"),
    (
        "an empty map is filled from both sides",
        '{"a": {}}',
        '{"a": {"x": 1}}',
        '{"a": {"y": 2}}',
        '{"a": {"x": 1, "y": 2}}',
    ),
    (
        "notation of an equal value",
        '{"a": "\\u0041", "b": 1}',
        '{"a": "A", "b": 2}',
        '{"a":"\\u0041","b":1,"c":3}',
        None,
    ),
    ("a set", '["a", "b"]', '["a", "b", "r"]', '["m", "a"]', '["m", "a", "r"]'),
    (
        "items by their names",
        '[{"name": "a", "v": 1}, {"name": "b", "v": 1}]',
        '[{"name": "a", "v": 2}, {"name": "b", "v": 1}]',
        '[{"name": "b", "v": 1}, {"name": "a", "v": 1}]',
        '[{"name": "b", "v": 1}, {"name": "a", "v": 2}]',
    ),
    (
        "items without names, in a row",
        '[{"v": 1}, {"v": 2}, {"v": 3}]',
        '[{"v": 9}, {"v": 2}, {"v": 3}]',
        '[{"v": 1}, {"v": 2}, {"v": 3, "w": 1}, {"v": 4}]',
        '[{"v": 9}, {"v": 2}, {"v": 3, "w": 1}, {"v": 4}]',
    ),
    (
        "numbers are their writing",
        '{"v": 1.1, "w": 1}',
        '{"v": 1.10, "w": 1}',
        '{"v": 1.1, "w": 2}',
        '{"v": 1.10, "w": 2}',
    ),
    (
        "keys that need quotes in a path",
        '{"": 1, "a b": 1}',
        '{"": 2, "a b": 1}',
        '{"": 1, "a b": 2}',
        '{"": 2, "a b": 2}',
    ),
]


@pytest.mark.parametrize(("what", "base", "repo", "remote", "expected"), JSON_CASES, ids=[one[0] for one in JSON_CASES])
def test_json(what: str, base: str, repo: str, remote: str, expected: str | None) -> None:
    found = merged(Kind.JSON, base, repo, remote)
    assert found.kind is Kind.JSON and not found.clashes
    if expected is not None:
        assert text(found) == expected


def test_a_clash_is_one_key_and_the_rest_is_merged() -> None:  # B48
    base = '{"mcpServers": {"github": {"env": {"TOKEN": "a"}, "on": true}}, "x": 1}'
    repo = base.replace('"a"', '"secret-repo"').replace("true", "false")
    remote = base.replace('"a"', '"secret-remote"').replace('"x": 1', '"x": 2')
    found = merged(Kind.JSON, base, repo, remote)
    (clash,) = found.clashes
    assert (clash.id, clash.place) == ("$.mcpServers.github.env.TOKEN", Place.KEY)
    assert (clash.base, clash.repo, clash.remote) == ('"a"', '"secret-repo"', '"secret-remote"')
    assert found.content is None and json.loads(found.partial)["x"] == 2
    assert "secret" not in repr(found)  # P10
    chosen = merged(Kind.JSON, base, repo, remote, choices={clash.id: Choice.REMOTE, "$.gone": Choice.REPO})
    assert json.loads(text(chosen)) == {
        "mcpServers": {"github": {"env": {"TOKEN": "secret-remote"}, "on": False}},
        "x": 2,
    }
    assert [(note.kind, note.where) for note in chosen.notes] == [(NoteKind.CHOICE_UNUSED, "$.gone")]
    with pytest.raises(UnfitChoice):
        merged(Kind.JSON, base, repo, remote, choices={clash.id: Choice.BOTH})


def test_arguments_are_no_set() -> None:
    base, repo, remote = (json.dumps({"args": ["-y", name]}) for name in ("server", "server@1", "server@2"))
    found = merged(Kind.JSON, base, repo, remote)
    assert [clash.id for clash in found.clashes] == ["$.args"]
    both = merged(Kind.JSON, base, repo, remote, choices={"$.args": Choice.BOTH})
    assert json.loads(text(both)) == {"args": ["-y", "server@1", "server@2"]}
    never = merged(Kind.JSON, None, repo, remote)
    assert [clash.id for clash in never.clashes] == ["$.args"]


def test_a_deletion_against_an_edit_keeps_the_edit_or_is_a_clash() -> None:  # B38
    base, repo, remote = '{"a": {"x": 1}, "b": 1}', '{"b": 1}', '{"a": {"x": 2}, "b": 1}'
    found = merged(Kind.JSON, base, repo, remote)
    assert json.loads(text(found)) == json.loads(remote)
    assert [(note.kind, note.where) for note in found.notes] == [(NoteKind.EDIT_KEPT, "$.a")]
    strict = merged(Kind.JSON, base, repo, remote, strict=True)
    (clash,) = strict.clashes
    assert clash.id == "$.a" and clash.repo is None and json.loads(strict.partial) == {"b": 1}
    gone = merged(Kind.JSON, base, repo, remote, strict=True, choices={"$.a": Choice.REPO})
    assert json.loads(text(gone)) == {"b": 1}


def test_a_first_sync_unites_what_only_one_side_has() -> None:  # B81
    found = merged(Kind.JSON, None, '{"a": 1, "m": {"x": 1}}', '{"b": 2, "m": {"x": 1, "y": 2}}')
    assert json.loads(text(found)) == {"a": 1, "b": 2, "m": {"x": 1, "y": 2}}
    assert [clash.id for clash in merged(Kind.JSON, None, '{"a": 1}', '{"a": 2}').clashes] == ["$.a"]


BROKEN = [
    ("the base is no JSON", '{"a": 1,,}\n', '{"a": 1,\n "b": 2}\n', '{"a": 1}\n'),
    (
        "a side is no JSON",
        '{\n"a": 1,\n"b": 1,\n"c": 1\n}\n',
        '{\n"a": 2,\n"b": 1,\n"c": 1\n}\n',
        '{\n"a": 1,\n"b": 1,\n"c": 1\n\n',
    ),
    (
        "a key stands twice",
        '{\n"a": 1,\n"b": 1,\n"c": 1\n}\n',
        '{\n"a": 1,\n"a": 1,\n"b": 1,\n"c": 1\n}\n',
        '{\n"a": 1,\n"b": 1,\n"c": 2\n}\n',
    ),
    ("a list of lists too deep", "1\n", "[" * 120 + "]" * 120, "2\n"),
]


@pytest.mark.parametrize(("what", "base", "repo", "remote"), BROKEN, ids=[one[0] for one in BROKEN])
def test_what_cannot_be_read_is_merged_by_lines_and_that_is_said(what: str, base: str, repo: str, remote: str) -> None:
    found = merged(Kind.JSON, base, repo, remote)
    assert found.kind is Kind.TEXT
    assert [note.kind for note in found.notes][:1] == [NoteKind.BY_LINES]


def test_lines_that_do_not_make_a_whole_are_not_written() -> None:
    """The same key in two places: git takes it for a clean merge."""
    base = "[1,,]\n" + "\n" * 6
    repo, remote = '{"a": 1,\n"b": 1,\n\n\n\n\n"c": 1}\n', '{"a": 1,\n\n\n\n\n\n"c": 1}\n'
    found = merged(Kind.JSON, base, repo, remote)
    assert found.content is None


@pytest.mark.parametrize("content", ["", " ", "\n"])
def test_nothing_in_the_base_is_no_base(content: str) -> None:
    found = merged(Kind.JSON, content, '{"a": 1}\n', '{"b": 2}\n')
    assert json.loads(text(found)) == {"a": 1, "b": 2}


@pytest.mark.parametrize("part", range(4))
def test_fewer_clashes_than_git_and_no_wrong_merge(part: int, tmp_path: Path) -> None:
    """400 pairs of independent edits of one settings file, a hundred at a time."""
    rng = random.Random(400 + part)
    ours = theirs = 0
    for _ in range(100):
        data = (BASE, *(edited(BASE, rng, rng.randrange(1, 4)) for _ in "ab"))
        contents = [write_json(one, Layout()) for one in data]
        names = ("base", "repo", "remote")
        for name, content in zip(names, contents, strict=True):
            (tmp_path / name).write_text(content)
        command = ["git", "merge-file", "-p", "-q", "repo", "base", "remote"]
        theirs += subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode != 0
        found = merged(Kind.JSON, *contents)
        ours += bool(found.clashes)
        clashes: dict[tuple[str, ...], Any] = {}
        expected = plain_merge(*data, (), clashes)
        assert agrees_with_keys(json.loads(found.partial), expected)
        assert {clash.id for clash in found.clashes if clash.place is Place.KEY and "[" not in clash.id} == {
            "$." + ".".join(path) for path in clashes
        }
    assert ours <= theirs
    assert ours <= 20


def agrees_with_keys(found: Any, expected: Any) -> bool:
    if isinstance(expected, dict):
        return found.keys() == expected.keys() and all(agrees_with_keys(found[key], expected[key]) for key in expected)
    return isinstance(found, list) or (expected is not DROPPED and same(found, expected))


KINDS = [
    ("a/settings.JSON", Kind.JSON),
    ("x.jsonc", Kind.JSON),
    ("x.yml", Kind.YAML),
    ("x.YAML", Kind.YAML),
    ("pyproject.toml", Kind.TOML),
    ("claude.md", Kind.MARKDOWN),
    ("Makefile", Kind.TEXT),
    ("json", Kind.TEXT),
    ("dir.json/x.txt", Kind.TEXT),
    (".json", Kind.JSON),
]


@pytest.mark.parametrize(("path", "kind"), KINDS)
def test_kinds(path: str, kind: Kind) -> None:
    assert kind_of(path, b"{}") is kind
    assert kind_of(path, b"\0") is Kind.BINARY
    assert kind_of(path, "é".encode("latin-1")) is Kind.BINARY


def test_a_renamed_map_takes_the_edits_of_what_it_holds() -> None:  # B42
    base = '{\n  "tools": {\n    "a": 1,\n    "b": 2,\n    "c": 3\n  },\n  "x": 1\n}\n'
    found = merged(Kind.JSON, base, base.replace('"tools"', '"servers"'), base.replace('"b": 2', '"b": 9'))
    assert json.loads(text(found)) == {"servers": {"a": 1, "b": 9, "c": 3}, "x": 1} and not found.notes


def test_an_edit_does_not_slip_into_the_map_beside() -> None:
    """Maps that are alike line by line: what is left of them after a deletion could be either."""
    rng = random.Random(7)
    for _ in range(150):
        names = [f"m{at}" for at in range(rng.randrange(2, 5))]
        base = {name: {"x": 1, "y": 2, "z": [1, 1, 1]} for name in names}
        gone, changed = rng.choice(names), rng.choice(names)
        repo = {name: dict(one) for name, one in base.items() if name != gone}
        if rng.random() < 0.5:
            repo[rng.choice(["m0", "new"])] = {"x": 1, "y": 2, "w": 1}
        remote = {name: dict(one) for name, one in base.items()}
        remote[changed][rng.choice("xy")] = 9
        found = merged(Kind.JSON, *(write_json(one, Layout()) for one in (base, repo, remote)))
        clashes: dict[tuple[str, ...], Any] = {}
        expected = plain_merge(base, repo, remote, (), clashes)
        data = json.loads(found.partial)
        assert data.keys() >= {name for name in expected if name not in (gone, changed)}
        for name in data.keys() & expected.keys() - {"new"}:
            assert agrees_with_keys(data[name], expected[name])


DAMAGE = [
    "{",
    "}",
    "[",
    "]",
    '"',
    "'",
    ":",
    ",",
    "#",
    "- ",
    "\n",
    "\r\n",
    "\t",
    "|",
    "&a ",
    "*a",
    "```",
    "<!--",
    "---\n",
    "//",
    "/*",
    "[[",
    "\\",
    "\u2028",
    "é",
    "  ",
    "=",
]


@pytest.mark.parametrize("kind", [Kind.JSON, Kind.YAML, Kind.TOML, Kind.MARKDOWN])
def test_damaged_contents_are_merged_or_are_a_clash(kind: Kind) -> None:
    writer = {Kind.JSON: write_json, Kind.YAML: write_yaml, Kind.TOML: write_toml, Kind.MARKDOWN: write_yaml}[kind]
    whole = writer(BASE, Layout())
    rng = random.Random(kind.value)

    def damaged() -> str:
        text = whole
        for _ in range(rng.randrange(1, 4)):
            at = rng.randrange(len(text))
            text = text[:at] + rng.choice(DAMAGE) + text[at + rng.randrange(3) :]
        return text

    for _ in range(120):
        base, repo, remote = (damaged() if rng.random() < 0.6 else whole for _ in range(3))
        found = merged(kind, base, repo, remote)
        assert (found.content is None) == bool(found.clashes)
        chosen = merged(kind, base, repo, remote, choices={clash.id: Choice.REMOTE for clash in found.clashes})
        assert chosen.content is not None or [clash.id for clash in chosen.clashes] == ["whole file"]


def test_what_both_renamed_keeps_what_one_deleted_in_it() -> None:
    base = '{\n  "tools": {\n    "a": 1,\n    "b": 2,\n    "c": 3\n  },\n  "x": 1\n}\n'
    renamed = base.replace('"tools"', '"servers"')
    found = merged(Kind.JSON, base, renamed.replace('    "b": 2,\n', ""), renamed.replace('"x": 1', '"x": 2'))
    assert json.loads(text(found)) == {"servers": {"a": 1, "c": 3}, "x": 2}
