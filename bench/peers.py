"""What is measured side by side: each brings the same upstreams to the same commits, first and again."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from clock import ENVIRONMENT, parallel, quiet

BRANCH = "18.0"
Url = Callable[[str], str]


class Peer:
    """One tool and its folder. `first` starts from nothing, `again` from what there is."""

    label = ""
    commits = False
    """Whether a run ends with the content committed in one repository."""

    def __init__(self, folder: Path, names: Sequence[str], url: Url) -> None:
        self.folder, self.names, self.url = folder, names, url
        self.reset()

    def reset(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)

    def first(self) -> None: ...

    def again(self) -> None: ...


class PlainGit(Peer):
    label = "plain git, 16 at a time"

    def first(self) -> None:
        clone = ("git", "clone", "-q", "--depth", "1", "-b", BRANCH)
        parallel([(*clone, self.url(name), name) for name in self.names], self.folder)

    def again(self) -> None:
        script = f"git -C $0 fetch -q --depth 1 origin {BRANCH} && git -C $0 reset -q --hard FETCH_HEAD"
        parallel([("sh", "-c", script, name) for name in self.names], self.folder)


class Dsync(Peer):
    label = "dsync"
    commits = True
    program = str(Path(sys.executable).with_name("dsync"))

    def reset(self) -> None:
        super().reset()
        config = (
            'version: "1.0"\ntargets:\n  oca:\n    direction: pull\n    remote:\n      type: git\n'
            f'      url: "{self.url("{name}")}"\n      ref: "{BRANCH}"\n      names: [{", ".join(self.names)}]\n'
            '      into: "addons/{name}"\n    outputs: ["addons/**"]\n'
        )
        (self.folder / "sync.yaml").write_text(config)
        quiet(["git", "init", "-q", "-b", "main"], self.folder)
        quiet(["git", "add", "sync.yaml"], self.folder)
        quiet(["git", "commit", "-q", "-m", "Start"], self.folder)

    def first(self) -> None:
        quiet([self.program, "run", "-q"], self.folder)

    again = first


class Aggregator(Peer):
    label = "git-aggregator -j 16"
    program = ""

    def reset(self) -> None:
        super().reset()
        lines = []
        for name in self.names:
            lines += [f"./{name}:", "  defaults: {depth: 1}", f"  remotes: {{origin: '{self.url(name)}'}}"]
            lines += [f"  target: origin {BRANCH}", f"  merges: [origin {BRANCH}]"]
        (self.folder / "repos.yaml").write_text("\n".join(lines) + "\n")

    def first(self) -> None:
        quiet([self.program, "-c", "repos.yaml", "-j", "16"], self.folder)

    again = first


class Vcs(Peer):
    label = "vcs2l -w 16"
    program = ""

    def reset(self) -> None:
        super().reset()
        lines = [f"  {name}: {{type: git, url: '{self.url(name)}', version: '{BRANCH}'}}" for name in self.names]
        (self.folder / "repos.yaml").write_text("\n".join(["repositories:", *lines]) + "\n")

    def first(self) -> None:
        quiet([self.program, "import", "--input", "repos.yaml", "--shallow", "-w", "16", "."], self.folder)

    def again(self) -> None:
        quiet([self.program, "pull", "-w", "16", "."], self.folder)


class MyRepos(Peer):
    label = "myrepos -j16"

    def reset(self) -> None:
        super().reset()
        lines = []
        for name in self.names:
            lines += [f"[{name}]", f"checkout = git clone -q --depth 1 -b {BRANCH} {self.url(name)} {name}", ""]
        (self.folder / ".mrconfig").write_text("\n".join(lines))

    def _mr(self, action: str) -> None:
        quiet(["mr", "--trust-all", "-c", ".mrconfig", "-d", ".", "-j16", "-q", action], self.folder)

    def first(self) -> None:
        self._mr("checkout")

    def again(self) -> None:
        self._mr("update")


class VendorStep:
    """What those that keep clones still owe: the content copied into one repository, added and committed."""

    def __init__(self, folder: Path, clones: Path) -> None:
        self.folder, self.clones = folder, clones
        self.reset()

    def reset(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        quiet(["git", "init", "-q", "-b", "main"], self.folder)
        quiet(["git", "commit", "-q", "--allow-empty", "-m", "Start"], self.folder)

    def run(self) -> None:
        copy = f"rm -rf addons && cp -R '{self.clones}' addons && rm -rf addons/*/.git"
        if shutil.which("rsync"):  # leaves what is the same alone
            copy = f"rsync -a --delete --exclude=.git '{self.clones}/' addons"
        add = "git add -A -f addons && (git diff --cached --quiet || git commit -q -m Vendor)"
        quiet(["sh", "-c", f"{copy} && {add}"], self.folder)


def found(venv: Path) -> tuple[list[type[Peer]], list[str]]:
    """The peers that can be measured here, plain git first, and a sentence for each that cannot."""
    peers: list[type[Peer]] = [PlainGit, Dsync]
    skipped = []
    for peer, package, program in ((Aggregator, "git-aggregator", "gitaggregate"), (Vcs, "vcs2l", "vcs")):
        peer.program = str(venv / "bin" / program)
        if not Path(peer.program).exists():
            _install(venv, package)
        if Path(peer.program).exists():
            peers.append(peer)
        else:
            skipped.append(f"{package} was skipped: it could not be installed from the package index")
    if shutil.which("mr"):
        peers.append(MyRepos)
    else:
        skipped.append("myrepos was skipped: there is no `mr` on PATH (Debian: apt install myrepos)")
    return peers, skipped


def _install(venv: Path, package: str) -> None:
    if not (venv / "bin" / "python").exists():
        subprocess.run([sys.executable, "-m", "venv", str(venv)], env=ENVIRONMENT, check=False, capture_output=True)
    pip = [str(venv / "bin" / "python"), "-m", "pip", "install", "--quiet", package]
    subprocess.run(pip, env=ENVIRONMENT, check=False, capture_output=True)
