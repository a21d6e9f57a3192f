"""The starter's target `apps_truth`, and lists in general, through the commands: what is written, refused, kept."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.project import Project, make_project
from tests.rest.conftest import Dsync
from tests.rest.listed import TOKEN, Flow

from directional_sync import starters
from directional_sync.testing.digitalocean import DigitalOcean
from directional_sync.testing.service import Asked, Mishap

TRUTH = "docs/runtime/apps_truth.json"


@pytest.fixture
def service() -> Iterator[DigitalOcean]:
    with DigitalOcean(TOKEN, apps=5) as found:
        yield found


@pytest.fixture
def project(tmp_path: Path, service: DigitalOcean) -> Project:
    project = make_project(tmp_path / "odoo")
    project.environ |= {"DIGITALOCEAN_API_URL": service.url, "DIGITALOCEAN_TOKEN": TOKEN}
    starters.prepare(project.root, "insightpulse", force=False)
    project.commit("Prepare")
    return project


@pytest.fixture
def starter(project: Project, service: DigitalOcean) -> Flow:
    return Flow(project, f"{service.url}/v2/apps")


@pytest.fixture
def flow(tmp_path: Path, service: DigitalOcean) -> Flow:
    """A target of its own: one file per app, two apps a page."""
    project = make_project(tmp_path / "mine")
    project.environ["DO_TOKEN"] = TOKEN
    flow = Flow(project, f"{service.url}/v2/apps", target={"timeout": "20s"})
    flow.configure(
        token="DO_TOKEN", query={"per_page": 2}, items="apps", key="spec.name", into="docs/apps/{key}.json",
        drop=["**.updated_at", "**.envs.*.value"],
    )  # fmt: skip
    return flow


def names(project: Project) -> list[str]:
    return [app["spec"]["name"] for app in json.loads(project.git("show", f"HEAD:{TRUTH}"))["apps"]]


def everything(project: Project) -> bytes:
    """The content of every object in the store."""
    listing = ["git", "cat-file", "--batch-all-objects", "--batch"]
    return subprocess.run(listing, cwd=project.root, capture_output=True, check=True).stdout


def test_the_starters_target(starter: Flow, service: DigitalOcean, dsync: Dsync) -> None:
    project = starter.project
    service.add("zoo", envs=[{"key": "DB_PASSWORD", "type": "SECRET", "value": "EV[1:abcdefgh:ijklmnopqrst]"},
                             {"key": "API_KEY", "value": "in-the-clear-0123456789abcdef"}])  # fmt: skip
    planned = dsync(starter.project, "plan", "--target", "apps_truth")
    assert planned.status == 0, planned.text
    assert f"+ {TRUTH}" in planned.out
    assert not (project.root / TRUTH).exists()
    done = dsync(starter.project, "run", "--target", "apps_truth", "--verify", "--ci")
    assert done.status == 0, done.text
    jq = subprocess.run(["jq", "-e", ".apps | length > 0", TRUTH], cwd=project.root, capture_output=True)
    assert jq.returncode == 0
    assert names(project) == ["app-00000", "app-00001", "app-00002", "app-00003", "app-00004", "zoo"]
    text = project.git("show", f"HEAD:{TRUTH}")
    app = json.loads(text)["apps"][-1]
    assert app["active_deployment"]["services"][0]["source_commit_hash"]
    assert app["domains"][0]["phase"] == "ACTIVE"
    assert [env["key"] for env in app["spec"]["services"][0]["envs"]] == ["DB_PASSWORD", "API_KEY"]
    for volatile in ("updated_at", "progress", "pending_deployment", "certificate_expires_at", "EV[", "in-the-clear"):
        assert volatile not in text
    assert project.clean()
    trailers = project.git("log", "-1", "--format=%(trailers:key=Sync-Target,valueonly)")
    assert trailers == "apps_truth"


def test_nothing_has_changed(starter: Flow, service: DigitalOcean, dsync: Dsync) -> None:  # P42
    project = starter.project
    assert dsync(starter.project, "run", "--target", "apps_truth").status == 0
    head, stamp = project.head, (project.root / TRUTH).stat()
    for happens in (lambda: None, service.age, service.apps.reverse):
        happens()
        service.forget()
        done = dsync(starter.project, "run", "--target", "apps_truth")
        assert done.status == 0 and "unchanged" in done.text
        assert len(service.heard) == 1
        assert project.head == head
        now = (project.root / TRUTH).stat()
        assert (now.st_ino, now.st_mtime_ns) == (stamp.st_ino, stamp.st_mtime_ns)
    assert dsync(starter.project, "status", "apps_truth").status == 0


def test_a_deployment_a_new_app_and_one_that_is_gone(starter: Flow, service: DigitalOcean, dsync: Dsync) -> None:
    project = starter.project
    assert dsync(starter.project, "run", "--target", "apps_truth").status == 0
    before = json.loads(project.git("show", f"HEAD:{TRUTH}"))["apps"]
    service.deploy(service.apps[0], commit="f00ba4")
    service.add("new")
    service.remove("app-00001")
    shown = dsync(starter.project, "diff", "apps_truth")
    assert '"source_commit_hash": "f00ba4"' in shown.out and '"name": "new"' in shown.out
    assert dsync(starter.project, "run", "--target", "apps_truth").status == 0
    assert names(project) == ["app-00000", "app-00002", "app-00003", "app-00004", "new"]
    after = json.loads(project.git("show", f"HEAD:{TRUTH}"))["apps"]
    assert [app for app in after if app in before] == [before[0], before[2], before[3]]


@pytest.mark.parametrize("command", [["run"], ["plan"], ["run", "--dry-run"]])
def test_without_a_token(starter: Flow, command: list[str], dsync: Dsync) -> None:  # U21
    done = dsync(starter.project, *command, "--target", "apps_truth", DIGITALOCEAN_TOKEN="")
    assert done.status == 4
    line = (starter.project.root / starters.CONFIG).read_text().splitlines().index("  apps_truth:") + 1
    for part in ("DIGITALOCEAN_TOKEN", "apps_truth", f"sync.yaml:{line}", "E-ENV-MISSING"):
        assert part in done.text
    assert "1 failed" in done.text and "in sync" not in done.text and "Nothing to do" not in done.text


def test_the_doctor_knows_which_token_is_missing(starter: Flow, dsync: Dsync) -> None:
    missing = dsync(starter.project, "doctor", DIGITALOCEAN_TOKEN="")
    assert "DIGITALOCEAN_TOKEN" in missing.text and "needed by apps_truth" in missing.text
    assert "needed by apps_truth" not in dsync(starter.project, "doctor").text


def test_checks_do_not_see_the_token(flow: Flow) -> None:  # T24
    flow.target["verification"] = {"command": 'test -z "$DO_TOKEN"'}
    flow.configure()
    assert flow.sync(verify=True).verification_passed


def third_page(asked: Asked) -> bool:
    return asked.query.get("page") == "3"


def shuffled(page: int, apps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return apps[page:] + apps[:page]


Happens = Callable[[DigitalOcean], None]
TROUBLE: list[tuple[str, Happens, int, str]] = [
    ("cut", lambda s: s.misbehave(Mishap(cut_after=100)), 1, "E-SERVICE-CUT"),  # F47
    ("cut, of unknown length", lambda s: s.misbehave(Mishap(cut_after=100, no_length=True)), 1, "E-SERVICE-NOT-JSON"),
    ("page 3 cut", lambda s: s.misbehave(Mishap(cut_after=100, no_length=True, when=third_page)), 1,
     "E-SERVICE-NOT-JSON"),
    ("html", lambda s: s.misbehave(Mishap(html=True, when=third_page)), 1, "E-SERVICE-NOT-JSON"),  # F49
    ("empty", lambda s: s.misbehave(Mishap(body=b'{"apps": [], "meta": {"total": 0}}')), 6, "E-GUARD-EMPTIED"),  # F50
    ("nothing but braces", lambda s: s.misbehave(Mishap(body=b"{}")), 1, "E-REST-SHAPE"),  # F56
    ("null", lambda s: s.misbehave(Mishap(body=b'{"apps": null, "meta": {"total": 5}}')), 1, "E-REST-SHAPE"),
    ("renamed", lambda s: s.misbehave(Mishap(body=b'{"applications": [{"id": 1}], "meta": {"total": 1}}')), 1,
     "E-REST-SHAPE"),
    ("page 2 is empty", lambda s: s.misbehave(
        Mishap(body=b'{"apps": [], "meta": {"total": 5}, "links": {"pages": {}}}',
               when=lambda asked: asked.query.get("page") == "2")), 1, "E-REST-INCOMPLETE"),
    ("shuffled between pages", lambda s: setattr(s, "shuffle", shuffled), 1, "E-REST-SHIFTED"),  # F55
    ("another total on each page", lambda s: setattr(s, "total", lambda page, apps: apps + page), 1, "E-REST-SHIFTED"),
    ("a total that is too high", lambda s: setattr(s, "total", lambda page, apps: apps + 1), 1, "E-REST-INCOMPLETE"),
    ("less, and all agrees", lambda s: setattr(s, "total", lambda page, apps: 2), 6, "E-GUARD-DELETE"),
    ("token refused on page 3", lambda s: s.misbehave(Mishap(status=401, when=third_page)), 4, "E-SERVICE-AUTH"),  # F54
    ("token not allowed", lambda s: s.misbehave(Mishap(status=403)), 4, "E-SERVICE-AUTH"),
    ("down", lambda s: s.misbehave(Mishap(status=502, when=third_page)), 1, "E-SERVICE-DOWN"),  # F52
    ("gone", lambda s: s.misbehave(Mishap(status=404)), 1, "E-SERVICE-GONE"),
    ("too long a pause", lambda s: s.misbehave(Mishap(status=429, retry_after="3600")), 1, "E-SERVICE-LIMITED"),  # F51
    ("nobody there", lambda s: s.misbehave(Mishap(drop_before=True)), 1, "E-SERVICE-UNREACHABLE"),  # F45
    ("two with one name", lambda s: s.apps.append({**s.apps[0], "id": "other"}), 1, "E-REST-KEY"),
]  # fmt: skip


@pytest.mark.parametrize(("happens", "status", "code"), [row[1:] for row in TROUBLE], ids=[row[0] for row in TROUBLE])
def test_trouble_takes_nothing_away(
    flow: Flow, service: DigitalOcean, happens: Happens, status: int, code: str
) -> None:  # G10
    flow.sync()
    project = flow.project
    head, files = project.head, flow.files()
    assert len(files) == 5
    happens(service)
    record = project.one()
    assert record.failure is not None
    assert (record.failure.code, int(record.failure.exit)) == (code, status), record.failure
    assert record.failure.hint and record.failure.kept
    assert (project.head, flow.files(), project.clean()) == (head, files, True)
    assert TOKEN not in f"{record} {project.events}"
    service.behave()
    service.shuffle = service.total = None


def test_a_dripping_answer_ends_with_the_targets_time(flow: Flow, service: DigitalOcean) -> None:  # F46
    flow.target["timeout"] = "1s"
    flow.configure()
    service.misbehave(Mishap(drip_s=0.2))
    record = flow.project.one()
    assert record.failure is not None and record.failure.code == "E-SERVICE-TIMEOUT"


def test_a_rate_limit_is_waited_for(flow: Flow, service: DigitalOcean) -> None:  # F51
    service.misbehave(Mishap(status=429, retry_after="0.2"), times=2)
    flow.sync()
    assert len(flow.files()) == 5


def test_one_document_that_would_be_empty_is_refused(starter: Flow, service: DigitalOcean, dsync: Dsync) -> None:  # F50
    assert dsync(starter.project, "run", "--target", "apps_truth").status == 0
    head = starter.project.head
    service.apps = []
    for command in (["plan"], ["run"]):
        done = dsync(starter.project, *command, "--target", "apps_truth")
        assert done.status == 6
        assert "E-REST-EMPTY" in done.text and "allow_empty" in done.text
    assert starter.project.head == head


def test_many_that_are_gone_at_once_are_not_believed(flow: Flow, service: DigitalOcean) -> None:
    for number in range(20):
        service.add(f"more-{number}")
    flow.sync()
    service.apps = service.apps[:3]
    record = flow.project.one()
    assert record.failure is not None and record.failure.code == "E-GUARD-DELETE"
    assert len(flow.files()) == 25


def test_a_secret_in_what_the_list_holds_is_not_committed(
    flow: Flow, service: DigitalOcean, dsync: Dsync
) -> None:  # T24
    flow.configure(drop=None)
    leaked = "ghp_" + "0aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT0uV1wX"
    service.add("leaky", envs=[{"key": "GITHUB_TOKEN", "value": leaked}])
    done = dsync(flow.project, "run")
    assert done.status == 6
    assert "E-SECRET" in done.text and leaked not in done.text
    assert not (flow.project.root / "docs").exists()
    assert leaked.encode() not in everything(flow.project)


def test_the_token_shows_nowhere(flow: Flow, service: DigitalOcean, dsync: Dsync) -> None:  # T24
    reports = flow.project.root.parent / "reports"
    reports.mkdir()
    shown = ""
    for number, mishap in enumerate((None, Mishap(status=401), Mishap(html=True), Mishap(cut_after=10))):
        service.behave()
        if mishap is not None:
            service.misbehave(mishap)
        for command in (
            ["run", "-v", "--summary-json", str(reports / f"{number}.json")],
            ["plan", "--json"],
            ["status"],
        ):
            done = dsync(flow.project, *command)
            shown += done.out + done.err
    shown += "".join(path.read_text() for path in reports.iterdir())
    assert TOKEN not in shown
    for path in flow.project.root.rglob("*"):
        if path.is_file():
            assert TOKEN.encode() not in path.read_bytes(), path
    assert TOKEN.encode() not in everything(flow.project)
    assert all(asked.headers["authorization"] == f"Bearer {TOKEN}" for asked in service.heard)


def test_over_http_a_token_goes_to_this_machine_only(flow: Flow) -> None:
    flow.configure(url="http://inventory.example.org/apps")
    record = flow.project.one()
    assert record.failure is not None and record.failure.code == "E-SERVICE-INSECURE"


def test_somebodys_edit_is_not_overwritten(flow: Flow, service: DigitalOcean) -> None:
    flow.sync()
    flow.project.write("docs/apps/app-00002.json", '{"mine": true}\n')
    flow.project.commit("Edit")
    service.deploy(service.apps[0], commit="0ddba11")
    record = flow.project.one()
    assert json.loads(flow.files()["docs/apps/app-00002.json"]) == {"mine": True}
    assert record.plan is not None and any(item.key == "docs/apps/app-00002.json" for item in record.plan.held)


def test_many_items_with_the_same_content(flow: Flow, service: DigitalOcean) -> None:
    """So many that they are written as a pack, in which each content is there once."""
    for number in range(150):
        service.add(f"same-{number}")
    flow.configure(keep=["tier_slug"], query={"per_page": 200})
    flow.sync()
    assert len(flow.project.git("ls-files", "docs/apps").splitlines()) == 155
    assert flow.project.fsck() == ""


def test_where_it_may_not_write_it_does_not(flow: Flow) -> None:
    flow.configure(into="elsewhere/{key}.json")
    record = flow.project.one()
    assert record.failure is not None and record.failure.code == "E-GUARD-UNDECLARED"


def test_files_without_commits_and_offline_hosts_of_others(flow: Flow, service: DigitalOcean) -> None:
    """A target that is not committed writes the same files into the work tree."""
    flow.target["git_commit"] = False
    flow.configure()
    head = flow.project.head
    flow.sync()
    assert flow.project.head == head
    assert len(list((flow.project.root / "docs/apps").iterdir())) == 5
