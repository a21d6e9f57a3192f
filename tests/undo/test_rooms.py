"""Undoing what single endpoints have done: vendored repositories with their lock, sections of a document."""

from __future__ import annotations

from tests.project import Project
from tests.sections.conftest import Config, config, synced
from tests.vendoring.conftest import Dsync, dsync, no_detector, server, upstreams, vendored
from tests.vendoring.vendored import Vendored

from directional_sync import rewind
from directional_sync.model.lifecycle import Outcome, Skip
from directional_sync.model.record import TargetRecord
from directional_sync.rewind import Asked
from directional_sync.testing.git_server import GitServer
from directional_sync.workspace import RunOptions, open_workspace

__all__ = ["config", "dsync", "no_detector", "server", "synced", "upstreams", "vendored"]


def undo(project: Project, *, redo: bool = False) -> TargetRecord:
    workspace = open_workspace(None, project.root, project.environ)
    run = (rewind.redoable if redo else rewind.undoable)(workspace, None)
    [record] = rewind.rollback(workspace, Asked(run), RunOptions(), {}, lambda event: None).records
    return record


def test_a_vendored_upstream_goes_back_with_its_lock(vendored: Vendored, server: GitServer, dsync: Dsync) -> None:
    vendored.sync()
    project, name = vendored.project, vendored.first.name
    locked, tree = vendored.lock(), vendored.tree(name)
    vendored.first.commit({"README.md": b"bad\n"})
    vendored.sync()
    assert vendored.lock() != locked
    server.reset()
    assert undo(project).outcome is Outcome.SYNCED
    assert not server.asked  # nothing is needed from anywhere
    assert vendored.lock() == locked and vendored.tree(name) == tree
    assert dsync("verify").status == 0  # the lock is what the tree is
    assert project.one().skip is Skip.UNDONE
    assert vendored.sync(locked=True).outcome is Outcome.IN_SYNC
    assert project.one().skip is Skip.UNDONE
    assert undo(project, redo=True).outcome is Outcome.SYNCED
    assert vendored.sync().outcome is Outcome.IN_SYNC


def test_entries_of_a_document_go_back_on_both_sides(synced: Config) -> None:
    project = synced.project
    document, settings = synced.document(), synced.settings.read_bytes()
    synced.edit("Looks closely.", "Looks twice.")  # of the document, goes to the agents
    synced.far_edit('"uvx"', '"pipx"')  # of the settings, comes to the document
    edited = synced.document()
    assert project.one().outcome is Outcome.SYNCED
    both, agent = synced.document(), (synced.agents / "reviewer.yaml").read_text()
    assert "`pipx`" in both and "Looks twice." in agent

    record = undo(project)
    assert record.outcome is Outcome.SYNCED, (record.failure, record.message)
    assert synced.document() == edited != document  # the person's own edit stays
    assert "Looks closely." in (synced.agents / "reviewer.yaml").read_text()
    assert b'"pipx"' in synced.settings.read_bytes() != settings
    assert project.one().skip is Skip.UNDONE
    assert project.one(resume=True).outcome is Outcome.SYNCED
    assert synced.document() == both and (synced.agents / "reviewer.yaml").read_text() == agent
    assert project.one().outcome is Outcome.IN_SYNC and project.clean()
