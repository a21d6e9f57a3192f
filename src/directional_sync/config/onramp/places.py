"""Folders, addresses and refs as other tools write them, made ours; or why they cannot be."""

from __future__ import annotations

import re

from directional_sync.config.overlap import covers, inside
from directional_sync.config.rules import PROTECTED
from directional_sync.upstream.addresses import BadAddress, check_ref, way

_FOLDER_MAX = 1_000
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029\ufeff]")
_ELSEWHERE = re.compile(r"[*?\[\]{}\\$]")
_NOT_PORTABLE = re.compile(r"(?i)\.git|git~[0-9]+")
_OURS = (*PROTECTED, ".insightpulse/sync.yaml", ".insightpulse/sync.lock", "sync.yaml", "sync.lock")
_VARIABLE = re.compile(r"\$(?:\$|[A-Za-z_][A-Za-z0-9_]*|\{[A-Za-z_][A-Za-z0-9_]*\})")
_USER = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*://)([^/?#]*)@")
_SHORTENED = re.compile(r"(?=[0-9a-f]*[0-9])[0-9a-f]{7,39}")
_REQUEST = re.compile(r"(?:pull|merge-requests|pull-requests)/[0-9]+/(?:head|merge|from)")


class Unfit(ValueError):
    """A folder, address or ref that cannot be carried over; the message says why, without repeating a secret."""


def folder(base: str, path: str) -> str:
    """`path` as seen from the folder `base`, relative to the root of the repository and normalised. Raises Unfit for
    all that leads out of the repository, is its root, or belongs to git or to this program."""
    if len(path) > _FOLDER_MAX or _CONTROL.search(path):
        raise Unfit("the folder has a name that cannot be written")
    if _ELSEWHERE.search(path):
        raise Unfit("the name of the folder has a character that means something else here: * ? [ ] { } \\ $")
    if path.startswith(("/", "~", "-")) or re.match(r"[A-Za-z]:", path):
        raise Unfit("the folder is not a path relative to this repository")
    parts: list[str] = []
    for part in [*base.split("/"), *path.split("/")]:
        if part == "..":
            if not parts:
                raise Unfit("the folder lies outside of this repository")
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    if not parts:
        raise Unfit("the folder is the root of this repository")
    if any(_NOT_PORTABLE.fullmatch(part.rstrip(". ")) for part in parts):
        raise Unfit("the folder belongs to git")
    found = "/".join(parts)
    if not free(f"{found}/**"):
        raise Unfit("the folder holds what steers this program or CI, which no target may write")
    return found


def free(glob: str) -> bool:
    """Whether a target may write what `glob` names."""
    return not any(inside(glob, taken) or covers(glob, taken) for taken in _OURS)


def address(url: str, *, variables: bool = False) -> tuple[str, bool]:
    """`url` as it is written into our YAML, and whether a user name or a password was taken out of it. `variables`:
    `$NAME` and `${NAME}` refer to the environment; any other dollar is one. Raises Unfit."""
    url = re.sub(r"^git\+(?=(?:https?|ssh|file)://)", "", url)
    kept = _USER.match(url)
    cleaned = url
    if kept:
        user = kept[2].partition(":")[0]
        known = kept[1].lower() == "ssh://" and user and not _VARIABLE.search(user)
        cleaned = kept[1] + (f"{user}@" if known else "") + url[kept.end() :]
    elif "://" not in url and re.match(r"[^/]*:[^/]*@", url):
        raise Unfit("the URL holds a user name and a password in a form that is not taken")
    plain = _VARIABLE.sub("x", cleaned) if variables else cleaned
    if "{" in plain or "}" in plain:
        raise Unfit("the URL has braces, which mean something else here")
    try:
        way(plain)
    except BadAddress as error:
        raise Unfit(str(error)) from None
    return dollars(cleaned, variables=variables), cleaned != url


def ref(name: str, *, variables: bool = False) -> str:
    """The name of a branch, tag or commit as `ref` has it. Raises Unfit."""
    if name in ("", "HEAD"):
        return ""
    if _REQUEST.fullmatch(name):
        name = f"refs/{name}"
    try:
        check_ref(_VARIABLE.sub("x", name) if variables else name)
    except BadAddress:
        raise Unfit("its ref is not the name of a branch, a tag or a commit") from None
    return dollars(name, variables=variables)


def shortened(name: str) -> bool:
    """Whether `name` looks like a commit id that is not written in full."""
    return _SHORTENED.fullmatch(name) is not None


def dollars(text: str, *, variables: bool = False) -> str:
    """`text` with every dollar doubled that does not begin a reference to a variable, as our YAML wants it."""
    if not variables:
        return text.replace("$", "$$")
    parts, at = [], 0
    for found in _VARIABLE.finditer(text):
        parts += [text[at : found.start()].replace("$", "$$"), found.group()]
        at = found.end()
    return "".join(parts) + text[at:].replace("$", "$$")


def variables(text: str) -> list[str]:
    """The references to variables in `text`, as they are written."""
    return [found for found in _VARIABLE.findall(text) if found != "$$"]
