"""User units for systemd that run what is due in one repository: a timer and its service, or the daemon."""

from __future__ import annotations

import hashlib
import re
from enum import StrEnum


class Flavour(StrEnum):
    TIMER = "timer"
    """Asks every five minutes; nothing runs in between."""
    DAEMON = "daemon"


def units(root: str, program: tuple[str, ...], flavour: Flavour) -> dict[str, str]:
    """File name -> content. `root`: the repository, absolute; `program`: what runs `dsync`, without its arguments."""
    name, where = unit_name(root), root.replace("%", "%%")
    about = f"[Unit]\nDescription=directional-sync: what is due in {where}\n"
    end = f"WorkingDirectory={where}\nKillMode=mixed\nTimeoutStopSec=30\n"
    if flavour is Flavour.DAEMON:
        start = _command(program, "daemon")
        service = f"[Service]\nType=exec\nExecStart={start}\n{end}Restart=on-failure\nRestartSec=30\n"
        return {f"{name}.service": f"{about}\n{service}\n[Install]\nWantedBy=default.target\n"}
    run = _command(program, "run", "--due", "--lock-timeout", "10m")
    timer = "[Timer]\nOnCalendar=*:0/5\nAccuracySec=1min\nPersistent=true\n\n[Install]\nWantedBy=timers.target\n"
    return {
        f"{name}.service": f"{about}\n[Service]\nType=oneshot\nExecStart={run}\n{end}",
        f"{name}.timer": f"{about}\n{timer}",
    }


def unit_name(root: str) -> str:
    """The same for the same repository, and its own."""
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "-", root.rstrip("/").rpartition("/")[2]).strip("-.") or "repository"
    return f"dsync-{plain[:60]}-{hashlib.sha256(root.encode('utf-8', 'surrogateescape')).hexdigest()[:8]}"


def enabling(root: str, flavour: Flavour) -> tuple[str, ...]:
    """The commands that put the units to work."""
    kind = "timer" if flavour is Flavour.TIMER else "service"
    return (
        "systemctl --user daemon-reload",
        f"systemctl --user enable --now {unit_name(root)}.{kind}",
        "loginctl enable-linger",
    )


def _command(program: tuple[str, ...], *arguments: str) -> str:
    return " ".join(_quoted(word) for word in (*program, *arguments))


def _quoted(word: str) -> str:
    word = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return word if re.fullmatch(r"[A-Za-z0-9_./:=-]+", word) else f'"{word}"'
