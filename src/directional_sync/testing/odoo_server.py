"""As much of an Odoo server as its external API shows: version, JSON-2 (from 19 on) and JSON-RPC, with the answers and
the refusals of a real one, tracebacks included."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from directional_sync.testing.service import Asked, LoopbackService, Told

TRACEBACK = 'Traceback (most recent call last):\n  File "/opt/odoo/odoo/http.py", line 2273, in _serve_db\n'
"""What a real server sends along when it refuses."""
_NOT_FOUND = Told(404, b"<!DOCTYPE html>\n<title>404 Not Found</title>\n", {"Content-Type": "text/html"})


class OdooServer(LoopbackService):
    """One database of one server."""

    def __init__(
        self,
        *,
        version: str = "19.0",
        database: str = "prod",
        key: str = "",
        login: str = "admin",
        modules: Mapping[str, tuple[str, str]] | None = None,
    ) -> None:
        """`modules`: name -> (installed version, state)."""
        self.version = version
        self.database = database
        self.key = key
        self.login = login
        self.modules = dict(modules or {"base": ("19.0.1.3", "installed"), "web": ("19.0.1.0", "installed")})
        super().__init__()

    @property
    def main(self) -> int:
        return int(self.version.removeprefix("saas~").partition(".")[0])

    def answer(self, asked: Asked) -> Told:
        if asked.path == "/web/version" and asked.method == "GET" and self.main >= 19:
            return Told.json({"version_info": self._info(), "version": self.version})
        if asked.path == "/web/webclient/version_info" and asked.method == "POST":
            return self._result({"server_version": self.version, "server_version_info": self._info()})
        if asked.path == "/jsonrpc" and asked.method == "POST":
            return self._rpc(asked.json["params"])
        if asked.path.startswith("/json/2/") and asked.method == "POST" and self.main >= 19:
            return self._json_2(asked)
        return _NOT_FOUND

    def _info(self) -> list[Any]:
        return [self.main, 0, 0, "final", 0, ""]

    def _json_2(self, asked: Asked) -> Told:
        if asked.headers.get("x-odoo-database") != self.database:
            return _NOT_FOUND
        if asked.headers.get("authorization") != f"bearer {self.key}":
            return self._refusal(401, "werkzeug.exceptions.Unauthorized", "Invalid apikey")
        model, _, method = asked.path.removeprefix("/json/2/").partition("/")
        if (model, method) != ("ir.module.module", "search_read"):
            return self._refusal(404, "werkzeug.exceptions.NotFound", f"the model {model!r} does not exist")
        return Told.json(self._found(asked.json["domain"], asked.json["fields"]))

    def _rpc(self, parameters: Mapping[str, Any]) -> Told:
        arguments = parameters["args"]
        if parameters["service"] == "common" and parameters["method"] == "authenticate":
            database, login, key, _ = arguments
            if database != self.database:
                return self._error("psycopg2.OperationalError")
            return self._result(2 if (login, key) == (self.login, self.key) else False)
        database, user, key, _, _, (domain,), options = arguments
        if (database, user, key) != (self.database, 2, self.key):
            return self._error("odoo.exceptions.AccessDenied")
        return self._result(self._found(domain, options["fields"]))

    def _found(self, domain: list[Any], fields: list[str]) -> list[dict[str, Any]]:
        [[field, operator, states]] = domain
        assert (field, operator) == ("state", "in")
        rows = [
            {"name": name, "installed_version": version, "state": state}
            for name, (version, state) in self.modules.items()
            if state in states
        ]
        return [{"id": number, **{name: row[name] for name in fields}} for number, row in enumerate(rows, 1)]

    def _result(self, value: Any) -> Told:
        return Told.json({"jsonrpc": "2.0", "id": 1, "result": value})

    def _error(self, name: str) -> Told:
        data = {"name": name, "message": "Access Denied", "arguments": [], "debug": TRACEBACK}
        return Told.json({"jsonrpc": "2.0", "id": 1, "error": {"code": 200, "message": "Server Error", "data": data}})

    def _refusal(self, status: int, name: str, message: str) -> Told:
        return Told.json({"name": name, "message": message, "arguments": [], "debug": TRACEBACK}, status)
