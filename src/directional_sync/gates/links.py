"""The gate over symbolic links that a plan would bring into the repository.

A link is followed by whoever reads or writes below it, so a link that leaves its folder is a door: what is
written "under" it lands elsewhere. Policy: a link stays inside the folder that its source fills (the vendored
repository, else the fixed part of the output glob), resolved from where the link stands, without looking at any
file system. `a/../b` is refused as well, because `a` may be a link itself and then `..` is somewhere else. A link
to something that is not there is allowed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from directional_sync.core import globs
from directional_sync.core.escape import one_line
from directional_sync.core.names import fold, reaches_git
from directional_sync.gates.base import Subject
from directional_sync.gates.names import ancestors, held, resulting
from directional_sync.gates.plan import counted, listed, writable
from directional_sync.model.plan import Change
from directional_sync.model.record import Phase, Verdict
from directional_sync.model.snapshot import LINK

_TARGET_BYTES_MAX = 4096
_ABSOLUTE = re.compile(r"[/\\]|[A-Za-z]:")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
_MAGIC = re.compile(r"[*?\[\\]")
_STEERING = frozenset({".gitmodules", ".gitattributes", ".gitignore", ".mailmap"})

_WHAT = {
    "E-LINK-ABSOLUTE": "to an absolute path",
    "E-LINK-ESCAPES": "leading out of the folder that the source fills",
    "E-LINK-TARGET": "with a target that is empty, too long or holds control characters",
    "E-LINK-GIT": "where git reads its own rules, or into git's folder",
    "E-LINK-THROUGH": "that would be written through a link",
    "E-GATE-CONTENT": "that could not be read",
}


@dataclass(frozen=True)
class Links:
    """Links stay inside their folder, and nothing is written through one."""

    name: str = "links"
    phase: Phase = Phase.PLAN

    def judge(self, subject: Subject) -> list[Verdict]:
        changes = [change for change in (subject.plan.repo if subject.plan else ()) if change.after.present]
        links = [change for change in changes if change.after.mode == LINK]
        found: dict[str, list[tuple[str, str]]] = {}
        targets = _read(subject, links)
        for change in links:
            code, said = self._judge_link(subject, change, targets)
            if code:
                found.setdefault(code, []).append((change.key, said))
        if through := _through(subject, changes):
            found["E-LINK-THROUGH"] = [(key, key) for key in through]
        verdicts = [self._verdict(code, found[code]) for code in _WHAT if code in found]
        if links and not verdicts:
            return [Verdict(self.name, self.phase, True, f"{counted(len(links), 'link')}, all inside their folder")]
        return verdicts

    def _judge_link(self, subject: Subject, change: Change, targets: Mapping[str, bytes]) -> tuple[str, str]:
        """(code, what to list), ("", "") when it is fine."""
        content = targets.get(change.after.digest)
        if content is None:
            return "E-GATE-CONTENT", change.key
        target = content.decode("utf-8", "surrogateescape")
        said = f"{change.key} -> {one_line(target, 100)}"
        if fold(change.key.rpartition("/")[2]) in _STEERING:
            return "E-LINK-GIT", said
        return _problem(change.key, target, len(content), fence(subject, change.key)), said

    def _verdict(self, code: str, found: list[tuple[str, str]]) -> Verdict:
        """`found`: the key of each finding, and what to list."""
        one = "path" if code == "E-LINK-THROUGH" else "link"
        message = f"{counted(len(found), one)} {_WHAT[code]}"
        hint = "the source must change it, or leave it out"
        keys, said = zip(*found, strict=True)
        return Verdict(self.name, self.phase, False, message, code, listed(said), hint, keys=keys)


def fence(subject: Subject, key: str) -> str:
    """The folder that a link at `key` must stay in, "" for the whole repository: what its source fills, else the
    fixed part of the output glob that names it."""
    sources = subject.plan.sources if subject.plan else ()
    filled = [source.into for source in sources if source.into and key.startswith(source.into + "/")]
    if filled:
        return max(filled, key=len)
    fixed = [_fixed(glob, key) for glob in writable(subject.target) if globs.matches(key, (glob,))]
    return max(fixed, key=len, default=key.rpartition("/")[0])


def _fixed(glob: str, key: str) -> str:
    parts: list[str] = []
    for part in glob.strip("/").split("/"):
        if _MAGIC.search(part):
            return "/".join(parts)
        parts.append(part)
    folder = "/".join(parts)
    return key.rpartition("/")[0] if folder == key else folder


def _problem(key: str, target: str, size: int, inside: str) -> str:
    """The code of what is wrong with a link's target, "" when nothing is."""
    if not target or size > _TARGET_BYTES_MAX or _CONTROL.search(target):
        return "E-LINK-TARGET"
    if _ABSOLUTE.match(target):
        return "E-LINK-ABSOLUTE"
    at = key.split("/")[:-1]
    least = len(inside.split("/")) if inside else 0
    descended = False
    for part in target.split("/"):
        if part in ("", "."):
            continue
        if "\\" in part or (part != ".." and not part.strip(". ")):
            return "E-LINK-ESCAPES"
        if part != "..":
            if reaches_git(part):
                return "E-LINK-GIT"
            at.append(part)
            descended = True
            continue
        if descended or len(at) <= least:
            return "E-LINK-ESCAPES"
        at.pop()
    return ""


def _through(subject: Subject, changes: list[Change]) -> list[str]:
    """Keys of `changes` that lie below what is, or would be, a link. Letter case does not count."""
    folders = ancestors(change.key for change in changes)
    links = {fold(key) for key, mode in resulting(subject).items() if mode == LINK}
    gone = {change.key for change in subject.plan.repo if not change.after.present} if subject.plan else set()
    replaced = {change.key for change in changes}
    there = held(subject, folders)
    links |= {fold(key) for key, mode in there if mode == LINK and key not in gone and key not in replaced}
    links &= folders.keys()
    return [change.key for change in changes if links and not links.isdisjoint(ancestors([change.key]))]


def _read(subject: Subject, links: list[Change]) -> Mapping[str, bytes]:
    wanted = list(dict.fromkeys(change.after.digest for change in links))
    if not wanted:
        return {}
    try:
        sizes = subject.size_many(wanted)
        fit = [digest for digest in wanted if sizes.get(digest, 0) <= 16 * _TARGET_BYTES_MAX]
        return {**dict.fromkeys(set(wanted).difference(fit), b""), **subject.read_many(fit)}
    except KeyError:
        return {}
