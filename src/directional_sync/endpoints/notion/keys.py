"""External ids as keys that a git tree can hold, and back. Letters, digits, `_`, `-` and spaces stay as they are."""

from __future__ import annotations

import re
from urllib.parse import unquote

_UNFIT = re.compile(r"[%/\\\x00-\x1f\x7f]|\A\.")


def encode(external: str) -> str:
    """The key of an external id that is not empty."""
    return _UNFIT.sub(lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode()), external)


def decode(key: str) -> str:
    """The external id behind a key."""
    return unquote(key, errors="surrogateescape")
