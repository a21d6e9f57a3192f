"""Files on another machine: over a real sshd, and over a stand-in that can be made to fail."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.files.conftest import Pair
from tests.server.ssh import NoSshd, Sshd, sshd

from directional_sync.endpoints.files import far_script
from directional_sync.endpoints.files.options import SshFilesOptions
from directional_sync.errors import Exit
from directional_sync.model.lifecycle import Outcome
from directional_sync.model.record import EffectKind

SSH = pytest.mark.parametrize("pair", ["ssh"], indirect=True)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    try:
        with sshd(tmp_path_factory.mktemp("ssh") / "sshd", greeting="Welcome\n") as running:
            yield running
    except NoSshd as why:
        pytest.skip(str(why))


def synced(pair: Pair) -> None:
    record = pair.project.one()
    assert record.outcome is Outcome.SYNCED, record.failure


def through(pair: Pair, script: str) -> None:
    """What stands for ssh does this; `$last` is the command."""
    program = pair.project.root.parent / "bin" / "ssh"
    program.write_text(f"#!/bin/sh\nfor last; do :; done\n{script}\n")


@pytest.mark.parametrize("pair", ["folder"], indirect=True)
def test_both_ways_over_a_real_server(pair: Pair, server: Sshd) -> None:
    options = {name: value for name, value in server.remote().items() if name != "host"}
    remote = ", ".join(f"{name}: {value!r}" for name, value in options.items())
    pair.over_ssh = True
    pair.put("theirs/ü b", "t")
    pair.put("run.sh", "#!/bin/sh\n", mode=0o755)
    pair.put("large", os.urandom(20_000_000))
    (pair.far / "link").symlink_to("run.sh")
    pair.project.write("data/ours", "o")
    pair.target("bidirectional", remote=remote, host="127.0.0.1")
    synced(pair)
    assert pair.project.one().outcome is Outcome.IN_SYNC
    assert pair.project.git("ls-tree", "HEAD", "data/run.sh", "data/link").split()[0:1] == ["120000"]
    (pair.far / "theirs/ü b").unlink()
    pair.project.write("data/ours", "o2")
    pair.project.write("data/run.sh", "#!/bin/sh\ntrue\n", mode=0o755)
    pair.project.commit()
    synced(pair)
    assert pair.far.joinpath("ours").read_text() == "o2" and not (pair.far / "theirs/ü b").exists()
    assert (pair.far / "run.sh").stat().st_mode & 0o111
    assert not pair.project.root.joinpath("data/theirs").exists()
    assert pair.project.one().outcome is Outcome.IN_SYNC


@SSH
def test_a_run_without_a_change_is_one_question(pair: Pair) -> None:
    for number in range(30):
        pair.put(f"d{number % 3}/{number}", str(number))
    pair.target("pull")
    synced(pair)
    subprocess.run(["sleep", "0.1"], check=True)  # the clock of the file system moves on
    pair.project.one()
    log = pair.project.root.parent / "log"
    through(pair, f'echo asked >>{log}\nexec sh -c "$last"')
    assert pair.project.one().outcome is Outcome.IN_SYNC
    assert log.read_text() == "asked\n"
    pair.put("d0/0", "changed")
    synced(pair)
    assert log.read_text() == "asked\n" * 4  # the list, the content, the list once more


@SSH
@pytest.mark.parametrize("script", ['sh -c "$last" | head -c 200', 'sh -c "$last" | head -c 90000; exit 255'])
def test_a_cut_answer_is_taken_for_nothing(pair: Pair, script: str) -> None:  # F20
    for number in range(2_000):
        pair.put(f"{number:04}-{'long' * 10}", str(number))
    pair.target("pull")
    synced(pair)
    (pair.far / "0000-longlonglonglonglonglonglonglonglonglong").unlink()
    through(pair, script)
    record = pair.project.one()
    assert record.failure is not None and record.failure.code == "E-FILES-LISTING", record.message
    assert len(pair.project.files(under="data")) == 2_000


@SSH
def test_b90_what_is_edited_between_plan_and_write_stays(pair: Pair) -> None:
    for name in "abc":
        pair.project.write(f"data/{name}", "1")
    pair.target("push")
    synced(pair)
    for name in "ab":
        pair.project.write(f"data/{name}", "ours")
    pair.project.write("data/new", "ours")
    (pair.project.root / "data/c").unlink()
    pair.project.commit()
    edit = f"for one in a c new; do printf theirs >{pair.far}/$one; done"
    # The program that places files is the longest.
    through(pair, f'case $last in *bs=[3-9][0-9][0-9][0-9]*) {edit} ;; esac\nexec sh -c "$last"')
    record = pair.project.one()
    through(pair, 'exec sh -c "$last"')
    assert record.failure is not None and record.failure.code == "E-APPLY", record.message
    assert {path: content.decode() for path, content in pair.files().items()} == {
        "a": "theirs",
        "b": "ours",
        "c": "theirs",
        "new": "theirs",
    }
    stale = {effect.change.key for effect in record.effects if effect.kind is EffectKind.STALE}
    assert stale == {"data/a", "data/c", "data/new"}


@SSH
def test_a_connection_that_is_lost_while_writing_is_made_up_for(pair: Pair) -> None:
    for name in "abcdef":
        pair.project.write(f"data/{name}", name)
    pair.target("push")
    through(pair, 'case $(sh -c "$last" | tee ../said | tail -n 1) in *done*) cat ../said ;; esac')
    synced(pair)
    for name in "abcdef":
        pair.project.write(f"data/{name}", f"{name}2")
    pair.project.commit()
    cut = 'sh -c "$last" >../said; if grep -q "^done" ../said; then head -c 60 ../said; else cat ../said; fi'
    through(pair, cut)
    record = pair.project.one()
    assert record.failure is not None
    through(pair, 'exec sh -c "$last"')
    record = pair.project.one()
    assert record.outcome in (Outcome.SYNCED, Outcome.IN_SYNC), record.failure
    assert pair.files() == {name: f"{name}2".encode() for name in "abcdef"}


@SSH
def test_what_is_no_plain_file_is_told_and_never_gone(pair: Pair) -> None:
    for path in ("a", "nested/.git/HEAD", "nested/x", "pipe"):
        pair.put(path, "1")
    (pair.far / "pipe").unlink()
    os.mkfifo(pair.far / "pipe")
    pair.target("pull")
    record = pair.project.one()
    assert record.failure is not None
    told = "\n".join([record.failure.message, *record.failure.detail, *map(str, record.also)])
    assert "E-FILES-NESTED" in told or "E-FILES-SPECIAL" in told
    assert pair.project.files(under="data") == {"data/a": "1"}


@SSH
def test_a_machine_without_gnu_tools_says_so(pair: Pair) -> None:
    pair.target("pull")
    through(
        pair, 'mkdir -p ../none; ln -sf $(command -v dd) $(command -v sh) ../none/; PATH=$PWD/../none sh -c "$last"'
    )
    record = pair.project.one()
    assert record.failure is not None and record.failure.code == "E-FILES-TOOLS"


@SSH
@pytest.mark.parametrize(
    ("said", "code", "status"),
    [
        ("Permission denied (publickey).", "E-SERVER-AUTH", Exit.CREDENTIAL),
        ("Host key verification failed.", "E-SERVER-HOST-KEY", Exit.REFUSED),
        ("ssh: connect to host x port 22: Connection refused", "E-SERVER-UNREACHABLE", Exit.FAILED),
    ],
)
def test_what_ssh_says_becomes_an_error_of_its_own(pair: Pair, said: str, code: str, status: Exit) -> None:
    pair.target("pull", "retries: 0")
    through(pair, f"echo '{said}' >&2; exit 255")
    record = pair.project.one()
    assert record.failure is not None and (record.failure.code, record.failure.exit) == (code, status)


@pytest.mark.parametrize("shell", ["sh", "bash", "dash", "csh", "tcsh", "fish", "zsh", "ksh"])
def test_the_command_is_one_for_every_login_shell(shell: str, tmp_path: Path) -> None:
    program = b"printf '%s\\n' \"$HOME\"; cat\n"
    try:
        done = subprocess.run([shell, "-c", far_script.started(program)], input=program + b"rest", capture_output=True)
    except FileNotFoundError:
        pytest.skip(f"{shell} is not installed")
    assert done.stdout == f"{os.environ['HOME']}\nrest".encode()


@pytest.mark.parametrize(
    "wrong", [{"path": "relative"}, {"path": "/"}, {"path": "/a/../b"}, {"host": ""}, {"host": "-oProxyCommand=x"}]
)
def test_what_cannot_be_meant_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        SshFilesOptions.model_validate({"host": "h", "path": "/srv", **wrong})
