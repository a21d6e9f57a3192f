"""Odoo's external API: the server's version, and which modules are installed.

From version 19 on that is JSON-2 with the key as bearer; before, JSON-RPC, the older API with the same reach as XML-RPC
that needs no XML. What a server says when it refuses goes nowhere: it holds tracebacks with paths of the server.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from directional_sync.core.escape import hidden
from directional_sync.endpoints.ssh import complaints
from directional_sync.errors import Kind, SyncError
from directional_sync.service.client import Client, Service

if TYPE_CHECKING:
    from directional_sync.endpoints.server_config.options import ServerApi

JSON_2_FROM = 19
_MODEL = "ir.module.module"
_DOMAIN = [["state", "in", ["installed", "to upgrade", "to remove"]]]
_FIELDS = ["name", "installed_version", "state"]
_MODULES_MAX = 20_000
_BYTES_MAX = 16_000_000
_ODD = Kind(
    "E-SERVER-API",
    "the external API of {} does not answer as Odoo does",
    "check `api.url`: a proxy, a login page or another program may answer in its place",
)
_NAMES = "check `api.url` and `api.database`"

T = TypeVar("T")


class OdooApi:
    """One database of one server, asked for one run."""

    def __init__(
        self,
        api: ServerApi,
        key: str,
        environment: Mapping[str, str],
        *,
        retries: int,
        timeout_s: float,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        """`key` is what the variable that `api` names holds."""
        self._api = api
        self._key = key
        bearer = {"Authorization": f"bearer {key}", "X-Odoo-Database": api.database}
        limits: dict[str, Any] = {"retries": retries, "timeout_s": timeout_s, "stop": stop}
        self._open = Client(Service(api.url), environment, **limits)
        self._keyed = Client(Service(api.url, bearer, api.key), environment, **limits)

    def __repr__(self) -> str:
        return f"OdooApi({self._open.service.name})"

    def close(self) -> None:
        self._open.close()
        self._keyed.close()

    def version(self) -> tuple[str, int]:
        """As the server writes it (`18.0-20250909`), and its main number. Raises SyncError."""
        return self._wordless(self._version)

    def modules(self, main: int) -> list[tuple[str, str, str]]:
        """(name, version, state) of each installed module. `main` is the server's main number. Raises SyncError."""
        rows = self._wordless(self._by_json_2 if main >= JSON_2_FROM else self._by_json_rpc)
        found = [self._module(row) for row in self._list(rows)]
        if not any(name == "base" for name, _, _ in found) or len({name for name, _, _ in found}) != len(found):
            raise self._odd("`base` is not among the modules, or one is there twice: the list is not complete")
        return found

    def _version(self) -> tuple[str, int]:
        try:
            said = self._open.ask("GET", "/web/version", bytes_max=_BYTES_MAX).value
            text, parts = said["version"], said["version_info"]
        except SyncError as error:
            if error.code != "E-SERVICE-GONE":  # it is there from 19 on
                raise
            said = self._rpc("/web/webclient/version_info", {})
            text, parts = said["server_version"], said["server_version_info"]
        number = re.search(r"\d+", str(parts[0]))  # "saas~18" on the way to the next one
        if not isinstance(text, str) or not number or hidden(text) or len(text) > 80:
            raise TypeError
        return text, int(number.group())

    def _by_json_2(self) -> Any:
        asked = {"domain": _DOMAIN, "fields": _FIELDS, "order": "name", "limit": _MODULES_MAX}
        return self._keyed.ask("POST", f"/json/2/{_MODEL}/search_read", body=asked, bytes_max=_BYTES_MAX).value

    def _by_json_rpc(self) -> Any:
        if not self._api.user:
            raise complaints.complaint(
                _ODD,
                self._open.service.name,
                hint="servers up to Odoo 18 want to know whose key it is: write the login into `api.user`",
                detail=(f"it is older than version {JSON_2_FROM}, and `api.user` is not set",),
            )
        database = self._api.database
        user = self._call("common", "authenticate", [database, self._api.user, self._key, {}])
        if not isinstance(user, int) or isinstance(user, bool):
            raise self._refused()
        options = {"fields": _FIELDS, "order": "name", "limit": _MODULES_MAX}
        return self._call(
            "object", "execute_kw", [database, user, self._key, _MODEL, "search_read", [_DOMAIN], options]
        )

    def _call(self, service: str, method: str, arguments: list[Any]) -> Any:
        return self._rpc("/jsonrpc", {"service": service, "method": method, "args": arguments})

    def _rpc(self, path: str, parameters: Mapping[str, Any]) -> Any:
        asked = {"jsonrpc": "2.0", "method": "call", "id": 1, "params": parameters}
        client = self._keyed if path == "/jsonrpc" else self._open
        said = client.ask("POST", path, body=asked, bytes_max=_BYTES_MAX).value
        if "error" in said:
            name = str(said["error"]["data"]["name"])
            raise self._refused() if name.endswith("AccessDenied") else self._odd("it refuses the question", _NAMES)
        return said["result"]

    def _list(self, rows: Any) -> list[Any]:
        if not isinstance(rows, list) or len(rows) >= _MODULES_MAX:
            raise self._odd("the list of modules is none, or longer than is taken")
        return rows

    def _module(self, row: Any) -> tuple[str, str, str]:
        named = isinstance(row, dict) and [row.get(name) for name in _FIELDS]
        if not named or not isinstance(named[0], str) or not isinstance(named[2], str) or not named[0]:
            raise self._odd("a module has no name or state")
        version = named[1] if isinstance(named[1], str) else "-"
        return named[0], version or "-", named[2]

    def _refused(self) -> SyncError:
        return complaints.complaint(
            complaints.AUTH,
            f"the external API of {self._open.service.name}",
            hint=f"make a new API key for the user, set {self._api.key}, and check `api.database` and `api.user`",
        )

    def _odd(self, why: str, hint: str = "") -> SyncError:
        return complaints.complaint(_ODD, self._open.service.name, hint=hint, detail=(why,))

    def _wordless(self, deed: Callable[[], T]) -> T:
        """What `deed` answers, or its error without the server's own words."""
        try:
            return deed()
        except (KeyError, TypeError, IndexError, ValueError):
            raise self._odd("its answer has another form") from None
        except SyncError as error:
            if error.code in (_ODD.code, complaints.AUTH.code, "E-INTERRUPTED"):
                raise
            message = re.sub(r"(: \d{3}), .*", r"\1", error.message, flags=re.DOTALL)
            hint = _NAMES if error.code == "E-SERVICE-GONE" else error.hint
            kept = complaints.KEPT
            raise type(error)(error.code, message, hint=hint, kept=kept, retryable=error.retryable) from None
