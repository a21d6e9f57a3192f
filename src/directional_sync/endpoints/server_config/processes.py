"""Which of the processes that match is the server, and what its command line says."""

from __future__ import annotations

import re
from collections.abc import Sequence

from directional_sync.endpoints.server_config.answer import Process

_SERVER = re.compile(r"(?:odoo|odoo-bin|odoo\.py|openerp-server|odoo-server|openerp)(?:\.py)?\Z")
_PYTHON = re.compile(r"(?:python|pypy)[0-9.]*\Z")
_TAKES_A_VALUE = ("-W", "-X", "-c")

_LONG = {
    "addons-path": "addons_path",
    "upgrade-path": "upgrade_path",
    "database": "db_name",
    "db-filter": "dbfilter",
    "db_app_name": "db_app_name",
    "db_host": "db_host",
    "db_maxconn": "db_maxconn",
    "db_maxconn_gevent": "db_maxconn_gevent",
    "db_password": "db_password",
    "db_port": "db_port",
    "db_replica_host": "db_replica_host",
    "db_replica_port": "db_replica_port",
    "db_sslmode": "db_sslmode",
    "db-template": "db_template",
    "db_user": "db_user",
    "pg_path": "pg_path",
}
_SHORT = {"-d": "db_name", "-r": "db_user", "-w": "db_password"}
_FLAGS = {"--no-database-list": ("list_db", "False"), "--unaccent": ("unaccent", "True")}


class Unclear(Exception):
    """No single process is the server; the text says why, for people."""


def choose(processes: Sequence[Process], config_file: str, *, standard: bool) -> Process:
    """The server's own process. `standard`: the patterns are the usual ones, which also match whatever else has the
    server's path among its arguments. Raises Unclear."""
    servers = [one for one in processes if is_server(one.argv)]
    left = servers if servers or standard else list(processes)
    pids = {one.pid for one in left}
    left = [one for one in left if one.parent not in pids] or left
    if not left:
        raise Unclear("no process of the server was found")
    if len(left) > 1 and config_file:
        left = [one for one in left if one.config == config_file] or left
    alike = {(one.argv, one.environ, one.config) for one in left}
    if len(alike) > 1:
        raise Unclear(f"{len(left)} processes match that are not the same server")
    return min(left, key=lambda one: one.pid)


def is_server(argv: Sequence[str]) -> bool:
    """Whether a command line runs Odoo itself, and not something with its name among the arguments."""
    if not argv:
        return False
    first = argv[0].rpartition("/")[2]
    if _SERVER.match(first):
        return True
    if not _PYTHON.match(first):
        return False
    rest = iter(argv[1:])
    for word in rest:
        if word == "-m":
            return bool(_SERVER.match(next(rest, "")))
        if word in _TAKES_A_VALUE:
            next(rest, None)
        elif not word.startswith("-"):
            return bool(_SERVER.match(word.rpartition("/")[2]))
    return False


def said(argv: Sequence[str]) -> dict[str, str]:
    """The settings that a command line gives, by their names in the configuration file: what of it concerns the
    addons path and the database."""
    found: dict[str, str] = {}
    words = iter(argv[1:])
    for word in words:
        if word == "--":
            break
        name, equals, value = word.partition("=")
        if word in _FLAGS:
            key, value = _FLAGS[word]
            found[key] = value
        elif name.startswith("--") and name[2:] in _LONG:
            found[_LONG[name[2:]]] = value if equals else next(words, "")
        elif word in _SHORT:
            found[_SHORT[word]] = next(words, "")
        elif word[:2] in _SHORT and not word.startswith("--"):
            found[_SHORT[word[:2]]] = word[2:].removeprefix("=")
    return found
