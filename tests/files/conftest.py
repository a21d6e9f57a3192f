"""A store of objects on loopback for the tests that need one, and a folder outside of the repository for the others."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.project import Project, make_project

KEY, SECRET = "AKIACANARYKEY", "canary-Zq81-never-shown"


@dataclass
class S3:
    """An S3 service, and a client that knows nothing of this program."""

    url: str
    client: Any
    requests: list[str] = field(default_factory=list)
    """Method and path of each request since it was last cleared."""
    buckets: int = 0

    def bucket(self) -> str:
        """The name of a new bucket."""
        self.buckets += 1
        name = f"bucket-{self.buckets}"
        self.client.create_bucket(Bucket=name)
        return name

    def put(self, bucket: str, key: str, content: bytes) -> None:
        self.client.put_object(Bucket=bucket, Key=key, Body=content)

    def files(self, bucket: str) -> dict[str, bytes]:
        found = {}
        for page in self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket):
            for item in page.get("Contents", ()):
                found[item["Key"]] = self.client.get_object(Bucket=bucket, Key=item["Key"])["Body"].read()
        return found

    def asked(self, method: str, *, listings: bool = False) -> list[str]:
        """The requests for single objects by this method; `listings` instead those for listings."""
        return [
            line
            for line in self.requests
            if line.startswith(f"{method} ") and ("list-type" in line) == listings and line.count("/") > 1
        ]


@pytest.fixture(scope="session")
def s3_service() -> Iterator[S3]:
    pytest.importorskip("moto.server", reason="the S3 service on loopback needs moto[server]: pip install --group dev")
    pytest.importorskip("s3fs", reason="object stores need the extra s3")
    import boto3
    from moto.server import ThreadedMotoServer
    from werkzeug.serving import WSGIRequestHandler

    requests: list[str] = []

    def note(self: Any, *args: Any, **kwargs: Any) -> None:
        requests.append(f"{self.command} {self.path}")

    old = WSGIRequestHandler.log_request
    WSGIRequestHandler.log_request = note
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    client = boto3.client(
        "s3", endpoint_url=url, aws_access_key_id=KEY, aws_secret_access_key=SECRET, region_name="us-east-1"
    )
    yield S3(url, client, requests)
    server.stop()
    WSGIRequestHandler.log_request = old


@pytest.fixture
def s3(s3_service: S3) -> S3:
    s3_service.requests.clear()
    return s3_service


@dataclass
class Pair:
    """A repository and a folder outside of it."""

    project: Project
    far: Path
    over_ssh: bool = False

    def put(self, path: str, content: str | bytes, mode: int = 0o644) -> Path:
        file = self.far / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        file.chmod(mode)
        return file

    def files(self) -> dict[str, bytes]:
        """Path -> content, of everything that is there, temporary files too."""
        return {
            str(path.relative_to(self.far)): path.read_bytes() for path in sorted(self.far.rglob("*")) if path.is_file()
        }

    def state(self) -> dict[str, tuple[int, ...]]:
        """All that a person could see of the far side."""
        found = {}
        for path in [self.far, *sorted(self.far.rglob("*"))]:
            about = path.lstat()
            found[str(path)] = (about.st_ino, about.st_mtime_ns, about.st_ctime_ns, about.st_size, about.st_mode)
        return found

    def allow(self) -> None:
        self.project.git("config", "directional-sync.externalRoots", str(self.far.parent))

    def target(self, direction: str, more: str = "", *, remote: str = "", host: str = "example") -> None:
        """Configures the only target: `data/` of the repository and the whole folder. `more`: further lines of it;
        `remote`: further options."""
        side = "outputs" if direction == "pull" else "inputs"
        lines = "".join(f"                {line}\n" for line in more.splitlines())
        where = (
            f'type: ssh-files, host: {host}, path: "{self.far}"' if self.over_ssh else f'type: files, url: "{self.far}"'
        )
        self.project.configure(
            f"""
            targets:
              share:
                direction: {direction}
                remote: {{{where}{remote and ", "}{remote}}}
                {side}: ["data/**"]
{lines}"""
        )


HERE = pytest.mark.parametrize("pair", ["folder"], indirect=True)
"""For tests that look into how a folder on this machine is reached."""


@pytest.fixture(params=["folder", "ssh"])
def pair(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pair:
    over_ssh = request.param == "ssh"
    if over_ssh:
        monkeypatch.setenv("PATH", f"{stand_in_for_ssh(tmp_path / 'bin')}:{os.environ['PATH']}")
    project = make_project(tmp_path / "project")
    far = tmp_path / "outside" / "share"
    far.mkdir(parents=True)
    pair = Pair(project, far, over_ssh)
    pair.allow()
    return pair


@pytest.fixture
def writable(tmp_path: Path) -> Iterator[Path]:
    """tmp_path, made writable again at the end."""
    yield tmp_path
    for folder, _, _ in os.walk(tmp_path):
        with contextlib.suppress(OSError):
            Path(folder).chmod(0o755)


@pytest.fixture(autouse=True)
def without_the_detector(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loading its rules takes longer than most of these runs; the built-in rules still judge."""
    from directional_sync.gates import secrets

    monkeypatch.setattr(secrets, "installed", lambda: False)


def stand_in_for_ssh(folder: Path) -> Path:
    """A folder with a program `ssh` that hands the command to a shell on this machine, as sshd does on its own."""
    folder.mkdir(parents=True)
    program = folder / "ssh"
    program.write_text('#!/bin/sh\nfor last; do :; done\nexec sh -c "$last"\n')
    program.chmod(0o755)
    return folder
