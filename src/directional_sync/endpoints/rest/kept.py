"""What a service answered, under the tag (ETag) that it gave it: so that next time it need not send it again.

What is kept is what was taken of the answer, not the answer: parts that are dropped may hold secrets, and never get
here. An answer is kept for one URL, one credential and one recipe; under any other it is asked for anew. The folder is
disposable, its files are for their owner only, and what is not exactly as it was written is not there.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from directional_sync import __version__
from directional_sync.endpoints.rest.items import Item, Order, Recipe
from directional_sync.endpoints.rest.pages import Taken
from directional_sync.endpoints.rest.shape import End, How, Style
from directional_sync.errors import HostError
from directional_sync.system import host

_OTHERS = 0o077
_BYTES_MAX = 256_000_000
_COST = {"n": 4096, "r": 8, "p": 1}
_DECIMAL = 2
"""The kind of order that numbers have."""


@dataclass(frozen=True)
class Known:
    """What was taken of an answer."""

    tag: str
    how: How
    page: Taken


class Answers:
    """The kept answers of one target. A folder that cannot be used is as one that is empty."""

    def __init__(self, folder: Path, recipe: Recipe, credential: str) -> None:
        self._folder = folder
        self._recipe = repr(recipe)
        self._credential = credential
        self._account = ""
        self._used: set[str] = set()

    def __repr__(self) -> str:
        return "Answers()"

    def recall(self, url: str) -> Known | None:
        """What was taken of the last answer from `url`."""
        if not self._folder.is_dir():  # most services send no tags, and whose answers they are takes a while to say
            return None
        path = self._path(url)
        try:
            with path.open("rb") as file:
                about = os.fstat(file.fileno())
                if about.st_uid != os.geteuid() or about.st_mode & _OTHERS or about.st_size > _BYTES_MAX:
                    return None
                seal, _, content = file.read().partition(b"\n")
            return _read(json.loads(content)) if seal == _seal(content) else None
        except (OSError, ValueError, KeyError, TypeError, AttributeError, ArithmeticError):
            return None

    def keep(self, url: str, known: Known) -> None:
        content = json.dumps(_written(known), separators=(",", ":")).encode()
        with contextlib.suppress(HostError, OSError):
            host.atomic_write(self._path(url), _seal(content) + b"\n" + content)

    def tidy(self) -> None:
        """Removes what was not asked for since this was made: pages of a list that has become shorter."""
        with contextlib.suppress(OSError):
            for path in self._folder.iterdir():
                if path.name not in self._used:
                    path.unlink()

    def _path(self, url: str) -> Path:
        said = "\0".join([__version__, "GET", url, self._of_whom(), self._recipe])
        name = hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()
        self._used.add(name)
        return self._folder / name

    def _of_whom(self) -> str:
        """Whose answers they are, in a form from which the credential cannot be guessed."""
        if self._credential and not self._account:
            secret = self._credential.encode("utf-8", "surrogatepass")
            self._account = hashlib.scrypt(secret, salt=b"directional-sync answers", dklen=16, **_COST).hex()
        return self._account


def _seal(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()


def _written(known: Known) -> dict[str, Any]:
    page = known.page
    items = [[item.key, [_plain(part) for part in item.order], item.content.decode()] for item in page.items]
    about = {"end": page.end, "to": page.to, "total": page.total, "whole": page.whole, "items": items}
    return {"tag": known.tag, "how": asdict(known.how), "page": about}


def _plain(part: tuple[int, Any]) -> list[Any]:
    return [part[0], str(part[1]) if part[0] == _DECIMAL else part[1]]


def _read(data: dict[str, Any]) -> Known:
    about, how = data["page"], data["how"]
    items = tuple(Item(key, _order(order), content.encode()) for key, order, content in about["items"])
    page = Taken(items, End(about["end"]), about["to"], about["total"], about["whole"])
    paths = {name: None if how[name] is None else tuple(how[name]) for name in ("total", "next", "more", "after")}
    said = How(Style(how["style"]), tuple(how["items"]), total_header=how["total_header"], param=how["param"], **paths)
    return Known(data["tag"], said, page)


def _order(parts: Sequence[Sequence[Any]]) -> Order:
    return tuple((kind, Decimal(value) if kind == _DECIMAL else value) for kind, value in parts)
