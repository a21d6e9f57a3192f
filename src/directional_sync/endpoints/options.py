"""What the options of every endpoint have in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Options(BaseModel):
    """Base of every endpoint's options, the keys under `remote:`. Declared once; schema and docs derive.

    A run of an endpoint of this program may be given the same fields without the class (`model.values.Values`), so
    its options have fields and validators and nothing else: what is done with them is a function."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
