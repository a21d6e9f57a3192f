"""What of a file could do something by itself: run as a program, be run unasked, or make an agent run something.

Text that only tells an agent what to do is not among it; that is what skills are for. What is: programs and what
carries them, the keys of a skill's frontmatter that hand out rights or are run (`allowed-tools`, `hooks`), commands
that clients run while they load a skill, and orders to fetch something and run it at once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from hashlib import sha256

from directional_sync.core import skills
from directional_sync.model.approval import Ask
from directional_sync.model.snapshot import EXECUTABLE, LINK

CONTENT_BYTES_MAX = 200_000
"""How much of a content an `Ask` keeps for looking at it."""

_PROGRAMS = {
    "Python": ("py", "pyw", "pyc", "pyz", "pth", "ipynb"),
    "shell": ("sh", "bash", "zsh", "fish", "ksh", "csh", "command"),
    "Windows": ("ps1", "psm1", "psd1", "bat", "cmd", "vbs", "vbe", "wsf", "hta", "exe", "dll", "msi", "com", "scr"),
    "JavaScript": ("js", "mjs", "cjs", "ts", "mts", "cts", "jsx", "tsx"),
    "binary": ("so", "dylib", "bin", "elf", "o", "a", "wasm", "class", "node", "app", "appimage", "deb", "rpm", "apk"),
    "script": ("rb", "pl", "pm", "php", "lua", "tcl", "awk", "r", "jl", "scpt", "applescript", "groovy", "kts", "go"),
}
_KINDS = {suffix: kind for kind, suffixes in _PROGRAMS.items() for suffix in suffixes}
_ARCHIVES = frozenset(
    {
        *("zip", "tar", "tgz", "gz", "bz2", "xz", "zst", "7z", "rar", "iso", "dmg", "pkg", "cab"),
        *("jar", "war", "whl", "egg", "gem", "nupkg", "vsix"),
    }
)
_MAGIC = (
    (b"#!", "a program (its first line says by what it is run)"),
    (b"\x7fELF", "a binary program"),
    (b"MZ", "a Windows program"),
    (b"\xcf\xfa\xed\xfe", "a binary program"),
    (b"\xce\xfa\xed\xfe", "a binary program"),
    (b"\xca\xfe\xba\xbe", "a binary program"),
    (b"\0asm", "a binary program"),
    (b"PK\x03\x04", "an archive, in which anything may be"),
    (b"\x1f\x8b", "an archive, in which anything may be"),
)
_MARKDOWN = ("md", "mdx", "mdc", "markdown")
_GRANTING = {"allowed-tools": "rights that an agent gets", "hooks": "commands that a client runs"}
_STARTED = ("command", "args", "env", "url", "headers", "cwd", "envFile")
_COMMAND = re.compile(r"!`[^`\n]+`")
_FETCHER = re.compile(r"\b(?:curl|wget|iwr|irm|invoke-webrequest|invoke-restmethod)\b", re.IGNORECASE)
_RUNNER = re.compile(
    r"\s*(?:sudo\s+(?:-\S+\s+)*)?(?:\S{0,80}/)?"
    r"(?:(?:ba|z|da|k|fi)?sh|python[0-9.]*|node|perl|ruby|php|iex|invoke-expression)\b",
    re.IGNORECASE,
)
_PIPES_MAX = 50
_SUBSTITUTED = re.compile(r"[$<]\(\s*(?:curl|wget)\b")
_GRANTS = re.compile(r"^[\"' ]*(?:allowed-tools|hooks)[\"' ]*:", re.MULTILINE)


def asks(key: str, mode: str, content: bytes, *, unasked: bool = False) -> Iterator[Ask]:
    """What of the file at `key` a person has to approve. `unasked`: tools run such a file, by its name, without being
    asked. The file as a whole, or else some parts of it."""
    if mode == LINK:
        return
    why = _program(key, mode, content, unasked)
    if why:
        yield Ask(key, sha256(content).hexdigest(), why, content[:CONTENT_BYTES_MAX])
        return
    if _suffix(key) in _MARKDOWN:
        yield from _parts(key, content)


def record_asks(key: str, before: bytes, after: bytes) -> Iterator[Ask]:
    """What of a record that goes to the far side a person has to approve: a program that is started there, with what
    it is given, where that is not as it was. `before` is empty where there was none."""
    now, then = _started(after), _started(before)
    if now and now != then:
        text = json.dumps(now, sort_keys=True, ensure_ascii=False, indent=2)
        yield _part(f"{key}#command", text, "a program that is started with somebody's settings, or an address")


def _started(content: bytes) -> dict[str, object]:
    try:
        data = json.loads(content) if content else {}
    except ValueError:
        return {"": content.hex()}
    return {name: data[name] for name in _STARTED if name in data} if isinstance(data, dict) else {}


def _program(key: str, mode: str, content: bytes, unasked: bool) -> str:
    """Why the file as a whole could act, "" when it could not."""
    if mode == EXECUTABLE:
        return "a program (mode 755)"
    for magic, why in _MAGIC:
        if content.startswith(magic):
            return why
    suffix = _suffix(key)
    if suffix in _KINDS:
        kind = _KINDS[suffix]
        return f"a {kind} program"
    if suffix in _ARCHIVES:
        return "an archive, in which anything may be"
    if unasked:
        return "a file that tools run without being asked"
    if "/scripts/" in f"/{key}" and suffix not in _MARKDOWN:
        return "a file among a skill's scripts"
    return ""


def _parts(key: str, content: bytes) -> Iterator[Ask]:
    if len(content) > skills.BYTES_MAX:
        yield Ask(
            key, sha256(content).hexdigest(), "a text that is too long to be looked at", content[:CONTENT_BYTES_MAX]
        )
        return
    text = content.decode("utf-8", "replace")
    if text.lstrip("\ufeff").startswith("---"):
        yield from _granted(key, content, text)
    for part, found, why in (
        ("commands", _COMMAND.findall(text), "commands that a client runs when it loads the text"),
        ("fetch", list(_fetching(text)), "an order to fetch a program and run it"),
    ):
        if found:
            yield _part(f"{key}#{part}", "\n".join(dict.fromkeys(found)), why)


def _granted(key: str, content: bytes, text: str) -> Iterator[Ask]:
    fields = skills.parse(content, "").fields
    for name, why in _GRANTING.items():
        if name in fields:
            yield _part(f"{key}#{name}", json.dumps(fields[name], sort_keys=True, ensure_ascii=False, default=str), why)
    head = text.partition("\n---")[0]
    if not fields and _GRANTS.search(head):  # others may read what is not YAML to us
        yield _part(f"{key}#frontmatter", head, "rights or commands, in a form that is not understood")


def _fetching(text: str) -> Iterator[str]:
    """The lines in which what was fetched is run at once."""
    for line in text.replace("\\\n", " ").split("\n"):
        first, *others = line.split("|", _PIPES_MAX)
        while others:
            if _FETCHER.search(first) and any(_RUNNER.match(other) for other in others):
                yield line.strip()
                break
            first, *others = others
        else:
            if _SUBSTITUTED.search(line):
                yield line.strip()


def _part(key: str, text: str, why: str) -> Ask:
    content = text.encode("utf-8", "replace")
    return Ask(key, sha256(content).hexdigest(), why, content[:CONTENT_BYTES_MAX])


def _suffix(key: str) -> str:
    name = key.rpartition("/")[2].lower().rstrip(". ")
    return name.rpartition(".")[2] if "." in name else ""
