"""The use cases beyond this clone: delivering what was committed, and sharing what was agreed on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from directional_sync import app
from directional_sync.errors import HostError
from directional_sync.model.lifecycle import Tell
from directional_sync.model.record import Summary

if TYPE_CHECKING:
    from directional_sync.sharing.by_hand import Moved


def deliver(workspace: app.Workspace, options: app.RunOptions, tell: Tell) -> Summary:
    """Pushes what runs have committed and not delivered; only what has to be made again for it is run. Raises as
    `app.run`."""
    from directional_sync.git import ran
    from directional_sync.run.world import Mode

    # Where notes travel, what is made again must not stay noted as it went the first time.
    options = replace(options, carry=ran.any_here(workspace.state.parent))
    return app.run_in(workspace, (), options, Mode(), tell)


def share_bases(workspace: app.Workspace, options: app.RunOptions, *, push: bool, catch_up: bool) -> Moved:
    """Fetches what targets agreed on elsewhere, or pushes what was agreed on here; with `catch_up` the branch goes on
    to what the remote has first. Raises SyncError."""
    from directional_sync.model.target import Deliver
    from directional_sync.sharing import by_hand
    from directional_sync.sharing.opening import NotThisBranchError, far_side, opened
    from directional_sync.wiring import open_world

    with open_world(workspace, options, lambda event: None, gates=False, writes=True) as world:
        try:
            wanted = workspace.config.deliver or Deliver()
            if catch_up:
                opened(world, wanted, workspace.environ, once=True).begin()
            far, _, _ = far_side(world.repository, wanted, workspace.environ)
        except NotThisBranchError as why:
            hint = "switch to it, or take `deliver.branch` out of the file"
            raise HostError("E-DELIVER-REMOTE", f"{why}", hint=hint, kept="nothing was changed") from why
        return by_hand.pushed(world, far) if push else by_hand.fetched(world, far)
