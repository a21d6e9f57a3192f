"""A server as its files and its list of processes show it, in a folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

CONF = """\
[options]
; the password before was zorro-Old-99
admin_passwd = Adm1n-Master-Pw
db_host = db.internal
db_name = prod
db_password = Pg-Live-Secret-77
db_port = 5432
db_user = odoo
addons_path = /usr/lib/odoo/addons,
    /mnt/extra-addons
workers = 4
"""
ENVIRON = {"LANG": "C.UTF-8", "PATH": "/usr/bin:/bin", "SMTP_PASSWORD": "sm7p-Live-Pw", "HOSTNAME": "odoo-6f7c9"}
ARGV = ("/usr/bin/python3", "/usr/bin/odoo", "-c", "/etc/odoo/odoo.conf")
SECRETS = ("Adm1n-Master-Pw", "Pg-Live-Secret-77", "sm7p-Live-Pw", "zorro-Old-99")


@dataclass(frozen=True)
class Machine:
    """What `path: ROOT` looks at."""

    root: Path

    def conf(self, text: str | bytes = CONF, path: str = "/etc/odoo/odoo.conf") -> Path:
        return self.write(path, text)

    def write(self, path: str, text: str | bytes) -> Path:
        file = Path(f"{self.root}{path}")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return file

    def process(
        self,
        argv: Sequence[str] = ARGV,
        environ: Mapping[str, str] | bytes | None = None,
        *,
        pid: int = 42,
        parent: int = 1,
    ) -> None:
        variables = ENVIRON if environ is None else environ
        if not isinstance(variables, bytes):
            lines = [f"{name}={value}\0" for name, value in variables.items()]
            variables = "".join(lines).encode("utf-8", "surrogateescape")
        self.write(f"/proc/{pid}/cmdline", "".join(f"{word}\0" for word in argv).encode("utf-8", "surrogateescape"))
        self.write(f"/proc/{pid}/environ", variables)
        self.write(f"/proc/{pid}/status", f"Name:\tpython3\nPid:\t{pid}\nPPid:\t{parent}\n")

    def ssh(self, folder: Path) -> None:
        """Puts a program `ssh` into `folder` that looks at this machine, whatever host it is called for."""
        folder.mkdir(parents=True, exist_ok=True)
        program = folder / "ssh"
        program.write_text(f'#!/bin/sh\nsed "s|^R=.*|R={self.root}|" | sh -s\n')
        program.chmod(0o755)

    def ends(self, pid: int = 42) -> None:
        for name in ("cmdline", "environ", "status"):
            (self.root / "proc" / str(pid) / name).unlink()


def machine(root: Path) -> Machine:
    """With init, a configuration file and the process of a server."""
    made = Machine(root)
    made.process(("/sbin/init",), {}, pid=1, parent=0)
    made.conf()
    made.process()
    return made
