"""Which variables of the environment the programs of a target may see: an allow-list, and what the target names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Protocol

from directional_sync.errors import CredentialError

_ALLOWED = re.compile(
    r"(?:PATH|HOME|LANG|LC_[A-Z_]+|TZ|TMPDIR|SSL_[A-Z_]+|(?:HTTPS?|ALL|NO)_PROXY|(?:https?|all|no)_proxy)\Z"
)
_NEVER = re.compile(
    # With these a line of output could steer the CI's later steps,
    r"(?:GITHUB_(?:ENV|OUTPUT|PATH|STATE|STEP_SUMMARY)"
    # and with these git would look at another repository than the one around it.
    r"|GIT_(?:DIR|WORK_TREE|COMMON_DIR|INDEX_FILE|OBJECT_DIRECTORY|ALTERNATE_OBJECT_DIRECTORIES|NAMESPACE|PREFIX))\Z"
)


class Wishes(Protocol):
    """What a target says about its programs' environment; see `model.target.Target`."""

    @property
    def name(self) -> str: ...

    @property
    def env(self) -> tuple[str, ...]: ...

    @property
    def env_vars(self) -> tuple[str, ...]: ...

    @property
    def missing(self) -> tuple[tuple[str, object], ...]: ...

    @property
    def place(self) -> object: ...


def environment_for(target: Wishes, environ: Mapping[str, str]) -> dict[str, str]:
    """What of `environ` the programs and checks of `target` see. Raises CredentialError E-ENV-MISSING when a
    variable that the target requires or refers to is unset or empty."""
    missing = [name for name in target.env_vars if not environ.get(name)]
    referred = dict(target.missing)
    missing += [name for name in referred if name not in missing]
    if missing:
        raise _missing(target, missing, str(referred.get(missing[0], target.place)))
    named = {*target.env, *target.env_vars}
    return {
        name: value
        for name, value in environ.items()
        if (name in named or _ALLOWED.match(name)) and not _NEVER.match(name)
    }


def credentials_for(target: Wishes, names: Sequence[str], environ: Mapping[str, str]) -> dict[str, str]:
    """The variables `names`, for the endpoint of `target` alone. Raises CredentialError E-ENV-MISSING when one is unset
    or empty."""
    missing = [name for name in names if not environ.get(name)]
    if missing:
        raise _missing(target, missing, str(target.place))
    return {name: environ[name] for name in names}


def _missing(target: Wishes, names: list[str], place: str) -> CredentialError:
    return CredentialError(
        "E-ENV-MISSING",
        f"{target.name} needs {_listed(names)}, which {'is' if len(names) == 1 else 'are'} not set",
        place=place,
        hint=f"set it in the environment, or in a .env file that git ignores: {names[0]}=...",
        kept="nothing of this target was run",
    )


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
