"""The catalogue document: a JSON object that names skills, their versions and their files with sha256.

Nothing in it is believed before it is checked, and every mistake in it is told at once, with its JSON path. A document
with a single mistake is taken for no catalogue at all: it is made by a program, and one that writes `../` into one path
is not to be trusted with the others.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.parse import urljoin, urlsplit

from directional_sync.core import names, skills
from directional_sync.core.escape import one_line

FORMAT = 1
BYTES_MAX = 8_000_000
SKILLS_MAX = 5_000
FILES_MAX = 2_000
"""Of one skill."""
FILE_BYTES_MAX = 100_000_000
_VERSION_LENGTH_MAX = 100
_URL_LENGTH_MAX = 2_000
_DEPTH_MAX = 40
_SHA256 = re.compile(r"[0-9a-f]{64}")
_MISTAKES_MAX = 1_000

_CATALOGUE = {"format": True, "skills": True, "$schema": False, "name": False, "description": False}
_SKILL = {"name": True, "version": True, "files": True, "description": False}
_FILE = {"path": True, "sha256": True, "size": True, "executable": False, "url": False}
"""Key -> whether it must be there. Keys that begin with `x-` are for others and are not looked at."""


@dataclass(frozen=True, slots=True)
class File:
    """One file of a skill, as the document promises it."""

    path: str
    """In the skill's folder."""
    sha256: str
    size: int
    """In bytes."""
    executable: bool = False
    url: str = ""
    """Where it is, where that is not beside the document under the skill's name and its path."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One skill of the document."""

    name: str
    version: str
    files: tuple[File, ...]
    """Sorted by path."""
    description: str = ""

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)

    @property
    def digest(self) -> str:
        """sha256 over what would be installed: paths, contents, modes. 64 hexadecimal digits."""
        lines = [f"{file.sha256} {int(file.executable)} {file.path}\n" for file in self.files]
        return sha256("".join(lines).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Mistake:
    path: str
    """JSON path: `$.skills[3].files[0].path`."""
    message: str
    code: str = "E-CATALOGUE"

    def __str__(self) -> str:
        code = f" ({self.code})" if self.code != "E-CATALOGUE" else ""
        return f"{self.path}: {self.message}{code}"


class BadDocument(ValueError):
    """It is not a catalogue."""

    def __init__(self, mistakes: list[Mistake]) -> None:
        super().__init__(str(mistakes[0]))
        self.mistakes = tuple(mistakes)


class UnknownFormat(ValueError):
    """A format that this program does not read. `args[0]` says which, fit for a line."""


def read(value: Any, *, place: str = "", hosts: Collection[str] = ()) -> tuple[Listed, ...]:
    """The skills that the parsed JSON `value` names, sorted by name. `place`: the URL of the document, "" when it is a
    file, which may not point anywhere else; `hosts`: other hosts that files may come from. Raises BadDocument with
    every mistake, UnknownFormat."""
    reader = _Reader(place, hosts)
    if isinstance(value, dict) and value.get("format") != FORMAT and isinstance(value.get("format"), int | str):
        raise UnknownFormat(one_line(repr(value["format"]), 60))
    found = tuple(reader.catalogue(value))
    if reader.mistakes:
        raise BadDocument(reader.mistakes)
    return tuple(sorted(found, key=lambda skill: skill.name))


class _Reader:
    def __init__(self, place: str, hosts: Collection[str]) -> None:
        self._place = place
        self._hosts = {host.lower() for host in hosts}
        self.mistakes: list[Mistake] = []

    def wrong(self, path: str, message: str, code: str = "E-CATALOGUE") -> None:
        if len(self.mistakes) < _MISTAKES_MAX:
            self.mistakes.append(Mistake(path, message, code))

    def catalogue(self, value: Any) -> Iterator[Listed]:
        if not self._object(value, "$", _CATALOGUE):
            return
        if "format" in value and not (type(value["format"]) is int and value["format"] == FORMAT):
            self.wrong("$.format", f"must be the number {FORMAT}")
        listed = self._list(value.get("skills"), "$.skills", SKILLS_MAX) if "skills" in value else []
        first: dict[str, int] = {}
        for index, item in enumerate(listed):
            at = f"$.skills[{index}]"
            skill = self._skill(item, at)
            name = item.get("name") if isinstance(item, dict) else None
            if isinstance(name, str) and first.setdefault(name, index) != index:
                self.wrong(f"{at}.name", f"{_quoted(name)} is there twice, first as $.skills[{first[name]}]")
            elif skill is not None:
                yield skill

    def _skill(self, value: Any, at: str) -> Listed | None:
        if not self._object(value, at, _SKILL):
            return None
        name, version = value.get("name"), value.get("version")
        why = skills.name_mistake(name) if isinstance(name, str) else "must be text"
        if why and "name" in value:
            self.wrong(f"{at}.name", f"{_quoted(name)} is no name of a skill: {why}" if isinstance(name, str) else why)
        if "version" in value and not _line(version, _VERSION_LENGTH_MAX):
            self.wrong(f"{at}.version", f"must be text on one line, 1 to {_VERSION_LENGTH_MAX} characters")
        if "description" in value and not isinstance(value["description"], str):
            self.wrong(f"{at}.description", "must be text")
        if "files" not in value:
            return None
        files = [
            file
            for index, item in enumerate(self._list(value["files"], f"{at}.files", FILES_MAX))
            if (file := self._file(item, f"{at}.files[{index}]", str(name))) is not None
        ]
        self._together(value["files"], f"{at}.files")
        ordered = tuple(sorted(files, key=lambda file: file.path))
        return Listed(str(name), str(version), ordered, str(value.get("description", "")))

    def _file(self, value: Any, at: str, skill: str) -> File | None:
        before = len(self.mistakes)
        if not self._object(value, at, _FILE):
            return None
        path, digest, size = value.get("path"), value.get("sha256"), value.get("size")
        if "path" in value:
            self._path(path, f"{at}.path")
        if "sha256" in value and not (isinstance(digest, str) and _SHA256.fullmatch(digest)):
            self.wrong(f"{at}.sha256", "must be 64 small hexadecimal digits")
        if "size" in value and not (type(size) is int and 0 <= size <= FILE_BYTES_MAX):
            self.wrong(f"{at}.size", f"must be a whole number of bytes, 0 to {FILE_BYTES_MAX:,}")
        if "executable" in value and not isinstance(value["executable"], bool):
            self.wrong(f"{at}.executable", "must be true or false")
        url = self._url(value["url"], f"{at}.url") if "url" in value else ""
        if len(self.mistakes) > before:
            return None
        return File(str(path), str(digest), int(str(size)), bool(value.get("executable", False)), url)

    def _path(self, path: Any, at: str) -> None:
        if not isinstance(path, str):
            self.wrong(at, "must be text")
            return
        # What merely makes trouble on Windows is pointed out by the gate over names.
        if path.count("/") > _DEPTH_MAX:
            self.wrong(at, f"{_quoted(path)} lies more than {_DEPTH_MAX} folders deep")
        for code in names.path_codes(path):
            if code != "E-NAME-WINDOWS":
                self.wrong(at, f"{_quoted(path)} is a name {names.WHAT[code]}", code)

    def _url(self, url: Any, at: str) -> str:
        if not self._place:
            self.wrong(at, "a catalogue in a repository or folder holds its files itself")
            return ""
        if not _line(url, _URL_LENGTH_MAX) or " " in url or not url.isascii():
            self.wrong(at, "must be an address in ASCII, without spaces")
            return ""
        try:
            there, here = urlsplit(urljoin(self._place, url)), urlsplit(self._place)
            _ = there.port
        except ValueError:
            self.wrong(at, "cannot be read as an address")
            return ""
        host = there.netloc.lower()
        if there.scheme not in ("http", "https") or (here.scheme == "https" and there.scheme != "https"):
            self.wrong(at, f"must be {'https' if here.scheme == 'https' else 'http or https'}")
        elif "@" in host:
            self.wrong(at, "must not hold a user name or password", "E-URL-CREDENTIALS")
        elif host != here.netloc.lower() and host not in self._hosts:
            self.wrong(at, f"points to {_quoted(host)}, which is not among the `hosts` of the target")
        return str(there.geturl())

    def _together(self, files: Any, at: str) -> None:
        """Paths that are one file with another where letter case does not count, or lie in one that is a file."""
        paths = {
            index: item["path"]
            for index, item in enumerate(files if isinstance(files, list) else ())
            if isinstance(item, dict) and isinstance(item.get("path"), str) and item["path"].count("/") <= _DEPTH_MAX
        }
        first: dict[str, int] = {}
        for index, path in paths.items():
            other = first.setdefault(names.fold(path), index)
            if other != index:
                same = f"{_quoted(path)} is one file with {at}[{other}] where letter case does not count"
                self.wrong(f"{at}[{index}].path", same, "E-NAME-COLLISION")
        for index, path in paths.items():
            folder = path
            while folder := folder.rpartition("/")[0]:
                other = first.get(names.fold(folder), index)
                if other != index:
                    message = f"{_quoted(path)} lies in {at}[{other}], which is a file"
                    self.wrong(f"{at}[{index}].path", message, "E-NAME-COLLISION")
        if isinstance(files, list) and skills.FILE not in paths.values():
            self.wrong(at, f"has no {skills.FILE}, so it is no skill")

    def _object(self, value: Any, at: str, keys: dict[str, bool]) -> bool:
        if not isinstance(value, dict):
            self.wrong(at, f"must be an object, not {_kind(value)}")
            return False
        for key in value:
            if key not in keys and not key.startswith("x-"):
                self.wrong(at, f"the key {_quoted(key)} is not known in format {FORMAT}")
        for key, needed in keys.items():
            if needed and key not in value:
                self.wrong(at, f"the key '{key}' is missing")
        return True

    def _list(self, value: Any, at: str, most: int) -> list[Any]:
        if not isinstance(value, list):
            self.wrong(at, f"must be a list, not {_kind(value)}")
            return []
        if len(value) > most:
            self.wrong(at, f"has {len(value):,} entries, at most {most:,} are taken")
            return []
        return value


def _line(value: Any, most: int) -> bool:
    return isinstance(value, str) and 0 < len(value) <= most and one_line(value) == value


def _quoted(text: str) -> str:
    return f"'{one_line(text, 80)}'"


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    kinds: dict[type[Any], str] = {
        bool: "true or false",
        int: "a number",
        float: "a number",
        str: "text",
        list: "a list",
    }
    return kinds.get(type(value), "an object")
