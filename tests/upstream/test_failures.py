"""What happens when an upstream cannot be had: its own code, the others go on, nothing is lost."""

from __future__ import annotations

import dataclasses
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.upstream.vendoring import Vendoring, git

from directional_sync.errors import Exit, InterruptedRun, RemoteError, SyncError
from directional_sync.model.snapshot import Snapshot
from directional_sync.testing.faults import Fault
from directional_sync.testing.git_server import GitServer
from directional_sync.testing.upstreams import Upstream, build, empty

Breaker = Callable[[GitServer, Upstream], None]


def _fault(**what: object) -> Breaker:
    return lambda server, upstream: server.fault(upstream.name, Fault(**what))  # type: ignore[arg-type]


def _unborn(server: GitServer, upstream: Upstream) -> None:
    upstream.delete("refs/heads/18.0")


def _renamed(server: GitServer, upstream: Upstream) -> None:
    upstream.git("branch", "-m", "18.0", "18.0-old")


FAILURES: dict[str, tuple[Breaker, str]] = {
    "gone": (_fault(status=404), "E-UPSTREAM-GONE"),
    "private": (_fault(user_password="me:secret"), "E-UPSTREAM-AUTH"),
    "forbidden": (_fault(status=403), "E-UPSTREAM-AUTH"),
    "broken": (_fault(status=500), "E-UPSTREAM-UNREACHABLE"),
    "busy": (_fault(status=503), "E-UPSTREAM-UNREACHABLE"),
    "too many": (_fault(status=429), "E-UPSTREAM-UNREACHABLE"),
    "page": (_fault(html=True), "E-UPSTREAM-NOT-GIT"),
    "moved": (_fault(redirect="https://example.org/elsewhere.git"), "E-UPSTREAM-MOVED"),
    "cut": (_fault(cut_after=20), "E-UPSTREAM-CUT"),
    "cut in the content": (_fault(cut_after=900), "E-UPSTREAM-CUT"),
    "branch renamed": (_renamed, "E-UPSTREAM-REF-VANISHED"),
    "emptied": (_unborn, "E-UPSTREAM-EMPTY"),
}


@pytest.mark.parametrize("kind", FAILURES)
def test_P30_one_of_thirty_fails_and_the_others_go_on(tmp_path: Path, vendoring: Vendoring, kind: str) -> None:
    made = build(tmp_path / "thirty", repositories=30, modules=30)
    broken, code = FAILURES[kind]
    with GitServer(tmp_path / "thirty") as server:
        vendoring.options |= {"url": server.url("{name}"), "names": list(made)}
        first = vendoring.look()
        victim, other = made["crm"], made["edi"]
        for upstream in (victim, other):
            upstream.commit({"README.md": b"newer\n"})
        broken(server, victim)
        seen = vendoring.look()
        assert {into: reason.partition(":")[0] for into, reason in seen.unreadable.items()} == {"vendor/crm": code}
        assert seen.at("vendor/crm").unreadable
        assert "vendor/crm" not in seen.entries and "crm" not in {source.name for source in seen.sources}
        assert seen.at("vendor/edi").digest == other.tree() != first.at("vendor/edi").digest
        assert len(seen.entries) == 29


@pytest.mark.parametrize("kind", FAILURES)
def test_when_none_can_be_had_the_error_has_their_common_code(
    vendoring: Vendoring, upstreams: dict[str, Upstream], server: GitServer, kind: str
) -> None:
    broken, code = FAILURES[kind]
    code = code.removesuffix("-VANISHED")  # nothing was taken before
    for upstream in upstreams.values():
        broken(server, upstream)
    with pytest.raises(SyncError) as caught:
        vendoring.look()
    assert caught.value.code == code
    assert caught.value.hint and caught.value.kept
    exits = {"E-UPSTREAM-AUTH": Exit.CREDENTIAL, "E-UPSTREAM-MOVED": Exit.REFUSED}
    assert caught.value.exit is exits.get(code, Exit.FAILED)


def test_different_failures_of_all_are_told_one_by_one(
    vendoring: Vendoring, upstreams: dict[str, Upstream], server: GitServer
) -> None:
    for name, fault in zip(upstreams, (Fault(status=404), Fault(html=True), Fault(status=500)), strict=True):
        server.fault(name, fault)
    with pytest.raises(RemoteError) as caught:
        vendoring.look()
    assert caught.value.code == "E-UPSTREAM"
    assert [line.split(": ")[1] for line in caught.value.detail] == [
        "E-UPSTREAM-GONE",
        "E-UPSTREAM-NOT-GIT",
        "E-UPSTREAM-UNREACHABLE",
    ]


def test_P08_a_moved_repository_is_not_followed_but_its_new_place_is_told(
    vendoring: Vendoring, upstreams: dict[str, Upstream], server: GitServer
) -> None:
    first, second, _ = upstreams
    server.fault(first, Fault(redirect=server.url(second)))
    seen = vendoring.look()
    assert server.url(second) in seen.unreadable[f"vendor/{first}"]


def test_P07_a_missing_branch_is_told_with_near_names(vendoring: Vendoring, upstreams: dict[str, Upstream]) -> None:
    vendoring.options["ref"] = "18"
    with pytest.raises(RemoteError) as caught:
        vendoring.look()
    assert caught.value.code == "E-UPSTREAM-REF" and "18.0" in caught.value.hint


def test_F70_an_empty_upstream_is_not_an_emptied_folder(vendoring: Vendoring, tmp_path: Path) -> None:
    empty(tmp_path / "upstreams" / "fresh.git")
    vendoring.options |= {"names": ["fresh", *vendoring.options["names"]]}
    seen = vendoring.look()
    assert seen.unreadable["vendor/fresh"].startswith("E-UPSTREAM-EMPTY")


def test_F45_a_host_that_refuses(vendoring: Vendoring) -> None:
    vendoring.options["url"] = "http://127.0.0.1:1/{name}.git"
    with pytest.raises(RemoteError) as caught:
        vendoring.look()
    assert caught.value.code == "E-UPSTREAM-UNREACHABLE" and caught.value.retryable


@pytest.mark.parametrize("fault", [Fault(hang_s=60), Fault(drip_s=0.2)], ids=["hang", "drip"])
@pytest.mark.parametrize("phase", ["resolving", "fetching"])
def test_F46_a_silent_or_dripping_host_is_given_up_in_time(
    vendoring: Vendoring, upstreams: dict[str, Upstream], server: GitServer, fault: Fault, phase: str
) -> None:
    name, *_ = upstreams
    vendoring.timeout_s = 1.5
    vendoring.options |= {"names": [name]}
    if phase == "resolving":
        server.fault(name, fault)
    else:
        vendoring.options |= {"ref": upstreams[name].head()}  # needs no resolving
        server.fault(name, fault)
    started = time.monotonic()
    with pytest.raises(RemoteError) as caught:
        vendoring.look()
    assert caught.value.code == "E-UPSTREAM-TIMEOUT"
    assert time.monotonic() - started < 1.5 + 2.5
    assert not _left_behind(server)


def _left_behind(server: GitServer) -> list[str]:
    """What still lives a moment later: a killed grandchild needs one to die on a busy machine."""
    until = time.monotonic() + 2
    while (living := _helpers_of(server)) and time.monotonic() < until:
        time.sleep(0.02)
    return living


def _helpers_of(server: GitServer) -> list[str]:
    """Command lines of living processes that talk to this server."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue
        if f"127.0.0.1:{server.port}/" in line:
            lines.append(line)
    return lines


@pytest.mark.parametrize("phase", ["resolving", "fetching", "waiting"])
def test_F09_F10_a_look_that_is_stopped_ends_soon_and_leaves_nothing_running(
    vendoring: Vendoring, upstreams: dict[str, Upstream], server: GitServer, phase: str
) -> None:
    name, *_ = upstreams
    vendoring.retries = 5
    vendoring.options |= {"names": [name], **({"ref": upstreams[name].head()} if phase == "fetching" else {})}
    server.fault(name, Fault(status=429, retry_after_s=15) if phase == "waiting" else Fault(hang_s=60))
    threading.Timer(1.0, vendoring.stop.set).start()
    started = time.monotonic()
    with pytest.raises(InterruptedRun):
        vendoring.look()
    assert time.monotonic() - started < 1.0 + 2.5
    assert not _left_behind(server)


def test_F45_a_passing_fault_is_tried_again(
    vendoring: Vendoring, upstreams: dict[str, Upstream], server: GitServer
) -> None:
    vendoring.retries = 2
    names = list(upstreams)
    server.fault(names[0], Fault(status=503, times=1))
    server.fault(names[1], Fault(cut_after=10, times=2))
    seen = vendoring.look()
    assert not seen.unreadable


def test_what_cannot_get_better_is_not_tried_again(
    vendoring: Vendoring, upstreams: dict[str, Upstream], server: GitServer
) -> None:
    vendoring.retries = 5
    name, *_ = upstreams
    server.fault(name, Fault(status=404))
    vendoring.look()
    assert server.count(name) == 1


def test_F64_a_fetch_cut_anywhere_changes_nothing_and_the_next_one_succeeds(
    vendoring: Vendoring, upstreams: dict[str, Upstream], server: GitServer
) -> None:
    _cut_at_random(vendoring, upstreams, server, times=30, seed=64)


@pytest.mark.faults
def test_F64_a_fetch_cut_anywhere_a_hundred_times(
    vendoring: Vendoring, upstreams: dict[str, Upstream], server: GitServer
) -> None:
    _cut_at_random(vendoring, upstreams, server, times=100, seed=65)


def _cut_at_random(
    vendoring: Vendoring, upstreams: dict[str, Upstream], server: GitServer, *, times: int, seed: int
) -> None:
    """Cuts at every stage: the refs, the capabilities, the content; with and without something to build on."""
    chance = random.Random(seed)
    name, upstream = next(iter(upstreams.items()))
    vendoring.options |= {"names": [name]}
    vendoring.look()
    failed = 0
    for number in range(times):
        upstream.commit({"README.md": b"%d\n" % number, "noise.bin": chance.randbytes(3000)})
        refs = git(vendoring.root, "for-each-ref")
        before = vendoring.prior
        server.fault(name, Fault(cut_after=chance.randrange(0, 5000)))
        try:
            seen = vendoring.look(agree=False)
        except SyncError as error:
            failed += 1
            assert error.code in ("E-UPSTREAM-CUT", "E-UPSTREAM-UNREACHABLE", "E-UPSTREAM-CORRUPT"), error
            assert git(vendoring.root, "for-each-ref") == refs and vendoring.prior is before
            assert not list(vendoring.cache.rglob("tmp_*"))
        else:
            assert seen.at(f"vendor/{name}").digest == upstream.tree()
        server.clear()
        assert vendoring.look().at(f"vendor/{name}").digest == upstream.tree()
    assert failed >= times // 3
    git(vendoring.root, "fsck", "--full")


@pytest.mark.parametrize("at", [60, 400, 1500])
def test_F65_a_corrupt_pack_is_rejected_and_the_next_fetch_is_whole(
    vendoring: Vendoring, upstreams: dict[str, Upstream], server: GitServer, at: int
) -> None:
    name, upstream = next(iter(upstreams.items()))
    vendoring.options |= {"names": [name], "ref": upstream.head()}
    server.fault(name, Fault(corrupt_at=at + 300))
    with pytest.raises(SyncError) as caught:
        vendoring.look()
    assert caught.value.code.startswith("E-UPSTREAM")
    server.clear()
    assert vendoring.look().at(f"vendor/{name}").digest == upstream.tree()


def test_the_snapshot_of_what_is_left_is_steady(
    vendoring: Vendoring, upstreams: dict[str, Upstream], server: GitServer
) -> None:
    name, *_ = upstreams
    server.fault(name, Fault(status=404))
    first, second = vendoring.look(), vendoring.look()
    assert first.digest == second.digest
    assert dataclasses.replace(first, sources=()) == dataclasses.replace(second, sources=())
    assert isinstance(first, Snapshot)
