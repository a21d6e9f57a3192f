"""Checked values without the class that checked them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


class Values:
    """The fields of a checked model, under the same names, read-only. A model library takes longer to load than all
    that a run does when nothing has changed, so what was checked before is handed on in this form."""

    __slots__ = ("_fields", "kind")

    kind: str
    """The name of the class that checked them."""
    _fields: Mapping[str, Any]

    def __init__(self, kind: str, fields: Mapping[str, Any]) -> None:
        object.__setattr__(self, "kind", kind)
        object.__setattr__(self, "_fields", dict(fields))

    def __getattr__(self, name: str) -> Any:
        try:
            return object.__getattribute__(self, "_fields")[name]
        except KeyError:
            raise AttributeError(f"{self.kind} has no field {name!r}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{self.kind} is read-only")

    __delattr__ = __setattr__  # type: ignore[assignment]

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        """(name, value) of each field, as models do."""
        return iter(self._fields.items())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Values) and (self.kind, self._fields) == (other.kind, other._fields)

    def __hash__(self) -> int:
        return hash((self.kind, tuple(self._fields)))

    def __repr__(self) -> str:
        return f"{self.kind}({', '.join(self._fields)})"  # no values: one of them may be secret


def kind_of(options: object) -> str:
    """The name of the class that checked `options`, whichever form they have."""
    return options.kind if isinstance(options, Values) else type(options).__name__
