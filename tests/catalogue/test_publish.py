"""`dsync skills`: a folder of skills is checked, and its catalogue is one that is taken."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.catalogue.conftest import Dsync, Skills

from directional_sync.endpoints.catalogue.document import read


def test_a_folder_of_skills_keeps_the_rules(skills: Skills, dsync: Dsync) -> None:
    folder = skills.service.folder
    said = dsync("skills", str(folder))
    assert said.status == 0 and "3 skills, 0 with mistakes" in said.out
    skills.service.put("beta/SKILL.md", "---\nname: Beta\ndescription: x\nmodel: opus\n---\n")
    (folder / "empty").mkdir()
    (folder / ".hidden").mkdir()
    said = dsync("skills", str(folder), "-v")
    assert said.status == 1
    assert f"{folder}/beta/SKILL.md: line 2: `name` 'Beta'" in said.out
    assert f"{folder}/empty/SKILL.md: the folder has no SKILL.md" in said.out
    assert "unknown keys: model" in said.out and "4 skills, 2 with mistakes" in said.out
    found = json.loads(dsync("skills", str(folder), "--json").out)
    assert found["wrong"] == 2 and found["skills"][1]["mistakes"][0]["line"] == 2


def test_no_folder(skills: Skills, dsync: Dsync) -> None:
    said = dsync("skills", "nowhere")
    assert said.status == 1 and "E-SKILLS-FOLDER" in said.text


def test_the_document_is_a_catalogue(skills: Skills, dsync: Dsync) -> None:
    folder = skills.service.folder
    skills.service.put("gamma/scripts/x.sh", "#!/bin/sh\n", mode=0o755)
    skills.service.put("beta/SKILL.md", "---\nname: beta\ndescription: x\n---\n")
    first = dsync("skills", str(folder), "--document").out
    assert first == dsync("skills", str(folder), "--document").out
    listed = {skill.name: skill for skill in read(json.loads(first))}
    assert listed["alpha"].version == "1.0" and listed["beta"].version.startswith("0+")
    assert [file.path for file in listed["gamma"].files if file.executable] == ["scripts/x.sh"]
    skills.service.put("beta/more.md", "More.\n")
    again = {skill.name: skill for skill in read(json.loads(dsync("skills", str(folder), "--document").out))}
    assert again["beta"].version != listed["beta"].version


@pytest.mark.parametrize("kind", ["rules", "link", "name"])
def test_what_cannot_be_published(skills: Skills, dsync: Dsync, kind: str) -> None:
    folder: Path = skills.service.folder
    if kind == "rules":
        skills.service.put("beta/SKILL.md", "none\n")
    elif kind == "link":
        (folder / "beta" / "link.md").symlink_to("/etc/hostname")
    else:
        skills.service.put("beta/a\u202eb.md", "x\n")
    said = dsync("skills", str(folder), "--document")
    assert said.status == 1 and "E-SKILL" in said.text and not said.out
