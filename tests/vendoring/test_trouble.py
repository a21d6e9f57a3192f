"""F65, F66, F69, F70: upstreams that fail, hosts that ask who we are, caches that rot, and runs that meet."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest
from tests.vendoring.conftest import FILES
from tests.vendoring.vendored import Dsync, Vendored, told

from directional_sync.model.lifecycle import Outcome
from directional_sync.model.record import Summary
from directional_sync.render.report import report
from directional_sync.system.lock import run_lock
from directional_sync.testing.git_server import Fault
from directional_sync.testing.upstreams import Upstream

SECRET = "hunter2-0123456789-canary"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("directional_sync.system.retry._FIRST_WAIT_S", 0.001)


FAULTS = {
    "gone": (Fault(status=404), "E-UPSTREAM-GONE", 1),
    "login": (Fault(user_password="me:pw"), "E-UPSTREAM-AUTH", 4),
    "forbidden": (Fault(status=403), "E-UPSTREAM-AUTH", 4),
    "down": (Fault(status=503), "E-UPSTREAM-UNREACHABLE", 1),
    "a page for people": (Fault(html=True), "E-UPSTREAM-NOT-GIT", 1),
    "elsewhere": (Fault(redirect="http://127.0.0.1:1/new.git"), "E-UPSTREAM-MOVED", 1),
    "cut": (Fault(cut_after=10), "E-UPSTREAM-CUT", 1),
}


@pytest.mark.parametrize("what", FAULTS)
def test_F69_P08_P30_each_trouble_has_its_own_name_and_stops_that_one_alone(
    small: Vendored, web: Upstream, dsync: Dsync, what: str
) -> None:
    fault, code, status = FAULTS[what]
    small.sync()
    for upstream in small.upstreams.values():
        upstream.commit({"README.md": b"newer\n"})
    small.server.fault("web", fault)
    said = dsync("run", "--json")
    [result] = json.loads(said.out)["results"]
    assert said.status == status and result["success"] is False, said
    assert result["error"]["code"] == code and "vendor/web" in result["error"]["message"], result["error"]
    assert small.files("crm")["README.md"] == "newer" and small.files("web")["README.md"] == "# Modules"
    assert small.lock()["web"]["commit"] == web.git("rev-parse", "18.0~1")
    small.server.clear()
    small.server.reset()
    small.sync()
    assert small.files("web")["README.md"] == "newer"
    assert small.server.count("crm", "fetch") == 0, "only what is due is fetched"
    small.rest()


def test_F69_P30_one_of_thirty_fails_and_twenty_nine_are_committed(small: Vendored, dsync: Dsync) -> None:
    for number in range(28):
        small.add(f"n{number:02}", {"NAME": b"%d\n" % number})
    small.configure()
    small.server.fault("n13", Fault(status=404))
    said = dsync("run")
    assert said.status == 1 and "1 of 30 sources could not be read" in said.text, said
    assert set(small.lock()) == set(small.upstreams) - {"n13"} and small.files("n12") and not small.files("n13")
    small.server.clear()
    small.server.reset()
    small.sync()
    assert small.files("n13") == {"NAME": "13"} and small.server.count(command="fetch") == 1
    small.rest()


def test_P36_a_host_that_stumbles_is_asked_again(small: Vendored) -> None:
    small.server.fault("web", Fault(status=503, times=2))
    small.sync()
    assert small.files("web")


def test_P36_a_host_that_says_nothing_ends_at_the_deadline(small: Vendored) -> None:
    small.sync()
    small.target = {"timeout": "1s", "retries": 0}
    small.configure()
    small.server.fault("web", Fault(hang_s=20))
    before = (small.project.head, small.stamps())
    record = small.try_()
    assert record.outcome is Outcome.FAILED and "E-UPSTREAM-TIMEOUT" in told(record), told(record)
    assert (small.project.head, small.stamps()) == before


def test_P36_P37_credentials_come_from_git_rotate_and_are_written_nowhere(
    small: Vendored, web: Upstream, dsync: Dsync
) -> None:
    """The helper answers with what is in a file; the host wants what it wants."""
    home = Path(small.project.environ["HOME"])
    helper = f"!f() {{ echo username=me; echo password=$(cat '{home}/password'); }}; f"
    (home / ".gitconfig").write_text(f'[credential]\n\thelper = "{helper}"\n')
    outputs = []
    for turn, (has, wants) in enumerate([("a", "a"), ("a", "b"), ("b", "b")]):
        (home / "password").write_text(f"{SECRET}-{has}\n")
        small.server.fault("web", Fault(user_password=f"me:{SECRET}-{wants}"))
        web.commit({"README.md": b"%d\n" % turn})
        said = dsync("run", "-vv")
        outputs += [said.out, said.err, dsync("run", "--json").out]
        assert said.status == (0 if has == wants else 4), said
        assert ("E-UPSTREAM-AUTH" in said.text) is (has != wants)
        assert (small.files("web")["README.md"] == str(turn)) is (has == wants)
    assert SECRET not in "".join(outputs)
    everything = [path for path in small.project.root.rglob("*") if path.is_file()]
    assert not [path for path in everything if SECRET.encode() in path.read_bytes()]
    assert SECRET not in small.project.git("log", "-p", "--all")


@pytest.mark.parametrize("url", ["http://me:{}@127.0.0.1/{{name}}", "https://{}@h.test/{{name}}"])
def test_P37_a_secret_in_the_file_is_refused_and_not_repeated(small: Vendored, dsync: Dsync, url: str) -> None:
    small.configure(url=url.format(SECRET))
    for command in ("validate", "plan", "run", "status"):
        said = dsync(command)
        assert said.status == 2 and "E-URL-CREDENTIALS" in said.text, said
        assert SECRET not in said.out + said.err
    assert not (small.project.root / "vendor").exists()


def _empty(cache: Path) -> None:
    for pack in cache.rglob("*.pack"):
        pack.unlink()


def _flip(cache: Path) -> None:
    for pack in cache.rglob("*.pack"):
        pack.chmod(0o644)
        content = bytearray(pack.read_bytes())
        content[len(content) // 2] ^= 0xFF
        pack.write_bytes(content)


def _flip_index(cache: Path) -> None:
    for index in cache.rglob("*.idx"):
        index.chmod(0o644)
        content = bytearray(index.read_bytes())
        content[-30] ^= 0x01
        index.write_bytes(content)


def _folder_gone(cache: Path) -> None:
    for folder in cache.glob("*.git"):
        shutil.rmtree(folder)


def _replaced(cache: Path) -> None:
    for folder in cache.glob("*.git"):
        shutil.rmtree(folder)
        folder.write_text("not a folder\n")


@pytest.mark.parametrize("harm", [_empty, _flip, _flip_index, _folder_gone, _replaced])
def test_F66_P34_a_cache_that_rots_is_fetched_anew(small: Vendored, web: Upstream, harm: object) -> None:
    small.configure(repositories={"web": {"paths": ["sale_*/**", "README.md"]}})
    small.sync()
    cache = small.project.root / ".git/directional-sync/cache/endpoints/oca"
    assert list(cache.glob("*.git"))
    harm(cache)  # type: ignore[operator]
    web.commit({"README.md": b"newer\n"})
    record = small.sync()
    if harm is not _folder_gone:  # that is how a clean cache looks
        assert "the local copy was damaged or incomplete and was fetched anew" in told(record)
        assert any(
            "fetched anew" in note
            for note in report(Summary("r", "2026-01-01T00:00:00Z", 1.0, (record,), False))["results"][0]["notes"]
        )
    assert small.files("web")["README.md"] == "newer" and "sale_a/run.sh" in small.files("web")
    assert small.project.fsck() == ""
    small.rest()


def test_F66_a_cache_that_rots_while_its_upstream_is_away_is_an_error_and_nothing_moves(
    small: Vendored, web: Upstream
) -> None:
    small.configure(repositories={"web": {"paths": ["sale_*/**", "README.md"]}})
    small.sync()
    refs = small.project.git("for-each-ref")
    web.commit({"README.md": b"newer\n"})
    _flip(small.project.root / ".git/directional-sync/cache/endpoints/oca")
    small.server.fault("web", Fault(status=503))
    record = small.try_()
    assert record.outcome is Outcome.FAILED and "E-UPSTREAM-UNREACHABLE" in told(record)
    assert small.project.git("for-each-ref") == refs and small.project.clean() and small.project.fsck() == ""
    small.server.clear()
    small.sync()
    assert small.files("web")["README.md"] == "newer"


@pytest.mark.parametrize("cold", [True, False], ids=["the first fetch", "a later one"])
@pytest.mark.parametrize("at", [500, 900, 1_300])
def test_F65_a_pack_that_is_damaged_on_its_way_is_never_taken(
    small: Vendored, web: Upstream, cold: bool, at: int
) -> None:
    """It is an error; where something was fetched before, that may be at fault, so it is asked for once more."""
    small.target["retries"] = 0
    small.configure(names=["web"])
    if not cold:
        small.sync()
    web.commit({f"new/{number}.bin": hashlib.sha256(b"%d" % number).hexdigest().encode() * 9 for number in range(40)})
    head, refs = small.project.head, small.project.git("for-each-ref")
    small.server.fault("web", Fault(corrupt_at=at))
    record = small.try_()
    if cold:
        assert record.outcome is Outcome.FAILED
    if record.outcome is Outcome.FAILED:
        assert "E-UPSTREAM" in told(record)
        assert (small.project.head, small.project.git("for-each-ref")) == (head, refs)
    else:
        assert small.tree("web") == web.tree()
    assert small.project.clean() and small.project.fsck() == ""
    small.server.clear()
    small.sync()
    assert small.tree("web") == web.tree() and small.project.fsck() == ""


def test_F65_an_upstream_whose_own_store_is_damaged_fails_alone(small: Vendored, web: Upstream) -> None:
    """What it serves is damaged at the source, each time; the other one is committed."""
    small.sync()
    for upstream in small.upstreams.values():
        upstream.commit({"README.md": b"newer\n", "more.bin": b"more text\n" * 400})
    for pack in [*web.path.rglob("*.pack"), *web.path.glob("objects/??/*")]:
        pack.chmod(0o644)
        content = bytearray(pack.read_bytes())
        content[len(content) * 2 // 3] ^= 0x10
        pack.write_bytes(content)
    refs = small.project.git("for-each-ref", "refs/heads")
    before = small.tree("web")
    record = small.try_()
    assert record.outcome is Outcome.FAILED and "E-UPSTREAM" in told(record), told(record)
    assert small.tree("web") == before and small.files("crm")["README.md"] == "newer"
    assert small.project.git("for-each-ref", "refs/heads") != refs and small.project.fsck() == ""


def test_P35_two_runs_do_not_meet(small: Vendored, dsync: Dsync) -> None:
    state = small.project.root / ".git/directional-sync"
    with run_lock(state, {"command": "dsync run oca"}, timeout_s=0.0):
        for command in ("run", "plan", "prune"):
            said = dsync(command)
            assert said.status == 10 and "dsync run oca" in said.text and "pid" in said.text, said
    assert not (small.project.root / "vendor").exists()
    assert dsync("run").status == 0


def test_P35_two_work_trees_share_a_cache(small: Vendored, web: Upstream, dsync: Dsync, tmp_path: Path) -> None:
    small.sync()
    linked = tmp_path / "linked"
    small.project.git("worktree", "add", "-q", "-b", "side", str(linked))
    web.commit({"README.md": b"newer\n"})
    small.sync()
    small.server.reset()
    root, small.project.root = small.project.root, linked
    small.sync()
    assert small.files("web")["README.md"] == "newer"
    small.project.root = root
    small.rest()


def test_F70_P19_an_upstream_without_a_commit_is_told(small: Vendored) -> None:
    shutil.rmtree(small.upstreams["web"].path)
    small.add("web", FILES).delete("refs/heads/18.0")
    record = small.try_()
    assert "E-UPSTREAM-EMPTY" in told(record) and small.files("crm") and not small.files("web")


def test_an_upstream_that_is_to_move_and_cannot_be_read_keeps_its_old_place(small: Vendored, dsync: Dsync) -> None:
    small.sync()
    small.target["outputs"] = ["vendor/**", "elsewhere/**"]
    small.configure(repositories={"web": {"into": "elsewhere/web"}})
    before, locked = small.tree("web"), small.lock()["web"]
    small.server.fault("web", Fault(status=404))
    said = dsync("run")
    assert said.status == 1 and "E-UPSTREAM-GONE" in said.text
    assert small.tree("web") == before and small.lock()["web"] == locked
    small.server.clear("web")
    small.sync()
    assert (
        not (small.project.root / "vendor/web").exists() and (small.project.root / "elsewhere/web/README.md").exists()
    )
    assert small.lock()["web"]["into"] == "elsewhere/web"
