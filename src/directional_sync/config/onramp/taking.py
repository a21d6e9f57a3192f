"""One repository of a file, checked on its way in: what fits becomes a `Repository`, what does not is told."""

from __future__ import annotations

from typing import Any

from directional_sync.config.onramp import places
from directional_sync.config.onramp.base import Around, Fate, Repository
from directional_sync.config.onramp.piece import Piece, quoted

_USER_OUT = (
    "it is left out",
    "give it to a credential helper of git, and change it, if it was ever committed",
)
_SHORT = ("its commit id is not written in full", "write all 40 digits into `ref`: git rev-parse COMMIT")


def take(
    piece: Piece,
    around: Around,
    *,
    folder: str,
    url: str,
    ref: str = "",
    url_line: int = 0,
    variables: bool = False,
    **wishes: Any,
) -> Repository | None:
    """The repository at `url`, to be in `folder`, with the other wishes of `Repository`. None when it cannot be
    carried over; `piece` is told why then, and of everything that is not as it was."""
    line, what = url_line or piece.line, "the repository"
    try:
        into = places.folder(around.folder, folder)
    except places.Unfit as unfit:
        hint = "name a folder of this repository; --into FOLDER says what such paths are relative to"
        piece.tell(what, str(unfit), hint)
        return None
    if not url:
        piece.tell(what, "it has no URL", "add the URL, and carry over again")
        return None
    try:
        address, user_out = places.address(url, variables=variables)
        name = places.ref(ref, variables=variables)
    except places.Unfit as unfit:
        piece.tell(what, str(unfit), "write it into the YAML by hand", line=line)
        return None
    if user_out:
        piece.tell("the user name or password in the URL", *_USER_OUT, fate=Fate.CHANGED, line=line)
    if places.shortened(ref):
        piece.tell("`ref`", *_SHORT, fate=Fate.CHANGED)
    return Repository(address, into, quoted(folder), piece.line, ref=name, **wishes)
