"""`--sarif`: what is wrong with the file, the workflow and the content, where code scanning shows it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.project import Project
from tests.undo.conftest import dsync

from directional_sync.model.lifecycle import Outcome
from directional_sync.model.record import Phase, TargetRecord, Verdict
from directional_sync.model.target import Direction
from directional_sync.render.sarif import document, of_records

SECRET = "ghp_" + "k3Qz9XwB7rTn2LdV5sYc8HfJ1mGa6PuEo4Ri"
CONFIG = """
    targets:
      first:
        direction: pull
        entrypoint: first.sh
        outputs: ["first/**"]
        schedule: "0 2 * * *"
"""
FILE = ".github/workflows/directional-sync.yml"


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    assert found["version"] == "2.1.0" and found["$schema"].endswith("sarif-2.1.0.json")
    [run] = found["runs"]
    rules = run["tool"]["driver"]["rules"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert rules[result["ruleIndex"]]["help"]["text"], "what there is to know about it goes along"
        assert result["message"]["text"] and result["level"] in ("error", "warning")
    return dict(run)


def place(result: dict[str, Any]) -> tuple[str, int]:
    [where] = result["locations"]
    physical = where["physicalLocation"]
    return physical["artifactLocation"]["uri"], physical["region"]["startLine"]


def test_mistakes_of_the_file_are_shown_at_their_lines(project: Project, tmp_path: Path) -> None:
    project.configure(CONFIG.replace("direction: pull", "direction: both"))
    out = tmp_path / "found.sarif"
    done = dsync(project, "validate", "--sarif", str(out))
    assert done.returncode == 0 and "direction" in done.stderr, "a step that fails would keep it from being uploaded"
    [result] = read(out)["results"]
    assert place(result) == ("sync.yaml", 5) and "direction" in result["message"]["text"]
    assert dsync(project, "validate").returncode == 2
    project.configure(CONFIG)
    assert dsync(project, "validate", "--sarif", str(out)).returncode == 0
    assert read(out)["results"] == [], "what was mended is closed by a document without it"


def test_a_workflow_that_does_not_fit_is_shown_where_it_differs(project: Project, tmp_path: Path) -> None:
    project.configure(CONFIG)
    out = tmp_path / "found.sarif"
    text = dsync(project, "workflow", "generate").stdout
    project.write(FILE, text)
    assert dsync(project, "workflow", "check", "--sarif", str(out)).returncode == 0
    assert read(out)["results"] == []
    project.write(FILE, text.replace("0 2 * * *", "0 3 * * *"))
    assert dsync(project, "workflow", "check", "--sarif", str(out)).returncode == 0
    [result] = read(out)["results"]
    line = next(number for number, one in enumerate(text.splitlines(), 1) if "0 2 * * *" in one)
    assert (result["ruleId"], place(result)) == ("E-WORKFLOW", (FILE, line))
    (project.root / FILE).unlink()
    assert dsync(project, "workflow", "check", "--sarif", str(out)).returncode == 0
    assert place(read(out)["results"][0]) == (FILE, 1)
    assert dsync(project, "workflow", "generate", "--sarif", str(out)).returncode == 2


def test_a_likely_secret_is_shown_where_it_is_and_stays_unsaid(project: Project, tmp_path: Path) -> None:
    half, rest = SECRET[:9], SECRET[9:]
    project.write(
        "first.sh",
        f'#!/bin/bash\nmkdir -p first\nprintf "one\\ntoken = \'%s%s\'\\n" {half} {rest} >"first/a b.txt"\n',
        mode=0o755,
    )
    project.configure(CONFIG)
    out = tmp_path / "found.sarif"
    done = dsync(project, "run", "--sarif", str(out))
    assert done.returncode == 6, done.stderr
    [result] = [one for one in read(out)["results"] if one["ruleId"] == "E-SECRET"]
    assert place(result) == ("first/a%20b.txt", 2) and "fingerprint" in result["message"]["text"]
    assert SECRET not in out.read_text()


def test_what_gates_refuse_is_shown_at_the_target(project: Project) -> None:
    verdicts = (
        Verdict("deletions", Phase.PLAN, False, "9 of 10 files would go", "E-GUARD-DELETE"),
        Verdict("secrets", Phase.PLAN, True, "no detector", "E-SECRET-DETECTOR", warning=True),
        Verdict("size", Phase.PLAN, True, "all small"),
        Verdict("bad \udcff\x1b[31m", Phase.POST, False, "x"),
    )
    record = TargetRecord("first", Direction.PULL, Outcome.REFUSED, "no", verdicts=verdicts)
    found = of_records([record], {"first": ("ops/sync.yaml", 3)})
    [run] = document(found, "1", {})["runs"]
    assert [(one["ruleId"], one["level"], *place(one)) for one in run["results"]] == [
        ("E-GUARD-DELETE", "error", "ops/sync.yaml", 3),
        ("E-SECRET-DETECTOR", "warning", "ops/sync.yaml", 3),
        ("gate", "error", "ops/sync.yaml", 3),
    ]
    json.dumps(run).encode("utf-8")
    prints = [one["partialFingerprints"]["directionalSync/v1"] for one in run["results"]]
    assert len(set(prints)) == 3 and prints == [
        one["partialFingerprints"]["directionalSync/v1"] for one in document(found, "2", {})["runs"][0]["results"]
    ]


def test_a_place_that_cannot_be_written_is_told(project: Project, tmp_path: Path) -> None:
    project.configure(CONFIG)
    done = dsync(project, "validate", "--sarif", str(tmp_path))
    assert done.returncode == 1 and "[E-REPORT]" in done.stderr
