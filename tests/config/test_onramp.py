"""What other tools' configurations become: each construct, each refusal, and that what is written means the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode
from tests.config.onramping import AROUND, COMMIT, carry_over, knowing_all_keys, meant, wished, written

from directional_sync.config import load
from directional_sync.config.onramp import carry, grouping, telling, writing
from directional_sync.config.onramp.base import Around, Carried, Fate, Format, LeftOver
from directional_sync.config.onramp.filters import spellings
from directional_sync.config.onramp.gitmodules import resolved
from directional_sync.config.onramp.places import Unfit, address, folder
from directional_sync.core import yaml12
from directional_sync.errors import ConfigError
from directional_sync.render.ink import Ink

FIXTURES = Path(__file__).parent / "onramp"


@pytest.fixture(autouse=True, scope="module")
def options() -> Iterator[None]:
    with knowing_all_keys():
        yield


class TextFile(SingleFileSnapshotExtension):
    _write_mode = WriteMode.TEXT
    file_extension = "txt"


def refused(content: bytes | str, name: str = "f.yaml") -> ConfigError:
    with pytest.raises(ConfigError) as error:
        carry_over(content, name)
    return error.value


@pytest.mark.parametrize(
    ("fixture", "name"),
    [
        ("repos.yaml", "repos.yaml"),
        ("robot.repos", "robot.repos"),
        ("vendir.yml", "vendir.yml"),
        ("west.yml", "west.yml"),
        ("gitmodules", ".gitmodules"),
    ],
)
def test_the_whole_of_a_file(fixture: str, name: str, snapshot: SnapshotAssertion) -> None:
    carried = carry_over((FIXTURES / fixture).read_bytes(), name)
    targets = written(carried)
    text = writing.yaml(carried, name, "./sync.schema.json")
    told = telling.text(carried.left_over, name, Ink(width=100))
    assert f"{text}\n=== told ===\n{told}\n" == snapshot.use_extension(TextFile)
    found = carry.find((FIXTURES / fixture).read_bytes(), name, AROUND)
    everything = wished(found.repositories)
    assert {into: everything[into] for into in meant(targets)} == meant(targets)
    assert not any(secret in text + told for secret in ("hunter2", "robot:", "someone"))


ONE = "./a:\n  remotes: {o: https://example.com/O/a.git}\n"


@pytest.mark.parametrize(
    ("content", "name", "format"),
    [
        (ONE + "  merges: [o main]\n", "any.yaml", Format.GIT_AGGREGATOR),
        ("repositories: {a: {type: git, url: https://example.com/O/a.git}}\n", "x", Format.VCSTOOL),
        ("manifest: {projects: [{name: a, url: https://example.com/O/a.git}]}\n", "repos.yaml", Format.WEST),
        (
            "kind: Config\ndirectories: [{path: a, contents: [{path: ., git: {url: https://example.com/O/a.git}}]}]\n",
            "repos.yaml",
            Format.VENDIR,
        ),
        ('[submodule "a"]\npath = a\nurl = https://example.com/O/a.git\n', "repos.yaml", Format.GITMODULES),
    ],
)
def test_what_is_in_a_file_says_what_it_is(content: str, name: str, format: Format) -> None:
    carried = carry_over(content, name)
    assert carried.format is format
    assert [target.remote["url"] for target in carried.targets] == ["https://example.com/O/a.git"]
    assert [target.outputs for target in carried.targets] == [("a/**",)]
    written(carried)


AMBIGUOUS = "repositories: {type: git, remotes: {o: x}, a: {type: git, url: https://example.com/O/a.git}}\n"


@pytest.mark.parametrize(
    ("content", "name", "code", "said"),
    [
        ("", "x.yaml", "E-ONRAMP-UNKNOWN", "repos.yaml of git-aggregator, .repos of vcstool"),
        ("- a\n- b\n", "x.yaml", "E-ONRAMP-UNKNOWN", ".gitmodules"),
        ("name: value\n", "x.yaml", "E-ONRAMP-UNKNOWN", "west.yml"),
        ("all:\n\t@make\n", "Makefile", "E-ONRAMP-UNKNOWN", "known"),
        (AMBIGUOUS, "x.yaml", "E-ONRAMP-UNKNOWN", "usual name"),
        (b"\xff\xfe\0", "west.yml", "E-ONRAMP-MISTAKE", "UTF-8"),
        ("manifest: {projects: [}\n", "west.yml", "E-ONRAMP-MISTAKE", ""),
        ("manifest: {}\nmanifest: {}\n", "west.yml", "E-ONRAMP-MISTAKE", "keep one"),
        ("kind: Config\napiVersion: vendir.x\n---\nkind: Secret\n", "vendir.yml", "E-ONRAMP-MISTAKE", "---"),
        ("repositories:\n", "a.repos", "E-ONRAMP-NOTHING", ""),
        ("", ".gitmodules", "E-ONRAMP-NOTHING", ""),
        ('[submodule "a"]\nnonsense here\n', ".gitmodules", "E-ONRAMP-MISTAKE", "correct it"),
        ('[submodule "a"]\npath = "open\n', ".gitmodules", "E-ONRAMP-MISTAKE", "correct it"),
        (b'[submodule "a"]\npath = \xff\n', ".gitmodules", "E-ONRAMP-MISTAKE", ""),
        ("a: &a [*a]\nmanifest: {}\n", "west.yml", "E-ONRAMP-MISTAKE", ""),
        ("manifest: !!python/object:os.system {}\n", "west.yml", "E-ONRAMP-MISTAKE", "remove it"),
    ],
)
def test_what_is_refused_as_a_whole(content: bytes | str, name: str, code: str, said: str) -> None:
    error = refused(content, name)
    assert error.code == code and int(error.exit) == 2
    assert {problem.code for problem in error.problems} == {code}
    assert said in " ".join(f"{problem.message} {problem.hint}" for problem in error.problems)


def test_the_name_decides_between_two() -> None:
    assert carry_over(AMBIGUOUS, "a.repos").format is Format.VCSTOOL


def test_t27_aliases_of_aliases_stop_early() -> None:
    lines = ["a0: &a0 {x: 1}"]
    lines += [f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 9)}], k{i}: 1}}" for i in range(1, 12)]
    assert refused("\n".join([*lines, "repositories: {a: *a11}"]), "a.repos").code == "E-ONRAMP-MISTAKE"
    assert refused("repositories: {a: &a {<<: *a, type: git}}", "a.repos").code == "E-ONRAMP-MISTAKE"


def test_too_many_repositories_are_refused() -> None:
    many = "".join(f"  a{i}: {{type: git, url: https://example.com/O/a{i}}}\n" for i in range(2_001))
    assert "at most 2,000" in refused(f"repositories:\n{many}", "a.repos").problems[0].message


def test_merged_keys_are_those_of_yaml_1_1() -> None:
    text = b"a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc: {<<: [*b, *a], z: 3}\nd: {<<: {<<: *a, y: 4}}\n"
    document = yaml12.read(text, "f", merges=True)
    assert (document.data["c"], document.data["d"]) == ({"z": 3, "y": 2, "x": 1}, {"y": 4, "x": 1})
    assert document.near(("c", "y"), key=True).line == 2
    assert yaml12.read(b"a: {<<: [1]}\n", "f", merges=True).problems[0].message == "`<<` takes in mappings only"
    assert len(yaml12.read(text, "f").problems) == 2


@pytest.mark.parametrize(
    ("base", "path", "found"),
    [
        ("", "./a/b/", "a/b"),
        ("odoo/src", "./web", "odoo/src/web"),
        ("odoo/src", "../external/web", "odoo/external/web"),
        ("", "a//b/../c", "a/c"),
        ("", ".github-actions", ".github-actions"),
        ("", "../a", "outside"),
        ("src", "../../a", "outside"),
        ("", "a/../..", "outside"),
        ("", "/etc", "relative"),
        ("", "~/a", "relative"),
        ("", "-a", "relative"),
        ("", "C:/a", "relative"),
        ("", ".", "root"),
        ("src", "..", "root"),
        ("", "a/.git/hooks", "git"),
        ("", ".GIT", "git"),
        ("", "a/git~1", "git"),
        ("", ".git. ", "git"),
        ("", ".github/workflows", "no target may write"),
        ("", ".github", "no target may write"),
        ("", "scripts", "no target may write"),
        ("", ".insightpulse", "no target may write"),
        ("", "a*b", "character"),
        ("", "{name}", "character"),
        ("", "$HOME/a", "character"),
        ("", "a\\b", "character"),
        ("", "a\nb", "cannot be written"),
        ("", "a/" * 600, "cannot be written"),
    ],
)
def test_folders(base: str, path: str, found: str) -> None:
    try:
        assert folder(base, path) == found
    except Unfit as unfit:
        assert found in str(unfit)


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://h.example/a/b.git", ("https://h.example/a/b.git", False)),
        ("git+https://h.example/a/b", ("https://h.example/a/b", False)),
        ("git+ssh://git@h.example/a/b", ("ssh://git@h.example/a/b", False)),
        ("git@h.example:a/b.git", ("git@h.example:a/b.git", False)),
        ("https://me@h.example/a/b", ("https://h.example/a/b", True)),
        ("https://me:hunter2@h.example/a/b", ("https://h.example/a/b", True)),
        ("https://a@b:hunter2@h.example/a/b", ("https://h.example/a/b", True)),
        ("ssh://me:hunter2@h.example/a/b", ("ssh://me@h.example/a/b", True)),
        ("https://h.example/$a/b", ("https://h.example/$$a/b", False)),
    ],
)
def test_addresses(url: str, found: tuple[str, bool]) -> None:
    assert address(url) == found


@pytest.mark.parametrize(
    "url",
    [
        "me:hunter2@h.example:a/b", "--upload-pack=hunter2", "ext::sh -c hunter2", "https://h.example/a?token=hunter2",
        "fd::hunter2", "../hunter2", "https://h.example:x/hunter2", "https://h.example/{hunter2}", "a b", "", "sftp://h/a",
    ],
)  # fmt: skip
def test_addresses_that_are_not_taken(url: str) -> None:
    with pytest.raises(Unfit) as unfit:
        address(url)
    assert "hunter2" not in str(unfit.value)


def test_variables_of_git_aggregator_stay_and_others_are_no_variables() -> None:
    assert address("https://h.example/${ORG}/$NAME", variables=True)[0] == "https://h.example/${ORG}/$NAME"
    assert address("https://$TOKEN@h.example/a", variables=True) == ("https://h.example/a", True)
    assert address("https://h.example/a$", variables=True)[0] == "https://h.example/a$$"
    [target] = carry_over(ONE + "  merges: [o $BRANCH]\n", "repos.yaml").targets
    read = load.read(writing.yaml(Carried(Format.WEST, (target,), ()), "f", "s").encode(), "s.yaml", {"BRANCH": "18.0"})
    assert read.targets[0].options.ref == "18.0"


@pytest.mark.parametrize(
    ("origin", "url", "found"),
    [
        ("https://h.example/g/app.git", "../lib.git", "https://h.example/g/lib.git"),
        ("https://h.example/g/app.git/", "../../o/lib.git", "https://h.example/o/lib.git"),
        ("https://h.example/g/app.git", "./sub.git", "https://h.example/g/app.git/sub.git"),
        ("git@h.example:g/app.git", "../lib.git", "git@h.example:g/lib.git"),
        ("git@h.example:app.git", "../lib.git", "git@h.example:lib.git"),
        ("git@h.example:g/app.git", "../../o/lib.git", "git@h.example:o/lib.git"),
        ("https://h.example/app", "../../../../lib", "https://h.example/lib"),
        ("/srv/git/app", "../lib", "/srv/git/lib"),
    ],
)
def test_relative_urls_of_submodules(origin: str, url: str, found: str) -> None:
    assert resolved(origin, url) == found


MODULE = '[submodule "a"]\npath = libs/a\nurl = ../a.git\n'


@pytest.mark.parametrize(
    ("more", "around", "ref", "said"),
    [
        ("branch = next\n", Around("", "https://h.example/g/app", {"libs/a": COMMIT}), "next", "`branch` is followed"),
        ("", Around("", "https://h.example/g/app", {"libs/a": COMMIT}), COMMIT, "the commit that the index has"),
        ("branch = .\n", Around("", "https://h.example/g/app", {"libs/a": COMMIT}), COMMIT, "`ref` cannot say"),
        ("", Around("", "https://h.example/g/app"), None, "not in the index"),
    ],
)
def test_what_a_submodule_follows(more: str, around: Around, ref: str | None, said: str) -> None:
    carried = carry_over(MODULE + more, ".gitmodules", around)
    assert carried.targets[0].remote.get("ref") == ref
    assert carried.targets[0].remote["url"] == "https://h.example/g/a.git"
    assert said in telling.text(carried.left_over, "f", Ink(width=400))
    still = [one for one in carried.left_over if "git rm FOLDER" in one.instead]
    assert len(still) == bool(around.gitlinks)
    written(carried)


def test_what_git_leaves_alone_is_paused() -> None:
    carried = carry_over(MODULE + "update = none\n", ".gitmodules")
    assert carried.targets[0].paused
    assert "`update = none`" in [one.what for one in carried.left_over if one.fate is Fate.CHANGED]
    commanded = carry_over(MODULE + "update = !make\n", ".gitmodules")
    assert not commanded.targets[0].paused
    assert [one.what for one in commanded.left_over if one.fate is Fate.LOST] == ["`update`"]


def test_a_relative_url_needs_an_origin() -> None:
    with pytest.raises(ConfigError) as error:
        carry.find(MODULE.encode(), ".gitmodules", Around())
    assert "no remote `origin`" in error.value.problems[0].message


@pytest.mark.parametrize(
    ("glob", "spelled"),
    [
        ("a/**/*", ["a/**/*"]),
        ("./a//b", ["a/b"]),
        ("a/{b,c}/*.{md,txt}", ["a/b/*.md", "a/b/*.txt", "a/c/*.md", "a/c/*.txt"]),
        ("{a,{b,c}}", ["b", "c", "a"]),
        ("../a", None),
        ("a{b", None),
        ("{a,b}" * 20, None),
        ("", None),
    ],
)
def test_globs_of_vendir(glob: str, spelled: list[str] | None) -> None:
    found = spellings(glob)
    assert found == spelled or (found is not None and spelled is not None and sorted(found) == sorted(spelled))


def test_folders_that_lie_in_one_another_are_told_and_the_first_stays() -> None:
    text = "repositories:\n" + "".join(
        f"  {path}: {{type: git, url: https://example.com/{number}/x}}\n"
        for number, path in enumerate(["a/b", "A/B", "a/b/c", "a", "a-b", "a/bc"])
    )
    carried = carry_over(text, "a.repos")
    assert [one.into for target in carried.targets for one in target.repositories] == ["a/b", "a-b", "a/bc"]
    assert [(one.line, one.of) for one in carried.left_over] == [(3, "A/B"), (4, "a/b/c"), (5, "a")]
    assert "line 2" in carried.left_over[0].why
    written(carried)


def test_a_whole_folder_is_an_output_only_when_nothing_else_is_in_it() -> None:
    text = "repositories:\n" + "".join(
        f"  {path}: {{type: git, url: https://example.com/O/{path.rpartition('/')[2]}}}\n" for path in ("v/a", "v/b")
    )
    found = carry.find(text.encode(), "a.repos", Around())
    assert grouping.parents(found) == {"v": {"a", "b"}}
    assert grouping.carried(found).targets[0].outputs == ("v/**",)
    assert grouping.carried(found, {"v"}).targets[0].outputs == ("v/a/**", "v/b/**")
    more = text + "  v/c: {type: git, url: https://example.com/P/c}\n"
    assert grouping.carried(carry.find(more.encode(), "a.repos", Around())).targets[0].outputs == ("v/a/**", "v/b/**")


def test_what_is_alike_is_told_once() -> None:
    told = [LeftOver("`x`", "no", "do y", line, f"f{line}") for line in range(1, 10)]
    told.append(LeftOver("`z`", "\x1b[31mred\u2028!", line=3, fate=Fate.NEEDLESS))
    assert telling.text(told, "f", Ink(width=200)).splitlines() == [
        "not carried over (9)",
        "  f:1, 2, 3, 4, 5, 6 and 3 more  `x` of 9 folders: no",
        "      instead: do y",
        "not needed any more (1)",
        "  f:3  `z`: <U+001B>[31mred<U+2028>!",
    ]
    assert telling.comments(told, "f", {"f1", ""}) == ["f:1: `x` of f1: no; do y"]
