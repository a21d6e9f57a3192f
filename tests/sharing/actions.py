"""A small GitHub Actions: expressions, jobs and composite actions, every script run by bash on a machine that is new.

What actions of others do is stood in for (`STAND_INS`), by what they really leave behind; an action that is not known
here is an error. The program comes from the virtual environment, in the place of the steps called `Install`.
"""

from __future__ import annotations

import base64
import re
import subprocess
import sysconfig
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TOKEN = "ghs_ofThisJobAlone"
_TIMEOUT_S = 120
_TOKENS = re.compile(r"\s*('(?:[^']|'')*'|\d+|[A-Za-z_][\w-]*(?:\.[A-Za-z_][\w-]*)*|==|!=|&&|\|\||[!()])")
_STATUS = re.compile(r"\b(success|failure|cancelled|always)\(\)")


class _Expression:
    """What stands between `${{` and `}}`, by the host's rules: `&&` and `||` answer an operand, text is compared
    without regard to case, and what is not there is nothing."""

    def __init__(self, text: str, contexts: Mapping[str, Any], functions: Mapping[str, Callable[[], bool]]) -> None:
        self._left = _TOKENS.findall(text)
        assert "".join(self._left) == re.sub(r"\s+(?=(?:[^']*'[^']*')*[^']*$)", "", text), f"not understood: {text}"
        self._contexts, self._functions = contexts, functions

    def value(self) -> Any:
        found = self._either()
        assert not self._left, f"not understood: {self._left}"
        return found

    def _either(self) -> Any:
        found = self._both()
        while self._take("||"):
            other = self._both()
            found = found or other
        return found

    def _both(self) -> Any:
        found = self._compared()
        while self._take("&&"):
            other = self._compared()
            found = found and other
        return found

    def _compared(self) -> Any:
        found = self._one()
        for sign in ("==", "!="):
            if self._take(sign):
                return (_bare(found) == _bare(self._one())) is (sign == "==")
        return found

    def _one(self) -> Any:
        if self._take("!"):
            return not self._one()
        if self._take("("):
            found = self._either()
            assert self._take(")")
            return found
        token = self._left.pop(0)
        if token.startswith("'"):
            return token[1:-1].replace("''", "'")
        if token.isdigit():
            return int(token)
        if token in ("true", "false"):
            return token == "true"
        if self._take("("):
            assert self._take(")")
            return self._functions[token]()
        found = self._contexts
        for name in token.split("."):
            found = found.get(name) if isinstance(found, Mapping) else None
        return found

    def _take(self, token: str) -> bool:
        taken = bool(self._left) and self._left[0] == token
        if taken:
            self._left.pop(0)
        return taken


def _bare(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else "" if value is None else value


def _text(value: Any) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


@dataclass
class Step:
    """How one step went."""

    outcome: str
    status: int = 0
    said: str = ""
    outputs: dict[str, str] = field(default_factory=dict)


@dataclass
class Job:
    """How one job went."""

    steps: dict[str, Step] = field(default_factory=dict)
    """By name; of a step without one, the action that it uses."""
    summary: str = ""
    artifacts: dict[str, bytes] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        return any(step.outcome == "failure" for step in self.steps.values())

    @property
    def outcomes(self) -> dict[str, str]:
        return {name: step.outcome for name, step in self.steps.items()}

    @property
    def said(self) -> str:
        return "".join(step.said for step in self.steps.values())

    @property
    def annotations(self) -> list[str]:
        """Lines that the host takes for annotations: none while commands are stopped."""
        found, stopped = [], ""
        for line in self.said.splitlines():
            if line.startswith("::stop-commands::"):
                stopped = line.removeprefix("::stop-commands::")
            elif stopped and line == f"::{stopped}::":
                stopped = ""
            elif not stopped and re.match(r"::(error|warning|notice)[ :]", line):
                found.append(line)
        return found


@dataclass
class Machine:
    """What the host starts for one job: folders of its own, and nothing that anybody has configured."""

    folder: Path
    remote: str
    event: str = "workflow_dispatch"
    schedule: str | None = None
    inputs: Mapping[str, Any] = field(default_factory=dict)
    matrix: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    kept: Mapping[str, str] = field(default_factory=dict)
    """What of the environment of the tests holds there too."""
    server: str = "https://github.com"

    def __post_init__(self) -> None:
        for folder in (self.workspace, self.temp, self.folder / "home", self.folder / "bin"):
            folder.mkdir(parents=True)
        self._install(self.folder / "bin")
        self._install(self.temp / "directional-sync" / "bin")

    @property
    def workspace(self) -> Path:
        return self.folder / "workspace"

    @property
    def temp(self) -> Path:
        return self.folder / "temp"

    def git(self, *arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=self.workspace, capture_output=True, text=True, env=self._env())
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def job(self, job: Mapping[str, Any]) -> Job | None:
        """None when the event is not for it."""
        if not self._holds(str(job.get("if", "")), self._contexts({}), failed=False):
            return None
        done = Job()
        self._steps(job["steps"], done, {}, {})
        return done

    def action(self, data: Mapping[str, Any], checkout: Mapping[str, Any], **given: str) -> Job:
        """A job that checks out with these options, then uses a composite action with these inputs."""
        done = Job()
        contexts = self._contexts({})
        defaults = {name: self._filled(one.get("default", ""), contexts) for name, one in data["inputs"].items()}
        assert set(given) <= set(defaults)
        self._steps([{"uses": "actions/checkout@x", "with": checkout}], done, {}, {})
        inputs, steps = {**defaults, **given}, dict[str, Any]()
        self._steps(data["runs"]["steps"], done, inputs, steps)
        contexts = self._contexts(steps, inputs)
        done.outputs = {name: _text(self._filled(one["value"], contexts)) for name, one in data["outputs"].items()}
        return done

    def _steps(self, steps: Any, done: Job, inputs: Mapping[str, Any], known: dict[str, Any]) -> None:
        for number, step in enumerate(steps):
            name = step.get("name") or step["uses"].partition("@")[0]
            contexts = self._contexts(known, inputs or self.inputs)
            if not self._holds(str(step.get("if", "")), contexts, failed=done.failed):
                ended = Step("skipped")
            elif name == "Install":
                ended = Step("success")
            elif "uses" in step:
                given = {key: self._filled(value, contexts) for key, value in step.get("with", {}).items()}
                ended = STAND_INS[step["uses"].partition("@")[0]](self, given, done)
            else:
                ended = self._run(number, step, contexts, done)
            done.steps[name] = ended
            if "id" in step:
                known[step["id"]] = {"outcome": ended.outcome, "outputs": ended.outputs}

    def _run(self, number: int, step: Mapping[str, Any], contexts: Mapping[str, Any], done: Job) -> Step:
        script, output, summary = (self.folder / f"{number}-{kind}" for kind in ("script.sh", "output", "summary.md"))
        script.write_text(step["run"])
        env = self._env() | {"GITHUB_OUTPUT": str(output), "GITHUB_STEP_SUMMARY": str(summary)}
        env |= {name: _text(self._filled(value, contexts)) for name, value in step.get("env", {}).items()}
        output.touch()
        summary.touch()
        options = ["--noprofile", "--norc", "-eo", "pipefail"] if step.get("shell") == "bash" else ["-e"]
        ended = subprocess.run(
            ["bash", *options, script],
            cwd=self.workspace,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_TIMEOUT_S,
        )
        outputs = dict(line.split("=", 1) for line in output.read_text().splitlines())
        done.summary += summary.read_text()
        outcome = "failure" if ended.returncode else "success"
        return Step(outcome, ended.returncode, ended.stdout, outputs)

    def _holds(self, condition: str, contexts: Mapping[str, Any], *, failed: bool) -> bool:
        condition = condition.strip()
        if condition.startswith("${{"):
            condition = condition[3:-2].strip()
        if not _STATUS.search(condition):
            condition = f"success() && ({condition or 'true'})"
        functions = {
            "success": lambda: not failed,
            "failure": lambda: failed,
            "cancelled": lambda: False,
            "always": lambda: True,
        }
        return bool(_Expression(condition, contexts, functions).value())

    def _filled(self, value: Any, contexts: Mapping[str, Any]) -> Any:
        if not isinstance(value, str):
            return value
        whole = re.fullmatch(r"\$\{\{(.*?)\}\}", value)
        if whole:
            return _Expression(whole[1].strip(), contexts, {}).value()
        return re.sub(
            r"\$\{\{(.*?)\}\}", lambda found: _text(_Expression(found[1].strip(), contexts, {}).value()), value
        )

    def _contexts(self, steps: Mapping[str, Any], inputs: Mapping[str, Any] | None = None) -> dict[str, Any]:
        github = {"event_name": self.event, "event": {"schedule": self.schedule}, "token": TOKEN, "run_id": "1"}
        return {
            "github": github,
            "inputs": self.inputs if inputs is None else inputs,
            "steps": steps,
            "matrix": self.matrix,
            "secrets": self.secrets,
            "vars": self.variables,
            "runner": {"temp": str(self.temp)},
        }

    def _env(self) -> dict[str, str]:
        return {
            **self.kept,
            "PATH": f"{self.folder / 'bin'}:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self.folder / "home"),
            "LANG": "C.UTF-8",
            "CI": "true",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GITHUB_ACTIONS": "true",
            "GITHUB_EVENT_NAME": self.event,
            "GITHUB_REF": "refs/heads/main",
            "GITHUB_REPOSITORY": "team/flows",
            "GITHUB_RUN_ID": "1",
            "GITHUB_SERVER_URL": self.server,
            "GITHUB_WORKSPACE": str(self.workspace),
            "RUNNER_TEMP": str(self.temp),
        }

    def _install(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "dsync").symlink_to(Path(sysconfig.get_path("scripts")) / "dsync")


def _checkout(machine: Machine, given: Mapping[str, Any], done: Job) -> Step:
    """The branch alone, one commit deep unless asked for more; no tags, nobody's name, and here no credential stays."""
    assert given["persist-credentials"] is False
    depth = int(given.get("fetch-depth", 1))
    login = base64.b64encode(f"x-access-token:{TOKEN}".encode()).decode()
    proof = ["-c", f"http.extraHeader=Authorization: Basic {login}"] if machine.remote.startswith("http") else []
    machine.git("init", "-q", "-b", "main")
    machine.git("remote", "add", "origin", machine.remote)
    deep = [f"--depth={depth}"] if depth else []
    machine.git(*proof, "fetch", "-q", "--no-tags", *deep, "origin", "+refs/heads/*:refs/remotes/origin/*")
    machine.git("checkout", "-q", "-B", "main", "refs/remotes/origin/main")
    return Step("success")


def _upload(machine: Machine, given: Mapping[str, Any], done: Job) -> Step:
    path = Path(given["path"])
    if not path.exists():
        assert given["if-no-files-found"] == "warn"
        return Step("success", said="::warning::No files were found with the provided path\n")
    assert given["name"] not in done.artifacts
    done.artifacts[given["name"]] = path.read_bytes()
    return Step("success")


def _nothing(machine: Machine, given: Mapping[str, Any], done: Job) -> Step:
    return Step("success")


STAND_INS = {
    "actions/checkout": _checkout,
    "actions/setup-python": _nothing,
    "actions/upload-artifact": _upload,
}


def combinations(job: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """What the jobs of a matrix with one dimension differ in; of a job without one, nothing."""
    matrix = job.get("strategy", {}).get("matrix", {})
    yield from ({name: value} for name, values in matrix.items() for value in values)
    if not matrix:
        yield {}
