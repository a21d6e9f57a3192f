"""`.gitmodules` of git: sections with path, URL and branch; the commits are in the index."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from directional_sync.config.onramp.base import Around, Fate, Format, Found, LeftOver, Repository
from directional_sync.config.onramp.piece import Piece, quoted
from directional_sync.config.onramp.taking import take
from directional_sync.core.yaml12 import Document, Span

_SECTION = re.compile(r'\[\s*([A-Za-z0-9.-]+)(?:\s+"((?:[^"\\\n]|\\.)*)")?\s*\]\s*')
_KEY = re.compile(r"([A-Za-z][A-Za-z0-9-]*)\s*(=?)\s*")
_ESCAPES = {"n": "\n", "t": "\t", "b": "\b", '"': '"', "\\": "\\"}
_OF_GIT = "it steers commands of git on submodules, and there are none any more"
_NEEDLESS = frozenset({"ignore", "shallow", "fetchrecursesubmodules", "update"})
_OTHER = "git does not know this key, so another tool reads it"
_RUN = "no command is run in place of an update"
_SAME_BRANCH = (
    "`branch`",
    "`branch = .` means the branch that this repository is on, which `ref` cannot say",
    "write the name of a branch into `ref`",
)
_ASLEEP = (
    "`update = none`",
    "git leaves such a submodule alone, so its target is paused",
    "to have it, remove `paused`",
)
_FOLLOWED = ("the commit of the submodule", "its `branch` is followed, which may be further than that commit")
_PINNED = (
    "the submodule",
    "it names no branch, so `ref` is the commit that the index has, and stays there",
    "to follow a branch, write its name into `ref`",
)
_STILL_THERE = (
    "the submodule",
    "it is still in the index, at the place where its files are to be",
    "before the first run take it out, and commit that: git rm FOLDER",
)
_ADRIFT = (
    "the commit of the submodule",
    "it is not in the index of this repository, so the default branch is followed",
    "write the commit or a branch into `ref`",
)


@dataclass
class Section:
    """One submodule; of a key that is given several times the last value counts, as for git."""

    line: int
    values: dict[str, str] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)


def looks_so(text: str) -> bool:
    """Whether text has the shape of this format."""
    return re.search(r'^\s*\[\s*submodule\s+"', text, re.MULTILINE) is not None


def read(document: Document, around: Around) -> Found:
    """What the file names. What is no line of such a file goes to the problems of `document`."""
    told: list[LeftOver] = []
    found = []
    for name, section in sections(document).items():
        piece = Piece(document, (), None, told, row=section.line).about(section.values.get("path") or name)
        found.append(_submodule(piece, section, around))
    return Found(Format.GITMODULES, tuple(one for one in found if one is not None), tuple(told))


def _submodule(piece: Piece, section: Section, around: Around) -> Repository | None:
    path, url, branch = (section.values.get(key, "") for key in ("path", "url", "branch"))
    if not path or not url:
        missing = "path" if not path else "url"
        piece.tell("the submodule", f"it has no `{missing}`", "correct it, and carry over again")
        return None
    if url.startswith(("./", "../")):
        if not around.origin:
            why = "its URL is relative to that of this repository, which has no remote `origin`"
            piece.tell("the submodule", why, "git remote add origin URL, and carry over again")
            return None
        url = resolved(around.origin, url)
    asleep = _tell_others(piece, section)
    if branch == ".":
        piece.tell(*_SAME_BRANCH, line=section.lines["branch"])
        branch = ""
    commit = around.gitlinks.get(path.rstrip("/"), "")
    follows = _FOLLOWED if branch else _PINNED if commit else _ADRIFT
    line = section.lines["url"]
    taken = take(piece, around, folder=path, url=url, ref=branch or commit, url_line=line, paused=asleep)
    if taken is not None:
        piece.tell(*follows, fate=Fate.CHANGED)
        if commit and not around.elsewhere:
            piece.tell(*_STILL_THERE)
    return taken


def _tell_others(piece: Piece, section: Section) -> bool:
    """Tells of the keys that are not carried over; answers whether git would leave the submodule alone."""
    asleep = False
    for key in sorted(section.values.keys() - {"path", "url", "branch"}):
        value, line = section.values[key], section.lines[key]
        if key == "update" and value == "none":
            asleep = True
            piece.tell(*_ASLEEP, fate=Fate.CHANGED, line=line)
        elif key in _NEEDLESS and not value.startswith("!"):
            piece.tell(f"`{quoted(key)}`", _OF_GIT, fate=Fate.NEEDLESS, line=line)
        else:
            piece.tell(f"`{quoted(key)}`", _RUN if key in _NEEDLESS else _OTHER, line=line)
    return asleep


def resolved(origin: str, url: str) -> str:
    """A relative `url` as git understands it: each `../` takes one part off the end of `origin`."""
    base, mark = origin.rstrip("/"), "/"
    while url.startswith(("./", "../")):
        step, _, url = url.partition("/")
        if step == "..":
            base, mark = _shortened(base)
    return f"{base}{mark}{url}".rstrip("/")


def _shortened(base: str) -> tuple[str, str]:
    """`base` without its last part, and what stood between the two."""
    at = base.rfind("/")
    if at < 0 and ":" in base:
        at = base.rfind(":")
    if at <= 0 or base[:at].endswith((":/", "/")):
        return base, "/"  # there is nothing left to take off
    return base[:at], base[at]


def sections(document: Document) -> dict[str, Section]:
    """Name -> submodule, by the rules of git's configuration files. What is not understood goes to the problems of
    `document`, each with its place."""
    found: dict[str, Section] = {}
    now: Section | None = None
    lines = iter(enumerate(document.lines, 1))
    for number, line in lines:
        rest = line.lstrip()
        if begun := _SECTION.match(rest):
            rest = rest[begun.end() :]
            named = begun[1].lower() == "submodule" and begun[2] is not None
            name = re.sub(r"\\(.)", r"\1", begun[2] or "")
            now = found.setdefault(name, Section(number)) if named else Section(number)
        if not rest or rest[0] in "#;":
            continue
        key = _KEY.match(rest)
        if now is None or key is None or (not key[2] and key.end() < len(rest) and rest[key.end()] not in "#;"):
            _problem(document, number, "this is neither a section nor `key = value`")
            continue
        raw = rest[key.end() :]
        while _continued(raw):
            _, more = next(lines, (0, ""))
            raw = raw[:-1] + more
        value = _value(raw)
        if value is None:
            _problem(document, number, "this quote is never closed, or a backslash means nothing")
            continue
        now.values[key[1].lower()], now.lines[key[1].lower()] = value if key[2] else "true", number
    return found


def _continued(raw: str) -> bool:
    return (len(raw) - len(raw.rstrip("\\"))) % 2 == 1


def _value(raw: str) -> str | None:
    """A value without its quotes, escapes and comment; None when it is not well formed."""
    text, kept, quoting, at = "", 0, False, 0
    while at < len(raw):
        char = raw[at]
        if char == "\\":
            at += 1
            if raw[at : at + 1] not in _ESCAPES:
                return None
            text += _ESCAPES[raw[at]]
            kept = len(text)
        elif char == '"':
            quoting = not quoting
            kept = len(text)
        elif char in "#;" and not quoting:
            break
        else:
            text += char
            kept = len(text) if quoting or not char.isspace() else kept
        at += 1
    return None if quoting else text[:kept]


def _problem(document: Document, line: int, message: str) -> None:
    source = document.line(line)
    column = len(source) - len(source.lstrip()) + 1
    document.problems.append(document.problem(message, Span(line, column, max(1, len(source.strip()))), "correct it"))
