"""Units for systemd: what they say, that systemd takes them, and where they are written."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.project import Project

from directional_sync.cli import main
from directional_sync.render.systemd import Flavour, enabling, unit_name, units

ANALYZE = shutil.which("systemd-analyze")
PROGRAM = (sys.executable, "-m", "directional_sync")


def test_a_timer_and_its_service() -> None:
    made = units("/srv/my repository", ("/usr/bin/python3", "-m", "directional_sync"), Flavour.TIMER)
    name = unit_name("/srv/my repository")
    assert list(made) == [f"{name}.service", f"{name}.timer"] and name.startswith("dsync-my-repository-")
    service, timer = made.values()
    assert "ExecStart=/usr/bin/python3 -m directional_sync run --due --lock-timeout 10m\n" in service
    assert "WorkingDirectory=/srv/my repository\n" in service and "Type=oneshot" in service
    assert "OnCalendar=*:0/5" in timer and "Persistent=true" in timer


def test_the_daemon() -> None:
    [(name, service)] = units("/srv/a", ("/usr/bin/dsync",), Flavour.DAEMON).items()
    assert "ExecStart=/usr/bin/dsync daemon\n" in service and "Restart=on-failure" in service
    assert "KillMode=mixed" in service and "WantedBy=default.target" in service
    assert enabling("/srv/a", Flavour.DAEMON)[1] == f"systemctl --user enable --now {name}"


def test_odd_paths_mean_themselves() -> None:
    service = next(iter(units("/srv/50% of $HOME", ('/opt/a "b"/py$thon',), Flavour.TIMER).values()))
    assert "WorkingDirectory=/srv/50%% of $HOME\n" in service
    assert r'ExecStart="/opt/a \"b\"/py$$thon" run' in service
    assert unit_name("/srv/a") != unit_name("/home/a") and "/" not in unit_name("/srv/../x y%")


@pytest.mark.skipif(ANALYZE is None, reason="there is no systemd-analyze here")
@pytest.mark.parametrize("flavour", list(Flavour))
def test_systemd_takes_them(flavour: Flavour, tmp_path: Path) -> None:
    folder, root = tmp_path / "units", tmp_path / "50% here"
    folder.mkdir()
    root.mkdir()
    made = units(str(root), PROGRAM, flavour)
    for name, text in made.items():
        (folder / name).write_text(text)
    paths = [str(folder / name) for name in made]
    done = subprocess.run([str(ANALYZE), "verify", "--man=no", *paths], capture_output=True, text=True)
    ours = [line for line in done.stderr.splitlines() if "dsync-" in line]
    assert ours == [] and done.returncode == 0, done.stderr


def test_init_writes_them_for_the_user_and_says_how_to_enable_them(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    folder = tmp_path / "config/systemd/user"
    assert main(["init", str(project.root), "--systemd", "--print"]) == 0
    assert "OnCalendar" in capfd.readouterr().out and not folder.exists()
    assert main(["init", str(project.root), "--systemd"]) == 0
    out = capfd.readouterr().out
    name = unit_name(str(project.root.resolve()))
    assert f"systemctl --user enable --now {name}.timer" in out and "enable-linger" in out
    assert sorted(path.name for path in folder.iterdir()) == [f"{name}.service", f"{name}.timer"]
    assert main(["init", str(project.root), "--systemd"]) == 0
    assert "everything is there already" in capfd.readouterr().out
    assert main(["init", str(project.root), "--systemd=daemon"]) == 1  # it would overwrite the timer's service
    assert "E-INIT-EXISTS" in capfd.readouterr().err
    assert main(["init", str(project.root), "--systemd=daemon", "--force", "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["written"] == [str(folder / f"{name}.service")]
    assert main(["init", str(project.root), "--systemd", "--starter", "insightpulse"]) == 2


def test_outside_of_a_repository(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["init", str(tmp_path), "--systemd"]) == 1
    assert "E-REPO-NONE" in capfd.readouterr().err
