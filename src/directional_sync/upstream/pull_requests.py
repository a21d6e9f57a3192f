"""What became of pull requests: asked of a host's API when something has to be said about a ref, never to decide.

No answer is no error: the state is unknown then.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from directional_sync.core.hosts import is_loopback
from directional_sync.system.host import monotonic
from directional_sync.system.http import Unanswered
from directional_sync.system.proxy import proxy_for
from directional_sync.upstream.remotes import Remotes

_REF = re.compile(r"refs/(pull|merge-requests)/([1-9][0-9]{0,9})/head")
_TOKEN = "GITHUB_TOKEN"
_ALL_S = 15.0
"""For all questions of one call."""
_ONE_S = 5.0
_BYTES_MAX = 1_000_000
_HEADERS = {"User-Agent": "directional-sync", "Accept": "application/json"}


class State(StrEnum):
    """What became of a pull request."""

    OPEN = "open"
    MERGED = "merged"
    CLOSED = "closed"
    """Without being merged."""
    UNKNOWN = "unknown"


def states(remotes: Remotes, template: str, name: str, refs: Iterable[str]) -> dict[str, State]:
    """Ref -> state of those of `refs` that are pull requests (refs/pull/N/head, refs/merge-requests/N/head). `template`
    is the URL to ask, with {name} and {number}; "" when there is none. The token in GITHUB_TOKEN goes along for
    refs/pull, over https or to this machine only. Raises nothing."""
    found: dict[str, State] = {}
    ends = monotonic() + min(_ALL_S, remotes.left_s)
    for ref in refs:
        if (match := _REF.fullmatch(ref)) is not None:
            url = template.replace("{name}", name).replace("{number}", match[2])
            token = remotes.environment.get(_TOKEN, "") if match[1] == "pull" else ""
            found[ref] = _ask(remotes, url, token, min(_ONE_S, ends - monotonic()))
    return found


def state_of(answer: object) -> State:
    """What the JSON that a host answered says: GitHub's and Gitea's `state` and `merged`, GitLab's `state`."""
    if not isinstance(answer, Mapping):
        return State.UNKNOWN
    said = answer.get("state")
    if answer.get("merged") is True or answer.get("merged_at") or said == "merged":
        return State.MERGED
    if said in ("open", "opened"):
        return State.OPEN
    return State.CLOSED if said in ("closed", "locked") else State.UNKNOWN


def _ask(remotes: Remotes, url: str, token: str, timeout_s: float) -> State:
    try:
        parts = urlsplit(url)
        if timeout_s <= 0 or parts.scheme not in ("http", "https") or not parts.hostname:
            return State.UNKNOWN
        login = {"Authorization": f"Bearer {token}"} if token and _private(url, remotes.environment) else {}
        answer = remotes.pool.ask("GET", url, headers={**_HEADERS, **login}, timeout_s=timeout_s, bytes_max=_BYTES_MAX)
        found: Any = json.loads(answer.body) if answer.status == 200 else None
    except (Unanswered, ValueError, RecursionError):
        return State.UNKNOWN
    return state_of(found)


def _private(url: str, environment: Mapping[str, str]) -> bool:
    """Whether nobody on the way to `url` can read along."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme == "https":
        return True
    if proxy_for(parts.scheme, host, environment) is not None:
        return False
    return is_loopback(host)
