"""The order of real runs: needs, priority, the file; who needs what failed is skipped and says why (F95, F96)."""

from __future__ import annotations

import pytest
from tests.project import Project

from directional_sync.model.lifecycle import EventType, Skip

ONE = """
      {name}:
        direction: pull
        entrypoint: scripts/note.sh
        outputs: ["{name}/**"]
"""


def configure(project: Project, **extra: str) -> None:
    targets = "".join(
        ONE.format(name=name) + "".join(f"        {line}\n" for line in lines.split(";") if line)
        for name, lines in extra.items()
    )
    project.configure(f"\n    targets:{targets}")


def begun(project: Project) -> list[str]:
    return [event.target for event in project.events if event.type is EventType.TARGET_START]


@pytest.mark.parametrize(
    ("extra", "order"),
    [
        ({"a": "", "b": "", "c": ""}, ["a", "b", "c"]),
        ({"a": "", "b": "priority: 5", "c": "priority: 9"}, ["c", "b", "a"]),
        ({"a": "needs: [c];priority: 9", "b": "priority: 1", "c": ""}, ["b", "c", "a"]),
    ],
)
def test_order(scheduled: Project, extra: dict[str, str], order: list[str]) -> None:
    configure(scheduled, **extra)
    summary = scheduled.run()
    assert begun(scheduled) == order == [record.target for record in summary.records]
    assert all(record.success for record in summary.records)


def test_dependents_of_a_failed_target_are_skipped_down_to_the_last(scheduled: Project) -> None:  # F96
    configure(scheduled, a="", b="needs: [a]", c="needs: [b]", d="")
    scheduled.write("fail-a", "")
    scheduled.commit()
    summary = scheduled.run()
    found = {record.target: (record.skip, record.message) for record in summary.skipped}
    assert found == {
        "b": (Skip.DEPENDENCY, "upstream failed: a"),
        "c": (Skip.DEPENDENCY, "upstream failed: b"),
    }
    assert [record.target for record in summary.records if record.success] == ["d"]
    assert int(summary.exit()) == 1


def test_a_target_has_a_time(scheduled: Project) -> None:  # F81
    scheduled.write("scripts/note.sh", "#!/bin/bash\nsleep 60\n", mode=0o755)
    configure(scheduled, a="timeout: 1s", b="needs: [a]")
    summary = scheduled.run()
    assert summary.records[0].failure is not None and summary.records[0].failure.code == "E-SCRIPT-TIMEOUT"
    assert summary.records[1].message == "upstream failed: a"
