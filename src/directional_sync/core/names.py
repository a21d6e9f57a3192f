"""Which names are harmless wherever they are checked out: on file systems that fold case, drop dots, cut off streams or
ignore invisible characters.

A source chooses its names freely, and some names are attacks: they reach git's own folder, they climb out of the tree,
or two of them are one file on somebody else's machine. Each kind has its own code.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from directional_sync.core.escape import hidden

COMPONENT_BYTES_MAX = 255
PATH_BYTES_MAX = 4096
MERE_TROUBLE = frozenset({"E-NAME-WINDOWS", "E-NAME-HIDDEN", "E-NAME-AUTORUN"})
"""What is pointed out and not refused."""

_IGNORED_BY_HFS = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")
_GIT_SHORT = re.compile(r"git~[0-9]+")
_DRIVE = re.compile(r"[A-Za-z]:(?:/|$)")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
_WINDOWS_CHARACTERS = re.compile('[<>:"|?*]')
_WINDOWS_DEVICES = re.compile(r"(?i)(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)(?: *\..*| *:.*)?")
_PLAIN = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_-])?")
"""Names that need no closer look but at Windows' devices."""

WHAT = {
    "E-NAME-GIT": "that would reach git's own folder",
    "E-NAME-DOTS": "that would climb out of the folder",
    "E-NAME-ABSOLUTE": "from the root of a file system",
    "E-NAME-BACKSLASH": "with a backslash, which separates folders on Windows",
    "E-NAME-EMPTY": "with an empty part",
    "E-NAME-CONTROL": "with control characters",
    "E-NAME-LONG": f"longer than {COMPONENT_BYTES_MAX} bytes in a part or {PATH_BYTES_MAX} altogether",
    "E-NAME-COLLISION": "that would be one file with another name where letter case or accents do not count",
    "E-NAME-MODE": "with a mode that no file should have",
    "E-GITLINK": "standing for a commit of another repository",
    "E-NAME-WINDOWS": "that cannot exist on Windows",
    "E-NAME-HIDDEN": "with characters that cannot be seen or are not UTF-8",
    "E-NAME-AUTORUN": "of a file that tools run without being asked",
}
"""Code -> what is wrong with such a name, after "a name"."""


def path_codes(path: str) -> tuple[str, ...]:
    """What is wrong with a whole path, parts parted by slashes; () when nothing is. Each code once."""
    found = [code for part in path.split("/") for code in (part_codes(part) if part else ("E-NAME-EMPTY",))]
    return tuple(dict.fromkeys([*whole_codes(path, found)]))


def whole_codes(path: str, found: list[str]) -> list[str]:
    """`found`, the codes of the parts of `path`, corrected by what only the whole path tells."""
    if path.startswith("/") or _DRIVE.match(path):
        found = ["E-NAME-ABSOLUTE", *(code for code in found if code not in ("E-NAME-EMPTY", "E-NAME-WINDOWS"))]
    if len(path) > PATH_BYTES_MAX // 4 and _size(path) > PATH_BYTES_MAX:
        found = [*found, "E-NAME-LONG"]
    return found


def part_codes(part: str) -> Iterator[str]:
    """What is wrong with one name, without slashes."""
    if _PLAIN.fullmatch(part) and len(part) <= COMPONENT_BYTES_MAX:
        if _WINDOWS_DEVICES.fullmatch(part):
            yield "E-NAME-WINDOWS"
        return
    if reaches_git(part):
        yield "E-NAME-GIT"
    if not _IGNORED_BY_HFS.sub("", part).strip(". "):
        yield "E-NAME-DOTS"
    if _CONTROL.search(part):
        yield "E-NAME-CONTROL"
    elif hidden(part):
        yield "E-NAME-HIDDEN"
    if "\\" in part:
        yield "E-NAME-BACKSLASH"
    if _size(part) > COMPONENT_BYTES_MAX:
        yield "E-NAME-LONG"
    if part[-1] in ". " or _WINDOWS_CHARACTERS.search(part) or _WINDOWS_DEVICES.fullmatch(part):
        yield "E-NAME-WINDOWS"


def reaches_git(part: str) -> bool:
    """Whether some file system takes this name for `.git`: Windows cuts dots, blanks and streams (`:...`) off and
    knows `git~1`, macOS ignores letter case and some invisible characters."""
    for name in re.split(r"[\\:]", _IGNORED_BY_HFS.sub("", part)):
        folded = unicodedata.normalize("NFKC", name).casefold().rstrip(". ")
        if folded == ".git" or _GIT_SHORT.fullmatch(folded):
            return True
    return False


def fold(key: str) -> str:
    """The same text for all keys that are one file where letter case, accents' encoding and some invisible
    characters do not count."""
    if key.isascii():
        return key.lower()
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", _IGNORED_BY_HFS.sub("", key)).casefold())


def _size(text: str) -> int:
    try:
        return len(text.encode("utf-8", "surrogateescape"))
    except UnicodeEncodeError:
        return len(text.encode("utf-8", "surrogatepass"))
