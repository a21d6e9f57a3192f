"""What the service says has not changed is not sent again; and what is kept for that is nobody else's."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.rest.listed import TOKEN, Listed

from directional_sync.testing.service import Asked, LoopbackService, Told


class Tagging(LoopbackService):
    """Two pages, each with a tag of its content and of who asks."""

    pages = ('{"things": [{"id": "a", "secret": "s3cr3t-value"}], "next": "?at=1"}', '{"things": [{"id": 0.5e1}]}')
    control = ""

    def answer(self, asked: Asked) -> Told:
        body = self.pages[int(asked.query.get("at", 0))].encode()
        tag = f'"{hashlib.sha256(body + asked.headers.get("authorization", "").encode()).hexdigest()[:8]}"'
        headers = {"ETag": tag, "Content-Type": "application/json", "Cache-Control": self.control}
        if asked.headers.get("if-none-match") == tag:
            return Told(304, b"", headers)
        return Told(200, body, headers)


@pytest.fixture
def service() -> Iterator[Tagging]:
    with Tagging() as found:
        found.pages = (
            '{"things": [{"id": "a", "n": 0.10, "hidden": "s3cr3t-value"}], "next": "?at=1", "total": 2}',
            '{"things": [{"id": "b", "n": 12}], "next": null, "total": 2}',
        )
        yield found


@pytest.fixture
def listed(service: Tagging, tmp_path: Path) -> Listed:
    return Listed(service, tmp_path, {"drop": ["hidden"], "sort": ["n"]})


def statuses(service: Tagging) -> list[bool]:
    """Of each question whether it carried a tag; forgets them."""
    found = ["if-none-match" in asked.headers for asked in service.heard]
    service.forget()
    return found


def test_a_page_that_has_not_changed_is_not_sent_again(service: Tagging, listed: Listed) -> None:
    first = listed.files()
    assert statuses(service) == [False, False]
    assert listed.files() == first
    assert statuses(service) == [True, True]
    service.pages = (service.pages[0], service.pages[1].replace("12", "0.01"))
    assert list(listed.document()["things"]) == [{"id": "b", "n": 0.01}, {"id": "a", "n": 0.1}]


def test_what_is_dropped_is_not_kept_and_what_is_kept_is_for_the_owner(listed: Listed) -> None:
    listed.environment = {"THE_TOKEN": TOKEN}
    listed.files(token="THE_TOKEN")
    found = [path for path in listed.cache.rglob("*") if path.is_file()]
    assert len(found) == 2
    for path in found:
        assert path.stat().st_mode & 0o777 == 0o600
        assert b"s3cr3t-value" not in path.read_bytes() and TOKEN.encode() not in path.read_bytes()
        assert TOKEN not in path.name


def test_another_credential_recipe_or_query_asks_anew(service: Tagging, listed: Listed) -> None:
    listed.environment = {"THE_TOKEN": TOKEN, "OTHER": "another-one"}
    listed.files(token="THE_TOKEN")
    for changed in ({"token": "OTHER"}, {"drop": ["n"]}, {"query": {"q": 1}}):
        service.forget()
        listed.files(**changed)
        assert statuses(service)[0] is False, changed
    assert len(list((listed.cache / "answers").iterdir())) == 2  # what was not asked for any more is gone


@pytest.mark.parametrize("harm", ["cut", "changed", "open", "garbage", "empty"])
def test_what_is_not_as_it_was_written_is_not_there(service: Tagging, listed: Listed, harm: str) -> None:
    first = listed.files()
    for path in (listed.cache / "answers").iterdir():
        content = path.read_bytes()
        if harm == "open":
            path.chmod(0o644)
            continue
        harmed = {"cut": content[:-5], "changed": content.replace(b'"b"', b'"x"').replace(b'"a"', b'"x"'),
                  "garbage": b"\xff" * 100, "empty": b""}  # fmt: skip
        path.write_bytes(harmed[harm])
    service.forget()
    assert listed.files() == first
    assert statuses(service) == [False, False]


def test_where_the_service_forbids_it_nothing_is_kept(service: Tagging, listed: Listed) -> None:
    service.control = "private, no-store"
    listed.files()
    assert not (listed.cache / "answers").exists()


def test_a_folder_that_cannot_be_used_is_no_failure(service: Tagging, listed: Listed) -> None:
    (listed.cache / "answers").write_text("in the way")
    assert listed.files() == listed.files()


def test_a_second_reading_is_sent_in_full(service: Tagging, listed: Listed) -> None:
    listed.files()
    service.forget()
    listed.files(read_twice=True)
    assert statuses(service) == [True, True, False, False]
