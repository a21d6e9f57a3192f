"""What a variable holds that proves who we are."""

from __future__ import annotations

from collections.abc import Mapping

from directional_sync.errors import CredentialError
from directional_sync.service.complaints import KEPT
from directional_sync.system.environment import Wishes, credentials_for


def credential(target: Wishes, name: str, environment: Mapping[str, str]) -> str:
    """The value of the variable `name`, fit for a header and without blanks around it, as files of secrets often end.
    Raises CredentialError: E-ENV-MISSING when it is not set, E-SERVICE-AUTH when no header can carry it."""
    value = environment.get(name, "").strip()
    credentials_for(target, (name,), {name: value})
    if not (value.isascii() and value.isprintable()):
        raise CredentialError(
            "E-SERVICE-AUTH",
            f"{name} holds characters that no credential has",
            place=str(target.place),
            hint=f"it may hold a line break or a quote too many: look at it, then set {name} again",
            kept=KEPT,
        )
    return value
