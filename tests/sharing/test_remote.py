"""The way to the remote: by HTTP with a token, cut off, shallow, whatever the user configured (F64, F77, F80)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from tests.project import Project
from tests.sharing.conftest import Fleet
from tests.sharing.test_delivery import Race, delivered, race

from directional_sync.errors import Exit
from directional_sync.git import outward
from directional_sync.system.process import Finished
from directional_sync.testing.faults import Fault
from directional_sync.testing.git_server import GitServer

__all__ = ["race"]
TOKEN = "t0ken-of-the-bot"
LOGIN = Fault(user_password=f"x-access-token:{TOKEN}")


@pytest.fixture
def server(fleet: Fleet) -> Iterator[GitServer]:
    fleet.found("deliver: {attempts: 3}\n" + fleet.sources("a", "b"))
    fleet.git("config", "http.receivepack", "true")
    with GitServer(fleet.folder) as found:
        yield found


def over_http(fleet: Fleet, server: GitServer, name: str = "one") -> Project:
    clone = fleet.clone(name)
    clone.git("remote", "set-url", "origin", server.url("shared"))
    return clone


def in_actions(project: Project, server: GitServer, token: str = TOKEN) -> None:
    project.environ |= {"GITHUB_ACTIONS": "true", "GITHUB_TOKEN": token}
    project.environ["GITHUB_SERVER_URL"] = f"http://127.0.0.1:{server.port}"


def test_the_token_of_ci_opens_its_own_host(fleet: Fleet, server: GitServer) -> None:
    one = over_http(fleet, server)
    in_actions(one, server)
    server.fault("shared", LOGIN)
    assert delivered(one.run()).pushed == 2
    assert TOKEN not in "".join(path.read_text("utf-8", "replace") for path in one.root.rglob("*") if path.is_file())


def test_the_token_of_ci_goes_to_no_other_host(fleet: Fleet, server: GitServer) -> None:
    one = over_http(fleet, server)
    in_actions(one, server)
    one.environ["GITHUB_SERVER_URL"] = "https://github.com"
    server.fault("shared", LOGIN)
    with pytest.raises(Exception, match="E-DELIVER-AUTH"):
        one.run()


@pytest.mark.parametrize("deliver", ["{}", "{token: BOT}"])
def test_u04_a_token_that_is_refused_keeps_the_commit_here(fleet: Fleet, server: GitServer, deliver: str) -> None:
    one = over_http(fleet, server)
    in_actions(one, server, "expired")
    if deliver != "{}":
        one.environ["BOT"] = "expired"
        text = (one.root / "sync.yaml").read_text().replace("{attempts: 3}", deliver)
        (one.root / "sync.yaml").write_text(text)
        one.commit("Name the token")
    one.run(deliver=False)
    head = one.head
    server.fault("shared", LOGIN)
    with pytest.raises(Exception, match="accepted no credential") as found:
        one.run()
    assert getattr(found.value, "exit", None) is Exit.CREDENTIAL
    assert one.head == head
    assert "expired" not in str(found.value)


def test_f57_a_push_whose_answer_is_lost_is_not_made_twice(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    fleet.found("deliver: {}\n" + fleet.sources("a"))
    one = fleet.clone("one")
    real = outward.Outward.push

    def lost(self: outward.Outward, wanted: Sequence[outward.Wanted]) -> outward.Pushed:
        assert real(self, wanted).taken
        monkeypatch.setattr(outward.Outward, "push", real)
        return outward.Pushed((), Finished(128, b"", b"fatal: the remote end hung up unexpectedly\n", 0.0))

    monkeypatch.setattr(outward.Outward, "push", lost)
    summary = one.run()
    assert delivered(summary).commit == one.head == fleet.refs()["refs/heads/main"]
    assert fleet.git("rev-list", "--count", "main") == "2"
    assert str(summary.records[0].outcome) == "synced", "nothing had to be made again"
    assert delivered(one.run()).attempts == 0


@pytest.mark.parametrize("cut_after", range(0, 2600, 200))
def test_f64_a_connection_that_is_cut_anywhere_leaves_both_sides_whole(
    fleet: Fleet, server: GitServer, cut_after: int
) -> None:
    one = over_http(fleet, server)
    delivered(fleet.clone("two").run("b"))
    server.fault("shared", Fault(cut_after=cut_after))
    try:
        one.run("a")
    except Exception as error:
        assert getattr(error, "code", "").startswith("E-DELIVER")
    server.clear()
    assert one.fsck() == "" and one.clean()
    delivered(one.run("a"))
    assert fleet.git("fsck", "--strict", "--no-dangling") == ""
    assert fleet.git("log", "--format=%(trailers:key=Sync-Target,valueonly)", "main").split() == ["a", "b"]


def test_f80_a_shallow_clone_is_deepened_once_where_it_must(fleet: Fleet, race: Race) -> None:
    first = fleet.found("deliver: {}\n" + fleet.sources("a", "b"))
    for number in range(5):
        first.write("work.txt", f"{number}\n")
        first.commit()
    first.git("push", "-q", "origin", "main")
    shallow = Project(fleet.folder / "shallow")
    first.git("clone", "-q", "--depth=1", f"file://{fleet.bare}", str(shallow.root))
    two = fleet.clone("two")

    def rival() -> None:
        two.run("b")

    race(shallow, rival)
    assert delivered(shallow.run("a")).attempts == 2
    assert fleet.git("log", "--format=%(trailers:key=Sync-Target,valueonly)", "main").split() == ["a", "b"]


HOSTILE = """
[push]
    default = matching
    followTags = true
    gpgSign = if-asked
[fetch]
    prune = true
    recurseSubmodules = true
[pull]
    rebase = true
[commit]
    gpgSign = true
[core]
    hooksPath = {hooks}
    autocrlf = input
[remote "origin"]
    prune = true
    tagOpt = --tags
[transfer]
    fsckObjects = true
[receive]
    denyNonFastForwards = true
[color]
    ui = always
[advice]
    pushUpdateRejected = false
[log]
    showSignature = true
[diff]
    noprefix = true
    renames = copies
"""


def test_f77_what_the_user_has_configured_changes_nothing(fleet: Fleet, race: Race) -> None:
    fleet.found("deliver: {}\n" + fleet.sources("a", "b"))
    one, two = fleet.clone("one"), fleet.clone("two")
    hooks = fleet.folder / "hooks"
    hooks.mkdir()
    (hooks / "pre-push").write_text("#!/bin/sh\nexit 1\n")
    (hooks / "pre-push").chmod(0o755)
    (Path(one.environ["HOME"]) / ".gitconfig").write_text(HOSTILE.format(hooks=hooks))
    one.git("tag", "private")
    race(one, lambda: two.run("b"))
    assert delivered(one.run("a")).attempts == 2
    assert not any(ref.startswith("refs/tags/") for ref in fleet.refs())
