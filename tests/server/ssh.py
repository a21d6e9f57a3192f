"""A real sshd on loopback, with keys of its own and as little configuration as it needs."""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
_PRIVSEP = Path("/run/sshd")


class NoSshd(Exception):
    """Why there is none on this machine."""


@dataclass
class Sshd:
    folder: Path
    port: int

    @property
    def identity(self) -> str:
        return str(self.folder / "client")

    @property
    def known_hosts(self) -> Path:
        return self.folder / "known_hosts"

    @property
    def host_line(self) -> str:
        """What known_hosts says of it."""
        kind, key, *_ = (self.folder / "host.pub").read_text().split()
        return f"[127.0.0.1]:{self.port} {kind} {key}\n"

    def remote(self) -> dict[str, object]:
        """What a target says to get there."""
        return {
            "host": "127.0.0.1",
            "port": self.port,
            "user": getpass.getuser(),
            "identity_file": self.identity,
            "known_hosts": str(self.known_hosts),
        }


@contextlib.contextmanager
def sshd(folder: Path, *, greeting: str = "") -> Iterator[Sshd]:
    """Runs one until the end of the block. Raises NoSshd."""
    if _SSHD is None or shutil.which("ssh") is None or shutil.which("ssh-keygen") is None:
        raise NoSshd("openssh-server is not installed")
    folder.mkdir(parents=True)
    for name in ("host", "client"):
        new_key(folder / name)
    shutil.copyfile(folder / "client.pub", folder / "authorized_keys")
    server = Sshd(folder, free_port())
    server.known_hosts.write_text(server.host_line)
    lines = [
        f"Port {server.port}",
        "ListenAddress 127.0.0.1",
        f"HostKey {folder}/host",
        f"PidFile {folder}/pid",
        f"AuthorizedKeysFile {folder}/authorized_keys",
        *("PasswordAuthentication no", "KbdInteractiveAuthentication no", "PermitRootLogin yes"),
        *("StrictModes no", "UsePAM no", "PrintMotd no", "PrintLastLog no"),
    ]
    if greeting:
        (folder / "greeting").write_text(greeting)
        lines.append(f"Banner {folder}/greeting")
    (folder / "config").write_text("\n".join(lines) + "\n")
    argv = [_SSHD, "-D", "-e", "-f", str(folder / "config")]
    if os.geteuid() == 0 and not _PRIVSEP.is_dir():  # which only the package's service makes: in a /run of our own
        script = f'mount -t tmpfs tmpfs {_PRIVSEP.parent} && mkdir -m 755 {_PRIVSEP} && exec "$@"'
        argv = ["unshare", "-m", "sh", "-c", script, "sh", *argv]
    with (folder / "log").open("wb") as log:
        child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    try:
        _wait(server, child)
        yield server
    finally:
        child.terminate()
        child.wait(10)


def new_key(path: Path) -> None:
    path.unlink(missing_ok=True)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True, capture_output=True)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _wait(server: Sshd, child: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", server.port), 1):
            return
        if child.poll() is not None:
            break
        time.sleep(0.05)
    child.kill()
    raise NoSshd(f"sshd does not start here: {(server.folder / 'log').read_text().strip()[-200:]}")
