"""People with keys who sign commits and tags of upstreams, as they do at home."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from directional_sync.testing.upstreams import BRANCH, Upstream

needs_ssh = pytest.mark.skipif(not shutil.which("ssh-keygen"), reason="ssh-keygen is not installed")
needs_gpg = pytest.mark.skipif(not shutil.which("gpg"), reason="gpg is not installed")


@dataclass(frozen=True)
class Person:
    """Somebody whose git signs. Raises CalledProcessError where a program fails."""

    name: str
    config: tuple[str, ...]
    public: str
    """The public key, as a person would hand it out."""
    environment: dict[str, str] = field(default_factory=dict)

    def commit(self, upstream: Upstream, text: str = "signed", *, branch: str = BRANCH) -> str:
        """Commits a change on top of the branch, signed."""
        before = upstream.head(branch)
        draft = upstream.commit({"README.md": f"{text}\n".encode()}, branch="draft", onto=before)
        made = self._git(upstream, "commit-tree", "-S", "-p", before, "-m", text, f"{draft}^{{tree}}")
        upstream.git("update-ref", f"refs/heads/{branch}", made)
        return made

    def tag(self, upstream: Upstream, name: str, revision: str = BRANCH) -> None:
        self._git(upstream, "tag", "-f", "-s", "-m", name, name, revision)

    def _git(self, upstream: Upstream, *arguments: str) -> str:
        date = "1735689600 +0000"  # in 2025, as all else that upstreams do
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": "/nonexistent",
            "GIT_COMMITTER_DATE": date,
            "GIT_AUTHOR_DATE": date,
            **self.environment,
        }
        identity = ("-c", f"user.name={self.name}", "-c", f"user.email={self.name}@example.org")
        argv = ["git", f"--git-dir={upstream.path}", *identity, *self.config, *arguments]
        return subprocess.run(argv, env=environment, check=True, capture_output=True, text=True).stdout.strip()


def ssh_person(folder: Path, name: str) -> Person:
    key = folder / name
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", key], check=True)
    config = ("-c", "gpg.format=ssh", "-c", f"user.signingKey={key}")
    return Person(name, config, key.with_suffix(".pub").read_text().rpartition(" ")[0])


def gpg_person(home: Path, name: str, *how: str, expires: str = "never") -> Person:
    """`home`: the folder of keys to use; `how`: more options of gpg, for making the key and for signing."""
    environment = {"GNUPGHOME": str(home)}
    user = f"{name}@example.org"
    gpg(home, "--passphrase", "", *how, "--quick-generate-key", f"{name} <{user}>", "ed25519", "sign", expires)
    public = gpg(home, "--armor", "--export", user)
    program = home / f"gpg-{name}"
    program.write_text(f'#!/bin/sh\nexec gpg {" ".join(how)} "$@"\n')
    program.chmod(0o755)
    return Person(name, ("-c", f"user.signingKey={user}", "-c", f"gpg.program={program}"), public, environment)


def gpg(home: Path, *arguments: str, given: str = "") -> str:
    argv = ["gpg", "--homedir", str(home), "--batch", "--yes", "--quiet", *arguments]
    return subprocess.run(argv, input=given, check=True, capture_output=True, text=True).stdout


def tampered(upstream: Upstream, *, tag: str = "") -> None:
    """Changes what was signed, at the tip or in the tag, and leaves the signature."""
    kind, ref = ("tag", f"refs/tags/{tag}") if tag else ("commit", f"refs/heads/{BRANCH}")
    content = upstream.git("cat-file", kind, ref) + "\n"
    assert "-----BEGIN " in content and "@example.org> 1735689600" in content
    changed = content.replace("@example.org> 1735689600", "@example.org> 1735689601")
    upstream.git("update-ref", ref, upstream.write(kind, changed.encode()))
