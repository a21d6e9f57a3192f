"""`.env`: read where git ignores it, refused where git tracks it."""

from __future__ import annotations

import pytest
from tests.project import Project

from directional_sync.config import dotenv
from directional_sync.errors import ConfigError
from directional_sync.workspace import open_workspace


def environment(project: Project, content: str, environ: dict[str, str] | None = None) -> dict[str, str]:
    project.write(".gitignore", ".env\n")
    (project.root / ".env").write_text(content)
    return dict(dotenv.environment(project.root, environ or {}))


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=b", "b"),
        ("export A=b", "b"),
        ("  A = b c  ", "b c"),
        ("A=b # comment", "b"),
        ("A=b#c", "b#c"),
        ("A=", ""),
        ("A='b # $C \\n'", "b # $C \\n"),
        ('A="b\\n\\"c\\" \\$D"  # comment', 'b\n"c" $D'),
        ("A=$HOME", "$HOME"),
        ("A=b=c", "b=c"),
    ],
)
def test_lines(project: Project, line: str, value: str) -> None:
    assert environment(project, f"# first\n\n{line}\n") == {"A": value}


def test_the_environment_wins_unless_it_is_empty(project: Project) -> None:
    assert environment(project, "A=1\nB=2\n", {"A": "mine", "B": "", "C": ""}) == {"A": "mine", "B": "2", "C": ""}


def test_lines_that_are_not_understood_are_told_without_their_content(project: Project) -> None:
    with pytest.raises(ConfigError) as found:
        environment(project, 'A=1\nhunter2\nB="open\n2C=x\n')
    assert found.value.code == "E-DOTENV"
    assert [problem.line for problem in found.value.problems] == [2, 3, 4]
    assert "hunter2" not in repr(found.value.problems)


def test_a_tracked_one_is_refused(project: Project) -> None:
    project.write(".env", "TOKEN=s3cr3t\n")
    project.commit()
    project.write(".gitignore", ".env\n")  # too late
    with pytest.raises(ConfigError) as found:
        dotenv.environment(project.root, {})
    assert found.value.code == "E-DOTENV-TRACKED"
    assert "git rm --cached .env" in found.value.problems[0].hint


def test_one_that_git_neither_tracks_nor_ignores_is_not_read(project: Project) -> None:
    (project.root / ".env").write_text("A=1\n")
    assert dotenv.environment(project.root, {"B": "2"}) == {"B": "2"}


def test_its_variables_reach_the_configuration_and_its_targets(project: Project) -> None:
    project.configure(
        """
        targets:
          a: {direction: push, entrypoint: a.sh, config: {x: $FROM_DOTENV}}
        """
    )
    environment(project, "FROM_DOTENV=yes\n")
    workspace = open_workspace(None, project.root, {"PATH": project.environ["PATH"]})
    assert workspace.config.targets[0].config == {"x": "yes"}
    assert workspace.environ["FROM_DOTENV"] == "yes"
