"""F102, T39: plugins are off unless the file allows exactly their files; and what is wrong with one is told under its
name, stops its own targets, and nothing else."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.plugged import HEAD, Site
from tests.project import Project

from directional_sync import doctor
from directional_sync.model.lifecycle import Outcome
from directional_sync.model.record import TargetRecord

CONFIG = """
    {plugins}
    targets:
      in:
        direction: pull
        remote: {{type: acme, colour: blue}}
        outputs: ["out/**"]
        timeout: {timeout}
      other:
        direction: pull
        remote: {{type: files, url: "{far}"}}
        outputs: ["other/**"]
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setattr("directional_sync.gates.secrets.installed", lambda: False)
    site = Site(tmp_path / "site", monkeypatch)
    yield site
    site.again()


@pytest.fixture
def flow(project: Project, site: Site, tmp_path: Path) -> Project:
    (tmp_path / "far").mkdir()
    (tmp_path / "far/a.txt").write_text("a\n")
    return project


def allow(flow: Project, *, timeout: str = "20s", **packages: str) -> None:
    lines = "plugins: {" + ", ".join(f"{name.replace('_', '-')}: {digest}" for name, digest in packages.items()) + "}"
    flow.configure(
        CONFIG.format(plugins=lines if packages else "", timeout=timeout, far=flow.root.parent / "far").replace(
            "\n    \n", "\n"
        )
    )


def run(flow: Project) -> TargetRecord:
    """The record of the plugin's target; the other one has gone on."""
    flow.write("../far/a.txt", f"{flow.commits()}\n")
    records = {record.target: record for record in flow.run().records}
    assert records["other"].outcome is Outcome.SYNCED, records["other"].failure
    assert flow.clean() and flow.fsck() == ""
    return records["in"]


def failed(flow: Project, code: str, *words: str) -> None:
    record = run(flow)
    assert record.outcome is Outcome.FAILED and record.failure is not None, record
    told = "\n".join((record.failure.message, record.failure.hint, *record.failure.detail))
    assert record.failure.code == code, (record.failure.code, told)
    for word in ("acme", *words):
        assert word in told, told
    assert not (flow.root / "out").exists()


def test_T39_a_plugin_that_nobody_allowed_is_not_even_loaded(flow: Project, site: Site, tmp_path: Path) -> None:
    ran = f"\nfrom pathlib import Path; Path({str(tmp_path / 'ran')!r}).touch()\n"
    digest = site.install("acme-sync", HEAD, more=ran)
    allow(flow)
    failed(flow, "E-PLUGIN-NOT-ALLOWED", "acme-sync 1.0", digest, "plugins")
    assert not (tmp_path / "ran").exists()
    allow(flow, acme_sync=digest)
    record = run(flow)
    assert record.outcome is Outcome.SYNCED, record.failure
    assert flow.files(under="out") == {"out/acme.txt": "blue"} and (tmp_path / "ran").exists()
    assert run(flow).outcome is Outcome.IN_SYNC


@pytest.mark.parametrize("how", ["a module", "a new file", "another version", "shadowed"])
def test_T39_what_is_not_what_was_allowed_is_not_loaded(
    flow: Project, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    digest = site.install("acme-sync", HEAD)
    ran = f"\nfrom pathlib import Path; Path({str(tmp_path / 'ran')!r}).touch()\n"
    allow(flow, acme_sync=f"sha256:{digest}")
    if how == "a module":
        site.write({"acme_sync.py": (site.folder / "acme_sync.py").read_text() + ran})
    elif how == "a new file":  # named by its RECORD, as an upgrade would
        record = site.folder / "acme_sync-1.0.dist-info/RECORD"
        site.write({"acme_more.py": "", "acme_sync-1.0.dist-info/RECORD": record.read_text() + "acme_more.py,,\n"})
    elif how == "another version":
        for path in (site.folder / "acme_sync-1.0.dist-info").iterdir():
            path.unlink()
        (site.folder / "acme_sync-1.0.dist-info").rmdir()
        site.install("acme-sync", HEAD, version="1.1", more=ran)
    else:
        earlier = tmp_path / "earlier"
        earlier.mkdir()
        (earlier / "acme_sync.py").write_text(ran)
        monkeypatch.syspath_prepend(str(earlier))
        site.again()
    failed(flow, "E-PLUGIN-CHANGED", "acme-sync")
    assert not (tmp_path / "ran").exists()


def test_T39_a_package_that_takes_the_name_of_another_is_passed_over(flow: Project, site: Site, tmp_path: Path) -> None:
    """By an entry point of the same name, also of one of ours; the allowed one is taken."""
    digest = site.install("acme-sync", HEAD)
    ran = f"from pathlib import Path; Path({str(tmp_path / 'ran')!r}).touch()\n"
    site.install("evil-acme", ran)
    site.install("evil-files", ran, endpoint="files")
    allow(flow, acme_sync=digest)
    assert run(flow).outcome is Outcome.SYNCED and not (tmp_path / "ran").exists()


def test_F102_two_allowed_ones_of_one_name_are_both_named(flow: Project, site: Site) -> None:
    one, two = site.install("acme-sync", HEAD), site.install("acme-other", HEAD)
    allow(flow, acme_sync=one, acme_other=two)
    failed(flow, "E-PLUGIN-TWICE", "acme-sync 1.0", "acme-other 1.0")


def test_T39_doctor_shows_each_and_what_would_allow_it(flow: Project, site: Site) -> None:
    digest, evil = site.install("acme-sync", HEAD), site.install("evil-acme", HEAD)
    allow(flow, acme_sync=digest)
    found = {c.name: c for c in doctor.examine(None, flow.root, flow.environ) if c.group == "plugins"}
    assert found["acme of acme-sync"].ok is True and digest in found["acme of acme-sync"].message
    assert found["acme of evil-acme"].ok is None and "not allowed" in found["acme of evil-acme"].message
    assert f"evil-acme: {evil}" in found["acme of evil-acme"].fix
    site.write({"acme_sync.py": "changed = True\n"})
    site.again()
    [changed] = [c for c in doctor.examine(None, flow.root, flow.environ) if c.name == "acme of acme-sync"]
    assert changed.ok is False and "not what the file allows" in changed.message


BROKEN = {
    "its module raises": ("raise ValueError('no luck')\n", "could not be loaded", "ValueError: no luck"),
    "its module exits": ("raise SystemExit(0)\n", "could not be loaded", "SystemExit"),
    "no version": ("del API\n", "version None", ""),
    "another version": ("API = 2\n", "version 2", "this program has 1"),
    "no options": ("del OPTIONS\n", "has no `OPTIONS`", ""),
    "open raises": (
        "def open(context): raise ValueError('no')\n",
        "failed in open",
        "ValueError: no",
    ),
    "no endpoint": ("def open(context): return object()\n", "is no endpoint", ""),
    "snapshot raises": ("def s(self, prior): return {}['k']\nAcme.snapshot = s\n", "failed in snapshot", "KeyError"),
    "snapshot exits": ("def s(self, prior): sys.exit(3)\nAcme.snapshot = s\n", "failed in snapshot", "SystemExit"),
}


@pytest.mark.parametrize("how", BROKEN)
def test_F102_a_fault_of_a_plugin_is_told_under_its_name(flow: Project, site: Site, how: str) -> None:
    more, *words = BROKEN[how]
    allow(flow, acme_sync=site.install("acme-sync", HEAD, more=more))
    failed(flow, "E-PLUGIN", *words)


def test_F102_its_own_errors_come_through_as_they_are(flow: Project, site: Site) -> None:
    more = (
        "from directional_sync.errors import RemoteError\n"
        "def s(self, prior): raise RemoteError('E-ACME', 'acme is closed today')\nAcme.snapshot = s\n"
    )
    allow(flow, acme_sync=site.install("acme-sync", HEAD, more=more))
    failed(flow, "E-ACME", "closed today")


def test_F102_one_that_hangs_ends_at_the_deadline(flow: Project, site: Site) -> None:
    more = "GATE = threading.Event()\ndef s(self, prior): GATE.wait(600)\nAcme.snapshot = s\n"
    allow(flow, acme_sync=site.install("acme-sync", HEAD, more=more), timeout="1s")
    failed(flow, "E-PLUGIN-TIMEOUT", "snapshot", "1 s")
    assert any("has left 1 thread running: plugin-snapshot" in event.message for event in flow.events)
    sys.modules["acme_sync"].GATE.set()


def test_F102_closing_that_fails_changes_nothing(flow: Project, site: Site) -> None:
    more = "def c(self): raise OSError('too late')\nAcme.close = c\n"
    allow(flow, acme_sync=site.install("acme-sync", HEAD, more=more))
    assert run(flow).outcome is Outcome.SYNCED
    assert any("failed in close: OSError: too late" in event.message for event in flow.events)


def dsync(flow: Project, site: Site, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "directional_sync", *arguments], cwd=flow.root, text=True, timeout=60,
        env={**flow.environ, "PYTHONPATH": str(site.folder), "COLUMNS": "200"}, capture_output=True,
    )  # fmt: skip


def test_F102_what_it_prints_is_not_among_results_and_threads_it_leaves_keep_nothing_alive(
    flow: Project, site: Site
) -> None:
    more = """
        print("loading acme")
        from concurrent.futures import ThreadPoolExecutor
        def s(self, prior):
            print("looking\\x1b[2J at acme")
            pool = ThreadPoolExecutor(1)
            pool.submit(threading.Event().wait, 600)
            threading.Thread(target=threading.Event().wait, args=(600,), daemon=False, name="acme-worker").start()
            content = b"done"
            return Snapshot({"out/acme.txt": Entry(self.context.objects.write_blob(content), FILE)})
        Acme.snapshot = s
        """
    allow(flow, acme_sync=site.install("acme-sync", HEAD, more=more))
    done = dsync(flow, site, "run", "in", "--json", "-vv")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("{") and "acme" not in done.stdout.partition("\n")[0]
    import json

    assert json.loads(done.stdout)["successful"] == 1
    assert "the plugin acme (acme-sync 1.0) printed: looking" in done.stderr and "\x1b[2J" not in done.stderr
    assert "has left 2 threads running" in done.stderr and "acme-worker" in done.stderr
    assert flow.files(under="out") == {"out/acme.txt": "done"}
