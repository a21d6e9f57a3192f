"""Which kind a content is of, by its name and by its bytes."""

from __future__ import annotations

from directional_sync.core.merge.values import Kind

_BY_ENDING = {
    "json": Kind.JSON,
    "jsonc": Kind.JSON,
    "code-workspace": Kind.JSON,
    "webmanifest": Kind.JSON,
    "yaml": Kind.YAML,
    "yml": Kind.YAML,
    "toml": Kind.TOML,
    "md": Kind.MARKDOWN,
    "markdown": Kind.MARKDOWN,
}


def is_binary(content: bytes) -> bool:
    """Whether `content` is no text: it has a NUL, or is not UTF-8."""
    if b"\0" in content:
        return True
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return True
    return False


def kind_of(path: str, content: bytes) -> Kind:
    """The kind of the content at `path`, whatever the case of its ending. What has an ending of a format but is none
    is found out when it is merged."""
    if is_binary(content):
        return Kind.BINARY
    name = path.rpartition("/")[2]
    _, dot, ending = name.rpartition(".")
    return _BY_ENDING.get(ending.lower(), Kind.TEXT) if dot else Kind.TEXT
