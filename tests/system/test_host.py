"""Atomic files and the run lock, on the real file system and real processes."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from directional_sync.errors import HostError, LockHeldError
from directional_sync.system import host

HOLD = textwrap.dedent("""
    import sys, time
    from pathlib import Path
    from directional_sync.system.host import RunLock
    with RunLock(Path(sys.argv[1]), {"command": "dsync run oca", "run": "r1"}):
        print("held", flush=True)
        time.sleep(60)
""")


def holder(folder: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_run_is_told_who_holds_the_lock(tmp_path: Path) -> None:
    """F73."""
    process = holder(tmp_path)
    try:
        with pytest.raises(LockHeldError) as caught, host.RunLock(tmp_path, {}):
            pass
        assert f"pid {process.pid}" in caught.value.message
        assert "dsync run oca" in caught.value.message
    finally:
        process.kill()
        process.wait()


def test_the_lock_of_a_killed_run_is_free_at_once(tmp_path: Path) -> None:
    process = holder(tmp_path)
    process.kill()
    process.wait()
    with host.RunLock(tmp_path, {}):
        pass


def test_waiting_says_so_once_and_then_gets_the_lock(tmp_path: Path) -> None:
    process = holder(tmp_path)
    heard: list[str] = []

    def waiting(who: str) -> None:
        heard.append(who)
        process.kill()
        process.wait()

    with host.RunLock(tmp_path, {}, timeout_s=20, waiting=waiting):
        pass
    assert len(heard) == 1


def test_a_child_does_not_inherit_the_lock(tmp_path: Path) -> None:
    with host.RunLock(tmp_path, {}):
        child = subprocess.Popen(["sleep", "30"], close_fds=False)
    try:
        with host.RunLock(tmp_path, {}):
            pass
    finally:
        child.kill()
        child.wait()


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


def test_the_common_directory_is_found_without_git(tmp_path: Path) -> None:
    """Plain repository, linked work tree, and a folder inside."""
    main = tmp_path / "main"
    run = ["git", "-c", "user.name=n", "-c", "user.email=e", "-c", "init.defaultBranch=main"]
    subprocess.run([*run, "init", "-q", str(main)], check=True)
    subprocess.run([*run, "-C", str(main), "commit", "-q", "--allow-empty", "-m", "x"], check=True)
    subprocess.run([*run, "-C", str(main), "worktree", "add", "-q", str(tmp_path / "linked")], check=True)
    (main / "deep" / "er").mkdir(parents=True)
    assert host.find_root(main / "deep" / "er") == main.resolve()
    assert host.common_dir(main) == main / ".git"
    assert host.common_dir(tmp_path / "linked") == (main / ".git").resolve()


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
