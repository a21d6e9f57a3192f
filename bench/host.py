"""The host that serves the upstreams: near, or as far as a round trip says, and at no cost of its own.

A round trip is waited for when a connection is made and for each request on it, which is what a far host costs a
client (growing windows and TLS left aside). Answers are remembered, so that the time is the clients' and not that of
the programs that would make each answer anew on this same machine.
"""

from __future__ import annotations

import time
from pathlib import Path

from directional_sync.testing.git_server import Asked, GitServer


class Host(GitServer):
    def __init__(self, folder: Path, round_trip_s: float) -> None:
        super().__init__(folder, remember=True)
        self._round_trip_s = round_trip_s

    def connected(self) -> None:
        super().connected()
        time.sleep(self._round_trip_s)

    def note(self, asked: Asked) -> None:
        super().note(asked)
        time.sleep(self._round_trip_s)
