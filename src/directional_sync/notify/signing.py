"""How a receiver knows that a message is ours and new: the signature of Standard Webhooks.

HMAC-SHA256 over `id.timestamp.body`, in three headers. A receiver with the same key makes it again, compares, and
takes nothing whose time is more than a few minutes from its own or whose id it has seen.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

from directional_sync.notify.base import Untold

_PREFIX = "whsec_"
_SHORTEST = 16


def signed(secret: str, message: str, seconds: int, body: bytes) -> dict[str, str]:
    """The three headers. `secret` holds one key, or several parted by spaces while they are exchanged; then there is a
    signature by each. Raises Untold E-NOTIFY-ADDRESS for a key that is none."""
    content = f"{message}.{seconds}.".encode() + body
    signatures = [
        "v1," + base64.b64encode(hmac.new(key(text), content, hashlib.sha256).digest()).decode()
        for text in secret.split()
    ]
    return {
        "webhook-id": message,
        "webhook-timestamp": str(seconds),
        "webhook-signature": " ".join(signatures),
    }


def key(text: str) -> bytes:
    """The bytes of one key: base64 after `whsec_`, else the text itself. Raises Untold E-NOTIFY-ADDRESS."""
    try:
        found = (
            base64.b64decode(text.removeprefix(_PREFIX), validate=True) if text.startswith(_PREFIX) else text.encode()
        )
    except (binascii.Error, ValueError):
        raise Untold("its key begins with whsec_ and is no base64", "E-NOTIFY-ADDRESS") from None
    if len(found) < _SHORTEST:
        raise Untold(f"its key is shorter than {_SHORTEST} bytes", "E-NOTIFY-ADDRESS")
    return found
