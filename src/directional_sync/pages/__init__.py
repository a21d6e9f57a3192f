"""The pages behind the error codes: the same text in `dsync explain CODE` and in the reference."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib import resources


@dataclass(frozen=True, slots=True)
class Page:
    code: str
    text: str
    """Markdown, without the heading."""
    room: str
    """The file it is in: what the code is about."""


@cache
def pages() -> dict[str, Page]:
    """Code -> page, sorted by code."""
    return {page.code: page for page in written()}


def written() -> list[Page]:
    """Every page in every file, sorted by code."""
    files = [file for file in resources.files(__name__).iterdir() if file.name.endswith(".md")]
    rooms = [parse(file.read_text(encoding="utf-8"), file.name.removesuffix(".md")) for file in files]
    return sorted((page for room in rooms for page in room), key=lambda page: (page.code, page.room))


def parse(text: str, room: str) -> list[Page]:
    """The pages in one file: `## E-CODE`, then text up to the next heading."""
    parts = re.split(r"^## +(E-[A-Z0-9-]+)[ \t]*$", text, flags=re.MULTILINE)
    return [Page(code, body.strip(), room) for code, body in zip(parts[1::2], parts[2::2], strict=True)]


def near(wanted: str) -> list[str]:
    """Up to five codes that look like `wanted`, the nearest first."""
    import difflib

    codes = list(pages())
    name = wanted.upper() if wanted.upper().startswith("E-") else f"E-{wanted.upper()}"
    inside = [code for code in codes if name[2:] and name[2:] in code]
    close = difflib.get_close_matches(name, codes, n=5, cutoff=0.6)
    return list(dict.fromkeys([*close, *inside]))[:5]
