"""From what the file says and what this clone is to a delivery, or to why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from directional_sync.errors import CredentialError
from directional_sync.git.outward import outward
from directional_sync.git.repository import Repository
from directional_sync.model.target import Deliver
from directional_sync.run.world import World
from directional_sync.sharing.deliver import Delivery
from directional_sync.sharing.far import Far
from directional_sync.sharing.forge import forge


class NotThisBranchError(Exception):
    """Another branch is checked out than the one that is delivered."""


def opened(world: World, deliver: Deliver, environ: Mapping[str, str], *, once: bool) -> Delivery:
    """`once`: what was planned is pushed as it is or not at all. Raises NotThisBranchError, HostError E-DELIVER-REMOTE
    and CredentialError E-ENV-MISSING."""
    far, token, variable = far_side(world.repository, deliver, environ)
    api = forge(deliver.api, far.outward.url, token, variable, environ, world.stop, deliver.labels)
    return Delivery(world, far, deliver, 1 if once else deliver.attempts, api)


def far_side(repository: Repository, deliver: Deliver, environ: Mapping[str, str]) -> tuple[Far, str, str]:
    """The branch of the remote, and the token for it with the name of its variable. Raises as `opened`."""
    name = repository.branch.removeprefix("refs/heads/")
    follows = repository.git.setting(f"branch.{name}.remote")
    remote = deliver.remote or (follows if follows != "." else "") or "origin"
    merged = repository.git.setting(f"branch.{name}.merge").removeprefix("refs/heads/") if follows == remote else ""
    branch = deliver.branch or merged or name
    if branch not in (name, merged):
        raise NotThisBranchError(f"{name} is checked out, and `deliver.branch` is {branch}")
    variable = deliver.token or "GITHUB_TOKEN"
    token = environ.get(variable, "").strip()
    if deliver.token and not token:
        raise CredentialError(
            "E-ENV-MISSING",
            f"`deliver.token` names {variable}, which is not set",
            hint=f"set it in the environment, or in a .env file that git ignores: {variable}=...",
            kept="nothing was run",
        )
    plain = outward(repository, remote)
    if not deliver.token and not _is_the_host_of_ci(plain.url, environ):
        token = ""
    found = outward(repository, remote, token, name=variable) if token else plain
    return Far(repository, found, branch), token, variable


def _is_the_host_of_ci(url: str, environ: Mapping[str, str]) -> bool:
    """Whether the token that CI hands out is for the host at `url`."""
    server = urlsplit(environ.get("GITHUB_SERVER_URL", ""))
    here = urlsplit(url)
    mine = environ.get("GITHUB_ACTIONS") == "true" and bool(server.hostname)
    return mine and (server.scheme, server.hostname, server.port) == (here.scheme, here.hostname, here.port)
