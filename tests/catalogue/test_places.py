"""Catalogues in git repositories and folders, and what the options say of the places where a catalogue may be."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from tests.catalogue.conftest import INTO, Skills
from tests.catalogue.test_runs import ALL, told
from tests.project import Project, make_project

from directional_sync.endpoints.catalogue.options import CatalogueOptions
from directional_sync.endpoints.catalogue.places import Via, via_of
from directional_sync.endpoints.catalogue.publish import document_of
from directional_sync.model.lifecycle import Outcome


def publish(folder: Path, document: str = "catalog.json") -> None:
    (folder / document).write_text(json.dumps(document_of(folder)))


@pytest.fixture
def folder(skills: Skills) -> Path:
    """A target that reads a folder."""
    publish(skills.service.folder)
    skills.configure(url=str(skills.service.folder))
    return skills.service.folder


@pytest.fixture
def upstream(skills: Skills) -> Project:
    """A target that reads a git repository."""
    found = make_project(skills.service.folder)
    publish(found.root)
    found.commit()
    skills.configure(url=f"file://{found.root}", via="git", ref="main")
    return found


def test_a_folder(skills: Skills, folder: Path) -> None:
    skills.sync()
    assert sorted(skills.files()) == ALL and skills.service.heard == []
    assert skills.sync().outcome is Outcome.IN_SYNC
    skills.service.skill("beta", version="2.0")
    assert skills.sync().outcome is Outcome.IN_SYNC, "what counts is what is published"
    publish(folder)
    skills.sync()
    assert "2.0" in skills.files()["beta/SKILL.md"]


def test_a_folder_beside_the_repository(skills: Skills, folder: Path) -> None:
    skills.configure(url=os.path.relpath(folder, skills.project.root))
    skills.sync()
    assert sorted(skills.files()) == ALL


def test_a_folder_that_is_gone_is_no_empty_catalogue(skills: Skills, folder: Path) -> None:
    skills.sync()
    shutil.rmtree(folder)
    assert "E-CATALOGUE-PLACE" in told(skills.try_())
    assert sorted(skills.files()) == ALL


@pytest.mark.parametrize("kind", ["link", "outside", "fifo", "folder", "gone"])
def test_what_is_no_file_of_the_folder_is_not_followed(skills: Skills, folder: Path, kind: str) -> None:
    file = folder / "gamma" / "references" / "more.md"
    content = file.read_bytes()
    file.unlink()
    if kind == "link":
        (folder / "elsewhere.md").write_bytes(content)
        file.symlink_to(folder / "elsewhere.md")
    elif kind == "outside":
        outside = folder.parent / "outside"
        outside.mkdir()
        (outside / "more.md").write_bytes(content)
        file.parent.rmdir()
        file.parent.symlink_to(outside)
    elif kind == "fifo":
        os.mkfifo(file)
    elif kind == "folder":
        file.mkdir()
    record = skills.try_()
    assert "E-CATALOGUE-FILE" in told(record)
    assert sorted(skills.files()) == ALL[:2]


def test_a_git_repository(skills: Skills, upstream: Project) -> None:
    skills.sync()
    assert sorted(skills.files()) == ALL
    assert skills.sync().outcome is Outcome.IN_SYNC
    skills.service.skill("beta", version="2.0")
    publish(upstream.root)
    upstream.commit()
    skills.sync()
    assert "2.0" in skills.files()["beta/SKILL.md"]
    source = json.loads(skills.project.git("show", "HEAD:sync.lock"))["targets"]["skills"]["sources"][1]
    assert (source["name"], source["ref"]) == ("beta", "2.0")


def test_a_document_deeper_in_a_repository(skills: Skills, upstream: Project) -> None:
    (upstream.root / "library").mkdir()
    for name in ("alpha", "beta", "gamma"):
        (upstream.root / name).rename(upstream.root / "library" / name)
    publish(upstream.root / "library", "index.json")
    (upstream.root / "catalog.json").unlink()
    upstream.commit()
    assert "E-CATALOGUE-PLACE" in told(skills.try_())
    skills.configure(document="library/index.json")
    skills.sync()
    assert sorted(skills.files()) == ALL


def test_a_repository_whose_document_is_behind_its_files(skills: Skills, upstream: Project) -> None:
    skills.service.put("gamma/references/more.md", "Other of equal\n")
    (upstream.root / "beta" / "SKILL.md").unlink()
    upstream.commit()
    text = told(skills.try_())
    assert "E-CATALOGUE-CHECKSUM" in text and "E-CATALOGUE-FILE" in text
    assert sorted(skills.files()) == ALL[:1]


def test_a_repository_that_is_gone(skills: Skills, upstream: Project) -> None:
    skills.sync()
    upstream.root.rename(upstream.root.with_name("gone"))
    record = skills.try_()
    assert not record.success and sorted(skills.files()) == ALL


@pytest.mark.parametrize(
    ("url", "via"),
    [
        ("https://skills.example.com/catalog.json", Via.HTTP),
        ("https://skills.example.com/skills.git", Via.GIT),
        ("https://skills.example.com/skills.git/", Via.GIT),
        ("ssh://git@skills.example.com/skills", Via.GIT),
        ("git@skills.example.com:our/skills", Via.GIT),
        ("../skills", Via.FOLDER),
        ("/srv/skills", Via.FOLDER),
        ("file:///srv/skills", Via.FOLDER),
        ("file:///srv/skills.git", Via.GIT),
    ],
)
def test_the_way_follows_from_the_url(url: str, via: Via) -> None:
    assert via_of(url, "auto") is via
    assert CatalogueOptions(url=url).url == url


@pytest.mark.parametrize(
    ("said", "part"),
    [
        ({"url": "http://skills.example.com/catalog.json"}, "https"),
        ({"url": "https://ada:pw@skills.example.com/catalog.json"}, "user name"),
        ({"url": "https://skills.example.com"}, "no document"),
        ({"url": "https://skills.example.com/c.json#x"}, "no `#`"),
        ({"url": "https://skills.example.com:x/c.json"}, "port"),
        ({"url": "file://host/srv"}, "three slashes"),
        ({"url": "ext::sh", "via": "git"}, "helper program"),
        ({"url": ""}, "at least 1"),
        ({"url": "../x", "ref": "main"}, "`ref`"),
        ({"url": "../x", "token": "T"}, "`token`"),
        ({"url": "https://h.example/c.json", "ref": "main"}, "`ref`"),
        ({"url": "https://h.example/c.json", "token": "not a name"}, "pattern"),
        ({"url": "https://h.example/c.json", "hosts": ["https://x"]}, "pattern"),
        ({"url": "https://h.example/c.json", "names": ["PDF"]}, "no name of a skill"),
        ({"url": "https://h.example/c.json", "names": ["../x"]}, "glob over names"),
        ({"url": "https://h.example/c.json", "versions": {"P": "1"}}, "no name of a skill"),
        ({"url": "https://h.example/c.json", "into": "../x"}, "leads outside"),
        ({"url": "https://h.example/c.json", "document": "../c.json"}, "leads outside"),
        ({"url": "https://h.example/c.json", "max_size": -1}, "greater"),
        ({"url": "https://h.example/c.json", "nmaes": ["a"]}, "Extra"),
    ],
)
def test_options_that_do_not_fit(said: dict[str, Any], part: str) -> None:
    with pytest.raises(ValidationError) as wrong:
        CatalogueOptions.model_validate(said)
    assert part in str(wrong.value)


def test_files_of_another_host_get_no_credential(skills: Skills, tmp_path: Path) -> None:
    from directional_sync.testing.catalogue_server import CatalogueService

    skills.service.token = "canary-Zq81-never-shown"
    skills.project.environ["SKILLS_TOKEN"] = skills.service.token
    with CatalogueService(skills.service.folder) as other:
        host = other.url.removeprefix("http://").removesuffix("/catalog.json")

        def elsewhere(document: dict[str, Any]) -> dict[str, Any]:
            document["skills"][0]["files"][0]["url"] = f"http://{host}/alpha/SKILL.md"
            return document

        skills.service.edit = elsewhere
        skills.configure(token="SKILLS_TOKEN")
        text = told(skills.try_())
        assert "not among the `hosts`" in text and other.heard == [] and not skills.files()
        skills.configure(hosts=[host])
        skills.sync()
        assert [asked.path for asked in other.heard] == ["/alpha/SKILL.md"]
        assert "authorization" not in other.heard[0].headers
    assert f"{INTO}/alpha/SKILL.md" in skills.project.files()
