"""The program `git` towards this repository's own remote: fetching and pushing.

Here the user's own configuration holds, since their credential helpers, proxies and ssh settings are needed. What the
repository's configuration could make git execute does not: it may be shared, or come from a stranger. Nothing is ever
forced: what a ref must hold for it to be moved goes with every push.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import urlsplit

from directional_sync.core.hosts import is_loopback
from directional_sync.errors import CredentialError, HostError
from directional_sync.git import plumbing
from directional_sync.git.plumbing import Git
from directional_sync.git.repository import Repository
from directional_sync.system import process
from directional_sync.system.process import Finished

_STEERING = ("GIT_ASKPASS", "GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH")
_SETTINGS = {
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "core.gitProxy": "",
    "core.askPass": "",
    "protocol.allow": "never",
    **{f"protocol.{name}.allow": "always" for name in ("http", "https", "ssh", "git", "file")},
    "protocol.ext.allow": "never",
    "fetch.recurseSubmodules": "false",
    "push.gpgSign": "false",
    "push.followTags": "false",
    "push.recurseSubmodules": "no",
    "submodule.recurse": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
}
_PUSH = ("push", "--porcelain", "--atomic", "--no-verify", "--receive-pack=git-receive-pack")
_FETCH = ("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--prune", "--upload-pack=git-upload-pack")
_TIMEOUT_S = 600.0
_OWN = r"^(credential\.|core\.sshcommand$)"


class Wanted(NamedTuple):
    """One ref of the remote, as it is to become."""

    ref: str
    """In full."""
    new: str
    """An object of this repository; "" deletes the ref."""
    old: str | None
    """What the ref must hold for it to be moved, "" for nothing. None, of branches: it is only ever moved on to what
    has its history in it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the remote said about one ref."""

    ref: str
    taken: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Pushed:
    answers: tuple[Answer, ...]
    """() where it did not come so far."""
    finished: Finished

    @property
    def taken(self) -> bool:
        return self.finished.status == 0


@dataclass(frozen=True)
class Outward:
    """One remote of one repository."""

    git: Git
    remote: str
    """Its name."""
    url: str = field(repr=False)
    """Where it is pushed to; may hold credentials."""

    def fetch(self, *refspecs: str, options: Sequence[str] = ()) -> Finished:
        """Whatever its status, that is an answer."""
        return self.git.attempt(*_FETCH, *options, "--", self.remote, *refspecs, timeout_s=_TIMEOUT_S)

    def push(self, wanted: Sequence[Wanted]) -> Pushed:
        """All of `wanted`, or nothing of it."""
        leases = [f"--force-with-lease={one.ref}:{one.old}" for one in wanted if one.old is not None]
        refspecs = [f"{one.new}:{one.ref}" for one in wanted]
        finished = self.git.attempt(*_PUSH, *leases, "--", self.remote, *refspecs, timeout_s=_TIMEOUT_S)
        return Pushed(tuple(_answers(finished.stdout)), finished)


def outward(repository: Repository, remote: str, token: str = "", *, name: str = "") -> Outward:
    """The remote called `remote`. `token` (from the variable `name`) is sent over HTTP to its host alone. Raises
    HostError E-DELIVER-REMOTE when there is none, CredentialError where the token would travel in the clear."""
    steering = {key: value for key, value in process.inherited().items() if key in _STEERING}
    git = Git(repository.git_dir, repository.root, repository.hash_name, plumbing.users_own() | steering)
    own = _users_settings(git)
    git = git.including(config={**_SETTINGS, "core.sshCommand": own.pop("core.sshcommand", [""])[-1] or "ssh"})
    # An empty one forgets those of the repository; those of the user come after it.
    for key, value in [("credential.helper", ""), *((key, one) for key, values in own.items() for one in values)]:
        git = git.including(config={key: value})
    said = git.attempt("remote", "get-url", "--push", "--", remote)
    url = said.stdout.decode("utf-8", "surrogateescape").strip()
    if said.status or not url:
        raise HostError(
            "E-DELIVER-REMOTE",
            f"this repository has no remote called {remote}",
            hint="add it: git remote add NAME URL; or name another under `deliver.remote`",
            kept="nothing was pushed",
        )
    return Outward(_with_token(git, url, token, name) if token else git, remote, url)


def _users_settings(git: Git) -> dict[str, list[str]]:
    """What the user's own configuration says about ssh and credentials, by key."""
    found: dict[str, list[str]] = {}
    for scope in ("--system", "--global"):
        said = git.attempt("config", scope, "--includes", "--null", "--get-regexp", _OWN)
        for item in said.stdout.decode("utf-8", "surrogateescape").split("\0")[:-1]:
            key, _, value = item.partition("\n")
            found.setdefault(key, []).append(value)
    return found


def _with_token(git: Git, url: str, token: str, name: str) -> Git:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        return git
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        raise CredentialError(
            "E-SERVICE-INSECURE",
            f"the credential of {parts.hostname} would travel in the clear",
            hint="use https; http is for this machine only",
            kept="nothing was pushed",
        )
    if not (token.isascii() and token.isprintable()):
        raise CredentialError(
            "E-SERVICE-AUTH", f"{name} holds characters that no credential has", hint=f"set {name} again"
        )
    host = parts.netloc.rpartition("@")[2]
    key = f"http.{parts.scheme}://{host}/.extraheader"
    basic = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    # Of headers too an empty one forgets those before, or two would be sent.
    return git.including(config={key: ""}).including(config={key: f"Authorization: Basic {basic}"})


def _answers(stdout: bytes) -> list[Answer]:
    answers = []
    for line in stdout.decode("utf-8", "replace").splitlines():
        flag, _, rest = line.partition("\t")
        names, _, summary = rest.partition("\t")
        if len(flag) == 1 and names:
            reason = summary[summary.find("(") + 1 : summary.rfind(")")] if "(" in summary else summary
            answers.append(Answer(names.rpartition(":")[2], flag != "!", reason))
    return answers
