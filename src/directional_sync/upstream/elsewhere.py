"""Which URLs the user has git find at another place: `url.<base>.insteadOf` in their own configuration.

That is how mirrors, logins and a change of protocol are set up for all repositories at once. What begins like one of
these is asked for by git alone, or refs would be read at one place and content at another.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from directional_sync.system.process import Finished

_QUESTION = ("config", "--null", "--get-regexp", r"^url\..*\.insteadof$")
_MAY_SAY_SO = re.compile(rb"(?i)insteadof|\[\s*include")
_SYSTEM = Path("/etc/gitconfig")


def elsewhere(environment: Mapping[str, str], ask: Callable[..., Finished]) -> tuple[str, ...]:
    """The beginnings of all such URLs. `environment`: that of the git that `ask` runs with arguments. It is not
    started where no file of the user's can hold such a setting."""
    if not any(_may_say_so(path) for path in _files(environment)):
        return ()
    said = ask(*_QUESTION).stdout.decode("utf-8", "surrogateescape").split("\0")
    return tuple(begin for begin in (line.partition("\n")[2] for line in said) if begin)


def _files(environment: Mapping[str, str]) -> list[Path]:
    home = environment.get("HOME", "")
    config = environment.get("XDG_CONFIG_HOME") or f"{home}/.config"
    return [_SYSTEM, *([Path(home, ".gitconfig"), Path(config, "git/config")] if home else [])]


def _may_say_so(path: Path) -> bool:
    try:
        return bool(_MAY_SAY_SO.search(path.read_bytes()))
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True  # git is to say what is wrong with it
