"""Which repositories: names in the file, a list in a file or at a URL, and exceptions for single ones."""

from __future__ import annotations

import json

import pytest
from tests.vendoring.api import Api
from tests.vendoring.conftest import FILES
from tests.vendoring.vendored import Dsync, Vendored, told

from directional_sync.model.lifecycle import Outcome


def orgs(*names: str) -> list[dict[str, object]]:
    """As GitHub lists an organisation's repositories."""
    return [{"name": name, "full_name": f"OCA/{name}", "private": False, "archived": False} for name in names]


class Listed:
    """A list of repositories, wherever it is kept."""

    def __init__(self, small: Vendored, api: Api | None, place: str) -> None:
        self.small, self.api, self.place = small, api, place
        small.add("dms", FILES)

    def say(self, *names: str) -> None:
        if self.api is not None:
            self.api.answers["/orgs/OCA/repos"] = orgs(*names)
            return
        text = "\n".join(names) if self.place.endswith(".txt") else json.dumps(names)
        self.small.project.write(self.place, f"{text}\n")
        self.small.project.commit("List")

    def vendored(self) -> set[str]:
        return {name for name in self.small.upstreams if self.small.files(name)}


@pytest.fixture(params=["repos.txt", "lists/repos.json", "url"])
def listed(request: pytest.FixtureRequest, small: Vendored, api: Api) -> Listed:
    """Synced with `crm` and `web`; `dms` is there too."""
    url = request.param == "url"
    listed = Listed(small, api if url else None, request.param)
    listed.say("crm", "web")
    small.configure(names=[], names_from=api.url("/orgs/OCA/repos") if url else request.param)
    small.sync()
    assert listed.vendored() == {"crm", "web"}
    return listed


def test_a_list_that_grows_brings_the_new_one(listed: Listed) -> None:
    listed.say("web", "dms", "crm")
    listed.small.sync()
    assert listed.vendored() == {"crm", "web", "dms"}
    listed.small.rest()


def test_P38_a_list_that_shrinks_deletes_nothing(listed: Listed, dsync: Dsync) -> None:
    small = listed.small
    listed.say("crm")
    before = small.files("web")
    small.first.commit({"README.md": b"newer\n"})
    record = small.sync()
    assert record.plan is not None and record.plan.orphans == ("web",)
    assert small.files("web") == before and small.files("crm")["README.md"] == "newer"
    assert "web" in small.lock()
    said = dsync("status")
    assert "no longer in the file: web" in said.text and "dsync prune oca" in said.text
    listed.say("crm", "web")
    small.upstreams["web"].commit({"README.md": b"back\n"})
    small.sync()
    assert small.files("web")["README.md"] == "back", "back in the list"


BROKEN = [
    b"",
    b"<html>Down for maintenance</html>",
    b'[{"name": "crm"}, {"na',
    b'{"message": "API rate limit exceeded"}',
]


@pytest.mark.parametrize("answer", BROKEN)
def test_a_list_at_a_url_that_is_none_changes_nothing(small: Vendored, api: Api, answer: bytes) -> None:
    listed = Listed(small, api, "url")
    listed.say("crm", "web")
    small.configure(names=[], names_from=api.url("/orgs/OCA/repos"))
    small.sync()
    small.first.commit({"README.md": b"newer\n"})
    api.answers["/orgs/OCA/repos"] = answer
    before = (small.project.head, small.stamps())
    record = small.try_()
    assert record.outcome is Outcome.FAILED and "E-NAMES-" in told(record), told(record)
    assert (small.project.head, small.stamps()) == before


def test_a_list_that_is_not_committed_is_not_read(small: Vendored) -> None:
    small.configure(names=[], names_from="repos.txt")
    small.project.write("repos.txt", "crm\n")
    record = small.try_()
    assert record.failure is not None and record.failure.code == "E-NAMES-MISSING"
    assert "git add repos.txt" in record.failure.hint
    small.project.commit("List")
    small.sync()
    assert set(small.lock()) == {"crm"}


def test_a_name_of_the_list_cannot_lead_elsewhere(small: Vendored) -> None:
    small.configure(names=[], names_from="repos.txt")
    for name in ("../web", "--upload-pack=x", "a/../../b", ".git"):
        small.project.write("repos.txt", f"crm\n{name}\n")
        small.project.commit("List")
        record = small.try_()
        assert record.failure is not None and record.failure.code == "E-NAMES-FORMAT", told(record)
    assert not (small.project.root / "vendor").exists()


def test_exceptions_hold_for_one_name_and_the_rest_for_the_others(small: Vendored) -> None:
    web, crm = small.upstreams["web"], small.upstreams["crm"]
    fix = web.commit({"README.md": b"fixed\n"}, branch="18.0-fix", onto="18.0")
    small.configure(
        exclude=["NAME"],
        repositories={"web": {"ref": "18.0-fix", "subdir": "sale_a", "exclude": [], "into": "vendor/other/web"}},
    )
    small.sync()
    lock = small.lock()
    assert (lock["web"]["commit"], lock["web"]["asked"], lock["web"]["into"]) == (fix, "18.0-fix", "vendor/other/web")
    assert (lock["crm"]["commit"], lock["crm"]["asked"], lock["crm"]["into"]) == (crm.head(), "18.0", "vendor/crm")
    assert set(small.files("other/web")) == {"__init__.py", "run.sh"}
    assert set(small.files("crm")) == set(FILES)
    small.rest()


def test_an_exception_with_another_url_takes_another_repository(small: Vendored, dsync: Dsync) -> None:
    small.sync()
    fork = small.add("fork", {**FILES, "README.md": b"our fork\n"})
    small.configure(names=["crm", "web"], repositories={"web": {"url": small.server.url("fork")}})
    assert "config changed: web" in dsync("status").text
    record = small.sync()
    assert small.files("web")["README.md"] == "our fork" and small.lock()["web"]["commit"] == fork.head()
    assert "REWRITE" not in told(record), "another repository is no rewritten history"
    small.rest()


def test_a_range_for_one_and_a_branch_for_the_rest(small: Vendored) -> None:
    web = small.upstreams["web"]
    web.tag("v1.2.0")
    web.commit({"README.md": b"unreleased\n"})
    small.configure(repositories={"web": {"version": "1"}})
    small.sync()
    assert small.lock()["web"]["ref"] == "refs/tags/v1.2.0" and small.lock()["crm"]["kind"] == "branch"
    assert small.files("web")["README.md"] == "# Modules"
