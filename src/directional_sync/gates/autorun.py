"""Names that tools run, or take orders from, as soon as they find them.

A source that delivers such a file gets its code run the next time somebody opens an editor, starts the tests,
builds or enters the folder. That can be wanted, so these names are pointed out and not refused.

What is run only by whoever starts a build tool in its very folder counts where everybody does that: at the root of
the repository. Below, nobody runs it unasked, and nearly every vendored package has one (a `setup.py`, a `Makefile`):
among a thousand of those nobody would see the one `conftest.py` or `.envrc` that is run wherever it lies.
"""

from __future__ import annotations

_AT_THE_ROOT = frozenset(
    {
        # build tools, installers and CI that run what the folder they are started in says
        *("setup.py", "noxfile.py", "makefile", "gnumakefile", "justfile", ".justfile", "rakefile", "cmakelists.txt"),
        *("build.rs", "binding.gyp", "gruntfile.js", "gulpfile.js", ".pnpmfile.cjs", "gradlew", "mvnw"),
        *("build.gradle", "build.gradle.kts", "lefthook.yml", "jenkinsfile"),
    }
)
_ANYWHERE = frozenset(
    {
        # Python: imported by the interpreter, the test runner or the debugger
        *("conftest.py", "sitecustomize.py", "usercustomize.py", ".pdbrc"),
        # shells, editors and debuggers, on entering the folder or opening a file
        *(".envrc", ".autoenv", ".bashrc", ".bash_profile", ".profile", ".zshrc", ".zshenv", ".mise.toml", "mise.toml"),
        *(".vimrc", ".exrc", ".nvimrc", ".nvim.lua", ".dir-locals.el", ".gdbinit", ".lldbinit"),
        # orders to assistants, and the programs they start
        *("claude.md", "agents.md", "gemini.md", ".cursorrules", ".windsurfrules", ".mcp.json"),
        *("desktop.ini", "autorun.inf"),
    }
)
_ENDINGS = (".pth", ".desktop", ".lnk", ".scf", ".code-workspace")
_FOLDERS = ("/.vscode/", "/.idea/", "/.devcontainer/", "/.husky/", "/.githooks/", "/.claude/", "/.cursor/", "/.zed/")


def runs_unasked(key: str) -> bool:
    """Whether a tool would run or obey the file at `key`."""
    folded = key.lower()
    if folded in _AT_THE_ROOT or folded.rpartition("/")[2] in _ANYWHERE or folded.endswith(_ENDINGS):
        return True
    return (folded.startswith(".") or "/." in folded) and any(folder in f"/{folded}" for folder in _FOLDERS)
