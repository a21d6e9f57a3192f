"""Links of the far side that are taken as what they lead to (B69: the policy `materialise`)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pydantic import ValidationError
from tests.files.conftest import without_the_detector
from tests.twoway.conftest import Two, configure, two

from directional_sync.endpoints.files import leading
from directional_sync.endpoints.files.options import FilesOptions, SshFilesOptions
from directional_sync.errors import Exit
from directional_sync.model.lifecycle import Outcome

__all__ = ["two", "without_the_detector"]


@pytest.fixture
def shown(two: Two) -> Two:
    """Both sides have agreed on some files, and links are shown as what they lead to."""
    configure(two.project, two.far, "policy: {max_delete: 100%}", remote="symlinks: materialise")
    two.agree({"a": "1", "d/b": "2", "d/e/c": "3"})
    return two


def link(two: Two, **links: str) -> None:
    for name, target in links.items():
        (two.far / name).symlink_to(target)


@pytest.mark.parametrize(
    ("links", "seen"),
    [
        ({"l": "a"}, {"l": "1"}),
        ({"l": "d/b"}, {"l": "2"}),
        ({"l": "./d/../a"}, {"l": "1"}),
        ({"l": "k", "k": "a"}, {"l": "1", "k": "1"}),
        ({"l": "d"}, {"l/b": "2", "l/e/c": "3"}),
        ({"l": "k/e", "k": "d"}, {"l/c": "3", "k/b": "2", "k/e/c": "3"}),
        ({"l": "k/b", "k": "d/"}, {"l": "2", "k/b": "2", "k/e/c": "3"}),
    ],
)
def test_a_link_becomes_what_it_leads_to(shown: Two, links: dict[str, str], seen: dict[str, str]) -> None:
    link(shown, **links)
    record = shown.run()
    assert record.outcome is Outcome.SYNCED, record.failure
    assert shown.here == {"a": "1", "d/b": "2", "d/e/c": "3", **seen}
    assert not any((shown.project.root / "data" / path).is_symlink() for path in seen)
    assert all((shown.far / name).is_symlink() for name in links)
    shown.settled()


def test_what_it_leads_to_changes_and_goes(shown: Two) -> None:
    link(shown, l="a", m="d")
    assert shown.run().success
    shown.b({"a": "new", "d/b": None})
    assert shown.run().success
    assert shown.here == {"a": "new", "l": "new", "d/e/c": "3", "m/e/c": "3"}
    (shown.far / "l").unlink()
    link(shown, l="d/e/c")
    (shown.far / "m").unlink()
    assert shown.run().success
    assert shown.here == {"a": "new", "l": "3", "d/e/c": "3"}
    shown.settled()


@pytest.mark.parametrize(
    ("links", "named", "why"),
    [
        ({"l": "/etc/passwd"}, "l", leading.OUT),
        ({"l": "../secret"}, "l", leading.OUT),
        ({"l": "d/../../secret"}, "l", leading.OUT),
        ({"l": "k/../../secret", "k": "d/e"}, "l", leading.NOTHING),  # two up from where k leads is still inside
        ({"l": "nowhere"}, "l", leading.NOTHING),
        ({"l": "a/b"}, "l", leading.NOTHING),
        ({"l": "l"}, "l", leading.CIRCLE),
        ({"l": "k", "k": "l"}, "k", leading.CIRCLE),
        ({"l": "."}, "l", leading.CIRCLE),
        ({"d/e/l": ".."}, "d/e/l", leading.CIRCLE),
        ({"d/e/l": "../../f", "f/back": "../d"}, "d/e/l/back", leading.CIRCLE),
        ({"l": ".git/config"}, "l", "never synced"),
        ({"l": "r"}, "l", "repository of its own"),
        ({"l": "pipe"}, "l", "a pipe"),
    ],
)
def test_a_link_that_leads_astray_is_named_and_the_rest_goes_on(
    shown: Two, links: dict[str, str], named: str, why: str
) -> None:
    (shown.far.parent / "secret").write_text("secret")
    (shown.far / "f").mkdir()
    (shown.far / "r/.git").mkdir(parents=True)
    os.mkfifo(shown.far / "pipe")
    configure(
        shown.project, shown.far, "policy: {max_delete: 100%}", remote='symlinks: materialise, exclude: ["r/**", pipe]'
    )
    link(shown, **links)
    shown.b({"a": "2"})
    record = shown.run()
    assert record.exit is Exit.FAILED and record.failure is not None and record.plan is not None
    held = {held.key: held.detail for held in record.plan.held}
    assert f"E-FILES-LINK: {named} is" in held[f"data/{named}"] and why in held[f"data/{named}"], held
    assert shown.here["a"] == "2" and "secret" not in shown.here.values()
    assert named not in shown.here


def test_a_link_that_is_broken_for_a_while_deletes_nothing(shown: Two) -> None:
    link(shown, l="a")
    assert shown.run().success
    (shown.far / "a").rename(shown.far.parent / "away")
    configure(shown.project, shown.far, "policy: {max_delete: 100%}", remote="symlinks: materialise, exclude: [a]")
    assert not shown.run().success
    assert shown.here["l"] == "1"


@pytest.mark.parametrize(("path", "content"), [("l", "mine"), ("l", None), ("m/b", "mine"), ("m/new", "mine")])
def test_nothing_is_written_through_a_link_and_a_plan_says_so(shown: Two, path: str, content: str | None) -> None:
    link(shown, l="a", m="d")
    assert shown.run().success
    before = shown.there
    shown.a({path: content, "d/e/c": "4"})
    [planned] = shown.project.plan().records
    assert planned.plan is not None and [item.key for item in planned.plan.foreseen] == [f"data/{path}"]
    record = shown.run()
    assert record.exit is Exit.REFUSED and "link" in record.message
    assert shown.there == {**before, "d/e/c": "4", **({"m/e/c": "4"} if "m/e/c" in before else {})}
    assert (shown.far / "l").readlink() == Path("a") and (shown.far / "m").readlink() == Path("d")


def test_links_of_the_repository_are_left_alone(shown: Two) -> None:
    (shown.project.root / "data/k").symlink_to("a")
    shown.project.commit()
    assert shown.run().success
    assert "k" not in shown.there and (shown.project.root / "data/k").is_symlink()
    shown.settled()


def test_links_that_multiply_each_other_end_somewhere(shown: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leading, "_FILES_MAX", 50)
    for number in range(8):
        (shown.far / f"f{number}").mkdir()
        (shown.far / f"f{number}/x").symlink_to(f"../f{number + 1}" if number < 7 else "../a")
        (shown.far / f"f{number}/y").symlink_to(f"../f{number + 1}" if number < 7 else "../a")
    record = shown.run()
    assert record.failure is not None and record.failure.code == "E-FILES-LINK"
    assert "more than 50 files" in record.message and list(shown.here) == ["a", "d/b", "d/e/c"]


def test_only_folders_on_this_machine_are_followed() -> None:
    for make in (
        lambda: FilesOptions(url="s3://bucket", symlinks="materialise"),
        lambda: SshFilesOptions(host="h", path="/srv/x", symlinks="materialise"),
    ):
        with pytest.raises(ValidationError, match="folders on this machine"):
            make()
