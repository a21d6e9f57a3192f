"""Over a real sshd: what it takes to get in, and what is said when one does not."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.project import Project, make_project
from tests.server.flow import ADDONS, DATABASE, ENVIRONMENT, Flow, everything
from tests.server.machine import CONF, SECRETS
from tests.server.ssh import NoSshd, Sshd, free_port, new_key, sshd

from directional_sync.errors import Exit
from directional_sync.model.lifecycle import Outcome


@dataclass
class Live:
    """A process like a server's, that really runs."""

    folder: Path
    pid: int

    @property
    def conf(self) -> Path:
        return self.folder / "odoo.conf"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    try:
        with sshd(tmp_path_factory.mktemp("ssh") / "sshd", greeting="Hello, Gr33ting-Pw\n") as running:
            yield running
    except NoSshd as why:
        pytest.skip(str(why))


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    folder = tmp_path / "live"
    folder.mkdir()
    (folder / "odoo-bin").write_text("import sys\nsys.stdout.write('up\\n')\nsys.stdout.flush()\nsys.stdin.read()\n")
    (folder / "odoo.conf").write_text(CONF)
    environ = {"PATH": os.environ["PATH"], "SMTP_PASSWORD": "sm7p-Live-Pw", "MOTTO": "two\nlines", "SHLVL": "3"}
    argv = [sys.executable, "-S", str(folder / "odoo-bin"), "-c", "odoo.conf"]
    child = subprocess.Popen(argv, cwd=folder, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout is not None and child.stdout.readline() == b"up\n"
    yield Live(folder, child.pid)
    child.communicate()


@pytest.fixture
def flow(tmp_path: Path, server: Sshd, live: Live) -> Flow:
    project: Project = make_project(tmp_path / "project")
    flow = Flow(project, {**server.remote(), "process": [f"*{live.folder}/odoo-bin *"]}, {"timeout": "60s"})
    flow.configure()
    return flow


def test_everything_comes_over_in_one_go(flow: Flow, live: Live, server: Sshd) -> None:
    assert flow.sync().outcome is Outcome.SYNCED
    assert flow.lines(ADDONS) == ["/usr/lib/odoo/addons", "/mnt/extra-addons"]
    assert "db_password = <secret:db_password>" in flow.lines(DATABASE)
    assert flow.lines(ENVIRONMENT)[0] == r'MOTTO="two\nlines"'
    assert str(live.conf) in flow.text(DATABASE)  # the process named it, relative to its folder
    assert flow.sync().outcome is Outcome.IN_SYNC
    content = everything(flow.project.root)
    for secret in (*SECRETS, "Gr33ting-Pw", "OPENSSH PRIVATE KEY"):
        assert secret.encode() not in content
    assert server.known_hosts.read_text() == server.host_line


def test_a_host_key_that_is_not_known_is_not_taken(flow: Flow, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.write_text("")
    flow.configure(known_hosts=str(empty))
    record = flow.fail()
    assert record.failure is not None
    assert (record.failure.code, record.failure.exit) == ("E-SERVER-HOST-KEY", Exit.REFUSED)
    assert "not known" in record.failure.message and empty.read_text() == ""


def test_another_host_key_than_the_known_one_is_refused(flow: Flow, server: Sshd, tmp_path: Path) -> None:
    flow.sync()
    head = flow.project.head
    new_key(tmp_path / "other")
    kind, key, *_ = (tmp_path / "other.pub").read_text().split()
    flow.project.write("known_hosts", f"[127.0.0.1]:{server.port} {kind} {key}\n")
    flow.configure(known_hosts="known_hosts")
    record = flow.fail()
    assert record.failure is not None and record.failure.code == "E-SERVER-HOST-KEY"
    assert "another host key" in record.failure.message and "SHA256:" in "".join(record.failure.detail)
    assert flow.project.git("diff", "--stat", head, "--", "docs") == ""


def test_known_hosts_is_taken_as_the_branch_has_it(flow: Flow, server: Sshd) -> None:
    flow.project.write("deploy/known_hosts", server.host_line)
    flow.configure(known_hosts="deploy/known_hosts")
    assert flow.sync().outcome is Outcome.SYNCED
    flow.project.write("deploy/known_hosts", "")
    assert flow.sync().outcome is Outcome.IN_SYNC
    flow.configure(known_hosts="deploy/nothing")
    record = flow.fail()
    assert record.failure is not None and "no file of the branch" in record.failure.message


def test_a_key_that_is_not_accepted(flow: Flow, tmp_path: Path) -> None:
    new_key(tmp_path / "stranger")
    flow.configure(identity_file=str(tmp_path / "stranger"))
    record = flow.fail()
    assert record.failure is not None
    assert (record.failure.code, record.failure.exit) == ("E-SERVER-AUTH", Exit.CREDENTIAL)
    assert "identity_file" in record.failure.hint


@pytest.mark.parametrize("host", ["127.0.0.1", "no-such-host.invalid"])
def test_a_host_that_is_down_keeps_what_there_was(flow: Flow, host: str) -> None:
    flow.sync()
    head, before = flow.project.head, flow.text(DATABASE)
    flow.configure(host=host, port=free_port())
    record = flow.fail()
    assert record.failure is not None
    assert (record.failure.code, record.failure.exit) == ("E-SERVER-UNREACHABLE", Exit.FAILED)
    assert flow.text(DATABASE) == before and flow.project.git("diff", "--stat", head, "--", "docs") == ""


def test_a_command_on_the_host(flow: Flow, live: Live) -> None:
    """docker on another machine: the words survive the shells on the way."""
    wrapper = live.folder / "in side"
    wrapper.write_text(
        '#!/bin/sh\n[ "$1" = exec ] && [ "$2" = "o d\'oo" ] || { echo "No such container: $2" >&2; exit 1; }\n'
        'shift 2\nexec "$@"\n'
    )
    wrapper.chmod(0o755)
    flow.configure(command=[str(wrapper), "exec", "o d'oo"])
    assert flow.sync().outcome is Outcome.SYNCED
    assert flow.lines(ADDONS)
    flow.configure(command=[str(wrapper), "exec", "gone"])
    record = flow.fail()
    assert record.failure is not None and record.failure.code == "E-SERVER-COMMAND"
    assert "No such container: gone" in "".join(record.failure.detail)


def test_the_agent_is_not_lent_and_nobody_is_asked(flow: Flow, live: Live, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    wrapper = live.folder / "look"
    wrapper.write_text(f'#!/bin/sh\nenv >"{seen}"\nexec "$@"\n')
    wrapper.chmod(0o755)
    flow.target["env"] = ["SSH_AUTH_SOCK", "MY_TOKEN"]
    flow.project.environ |= {"SSH_AUTH_SOCK": "/nowhere", "MY_TOKEN": "tok-9-never-sent"}
    flow.configure(command=[str(wrapper)])
    flow.sync()
    assert "SSH_CONNECTION" in seen.read_text()
    assert "SSH_AUTH_SOCK" not in seen.read_text() and "tok-9" not in seen.read_text()
