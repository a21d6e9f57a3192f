"""Mail, and many services more, through the library apprise, which is loaded only when a message goes that way.

It is held to the same rules as we are: encrypted unless it stays on this machine, no redirects, a bounded time, and
not a word of its own on any stream, since its words name addresses.
"""

from __future__ import annotations

import importlib.util
from typing import Any

from directional_sync.core.hosts import is_loopback
from directional_sync.notify.base import Untold

EXTRA = "pip install 'directional-sync[notify]'"


def installed() -> bool:
    return importlib.util.find_spec("apprise") is not None


def check(variable: str, address: str) -> None:
    """Raises Untold E-NOTIFY-LIBRARY, or E-NOTIFY-ADDRESS for an address that is not taken."""
    _opened(variable, address)


def send(variable: str, address: str, title: str, body: str, *, timeout_s: float) -> None:
    """Raises Untold; and whatever that library raises."""
    service = _opened(variable, address)
    service.socket_connect_timeout = service.socket_read_timeout = timeout_s
    if not service.notify(body=body, title=title, body_format="text"):
        raise Untold("apprise could not deliver it")


def _opened(variable: str, address: str) -> Any:
    if not installed():
        raise Untold(f"apprise is not installed: {EXTRA}", "E-NOTIFY-LIBRARY")
    _hush()
    import apprise

    asset = apprise.AppriseAsset(app_id="directional-sync", app_desc="directional-sync", app_url="", image_url_mask="")
    try:
        service = apprise.Apprise.instantiate(address, asset=asset, suppress_exceptions=True)
    except Exception:
        service = None
    if service is None:
        raise Untold(f"what {variable} holds is no address that apprise knows", "E-NOTIFY-ADDRESS")
    scheme = address.partition("://")[0].lower()
    open_ones = service.protocol if isinstance(service.protocol, tuple | list | set) else (service.protocol,)
    if scheme in open_ones and not is_loopback(str(service.host or "")):
        raise Untold(f"{variable} holds an address that is not encrypted", "E-NOTIFY-ADDRESS")
    service.redirects = False
    return service


def _hush() -> None:
    import logging

    for name in ("apprise", "urllib3"):
        logger = logging.getLogger(name)
        logger.propagate = False
        if not logger.handlers:
            logger.addHandler(logging.NullHandler())
