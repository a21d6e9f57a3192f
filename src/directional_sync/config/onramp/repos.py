"""`.repos` of vcstool and vcs2l: for each folder the type, the URL and the version."""

from __future__ import annotations

from directional_sync.config.onramp.base import Around, Fate, Format, Found, LeftOver, Repository
from directional_sync.config.onramp.piece import Explained, Piece, quoted
from directional_sync.config.onramp.taking import take
from directional_sync.core.yaml12 import Document

_CARRIED = frozenset({"type", "url", "version"})
_EXPLAINED: Explained = {
    "extends": (Fate.LOST, "other files are not taken in", "write all repositories into one file, and carry that over"),
}
_KINDS = {"heads/": "refs/heads/", "tags/": "refs/tags/"}


def looks_so(data: object) -> bool:
    """Whether data has the shape of this format."""
    if not isinstance(data, dict) or "repositories" not in data:
        return False
    entries = data["repositories"] or {}
    if not isinstance(entries, dict):
        return False
    return not entries or any(isinstance(entry, dict) and {"type", "url"} & entry.keys() for entry in entries.values())


def read(document: Document, around: Around) -> Found:
    """What the file names."""
    told: list[LeftOver] = []
    root = Piece(document, (), document.data, told)
    root.tell_others(frozenset({"repositories"}), _EXPLAINED)
    found = [_folder(piece.about(folder), folder, around) for folder, piece in root.at("repositories").items()]
    return Found(Format.VCSTOOL, tuple(one for one in found if one is not None), tuple(told))


def _folder(piece: Piece, folder: str, around: Around) -> Repository | None:
    kind, version = piece.at("type").text, piece.at("version").text
    if kind != "git":
        why = f"it is of the type {quoted(kind)}, and only git is vendored" if kind else "it has no `type`"
        hint = "take a git mirror of it, or fetch it by a program of yours: `entrypoint`"
        piece.tell("the repository", why, hint if kind else "correct it, and carry over again")
        return None
    piece.tell_others(_CARRIED, {})
    for begin, full in _KINDS.items():
        if version.startswith(begin):
            version = full + version.removeprefix(begin)
    url = piece.at("url")
    return take(piece, around, folder=folder, url=url.text, ref=version, url_line=url.line)
