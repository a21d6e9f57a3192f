"""Three contents into one: `merge` is the way in.

Byte order mark, line ends and the line feed at the end are questions of the whole content. They are answered first, by
the same three-way rule; the kinds see plain text with line feeds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from directional_sync.core.merge.keyed import Format, Unwritten, merge_keyed
from directional_sync.core.merge.kinds import is_binary
from directional_sync.core.merge.node import Unfit
from directional_sync.core.merge.text import merge_lines
from directional_sync.core.merge.values import Choice, Choices, Kind, Merged, NoteKind, Place, Referee
from directional_sync.core.merge.wrapping import unwrapped

WHOLE = "whole file"
"""The id of the clash of contents that cannot be merged by parts."""
SIZE_MAX = 8_000_000
"""Contents of more characters than this are merged by lines."""

_Texts = tuple[str | None, str, str]


def merge(
    base: bytes | None,
    repo: bytes,
    remote: bytes,
    kind: Kind,
    choices: Choices | None = None,
    *,
    strict: bool = False,
) -> Merged:
    """What the two sides are together. `base` is the content on which they last agreed; None: they never did, so what
    only one of them has is taken, and what both have differently is a clash.

    `choices` settles clashes by their ids. `strict`: a deletion against a change is a clash, too. Raises UnfitChoice.
    Where `content` is None, nothing may be written; else it holds every edit of both sides."""
    chosen = choices or {}
    if repo == remote or base in (repo, remote):
        return _finished(kind, remote if base == repo else repo, Referee(chosen), chosen)
    if kind is Kind.BINARY or any(is_binary(one) for one in (base, repo, remote) if one is not None):
        return _whole(Kind.BINARY, base, repo, remote, Referee(chosen), chosen)
    texts = (None if base is None else base.decode("utf-8"), repo.decode("utf-8"), remote.decode("utf-8"))
    answer = _merged(texts, kind, lambda: Referee({}, strict=strict), None)
    if chosen and answer.text is not None:
        # The way must not hang on what was chosen, or the ids of the clashes would change under the choice.
        answer = _merged(texts, kind, lambda: Referee(chosen, strict=strict), answer.why)
    if answer.text is None:
        referee = Referee(chosen, strict=strict)
        referee.notes += answer.referee.notes
        return _whole(kind, base, repo, remote, referee, chosen)
    return _finished(Kind.TEXT if answer.why else kind, answer.text.encode("utf-8"), answer.referee, chosen)


@dataclass(frozen=True)
class _Answer:
    text: str | None
    """None: the parts do not make a whole, so only the whole can be chosen."""
    referee: Referee
    why: Unfit | None
    """Why it was not merged by its own kind."""


def _merged(texts: _Texts, kind: Kind, afresh: Callable[[], Referee], why: Unfit | None) -> _Answer:
    """Merges by the parts of the kind, unless that is known not to go, else by lines."""
    if why is None:
        referee = afresh()
        wrapping, bare = unwrapped(texts, referee, by_lines=kind is Kind.TEXT)
        try:
            return _Answer(wrapping.around(_by_parts(kind, bare, referee)), referee, None)
        except Unfit as unfit:
            why = unfit
    referee = afresh()
    wrapping, bare = unwrapped(texts, referee, by_lines=True)
    referee.note(NoteKind.BY_LINES, "", f"merged by lines, because {why.reason}")
    text = merge_lines(*bare, referee)
    if not referee.open and _broken(_formats().get(kind), bare, text, why):
        referee.note(NoteKind.BY_LINES, "", "the lines of both sides together do not make a whole that can be read")
        return _Answer(None, referee, why)
    return _Answer(wrapping.around(text), referee, why)


def _by_parts(kind: Kind, texts: _Texts, referee: Referee) -> str:
    if kind is Kind.TEXT:
        return merge_lines(*texts, referee)
    if sum(len(text or "") for text in texts) > 3 * SIZE_MAX:
        raise Unfit(f"it is larger than {SIZE_MAX:,} characters")
    if kind is Kind.MARKDOWN:
        from directional_sync.core.merge.markdown import merge_markdown

        return merge_markdown(*texts, referee)
    return merge_keyed(_formats()[kind], *texts, referee)


def _formats() -> dict[Kind, Format]:
    from directional_sync.core.merge import json_document, toml_document, yaml_document

    return {
        Kind.JSON: Format(json_document.read, json_document.COMMENT, json_document.sound),
        Kind.YAML: Format(yaml_document.read, yaml_document.COMMENT, yaml_document.sound),
        Kind.TOML: Format(toml_document.read, toml_document.COMMENT, toml_document.sound),
    }


def _broken(form: Format | None, texts: _Texts, text: str, why: Unfit) -> bool:
    """Whether a clean merge by lines is none: it means something else than it should, or nothing, although both sides
    mean something."""
    if form is None:
        return False
    if isinstance(why, Unwritten):
        try:
            return why.clashed or form.read(text).root.data != why.data
        except Unfit:
            return True
    return form.sound(texts[1]) and form.sound(texts[2]) and not form.sound(text)


def _whole(kind: Kind, base: bytes | None, repo: bytes, remote: bytes, referee: Referee, chosen: Choices) -> Merged:
    """Two contents that exclude each other."""
    told = [None if one is None else _told(one) for one in (base, repo, remote)]
    choice = referee.clash(WHOLE, Place.FILE, *told)
    return _finished(kind, remote if choice is Choice.REMOTE else repo, referee, chosen)


def _told(content: bytes) -> str:
    if is_binary(content):
        return f"{len(content):,} bytes, sha256 {hashlib.sha256(content).hexdigest()}"
    return content.decode("utf-8")


def _finished(kind: Kind, content: bytes, referee: Referee, chosen: Choices) -> Merged:
    known = {clash.id for clash in (*referee.open, *referee.settled)}
    for name in sorted(set(chosen) - known):
        referee.note(NoteKind.CHOICE_UNUSED, name, "there is no such clash")
    return Merged(
        kind=kind,
        content=None if referee.open else content,
        partial=content,
        clashes=tuple(referee.open),
        settled=tuple(referee.settled),
        notes=tuple(referee.notes),
    )
