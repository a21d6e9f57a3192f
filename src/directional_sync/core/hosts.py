"""What a host's name or address says by itself; nothing is looked up."""

from __future__ import annotations


def is_loopback(host: str) -> bool:
    """Whether `host` is this machine, by its name or address."""
    import ipaddress  # most runs never ask

    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
