"""Line ends of texts that are taken for the same."""

from __future__ import annotations

_LOOKED_AT_BYTES = 8_000


def with_lf(content: bytes) -> bytes:
    """A text with LF for every CR LF. What has a null byte near its beginning is no text, as for git, and stays."""
    if b"\r\n" not in content or b"\0" in content[:_LOOKED_AT_BYTES]:
        return content
    return content.replace(b"\r\n", b"\n")
