"""One pull request for each target's branch: opened once, then kept up to date in place. Speaks to GitHub and whatever
answers like it (GitHub Enterprise, Gitea, Forgejo)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

from directional_sync.errors import CredentialError, RemoteError
from directional_sync.model.target import Api, ForgeKind
from directional_sync.service.client import Client, Service
from directional_sync.service.complaints import OutcomeUnknownError

BEGIN = "<!-- directional-sync -->"
END = "<!-- /directional-sync -->"
_TIMEOUT_S = 120.0
_GLANCE_S = 10.0
_PAGES_MAX = 20
_PAGE = 50
_SCP = re.compile(r"(?:[^@/]+@)?([^:/]+):(?!//)(.+)")
_WELL_KNOWN = {"github.com": "https://api.github.com", "codeberg.org": "https://codeberg.org/api/v1"}


@dataclass(frozen=True)
class Forge:
    kind: ForgeKind
    url: str
    repository: str
    token: str = field(repr=False)
    variable: str
    """The name of the variable that holds the token."""
    environment: Mapping[str, str] = field(repr=False)
    stop: Callable[[], bool] = lambda: False
    labels: tuple[str, ...] = ()
    """What pull requests are labelled with."""

    def propose(self, branch: str, base: str, title: str, text: str, tip: str) -> tuple[str, str]:
        """The address of the pull request of `branch` into `base`, which holds `text` now, and a note for people.
        Nothing is written where it says all that already; nothing is opened where a person has closed one of the same
        content. Raises SyncError E-SERVICE-..."""
        client = Client(self._service(), self.environment, retries=3, timeout_s=_TIMEOUT_S, stop=self.stop)
        try:
            found = self._open(client, branch, base)
            if found is None:
                closed = self._closed(client, branch, base, tip)
                if closed is not None:
                    return _address(closed), "it was closed by a person, and is not opened again for the same content"
                found = self._create(client, branch, base, title, text)
            text, note = self._labelled(client, found, text)
            return _address(self._updated(client, found, title, text)), note
        finally:
            client.close()

    def workflow_state(self, file: str) -> str:
        """Whether the workflow in `file` starts by itself, in GitHub's words: `active`, `disabled_inactivity`, and so
        on; "missing" where it knows none, "" where nobody can be asked. Raises SyncError E-SERVICE-..."""
        if self.kind is not ForgeKind.GITHUB:
            return ""
        client = Client(self._service(), self.environment, retries=0, timeout_s=_GLANCE_S, stop=self.stop)
        try:
            value = client.ask("GET", f"/repos/{self._path}/actions/workflows/{quote(file)}").value
        except RemoteError as error:
            if error.code == "E-SERVICE-GONE":
                return "missing"
            raise
        finally:
            client.close()
        return str(value.get("state", "")) if isinstance(value, dict) else ""

    def _service(self) -> Service:
        if self.kind is ForgeKind.GITHUB:
            headers = {
                "Authorization": f"Bearer {self.token}",
                "Accept": "application/vnd.github+json",
                "X-GitHub-Api-Version": "2022-11-28",
            }
        else:
            headers = {"Authorization": f"token {self.token}", "Accept": "application/json"}
        return Service(self.url, headers, self.variable)

    def _pulls(self, client: Client, branch: str, base: str, state: str) -> list[Mapping[str, Any]]:
        """The newest first. GitHub filters by head; of others the list is gone through."""
        found: list[Mapping[str, Any]] = []
        owner = self.repository.partition("/")[0]
        own = (
            [("head", f"{owner}:{branch}"), ("base", base)]
            if self.kind is ForgeKind.GITHUB
            else [("limit", f"{_PAGE}")]
        )
        for page in range(1, _PAGES_MAX + 1):
            query = [("state", state), *own, ("per_page", f"{_PAGE}"), ("page", f"{page}")]
            value = client.ask("GET", f"/repos/{self._path}/pulls", query=query).value
            if not isinstance(value, list):
                raise _odd(self.url)
            found += [item for item in value if isinstance(item, dict) and self._is(item, branch, base)]
            if len(value) < _PAGE:
                break
        return sorted(found, key=lambda item: -int(item["number"]))

    def _is(self, item: Mapping[str, Any], branch: str, base: str) -> bool:
        """Whether it is from our branch, not from one of the same name in a fork."""
        head, into = item.get("head") or {}, item.get("base") or {}
        repository = (head.get("repo") or {}).get("full_name", self.repository)
        return (
            isinstance(item.get("number"), int)
            and head.get("ref") == branch
            and into.get("ref") == base
            and str(repository).lower() == self.repository.lower()
        )

    def _open(self, client: Client, branch: str, base: str) -> Mapping[str, Any] | None:
        return next(iter(self._pulls(client, branch, base, "open")), None)

    def _closed(self, client: Client, branch: str, base: str, tip: str) -> Mapping[str, Any] | None:
        """The newest one, when it was closed without a merge and held just this."""
        for item in self._pulls(client, branch, base, "closed")[:1]:
            merged = item.get("merged_at") or item.get("merged")
            if not merged and (item.get("head") or {}).get("sha") == tip:
                return item
        return None

    def _create(self, client: Client, branch: str, base: str, title: str, text: str) -> Mapping[str, Any]:
        body = {"title": title, "head": branch, "base": base, "body": text}
        try:
            made = client.ask("POST", f"/repos/{self._path}/pulls", body=body, once=True).value
        except OutcomeUnknownError:
            made = self._open(client, branch, base)
            if made is None:
                raise
        except RemoteError as error:
            # Another machine may have opened it just now; GitHub says 422 then, Gitea 409.
            made = (
                self._open(client, branch, base) if error.code in ("E-SERVICE-REFUSED", "E-SERVICE-CONFLICT") else None
            )
            if made is None:
                raise
        if not isinstance(made, dict) or not isinstance(made.get("number"), int):
            raise _odd(self.url)
        return made

    def _updated(self, client: Client, item: Mapping[str, Any], title: str, text: str) -> Mapping[str, Any]:
        """What people wrote around our part of the text stays, and a title that they gave it too."""
        before = str(item.get("body") or "").replace("\r\n", "\n")
        start, end = before.find(BEGIN), before.find(END)
        body = f"{before[:start]}{text}{before[end + len(END) :]}" if 0 <= start < end else before
        ours = str(item.get("title", "")).split(":")[0] == title.split(":")[0]
        change = {} if body == before else {"body": body}
        change |= {"title": title} if ours and item.get("title") != title else {}
        if not change:
            return item
        client.ask("PATCH", f"/repos/{self._path}/pulls/{item['number']}", body=change)
        return item

    def _labelled(self, client: Client, item: Mapping[str, Any], text: str) -> tuple[str, str]:
        """Adds labels that were never added; answers `text` with a line that says which were, and a note for people.
        Where people have taken our part out of the text, nobody knows, and none is added."""
        from directional_sync.sharing import labels

        before, note = str(item.get("body") or "").replace("\r\n", "\n"), ""
        done = labels.noted(before) | labels.on(item)
        new = [name for name in self.labels if name.casefold() not in done] if BEGIN in before else []
        if new:
            try:
                labels.add(client, self.kind, self._path, int(item["number"]), new)
                done |= {name.casefold() for name in new}
            except (CredentialError, RemoteError) as error:
                note = f"it was not labelled {', '.join(new)}: {error.message} ({error.code})"
        told = labels.note([name for name in self.labels if name.casefold() in done])
        return f"{text.removesuffix(END)}{told}{END}", note

    @property
    def _path(self) -> str:
        return quote(self.repository, safe="/")


def forge(
    api: Api | None,
    remote_url: str,
    token: str,
    variable: str,
    environment: Mapping[str, str],
    stop: Callable[[], bool],
    labels: tuple[str, ...] = (),
) -> Forge | None:
    """Where pull requests for the remote at `remote_url` are made; None where nobody knows, or without a token."""
    host, path = _place(remote_url)
    server = urlsplit(environment.get("GITHUB_SERVER_URL", "")).hostname or ""
    url = (api.url if api is not None else "") or _WELL_KNOWN.get(host, "")
    if not url and host and host == server:
        url = environment.get("GITHUB_API_URL", "")
    repository = (api.repository if api is not None else "") or path
    if not url or not token or repository.count("/") != 1:
        return None
    kind = api.dialect if api is not None else None
    kind = kind or (ForgeKind.GITEA if url.endswith("/api/v1") else ForgeKind.GITHUB)
    return Forge(kind, url, repository, token, variable, environment, stop, labels)


def _place(url: str) -> tuple[str, str]:
    """Host and `owner/name` of a remote's address; "" for what it does not have."""
    parts = urlsplit(url)
    if parts.scheme and parts.hostname:
        host, path = parts.hostname, parts.path
    elif found := _SCP.fullmatch(url):
        host, path = found[1], found[2]
    else:
        return "", ""
    names = path.strip("/").removesuffix(".git").split("/")
    return host.lower(), "/".join(names[-2:]) if len(names) >= 2 else ""


def _address(item: Mapping[str, Any]) -> str:
    from directional_sync.upstream.addresses import shown

    url = item.get("html_url") or item.get("url")
    return shown(url) if isinstance(url, str) and url.startswith(("https://", "http://")) else f"#{item.get('number')}"


def _odd(url: str) -> RemoteError:
    return RemoteError(
        "E-SERVICE-NOT-JSON",
        f"{urlsplit(url).netloc} does not answer as a forge does",
        hint="check `deliver.api.url` and `deliver.api.type`",
        kept="the branch was pushed; its pull request was not touched",
    )
