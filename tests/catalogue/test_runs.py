"""Whole runs: what is downloaded, what is installed, what is held when one skill of several is not as promised."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.catalogue.conftest import INTO, Dsync, Skills
from tests.project import Project

from directional_sync.errors import Exit
from directional_sync.model.lifecycle import Outcome
from directional_sync.model.record import TargetRecord
from directional_sync.testing.service import Mishap

ALL = ["alpha/SKILL.md", "beta/SKILL.md", "gamma/SKILL.md", "gamma/references/more.md"]


def told(record: TargetRecord) -> str:
    failure = record.failure
    assert failure is not None
    words = [record.message, failure.code, failure.message, failure.hint, *failure.detail, *record.notes]
    return "\n".join(words)


def test_the_first_run_installs_every_skill_and_the_second_asks_for_the_document_alone(skills: Skills) -> None:
    record = skills.sync()
    assert sorted(skills.files()) == ALL
    assert sorted(skills.service.downloads()) == ALL
    assert [source.name for source in record.plan.sources] == ["alpha", "beta", "gamma"]  # type: ignore[union-attr]
    lock = json.loads(skills.project.git("show", "HEAD:sync.lock"))["targets"]["skills"]["sources"]
    assert [(one["name"], one["ref"], one["into"]) for one in lock] == [
        (name, "1.0", f"{INTO}/{name}") for name in ("alpha", "beta", "gamma")
    ]
    assert skills.project.clean()
    skills.rest()


def test_a_plan_and_the_run_after_it_download_once(skills: Skills) -> None:
    head = skills.project.head
    assert skills.try_(dry_run=True).outcome is Outcome.PLANNED
    assert skills.project.head == head and not skills.files()
    skills.sync()
    assert sorted(skills.service.downloads()) == ALL


def test_one_changed_file_is_one_download(skills: Skills) -> None:
    skills.sync()
    skills.service.put("gamma/references/more.md", "Even more.\n")
    skills.service.forget()
    skills.sync()
    assert skills.service.downloads() == ["gamma/references/more.md"]
    assert skills.files()["gamma/references/more.md"] == "Even more."
    skills.rest()


def test_a_fresh_clone_downloads_nothing_that_the_branch_holds(skills: Skills, tmp_path: Path) -> None:
    skills.sync()
    clone = Project(tmp_path / "clone", skills.project.environ)
    skills.project.git("clone", "-q", str(skills.project.root), str(clone.root))
    skills.service.put("gamma/references/more.md", "Even more.\n")
    skills.service.forget()
    assert clone.one().success
    assert skills.service.downloads() == ["gamma/references/more.md"]


def test_a_renamed_skill_downloads_only_what_is_new(skills: Skills) -> None:
    skills.configure(target={"policy": {"max_delete": "100%"}})
    skills.sync()
    (skills.service.folder / "gamma").rename(skills.service.folder / "delta")
    skills.service.skill("delta")
    skills.service.forget()
    skills.sync()
    assert skills.service.downloads() == ["delta/SKILL.md"]
    assert sorted(skills.files()) == ["alpha/SKILL.md", "beta/SKILL.md", "delta/SKILL.md", "delta/references/more.md"]


def test_a_removed_skill_is_removed(skills: Skills) -> None:
    skills.sync()
    shutil.rmtree(skills.service.folder / "alpha")
    skills.sync()
    assert sorted(skills.files()) == ALL[1:]
    skills.rest()


def test_f50_an_emptied_catalogue_removes_nothing(skills: Skills) -> None:
    skills.sync()
    skills.service.edit = lambda document: {**document, "skills": []}
    record = skills.try_()
    assert record.outcome is Outcome.REFUSED and "E-GUARD-EMPTIED" in told(record)
    assert sorted(skills.files()) == ALL


def test_a_catalogue_that_shrinks_too_much_is_refused(skills: Skills) -> None:
    skills.sync()
    skills.service.edit = lambda document: {**document, "skills": document["skills"][:1]}
    record = skills.try_()
    assert record.outcome is Outcome.REFUSED and "E-GUARD-DELETE" in told(record)
    assert sorted(skills.files()) == ALL


def test_one_wrong_checksum_of_three_holds_that_skill_alone(skills: Skills) -> None:
    skills.sync()
    for name in ("alpha", "beta"):
        skills.service.skill(name, version="2.0")
    right = (skills.service.folder / "beta" / "SKILL.md").read_bytes()
    skills.service.deliver["beta/SKILL.md"] = b"x" * len(right)
    record = skills.try_()
    assert record.exit is Exit.FAILED
    text = told(record)
    assert "E-CATALOGUE-CHECKSUM" in text and "beta" in text and "expected" in text and "SKILL.md has sha256" in text
    files = skills.files()
    assert "2.0" in files["alpha/SKILL.md"] and "1.0" in files["beta/SKILL.md"]
    skills.service.deliver.clear()
    skills.sync()
    assert "2.0" in skills.files()["beta/SKILL.md"]
    skills.rest()


def test_nothing_of_a_new_skill_comes_when_one_of_its_files_is_wrong(skills: Skills) -> None:
    skills.service.deliver["gamma/references/more.md"] = b"short"
    record = skills.try_()
    assert "more.md has 5 bytes, 15 expected" in told(record)
    assert sorted(skills.files()) == ALL[:2]


def test_more_than_was_promised_is_not_read(skills: Skills) -> None:
    skills.service.deliver["alpha/SKILL.md"] = b"x" * 1_000_000
    record = skills.try_()
    assert "E-SERVICE-TOO-LARGE" in told(record)
    assert not (skills.files().keys() & {"alpha/SKILL.md"})


@pytest.mark.parametrize(
    ("mishap", "code"),
    [
        (Mishap(html=True), "E-SERVICE-NOT-JSON"),  # F49
        (Mishap(cut_after=40), "E-SERVICE-CUT"),  # F47
        (Mishap(cut_after=40, no_length=True), "E-SERVICE-NOT-JSON"),  # F48
        (Mishap(cut_after=0, no_length=True), "E-SERVICE-NOT-JSON"),
        (Mishap(status=500), "E-SERVICE-DOWN"),
        (Mishap(status=404), "E-SERVICE-GONE"),
        (Mishap(drop_before=True), "E-SERVICE-UNREACHABLE"),  # F45
        (Mishap(body=b'{"format": 1, "skills": [], "skills": []}'), "E-SERVICE-NOT-JSON"),  # T28
        (Mishap(body=b'{"format": 2, "skills": []}'), "E-CATALOGUE-FORMAT"),
        (Mishap(body=b'{"format": 1, "skills": null}'), "E-CATALOGUE"),  # F56
        (Mishap(body=b"[" * 3000), "E-SERVICE-NOT-JSON"),
        (Mishap(body=b"1" * 9_000_000), "E-SERVICE-TOO-LARGE"),
    ],
)
def test_a_document_that_is_none_changes_nothing(skills: Skills, mishap: Mishap, code: str) -> None:
    skills.sync()
    skills.service.misbehave(mishap)
    head = skills.project.head
    record = skills.try_()
    assert record.exit is Exit.FAILED and code in told(record)
    assert record.failure is not None and record.failure.kept and record.failure.hint
    assert skills.project.head == head and sorted(skills.files()) == ALL


def test_f54_a_credential_that_is_refused_in_the_middle_takes_nothing(skills: Skills) -> None:
    skills.service.misbehave(Mishap(status=401, when=lambda asked: asked.path.startswith("/beta")))
    head = skills.project.head
    record = skills.try_()
    assert record.exit is Exit.CREDENTIAL and "E-SERVICE-AUTH" in told(record)
    assert skills.project.head == head and not skills.files()


def test_a_file_that_is_gone_or_cut_holds_its_skill(skills: Skills) -> None:
    skills.service.misbehave(Mishap(status=404, when=lambda asked: asked.path.startswith("/beta")))
    skills.service.misbehave(Mishap(cut_after=3, when=lambda asked: asked.path.startswith("/alpha")))
    record = skills.try_()
    assert "E-SERVICE-GONE" in told(record) and "E-SERVICE-CUT" in told(record)
    assert sorted(skills.files()) == ALL[2:]


def test_offline_is_told_and_changes_nothing(skills: Skills) -> None:
    skills.sync()
    skills.service.close()
    record = skills.try_()
    assert record.exit is Exit.FAILED and "E-SERVICE-UNREACHABLE" in told(record)
    assert sorted(skills.files()) == ALL


def test_a_skill_that_breaks_the_rules_is_held_with_its_lines(skills: Skills) -> None:
    skills.sync()
    skills.service.put("beta/SKILL.md", "---\nname: Beta\ndescription: ''\n---\n")
    skills.service.skill("alpha", version="2.0")
    record = skills.try_()
    text = told(record)
    assert "E-SKILL" in text and "line 2" in text and "line 3" in text and "Beta" in text
    assert "1.0" in skills.files()["beta/SKILL.md"] and "2.0" in skills.files()["alpha/SKILL.md"]


def test_keys_that_the_rules_do_not_know_are_pointed_out(skills: Skills) -> None:
    skills.service.skill("alpha", model="opus")
    record = skills.sync()
    assert any("`model`" in note for note in record.notes)


def test_only_what_the_file_names(skills: Skills) -> None:
    skills.configure(names=["*a*"], exclude=["b*"])
    skills.sync()
    assert sorted({path.split("/")[0] for path in skills.files()}) == ["alpha", "gamma"]


def test_a_skill_named_in_full_that_is_gone_stays(skills: Skills) -> None:
    skills.configure(names=["alpha", "beta"])
    skills.sync()
    shutil.rmtree(skills.service.folder / "alpha")
    record = skills.try_()
    assert "E-CATALOGUE-SKILL" in told(record)
    assert sorted(skills.files()) == ALL[:2]


def test_what_the_file_no_longer_names_stays_until_it_is_pruned(skills: Skills, dsync: Dsync) -> None:
    skills.sync()
    skills.configure(names=["beta", "gamma"])
    record = skills.sync()
    assert record.plan is not None and record.plan.orphans == ("alpha",)
    assert sorted(skills.files()) == ALL
    skills.service.forget()
    said = dsync("prune")
    assert said.status == 0 and skills.service.heard == []
    assert sorted(skills.files()) == ALL[1:]
    skills.rest()


def test_a_pinned_version(skills: Skills) -> None:
    skills.configure(versions={"alpha": "1.0"})
    skills.sync()
    skills.service.skill("alpha", version="1.1")
    record = skills.try_()
    assert "E-CATALOGUE-VERSION" in told(record) and "1.1" in told(record)
    skills.service.skill("alpha", version="1.0", text="Other under the same version.")
    assert "under the same version" in told(skills.try_())
    assert "Do it well." in skills.files()["alpha/SKILL.md"]
    skills.configure(versions={"alpha": "2.0"})
    skills.service.skill("alpha", version="2.0")
    skills.sync()


def test_other_content_under_the_same_version_is_pointed_out(skills: Skills) -> None:
    skills.sync()
    skills.service.skill("alpha", text="Other.")
    assert any("same version 1.0" in note for note in skills.sync().notes)


def test_a_skill_that_is_too_large(skills: Skills) -> None:
    skills.configure(max_size=200)
    skills.service.put("gamma/assets/big.txt", "x" * 300)
    record = skills.try_()
    assert "E-CATALOGUE-SIZE" in told(record)
    assert "gamma/assets/big.txt" not in skills.service.downloads()
    assert sorted(skills.files()) == ALL[:2]


def test_the_credential_goes_to_the_catalogue_and_nowhere_else(skills: Skills) -> None:
    skills.service.token = "canary-Zq81-never-shown"
    skills.configure(token="SKILLS_TOKEN")
    record = skills.try_()
    assert record.exit is Exit.CREDENTIAL and "SKILLS_TOKEN" in told(record)
    skills.project.environ["SKILLS_TOKEN"] = skills.service.token
    skills.sync()
    lock = skills.project.git("show", "HEAD:sync.lock")
    assert skills.service.token not in lock + repr(skills.project.events)


def test_a_token_with_a_line_break_is_no_fault_of_the_program(skills: Skills) -> None:
    skills.configure(token="SKILLS_TOKEN")
    skills.project.environ["SKILLS_TOKEN"] = "canary\r\nX-Other: 1"
    record = skills.try_()
    assert record.exit is Exit.CREDENTIAL and "canary" not in told(record)


def test_locked_takes_what_the_lock_says_without_asking(skills: Skills) -> None:
    skills.sync()
    skills.service.skill("alpha", version="2.0")
    skills.service.forget()
    assert skills.sync(locked=True).outcome is Outcome.IN_SYNC
    assert skills.service.heard == []
    assert "1.0" in skills.files()["alpha/SKILL.md"]


def test_another_place_moves_the_skills(skills: Skills) -> None:
    skills.sync()
    skills.configure(into=f"{INTO}/all", target={"policy": {"max_delete": "100%"}})
    skills.service.forget()
    skills.sync()
    assert skills.service.downloads() == []
    assert sorted(skills.files()) == [f"all/{path}" for path in ALL]


def test_a_skill_that_fails_while_it_moves_stays_where_it_was(skills: Skills) -> None:
    skills.sync()
    skills.configure(into=f"{INTO}/all", target={"policy": {"max_delete": "100%"}})
    skills.service.skill("alpha", version="2.0")
    skills.service.deliver["alpha/SKILL.md"] = b"other"
    skills.try_()
    assert "alpha/SKILL.md" in skills.files() and "all/beta/SKILL.md" in skills.files()


def test_what_was_edited_here_stays(skills: Skills) -> None:
    skills.sync()
    skills.project.write(f"{INTO}/alpha/SKILL.md", "mine\n")
    skills.project.commit()
    record = skills.sync()
    assert skills.files()["alpha/SKILL.md"] == "mine"
    assert record.plan is not None and [str(item.why) for item in record.plan.held] == ["edited"]


def test_names_that_need_quoting_in_a_url(skills: Skills) -> None:
    odd = ["gamma/a b.md", "gamma/100%.md", "gamma/a?b#c.md", "gamma/é.md", "gamma/a:b.md"]
    for path in odd:
        skills.service.put(path, f"{path}\n")
    skills.sync()
    assert sorted(skills.files()) == sorted([*ALL, *odd])
    skills.rest()


def test_f46_a_catalogue_that_says_nothing_ends_with_the_targets_time(skills: Skills) -> None:
    skills.configure(target={"timeout": "1s"})
    skills.service.misbehave(Mishap(hang_s=60))
    record = skills.try_()
    assert record.exit is Exit.FAILED and "E-SERVICE-TIMEOUT" in told(record)


def test_f46_so_does_one_that_drips(skills: Skills) -> None:
    skills.configure(target={"timeout": "1s"})
    skills.service.misbehave(Mishap(drip_s=0.2, when=lambda asked: asked.path.startswith("/beta")))
    record = skills.try_()
    assert record.exit is Exit.FAILED and "E-SERVICE-TIMEOUT" in told(record)
    assert "beta/SKILL.md" not in skills.files()


def test_stopped_in_the_middle_nothing_is_changed(skills: Skills) -> None:
    skills.service.misbehave(Mishap(hang_s=60, when=lambda asked: asked.path.startswith("/beta")))
    head = skills.project.head
    record = skills.try_(stop=lambda: "beta/SKILL.md" in skills.service.downloads())
    assert record.outcome is Outcome.CANCELLED
    assert skills.project.head == head and not skills.files()


def test_what_the_cache_holds_is_not_believed(skills: Skills) -> None:
    skills.try_(dry_run=True)
    cached = list(skills.project.root.glob(".git/directional-sync/cache/endpoints/skills/content/*"))
    assert len(cached) == len(ALL)
    for path in cached:
        path.write_bytes(b"x" * path.stat().st_size)
    skills.service.forget()
    skills.sync()
    assert sorted(skills.service.downloads()) == ALL and "Do it well." in skills.files()["alpha/SKILL.md"]


def test_the_cache_keeps_nothing_that_is_installed(skills: Skills) -> None:
    skills.sync()
    skills.rest()
    assert not list(skills.project.root.glob(".git/directional-sync/cache/endpoints/skills/content/*"))


def test_equal_files_are_downloaded_once(skills: Skills) -> None:
    for name in ("alpha", "beta"):
        skills.service.put(f"{name}/LICENSE", "The same for all.\n")
    skills.sync()
    assert sum(path.endswith("LICENSE") for path in skills.service.downloads()) == 1
    assert skills.files()["beta/LICENSE"] == "The same for all."


def test_hostile_documents_change_nothing(skills: Skills) -> None:
    skills.sync()
    head = skills.project.head
    for path, code in (("../../x", "E-NAME-DOTS"), (".git/config", "E-NAME-GIT"), ("/etc/x", "E-NAME-ABSOLUTE")):

        def hostile(document: dict[str, Any], path: str = path) -> dict[str, Any]:
            document["skills"][0]["files"][0] |= {"path": path}
            document["skills"][0]["files"].append(document["skills"][1]["files"][0])
            return document

        skills.service.edit = hostile
        record = skills.try_()
        assert record.failure is not None and record.failure.code == code
        assert "$.skills[0].files[0].path" in told(record)
    assert skills.project.head == head and skills.project.clean()
