"""The files: what was found, sorted where order means nothing, written so that the same always looks the same."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

from directional_sync.core.escape import hidden
from directional_sync.endpoints.server_config.disguise import Show

_DATABASE = frozenset({"dbfilter", "list_db", "pg_path", "unaccent"})
_LOCATION = frozenset({"addons_path", "upgrade_path"})

VOLATILE = (
    *("HOSTNAME", "SHLVL", "PWD", "OLDPWD", "_", "TERM", "COLUMNS", "LINES", "LS_COLORS", "MAIL", "TMUX*", "STY"),
    *("SSH_CLIENT", "SSH_CONNECTION", "SSH_TTY", "SSH_AUTH_SOCK", "SUDO_*", "XDG_SESSION_*", "XDG_RUNTIME_DIR"),
    *("DBUS_SESSION_BUS_ADDRESS", "INVOCATION_ID", "JOURNAL_STREAM", "SYSTEMD_EXEC_PID", "MAINPID", "MANAGERPID"),
    *("NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "CREDENTIALS_*"),
    *("KUBERNETES_SERVICE_*", "KUBERNETES_PORT*", "*_SERVICE_HOST", "*_SERVICE_PORT", "*_SERVICE_PORT_*"),
    *("*_PORT_[0-9]*_TCP*", "*_PORT_[0-9]*_UDP*", "MEMORY_PRESSURE_*", "BASH_FUNC_*", "PYTHON_*_CACHE"),
)
"""Variables that are another value after every start, in every session or in every pod, or that say nothing about the
server."""
_LINKED_PORT = re.compile(r"(?:tcp|udp|sctp)://[\d.]+:\d+\Z")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def addons(folders: Iterable[str], show: Show, origin: str) -> bytes:
    """One folder a line, in the order in which they are searched."""
    lines = [quoted(show.location("addons_path", folder)) for folder in folders]
    return _file(
        [f"The addons path of the live Odoo server, in the order in which it is searched, from {origin}."],
        lines or ["# addons_path is not set: the server uses its own default."],
    )


def database(settings: Mapping[str, str], show: Show, origin: str) -> bytes:
    """The settings that concern the database, sorted."""
    lines = [_line(name, value, show) for name, value in sorted(settings.items()) if is_database(name)]
    return _file(
        [f"The database settings of the live Odoo server, from {origin}."],
        lines or ["# None is set: the server uses its own defaults."],
    )


def others(sections: Mapping[str, Mapping[str, str]], show: Show, origin: str) -> bytes:
    """All other settings, by section."""
    lines: list[str] = []
    for section, settings in sorted(sections.items()):
        lines += ["", f"[{quoted(show.name(section))}]"]
        first = section == "options"
        lines += [
            _line(name, value, show)
            for name, value in sorted(settings.items())
            if not (first and (is_database(name) or name in _LOCATION))
        ]
    return _file([f"All other settings of the live Odoo server, from {origin}."], lines)


def environment(variables: Mapping[str, str], show: Show, origin: str) -> bytes:
    """The variables, sorted by name."""
    lines = [f"{quoted(show.name(name), '=')}={quoted(show(name, value))}" for name, value in sorted(variables.items())]
    return _file([f"The environment of the live Odoo server, from {origin}."], lines)


def version(text: str) -> bytes:
    return _file(["The version of the live Odoo server, as its external API says."], [quoted(text)])


def modules(found: Iterable[tuple[str, str, str]]) -> bytes:
    """(name, version, state) of each module, sorted by name."""
    lines = [" ".join(quoted(part, " ") for part in module) for module in sorted(found)]
    return _file(["The installed modules of the live Odoo server: name, version, state."], lines)


def lasting(variables: Mapping[str, str], drop: Iterable[str], keep: Iterable[str]) -> dict[str, str]:
    """Those that are not left out: neither volatile, unless they are kept by name, nor dropped."""
    wanted, unwanted = tuple(keep), tuple(drop)

    def stays(name: str, value: str) -> bool:
        if any(fnmatchcase(name, glob) for glob in unwanted):
            return False
        if any(fnmatchcase(name, glob) for glob in wanted):
            return True
        return not (
            any(fnmatchcase(name, glob) for glob in VOLATILE) or (name.endswith("_PORT") and _LINKED_PORT.match(value))
        )

    return {name: value for name, value in variables.items() if stays(name, value)}


def is_database(name: str) -> bool:
    """Whether a setting concerns the database."""
    return name.startswith("db_") or name in _DATABASE


def quoted(text: str, special: str = "") -> str:
    """`text` as it is, where that is one visible line; else in double quotes, with a backslash for what cannot be
    seen (`\\n`, `\\x00`, `\\u202e`; `\\xff` also for a byte that is not UTF-8). Different texts look different."""
    plain = text == text.strip() and not text.startswith(('"', "#")) and not any(char in text for char in special)
    if plain and not hidden(text) and all(char == " " or char.isprintable() for char in text):
        return text
    return '"' + "".join(_escaped(char) for char in text) + '"'


def _escaped(char: str) -> str:
    code = ord(char)
    if char in _ESCAPES:
        return _ESCAPES[char]
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if char == " " or (char.isprintable() and not hidden(char)):
        return char
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def _line(name: str, value: str, show: Show) -> str:
    shown = quoted(show(name, value))
    return f"{quoted(show.name(name), '=')} = {shown}".rstrip()


def _file(head: Iterable[str], lines: Iterable[str]) -> bytes:
    note = "Written by directional-sync, secrets replaced; what is changed here by hand is overwritten or reported."
    text = "\n".join([*(f"# {line}" for line in (*head, note)), *lines])
    return f"{text}\n".encode()
