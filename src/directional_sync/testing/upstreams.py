"""Upstream repositories made to measure: many, small, looking like the OCA's, the same bytes on every machine.

    upstreams = build(folder, repositories=30, modules=120)      # bare repositories, in about a second
    upstreams["sale-workflow"].commit({"sale_note/README.rst": b"new"}, "Improve the read-me")

Every repository is written by one `git fast-import`; nothing is ever checked out.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

NAMES = (
    "account-financial-tools", "account-invoicing", "account-reconcile", "bank-payment", "calendar",
    "commission", "connector", "contract", "credit-control", "crm",
    "delivery-carrier", "dms", "e-commerce", "edi", "event",
    "field-service", "fleet", "geospatial", "helpdesk", "hr",
    "hr-holidays", "knowledge", "maintenance", "management-system", "manufacture",
    "multi-company", "partner-contact", "pos", "product-attribute", "project",
    "purchase-workflow", "queue", "reporting-engine", "rest-framework", "sale-reporting",
    "sale-workflow", "server-auth", "server-backend", "server-tools", "server-ux",
    "social", "stock-logistics-workflow", "storage", "survey", "timesheet",
    "vertical-association", "web", "website", "wms", "l10n-belgium",
)  # fmt: skip
BRANCH = "18.0"
_EPOCH = 1_735_689_600  # 2025-01-01, so that ids are the same everywhere
_AUTHOR = "Ada Upstream <ada@example.org>"

Content = bytes | tuple[str, bytes] | None
"""File content; or (mode, content), where a mode 160000 takes a commit id; or None: delete the path."""


def build(
    folder: Path, *, repositories: int = 30, modules: int = 120, branch: str = BRANCH, names: Sequence[str] = ()
) -> dict[str, Upstream]:
    """Makes `repositories` bare repositories in `folder` with `modules` modules among them, at least one each.
    Names are the OCA's own, then numbered ones; or those given."""
    wanted = list(names) or [*NAMES, *(f"upstream-{number}" for number in range(len(NAMES), repositories))]
    wanted = wanted[:repositories] if not names else wanted
    share, rest = divmod(modules, len(wanted))

    def make(item: tuple[int, str]) -> Upstream:
        number, name = item
        upstream = empty(folder / f"{name}.git", branch)
        upstream.commit(files(name, max(1, share + (number < rest))), f"[ADD] {name}: modules", branch=branch)
        return upstream

    with ThreadPoolExecutor(max_workers=4) as pool:
        return {upstream.name: upstream for upstream in pool.map(make, enumerate(wanted))}


def empty(path: Path, branch: str = BRANCH, *, hash_name: str = "sha1") -> Upstream:
    """A bare repository without a commit, its HEAD on `branch`."""
    (path / "refs" / "heads").mkdir(parents=True)
    (path / "objects" / "pack").mkdir(parents=True)
    (path / "HEAD").write_text(f"ref: refs/heads/{branch}\n")
    version = 0 if hash_name == "sha1" else 1
    extension = "" if hash_name == "sha1" else f"[extensions]\n\tobjectformat = {hash_name}\n"
    (path / "config").write_text(f"[core]\n\trepositoryformatversion = {version}\n\tbare = true\n{extension}")
    return Upstream(path)


def files(repository: str, modules: int) -> dict[str, Content]:
    """The files of one repository with `modules` Odoo modules: about eight files each, one of them binary and one
    executable, and a few at the root."""
    made: dict[str, Content] = {
        "README.md": f"# {repository}\n\nOdoo modules.\n".encode(),
        "LICENSE": b"GNU AFFERO GENERAL PUBLIC LICENSE\n",
        ".pre-commit-config.yaml": b"repos: []\n",
        "setup/_metapackage/pyproject.toml": f'[project]\nname = "odoo-addons-{repository}"\n'.encode(),
    }
    for number in range(modules):
        made.update(module(f"{repository.replace('-', '_')}_{number}"))
    return made


def module(name: str) -> dict[str, Content]:
    """The files of one Odoo module called `name`."""
    seed = hashlib.sha256(name.encode()).digest()
    manifest = {
        "name": name.replace("_", " ").title(),
        "version": f"18.0.1.{seed[0] % 10}.{seed[1] % 10}",
        "license": "AGPL-3",
        "depends": ["base"],
        "data": [f"views/{name}.xml"],
        "installable": True,
    }
    body = "".join(f"    {name}_{n} = fields.Char()  # {seed[n % 32]}\n" for n in range(20 + seed[2] % 20))
    return {
        f"{name}/__init__.py": b"from . import models\n",
        f"{name}/__manifest__.py": (repr(manifest).replace(", '", ",\n '") + "\n").encode(),
        f"{name}/models/__init__.py": f"from . import {name}\n".encode(),
        f"{name}/models/{name}.py": (
            "from odoo import fields, models\n\n\nclass Partner(models.Model):\n" + body
        ).encode(),
        f"{name}/views/{name}.xml": f'<odoo>\n    <record id="{name}" model="ir.ui.view"/>\n</odoo>\n'.encode(),
        f"{name}/README.rst": f"{name}\n{'=' * len(name)}\n\n{seed.hex()}\n".encode(),
        f"{name}/static/description/icon.png": b"\x89PNG\r\n\x1a\n" + seed * 30,
        f"{name}/scripts/check.sh": ("100755", b"#!/bin/sh\nexit 0\n"),
    }


@dataclass(frozen=True)
class Upstream:
    """One bare repository and what its maintainers can do to it."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.name.removesuffix(".git")

    def head(self, branch: str = BRANCH) -> str:
        """The commit of `branch`; "" when there is none."""
        return self.git("rev-parse", "--verify", "-q", f"refs/heads/{branch}", check=False)

    def tree(self, revision: str = BRANCH) -> str:
        return self.git("rev-parse", "--verify", f"{revision}^{{tree}}")

    def commit(
        self,
        changes: Mapping[str, Content],
        message: str = "Change",
        *,
        branch: str = BRANCH,
        onto: str = "tip",
    ) -> str:
        """Commits `changes` on top of `branch` ("tip"), of another revision, or of nothing (""): the latter two
        rewrite the branch. Answers the new commit's id."""
        parent = self.head(branch) if onto == "tip" else self.git("rev-parse", onto) if onto else ""
        number = int(self.git("rev-list", "--count", parent)) if parent else 0
        stream = [f"commit refs/heads/{branch}\ncommitter {_AUTHOR} {_EPOCH + 60 * number} +0000\n".encode()]
        stream.append(_data(message.encode()))
        if parent:
            stream.append(f"from {parent}\n".encode())
        for path, content in changes.items():
            stream.append(_file(path, content))
        self.git("fast-import", "--quiet", "--force", given=b"".join(stream))
        return self.head(branch)

    def reset(self, revision: str, branch: str = BRANCH) -> str:
        """Moves `branch` to `revision`, history or not."""
        self.git("update-ref", f"refs/heads/{branch}", self.git("rev-parse", f"{revision}^{{commit}}"))
        return self.head(branch)

    def delete(self, ref: str) -> None:
        self.git("update-ref", "-d", ref)

    def tag(self, name: str, revision: str = BRANCH, *, annotated: bool = False) -> None:
        """Sets the tag `name`, moving it when it exists."""
        extra = ("-a", "-m", name) if annotated else ()
        self.git("tag", "-f", *extra, name, revision)

    def write(self, kind: str, content: bytes) -> str:
        """Puts a raw object of `kind` (blob, tree, commit) into the store, however broken; answers its id."""
        return self.git("hash-object", "-t", kind, "-w", "--stdin", "--literally", given=content)

    def commit_tree(self, tree: str, *, branch: str = BRANCH) -> str:
        """Commits the tree with this id on top of `branch`, whatever is in it."""
        parent = self.head(branch)
        lines = [f"tree {tree}", *([f"parent {parent}"] if parent else [])]
        stamp = f"{_AUTHOR} {_EPOCH + 3600} +0000"
        commit = self.write("commit", "\n".join([*lines, f"author {stamp}", f"committer {stamp}", "", "x\n"]).encode())
        self.git("update-ref", f"refs/heads/{branch}", commit)
        return commit

    def git(self, *arguments: str, given: bytes = b"", check: bool = True) -> str:
        """Runs git in the repository; answers its output without the line end."""
        done = subprocess.run(
            ["git", f"--git-dir={self.path}", *arguments],
            input=given,
            capture_output=True,
            env=_ENVIRONMENT,
            check=False,
        )
        if check and done.returncode:
            raise RuntimeError(f"git {arguments[0]}: {done.stderr.decode('utf-8', 'replace')}")
        return done.stdout.decode("utf-8", "replace").strip()


def tree_bytes(entries: Sequence[tuple[str, bytes, str]]) -> bytes:
    """The raw tree object with these (mode, name, object id) in this order, allowed or not."""
    return b"".join(mode.encode() + b" " + name + b"\0" + bytes.fromhex(digest) for mode, name, digest in entries)


_ENVIRONMENT = {
    "PATH": os.environ.get("PATH", os.defpath),
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_AUTHOR_NAME": "Ada Upstream",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada Upstream",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
    "GIT_COMMITTER_DATE": f"{_EPOCH} +0000",
    "LC_ALL": "C",
}


def _data(content: bytes) -> bytes:
    return b"data %d\n%s\n" % (len(content), content)


def _file(path: str, content: Content) -> bytes:
    if content is None:
        return f"D {path}\n".encode()
    mode, content = content if isinstance(content, tuple) else ("100644", content)
    if mode == "160000":
        return f"M 160000 {content.decode()} {path}\n".encode()
    return f"M {mode} inline {path}\n".encode() + _data(content)
