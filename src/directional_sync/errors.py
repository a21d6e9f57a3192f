"""Every error this program raises on purpose: one family, each member with a stable code.

    SyncError
    |-- ConfigError        2   the YAML or the command line; carries every Problem at once; nothing ran
    |-- SelectionError     3   nothing was selected
    |-- CredentialError    4   a credential is missing or was refused
    |-- RefusedError       6   a gate or a safety rule said no; nothing was changed
    |-- StalePlanError     8   the world moved since the plan was made; nothing was changed
    |-- LockHeldError     10   another run holds this repository
    |-- InputError         1   a document of the repository that a target reads is broken; nothing was written
    |-- HostError          1   this machine or this repository: disk, permissions, git, repository shape
    |-- RemoteError        1   the far side: unreachable, cut short, not what it should be
    |-- ScriptError        1   an entrypoint program: missing, failed, timed out
    |-- InterruptedRun   130   a person or the system asked us to stop (143 for SIGTERM)
    `-- InternalError     70   our bug

An error says what happened (`message`), whose fault it is, whether trying again can help, where (`place`),
what was kept safe (`kept`) and what to do next (`hint`). Its text is made in `render`, never here. Every code
has a page (`dsync explain CODE`); a test holds codes and pages against each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Exit(IntEnum):
    """The exit statuses, documented and stable. An unknown status means failure."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NOTHING_SELECTED = 3
    CREDENTIAL = 4
    CHANGES = 5
    REFUSED = 6
    CONFLICTS = 7
    STALE = 8
    LOCKED = 10
    INTERNAL = 70
    INTERRUPTED = 130
    TERMINATED = 143


EXIT_PRECEDENCE: tuple[Exit, ...] = (
    Exit.TERMINATED,
    Exit.INTERRUPTED,
    Exit.INTERNAL,
    Exit.CONFLICTS,
    Exit.CREDENTIAL,
    Exit.REFUSED,
    Exit.STALE,
    Exit.LOCKED,
    Exit.FAILED,
    Exit.CHANGES,
    Exit.OK,
)
"""If several apply to one run, the first of these is the status of the run."""


class Fault(StrEnum):
    """Who can mend it."""

    USER = "user"
    ENVIRONMENT = "environment"
    REMOTE = "remote"
    BUG = "bug"


class SyncError(Exception):
    """The root of the family. Subclasses fix `exit` and `fault`; the code is given where it is raised."""

    exit: Exit = Exit.FAILED
    fault: Fault = Fault.ENVIRONMENT

    def __init__(
        self,
        code: str,
        message: str,
        *,
        hint: str = "",
        place: str = "",
        kept: str = "",
        detail: Sequence[str] = (),
        retryable: bool = False,
    ) -> None:
        """Arguments: `code` like E-NET-REFUSED; `message` one sentence without a full stop; `hint` the next
        step, a command where there is one; `place` file:line, target or step; `kept` what is unchanged;
        `detail` further lines; `retryable` whether the same call may succeed later."""
        super().__init__(f"[{code}] {message}")
        self.code = code
        self.message = message
        self.hint = hint
        self.place = place
        self.kept = kept
        self.detail = tuple(detail)
        self.retryable = retryable


@dataclass(frozen=True, slots=True)
class Kind:
    """One way in which a far side goes wrong, for the tables of those who tell the ways apart."""

    code: str
    says: str
    """The sentence; `{}` is the far side."""
    hint: str
    retryable: bool = False


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a file that a person wrote."""

    message: str
    path: str = ""
    """The file as the user named it."""
    line: int = 0
    """1-based; 0 when the mistake has no place in the file."""
    column: int = 0
    """1-based, in characters."""
    width: int = 1
    """How many characters to underline, at least 1."""
    source: str = ""
    """The line itself, without its end."""
    hint: str = ""
    code: str = "E-CONFIG"


class ConfigError(SyncError):
    """The YAML or the command line is wrong. All its problems at once, in file order."""

    exit = Exit.USAGE
    fault = Fault.USER

    def __init__(self, problems: Sequence[Problem], *, code: str = "E-CONFIG", hint: str = "") -> None:
        first = problems[0].message if problems else "the configuration is wrong"
        super().__init__(code, first, hint=hint, kept="nothing was run")
        self.problems = tuple(problems)


class SelectionError(SyncError):
    exit = Exit.NOTHING_SELECTED
    fault = Fault.USER


class CredentialError(SyncError):
    exit = Exit.CREDENTIAL
    fault = Fault.USER


class RefusedError(SyncError):
    exit = Exit.REFUSED
    fault = Fault.USER


class StalePlanError(SyncError):
    exit = Exit.STALE
    fault = Fault.ENVIRONMENT


class LockHeldError(SyncError):
    exit = Exit.LOCKED
    fault = Fault.ENVIRONMENT


class InputError(SyncError):
    exit = Exit.FAILED
    fault = Fault.USER


class HostError(SyncError):
    exit = Exit.FAILED
    fault = Fault.ENVIRONMENT


class RemoteError(SyncError):
    exit = Exit.FAILED
    fault = Fault.REMOTE


class ScriptError(SyncError):
    exit = Exit.FAILED
    fault = Fault.USER


class InterruptedRun(SyncError):
    exit = Exit.INTERRUPTED
    fault = Fault.USER


class InternalError(SyncError):
    exit = Exit.INTERNAL
    fault = Fault.BUG
