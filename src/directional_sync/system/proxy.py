"""Which proxy the environment names for a host, the way curl and git read it."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from urllib.parse import SplitResult, unquote, urlsplit


def proxy_for(scheme: str, host: str, environment: Mapping[str, str]) -> SplitResult | None:
    """The proxy for this host; None for none."""
    exempt = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
    for item in exempt.replace(",", " ").split():
        suffix = item.lstrip("*").lstrip(".").lower()
        if item == "*" or host.lower() == suffix or (suffix and host.lower().endswith("." + suffix)):
            return None
    names = ("http_proxy",) if scheme == "http" else ("https_proxy", "HTTPS_PROXY")
    for name in (*names, "all_proxy", "ALL_PROXY"):
        if value := environment.get(name, ""):
            return urlsplit(value if "://" in value else f"http://{value}")
    return None


def credentials(proxy: SplitResult) -> dict[str, str]:
    """The header that carries the name and password in the proxy's URL; {} when it has none."""
    if proxy.username is None:
        return {}
    pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"Proxy-Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}
