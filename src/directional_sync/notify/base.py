"""What an address may be, and why something could not be told. Neither says more of an address than the name of the
variable that holds it: even its host may be known to nobody else."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from directional_sync.core.hosts import is_loopback


class Untold(Exception):
    """Nobody knows to have been told. `reason` is half a sentence and holds no part of an address."""

    def __init__(self, reason: str, code: str = "E-NOTIFY-UNTOLD") -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code


@dataclass(frozen=True, slots=True)
class Patience:
    """How long telling may take, in seconds: a run that has ended waits for nothing longer than this."""

    each_s: float = 5.0
    """One message."""
    all_s: float = 15.0
    """All messages of one run; and all of its signs of life."""


USUAL = Patience()


def bounded(deed: Callable[[], None], timeout_s: float) -> None:
    """Does `deed` in a thread that nobody waits for any longer than that: no deadline of ours ends a look-up of a name,
    or what a library does. Raises Untold."""
    done: list[Untold | None] = []

    def work() -> None:
        try:
            deed()
            done.append(None)
        except Untold as error:
            done.append(error)
        except Exception as error:  # its words may hold the address
            done.append(Untold(f"it failed by itself: {type(error).__name__}"))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(timeout_s)
    if not done:
        raise Untold("it did not answer in time")
    if done[0] is not None:
        raise done[0]


def held(variable: str, environ: Mapping[str, str]) -> str:
    """What the variable holds. Raises Untold E-NOTIFY-ADDRESS when it is not set."""
    value = environ.get(variable, "").strip()
    if not value:
        raise Untold(f"{variable} is not set", "E-NOTIFY-ADDRESS")
    return value


def web_address(variable: str, environ: Mapping[str, str]) -> str:
    """The address that the variable holds: https, or http to this machine. Raises Untold E-NOTIFY-ADDRESS."""
    value = held(variable, environ)
    try:
        parts = urlsplit(value)
        name = parts.hostname or ""
        valid = bool(name) and value.isascii() and value.isprintable() and " " not in value
        valid = valid and (parts.port is None or parts.port > 0) and "@" not in parts.netloc
    except ValueError:
        valid = False
    if not valid or parts.scheme not in ("http", "https"):
        raise Untold(f"what {variable} holds is no address like https://host/path", "E-NOTIFY-ADDRESS")
    if parts.scheme == "http" and not is_loopback(name):
        raise Untold(f"{variable} holds an address with http; only https keeps it secret", "E-NOTIFY-ADDRESS")
    return value
