"""What the options of every endpoint have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic_core import PydanticCustomError


class Options(BaseModel):
    """Base of every endpoint's options, the keys under `remote:`. Declared once; schema and docs derive.

    A run of an endpoint of this program may be given the same fields without the class (`model.values.Values`), so
    its options have fields and validators and nothing else: what is done with them is a function."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def wrong(message: str, **context: Any) -> PydanticCustomError:
    """A mistake in an option, to be raised by its validator; `{names}` in the message are filled in from `context`."""
    return PydanticCustomError("E-CONFIG", message, context)


def accepted(check: Callable[[], object]) -> None:
    """Raises what `check` raises as a ValueError as a mistake in an option, with the code that it has."""
    try:
        check()
    except ValueError as error:
        raise PydanticCustomError(getattr(error, "code", "E-CONFIG"), "{why}", {"why": str(error)}) from None
