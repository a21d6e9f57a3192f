from __future__ import annotations

import pytest
from tests.project import Project
from tests.run.stage_set import Stage


@pytest.fixture
def stage(project: Project) -> Stage:
    project.write("README.md", "hello\n")
    project.commit()
    return Stage(project)
