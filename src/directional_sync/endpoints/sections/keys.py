"""Names of entries as one part of a key, and back."""

from __future__ import annotations

import re
from urllib.parse import unquote

_UNFIT = re.compile(r"[%/\\\x00-\x1f\x7f]|\A\.")


def encode(name: str) -> str:
    return _UNFIT.sub(lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode()), name)


def decode(key: str) -> str:
    return unquote(key)
