"""What can be said under `remote:` of a target that documents a live server."""

from __future__ import annotations

import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from directional_sync.core.hosts import is_loopback
from directional_sync.endpoints.options import Options, wrong
from directional_sync.endpoints.server_config.script import DEFAULT_PROCESS
from directional_sync.endpoints.ssh.options import SshOptions

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*\Z")


def _words(value: tuple[str, ...]) -> tuple[str, ...]:
    if any("\0" in word for word in value) or (value and (not value[0] or value[0].startswith("-"))):
        raise wrong("this must begin with the name of a program")
    return value


def _far_path(value: str) -> str:
    if value and (not value.startswith("/") or any(ord(char) < 32 for char in value)):
        raise wrong("this must be an absolute path on the server")
    return value


def _local_root(value: str) -> str:
    if value and (not value.startswith("/") or any(ord(char) < 32 for char in value)):
        raise wrong("this must be an absolute path on this machine")
    return value.rstrip("/") or value[:1]


def _variable(value: str) -> str:
    if not _VARIABLE.match(value):
        raise wrong("this must be the name of the variable that holds the key, never the key itself")
    return value


def _api_url(value: str) -> str:
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise wrong("this is not a URL") from None
    if not host or parts.scheme not in ("https", "http") or any(char.isspace() for char in value):
        raise wrong("this must be an https URL")
    if parts.scheme == "http" and not is_loopback(host):
        raise wrong("the key would go over the network in the clear: this must be an https URL")
    if parts.username is not None or parts.query or parts.fragment:
        raise wrong("this must be the server's address alone, without credentials, query or fragment")
    return value.rstrip("/")


def _file_name(value: str) -> str:
    if value and not _FILE_NAME.match(value):
        raise wrong("this must be a plain file name")
    return value


def _into(value: str) -> str:
    parts = value.rstrip("/").split("/") if value else []
    if any(part in ("", ".", "..") or part.casefold() == ".git" or "\0" in part for part in parts):
        raise wrong("this must be a folder inside the repository")
    return value.rstrip("/")


FarPath = Annotated[str, AfterValidator(_far_path)]
FileName = Annotated[str, AfterValidator(_file_name)]
Globs = Annotated[tuple[str, ...], Field(strict=False)]


class ServerFiles(Options):
    """The files that are written, by what they hold; an empty name leaves one out."""

    addons_path: FileName = Field("ADDONS_PATH.prod.txt", description="The addons path, one folder a line, in order.")
    database: FileName = Field("DB_CONFIG.prod.txt", description="The database settings, sorted.")
    environment: FileName = Field("ENV_VARS.prod.txt", description="The variables of the server's process, sorted.")
    settings: FileName = Field("", description="All other settings of the file, by section; not written by default.")
    version: FileName = Field("ODOO_VERSION.prod.txt", description="The server's version; needs `api`.")
    modules: FileName = Field("MODULES.prod.txt", description="The installed modules, sorted; needs `api`.")


class ServerApi(Options):
    """The server's external API: JSON-2 from Odoo 19 on, XML-RPC before."""

    url: Annotated[str, AfterValidator(_api_url)] = Field(description="The server's address.")
    database: str = Field(min_length=1, max_length=63, description="The database.")
    key: Annotated[str, AfterValidator(_variable)] = Field(
        description="The name of the variable that holds the API key."
    )
    user: str = Field("", description="The login that the key belongs to; needed for servers up to Odoo 18.")


class ServerConfigOptions(SshOptions):
    """`type: server_config`: a live Odoo server, documented in files without its secrets."""

    command: Annotated[tuple[str, ...], AfterValidator(_words)] = Field(
        (),
        description="A command that runs a program beside the server: `[docker, exec, odoo]`, `[kubectl, exec, "
        "deploy/odoo, --]`. With `host` it is run there. Taken as it is written: no variables are put in.",
        strict=False,
    )
    path: Annotated[str, AfterValidator(_local_root)] = Field(
        "", description="The server's root folder on this machine: `/`, or where its file system is mounted."
    )
    config_file: FarPath = Field(
        "", description="The server's configuration file; without it what its process says, else /etc/odoo/odoo.conf."
    )
    process: tuple[str, ...] = Field(
        DEFAULT_PROCESS,
        description="How the server's process is found: patterns with `*` and `?` for its command line, each argument "
        "followed by a space. Empty: it is not looked for.",
        strict=False,
    )
    environment: Literal["process", "none"] = Field(
        "process", description="`process`: the variables of the server's process. `none`: they are not documented."
    )
    environment_file: FarPath = Field(
        "", description="Take the variables from this file on the server (a docker or systemd environment file)."
    )
    values: Literal["shown", "listed"] = Field(
        "shown",
        description="`shown`: values that neither their name nor their looks suspect. `listed`: only values of `keep`.",
    )
    keep: Globs = Field((), description="Names (globs) whose values are shown even if they look secret.")
    hide: Globs = Field((), description="Names (globs) whose values are never shown.")
    drop: Globs = Field((), description="Names (globs) of variables that are left out, beside the volatile ones.")
    placeholder: str = Field(
        "<secret:{name}>",
        min_length=1,
        max_length=80,
        description="What stands in place of a secret; `{name}` is the setting's name.",
    )
    into: Annotated[str, AfterValidator(_into)] = Field("", description="The folder for the files.")
    files: ServerFiles = Field(ServerFiles.model_validate({}), description="The names of the files.")
    api: ServerApi | None = Field(
        None, description="Ask the server's external API for version and installed modules, too."
    )

    @model_validator(mode="after")
    def _together(self) -> ServerConfigOptions:
        if self.path and (self.host or self.command):
            raise wrong("`path` excludes `host` and `command`", key="path")
        if not (self.path or self.host or self.command or self.api):
            raise wrong("one of `host`, `command` and `path` must say where the server is")
        for key in ("user", "port", "identity_file", "known_hosts", "ssh_options"):
            if getattr(self, key) and not self.host:
                raise wrong("`{key}` belongs to `host`", key=key)
        if "@" in self.host and self.user:
            raise wrong("`host` names a user already", key="user")
        if self.environment_file and self.environment == "none":
            raise wrong("`environment: none` and `environment_file` exclude each other", key="environment_file")
        if not self.process and self.environment == "process" and not self.environment_file:
            raise wrong(
                "without `process` the variables need `environment_file`, or `environment: none`", key="process"
            )
        if any(ord(char) < 32 for pattern in self.process for char in pattern) or not all(self.process):
            raise wrong("`process` must be patterns of one line", key="process")
        if any(not char.isprintable() for char in self.placeholder) or self.placeholder != self.placeholder.strip():
            raise wrong("`placeholder` must be printable, without space around it", key="placeholder")
        if re.sub(r"\{name\}", "", self.placeholder).strip("{}") != re.sub(r"\{name\}", "", self.placeholder):
            raise wrong("the only placeholder in `placeholder` is {allowed}", key="placeholder", allowed="{name}")
        names = [name.casefold() for _, name in self.files if name]
        if len(names) != len(set(names)):
            raise wrong("the names under `files` must differ", key="files")
        return self
