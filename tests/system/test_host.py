"""Files that are whole or not there, on the real file system; identifiers."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from directional_sync.errors import HostError
from directional_sync.system import host


def test_a_failed_write_leaves_the_old_file_whole(tmp_path: Path) -> None:
    """F21: a report is old or new, never empty."""
    path = tmp_path / "report.json"
    host.atomic_write(path, b"old")
    limited = textwrap.dedent("""
        import resource, signal, sys
        from pathlib import Path
        from directional_sync.errors import HostError
        from directional_sync.system.host import atomic_write
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        try:
            atomic_write(Path(sys.argv[1]), b"x" * 5000)
        except HostError as error:
            print(error.code)
    """)
    done = subprocess.run([sys.executable, "-c", limited, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "E-DISK-FULL"
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["report.json"]


def test_a_read_only_folder_is_said_to_be_one(tmp_path: Path) -> None:
    """F24: on a real read-only mount where mounting is allowed."""
    mount = tmp_path / "ro"
    mount.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "ro,size=1m", "tmpfs", str(mount)], capture_output=True
    ).returncode:
        pytest.skip("mounting is not permitted here")
    try:
        with pytest.raises(HostError) as caught:
            host.atomic_write(mount / "state" / "x", b"x")
        assert caught.value.code == "E-READ-ONLY"
    finally:
        subprocess.run(["umount", str(mount)], check=True)


def test_ids_sort_by_time() -> None:
    ids = []
    for _ in range(5):
        ids.append(host.new_id())
        host.pause(0.002)
    assert ids == sorted(ids)
    assert len(set(ids)) == 5


def test_removing_a_tree_does_not_follow_links(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("keep")
    junk = tmp_path / "junk"
    (junk / "locked").mkdir(parents=True)
    (junk / "locked" / "f").write_text("x")
    (junk / "locked").chmod(0o500)
    (junk / "link").symlink_to(precious)
    host.remove_tree(junk)
    assert not junk.exists()
    assert (precious / "file").read_text() == "keep"
    link = tmp_path / "only-link"
    link.symlink_to(precious)
    host.remove_tree(link)
    assert (precious / "file").exists()
