"""T22, G17: planted secrets of all kinds, in every place where one can stand, are nowhere afterwards."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from urllib.parse import quote

import pytest
from tests.gates.planted import NAMED, SHAPED, Draw
from tests.server.flow import ADDONS, DATABASE, ENVIRONMENT, Flow, everything
from tests.server.machine import Machine

from directional_sync.endpoints.server_config import documents
from directional_sync.endpoints.server_config.disguise import Disguise

SHOWN = {
    "LANG": "C.UTF-8",
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "ODOO_VERSION": "18.0",
    "ODOO_RC": "/etc/odoo/odoo.conf",
    "HOST": "db.internal",
    "PGHOST": "postgres-0.postgres.svc.cluster.local",
    "TZ": "Europe/Brussels",
    "DB_PASSWORD_FILE": "/run/secrets/db",
    "PASSWORD_MIN_LENGTH": "12",
    "TOKEN_TTL": "3600",
    "WORKERS": "4",
    "MAIL_FROM": "erp@example.com",
    "URL": "https://erp.example.com/web?db=prod",
    "OPTIONS": "--workers 4 -d prod",
    "KEYBOARD": "us",
    "SMTP": "smtp://mail.example.com:25",
    "BUCKET": "company-odoo-filestore-prod",
    "REPO": "ssh://git@code.example.com/odoo",
    "IMAGE": "registry.example.com/odoo:18.0-20250909",
    "HANDLER": ":INFO,odoo.addons.auth_oauth:DEBUG,odoo.addons.token:WARNING",
    "LOG": "odoo.addons.base:DEBUG,werkzeug:WARNING",
    "EMPTY_SECRET": "",
    "USE_TOKENS": "false",
    "ADDONS": "/usr/lib/python3/dist-packages/odoo/addons,/mnt/extra-addons",
}
"""What is worth documenting, and no secret."""

HIDDEN = {
    "DB_PASSWORD": "short",
    "PGPASS": "abc",
    "MY_KEY": "k",
    "ACCESS_KEY_ID": "x1",
    "SALT": "pepper",
    "DATABASE_URL": "postgres://db/prod",
    "REDIS_URL": "redis://:pw@h:1/0",
    "BASIC": "http://u:p@h/",
    "HEADER": "Authorization: Basic dTpw",
    "ARGS": "--db_password=x1 -d prod",
    "MORE_ARGS": "--smtp-password x1",
    "MYSQL": "mysql -pfoo",
    "JSON": '{"admin_passwd": "x"}',
    "YAML": "smtp:\n  password: x",
    "DSN": "host=h user=u password=x",
    "PASSWORD_FILE": "hunter2!",
    "PUBLIC_DB_PASSWORD": "hunter",
    "PUBLIC_TOKEN": "abc",
    "LICENCE": "AB12-CD34",
}


@pytest.mark.parametrize("name", SHOWN)
def test_what_is_no_secret_is_shown(name: str) -> None:
    assert Disguise().over([SHOWN.items()])(name, SHOWN[name]) == SHOWN[name]


@pytest.mark.parametrize("name", HIDDEN)
def test_what_is_secret_by_its_name_or_by_what_it_holds(name: str) -> None:
    assert Disguise().over([[(name, HIDDEN[name])]])(name, HIDDEN[name]) == f"<secret:{name}>"


@pytest.mark.parametrize("kind", SHAPED)
def test_a_credential_is_known_by_its_looks(kind: str) -> None:
    for seed in range(20):
        value = SHAPED[kind](Draw(seed))
        for text in (value, f"x {value} y", f'{{"a": "{value}"}}', f"--foo={value}", f"a:{value},b", f"\n{value}"):
            assert Disguise().secret("NOTHING", text), text[:12]


def test_a_person_decides_what_is_kept_and_hidden() -> None:
    judge = Disguise(keep=("GIT_*", "OK_*"), hide=("WORKERS", "LANG*"))
    show = judge.over([])
    assert show("GIT_COMMIT", "3f2504e04f8911d39a0c0305e82c3301") == "3f2504e04f8911d39a0c0305e82c3301"
    assert show("GIT_TOKEN", "not really") == "not really"
    token = SHAPED["github classic"](Draw(1))
    assert show("OK_X", token) == "<secret:OK_X>"
    assert show("WORKERS", "1") == "<secret:WORKERS>"
    only = Disguise("***", keep=("LANG",), listed=True).over([SHOWN.items()])
    assert (only("LANG", "C.UTF-8"), only("TZ", "UTC"), only("X", "true")) == ("C.UTF-8", "***", "true")


def test_words_that_many_settings_have_are_not_hidden_everywhere() -> None:
    show = Disguise().over([[("db_password", "odoo"), ("db_user", "odoo"), ("db_name", "odoo")]])
    assert (show("db_user", "odoo"), show("db_password", "odoo")) == ("odoo", "<secret:db_password>")


def test_a_secret_in_a_name_is_not_shown_either() -> None:
    token = SHAPED["github classic"](Draw(3))
    pairs = {"DB_PASSWORD": "Xq7-plain", "A_Xq7-plain_B": "1", token: "2"}
    shown = documents.environment(pairs, Disguise().over([pairs.items()]), "x").decode()
    assert "Xq7" not in shown and token not in shown
    assert shown.count("<secret:name>=") == 2


@pytest.mark.parametrize("part", ["=a", "://a:", "-a ", "a", "k: ", "Aa1", '{"', "-----BEGIN ", "a.b-"])
def test_long_hostile_values_are_judged_soon_enough_to_be_judged_at_all(part: str) -> None:
    text = part * (300_000 // len(part))
    assert Disguise().secret("X", text)  # too long to be looked at
    Disguise().secret("X", text[:64_000])


@pytest.mark.parametrize(
    "inside",
    [
        "postgres://odoo:Zq8-inner@db/prod",
        "amqp://odoo:Zq8%2Dinner@mq/",
        "http://Zq8-inner:@h/",
        "--db_host db --db_password=Zq8-inner -d prod",
        "--smtp-password Zq8-inner",
        '{"user": "u", "password": "Zq8-inner"}',
        "host=db password=Zq8-inner",
    ],
)
def test_a_secret_inside_of_a_value_is_secret_elsewhere_too(inside: str) -> None:
    show = Disguise().over([[("X", inside), ("NOTE", "try Zq8-inner")]])
    assert (show("X", inside), show("NOTE", "try Zq8-inner")) == ("<secret:X>", "<secret:NOTE>")


def planted() -> tuple[dict[str, str], list[str]]:
    """More than 200 secrets of more than 40 kinds as variables: by kind under harmless names, others under theirs,
    some in forms in which they turn up."""
    variables: dict[str, str] = {}
    secrets = []
    for round_ in range(5):
        draw = Draw(1000 + round_)
        for number, (_, make) in enumerate(SHAPED.items()):
            value = make(draw)
            text = [value, f"use {value} here", json.dumps({"v": value}), f"--x={value}", f"see\n{value}\n"][round_]
            variables[f"V{round_}_{number}"] = text
            secrets.append(value)
        for name, make in NAMED.values():
            value = make(draw)
            variables[f"{name.replace('_DB_ID', '_SECRET_ID')}_{round_}" if round_ else name] = value
            secrets.append(value)
    return variables, secrets


COMMANDS = (
    ("plan", "--show", "all"),
    ("run", "-vv"),
    ("log", "--json"),
    ("show", "--json"),
)


def test_planted_secrets_are_nowhere_afterwards(flow: Flow, server: Machine, dsync: Callable[..., str]) -> None:
    variables, secrets = planted()
    assert len(secrets) >= 200 and len(SHAPED) + len(NAMED) >= 40
    reused = NAMED["long password"][1](Draw(7))
    encoded = base64.b64encode(f"odoo:{reused}".encode()).decode()
    variables |= {"NOTE": f"say {reused}", "AUTH_B64": encoded, "QUERY": f"a={quote(reused)}", "HARMLESS": "yes it is"}
    settings = "\n".join(
        f"{name.lower()} = {value}".replace("\n", "\n    ") for name, value in variables.items() if name != "NOTE"
    )
    comments = "\n".join(f"; was {secret}".replace("\n", "\n; ") for secret in secrets)
    server.conf(f"[options]\n{comments}\nadmin_passwd = {reused}\naddons_path = /a,/b\ndb_host = h\n{settings}\n")
    server.process(environ=variables)
    flow.configure(files={"settings": "ODOO.txt"})
    said = "".join(dsync(*words) for words in COMMANDS).encode()
    assert "HARMLESS=yes it is" in flow.lines(ENVIRONMENT)
    assert flow.lines(ADDONS) == ["/a", "/b"] and flow.lines(DATABASE)[0] == "db_host = h"
    content = everything(flow.project.root) + said
    found = [secret[:8] for secret in (*secrets, reused, encoded) if _pieces(secret) & _holding(content, secret)]
    assert found == []


def _pieces(secret: str) -> set[bytes]:
    """What gives it away: all of it, and of many lines each long one."""
    return {line.encode() for line in secret.splitlines() if len(line) >= 8 and not line.startswith("-----")}


def _holding(content: bytes, secret: str) -> set[bytes]:
    return {piece for piece in _pieces(secret) if piece in content}


def test_nothing_secret_shows_in_objects_of_the_endpoint(server: Machine) -> None:
    from directional_sync.endpoints.server_config.answer import Answer, FarFile, Look, Process
    from directional_sync.endpoints.server_config.found import gather
    from directional_sync.endpoints.server_config.options import ServerConfigOptions

    secret = "Pg-Live-Secret-77"
    content = f"[options]\nadmin_passwd = {secret}\n".encode()
    process = Process(1, 0, ("odoo", "-w", secret), f"PASSWORD={secret}\0".encode())
    path = "/etc/odoo/odoo.conf"
    answer = Answer((process,), files={path: FarFile(path, Look.OK, content)})
    options = ServerConfigOptions.model_validate({"path": "/x"})
    show = Disguise().over([[("password", secret)]])
    for thing in (answer, process, answer.files, gather(options, answer, "x"), show):
        assert secret not in repr(thing) + str(thing)
