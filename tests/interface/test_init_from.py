"""`dsync init --from FILE`: what is written where, what is told, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.interface.conftest import Dsync
from tests.project import Project, make_project

from directional_sync import starters
from directional_sync.core import yaml12
from directional_sync.endpoints.git.options import GitOptions

FIXTURES = Path(__file__).parents[1] / "config" / "onramp"
WRITTEN = [starters.CONFIG, starters.SCHEMA, starters.SCRIPT, starters.WORKFLOW]
KEYS = {"version", "merge", "paths", "exclude", "subdir", "submodules", "lfs", "repositories"}
REPOS = "repositories: {{v/web: {{type: git, url: {url}}}, v/old: {{type: hg, url: https://h.example/old}}}}\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    found = make_project(tmp_path / "project")
    monkeypatch.chdir(found.root)
    return found


@pytest.fixture
def upstream(tmp_path: Path) -> Project:
    found = make_project(tmp_path / "upstreams" / "web")
    found.write("README.md", "Web\n")
    found.commit()
    return found


def remotes(project: Project, config: str = starters.CONFIG) -> list[dict[str, object]]:
    data = yaml12.read((project.root / config).read_bytes(), "f").data
    return [target["remote"] for target in data["targets"].values()]


def test_what_was_carried_over_is_vendored(project: Project, upstream: Project, dsync: Dsync) -> None:
    project.write("my.repos", REPOS.format(url=upstream.root))
    status, out, err = dsync("init", "--from", "my.repos")
    assert (status, out.splitlines()[:4]) == (0, [f"+ {path}" for path in WRITTEN])
    assert "1 repository in 1 target" in out
    assert err.startswith("not carried over (1)\n  my.repos:1  the repository of v/old: it is of the type hg")
    assert dsync("validate")[0] == 0
    project.commit()
    assert dsync("run")[0] == 0
    assert project.files(under="v") == {"v/web/README.md": "Web"}
    assert dsync("plan")[0] == 0


@pytest.mark.skipif(not GitOptions.model_fields.keys() >= KEYS, reason="git targets do not know all of these keys yet")
@pytest.mark.parametrize("name", ["repos.yaml", "robot.repos", "vendir.yml", "west.yml", "gitmodules"])
def test_what_was_carried_over_is_valid(name: str, project: Project, dsync: Dsync) -> None:
    (project.root / name).write_bytes((FIXTURES / name).read_bytes())
    assert dsync("init", "--from", name)[0] == 0
    assert dsync("validate")[0] == 0


def test_print_writes_nothing(project: Project, dsync: Dsync) -> None:
    project.write("my.repos", REPOS.format(url="https://h.example/O/web"))
    status, out, err = dsync("init", "--from", "my.repos", "--print")
    assert status == 0 and "not carried over" in err
    assert yaml12.read(out.encode(), "f").data["targets"]["web"]["outputs"] == ["v/web/**"]
    assert sorted(path.name for path in project.root.iterdir()) == [".git", "my.repos"]


def test_json(project: Project, dsync: Dsync) -> None:
    project.write("my.repos", REPOS.format(url="https://h.example/O/web"))
    said = json.loads(dsync("init", "--from", "my.repos", "--print", "--json")[1])
    assert (said["from"], said["format"]) == ("my.repos", "vcstool")
    assert said["yaml"].startswith("# yaml-language-server")
    [left] = said["left_over"]
    assert (left["fate"], left["path"], left["line"], left["of"]) == ("lost", "my.repos", 1, "v/old")
    assert json.loads(dsync("init", "--from", "my.repos", "--json")[1])["written"] == WRITTEN


@pytest.mark.parametrize("there", [".insightpulse/sync.yaml", "sync.yaml"])
def test_a_configuration_that_is_there_stays(there: str, project: Project, dsync: Dsync) -> None:
    project.write("my.repos", REPOS.format(url="https://h.example/O/web"))
    project.write(there, "mine\n")
    status, _, err = dsync("init", "--from", "my.repos")
    assert status == 1 and "E-INIT-EXISTS" in err
    assert (project.root / there).read_text() == "mine\n"
    assert sorted(path.name for path in project.root.iterdir()) == sorted([".git", "my.repos", there.split("/")[0]])


def test_the_place_that_config_names(project: Project, dsync: Dsync) -> None:
    project.write("my.repos", REPOS.format(url="https://h.example/O/web"))
    assert dsync("init", "--from", "my.repos", "--config", "ops/flows.yaml")[0] == 0
    text = (project.root / "ops/flows.yaml").read_text()
    assert text.startswith("# yaml-language-server: $schema=../.insightpulse/sync.schema.json\n")
    assert not (project.root / starters.CONFIG).exists()
    assert dsync("validate", "--config", "ops/flows.yaml")[0] == 0


@pytest.mark.parametrize(
    ("place", "options", "into"),
    [
        ("my.repos", (), "v/web"),
        ("odoo/custom/my.repos", (), "odoo/custom/v/web"),
        ("odoo/custom/my.repos", ("--into", "."), "v/web"),
        ("my.repos", ("--into", "src/"), "src/v/web"),
        ("../my.repos", (), "v/web"),
    ],
)
def test_what_paths_are_relative_to(
    place: str, options: tuple[str, ...], into: str, project: Project, dsync: Dsync
) -> None:
    project.write(place, REPOS.format(url="https://h.example/O/web"))
    assert dsync("init", "--from", place, *options)[0] == 0
    assert [remote["into"] for remote in remotes(project)] == [into]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--from", "missing.repos"), "E-ONRAMP-READ"),
        (("--from", "."), "E-ONRAMP-READ"),
        (("--from", "other.yaml"), "E-ONRAMP-UNKNOWN"),
        (("--from", "broken.repos"), "E-ONRAMP-MISTAKE"),
        (("--from", "empty.repos"), "E-ONRAMP-NOTHING"),
        (("--from", "my.repos", "--into", "../x"), "E-ONRAMP-INTO"),
        (("--from", "my.repos", "--into", ".git"), "E-ONRAMP-INTO"),
        (("--from", "my.repos", "--starter", "insightpulse"), "E-USAGE"),
        (("--print",), "E-USAGE"),
        (("--into", "x"), "E-USAGE"),
    ],
)
def test_refusals(arguments: tuple[str, ...], code: str, project: Project, dsync: Dsync) -> None:
    project.write("my.repos", REPOS.format(url="https://h.example/O/web"))
    project.write("other.yaml", "a: 1\n")
    project.write("broken.repos", "repositories: {\n")
    project.write("empty.repos", "repositories: {a: {type: svn, url: x}}\n")
    before = sorted(project.root.iterdir())
    status, _, err = dsync("init", *arguments)
    assert status == 2 and code in err
    assert sorted(project.root.iterdir()) == before


def test_secrets_in_urls_are_never_shown(project: Project, dsync: Dsync) -> None:
    urls = ["https://me:hunter2@h.example/a", "https://hunter2@h.example/b", "https://h.example/c?token=hunter2"]
    lines = "".join(f"  r{number}: {{type: git, url: '{url}'}}\n" for number, url in enumerate(urls))
    project.write("my.repos", f"repositories:\n{lines}")
    project.write("broken.repos", f"repositories:\n{lines}  r9: {{url: https://me:hunter2@h.example/x, url: y}}\n")
    said = [*dsync("init", "--from", "my.repos", "--print")[1:], *dsync("init", "--from", "broken.repos")[1:]]
    said += dsync("init", "--from", "my.repos", "--print", "--json")[1:]
    assert "hunter2" not in "".join(said)
    assert "my.repos:2, 3  the user name or password in the URL" in said[1]


def test_submodules_bring_their_commits(project: Project, upstream: Project, dsync: Dsync) -> None:
    project.git("remote", "add", "origin", str(upstream.root.parent / "project"))
    project.git("update-index", "--add", "--cacheinfo", f"160000,{upstream.head},libs/web")
    project.write(".gitmodules", '[submodule "w"]\n\tpath = libs/web\n\turl = ../web\n')
    project.git("add", ".gitmodules")
    project.git("commit", "-q", "-m", "A submodule")
    status, _, err = dsync("init", "--from", ".gitmodules")
    assert status == 0 and "git rm FOLDER" in err
    [remote] = remotes(project)
    assert (remote["url"], remote["ref"]) == (str(upstream.root), upstream.head)
    project.git("rm", "-q", "--cached", "libs/web")
    project.commit()
    assert dsync("run")[0] == 0
    assert project.files(under="libs") == {"libs/web/README.md": "Web"}


def test_a_folder_with_more_in_it_is_no_output_as_a_whole(project: Project, dsync: Dsync) -> None:
    text = "".join(f"  v/{name}: {{type: git, url: https://h.example/O/{name}}}\n" for name in "ab")
    project.write("my.repos", f"repositories:\n{text}")
    project.write("v/mine/README.md", "Mine\n")
    out = dsync("init", "--from", "my.repos", "--print")[1]
    assert yaml12.read(out.encode(), "f").data["targets"]["O"]["outputs"] == ["v/a/**", "v/b/**"]
    (project.root / "v/mine/README.md").unlink()
    (project.root / "v/mine").rmdir()
    out = dsync("init", "--from", "my.repos", "--print")[1]
    assert yaml12.read(out.encode(), "f").data["targets"]["O"]["outputs"] == ["v/**"]
