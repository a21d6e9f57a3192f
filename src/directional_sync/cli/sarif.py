"""`--sarif PATH`: what was found, for code scanning and editors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

if TYPE_CHECKING:
    from directional_sync.cli.console import Console
    from directional_sync.render.sarif import Found

_Function = TypeVar("_Function", bound=Callable[..., object])
_PUBLIC_FILE = 0o644


def sarif_option(help: str) -> Callable[[_Function], _Function]:
    return click.option("--sarif", metavar="PATH", help=help)


def write(found: Sequence[Found], path: str, console: Console) -> None:
    """Writes the document whole or leaves the old one, and says where. Raises HostError."""
    import json

    from directional_sync import __version__
    from directional_sync.errors import HostError
    from directional_sync.pages import pages
    from directional_sync.render.sarif import document
    from directional_sync.system import host

    if Path(path).is_dir():
        raise HostError("E-REPORT", f"{path} is a folder, not a file", hint="give a file name: --sarif results.sarif")
    texts = {code: page.text for code, page in pages().items()}
    text = json.dumps(document(found, __version__, texts), indent=2, ensure_ascii=False) + "\n"
    host.atomic_write(Path(path).absolute(), text.encode(), mode=_PUBLIC_FILE)
    console.say(f"sarif: {path}")
