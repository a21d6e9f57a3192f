"""Which variables of the environment the programs of a target may see: an allow-list, and what the target names."""

from __future__ import annotations

import re
from collections.abc import Mapping
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
        raise CredentialError(
            "E-ENV-MISSING",
            f"{target.name} needs {_listed(missing)}, which {'is' if len(missing) == 1 else 'are'} not set",
            place=str(referred.get(missing[0], target.place)),
            hint=f"set it in the environment, or in a .env file that git ignores: {missing[0]}=...",
            kept="nothing of this target was run",
        )
    named = {*target.env, *target.env_vars}
    return {
        name: value
        for name, value in environ.items()
        if (name in named or _ALLOWED.match(name)) and not _NEVER.match(name)
    }


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
