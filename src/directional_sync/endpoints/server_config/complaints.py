"""What can be wrong with a server beyond the way to it, which `ssh.complaints` words."""

from __future__ import annotations

from directional_sync.errors import Kind

FILE = Kind("E-SERVER-FILE", "{}", "say where it is by `config_file`")
PROCESS = Kind(
    "E-SERVER-PROCESS",
    "{}",
    "narrow `process` to the server's command line, or set `process: []` and read files only",
)
