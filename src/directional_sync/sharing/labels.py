"""The labels of a pull request: each is added once, and made where the repository lacks it; none is ever taken off.

Which were added stands in our part of the text, so that one which a person takes off again stays off.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import quote, unquote

from directional_sync.errors import RemoteError
from directional_sync.model.target import ForgeKind
from directional_sync.service.client import Client
from directional_sync.service.complaints import GONE, REFUSED

_NOTE = re.compile(r"<!-- labels: (\S+) -->\n")
_COLOUR = "ededed"
_PAGE = 50
_PAGES_MAX = 20


def noted(text: str) -> frozenset[str]:
    """Which labels `text` says were added, in the form in which labels are compared."""
    found = _NOTE.search(text)
    return frozenset(unquote(name).casefold() for name in found[1].split(",")) if found else frozenset()


def note(labels: Sequence[str]) -> str:
    """A line for the text that says that these were added; "" for none."""
    return f"<!-- labels: {','.join(quote(name, safe='') for name in labels)} -->\n" if labels else ""


def on(item: Mapping[str, Any]) -> frozenset[str]:
    """Which labels a pull request has, in the form in which labels are compared."""
    given = item.get("labels")
    names = [one.get("name") for one in given if isinstance(one, dict)] if isinstance(given, list) else []
    return frozenset(str(name).casefold() for name in names)


def add(client: Client, kind: ForgeKind, repository: str, number: int, labels: Sequence[str]) -> None:
    """Puts `labels` on the pull request; `repository`: as it stands in a path. Raises SyncError E-SERVICE-..., with
    some of them made or not."""
    if kind is ForgeKind.GITHUB:
        for name in labels:
            _made_on_github(client, repository, name)
        value: list[Any] = list(labels)
    else:
        value = _ids(client, repository, labels)
    client.ask("POST", f"/repos/{repository}/issues/{number}/labels", body={"labels": value})


def _made_on_github(client: Client, repository: str, name: str) -> None:
    path = f"/repos/{repository}/labels"
    try:
        client.ask("GET", f"{path}/{quote(name, safe='')}")
    except RemoteError as error:
        if error.code != GONE.code:
            raise
        try:
            client.ask("POST", path, body={"name": name, "color": _COLOUR})
        except RemoteError as other:
            if other.code != REFUSED.code:  # 422: another machine has made it just now
                raise


def _ids(client: Client, repository: str, labels: Sequence[str]) -> list[int]:
    """Gitea knows labels by number; those of the organisation count too."""
    known: dict[str, int] = {}
    with suppress(RemoteError):  # the owner may be a person, who has none
        known |= _listed(client, f"/orgs/{repository.partition('/')[0]}/labels")
    known |= _listed(client, f"/repos/{repository}/labels")
    for name in labels:
        if name.casefold() not in known:
            made = client.ask("POST", f"/repos/{repository}/labels", body={"name": name, "color": f"#{_COLOUR}"}).value
            known |= _numbered([made])
    return [known[name.casefold()] for name in labels if name.casefold() in known]


def _listed(client: Client, path: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for page in range(1, _PAGES_MAX + 1):
        value = client.ask("GET", path, query=[("limit", f"{_PAGE}"), ("page", f"{page}")]).value
        found |= _numbered(value)
        if not isinstance(value, list) or len(value) < _PAGE:
            break
    return found


def _numbered(value: Any) -> dict[str, int]:
    items = [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
    return {str(one.get("name")).casefold(): one["id"] for one in items if isinstance(one.get("id"), int)}
