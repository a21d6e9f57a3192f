"""Names that tools run, or take orders from, as soon as they find them.

A source that delivers such a file gets its code run the next time somebody opens an editor, starts the tests,
builds or enters the folder. That can be wanted, as a vendored package has its `setup.py`; so these names are
pointed out and not refused.
"""

from __future__ import annotations

_NAMES = frozenset(
    {
        # Python: imported by the interpreter, the test runner, the installer or the debugger
        *("conftest.py", "sitecustomize.py", "usercustomize.py", "setup.py", "noxfile.py", ".pdbrc"),
        # build tools that run what the folder says
        *("makefile", "gnumakefile", "justfile", ".justfile", "rakefile", "cmakelists.txt", "build.rs", "binding.gyp"),
        *("gruntfile.js", "gulpfile.js", ".pnpmfile.cjs", "gradlew", "mvnw", "build.gradle", "build.gradle.kts"),
        # shells, editors and debuggers, on entering the folder or opening a file
        *(".envrc", ".autoenv", ".bashrc", ".bash_profile", ".profile", ".zshrc", ".zshenv", ".mise.toml", "mise.toml"),
        *(".vimrc", ".exrc", ".nvimrc", ".nvim.lua", ".dir-locals.el", ".gdbinit", ".lldbinit"),
        # hooks and CI
        *("lefthook.yml", "jenkinsfile"),
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
    if folded.rpartition("/")[2] in _NAMES or folded.endswith(_ENDINGS):
        return True
    return (folded.startswith(".") or "/." in folded) and any(folder in f"/{folded}" for folder in _FOLDERS)
