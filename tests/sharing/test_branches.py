"""Where the branch is closed: a branch and a pull request for each target (F72, U02, U03, U07)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

import pytest
from tests.project import Project
from tests.sharing.conftest import Fleet
from tests.sharing.test_delivery import delivered

from directional_sync.errors import Exit
from directional_sync.git.outward import Answer, Pushed
from directional_sync.sharing.refusals import Why, why
from directional_sync.system.process import Finished
from directional_sync.testing.service import Asked, LoopbackService, Mishap, Told

# What the hosts say, as it was seen in the wild.
GITHUB = """
echo 'error: GH006: Protected branch update failed for refs/heads/main.' >&2
echo 'error: Changes must be made through a pull request.' >&2
exit 1
"""
GITLAB = "echo 'GitLab: You are not allowed to push code to protected branches on this project.' >&2; exit 1"
GITEA = "echo 'Gitea: Not allowed to push to protected branch main' >&2; exit 1"
ANY = "exit 1"


def guarded(script: str, ref: str = "refs/heads/main") -> str:
    """A pre-receive hook that says this of one ref."""
    return f'while read old new ref; do if [ "$ref" = {ref} ]; then\n{script}\nfi; done\n'


def branch_of(fleet: Fleet, target: str) -> str:
    return fleet.refs().get(f"refs/heads/directional-sync/{target}", "")


@pytest.mark.parametrize("script", [GITHUB, GITLAB, GITEA, ANY], ids=["github", "gitlab", "gitea", "any hook"])
def test_f72_a_protected_branch_is_answered_by_one_for_each_target(fleet: Fleet, script: str) -> None:
    fleet.found("deliver: {}\n" + fleet.sources("a", "b"))
    one = fleet.clone("one")
    fleet.hook("pre-receive", guarded(script))
    done = delivered(one.run())
    assert [(item.target, item.branch) for item in done.branches] == [
        ("a", "directional-sync/a"),
        ("b", "directional-sync/b"),
    ]
    for name, other in (("a", "b"), ("b", "a")):
        tip = branch_of(fleet, name)
        assert fleet.git("show", f"{tip}:{name}/a.txt") == f"{name} 1"
        names = fleet.git("ls-tree", "--name-only", tip).split()
        assert other not in names, "one target's branch holds nothing of the other's"
        lock = fleet.git("show", f"{tip}:sync.lock")
        assert f'"{name}": {{' in lock and f'"{other}": {{' not in lock
        assert fleet.git("rev-list", "--count", f"main..{tip}") == "1"


def test_u02_a_second_run_pushes_nothing_and_what_is_new_goes_on_top(fleet: Fleet) -> None:
    fleet.found("deliver: {mode: branch}\n" + fleet.sources("a"))
    one = fleet.clone("one")
    one.run()
    first = branch_of(fleet, "a")
    one.run()
    assert branch_of(fleet, "a") == first
    two = fleet.clone("two")  # as CI does: from a new clone each time
    two.run()
    assert branch_of(fleet, "a") == first
    fleet.source("a", a="a 2\n")
    two.run()
    second = branch_of(fleet, "a")
    assert fleet.git("show", f"{second}:a/a.txt") == "a 2"
    assert fleet.git("merge-base", "--is-ancestor", first, second) == ""  # gone on, never rewritten


def test_a_branch_follows_the_one_it_is_for(fleet: Fleet) -> None:
    first = fleet.found("deliver: {mode: branch}\n" + fleet.sources("a", "b"))
    fleet.clone("one").run()
    # The other target's branch is merged, and with it the lock file moves on.
    first.git("fetch", "-q", "origin", "directional-sync/b")
    first.git("merge", "-q", "--no-ff", "-m", "Merge", "FETCH_HEAD")
    first.git("push", "-q", "origin", "main")
    fleet.clone("two").run()
    tip = branch_of(fleet, "a")
    assert fleet.git("merge-base", "main", tip) == first.head
    first.git("fetch", "-q", "origin", "directional-sync/a")
    first.git("merge", "-q", "--no-edit", "FETCH_HEAD")
    first.git("push", "-q", "origin", "main")
    three = fleet.clone("three")
    assert not delivered(three.run()).branches
    assert three.head == first.head


def test_u02_what_was_merged_by_squashing_needs_no_new_branch(fleet: Fleet) -> None:
    first = fleet.found("deliver: {mode: branch}\n" + fleet.sources("a"))
    one = fleet.clone("one")
    one.run()
    first.git("fetch", "-q", "origin", "directional-sync/a")
    first.git("merge", "-q", "--squash", "FETCH_HEAD")
    first.git("commit", "-q", "-m", "Squashed")
    first.git("push", "-q", "origin", "main")
    before = branch_of(fleet, "a")
    assert not delivered(one.run()).branches
    assert one.head == first.head and one.clean()
    fleet.source("a", a="a 2\n")
    assert delivered(one.run()).branches
    after = branch_of(fleet, "a")
    assert fleet.git("merge-base", "--is-ancestor", before, after) == ""
    assert fleet.git("diff", "--name-only", f"main...{after}").split() == ["a/a.txt", "sync.lock"]


def test_commits_of_people_on_the_branch_are_never_overwritten(fleet: Fleet) -> None:
    fleet.found("deliver: {mode: branch}\n" + fleet.sources("a", "b"))
    one = fleet.clone("one")
    one.run()
    person = fleet.clone("person")
    person.git("switch", "-q", "directional-sync/a")
    person.write("a/a.txt", "better\n")
    theirs = person.commit("Better")
    person.git("push", "-q", "origin", "directional-sync/a")
    fleet.source("a", a="a 2\n")
    fleet.source("b", a="b 2\n")
    for clone in (one, fleet.clone("two")):
        summary = clone.run()
        assert summary.delivered is not None and summary.delivered.failure is not None
        assert summary.delivered.failure.code == "E-DELIVER-BRANCH"
        assert "Better" in summary.delivered.failure.detail[0]
        assert summary.exit() is Exit.REFUSED
        assert branch_of(fleet, "a") == theirs
        assert fleet.git("show", f"{branch_of(fleet, 'b')}:b/a.txt") == "b 2", "the other target goes on"


@pytest.mark.parametrize(
    "said",
    [
        "GH001: Large files detected. You may want to try Git Large File Storage",
        "GH013: Repository rule violations found - Push cannot contain secrets",
    ],
)
def test_u03_what_no_branch_would_take_is_told_and_not_tried_again(fleet: Fleet, said: str) -> None:
    fleet.found("deliver: {}\n" + fleet.sources("a"))
    one = fleet.clone("one")
    fleet.hook("pre-receive", f"echo tried >> {fleet.folder}/tries; echo 'error: {said}' >&2; exit 1\n")
    summary = one.run()
    assert summary.delivered is not None and summary.delivered.failure is not None
    assert summary.delivered.failure.code == "E-DELIVER-REFUSED"
    assert said.split(":")[0] in summary.delivered.failure.message
    assert (fleet.folder / "tries").read_text() == "tried\n"
    assert one.commits() == 2 and one.clean()


def test_a_hook_that_refuses_everything_is_told(fleet: Fleet) -> None:
    fleet.found("deliver: {}\n" + fleet.sources("a"))
    one = fleet.clone("one")
    fleet.hook("pre-receive", "echo 'closed for the weekend' >&2; exit 1\n")
    failure = one.run().delivered.failure  # type: ignore[union-attr]
    assert failure is not None
    assert (failure.code, failure.exit) == ("E-DELIVER-REFUSED", Exit.REFUSED)
    assert "closed for the weekend" in failure.message


def test_a_remote_that_takes_no_refs_of_ours_gets_the_branch(fleet: Fleet) -> None:
    fleet.found("deliver: {}\n" + fleet.sources("a"))
    one = fleet.clone("one")
    fleet.git("config", "receive.hideRefs", "refs/directional-sync")
    done = delivered(one.run())
    assert done.pushed == 1
    assert "takes none of our refs" in done.notes[0]


TABLE = [
    ("fetch first", "", Why.RACE),
    ("non-fast-forward", "", Why.RACE),
    ("stale info", "", Why.RACE),
    ("atomic transaction failed", "remote: error: cannot lock ref", Why.RACE),
    ("protected branch hook declined", "remote: error: GH006: Protected branch update failed", Why.CLOSED),
    ("push declined due to repository rule violations", "remote: error: GH013: Repository rule violations", Why.CLOSED),
    ("pre-receive hook declined", "remote: Branch main can only be modified through pull requests.", Why.CLOSED),
    ("branch is currently checked out", "", Why.CLOSED),
    ("pre-receive hook declined", "remote: error: GH001: Large files detected.", Why.CONTENT),
    (
        "refusing to allow a GitHub App to create or update workflow `.github/workflows/x.yml` without `workflows` "
        "permission",
        "remote: refusing to allow a GitHub App to create or update workflow without `workflows` permission",
        Why.CONTENT,
    ),
    ("", "remote: Permission to a/b.git denied to c.\nfatal: unable to access: returned error: 403", Why.LOGIN),
    ("", "fatal: Authentication failed for 'https://x'", Why.LOGIN),
    ("", "fatal: unable to access: Could not resolve host: x", Why.UNREACHABLE),
    ("", "fatal: the remote end hung up unexpectedly", Why.UNREACHABLE),
    ("", "fatal: the receiving end does not support --atomic push", Why.OTHER),
]  # fmt: skip


@pytest.mark.parametrize(("reason", "stderr", "expected"), TABLE)
def test_f72_the_words_of_hosts(reason: str, stderr: str, expected: Why) -> None:
    answers = (Answer("refs/heads/main", False, reason), Answer("refs/x", False, "atomic push failed"))
    pushed = Pushed(answers if reason else (), Finished(1, b"", stderr.encode(), 0.0))
    assert why(pushed) is expected


class Hub(LoopbackService):
    """Pull requests as GitHub, or Gitea, keeps them; without internet, and with real heads."""

    def __init__(self, fleet: Fleet, *, gitea: bool = False) -> None:
        super().__init__()
        self.fleet, self.gitea = fleet, gitea
        self.pulls: list[dict[str, Any]] = []
        self.labels: list[str] = ["urgent"]
        self.of_the_team: list[str] = ["Team-Wide"] if gitea else []

    def answer(self, asked: Asked) -> Told:
        wanted = "token s3cret-token" if self.gitea else "Bearer s3cret-token"
        if asked.headers.get("authorization") != wanted:
            return Told.json({"message": "Bad credentials"}, 401)
        if "labels" in asked.path:
            return self._labels(asked)
        assert asked.path.startswith("/repos/team/flows/pulls")
        if asked.method == "GET":
            return Told.json(self._listed(asked))
        if asked.method == "POST":
            return self._opened(asked.json)
        pull = self.pulls[int(asked.path.rpartition("/")[2]) - 1]
        pull.update(asked.json)
        return Told.json(pull)

    def _listed(self, asked: Asked) -> list[dict[str, Any]]:
        found = [pull for pull in self.pulls if pull["state"] == asked.query["state"]]
        if not self.gitea:
            branch = asked.query["head"].partition(":")[2]
            found = [pull for pull in found if pull["head"]["ref"] == branch]
        page = int(asked.query["page"])
        return found[(page - 1) * 50 : page * 50]

    def _opened(self, given: dict[str, Any]) -> Told:
        if any(pull["state"] == "open" and pull["head"]["ref"] == given["head"] for pull in self.pulls):
            return Told.json({"message": "A pull request already exists"}, 409 if self.gitea else 422)
        number = len(self.pulls) + 1
        head = {"ref": given["head"], "sha": self.fleet.refs()[f"refs/heads/{given['head']}"]}
        head["repo"] = {"full_name": "team/flows"}  # type: ignore[assignment]
        pull = {"number": number, "title": given["title"], "body": given["body"], "state": "open", "merged_at": None}
        pull |= {
            "labels": [],
            "head": head,
            "base": {"ref": given["base"]},
            "html_url": f"https://hub.example/team/flows/pull/{number}",
        }
        self.pulls.append(pull)
        return Told.json(pull, 201)

    def _labels(self, asked: Asked) -> Told:
        """GitHub knows labels by name, in whatever case; Gitea by number."""
        if asked.path.startswith("/repos/team/flows/issues/"):
            known = self._numbered()
            given = [known[one] for one in asked.json["labels"]] if self.gitea else asked.json["labels"]
            assert all(name in known.values() for name in given)
            pull = self.pulls[int(asked.path.split("/")[5]) - 1]
            pull["labels"] += [{"name": name} for name in given]
            return Told.json(pull["labels"])
        if asked.path == "/orgs/team/labels":
            return Told.json([{"id": 100 + number, "name": name} for number, name in enumerate(self.of_the_team)])
        name = unquote(asked.path.removeprefix("/repos/team/flows/labels").strip("/"))
        if asked.method == "POST":
            assert asked.json["color"].startswith("#") is self.gitea
            self.labels.append(asked.json["name"])
            return Told.json({"id": len(self.labels), "name": asked.json["name"]}, 201)
        if name:
            return Told.json({}, 200 if name.casefold() in {one.casefold() for one in self.labels} else 404)
        assert self.gitea
        return Told.json([{"id": number, "name": one} for number, one in enumerate(self.labels, 1)])

    def _numbered(self) -> dict[int, str]:
        return dict(enumerate(self.labels, 1)) | dict(enumerate(self.of_the_team, 100))

    @property
    def writes(self) -> list[str]:
        return [f"{asked.method} {asked.path}" for asked in self.heard if asked.method != "GET"]


@pytest.fixture(params=[False, True], ids=["github", "gitea"])
def hub(request: pytest.FixtureRequest, fleet: Fleet) -> Iterator[Hub]:
    with Hub(fleet, gitea=request.param) as found:
        yield found


def proposing(fleet: Fleet, hub: Hub, mode: str = "pull_request", more: str = "") -> Project:
    kind = "gitea" if hub.gitea else "github"
    api = f'{{type: {kind}, url: "{hub.url}", repository: team/flows}}'
    fleet.found(f"deliver: {{mode: {mode}, token: HUB_TOKEN, api: {api}{more}}}\n" + fleet.sources("a"))
    return clone(fleet, "one")


def clone(fleet: Fleet, name: str) -> Project:
    found = fleet.clone(name)
    found.environ["HUB_TOKEN"] = "s3cret-token"
    return found


def test_f72_one_pull_request_for_each_target_updated_in_place(fleet: Fleet, hub: Hub) -> None:
    one = proposing(fleet, hub)
    done = delivered(one.run())
    assert done.branches[0].url == "https://hub.example/team/flows/pull/1"
    [pull] = hub.pulls
    assert (pull["title"], pull["base"]["ref"]) == ("Sync a: +2 files", "main")
    assert "+ a/a.txt" in pull["body"]
    writes = len(hub.writes)
    one.run()
    delivered(clone(fleet, "two").run())
    assert len(hub.writes) == writes, "what says it all already is not written again"
    fleet.source("a", b="new\n")
    pull["body"] = f"Please look, Ada.\n\n{pull['body']}\n\nSeen by Bob."
    delivered(clone(fleet, "three").run())
    assert len(hub.pulls) == 1
    assert "+ a/b.txt" in pull["body"]
    assert pull["body"].startswith("Please look, Ada.") and pull["body"].endswith("Seen by Bob.")


def test_u07_what_a_person_closed_is_not_opened_again_for_the_same(fleet: Fleet, hub: Hub) -> None:
    one = proposing(fleet, hub)
    one.run()
    hub.pulls[0]["state"] = "closed"
    done = delivered(clone(fleet, "two").run())
    assert len(hub.pulls) == 1
    assert "closed by a person" in done.branches[0].note
    fleet.source("a", a="a 2\n")
    delivered(clone(fleet, "three").run())
    assert [pull["state"] for pull in hub.pulls] == ["closed", "open"]


def test_a_reply_that_is_lost_makes_no_second_pull_request(fleet: Fleet, hub: Hub) -> None:
    one = proposing(fleet, hub)
    hub.misbehave(Mishap(drop_after=True, when=lambda asked: asked.method == "POST"), times=1)
    assert delivered(one.run()).branches[0].url.endswith("/1")
    assert len(hub.pulls) == 1


def test_f72_a_protected_branch_gets_a_pull_request_where_an_api_is_known(fleet: Fleet, hub: Hub) -> None:
    one = proposing(fleet, hub, mode="commit")
    fleet.hook("pre-receive", guarded(GITHUB))
    assert delivered(one.run()).branches[0].url.endswith("/1")


def test_the_credential_is_shown_nowhere(fleet: Fleet, hub: Hub) -> None:
    one = proposing(fleet, hub)
    hub.misbehave(Mishap(body=b'{"message": "s3cret-token is odd"}'), times=9)
    summary = one.run()
    assert summary.delivered is not None and summary.delivered.failure is not None
    told = repr(summary) + repr(one.events)
    told += "".join(path.read_text("utf-8", "replace") for path in one.root.rglob("*") if path.is_file())
    assert "s3cret-token" not in told


def test_a_token_that_is_refused_says_which(fleet: Fleet, hub: Hub) -> None:
    one = proposing(fleet, hub)
    one.environ["HUB_TOKEN"] = "old-old-old"
    summary = one.run()
    assert summary.delivered is not None and summary.delivered.failure is not None
    assert (summary.delivered.failure.code, summary.exit()) == ("E-SERVICE-AUTH", Exit.CREDENTIAL)
    assert "HUB_TOKEN" in summary.delivered.failure.hint
    assert branch_of(fleet, "a"), "the branch is there all the same"
