"""The way to the server: over ssh, through a command, or a folder of this machine. One program goes there, once."""

from __future__ import annotations

import secrets
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from directional_sync.endpoints.server_config.answer import Answer, Cut, parse
from directional_sync.endpoints.server_config.script import Question, program
from directional_sync.endpoints.ssh import complaints
from directional_sync.endpoints.ssh.words import environment, missing, words
from directional_sync.system import host
from directional_sync.system.files import write_private
from directional_sync.system.supervisor import Ended, end_orphans, supervise

if TYPE_CHECKING:
    from directional_sync.endpoints.server_config.options import ServerConfigOptions

_KEEP_BYTES = 32_000_000
_FROM_FILE = 'exec "$@" <"$0"'


@dataclass(frozen=True)
class Way:
    """How to get there."""

    options: ServerConfigOptions
    environment: Mapping[str, str] = field(repr=False)
    cache: Path
    known_hosts: Path | None = None
    """The file with the only keys that are trusted; None for those that ssh knows itself."""

    @property
    def server(self) -> str:
        """The server, for people."""
        options = self.options
        through = f"`{shlex.join(options.command)}`" if options.command else ""
        here = "this machine" if options.path == "/" else options.path
        return " on ".join(part for part in (through, options.host) if part) or here

    def ask(self, question: Question, timeout_s: float) -> Answer:
        """Everything that is asked, in one go. Raises SyncError E-SERVER-... and HostError E-PROGRAM-MISSING."""
        mark = f"dsync-{secrets.token_hex(16)}"
        ended = self._run(program(question, mark), timeout_s)
        if ended.timed_out:
            raise complaints.complaint(complaints.TIMEOUT, self.server, detail=complaints.shown(ended.errors))
        if ended.truncated:
            raise complaints.complaint(complaints.SIZE, self.server)
        try:
            return parse(ended.output, mark)
        except Cut as cut:
            if cut.begun:
                raise complaints.complaint(complaints.CUT, self.server, detail=complaints.shown(ended.errors)) from None
            raise complaints.from_words(self.server, ended.errors, ended.status) from None

    def _run(self, script: str, timeout_s: float) -> Ended:
        host.make_folder(self.cache)
        watch, argv = self.cache / "processes", list(argv_for(self.options, script, self.known_hosts))
        end_orphans(watch)
        if self.options.host:
            file = self.cache / "program.sh"
            write_private(file, over_ssh(self.options.command, script).encode("utf-8", "surrogateescape"))
            argv = ["sh", "-c", _FROM_FILE, str(file), *argv]
        env = {**environment(self.environment), "SYNC_ROOT": str(self.cache)}
        try:
            return supervise(argv, cwd=self.cache, env=env, timeout_s=timeout_s, keep_bytes=_KEEP_BYTES, watch=watch)
        except OSError as error:
            raise missing(argv[0], error) from error


def argv_for(options: ServerConfigOptions, script: str, known_hosts: Path | None = None) -> Sequence[str]:
    """The words that run `script` beside the server. Over ssh it goes to standard input instead: then no shell of
    whatever kind the user has there reads any of it."""
    if options.host:
        return words(options, known_hosts, "exec sh -s")
    return (*options.command, "sh", "-c", script)


def over_ssh(command: Sequence[str], script: str) -> str:
    """What the shell at the other end of ssh reads."""
    return f"exec {shlex.join([*command, 'sh', '-c', script])}\n" if command else script
