"""What goes wrong with sections, as errors."""

from __future__ import annotations

from collections.abc import Sequence

from directional_sync.core.escape import one_line
from directional_sync.core.sections.outline import Mistake
from directional_sync.errors import InputError

KEPT = "neither the repository nor the other side was written"
_LISTED = 100


def broken(target: str, document: str, found: Sequence[Mistake]) -> InputError:
    """Every mistake of the document at once."""
    said = [f"{document}:{one.line}: {one.message}" if one.line else f"{document}: {one.message}" for one in found]
    left = len(said) - _LISTED
    return InputError(
        "E-SECTIONS-INPUT",
        f"{len(said)} {'mistake' if len(said) == 1 else 'mistakes'} in what {target} reads: {one_line(said[0], 300)}",
        detail=[one_line(one, 300) for one in said[:_LISTED]] + ([f"and {left} more"] if left > 0 else []),
        place=f"{document}:{found[0].line}" if found[0].line else document,
        kept=KEPT,
        hint=f"mend {document}, commit it, then: dsync plan -t {target}",
    )


def gone(target: str, document: str, entries: int) -> InputError:
    return InputError(
        "E-SECTIONS-GONE",
        f"{document} is gone, of which {entries} {'entry' if entries == 1 else 'entries'} were agreed on",
        place=document,
        kept=KEPT,
        hint=f"bring it back: git log --oneline -- {document}; or take {target} out of the file",
    )


def unsayable(target: str, document: str, why: str) -> InputError:
    return InputError(
        "E-SECTIONS-UNSAYABLE",
        f"{document} cannot say what the other side holds: {one_line(why, 300)}",
        place=document,
        kept=KEPT,
        hint=f"add the column, or write the entry yourself; then: dsync plan -t {target}",
    )
