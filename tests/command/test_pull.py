"""A pull runs for real in a scratch checkout, and what it leaves under its outputs is what it found."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.command.conftest import Flow

from directional_sync.errors import SyncError
from directional_sync.model.snapshot import EMPTY, EXECUTABLE, FILE, FOLDER, LINK
from directional_sync.system import host


def test_what_is_left_under_outputs_is_the_snapshot(flow: Flow) -> None:
    flow.program(
        """
        mkdir -p out/deep && echo one > out/one && echo two > out/deep/two && touch out/empty
        chmod +x out/deep/two; ln -s one out/link; ln -s /etc out/far; printf '\\0\\377' > out/binary
        """
    )
    found = flow.snapshot()
    modes = {key: entry.mode for key, entry in found.entries.items()}
    assert modes == {
        "out/one": FILE,
        "out/deep/two": EXECUTABLE,
        "out/empty": FILE,
        "out/link": LINK,
        "out/far": LINK,
        "out/binary": FILE,
    }
    assert flow.pull() == {
        "out/one": b"one\n",
        "out/deep/two": b"two\n",
        "out/empty": b"",
        "out/link": b"one",
        "out/far": b"/etc",
        "out/binary": b"\0\xff",
    }


def test_p7_nothing_of_the_users_is_touched(flow: Flow) -> None:
    flow.write("out/old", "old\n")
    flow.program("echo new > out/old; echo more > out/more; rm README.md; git checkout -q README.md; rm -f .git/index")
    flow.write("README.md", "edited\n")
    flow.write("staged", "staged\n")
    flow.git("add", "staged")
    before = flow.state()
    assert flow.pull() == {"out/old": b"new\n", "out/more": b"more\n"}
    assert flow.state() == before


def test_the_program_sees_the_tip_not_the_work_tree(flow: Flow) -> None:
    flow.program("cp README.md out.txt; ls > list.txt; mkdir out; mv *.txt out")
    flow.write("README.md", "edited\n")
    flow.write("untracked", "")
    found = flow.pull()
    assert found["out/out.txt"] == b"hello\n"
    assert b"untracked" not in found["out/list.txt"]


def test_unchanged_outputs_are_one_folder_and_need_no_objects(flow: Flow) -> None:
    flow.write("out/a", "1")
    flow.program("touch out/a; echo -n 1 > out/a")
    for _ in range(2):
        with flow.opened() as (endpoint, _):
            found = endpoint.snapshot(EMPTY)
            assert {key: entry.mode for key, entry in found.entries.items()} == {"out": FOLDER}
            assert found.entries["out"].digest == flow.git("rev-parse", "HEAD:out")
            assert not list((flow.root / ".git/directional-sync/cache/quarantine").glob("*/objects/pack/*"))


def test_two_snapshots_are_equal_and_so_is_one_of_a_fresh_cache(flow: Flow) -> None:
    flow.write("out/kept", "kept\n")
    flow.program("echo $RANDOM > cache.log; mkdir -p out/x; seq 50 > out/x/numbers; ln -sf x/numbers out/latest")
    digests = [flow.snapshot().digest for _ in range(3)]
    host.remove_tree(flow.cache)
    digests.append(flow.snapshot().digest)
    assert len(set(digests)) == 1


def test_files_change_places_with_folders(flow: Flow) -> None:
    flow.write("out/a", "file\n")
    flow.write("out/b/c", "inside\n")
    flow.program("rm -r out/a out/b; mkdir out/a; echo 1 > out/a/x; echo 2 > out/b")
    assert flow.pull() == {"out/a/x": b"1\n", "out/b": b"2\n"}
    assert flow.pull() == {"out/a/x": b"1\n", "out/b": b"2\n"}
    flow.program("true")
    assert flow.pull() == {"out/a": b"file\n", "out/b/c": b"inside\n"}


def test_everything_deleted_is_an_empty_snapshot(flow: Flow) -> None:
    flow.write("out/a", "1")
    flow.program("rm -r out")
    found = flow.snapshot()
    assert len(found) == 0
    assert not found.unreadable


def test_f83_a_program_that_does_nothing_finds_what_the_branch_has(flow: Flow) -> None:
    flow.write("out/a", "1")
    flow.program("true")
    assert flow.pull() == {"out/a": b"1"}


def test_names_of_all_kinds(flow: Flow) -> None:
    names = [b"with space", b"-dash", b"tab\there", b"new\nline", "ümläut ü".encode(), b"bad\xff\xfe", b"q\"'\\", b":x"]
    flow.program("mkdir -p out; while IFS= read -rd '' name; do echo x > \"out/$name\"; done < names")
    flow.write("names", b"\0".join([*names, b""]))
    flow.commit()
    found = flow.pull()
    assert sorted(os.fsencode(key) for key in found) == sorted(b"out/" + name for name in names)
    assert flow.pull() == found


@pytest.mark.parametrize("spelling", [".GIT", "git~1", ".g\u200cit", ".Git"])
def test_names_that_git_refuses(flow: Flow, spelling: str) -> None:
    flow.program(f"mkdir -p 'out/{spelling}/hooks'; echo evil > 'out/{spelling}/hooks/pre-commit'")
    with pytest.raises(SyncError) as caught:
        flow.pull()
    assert caught.value.code == "E-SCRIPT-NAME"
    assert caught.value.detail == (f"out/{spelling}/hooks/pre-commit",)


def test_bytes_are_taken_as_they_are_whatever_the_attributes_say(flow: Flow) -> None:
    flow.write(".gitattributes", "* text=auto eol=crlf ident\n*.big filter=lfs working-tree-encoding=UTF-16\n")
    flow.write("in.txt", "one\ntwo\n$Id$\n")
    flow.git("config", "filter.lfs.clean", "touch /tmp/never; cat")
    flow.program("mkdir out; cp in.txt out/lf.txt; printf 'a\\r\\n' > out/crlf.txt; printf 'x\\n' > out/y.big")
    found = flow.pull()
    assert found["out/lf.txt"] == b"one\ntwo\n$Id$\n"
    assert found["out/crlf.txt"] == b"a\r\n"
    assert found["out/y.big"] == b"x\n"
    assert flow.pull() == found


def test_special_files_are_unreadable_not_absent(flow: Flow) -> None:
    flow.write("out/a", "1")
    flow.write("out/b", "1")
    flow.program("rm out/a; mkfifo out/a")
    found = flow.snapshot()
    assert found.at("out/a").unreadable
    assert found.at("out/b").present
    flow.program("true")
    assert flow.pull() == {"out/a": b"1", "out/b": b"1"}


def test_what_may_not_be_read_is_unreadable_not_absent(flow: Flow, tmp_path: Path) -> None:
    (tmp_path / "closed").touch(0o000)
    if os.access(tmp_path / "closed", os.R_OK):
        pytest.skip("who runs this test may read everything")
    flow.write("out/a", "1")
    flow.write("out/d/b", "1")
    flow.write("out/c", "1")
    flow.program("echo 22 > out/a; chmod 000 out/a; chmod 000 out/d")
    found = flow.snapshot()
    assert found.at("out/a").unreadable
    assert found.why_unreadable("out/d/b")
    assert found.at("out/c").present
    flow.program("true")
    assert flow.pull() == {"out/a": b"1", "out/d/b": b"1", "out/c": b"1"}


def test_only_what_the_globs_name(flow: Flow) -> None:
    flow.target["outputs"] = ("docs/*.json", "data.csv")
    flow.write("docs/guide.md", "guide\n")
    flow.write("docs/old.json", "{}\n")
    flow.program("echo '[]' > docs/new.json; echo 1 > data.csv")
    assert flow.pull() == {"docs/new.json": b"[]\n", "docs/old.json": b"{}\n", "data.csv": b"1\n"}


def test_environment(flow: Flow) -> None:
    flow.target["config"] = {"url": "https://e/ä", "list": (1, 2), "map": {"b": True, "a": None}}
    flow.environment |= {"TOKEN": "t0ken"}
    flow.program("mkdir out; env -0 > out/env; pwd > out/pwd")
    found = flow.pull()
    seen = dict(line.split("=", 1) for line in found["out/env"].decode().split("\0")[:-1])
    for name in ("PWD", "OLDPWD", "SHLVL", "_"):  # bash's own
        seen.pop(name, None)
    assert json.loads(seen.pop("SYNC_CONFIG")) == {"url": "https://e/ä", "list": [1, 2], "map": {"b": True, "a": None}}
    assert seen.pop("GIT_CEILING_DIRECTORIES").split(":")[0] == str(flow.cache)
    assert found["out/pwd"].decode().strip() == seen["SYNC_ROOT"] == str(flow.scratch)
    assert seen == {
        "PATH": os.environ["PATH"],
        "TOKEN": "t0ken",
        "SYNC_TARGET": "flow",
        "SYNC_DIRECTION": "pull",
        "SYNC_DRY_RUN": "0",
        "SYNC_ROOT": str(flow.scratch),
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_PAGER": "cat",
        "GIT_EDITOR": "false",
        "PAGER": "cat",
        "EDITOR": "false",
        "VISUAL": "false",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def test_a_dry_run_is_told(flow: Flow) -> None:
    flow.dry_run = True
    flow.program("mkdir out; echo $SYNC_DRY_RUN > out/dry")
    assert flow.pull() == {"out/dry": b"1\n"}


def test_t13_arguments_are_words_not_shell(flow: Flow, tmp_path: Path) -> None:
    words = ["--flag", "a b", f"$(touch {tmp_path}/pwned)", f"; touch {tmp_path}/pwned", "*"]
    flow.options["args"] = tuple(words)
    flow.program("mkdir out; printf '%s\\n' \"$@\" > out/args")
    assert flow.pull()["out/args"].decode().splitlines() == words
    assert not (tmp_path / "pwned").exists()


def test_output_is_told_line_by_line_and_kept(flow: Flow) -> None:
    flow.environment["API_TOKEN"] = "s3cret-value"
    flow.target["config"] = {"service": {"password": "expanded-pass"}}
    flow.program("echo working; printf '\\033[1mbold\\033[0m\\n' >&2; echo $API_TOKEN $SYNC_CONFIG")
    flow.pull()
    assert {"working", "bold"} <= set(flow.said())
    log = flow.cache / "last.log"
    assert log.stat().st_mode & 0o777 == 0o600
    text = log.read_text()
    assert "working" in text
    assert "bold" in text
    assert "s3cret-value" not in text
    assert "expanded-pass" not in text


_MEASURE = """
import resource, sys
from pathlib import Path
from tests.command.conftest import Flow
found = Flow(Path(sys.argv[1])).pull()
status = Path("/proc/self/status")  # unlike getrusage it does not count what the process was forked from
lines = status.read_text().splitlines() if status.exists() else []
peaks = [int(line.split()[1]) for line in lines if line.startswith("VmHWM:")]
print(len(found), (peaks or [resource.getrusage(resource.RUSAGE_SELF).ru_maxrss])[0] // 1024)
"""


def test_r11_a_noisy_program_takes_no_memory(flow: Flow) -> None:
    flow.program("head -c 200000000 /dev/urandom; yes | head -c 100000000 >&2; mkdir out; echo 1 > out/a")
    done = subprocess.run(
        [sys.executable, "-c", _MEASURE, str(flow.root)], check=True, capture_output=True, cwd=Path(__file__).parents[2]
    )
    number, peak_mb = done.stdout.split()
    assert number == b"1"
    assert int(peak_mb) < 150
    assert (flow.cache / "last.log").stat().st_size < 120_000_000


def test_python_by_this_interpreter_without_leaving_bytecode(flow: Flow) -> None:
    flow.script = "scripts/sync.py"
    flow.write("scripts/part.py", "value = 5\n")
    flow.program(
        """
        import pathlib, sys, part
        pathlib.Path("out").mkdir()
        pathlib.Path("out/who").write_text(f"{sys.executable} {part.value}")
        """
    )
    assert flow.pull() == {"out/who": f"{sys.executable} 5".encode()}


def test_an_uncommitted_edit_of_the_program_is_noted(flow: Flow) -> None:
    flow.program("mkdir out; echo committed > out/a")
    assert flow.snapshot().notes == ()
    flow.write(flow.script, "mkdir out; echo edited > out/a\n", 0o755)
    assert flow.pull() == {"out/a": b"committed\n"}
    (note,) = flow.snapshot().notes
    assert "not committed" in note


def test_left_over_processes_are_noted(flow: Flow) -> None:
    flow.program("sleep 300 & mkdir out; echo 1 > out/a")
    (note,) = flow.snapshot().notes
    assert note.startswith("1 processes were still running")


def test_sha256_repositories(tmp_path: Path) -> None:
    root = tmp_path / "project"
    root.mkdir()
    flow = Flow(root)
    flow.git("init", "-q", "-b", "main", "--object-format=sha256")
    flow.write("out/a", "1")
    flow.program("echo 2 > out/b")
    found = flow.snapshot()
    assert {key: len(entry.digest) for key, entry in found.entries.items()} == {"out/a": 64, "out/b": 64}


def test_linked_work_trees_and_shallow_clones(flow: Flow, tmp_path: Path) -> None:
    flow.write("out/a", "1")
    flow.program("git log --oneline > /dev/null && git status --porcelain > out/status")
    flow.commit()
    flow.git("clone", "-q", "--depth=1", f"file://{flow.root}", str(tmp_path / "shallow"))
    shallow = Flow(tmp_path / "shallow")
    assert shallow.pull() == {"out/a": b"1", "out/status": b"?? out/status\n"}
    flow.git("worktree", "add", "-q", "-b", "side", str(tmp_path / "linked"))
    linked = Flow(tmp_path / "linked")
    assert linked.pull()["out/a"] == b"1"
