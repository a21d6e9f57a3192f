"""`vendir.yml` of vendir: directories with contents from many kinds of sources, of which git is carried over."""

from __future__ import annotations

import re
from typing import Any

from directional_sync.config.onramp.base import Around, Fate, Format, Found, LeftOver, Repository
from directional_sync.config.onramp.filters import filters
from directional_sync.config.onramp.piece import Explained, Piece, quoted
from directional_sync.config.onramp.places import Unfit, folder
from directional_sync.config.onramp.taking import take
from directional_sync.core.yaml12 import Document

_ROOT = frozenset({"apiVersion", "kind", "directories"})
_GIT = frozenset({"url", "ref", "refSelection", "lfsSkipSmudge", "skipInitSubmodules"})
_CONTENT = frozenset({"path", "git", "includePaths", "excludePaths", "legalPaths", "newRootPath"})
_BY_PROGRAM = "fetch it by a program of yours: `entrypoint`"
_ONLY_GIT = (Fate.LOST, "only git is vendored", _BY_PROGRAM)
_EXPLAINED: Explained = {
    **dict.fromkeys(("http", "image", "imgpkgBundle", "githubRelease", "helmChart", "hg"), _ONLY_GIT),
    "manual": (Fate.NEEDLESS, "what is not named by `outputs` is left alone in any case", ""),
    "directory": (
        Fate.LOST,
        "nothing is copied from one folder of this repository to another",
        "vendor it where it is needed, with `subdir` and `paths`, or copy it by a program: `entrypoint`",
    ),
    "inline": (Fate.LOST, "the YAML holds no content of files", "commit these files themselves"),
    "lazy": (Fate.NEEDLESS, "what has not changed is not fetched again in any case", ""),
    "minimumRequiredVersion": (Fate.NEEDLESS, "it is the version of vendir", ""),
    "permissions": (Fate.LOST, "git keeps of permissions only whether a file can be executed", ""),
    "ignorePaths": (
        Fate.LOST,
        "files of your own among what is vendored are not kept by name",
        "name them under `exclude`",
    ),
    "depth": (Fate.NEEDLESS, "only what is needed is fetched in any case", ""),
    "forceHTTPBasicAuth": (Fate.NEEDLESS, "credential helpers of git decide that", ""),
    "secretRef": (Fate.LOST, "the YAML names no credentials of git", "give them to a credential helper or to ssh"),
    "verification": (
        Fate.LOST,
        "its keys lie in a secret of the cluster",
        "commit the public keys as a file and name it in `signed_by`",
    ),
    "dangerousSkipTLSVerify": (Fate.LOST, "certificates are always checked", "let git trust it: http.sslCAInfo"),
}
_COMPARED = r"(?:[<>]=?|=|\^|~)?\s?v?[0-9]+(?:\.[0-9xX*]+){0,2}(?:-[0-9A-Za-z.-]+)?"
_RANGE = re.compile(rf"{_COMPARED}(?:(?:\s+|\s*\|\|\s*){_COMPARED})*")


def looks_so(data: object) -> bool:
    """Whether data has the shape of this format."""
    if not isinstance(data, dict):
        return False
    return str(data.get("apiVersion")).startswith("vendir.") or (
        isinstance(data.get("directories"), list) and data.get("kind") == "Config"
    )


def read(document: Document, around: Around) -> Found:
    """What the file names."""
    told: list[LeftOver] = []
    root = Piece(document, (), document.data, told)
    root.tell_others(_ROOT, _EXPLAINED)
    found = []
    for directory in root.at("directories").each():
        path = directory.at("path").text
        directory.about(path).tell_others(frozenset({"path", "contents"}), _EXPLAINED)
        for content in directory.at("contents").each():
            inner = content.at("path").text
            whole = path if inner in (".", "") or not path else f"{path}/{inner}"
            found.append(_content(content.about(whole), whole, around))
    return Found(Format.VENDIR, tuple(one for one in found if one is not None), tuple(told))


def _content(piece: Piece, folder: str, around: Around) -> Repository | None:
    git = piece.at("git")
    if not folder.strip("/"):
        piece.tell("the directory", "it has no `path`", "correct it, and carry over again")
        return None
    if not isinstance(git.value, dict):
        kinds = [key for key in _EXPLAINED if piece.at(key).value is not None or key in (piece.value or ())]
        if not kinds:
            piece.tell("the content", "it has no source that is known here", _BY_PROGRAM)
        piece.tell_others(_CONTENT, _EXPLAINED)
        return None
    piece.tell_others(_CONTENT, _EXPLAINED)
    git.tell_others(_GIT, _EXPLAINED)
    wishes = _wishes(piece, git)
    ref, version = git.at("ref").text.removeprefix("origin/"), ""
    if not ref and git.at("refSelection").value is not None:
        version = _version(git.at("refSelection"))
        if not version:
            return None
    if wishes is None:
        return None
    url = git.at("url")
    return take(piece, around, folder=folder, url=url.text, ref=ref, url_line=url.line, version=version, **wishes)


def _wishes(piece: Piece, git: Piece) -> dict[str, Any] | None:
    """What is taken of the upstream; None when that cannot be said, which is told."""
    root = piece.at("newRootPath")
    try:
        subdir = folder("", root.text) if root.text.strip("./") else ""
    except Unfit as unfit:
        root.tell("`newRootPath`", str(unfit), "write it into the YAML by hand, as `subdir`")
        return None
    chosen = filters(piece, subdir)
    if chosen is None:
        return None
    skip = git.at("lfsSkipSmudge")
    lfs = "pointers" if skip.flag else "fetch" if skip.no else ""
    submodules = "" if git.at("skipInitSubmodules").flag else "content"
    return {"subdir": subdir, "paths": chosen[0], "exclude": chosen[1], "lfs": lfs, "submodules": submodules}


def _version(piece: Piece) -> str:
    """The range of versions; "" when it cannot be carried over, which is told."""
    semver = piece.at("semver")
    range_ = semver.at("constraints")
    if semver.at("prereleases").value is not None:
        semver.at("prereleases").tell("`prereleases`", "they are taken only where the range names one")
    if _RANGE.fullmatch(range_.text):
        return " ".join(range_.text.split())
    what = f"`{quoted(range_.text)}`" if range_.text else "`refSelection`"
    range_.tell(what, "this range of versions is not understood here", "write one like ^1.4 under `version`")
    return ""
