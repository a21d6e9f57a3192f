"""`west.yml` of west: a manifest of projects, whose URLs are put together from remotes."""

from __future__ import annotations

from directional_sync.config.onramp.base import Around, Fate, Format, Found, LeftOver, Repository
from directional_sync.config.onramp.piece import Explained, Piece, quoted
from directional_sync.config.onramp.taking import take
from directional_sync.core.yaml12 import Document

_MANIFEST = frozenset({"defaults", "remotes", "projects", "group-filter", "self"})
_PROJECT = frozenset(
    {"name", "remote", "url", "repo-path", "path", "revision", "submodules", "groups", "description", "import"}
)
_OF_WEST = (Fate.LOST, "this program adds no commands to west", "keep west for it, or make it a check or an entrypoint")
_IMPORT = (
    Fate.LOST,
    "the projects of another manifest are not taken in",
    "print them with `west manifest --resolve` into a file, and carry that over",
)
_PATHS_ONLY = "the submodules are taken all or not at all; here it is all"
_EXPLAINED: Explained = {
    "version": (Fate.NEEDLESS, "it is the version of west's own format", ""),
    "clone-depth": (Fate.NEEDLESS, "only what is needed is fetched in any case", ""),
    "west-commands": _OF_WEST,
    "userdata": (Fate.LOST, "free data of projects has no place in a git target", "keep it in a file of its own"),
    "import": _IMPORT,
    "path": (Fate.NEEDLESS, "it names the folder of this repository in the workspace", ""),
}


def looks_so(data: object) -> bool:
    """Whether data has the shape of this format."""
    return isinstance(data, dict) and isinstance(data.get("manifest"), dict)


def read(document: Document, around: Around) -> Found:
    """What the file names."""
    told: list[LeftOver] = []
    root = Piece(document, (), document.data, told)
    root.tell_others(frozenset({"manifest"}), {})
    manifest = root.at("manifest")
    manifest.tell_others(_MANIFEST, _EXPLAINED)
    manifest.at("self").tell_others(frozenset(), _EXPLAINED)
    bases = {each.at("name").text: each.at("url-base") for each in manifest.at("remotes").each()}
    off = {each.text[1:] for each in manifest.at("group-filter").each() if each.text.startswith("-")}
    projects = manifest.at("projects").each()
    found = [_project(each.about(_path(each)), manifest.at("defaults"), bases, off, around) for each in projects]
    return Found(Format.WEST, tuple(one for one in found if one is not None), tuple(told))


def _path(piece: Piece) -> str:
    return piece.at("path").text or piece.at("name").text


def _project(
    piece: Piece, defaults: Piece, bases: dict[str, Piece], off: set[str], around: Around
) -> Repository | None:
    name, url = piece.at("name").text, piece.at("url")
    if not name:
        piece.tell("the project", "it has no name", "correct it, and carry over again")
        return None
    piece.tell_others(_PROJECT - ({"import"} if piece.at("import").value else set()), _EXPLAINED)
    address, line = url.text, url.line
    if not address:
        remote = piece.at("remote").text or defaults.at("remote").text
        if remote not in bases:
            piece.tell("the project", f"there is no remote `{quoted(remote)}`", "correct it, and carry over again")
            return None
        address = f"{bases[remote].text.rstrip('/')}/{piece.at('repo-path').text or name}"
        line = bases[remote].line
    groups = [each.text for each in piece.at("groups").each()]
    asleep = bool(groups) and off.issuperset(groups)
    if asleep:
        why = "its groups are off by `group-filter`, so its target is paused"
        piece.tell("the project", why, "to have it, remove `paused`", fate=Fate.CHANGED)
    return take(
        piece,
        around,
        folder=_path(piece),
        url=address,
        ref=piece.at("revision").text or defaults.at("revision").text or "master",
        url_line=line,
        submodules="content" if _submodules(piece.at("submodules")) else "",
        paused=asleep,
    )


def _submodules(piece: Piece) -> bool:
    """Whether it wants them."""
    if isinstance(piece.value, list):
        piece.tell("`submodules`", _PATHS_ONLY, "name what is not wanted under `exclude`", fate=Fate.CHANGED)
        return bool(piece.value)
    return piece.flag
