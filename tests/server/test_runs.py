"""Whole runs on a server that is a folder: what is written, what is held, and what is never taken for gone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.server.flow import ADDONS, DATABASE, ENVIRONMENT, INTO, Flow, everything
from tests.server.machine import ARGV, CONF, ENVIRON, SECRETS, Machine

from directional_sync.errors import Exit
from directional_sync.model.lifecycle import Outcome

needs_no_root = pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")


def test_first_run_and_no_change(flow: Flow) -> None:
    record = flow.sync()
    assert record.outcome is Outcome.SYNCED
    assert flow.lines(ADDONS) == ["/usr/lib/odoo/addons", "/mnt/extra-addons"]
    assert flow.lines(DATABASE) == [
        "db_host = db.internal",
        "db_name = prod",
        "db_password = <secret:db_password>",
        "db_port = 5432",
        "db_user = odoo",
    ]
    assert flow.lines(ENVIRONMENT) == ["LANG=C.UTF-8", "PATH=/usr/bin:/bin", "SMTP_PASSWORD=<secret:SMTP_PASSWORD>"]
    assert sorted(flow.project.files(under=INTO)) == [f"{INTO}/{name}" for name in (ADDONS, DATABASE, ENVIRONMENT)]
    head = flow.project.head
    assert flow.sync().outcome is Outcome.IN_SYNC
    assert flow.project.head == head


def test_a_dry_run_writes_nothing(flow: Flow) -> None:
    head = flow.project.head
    record = flow.project.one(dry_run=True)
    assert record.plan is not None and len(record.plan.repo) == 3
    assert flow.project.head == head and not (flow.project.root / INTO).exists()


def test_what_changes_on_the_server_changes_in_its_file_only(flow: Flow, server: Machine) -> None:
    flow.sync()
    server.conf(CONF.replace("db.internal", "db2.internal"))
    record = flow.sync()
    assert [change.key for change in record.plan.repo] == [f"{INTO}/{DATABASE}"]  # type: ignore[union-attr]
    assert "db_host = db2.internal" in flow.lines(DATABASE)


def test_a_rotated_secret_is_no_change(flow: Flow, server: Machine) -> None:
    flow.sync()
    server.conf(CONF.replace("Pg-Live-Secret-77", "another-1-Pw").replace("Adm1n-Master-Pw", "x"))
    server.process(environ={**ENVIRON, "SMTP_PASSWORD": "rotated-Pw-2026"})
    assert flow.sync().outcome is Outcome.IN_SYNC


def test_a_new_pod_is_no_change(flow: Flow, server: Machine) -> None:
    flow.sync()
    server.ends()
    pod = {"HOSTNAME": "odoo-99x", "KUBERNETES_SERVICE_HOST": "10.0.0.1", "REDIS_PORT": "tcp://10.1.2.3:6379"}
    server.process(environ={**dict(reversed(ENVIRON.items())), **pod, "SHLVL": "2", "_": "/usr/bin/odoo"}, pid=7)
    assert flow.sync().outcome is Outcome.IN_SYNC


def test_an_unreadable_part_holds_its_file_and_the_others_go_on(flow: Flow, server: Machine) -> None:
    flow.sync()
    before = flow.text(ENVIRONMENT)
    server.process(environ=b"\0" * 200)  # overwritten for a title
    server.conf(CONF.replace("5432", "5433"))
    record = flow.fail()
    assert record.failure is not None and record.failure.code == "E-SERVER-PROCESS"
    assert "environment_file" in record.failure.hint
    assert flow.text(ENVIRONMENT) == before
    assert "db_port = 5433" in flow.lines(DATABASE)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "no section [options]"),
        (b"\x00\x01\x02", "binary"),
        (b"<html>maintenance</html>\n", "line 1 is not of the form"),
        (b"[options]\ndb_host = a\npassword-is-Qx7\n", "line 3 is not of the form"),
        (b"[queue]\nchannels = root:2\n", "no section [options]"),
    ],
)
def test_a_file_that_is_no_configuration_is_not_taken(flow: Flow, server: Machine, content: bytes, says: str) -> None:
    flow.sync()
    before = flow.text(DATABASE)
    server.conf(content)
    record = flow.fail()
    assert record.failure is not None and record.failure.code == "E-SERVER-FILE"
    told = record.failure.message + "".join(record.failure.detail)
    assert says in told and "Qx7" not in told
    assert flow.text(DATABASE) == before and flow.text(ADDONS)


def test_a_file_that_is_gone_is_not_gone_from_the_documentation(flow: Flow, server: Machine) -> None:
    flow.sync()
    before = flow.project.files(under=INTO)
    server.conf().unlink()
    record = flow.fail()
    assert record.failure is not None and record.failure.code == "E-SERVER-FILE"
    assert "there is no /etc/odoo/odoo.conf" in record.failure.message
    assert flow.project.files(under=INTO) == before


@needs_no_root
def test_a_file_that_may_not_be_read_is_not_missing(flow: Flow, server: Machine) -> None:
    file = server.conf()
    file.chmod(0)
    record = flow.fail()
    assert record.failure is not None and "may not be read" in record.failure.message
    file.chmod(0o600)
    file.parent.chmod(0)
    record = flow.fail()
    file.parent.chmod(0o700)
    assert record.failure is not None and "may not be read" in record.failure.message


def test_the_process_says_which_file_counts_and_what_differs_from_it(flow: Flow, server: Machine) -> None:
    server.conf(CONF.replace("db_name = prod", "db_name = other"), "/srv/live/live.conf")
    more = ("--db_host=db9", "-d", "live", "-w", "Cmd-Line-Pw-5", "--addons-path", "/a,/b")
    server.process((*ARGV[:2], "--config", "/srv/live/live.conf", *more))
    flow.sync()
    assert flow.lines(ADDONS) == ["/a", "/b"]
    assert {"db_host = db9", "db_name = live", "db_password = <secret:db_password>"} <= set(flow.lines(DATABASE))
    assert "/srv/live/live.conf and the command line of its process" in flow.text(DATABASE)
    assert "Cmd-Line-Pw-5" not in flow.text(DATABASE)


def test_the_variable_of_the_process_says_which_file_counts(flow: Flow, server: Machine) -> None:
    server.conf("[options]\ndb_name = byvariable\n", "/opt/rc.conf")
    server.process(("odoo", "--workers=2"), {"ODOO_RC": "/opt/rc.conf"})
    flow.sync()
    assert flow.lines(DATABASE) == ["db_name = byvariable"]
    assert flow.text(ADDONS).endswith("# addons_path is not set: the server uses its own default.")


def test_a_server_that_does_not_run_is_told_and_nothing_is_written(flow: Flow, server: Machine) -> None:
    flow.sync()
    before = flow.project.head
    server.ends()
    record = flow.fail()
    assert record.failure is not None and record.failure.code == "E-SERVER-PROCESS"
    assert flow.project.head == before


def test_without_a_process_files_are_read_only(flow: Flow, server: Machine) -> None:
    server.ends()
    server.write("/etc/odoo.env", "A=1\nexport B='two words'\n# C=no\nDB_PASSWORD=\"multi\nline\"\nD\n")
    flow.configure(process=[], environment_file="/etc/odoo.env")
    flow.sync()
    assert flow.lines(ENVIRONMENT) == ["A=1", "B=two words", "DB_PASSWORD=<secret:DB_PASSWORD>"]
    assert "from /etc/odoo.env" in flow.text(ENVIRONMENT)
    flow.configure(environment_file=None, environment="none")
    flow.sync(allow_delete=1)
    assert flow.text(ENVIRONMENT) == "" and flow.lines(ADDONS)


def test_other_settings_and_other_names(flow: Flow, server: Machine) -> None:
    server.conf(CONF + "\n[queue_job]\nchannels = root:2\njobrunner_db_password = qj-Pw-1\n")
    flow.configure(files={"settings": "OTHER.txt", "environment": "", "database": "DB.txt"})
    flow.sync()
    assert flow.lines("OTHER.txt") == [
        "",
        "[options]",
        "admin_passwd = <secret:admin_passwd>",
        "workers = 4",
        "",
        "[queue_job]",
        "channels = root:2",
        "jobrunner_db_password = <secret:jobrunner_db_password>",
    ]
    assert flow.lines("DB.txt") and not flow.text(ENVIRONMENT)


def test_a_link_out_of_a_mounted_root_is_not_followed(flow: Flow, server: Machine, tmp_path: Path) -> None:
    mine = tmp_path / "mine.conf"
    mine.write_text("[options]\ndb_host = of-this-machine\n")
    conf = server.conf()
    conf.unlink()
    conf.symlink_to(mine)
    record = flow.fail()
    assert record.failure is not None and "leads out of it" in record.failure.message
    assert b"of-this-machine" not in everything(flow.project.root)


def test_no_secret_is_anywhere_afterwards(flow: Flow) -> None:
    flow.configure(files={"settings": "ODOO.txt"})
    flow.project.one(dry_run=True)
    flow.sync()
    content = everything(flow.project.root)
    assert b"<secret:admin_passwd>" in content
    for secret in SECRETS:
        assert secret.encode() not in content


def test_mistakes_are_told_all_at_once(flow: Flow) -> None:
    from directional_sync.errors import ConfigError

    wrong = {"host": "-oProxyCommand=x", "known_hosts": "../up", "identity_file": "id_ed25519", "port": 70000}
    with pytest.raises(ConfigError) as found:
        flow.configure(**wrong)
        flow.project.run()
    said = " ".join(problem.message for problem in found.value.problems)
    assert all(f"`{key}`" in said for key in wrong)
    assert found.value.exit is Exit.USAGE
