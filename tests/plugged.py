"""Packages by third parties with endpoints, installed for a test as pip would leave them."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib.metadata import PathDistribution
from pathlib import Path
from textwrap import dedent

import pytest

from directional_sync import plugins
from directional_sync.system import distributions

HEAD = """
    import sys, threading, time
    from directional_sync.endpoints.base import Capabilities, Options
    from directional_sync.model.snapshot import FILE, Entry, Snapshot

    API = 1


    class AcmeOptions(Options):
        colour: str = "red"
        tags: tuple[str, ...] = ()


    OPTIONS = AcmeOptions


    class Acme:
        capabilities = Capabilities()

        def __init__(self, context):
            self.context = context

        def snapshot(self, prior):
            content = self.context.target.options.colour.encode()
            return Snapshot({"out/acme.txt": Entry(self.context.objects.write_blob(content), FILE)})

        def apply(self, changes):
            return iter(())

        def close(self):
            pass


    def open(context):
        return Acme(context)
    """
"""The whole module of a plugin that works: a pull of one file that holds what the option `colour` says."""


class Site:
    """A folder of installed packages that is on the path."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        folder.mkdir()
        monkeypatch.syspath_prepend(str(folder))
        self.again()

    def install(self, package: str, code: str, *, endpoint: str = "acme", version: str = "1.0", more: str = "") -> str:
        """A package with one module of the same name; answers its sha256. `code`: the module; `more`: put at its end,
        where a definition goes before an earlier one."""
        module = package.replace("-", "_")
        files = {
            f"{module}.py": dedent(code) + dedent(more),
            f"{module}-{version}.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n",
            f"{module}-{version}.dist-info/entry_points.txt": f"[{plugins.GROUP}]\n{endpoint} = {module}\n",
        }
        self.write(files)
        record = f"{module}-{version}.dist-info/RECORD"
        self.write({record: "".join(f"{name},,\n" for name in (*files, record))})
        self.again()
        return self.digest(package, version)

    def write(self, files: Mapping[str, str]) -> None:
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def digest(self, package: str, version: str = "1.0") -> str:
        folder = self.folder / f"{package.replace('-', '_')}-{version}.dist-info"
        return distributions.digest(PathDistribution(folder))

    def again(self) -> None:
        """As in a new process: nothing is loaded, and nothing of what is installed is remembered."""
        plugins._third_parties.cache_clear()
        plugins.allow({})
        for name in [name for name in sys.modules if name.startswith(("acme", "evil"))]:
            del sys.modules[name]
