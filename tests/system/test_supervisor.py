"""Programs of users: whatever they do, they end, take no memory and leave nothing running."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest

from directional_sync.errors import HostError, InterruptedRun
from directional_sync.system import supervisor
from directional_sync.system.supervisor import Ended, end_orphans, interrupt_all, supervise

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux hands orphans back")
_numbers = count(100_000 + os.getpid() * 1000)
PATH = {"PATH": os.environ["PATH"]}


class Nap:
    """A `sleep` that can be told from all others."""

    def __init__(self) -> None:
        self.seconds = str(next(_numbers))

    def __str__(self) -> str:
        return f"sleep {self.seconds}"

    def alive(self) -> int:
        words = f"sleep\0{self.seconds}\0".encode()
        return sum(words in _command_line(path) for path in Path("/proc").iterdir() if path.name.isdigit())

    def wait(self, number: int, seconds: float = 5.0) -> None:
        """Until exactly `number` are alive."""
        end = time.monotonic() + seconds
        while self.alive() != number:
            assert time.monotonic() < end, f"{self.alive()} of `{self}` are alive, not {number}"
            time.sleep(0.02)


def _command_line(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""


@pytest.fixture
def nap() -> Iterator[Nap]:
    nap = Nap()
    yield nap
    assert nap.alive() == 0


def bash(script: str, cwd: Path, timeout_s: float = 20.0, **options: object) -> Ended:
    return supervise(["bash", "-c", script], cwd=cwd, env=PATH, timeout_s=timeout_s, **options)  # type: ignore[arg-type]


def hung(nap: Nap) -> str:
    """A tree of six that ignores TERM: in the group, in a new session, by a double fork, without environment."""
    stubborn = f"trap '' TERM; {nap}; {nap}"
    return (
        f'trap \'\' TERM; {nap} & setsid bash -c "{stubborn}" & (setsid bash -c "{stubborn}" &) ; '
        f'(env -i "$BASH" -c "exec setsid {nap}" &) ; {nap}; {nap}'
    )


def test_what_it_says_and_how_it_ends(tmp_path: Path) -> None:
    ended = bash("echo out; echo err >&2; pwd; exit 3", tmp_path)
    assert (ended.status, ended.signal, ended.swept) == (3, 0, 0)
    assert ended.output == f"out\n{tmp_path}\n".encode()
    assert ended.errors == b"err\n"
    assert not ended.timed_out
    assert not ended.truncated


def test_environment_is_exactly_what_was_given(tmp_path: Path) -> None:
    ended = supervise(["/usr/bin/env"], cwd=tmp_path, env={"A": "1", "B": "ä\n"}, timeout_s=5)
    assert sorted(ended.output.decode().split("\n")) == ["", "", "A=1", "B=ä"]


def test_arguments_are_never_read_by_a_shell(tmp_path: Path) -> None:
    words = ["a b", "$(touch x)", "`id`", "; rm", "*", "", "ä"]
    program = "import sys; print(sys.argv[1:])"
    ended = supervise([sys.executable, "-c", program, *words], cwd=tmp_path, env=PATH, timeout_s=5)
    assert ended.output.decode().strip() == str(words)
    assert list(tmp_path.iterdir()) == []


def test_input_is_closed(tmp_path: Path) -> None:
    assert bash("read answer; echo $?", tmp_path).output == b"1\n"


def test_no_descriptor_is_inherited(tmp_path: Path) -> None:
    kept = [os.dup(1), *os.pipe()]
    try:
        for descriptor in kept:
            os.set_inheritable(descriptor, True)
        program = "import os; print(sorted(os.listdir('/dev/fd'))[:-1])"
        ended = supervise([sys.executable, "-c", program], cwd=tmp_path, env=PATH, timeout_s=5)
    finally:
        for descriptor in kept:
            os.close(descriptor)
    assert ended.output.strip() == b"['0', '1', '2']"


def test_own_session_and_ordinary_signals(tmp_path: Path) -> None:
    program = "import os; print(os.getsid(0) == os.getpid(), open('/proc/self/status').read())"
    ended = bash(f'exec {sys.executable} -S -c "{program}"', tmp_path)
    assert ended.output.startswith(b"True ")
    ignored = next(line for line in ended.output.decode().splitlines() if line.startswith("SigIgn"))
    # The C library keeps two signals to itself, which no program can set or reset; the interpreter ignores two.
    ordinary = {int(number) for number in signal.valid_signals()} - {signal.SIGPIPE, signal.SIGXFSZ}
    mask = int(ignored.split()[1], 16)
    assert not [number for number in ordinary if mask >> (number - 1) & 1]
    assert bash("yes | head -1", tmp_path).errors == b""  # `yes` dies of SIGPIPE instead of complaining


@pytest.mark.parametrize(
    ("argv", "error"),
    [
        (["/nowhere/program"], FileNotFoundError),
        (["no-such-program-anywhere"], FileNotFoundError),
        (["./plain"], PermissionError),
        (["."], PermissionError),
        (["./empty"], OSError),
    ],
)
def test_cannot_start(argv: list[str], error: type[OSError], tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("hello")
    (tmp_path / "empty").write_text("not a program")
    (tmp_path / "empty").chmod(0o755)
    with pytest.raises(error):
        supervise(argv, cwd=tmp_path, env=PATH, timeout_s=5)


def test_cannot_start_where_there_is_no_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        bash("true", tmp_path / "missing")
    assert caught.value.filename == str(tmp_path / "missing")


def test_f14_a_killed_program_is_recognised(tmp_path: Path) -> None:
    ended = bash("kill -9 $$", tmp_path)
    assert (ended.status, ended.signal, ended.out_of_memory) == (137, 9, True)
    assert bash("bash -c 'kill -9 $$'", tmp_path).out_of_memory
    assert not bash("kill -TERM $$", tmp_path).out_of_memory
    assert not bash("exit 1", tmp_path).out_of_memory


@linux
def test_f81_deadline_ends_the_whole_tree(tmp_path: Path, nap: Nap) -> None:
    started = time.monotonic()
    ended = bash(hung(nap), tmp_path, timeout_s=0.5, grace_s=0.5)
    assert ended.timed_out
    assert not ended.out_of_memory
    assert ended.swept >= 5
    assert nap.alive() == 0
    assert time.monotonic() - started < 0.5 + 0.5 + 2.0


def test_deadline_asks_first(tmp_path: Path, nap: Nap) -> None:
    ended = bash(f"trap 'echo cleaned; exit 4' TERM; {nap} & wait", tmp_path, timeout_s=0.3)
    assert ended.timed_out
    assert ended.output == b"cleaned\n"
    assert ended.status == 4


@linux
def test_p9_background_processes_end_with_the_program(tmp_path: Path, nap: Nap) -> None:
    ended = bash(f"{nap} & setsid {nap} & (setsid bash -c '{nap}; {nap}' &) ; echo done", tmp_path)
    assert ended.output == b"done\n"
    assert ended.status == 0
    assert ended.swept == 4
    assert nap.alive() == 0
    assert ended.duration_s < 3


def test_a_last_writer_may_finish(tmp_path: Path) -> None:
    ended = bash("exec > >(sleep 0.1; cat); echo late", tmp_path)
    assert ended.output == b"late\n"
    assert ended.swept == 0


@linux
def test_g13_many_hung_trees_at_once(tmp_path: Path) -> None:
    _many_hung_trees(tmp_path, 20)


@linux
@pytest.mark.faults
def test_g13_two_hundred_hung_trees(tmp_path: Path) -> None:
    _many_hung_trees(tmp_path, 200)


def _many_hung_trees(folder: Path, number: int) -> None:
    naps = [Nap() for _ in range(number)]

    def one(nap: Nap) -> tuple[Ended, int]:
        ended = bash(hung(nap), folder, timeout_s=0.7, grace_s=0.5)
        return ended, nap.alive()

    with ThreadPoolExecutor(10) as pool:
        for ended, alive in pool.map(one, naps):
            assert alive == 0
            assert ended.timed_out
            assert 0.7 <= ended.duration_s < 0.7 + 0.5 + 2.0


@linux
def test_many_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    naps = [Nap() for _ in range(12)]

    def one(number: int) -> Ended:
        leave = f"(setsid {naps[number]} &) ;" if number % 2 else ""
        return bash(f"{leave} sleep 0.{number:02}; echo {number}; exit {number}", tmp_path)

    with ThreadPoolExecutor(12) as pool:
        for number, ended in enumerate(pool.map(one, range(12))):
            assert (ended.output, ended.status, ended.swept) == (f"{number}\n".encode(), number, number % 2)
    assert sum(nap.alive() for nap in naps) == 0


_MEASURE = """
import resource, sys
from pathlib import Path
from directional_sync.system.supervisor import supervise
ended = supervise(["bash", "-c", sys.argv[1]], cwd=Path("/"), env={"PATH": sys.argv[2]}, timeout_s=500,
                  on_line=(lambda line: None) if sys.argv[3] else None)
status = Path("/proc/self/status")  # unlike getrusage it does not count what the process was forked from
lines = status.read_text().splitlines() if status.exists() else []
peaks = [int(line.split()[1]) for line in lines if line.startswith("VmHWM:")]
peak = (peaks or [resource.getrusage(resource.RUSAGE_SELF).ru_maxrss])[0] // 1024
print(ended.status, ended.truncated, len(ended.output) + len(ended.errors), peak)
"""


def _measure(script: str, listen: bool = True) -> tuple[int, int]:
    argv = [sys.executable, "-c", _MEASURE, script, os.environ["PATH"], "1" if listen else ""]
    status, truncated, kept, peak_mb = subprocess.run(argv, check=True, capture_output=True).stdout.split()
    assert (status, truncated) == (b"0", b"True")
    return int(kept), int(peak_mb)


@pytest.mark.parametrize(
    "script",
    [
        "yes a line of output | head -c 300000000",
        "head -c 300000000 /dev/zero",
        "head -c 150000000 /dev/urandom; head -c 150000000 /dev/urandom >&2",
    ],
    ids=["lines", "one line", "binary on both"],
)
def test_r11_a_noisy_program_takes_no_memory(script: str) -> None:
    kept, peak_mb = _measure(script)
    assert 25_000_000 <= kept <= 50_000_200
    assert peak_mb < 150


@pytest.mark.faults
def test_g14_ten_gigabytes() -> None:
    assert _measure("yes | head -c 10000000000")[1] < 150
    assert _measure("head -c 1000000000 /dev/zero")[1] < 150


def test_f82_both_ends_of_the_output_are_kept(tmp_path: Path) -> None:
    ended = bash("echo first; head -c 1000000 /dev/zero; echo last", tmp_path, keep_bytes=10_000)
    assert ended.truncated
    assert ended.output.startswith(b"first\n\0")
    assert ended.output.endswith(b"\0last\n")
    assert len(ended.output) < 5_100


def test_lines_are_heard_while_it_runs(tmp_path: Path) -> None:
    heard: list[tuple[float, str]] = []
    started = time.monotonic()
    bash(
        r"printf 'one\n\xff\033[31mtwo\n'; echo three >&2; sleep 0.5",
        tmp_path,
        on_line=lambda line: heard.append((time.monotonic() - started, line)),
    )
    assert sorted(line for _, line in heard) == ["one", "three", "\ufffdtwo"]
    assert all(at < 0.45 for at, _ in heard)


def test_a_listener_that_fails_leaves_nothing_running(tmp_path: Path, nap: Nap) -> None:
    def fail(line: str) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        bash(f"echo hello; {nap}", tmp_path, on_line=fail)
    assert nap.alive() == 0


def test_interrupting_ends_all(tmp_path: Path, nap: Nap) -> None:
    failures: list[BaseException] = []

    def one() -> None:
        try:
            bash(str(nap), tmp_path)
        except InterruptedRun as error:
            failures.append(error)

    threads = [threading.Thread(target=one) for _ in range(3)]
    for thread in threads:
        thread.start()
    nap.wait(3)
    assert interrupt_all() == 3
    for thread in threads:
        thread.join(5)
    assert len(failures) == 3


@linux
def test_a_killed_keeper_is_told_and_its_tree_ended(tmp_path: Path, nap: Nap) -> None:
    with pytest.raises(HostError) as caught:
        bash(f"kill -9 $PPID; {nap}", tmp_path)
    assert caught.value.code == "E-SUPERVISOR"
    nap.wait(0)


def test_a_killed_nursery_is_started_again(tmp_path: Path) -> None:
    assert bash("true", tmp_path).status == 0
    process = supervisor._nursery._process
    assert process is not None
    process.kill()
    process.wait()
    assert bash("echo again", tmp_path).output == b"again\n"


_RUN = """
import os, sys
from pathlib import Path
from directional_sync.system.supervisor import supervise
env = {"PATH": os.environ["PATH"], "SYNC_ROOT": sys.argv[2]}
supervise(["bash", "-c", sys.argv[1]], cwd=Path("/"), env=env, timeout_s=60, grace_s=0.5, watch=Path(sys.argv[3]))
"""


def _start_run(script: str, folder: Path) -> tuple[subprocess.Popen[bytes], Path]:
    watch = folder / "watch.json"
    run = subprocess.Popen([sys.executable, "-c", _RUN, script, str(folder), str(watch)], start_new_session=True)
    return run, watch


@linux
def test_f18_the_tree_ends_when_we_are_killed(tmp_path: Path, nap: Nap) -> None:
    run, watch = _start_run(f"trap '' TERM; (setsid {nap} &) ; {nap}; {nap}", tmp_path)
    nap.wait(2)
    keeper, _ = json.loads(watch.read_text())["processes"]
    run.kill()
    run.wait()
    nap.wait(0)
    while Path(f"/proc/{keeper}").exists():
        time.sleep(0.02)
    assert end_orphans(watch) == 0
    assert not watch.exists()


@linux
def test_f18_what_outlives_even_the_keeper_is_ended_by_the_next_run(tmp_path: Path, nap: Nap) -> None:
    run, watch = _start_run(f"(setsid {nap} &) ; {nap} & {nap}", tmp_path)
    nap.wait(3)
    keeper, first = (int(pid) for pid in json.loads(watch.read_text())["processes"])
    os.kill(keeper, signal.SIGSTOP)  # or it would notice
    for pid in (run.pid, keeper, first):
        os.kill(pid, signal.SIGKILL)
    run.wait()
    assert nap.alive() == 3
    assert end_orphans(watch) >= 3
    nap.wait(0)
    assert end_orphans(watch) == 0


@linux
def test_f18_a_reused_number_is_left_alone(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as innocent:
        try:
            note = {"boot": supervisor._boot(), "mark": "", "processes": {str(innocent.pid): "12345"}}
            for content in (note, {**note, "boot": "another"}, {"processes": 3}, []):
                (tmp_path / "watch").write_text(json.dumps(content))
                assert end_orphans(tmp_path / "watch") == 0
            (tmp_path / "watch").write_bytes(b"\x00 not json")
            assert end_orphans(tmp_path / "watch") == 0
            assert innocent.poll() is None
            note["processes"] = {str(innocent.pid): supervisor._start_time(innocent.pid)}
            (tmp_path / "watch").write_text(json.dumps(note))
            assert end_orphans(tmp_path / "watch") == 1
        finally:
            innocent.kill()


def test_the_note_is_there_only_while_it_runs(tmp_path: Path) -> None:
    watch = tmp_path / "state" / "watch"
    watch.parent.mkdir()
    ended = bash(f"sleep 0.1; cat {watch}", tmp_path, watch=watch)
    assert len(json.loads(ended.output)["processes"]) == 2
    assert list(watch.parent.iterdir()) == []
