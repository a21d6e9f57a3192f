"""`repos.yaml` of git-aggregator: for each folder its remotes, and what is merged of them."""

from __future__ import annotations

from directional_sync.config.onramp import places
from directional_sync.config.onramp.base import Around, Fate, Format, Found, LeftOver, Repository
from directional_sync.config.onramp.piece import Explained, Piece, quoted
from directional_sync.config.onramp.taking import take
from directional_sync.core.yaml12 import Document

_CARRIED = frozenset({"remotes", "merges"})
_FETCHED = (Fate.NEEDLESS, "only what is needed is fetched in any case", "")
_EXPLAINED: Explained = {
    "target": (Fate.NEEDLESS, "nothing is pushed to a branch of its own: what was merged is committed here", ""),
    "fetch_all": _FETCHED,
    "shell_command_after": (
        Fate.LOST,
        "no command is run on what was merged",
        "keep its changes as files PATCHES/*.patch and name that folder by `patches`; "
        "a command that only checks goes under safety.post_sync_checks",
    ),
}


def looks_so(data: object) -> bool:
    """Whether data has the shape of this format."""
    entries = [entry for entry in data.values() if isinstance(entry, dict)] if isinstance(data, dict) else []
    return any(isinstance(entry.get("remotes"), dict) or isinstance(entry.get("merges"), list) for entry in entries)


def read(document: Document, around: Around) -> Found:
    """What the file names."""
    told: list[LeftOver] = []
    found = [_folder(piece.about(folder), folder, around) for folder, piece in _entries(document, told)]
    return Found(Format.GIT_AGGREGATOR, tuple(one for one in found if one is not None), tuple(told))


def _entries(document: Document, told: list[LeftOver]) -> list[tuple[str, Piece]]:
    return list(Piece(document, (), document.data, told).items())


def _folder(piece: Piece, folder: str, around: Around) -> Repository | None:
    if not isinstance(piece.value, dict) or not piece.at("remotes").value:
        piece.tell(f"`{piece.of}`", "it names no `remotes`", "remove it, or correct it and carry over again")
        return None
    piece.tell_others(_CARRIED | {"defaults"}, _EXPLAINED)
    for key, each in piece.at("defaults").items():
        each.tell(f"`defaults.{quoted(key)}`", _FETCHED[1], fate=Fate.NEEDLESS)
    remotes = {name: url.text for name, url in piece.at("remotes").items()}
    merges = [(each, *_merge(each)) for each in piece.at("merges").each()]
    merges = [(each, remote, name) for each, remote, name in merges if remote]
    if not merges:
        piece.tell("the repository", "it names nothing under `merges`", "add what it is made of, and carry over again")
        return None
    first, base, ref = merges[0]
    for each, remote, _ in merges:
        if remote not in remotes:
            each.tell("this merge", f"there is no remote `{quoted(remote)}`", "correct it, and carry over again")
    if base not in remotes:
        piece.tell("the repository", "what its first merge names is not there", "correct it, and carry over again")
        return None
    for name in remotes.keys() - {remote for _, remote, _ in merges}:
        piece.at("remotes").at(name).tell("an unused remote", "nothing is merged from it", fate=Fate.NEEDLESS)
    _tell_variables(first, remotes[base], ref, folder)
    merge = _others(merges[1:], remotes, remotes[base])
    line = piece.at("remotes").at(base).line
    url = remotes[base]
    return take(piece, around, folder=folder, url=url, ref=ref, url_line=line, variables=True, merge=merge)


def _merge(piece: Piece) -> tuple[str, str]:
    """Remote and ref of one merge; ("", "") when it is neither `remote ref` nor a mapping of the two."""
    if isinstance(piece.value, dict):
        remote, ref = piece.at("remote").text, piece.at("ref").text
        for key, each in piece.items():
            if key not in ("remote", "ref"):
                each.tell(f"`merges.{quoted(key)}`", _FETCHED[1], fate=Fate.NEEDLESS)
    else:
        remote, _, ref = piece.text.partition(" ")
    ref = ref.strip()
    if remote and ref and " " not in ref:
        return remote, ref
    piece.tell("this merge", "it is not `remote ref`", "correct it, and carry over again")
    return "", ""


def _others(merges: list[tuple[Piece, str, str]], remotes: dict[str, str], url: str) -> tuple[str, ...]:
    """The refs that are merged onto the first, of those that the same repository has."""
    found = []
    for piece, remote, name in merges:
        if remote not in remotes:
            continue
        if remotes[remote] != url:
            piece.tell(
                "this merge",
                "`merge` takes refs of one repository, and this is one of another",
                "name the pull request instead, as refs/pull/NUMBER/head of the first; or keep its changes as files "
                "PATCHES/*.patch and name that folder by `patches`",
            )
            continue
        try:
            found.append(places.ref(name, variables=True))
        except places.Unfit as unfit:
            piece.tell("this merge", str(unfit), "correct it, and carry over again")
    return tuple(one for one in found if one)


def _tell_variables(piece: Piece, *texts: str) -> None:
    for name in sorted({name for text in texts for name in places.variables(text)}):
        piece.tell(
            f"`{name}`",
            "variables are looked up in the environment and in `.env` when the YAML is read",
            "set it there, or write the value",
            fate=Fate.CHANGED,
        )
