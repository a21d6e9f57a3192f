"""Through a command: docker, kubectl, or whatever runs a program beside the server."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from tests.project import Project, make_project
from tests.server.flow import ADDONS, DATABASE, ENVIRONMENT, Flow
from tests.server.machine import Machine

from directional_sync.errors import Exit
from directional_sync.model.lifecycle import Outcome

DOCKER = """\
#!/bin/sh
# A container is a folder: the program's own script is asked to look below it.
[ "$1" = exec ] || exit 64
[ "$2" = odoo ] || { echo "Error response from daemon: No such container: $2" >&2; exit 1; }
shift 2
[ "$1 $2" = "sh -c" ] || { echo "OCI runtime exec failed: executable file not found" >&2; exit 127; }
script=$(printf '%s\\n' "$3" | sed "s|^R=.*|R=ROOT|")
MISCHIEF
exec env -i PATH="$PATH" sh -c "$script"
"""


@pytest.fixture
def flow(tmp_path: Path, server: Machine) -> Flow:
    project: Project = make_project(tmp_path / "project")
    project.environ["PATH"] = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
    flow = Flow(project, {"command": ["docker", "exec", "odoo"]}, {"timeout": "60s"})
    flow.configure()
    return flow


@pytest.fixture(autouse=True)
def docker(tmp_path: Path, server: Machine) -> Any:
    def install(mischief: str = "") -> None:
        file = tmp_path / "bin" / "docker"
        file.parent.mkdir(exist_ok=True)
        file.write_text(DOCKER.replace("ROOT", str(server.root)).replace("MISCHIEF", mischief))
        file.chmod(0o755)

    install()
    return install


def test_in_a_container(flow: Flow) -> None:
    assert flow.sync().outcome is Outcome.SYNCED
    assert flow.lines(ADDONS) and flow.lines(DATABASE) and flow.lines(ENVIRONMENT)
    assert flow.sync().outcome is Outcome.IN_SYNC


@pytest.mark.parametrize(
    ("mischief", "code", "status"),
    [
        ('sh -c "$script" | head -c 300; exit 0', "E-SERVER-CUT", Exit.FAILED),  # F48
        ('sh -c "$script" | sed "/ done$/d"; exit 0', "E-SERVER-CUT", Exit.FAILED),
        ("exit 0", "E-SERVER-COMMAND", Exit.FAILED),
        ("echo '<html>maintenance</html>'; exit 0", "E-SERVER-COMMAND", Exit.FAILED),  # F49
        ("echo 'Error from server (Forbidden): pods' >&2; exit 1", "E-SERVER-AUTH", Exit.CREDENTIAL),
        ("echo 'Cannot connect to the Docker daemon' >&2; exit 1", "E-SERVER-UNREACHABLE", Exit.FAILED),
        ("yes xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx | head -c 40000000; exit 0", "E-SERVER-SIZE", Exit.FAILED),  # F82
        ("kill -9 $$", "E-SERVER-COMMAND", Exit.FAILED),
    ],
)
def test_no_answer_is_taken_for_one(flow: Flow, docker: Any, mischief: str, code: str, status: Exit) -> None:
    flow.sync()
    head = flow.project.head
    docker(mischief)
    record = flow.fail()
    assert record.failure is not None and (record.failure.code, record.failure.exit) == (code, status)
    assert flow.project.head == head


def test_a_cut_anywhere_is_never_a_shorter_answer(flow: Flow, docker: Any) -> None:
    flow.sync()
    head = flow.project.head
    for size in (1, 60, 120, 400, 500, 600):
        docker(f'sh -c "$script" | head -c {size}; exit 0')
        record = flow.fail()
        assert record.failure is not None and record.failure.code in ("E-SERVER-CUT", "E-SERVER-COMMAND")
    assert flow.project.head == head


def test_a_command_that_hangs_ends_with_all_it_started(flow: Flow, docker: Any, tmp_path: Path) -> None:  # F46
    flow.target["timeout"] = "1s"
    flow.configure()
    docker(f"sleep 600 & echo $! >'{tmp_path}/pid'; wait")
    record = flow.fail()
    assert record.failure is not None and record.failure.code == "E-SERVER-TIMEOUT"
    pid = int((tmp_path / "pid").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_greetings_before_the_answer_do_no_harm(flow: Flow, docker: Any) -> None:
    docker("echo 'Welcome! dsync- begin'; echo noise >&2")
    assert flow.sync().outcome is Outcome.SYNCED


def test_a_secret_in_what_is_said_stays_unsaid(flow: Flow, docker: Any) -> None:
    docker("echo 'cannot log in with password=Sup3r-Pw-7 at https://u:pw7@h/' >&2; exit 1")
    record = flow.fail()
    assert record.failure is not None
    said = record.failure.message + "".join(record.failure.detail)
    assert "Sup3r" not in said and "pw7" not in said


def test_a_program_that_is_not_there(flow: Flow) -> None:
    flow.configure(command=["no-such-program-7", "exec"])
    record = flow.fail()
    assert record.failure is not None and record.failure.code == "E-PROGRAM-MISSING"
    flow.configure(command=["docker", "exec", "gone"])
    record = flow.fail()
    assert record.failure is not None and record.failure.code == "E-SERVER-COMMAND"
    assert "No such container: gone" in "".join(record.failure.detail)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_what_somebody_else_may_not_read_is_not_missing(flow: Flow, server: Machine) -> None:
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    flow.configure(command=nobody, config_file=str(server.root / "etc/odoo/odoo.conf"), process=[], environment="none")
    record = flow.fail()
    assert record.failure is not None and record.failure.code == "E-SERVER-FILE"
    assert "may not be read" in record.failure.message


def test_what_may_pass_is_tried_again_and_what_may_not_is_not(flow: Flow, docker: Any, tmp_path: Path) -> None:  # F45
    flow.target["retries"] = 2
    flow.configure()
    count = f"echo x >>'{tmp_path}/tries'; [ $(wc -l <'{tmp_path}/tries') -gt 1 ] || "
    docker(count + "{ echo 'dial tcp: connection refused' >&2; exit 1; }")
    assert flow.sync().outcome is Outcome.SYNCED
    (tmp_path / "tries").unlink()
    docker(count + "{ echo 'Unauthorized' >&2; exit 1; }")
    record = flow.fail()
    assert record.failure is not None and record.failure.code == "E-SERVER-AUTH"
    assert (tmp_path / "tries").read_text() == "x\n"
