"""G14, F29: how much memory vendoring takes, of the program itself, programs that it starts not counted."""

from __future__ import annotations

import random
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.project import make_project
from tests.vendoring.vendored import Vendored

from directional_sync.testing.git_server import GitServer
from directional_sync.testing.upstreams import Content, Upstream, empty

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells the peak of a process"),
]
LIMIT_MB = 400
FILES = 100_000
UPSTREAMS = 4
BLOBS = 500
"""So many different contents in one upstream."""
BIG_BYTES = 200_000_000
NOISE = random.Random(5).randbytes(1 << 20)
MEASURED = """\
import re, sys
from pathlib import Path
from directional_sync.cli import main
status = main(sys.argv[1:])
# Not getrusage: what that says begins with the size of whoever started this.
print("peak", int(re.search(r"VmHWM:\\s*(\\d+) kB", Path("/proc/self/status").read_text())[1]) // 1024, "MB")
sys.exit(status)
"""


@dataclass(frozen=True)
class Done:
    status: int
    said: str
    peak_mb: int
    seconds: float


@dataclass
class Measured:
    vendored: Vendored
    folder: Path

    def upstream(self, name: str) -> Upstream:
        self.vendored.upstreams[name] = empty(self.folder / f"{name}.git")
        return self.vendored.upstreams[name]

    def run(self) -> Done:
        began = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-c", MEASURED, "run"],
            cwd=self.vendored.project.root, env=self.vendored.project.environ, capture_output=True, text=True,
            timeout=400, check=False,
        )  # fmt: skip
        found = re.search(r"^peak (\d+) MB$", done.stdout, re.MULTILINE)
        assert found, done.stdout + done.stderr
        result = Done(done.returncode, done.stdout + done.stderr, int(found[1]), time.monotonic() - began)
        print(f"\n{result.peak_mb} MB in {result.seconds:.1f} s, status {result.status}")
        return result

    def run_well(self) -> Done:
        done = self.run()
        assert done.status == 0, done.said
        assert done.peak_mb < LIMIT_MB
        return done


@pytest.fixture
def measured(tmp_path: Path) -> Iterator[Measured]:
    (tmp_path / "host").mkdir()
    with GitServer(tmp_path / "host") as server:
        vendored = Vendored(make_project(tmp_path / "project"), server, {}, target={"timeout": "10m"})
        yield Measured(vendored, tmp_path / "host")


def fill(upstream: Upstream, files: int, seed: int) -> None:
    """Commits so many files, ten folders of fifty in each module."""
    stream = []
    for number in range(BLOBS):
        body = b"# %d of %d\n" % (number, seed) * 20
        stream.append(b"blob\nmark :%d\ndata %d\n%s\n" % (number + 1, len(body), body))
    stream.append(b"commit refs/heads/18.0\ncommitter Ada <ada@example.org> 1735689600 +0000\ndata 1\nx\n")
    for number in range(files):
        path = b"m%03d/d%02d/file_%05d.py" % (number // 500, number // 50 % 10, number)
        stream.append(b"M 100644 :%d %s\n" % (number % BLOBS + 1, path))
    upstream.git("fast-import", "--quiet", given=b"".join(stream))


def test_G14_a_hundred_thousand_files(measured: Measured) -> None:
    vendored = measured.vendored
    for number in range(UPSTREAMS):
        fill(measured.upstream(f"up{number}"), FILES // UPSTREAMS, number)
    vendored.configure()
    measured.run_well()
    for name, upstream in vendored.upstreams.items():
        assert vendored.tree(name) == upstream.tree()
    head = vendored.project.head
    measured.run_well()
    assert vendored.project.head == head
    vendored.first.commit({f"m{n:03}/d00/file_{500 * n:05}.py": b"changed %d\n" % n for n in range(50)})
    measured.run_well()
    assert vendored.tree("up0") == vendored.first.tree()
    # With everything that makes it read whole trees.
    vendored.configure(exclude=["**/file_00000.py"], symlinks="refuse", max_size=1_000_000_000, lfs="refuse")
    measured.run_well()
    assert not vendored.project.git("ls-files", "vendor/up0/m000/d00/file_00000.py")


def test_ten_thousand_refs(measured: Measured) -> None:
    upstream = measured.upstream("refs")
    upstream.commit({"README.md": b"one\n"})
    commands = [f"create refs/heads/topic/{n} {upstream.head()}\n" for n in range(5_000)]
    commands += [f"create refs/tags/v1.{n}.0 {upstream.head()}\n" for n in range(5_000)]
    upstream.git("update-ref", "--stdin", given="".join(commands).encode())
    upstream.git("pack-refs", "--all")
    measured.vendored.configure()
    assert measured.run_well().peak_mb < 150
    measured.vendored.configure(ref=None, version="^1.4")
    assert measured.run_well().peak_mb < 150
    assert measured.vendored.lock()["refs"]["ref"] == "refs/tags/v1.4999.0"


def test_a_folder_five_hundred_deep(measured: Measured) -> None:
    """Deeper than what a function that calls itself could go; paths longer than an operating system may take are
    refused with their name, or written, but never half."""
    upstream = measured.upstream("deep")
    path = "/".join(["d"] * 500)
    files: dict[str, Content] = {f"{path}/leaf.txt": b"deep\n", f"{path[:-2]}/other.txt": b"less deep\n"}
    upstream.commit(files)
    measured.vendored.configure(exclude=["**/nothing-of-this-name"], symlinks="refuse", lfs="refuse")
    measured.run_well()
    assert measured.vendored.tree("deep") == upstream.tree()
    assert (measured.vendored.project.root / "vendor/deep" / path / "leaf.txt").read_bytes() == b"deep\n"
    upstream.commit({f"{path}/leaf.txt": b"changed\n", f"{path[:-2]}/other.txt": None})
    measured.run_well()
    assert measured.vendored.project.clean() and measured.vendored.tree("deep") == upstream.tree()


def test_one_file_of_two_hundred_megabytes(measured: Measured) -> None:
    upstream = measured.upstream("big")
    upstream.commit({"README.md": b"one\n", "big.bin": NOISE * (BIG_BYTES // len(NOISE) + 1)})
    measured.vendored.configure()
    refused = measured.run()
    assert refused.status == 6 and "E-SIZE" in refused.said and "big.bin" in refused.said
    assert refused.peak_mb < LIMIT_MB
    assert not (measured.vendored.project.root / "vendor").exists()
    text = (measured.vendored.project.root / "sync.yaml").read_text()
    measured.vendored.project.write("sync.yaml", text + "safety: {max_file_bytes: 400MB}\n")
    measured.vendored.project.commit("Take big files")
    measured.run_well()
    assert measured.vendored.tree("big") == upstream.tree()
    assert (measured.vendored.project.root / "vendor/big/big.bin").stat().st_size >= BIG_BYTES
