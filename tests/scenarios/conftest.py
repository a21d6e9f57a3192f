"""Whole commands as child processes, their whole output in golden files."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode
from tests.project import Project


class TextFile(SingleFileSnapshotExtension):
    """One readable file for each output."""

    _write_mode = WriteMode.TEXT
    file_extension = "txt"


@pytest.fixture
def golden(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    return snapshot.use_extension(TextFile)


Dsync = Callable[..., str]

# What differs from run to run, and what stands for it in a golden file.
_VARYING = (
    (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
    (r"\b[0-9a-f]{22}\b", "RUN"),
    (r"\b[0-9a-f]{40}\b", "COMMIT"),
    (r"(main)@[0-9a-f]{7}", r"\1@COMMIT"),
    (r"\b(plan|--plan) [0-9a-f]{8}\b", r"\1 PLAN"),
    (r"(\bcommit|\bat|\bshow|--stat) [0-9a-f]{7,12}\b", r"\1 ID"),
    (r"\b[0-9a-f]{7}\.\.[0-9a-f]{7}\b", "OLD..NEW"),
    (r"\b\d+(\.\d+)?(ms|s)\b", "TIME"),
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\dZ?", "NOW"),
    (r"^\d\d:\d\d:\d\d ", "CLOCK "),
    (r"pid \d+", "pid PID"),
)


def steady(text: str, project: Project) -> str:
    text = text.replace(str(project.root.resolve()), "REPO").replace(str(project.root.parent.resolve()), "FOLDER")
    for pattern, stands_for in _VARYING:
        text = re.sub(pattern, stands_for, text, flags=re.MULTILINE)
    return text


@pytest.fixture
def dsync(project: Project) -> Dsync:
    """Runs `dsync ARGUMENTS` in the project; answers command, both streams and exit status, made steady."""

    def run(*arguments: str, timeout_s: float = 60) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "directional_sync", *arguments],
            cwd=project.root,
            env={**project.environ, "COLUMNS": "100", "LC_ALL": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
        )
        said = f"$ dsync {' '.join(arguments)}\n{done.stdout}--- stderr\n{done.stderr}--- exit {done.returncode}\n"
        assert "Traceback" not in said
        return steady(said, project)

    return run
