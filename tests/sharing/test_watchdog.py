"""A workflow that GitHub no longer starts is noticed by `dsync doctor` (F41)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.project import Project

from directional_sync.doctor import Check, examine
from directional_sync.testing.service import Asked, LoopbackService, Mishap, Told

WORKFLOW = ".github/workflows/directional-sync.yml"


class Hub(LoopbackService):
    """Knows one workflow, in some state; "" for none."""

    state = "active"

    def answer(self, asked: Asked) -> Told:
        assert asked.headers.get("authorization") == "Bearer s3cret-token"
        assert asked.path == "/repos/team/flows/actions/workflows/directional-sync.yml"
        return Told.json({"state": self.state}) if self.state else Told.json({"message": "Not Found"}, 404)


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub() as service:
        yield service


def configure(project: Project, hub: Hub, kind: str = "github") -> None:
    project.write(WORKFLOW, "on: {}\n")
    project.write("note.sh", "#!/bin/sh\n", mode=0o755)
    project.git("remote", "add", "origin", "https://git.example.org/team/flows.git")
    project.configure(
        f"""
        deliver: {{token: BOT, api: {{type: {kind}, url: "{hub.url}"}}}}
        targets:
          a: {{direction: pull, entrypoint: note.sh, outputs: ["a/**"]}}
        """
    )
    project.environ["BOT"] = "s3cret-token"


def found(project: Project) -> Check | None:
    checks = examine(None, project.root, project.environ)
    return next((check for check in checks if check.name == "on GitHub"), None)


@pytest.mark.parametrize(
    ("state", "ok", "said", "fix"),
    [
        ("active", True, "is enabled", ""),
        ("disabled_inactivity", False, "nothing was committed for 60 days", "gh workflow enable directional-sync.yml"),
        ("disabled_manually", False, "somebody has switched", "gh workflow enable directional-sync.yml"),
        ("disabled_fork", False, "is disabled fork", "gh workflow enable directional-sync.yml"),
        ("", False, "has to be on the default branch", "push it"),
    ],
)
def test_what_github_says_of_the_workflow(
    project: Project, hub: Hub, state: str, ok: bool, said: str, fix: str
) -> None:
    configure(project, hub)
    hub.state = state
    check = found(project)
    assert check is not None and check.ok is ok and said in check.message and fix in check.fix
    assert "s3cret-token" not in f"{check}"


def test_who_cannot_be_asked_is_no_fault_of_this_repository(project: Project, hub: Hub) -> None:
    configure(project, hub)
    hub.misbehave(Mishap(status=503))
    check = found(project)
    assert check is not None and check.ok is None and "could not be asked" in check.message
    assert len(hub.heard) == 1


@pytest.mark.parametrize("why", ["no token", "no workflow", "another forge"])
def test_nobody_is_asked_without_a_token_a_workflow_or_github(project: Project, hub: Hub, why: str) -> None:
    configure(project, hub, "gitea" if why == "another forge" else "github")
    if why == "no token":
        del project.environ["BOT"]
    if why == "no workflow":
        project.git("rm", "-q", WORKFLOW)
    assert found(project) is None and hub.heard == []
