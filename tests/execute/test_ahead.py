"""Targets are looked at ahead of their turn, and everything comes out as if they had not been."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml
from tests.project import Project, make_project

from directional_sync import plugins
from directional_sync.app import open_workspace
from directional_sync.model.lifecycle import EventType, Outcome
from directional_sync.run import glance
from directional_sync.run.glance import renewed
from directional_sync.testing.git_server import GitServer
from directional_sync.testing.service import Asked, LoopbackService, Told
from directional_sync.testing.upstreams import BRANCH, build

PATIENCE_S = 20.0
"""How long a service waits for somebody to ask another one, before it answers that nobody did."""


@pytest.fixture(autouse=True)
def no_detector(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library for secrets takes seconds to start, and is not what these tests are about."""
    monkeypatch.setattr("directional_sync.gates.secrets.installed", lambda: False)


class Shop(LoopbackService):
    """Delivers a list, and can wait until another one is asked."""

    def __init__(self, items: list[Any]) -> None:
        super().__init__()
        self.items = items
        self.asked = threading.Event()
        self.waits_for: threading.Event | None = None

    def answer(self, asked: Asked) -> Told:
        self.asked.set()
        if self.waits_for is not None and not self.waits_for.wait(PATIENCE_S):
            return Told.json({"message": "nobody asked the other one"}, 500)
        return Told.json(self.items)

    @property
    def other_name(self) -> str:
        """The same place under another host name."""
        return self.url.replace("127.0.0.1", "localhost")


@pytest.fixture
def shops() -> Iterator[list[Shop]]:
    with ExitStack() as stack:
        yield [stack.enter_context(Shop([{"id": f"{name}-{n}"} for n in range(3)])) for name in "abc"]


def flow(url: str, name: str, **more: Any) -> dict[str, Any]:
    remote = {"type": "rest", "url": f"{url}/list", "into": f"{name}/list.json"}
    return {"direction": "pull", "remote": remote, "outputs": [f"{name}/**"], "retries": 0, **more}


def configure(project: Project, targets: dict[str, Any], **top: Any) -> None:
    project.configure(yaml.safe_dump({**top, "targets": targets}, sort_keys=False))


def subjects(project: Project) -> list[str]:
    return project.git("log", "--format=%s", "--reverse").splitlines()[1:]


def test_two_hosts_are_looked_at_at_the_same_time_and_committed_in_order(project: Project, shops: list[Shop]) -> None:
    first, second, _ = shops
    first.waits_for = second.asked  # a run that asks one after the other never gets an answer here
    configure(project, {"first": flow(first.url, "first"), "second": flow(second.other_name, "second")})
    summary = project.run()
    assert [(record.target, record.outcome) for record in summary.records] == [
        ("first", Outcome.SYNCED),
        ("second", Outcome.SYNCED),
    ]
    assert [subject.split(":")[0] for subject in subjects(project)] == ["Sync first", "Sync second"]
    assert len(first.heard) == len(second.heard) == 1
    assert project.clean() and project.run().exit() == 0


def test_one_host_is_not_asked_twice_at_a_time(project: Project, shops: list[Shop]) -> None:
    first, second, _ = shops
    first.waits_for = second.asked
    targets = {"first": flow(first.url, "first"), "second": flow(second.url, "second")}
    configure(project, targets, concurrency={"per_host": 2})
    assert project.run().exit() == 0
    for shop in shops:
        shop.asked.clear()
    first.waits_for, second.waits_for = None, first.asked
    configure(project, targets)  # by default, one at a time
    assert project.run().exit() == 0


def test_with_one_at_a_time_nothing_is_looked_at_early(project: Project, shops: list[Shop]) -> None:
    first, second, _ = shops
    configure(
        project,
        {"first": flow(first.url, "first"), "second": flow(second.other_name, "second")},
        concurrency={"targets": 1},
    )
    second.waits_for = first.asked
    assert project.run().exit() == 0


def told(project: Project) -> list[tuple[str, str]]:
    kinds = (EventType.TARGET_START, EventType.TARGET_END, EventType.COMMIT)
    return [(str(event.type), event.target) for event in project.events if event.type in kinds]


def test_the_story_of_a_run_has_one_order(project: Project, shops: list[Shop]) -> None:
    first, second, third = shops
    first.waits_for = second.asked
    targets = {
        "first": flow(first.url, "first"),
        "second": flow(second.other_name, "second"),
        "third": flow(third.url, "third"),
    }
    configure(project, targets)
    project.run()
    spoke = [event.target for event in project.events if event.target]
    assert spoke == sorted(spoke)
    expected = [(kind, name) for name in targets for kind in ("target_start", "commit", "target_end")]
    assert told(project) == expected


def test_a_target_that_fails_early_fails_in_its_turn_and_stops_no_other(project: Project, shops: list[Shop]) -> None:
    first, second, third = shops
    first.waits_for = second.asked
    second.waits_for = threading.Event()  # never set: answers 500 after a while
    second.waits_for.wait = lambda timeout=None: False  # type: ignore[method-assign]
    configure(
        project,
        {
            "first": flow(first.url, "first"),
            "second": flow(second.other_name, "second"),
            "after": flow(third.url, "after", needs=["second"]),
            "third": flow(third.url, "third"),
        },
    )
    summary = project.run()
    assert {record.target: record.outcome for record in summary.records} == {
        "first": Outcome.SYNCED,
        "second": Outcome.FAILED,
        "after": Outcome.SKIPPED,
        "third": Outcome.SYNCED,
    }
    assert len(second.heard) == 1  # what failed before its turn is not asked again in it
    assert sorted(project.files()) == ["first/list.json", "sync.lock", "sync.yaml", "third/list.json"]


def test_what_an_earlier_target_commits_is_seen_by_a_later_one(
    project: Project, shops: list[Shop], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list of names of the second is what the first has brought, and nobody wrote `needs`."""
    upstreams = list(build(tmp_path / "upstreams", repositories=2, modules=2))
    with GitServer(tmp_path / "upstreams") as server:
        shops[0].items = [{"id": name, "name": name} for name in upstreams[:1]]
        remote = {"type": "git", "url": server.url("{name}"), "ref": BRANCH, "into": "addons/{name}"}
        code = {"direction": "pull", "outputs": ["addons/**"], "remote": {**remote, "names_from": "names/list.json"}}
        names = flow(shops[0].other_name, "names")
        names["remote"]["wrap"] = ""
        configure(project, {"names": names})
        assert project.run().exit() == 0
        configure(project, {"names": names, "code": code})
        shops[0].items = [{"id": name, "name": name} for name in upstreams]
        seen: list[bool] = []

        def answer(*given: Any) -> Any:
            found = renewed(*given)
            seen.append(found is not None)
            return found

        monkeypatch.setattr("directional_sync.execute.ahead.renewed", answer)
        summary = project.run()
        assert summary.exit() == 0, [record.failure for record in summary.records]
    assert seen == [False], "it was looked at before its turn, and that did not count"
    vendored = project.git("ls-tree", "--name-only", "HEAD", "addons/").splitlines()
    assert vendored == [f"addons/{name}" for name in sorted(upstreams)]


def test_what_was_seen_long_ago_is_looked_at_again(
    project: Project, shops: list[Shop], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, _ = shops
    first.waits_for = second.asked
    configure(project, {"first": flow(first.url, "first"), "second": flow(second.other_name, "second")})
    monkeypatch.setattr(glance, "FRESH_S", -1.0)
    assert project.run().exit() == 0
    assert len(second.heard) == 2


def test_a_run_that_is_stopped_closes_what_it_had_begun(project: Project, shops: list[Shop]) -> None:
    first, second, third = shops
    first.waits_for = second.asked
    configure(
        project,
        {
            "first": flow(first.url, "first"),
            "second": flow(second.other_name, "second"),
            "third": flow(third.url, "third"),
        },
    )
    stopped = threading.Event()
    project.run(stop=lambda: stopped.is_set() or (second.asked.is_set() and not stopped.set() and True))
    assert not list((project.root / ".git/directional-sync/cache/quarantine").glob("*"))
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ahead-")]
    assert subjects(project) in ([], ["Sync first: 1 added"]) and project.clean()
    assert project.run().exit() == 0


@pytest.mark.parametrize("seed", range(2))
def test_histories_come_out_the_same_however_many_are_looked_at(tmp_path: Path, shops: list[Shop], seed: int) -> None:
    """Six targets over two hosts, some needing others; two rounds of changes, where an empty list fails some."""
    random = Random(seed)
    names = [f"t{number}" for number in range(6)]
    targets = {}
    for at, name in enumerate(names):
        shop = random.choice(shops)
        more = {"needs": [random.choice(names[:at])]} if at and random.random() < 0.3 else {}
        url = random.choice([shop.url, shop.other_name])
        targets[name] = flow(url, name, priority=random.choice([0, 0, 1]), **more)
    projects = [make_project(tmp_path / text) for text in ("one", "many")]
    for project, limits in zip(projects, ({"targets": 1}, {"targets": 4, "per_host": 3}), strict=True):
        configure(project, targets, concurrency=limits)
    for _ in range(2):
        for shop in shops:
            shop.items = [{"id": f"{number}"} for number in range(random.randint(0, 3))]
        found = []
        for project in projects:
            records = project.run().records
            said = [(record.target, record.outcome, record.message) for record in records]
            found.append((said, subjects(project), project.git("rev-parse", "HEAD:t0", check=False)))
            assert project.clean()
        assert found[0] == found[1]
        files = [{name: text for name, text in each.files().items() if name != "sync.yaml"} for each in projects]
        assert files[0] == files[1]


@pytest.mark.parametrize(
    ("remote", "host"),
    [
        ("type: git\n      url: https://Git.Example.org:443/x/{name}\n      names: [a]", "git.example.org"),
        ("type: git\n      url: git@git.example.org:x/{name}\n      names: [a]", "git.example.org"),
        ("type: git\n      url: /srv/{name}\n      names: [a]", ""),
        ("type: git\n      url: file:///srv/{name}\n      names: [a]", ""),
        ("type: rest\n      url: http://127.0.0.1:1/x\n      into: a/x.json", "127.0.0.1"),
        ("type: files\n      url: /srv/files", ""),
        ("type: files\n      url: s3://bucket/x", "bucket"),
        ("type: files\n      url: s3://bucket/x\n      endpoint_url: https://s3.example.org", "s3.example.org"),
        ("type: ssh-files\n      host: ada@Files.example.org\n      path: /srv", "files.example.org"),
    ],
)
def test_where_the_far_side_is(project: Project, remote: str, host: str) -> None:
    project.configure(
        f'\n    targets:\n      x:\n        direction: pull\n        outputs: ["a/**"]\n'
        f"        remote:\n          {remote.replace(chr(10), chr(10) + '    ')}\n"
    )
    [target] = open_workspace(None, project.root, project.environ).config.targets
    assert plugins.far_host(target) == host


def test_what_is_read_beside(project: Project) -> None:
    project.configure(
        """
    targets:
      x:
        direction: pull
        outputs: ["a/**"]
        remote:
          type: git
          url: https://git.example.org/{name}
          names_from: names.txt
          patches: patches/{name}
          into: a/{name}
"""
    )
    [target] = open_workspace(None, project.root, project.environ).config.targets
    assert plugins.beside(target) == ("patches/*", "patches/*/**", "names.txt", "names.txt/**")
