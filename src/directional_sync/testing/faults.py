"""What can be wrong with a repository that the loopback host serves."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Fault:
    """What is wrong with one repository. Several may hold at once."""

    status: int = 0
    """Answer this status instead of the repository's answer; 0 for none."""
    retry_after_s: int = 0
    """With `status`: ask the client to wait so long."""
    user_password: str = field(default="", repr=False)
    """`user:password` that every request must bring; others are answered 401."""
    html: bool = False
    """Answer 200 with a page for people."""
    redirect: str = ""
    """Answer 301 to this URL of a repository."""
    cut_after: int = -1
    """Close the connection when so many bytes of bodies have been sent since the fault was set; -1: never."""
    corrupt_at: int = -1
    """Flip one bit of this byte of the bodies sent since the fault was set; -1: none."""
    drip_s: float = 0.0
    """Send bodies byte by byte, with this pause between them."""
    hang_s: float = 0.0
    """Accept the request and say nothing for so long (ends early when the server is closed)."""
    delay_s: float = 0.0
    """Answer so much later: the round trip of a far host."""
    old_protocol: bool = False
    """Ignore the client's wish for protocol v2."""
    tips_only: bool = False
    """With `old_protocol`: hand out only what a branch or tag points at."""
    times: int = 0
    """Hold for so many requests only; 0: until cleared."""
