"""The external API: against a stand-in, and, where one is given, against a real Odoo server.

`DSYNC_TEST_ODOO_URL`, `_DATABASE`, `_KEY` and `_USER` name a server; docs/design/server-config.md says how one is had.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from tests.server.flow import ADDONS, Flow, everything

from directional_sync.endpoints.server_config.api import OdooApi
from directional_sync.endpoints.server_config.options import ServerApi
from directional_sync.errors import Exit, SyncError
from directional_sync.model.lifecycle import Outcome
from directional_sync.testing.odoo_server import OdooServer
from directional_sync.testing.service import Mishap

KEY = "odoo-api-key-Zq81-never-shown"
VERSION, MODULES = "ODOO_VERSION.prod.txt", "MODULES.prod.txt"
_GIVEN = {name: os.environ.get(f"DSYNC_TEST_ODOO_{name}", "") for name in ("URL", "DATABASE", "KEY", "USER")}


@pytest.fixture
def odoo() -> Iterator[OdooServer]:
    with OdooServer(key=KEY, modules={**MANY, "crm": ("19.0.1.8", "uninstalled")}) as service:
        yield service


MANY = {
    "web": ("19.0.1.0", "installed"),
    "base": ("19.0.1.3", "installed"),
    "x_studio": ("1.0", "to upgrade"),
    "account": ("19.0.1.4", "to remove"),
}


def api(odoo: OdooServer, **more: str) -> dict[str, Any]:
    return {"url": odoo.url, "database": "prod", "key": "ODOO_KEY", **more}


@pytest.fixture
def asking(flow: Flow, odoo: OdooServer) -> Flow:
    flow.project.environ["ODOO_KEY"] = KEY
    flow.configure(api=api(odoo))
    return flow


def test_version_and_modules(asking: Flow, odoo: OdooServer) -> None:
    assert asking.sync().outcome is Outcome.SYNCED
    assert asking.lines(VERSION) == ["19.0"]
    assert asking.lines(MODULES) == [
        "account 19.0.1.4 to remove".replace("to remove", '"to remove"'),
        "base 19.0.1.3 installed",
        "web 19.0.1.0 installed",
        'x_studio 1.0 "to upgrade"',
    ]
    assert asking.lines(ADDONS)
    odoo.modules = dict(reversed(odoo.modules.items()))
    assert asking.sync().outcome is Outcome.IN_SYNC
    odoo.modules["web"] = ("19.0.1.1", "installed")
    asking.sync()
    assert "web 19.0.1.1 installed" in asking.lines(MODULES)
    assert KEY.encode() not in everything(asking.project.root)


def test_a_key_that_no_header_can_carry_is_told_and_never_sent(asking: Flow, odoo: OdooServer) -> None:
    asking.project.environ["ODOO_KEY"] = "one\ntwo"
    record = asking.fail()
    assert record.failure is not None and record.failure.code == "E-SERVICE-AUTH" and record.exit == Exit.CREDENTIAL
    assert "ODOO_KEY" in record.failure.hint and "one" not in record.failure.hint
    assert not odoo.heard


@pytest.mark.parametrize("version", ["18.0-20250909", "saas~17.4", "12.0"])
def test_older_servers(asking: Flow, odoo: OdooServer, version: str) -> None:
    odoo.version = version
    record = asking.fail()
    assert record.failure is not None and "api.user" in record.failure.hint
    assert asking.lines(VERSION) == [version]
    asking.configure(api=api(odoo, user="admin"))
    asking.sync()
    assert "base 19.0.1.3 installed" in asking.lines(MODULES)


def test_the_api_alone(asking: Flow) -> None:
    asking.configure(path=None)
    asking.sync()
    assert asking.lines(VERSION) and not asking.text(ADDONS)


@pytest.mark.parametrize("version", ["19.0", "18.0"])
def test_a_key_that_is_not_accepted_holds_the_modules_only(asking: Flow, odoo: OdooServer, version: str) -> None:
    asking.configure(api=api(odoo, user="admin"))  # F54
    asking.sync()
    before = asking.text(MODULES)
    odoo.version, odoo.key = version, "rotated"
    record = asking.fail()
    assert record.failure is not None and record.failure.exit is Exit.CREDENTIAL
    assert asking.text(MODULES) == before
    said = record.failure.message + record.failure.hint + "".join(record.failure.detail)
    assert "Traceback" not in said and "/opt/odoo" not in said and KEY not in said
    assert b"/opt/odoo" not in everything(asking.project.root)


def test_a_key_that_is_not_set(asking: Flow) -> None:
    del asking.project.environ["ODOO_KEY"]
    record = asking.fail()
    assert record.failure is not None
    assert (record.failure.code, record.failure.exit) == ("E-ENV-MISSING", Exit.CREDENTIAL)
    assert "ODOO_KEY" in record.failure.message and not asking.text(ADDONS)


@pytest.mark.parametrize(
    "mishap",
    [
        Mishap(html=True),  # F49
        Mishap(cut_after=40),  # F47
        Mishap(cut_after=40, no_length=True),  # F48
        Mishap(drop_before=True),
        Mishap(status=500),
        Mishap(status=302),
        Mishap(body=b"[]"),
        Mishap(body=b"null"),
        Mishap(body=b'{"version": 7, "version_info": []}'),
        Mishap(body=b'{"version": "19.0\\u001b[31m", "version_info": [19]}'),
        Mishap(body=b'[{"id": 1, "name": "web", "installed_version": "1", "state": "installed"}]'),  # no base
        Mishap(body=b'[{"id": 1, "name": "base", "installed_version": "1"}]'),
    ],
    ids=lambda mishap: repr(mishap)[:60],
)
@pytest.mark.parametrize("path", ["/web/version", "/json/2/ir.module.module/search_read"])
def test_no_answer_of_something_else_is_taken(asking: Flow, odoo: OdooServer, mishap: Mishap, path: str) -> None:
    if mishap.body is not None and (b"version_info" in mishap.body) != (path == "/web/version"):
        mishap = Mishap(body=b"{}")
    asking.sync()
    before = (asking.text(VERSION), asking.text(MODULES))
    odoo.misbehave(Mishap(**{**vars(mishap), "when": lambda asked: asked.path == path}))
    record = asking.fail()
    assert record.failure is not None and record.failure.code.startswith(("E-SERVICE-", "E-SERVER-API"))
    assert (asking.text(VERSION), asking.text(MODULES)) == before


@pytest.mark.parametrize(
    ("url", "fine"),
    [
        ("https://erp.example.com", True),
        ("https://erp.example.com:8443/odoo/", True),
        ("http://127.0.0.1:8069", True),
        ("http://erp.example.com", False),
        ("https://u:p@erp.example.com", False),
        ("https://erp.example.com/?key=1", False),
        ("ftp://erp.example.com", False),
        ("erp.example.com", False),
    ],
)
def test_where_a_key_may_go(url: str, fine: bool) -> None:
    given = {"url": url, "database": "prod", "key": "ODOO_KEY"}
    if fine:
        assert ServerApi.model_validate(given).url == url.rstrip("/")
    else:
        with pytest.raises(ValueError):
            ServerApi.model_validate(given)


@pytest.mark.skipif(not all(_GIVEN.values()), reason="no Odoo server is given (DSYNC_TEST_ODOO_URL and others)")
def test_a_real_server_answers_both_apis_alike() -> None:
    options = ServerApi(url=_GIVEN["URL"], database=_GIVEN["DATABASE"], key="KEY", user=_GIVEN["USER"])
    real = OdooApi(options, _GIVEN["KEY"] or "", {}, retries=0, timeout_s=30)
    text, main = real.version()
    assert text.startswith(str(main)) or text.startswith("saas~")
    modules = real.modules(main)
    assert modules == real.modules(18)
    assert "installed" in {state for _, _, state in modules}
    real.close()
    with pytest.raises(SyncError) as refused:
        OdooApi(options, "no-key", {}, retries=0, timeout_s=30).modules(main)
    assert refused.value.exit is Exit.CREDENTIAL
    assert "Traceback" not in str(refused.value) and not refused.value.detail
