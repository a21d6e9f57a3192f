"""A stand-in for the App Platform part of the DigitalOcean API, on loopback: what `GET /v2/apps`, page by page, and
`GET /v2/apps/{id}` answer. A test holds every answer against the official description of the API.

with DigitalOcean(token="dop_v1_...") as service:
    app = service.add("web", region="fra")
    service.deploy(app, commit="54d4a72")
    ...  # DIGITALOCEAN_API_URL=service.url
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

from directional_sync.testing.service import Asked, LoopbackService, Told

_SPACE = uuid.UUID("8a3d2c5e-6f0b-4a55-9f54-3f6b8f1f0d11")
_BEGINNING = datetime(2025, 1, 4, 10, 30, tzinfo=UTC)
_PER_PAGE, _PER_PAGE_MAX = 20, 200
_QUOTA = 5000


class DigitalOcean(LoopbackService):
    """Holds apps. Ids and times come from what was done before, never from a clock, so each test sees the same."""

    def __init__(self, token: str, *, apps: int = 0) -> None:
        """`token` is the only one that is accepted. `apps`: so many small ones are there from the start."""
        super().__init__()
        self.apps: list[dict[str, Any]] = []
        """As the API shows them, in its order: newest first."""
        self.shuffle: Callable[[int, list[dict[str, Any]]], list[dict[str, Any]]] | None = None
        """Given the number of the page and all apps: those that it believes to have when it is asked for that page."""
        self.total: Callable[[int, int], int] | None = None
        """Given the page number and the number of apps: what it says that the total is."""
        self._token = token
        self._steps = 0
        for number in range(apps):
            self.add(f"app-{number:05d}")

    def add(self, name: str, *, region: str = "fra", envs: list[dict[str, Any]] | None = None) -> dict[str, Any]:
        """A new app, deployed once."""
        known, now = self._id(name), self._tick()
        service = {
            "name": name,
            "git": {"repo_clone_url": f"https://github.com/acme/{name}.git", "branch": "main"},
            "instance_size_slug": "apps-s-1vcpu-0.5gb",
            "instance_count": 1,
            "http_port": 8080,
            "envs": envs or [{"key": "BASE_URL", "scope": "RUN_TIME", "value": f"https://{name}.example.com"}],
        }
        domain = {"domain": f"{name}.example.com", "type": "PRIMARY", "zone": "example.com"}
        app = {
            "id": known,
            "owner_uuid": self._id("owner"),
            "spec": {"name": name, "region": region, "services": [service], "domains": [domain]},
            "default_ingress": f"https://{name}-iaj87.ondigitalocean.app",
            "live_url": f"https://{name}.example.com",
            "live_domain": f"{name}.example.com",
            "created_at": now,
            "updated_at": now,
            "region": {"slug": region, "label": region.title(), "continent": "Europe", "data_centers": [f"{region}1"]},
            "tier_slug": "basic",
            "domains": [
                {
                    "id": self._id(f"{name} domain"),
                    "phase": "ACTIVE",
                    "spec": domain,
                    "certificate_expires_at": now,
                    "progress": {"steps": [{"name": "ensure-zone", "status": "SUCCESS", "started_at": now}]},
                }
            ],
        }
        self.apps.insert(0, app)
        self.deploy(app, commit=uuid.uuid5(_SPACE, name).hex)
        return app

    def deploy(self, app: dict[str, Any], *, commit: str, cause: str = "manual") -> None:
        """The app gets another active deployment."""
        now, name = self._tick(), app["spec"]["name"]
        app["active_deployment"] = {
            "id": self._id(f"{name} {commit}"),
            "spec": deepcopy(app["spec"]),
            "services": [{"name": name, "source_commit_hash": commit}],
            "cause": cause,
            "phase": "ACTIVE",
            "phase_last_updated_at": now,
            "created_at": now,
            "updated_at": now,
            "progress": {"success_steps": 6, "total_steps": 6, "steps": [{"name": "build", "status": "SUCCESS"}]},
            "tier_slug": "basic",
        }
        app["last_deployment_created_at"] = app["updated_at"] = now

    def age(self) -> None:
        """Time goes by: what changes by itself changes, and nothing else."""
        for app in self.apps:
            now = self._tick()
            app["updated_at"] = app["active_deployment"]["updated_at"] = now
            app["active_deployment"]["phase_last_updated_at"] = now
            app["pending_deployment"] = {"id": self._id(now), "phase": "PENDING_BUILD", "created_at": now}
            for domain in app["domains"]:
                domain["certificate_expires_at"] = now
                domain["progress"]["steps"][0]["ended_at"] = now

    def remove(self, name: str) -> None:
        self.apps = [app for app in self.apps if app["spec"]["name"] != name]

    def answer(self, asked: Asked) -> Told:
        if asked.headers.get("authorization") != f"Bearer {self._token}":
            return self._error(401, "unauthorized", "Unable to authenticate you")
        if asked.method == "GET" and asked.path == "/v2/apps":
            return self._list(asked)
        known = asked.path.removeprefix("/v2/apps/")
        for app in self.apps:
            if asked.method == "GET" and app["id"] == known:
                return self._told({"app": app})
        return self._error(404, "not_found", "The resource you were accessing could not be found.")

    def _list(self, asked: Asked) -> Told:
        try:
            page, size = (int(asked.query.get(name, usual)) for name, usual in (("page", 1), ("per_page", _PER_PAGE)))
        except ValueError:
            page = size = 0
        if page < 1 or not 1 <= size <= _PER_PAGE_MAX:
            return self._error(400, "bad_request", "page and per_page must be numbers from 1 on, per_page up to 200")
        apps = self.apps if self.shuffle is None else self.shuffle(page, self.apps)
        total = len(apps) if self.total is None else self.total(page, len(apps))
        last = max(1, -(-total // size))
        # It names a page by a whole URL with all that was asked for, as the service itself does.
        links = {
            name: f"{self.url}/v2/apps?" + "&".join([f"page={number}", *self._said(asked)])
            for name, number, there in (
                ("first", 1, page > 1), ("prev", page - 1, page > 1), ("next", page + 1, page < last),
                ("last", last, page < last),
            )
            if there
        }  # fmt: skip
        shown = apps[(page - 1) * size : page * size]
        return self._told({"apps": shown, "links": {"pages": links}, "meta": {"total": total}})

    def _said(self, asked: Asked) -> list[str]:
        return [f"{name}={text}" for name, text in sorted(asked.query.items()) if name != "page"]

    def _told(self, value: Any, status: int = 200) -> Told:
        left = str(_QUOTA - len(self.heard))
        reset = str(int((_BEGINNING + timedelta(hours=1)).timestamp()))
        quota = {"ratelimit_limit": str(_QUOTA), "ratelimit_remaining": left, "ratelimit_reset": reset}
        return Told.json(value, status, **quota)

    def _error(self, status: int, known: str, message: str) -> Told:
        return self._told({"id": known, "message": message}, status)

    def _id(self, name: str) -> str:
        return str(uuid.uuid5(_SPACE, name))

    def _tick(self) -> str:
        self._steps += 1
        return (_BEGINNING + timedelta(seconds=self._steps)).isoformat().replace("+00:00", "Z")
