"""Whole runs with channels: who hears what, and that nobody's silence, slowness or malice changes a run."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from tests.notify.receivers import Checks, Hook, Mattermost, Slack
from tests.project import Project
from tests.twoway.conftest import Two, two, without_the_detector, writable

from directional_sync import app, notifying, past
from directional_sync.model.target import Prefer
from directional_sync.notify.base import Patience
from directional_sync.render import listing
from directional_sync.render.ink import Ink
from directional_sync.render.report import report, schema
from directional_sync.status import status
from directional_sync.store import told
from directional_sync.system import host
from directional_sync.testing.service import Mishap
from directional_sync.timetable import timetable
from directional_sync.workspace import RunOptions, Selection, open_workspace

__all__ = ["two", "without_the_detector", "writable"]

WORKS = "#!/bin/sh\nmkdir -p out/$SYNC_TARGET\ncat source > out/$SYNC_TARGET/file\n"
BREAKS = "#!/bin/sh\nexit 3\n"
TARGET = '  {0}: {{direction: pull, entrypoint: "{0}.sh", outputs: ["out/{0}/**"]{1}}}\n'
NOTIFY = """\
notify:
  channels:
    team: {type: slack, url: "${SLACK_WEBHOOK}"}
"""


@pytest.fixture
def slack() -> Iterator[Slack]:
    with Slack() as service:
        yield service


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notifying, "USUAL", Patience(1.0, 2.0))


@pytest.fixture
def flow(project: Project, slack: Slack) -> Project:
    project.environ["SLACK_WEBHOOK"] = slack.address
    setup(project, "one", "two")
    return project


def setup(project: Project, *names: str, notify: str = NOTIFY, **more: str) -> None:
    targets = "".join(TARGET.format(name, more.get(name, "")) for name in names)
    for name in names:
        project.write(f"{name}.sh", WORKS, mode=0o755)
    project.write("source", "1\n")
    project.write("sync.yaml", f'version: "1.0"\ntargets:\n{targets}{notify}')
    project.commit()


def breaks(project: Project, name: str, script: str = BREAKS) -> None:
    project.write(f"{name}.sh", script, mode=0o755)
    project.commit()


def dsync(project: Project, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "directional_sync", *arguments]
    return subprocess.run(command, cwd=project.root, env=project.environ, capture_output=True, text=True, timeout=60)


def titles(slack: Slack) -> list[str]:
    return [message.splitlines()[0].partition("  (since")[0] for message in slack.messages]


def test_once_when_it_stops_and_once_when_it_works_again(flow: Project, slack: Slack) -> None:
    flow.run()
    assert slack.messages == []
    breaks(flow, "one")
    for _ in range(10):
        flow.run()
    assert titles(slack) == ["FAILING  one"]
    assert "E-SCRIPT" in slack.messages[0] and "project @ main" in slack.messages[0]
    breaks(flow, "one", WORKS)
    flow.run("two")
    assert len(slack.messages) == 1
    flow.run()
    flow.run()
    assert titles(slack)[1].startswith("RECOVERED  one  after") and titles(slack)[1].endswith("10 runs")
    assert len(slack.messages) == 2


def test_a_dry_run_and_a_prune_tell_nothing(flow: Project, slack: Slack, tmp_path: Path) -> None:
    vendored = f', retries: 0, remote: {{type: git, url: "{tmp_path}/none.git", into: "x/y"}}'
    flow.write(
        "sync.yaml",
        flow.git("show", "HEAD:sync.yaml").replace(
            "notify:", (f'  pinned: {{direction: pull, outputs: ["x/**"]{vendored}}}\nnotify:')
        )
        + "\n",
    )
    breaks(flow, "one")
    flow.plan()
    assert dsync(flow, "status").returncode == 0
    workspace = open_workspace(None, flow.root, flow.environ)
    app.prune(workspace, app.Selection(), app.RunOptions(), lambda event: None)
    assert slack.heard == [] and not (workspace.state / told.FILE).exists()


def test_thirty_targets_that_one_check_stops_are_one_message(project: Project, slack: Slack) -> None:
    project.environ["SLACK_WEBHOOK"] = slack.address
    names = [f"t{number:02}" for number in range(30)]
    checks = '{pre_sync_checks: [{name: "Git clean", command: "git diff --quiet"}]}'
    setup(project, *names, notify=f"{NOTIFY}safety: {checks}\n")
    project.write("source", "2\n")
    project.run()
    assert titles(slack) == ["REFUSED  30 targets"]
    assert "Git clean" in slack.messages[0] and "t00, t01" in slack.messages[0]
    project.commit()
    project.run()
    assert titles(slack)[1:] == ["RECOVERED  30 targets"]


def test_thirty_targets_of_a_host_that_is_down_are_one_message(project: Project, slack: Slack) -> None:  # F45, U9
    project.environ["SLACK_WEBHOOK"] = slack.address
    with Checks() as gone:
        address = gone.url
    targets = "".join(
        f'  t{n:02}: {{direction: pull, retries: 0, outputs: ["x/{n}.json"], '
        f'remote: {{type: rest, url: "{address}/{n}", into: "x/{n}.json"}}}}\n'
        for n in range(30)
    )
    project.write("sync.yaml", f'version: "1.0"\ntargets:\n{targets}{NOTIFY}')
    project.commit()
    for _ in range(2):
        assert len(project.run().records) == 30
    assert titles(slack) == [f"FAILING  30 targets  ({address.removeprefix('http://')})"]


def test_what_waits_for_a_person(project: Project, slack: Slack) -> None:
    project.environ["SLACK_WEBHOOK"] = slack.address
    setup(project, "one", "two", two=", approve: executables")
    project.run()
    breaks(project, "two", WORKS + "echo 'echo hi' > out/two/tool.sh\nchmod 755 out/two/tool.sh\n")
    project.run()
    project.run()
    assert titles(slack) == ["NEEDS APPROVAL  two"]
    assert "dsync approve two" in slack.messages[0]
    secret = "ghp_" + "0aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT0uV1wX"
    breaks(project, "one", WORKS + f"echo 'token = \"{secret}\"' > out/one/config.py\n")
    project.write(".gitignore", "")
    project.run()
    assert titles(slack)[1:] == ["REFUSED  one"] and secret not in slack.messages[1]


def test_conflicts_begin_to_wait(two: Two, slack: Slack) -> None:
    project = two.project
    project.environ["SLACK_WEBHOOK"] = slack.address
    project.write("sync.yaml", (project.root / "sync.yaml").read_text() + NOTIFY)
    two.b({"x": "1\n", "y": "1\n"})
    project.run()
    two.a({"x": "here\n"})
    two.b({"x": "there\n"})
    for _ in range(3):
        project.run()
    assert len(slack.messages) == 1 and titles(slack)[0].startswith("CONFLICT  ") and "x" in slack.messages[0]
    two.a({"y": "here\n"})
    two.b({"y": "there\n"})
    project.run()
    assert len(slack.messages) == 2
    project.run(prefer=Prefer.REPO)
    assert titles(slack)[2].startswith("RECOVERED")


# F103
@pytest.mark.parametrize(
    "mishap", [Mishap(status=500), Mishap(hang_s=30), Mishap(drop_before=True), Mishap(status=404)]
)
def test_a_receiver_that_is_down_fails_no_run_and_hears_later(flow: Project, slack: Slack, mishap: Mishap) -> None:
    breaks(flow, "one")
    slack.misbehave(mishap)
    summary = flow.run()
    assert int(summary.exit()) == 1 and [record.success for record in summary.records] == [False, True]
    [warning] = summary.warnings
    assert "team" in warning and "E-NOTIFY-UNTOLD" in warning
    [kept] = past.show(open_workspace(None, flow.root, flow.environ), summary.run).reports
    assert kept["warnings"] == [warning] and f"warning: {warning}" in listing.run(kept, Ink())
    Draft202012Validator(schema()).validate(report(summary))
    [waits] = status(open_workspace(None, flow.root, flow.environ), Selection(), RunOptions(), print).untold
    assert (waits.channel, str(waits.topic), waits.targets) == ("team", "failed", ("one",)) and waits.failed in warning
    slack.behave()
    slack.forget()
    assert flow.run().warnings == ()
    assert titles(slack) == ["FAILING  one"]
    assert status(open_workspace(None, flow.root, flow.environ), Selection(), RunOptions(), print).untold == ()
    assert flow.run().warnings == () and len(slack.messages) == 1


def test_the_exit_status_is_that_of_the_run(flow: Project, slack: Slack) -> None:  # F103
    assert dsync(flow, "run").returncode == 0
    breaks(flow, "one", WORKS.replace("source", "nothing"))
    slack.close()
    done = dsync(flow, "run", "--summary-json", ".git/report.json")
    assert done.returncode == 1
    assert "warning: the channel team could not be told (E-NOTIFY-UNTOLD)" in done.stderr
    assert "E-NOTIFY-UNTOLD" in json.loads((flow.root / ".git/report.json").read_text())["warnings"][0]


def test_status_says_who_is_still_to_be_told(flow: Project, slack: Slack) -> None:  # F103
    breaks(flow, "one")
    slack.misbehave(Mishap(status=500))
    flow.run()
    done = dsync(flow, "status")
    assert "! team could not be told of one (failed), " in done.stdout and "it answered 500" in done.stdout
    assert "dsync notify --send" in done.stdout and "canary" not in done.stdout
    [waits] = json.loads(dsync(flow, "status", "--json").stdout)["untold"]
    assert (waits["channel"], waits["topic"], waits["targets"]) == ("team", "failed", ["one"])
    breaks(flow, "one", WORKS)  # over before anybody heard of it: then there is nothing to tell any more
    flow.run()
    assert json.loads(dsync(flow, "status", "--json").stdout)["untold"] == []


def test_a_fault_of_ours_in_telling_is_a_warning(flow: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: Any, **more: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(notifying, "notices", broken)
    summary = flow.run()
    assert int(summary.exit()) == 0 and "E-INTERNAL" in summary.warnings[0]


def test_no_address_is_ever_shown(flow: Project, slack: Slack) -> None:  # T24: canary per sink
    """Whatever the far side does with it: files of the state folder, terminal, report, history and errors."""
    flow.environ |= {"OUR_HOOK": f"{slack.url}/canary-Zq81-wrong", "OUR_KEY": "canary-Zq81-key-of-sixteen"}
    ours = '    ours: {type: webhook, url: "${OUR_HOOK}", secret: "${OUR_KEY}"}\n'
    setup(flow, "one", "two", notify=NOTIFY + ours, one=", env: [SLACK_WEBHOOK, OUR_KEY]")
    breaks(flow, "one", "#!/bin/sh\necho $SLACK_WEBHOOK $OUR_KEY >&2\nexit 3\n")
    said = ""
    for line in ("run", "run -vv", "run --json", "run --output ndjson", "plan", "notify", "notify --json", "doctor",
                 "notify --test", "log", "show", "status", "list --json", "explain one"):  # fmt: skip
        if line == "show":
            line += f" {json.loads(dsync(flow, 'log', '--json').stdout)[0]['run']}"
        done = dsync(flow, *line.split())
        said += done.stdout + done.stderr
    assert "could not be told" in said
    state = flow.root / ".git/directional-sync"
    files = [path for path in state.rglob("*") if path.is_file()]
    kept = "".join(path.read_bytes().decode("latin-1") for path in files)
    for canary in ("canary-hook-Zq81", "canary-Zq81-wrong", "canary-Zq81-key"):
        assert canary not in said and canary not in kept
    assert slack.url not in "".join(line for line in said.splitlines() if "could not be told" in line)


def test_names_and_words_of_others_ring_no_phone(flow: Project, slack: Slack) -> None:  # G20
    breaks(flow, "one", "#!/bin/sh\necho '<!channel> @here <https://evil.example|x> & \\033[31m' >&2\nexit 3\n")
    flow.run()
    [asked] = slack.heard
    assert "@here" not in slack.messages[0] and "<" not in asked.json["text"]
    assert {block["text"]["type"] for block in asked.json["blocks"]} == {"plain_text"}


def test_each_channel_hears_what_it_asked_for(flow: Project, slack: Slack) -> None:
    with Hook() as hook, Mattermost() as mattermost:
        flow.environ |= {"OUR_HOOK": hook.address, "OUR_KEY": hook.secret, "MM": mattermost.address}
        more = (
            '    ours: {type: webhook, url: "${OUR_HOOK}", secret: "${OUR_KEY}", events: [changed, failed]}\n'
            '    mine: {type: mattermost, url: "${MM}", targets: ["tw*"]}\n'
        )
        setup(flow, "one", "two", notify=NOTIFY + more)
        flow.run()
        [news] = hook.news
        assert news["type"] == "dsync.changed" and [t["name"] for t in news["data"]["targets"]] == ["one", "two"]
        breaks(flow, "one")
        flow.run()
        assert [one["type"] for one in hook.news] == ["dsync.changed", "dsync.failed"]
        assert titles(slack) == ["FAILING  one"] and mattermost.heard == []
        slack.misbehave(Mishap(status=500))
        breaks(flow, "two")
        flow.run()
        assert len(hook.news) == 3 and len(mattermost.heard) == 1  # one that is down keeps no other from hearing


def test_a_silence(flow: Project, slack: Slack) -> None:
    until = host.today()
    setup(flow, "one", "two", notify=f'{NOTIFY}  silences: [{{targets: [one], until: "{until}", reason: "moves"}}]\n')
    breaks(flow, "one")
    flow.run()
    assert slack.heard == []
    setup(
        flow, "one", "two", notify=f'{NOTIFY}  silences: [{{targets: [one], until: "2020-01-01", reason: "moves"}}]\n'
    )
    breaks(flow, "one")
    flow.run()
    assert titles(slack) == ["FAILING  one"]
    assert "ended on 2020-01-01" in dsync(flow, "doctor").stdout


def at(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """What every clock shows."""
    monkeypatch.setattr(host, "now", lambda: datetime.fromisoformat(text.replace("Z", "+00:00")))


def test_overdue_is_noticed_by_whatever_runs_next(flow: Project, slack: Slack, monkeypatch: pytest.MonkeyPatch) -> None:
    """G16: due long ago, and nothing has run."""
    setup(flow, "one", "two", one=', schedule: "0 2 * * *"')
    flow.run()
    at(monkeypatch, "2099-01-01T00:00:00Z")
    flow.run("two")
    flow.run("two")
    assert titles(slack) == ["OVERDUE  one"] and "has not run" in slack.messages[0]
    at(monkeypatch, "2099-01-01T01:00:00Z")
    flow.run()
    assert titles(slack)[1].startswith("RECOVERED  one")


def test_a_second_clock_notices_too(flow: Project, slack: Slack, monkeypatch: pytest.MonkeyPatch) -> None:
    setup(flow, "one", "two", one=', schedule: "0 2 * * *"')
    flow.run()
    workspace = open_workspace(None, flow.root, flow.environ)
    assert notifying.catch_up(workspace) == []
    at(monkeypatch, "2099-01-01T00:00:00Z")
    assert [one.what for one in notifying.catch_up(workspace)] == ["overdue"]
    assert notifying.catch_up(workspace) == []


def test_what_is_overdue_is_what_the_schedule_says(flow: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    setup(flow, "one", "two", one=', schedule: "0 2 * * *", overdue_after: 30m')
    at(monkeypatch, "2026-03-01T02:00:05Z")
    flow.run()
    workspace = open_workspace(None, flow.root, flow.environ)
    seen = []
    for now in ("2026-03-02T02:00:00Z", "2026-03-02T02:29:00Z", "2026-03-02T02:31:00Z"):
        at(monkeypatch, now)
        late = {one.target for one in notifying.overdue(workspace)}
        assert late == {entry.target.name for entry in timetable(workspace) if entry.overdue}
        seen.append(late)
    assert seen == [set(), set(), {"one"}]


def test_signs_of_life(flow: Project, slack: Slack) -> None:
    with Checks() as all_of_it, Checks() as only_two:
        flow.environ |= {"HC_ALL": all_of_it.address, "HC_TWO": only_two.address}
        pings = (
            '  pings: {all: {url: "${HC_ALL}", phases: true}, two: {url: "${HC_TWO}", targets: [two]}, '
            'unset: {url: "${HC_NONE}"}}\n'
        )
        setup(flow, "one", "two", notify=NOTIFY + pings)
        flow.plan()
        assert all_of_it.heard == []
        assert flow.run().warnings == ()
        breaks(flow, "one")
        assert flow.run().warnings == ()
        flow.run("one")
        assert all_of_it.phases == ["/start", "", "/start", "/fail", "/start", "/fail"]
        assert only_two.phases == ["", ""]
        only_two.misbehave(Mishap(status=500))
        [warning] = flow.run("two").warnings
        assert warning == "the ping two could not be told (E-NOTIFY-UNTOLD): it answered 500"


def test_what_was_told_survives_and_where_it_is_lost_it_is_told_once_more(flow: Project, slack: Slack) -> None:
    """F97: of this file, a message too many is all that is lost."""
    breaks(flow, "one")
    flow.run()
    path = flow.root / ".git/directional-sync" / told.FILE
    assert path.stat().st_mode & 0o077 == 0
    kept = path.read_bytes()
    for damage in (b"", b"{", b"null", b'{"form": 99}', kept[: len(kept) // 2], kept.replace(b"failed", b"nonsense")):
        slack.forget()
        path.write_bytes(damage)
        assert flow.run().warnings == ()
        assert titles(slack) == ["FAILING  one"]
        flow.run()
        assert len(slack.messages) == 1


def test_two_that_tell_at_once_do_not_tell_twice(flow: Project, slack: Slack) -> None:
    breaks(flow, "one")
    flow.run()
    workspace = open_workspace(None, flow.root, flow.environ)
    from directional_sync.system.lock import locked

    with locked(workspace.state / "told.lock", timeout_s=0):
        [sent] = notifying.catch_up(workspace, Patience(0.1, 0.1))
    assert "another run is telling" in sent.failed and len(slack.messages) == 1


def test_the_commands(flow: Project, slack: Slack) -> None:
    done = dsync(flow, "notify")
    assert done.returncode == 0 and "team" in done.stdout and "open: none" in done.stdout
    done = dsync(flow, "notify", "--test")
    assert (done.returncode, done.stdout) == (0, "ok team was told\n")
    assert titles(slack) == ["TEST  directional-sync can be heard here"]
    breaks(flow, "one")
    dsync(flow, "run")
    shown = json.loads(dsync(flow, "notify", "--json").stdout)
    assert shown["open"][0]["target"] == "one" and shown["open"][0]["told"] == ["team"]
    assert shown["deliveries"][0]["failed"] is None
    assert dsync(flow, "notify", "--send").stdout == "nothing to tell\n"
    slack.misbehave(Mishap(status=404))
    done = dsync(flow, "notify", "--test", "team", "--json")
    assert done.returncode == 1 and json.loads(done.stdout)["sent"][0]["code"] == "E-NOTIFY-UNTOLD"
    assert dsync(flow, "notify", "--test", "nobody").returncode == 3
    assert dsync(flow, "notify", "team").returncode == 2
    assert dsync(flow, "notify", "--test", "--send").returncode == 2
    assert "notifications  ok" in dsync(flow, "doctor").stdout
    del flow.environ["SLACK_WEBHOOK"]
    done = dsync(flow, "doctor")
    assert done.returncode == 1 and "SLACK_WEBHOOK is not set" in done.stdout


def test_without_the_section_nothing_of_it_is_loaded(project: Project) -> None:
    setup(project, "one", notify="")
    project.run()
    code = (
        "import sys; from directional_sync.cli import main; s = main(['run', '-q']); print(*sys.modules); sys.exit(s)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=project.root, env=project.environ, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0
    own = {name for name in done.stdout.split() if "notif" in name or "notice" in name or "apprise" in name}
    assert own == set()
    done = dsync(project, "notify", "--test")
    assert done.returncode == 3 and "`notify.channels`" in done.stderr
    assert Path(project.root / ".git/directional-sync" / told.FILE).exists() is False
