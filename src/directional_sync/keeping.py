"""Edits that were made here to what is vendored, as patches that updates keep."""

from __future__ import annotations

from collections.abc import Mapping

from directional_sync.errors import HostError
from directional_sync.system import host
from directional_sync.workspace import Selection, Workspace, select


def local_edits(workspace: Workspace, name: str) -> dict[str, bytes]:
    """Source name -> the patch that keeps what was edited here in its folder. Asks no far side for anything. Raises
    SelectionError, HostError."""
    from directional_sync.git.objects import ObjectStore
    from directional_sync.git.repository import Repository
    from directional_sync.run import local_edits as edits

    (target,) = select(workspace, Selection((name,)))
    repository = Repository.open(workspace.root)
    with ObjectStore(repository, workspace.state / "cache" / "quarantine" / f"edits-{host.new_id()}") as store:
        return edits.local_edits(target, repository, store, workspace.lock_path)


def keep_edits(workspace: Workspace, name: str, patches: Mapping[str, bytes]) -> dict[str, str]:
    """Writes each patch beside those that its source has already; answers source name -> path from the root. Raises
    HostError."""
    from directional_sync.endpoints.git.upstream import patch_folder

    (target,) = select(workspace, Selection((name,)))
    if target.endpoint != "git":
        raise HostError(
            "E-NO-PATCHES",
            f"patches are applied to git repositories only, and {name} is a {target.endpoint} target",
            hint="edits made here stay as they are; keep them in a copy under another name",
            kept="nothing was written",
        )
    written = {}
    for source, patch in patches.items():
        folder = workspace.root / patch_folder(target.options, source)
        number = 1 + max((int(path.name[:4]) for path in folder.glob("[0-9][0-9][0-9][0-9]-*.patch")), default=0)
        path = folder / f"{number:04d}-local-edit.patch"
        host.make_folder(folder)
        host.atomic_write(path, patch)
        written[source] = path.relative_to(workspace.root).as_posix()
    return written
