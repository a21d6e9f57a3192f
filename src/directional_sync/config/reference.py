"""The reference page of the file, made from its models: every key, its type, its meaning."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from directional_sync.config.schema import json_schema

_INTRO = """# The file

<!-- Made from the models in config/schema*.py. -->

One YAML file names the flows of a repository. It is looked for at `--config`, else at `$DIRECTIONAL_SYNC_CONFIG`,
else in `.insightpulse/sync.yaml`, else in `sync.yaml`, and read by the rules of YAML 1.2. Unknown keys, keys that
are written twice and values of another type are mistakes; all of them are shown at once (`dsync validate`). For
completion in an editor begin the file with `# yaml-language-server: $schema=./sync.schema.json`; `dsync schema`
prints that file.

## Variables

`$NAME`, `${NAME}` and `${NAME:-default}` in values are replaced by variables of the environment; `$$` is a dollar. A
variable that is set to nothing counts as not set. One that is not set and has no default fails the target that
refers to it, with exit status 4, while other targets run; outside of targets it is a mistake of the file. Not
replaced are shell commands (the shell does that, with the variables that the target may see), `secret_patterns`,
`git_commit_message`, `description` and all of `notify`, which names variables and holds none of their values.

`.env` at the root of the repository sets variables for one machine. It is read when git ignores it; a tracked one
is an error. What the environment sets wins.

## Durations, sizes, limits

Durations are `30s`, `5m`, `1h30m`, `2d`, or a number of seconds. Sizes are `500kB`, `100MB`, `1GiB`, or a number of
bytes. A limit is a count (`50`), a share (`10%`) or both (`"10% or 50"`, the stricter holds).

## Globs

`*` and `?` stay within one name, `[abc]` is one character, `**` as a whole name stands for any number of folders.
Hidden names are like others, and letter case counts. A glob without any of these names a file, or a folder with all
it holds. Globs are relative to the repository root and never leave it. What steers git, CI and this program
(`.github/workflows`, `.github/actions`, `.gitmodules`, the file itself, its lock and `approved.yaml`,
`scripts/sync_directional.py`)
is written by people only, unless `safety.allow_protected` names it.
"""

_SECTIONS = (
    ("Top level", "", ""),
    ("`defaults`", "DefaultsPart", ""),
    ("`targets.<name>`", "TargetPart", "DefaultsPart"),
    ("`targets.<name>.verification`", "VerificationPart", ""),
    ("`targets.<name>.policy`, `defaults.policy`", "PolicyPart", ""),
    ("`concurrency`", "ConcurrencyPart", ""),
    ("`deliver`", "DeliverPart", ""),
    ("`deliver.api`", "ApiPart", ""),
    ("`safety`", "SafetyPart", ""),
    ("`safety.pre_sync_checks[]`, `safety.post_sync_checks[]`", "CheckPart", ""),
    ("`safety.drift_gates[]`", "DriftGatePart", ""),
    ("`safety.allowed_secrets[]`", "AllowedPart", ""),
    ("`notify`", "NotifyPart", ""),
    ("`notify.channels.<name>`", "ChannelPart", ""),
    ("`notify.pings.<name>`", "PingPart", ""),
    ("`notify.silences[]`", "SilencePart", ""),
)


def page() -> str:
    """The whole page, Markdown."""
    schema = json_schema()
    lines = [_INTRO]
    for title, name, shared in _SECTIONS:
        part = schema["$defs"][name] if name else schema
        lines += [f"## {title}", "", *_about(part)]
        known = schema["$defs"][shared]["properties"] if shared else {}
        lines += _table({key: value for key, value in part["properties"].items() if key not in known}, part, schema)
        if known:
            lines += ["", f"And every key of `defaults`: {', '.join(f'`{key}`' for key in known)}."]
        lines.append("")
    lines += ["## `targets.<name>.remote`", "", "The far side. `type` says which endpoint it is.", ""]
    for shape in schema["$defs"]["TargetPart"]["properties"]["remote"]["oneOf"]:
        kind = shape["properties"]["type"]
        lines += [f"### `type: {kind['const']}`", "", kind["description"], ""]
        options = {key: value for key, value in shape["properties"].items() if key != "type"}
        lines += [*_table(options, shape, schema), ""] if options else []
        for key, part in _inside(options, schema):
            lines += [f"#### `{key}`", "", *_about(part), *_table(part["properties"], part, schema), ""]
    return "\n".join(lines).rstrip() + "\n"


def _inside(options: dict[str, Any], schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The options that have keys of their own, and those of these."""
    for key, value in options.items():
        for name in _names(value):
            part = schema["$defs"].get(name, {})
            if "properties" in part:
                yield key, part
                yield from _inside(part["properties"], schema)


def _names(value: dict[str, Any]) -> Iterator[str]:
    """Names of the mappings that a value may be, or hold as items or values."""
    yield str(value.get("$ref", "")).rpartition("/")[2]
    for inner in (value.get("items"), value.get("additionalProperties"), *value.get("anyOf", ())):
        if isinstance(inner, dict):
            yield from _names(inner)


def _about(part: dict[str, Any]) -> list[str]:
    return [part["description"], ""] if part.get("description") else []


def _table(properties: dict[str, Any], part: dict[str, Any], schema: dict[str, Any]) -> Iterator[str]:
    yield "| key | value | meaning |"
    yield "|---|---|---|"
    for key, value in properties.items():
        needed = " (required)" if key in part.get("required", ()) else ""
        text = str(value.get("description", "")).replace("|", "\\|")
        default = value.get("default")
        if default not in (None, "", [], False) and not isinstance(default, dict) and "Default" not in text:
            text += f" Default: {json.dumps(default)}."
        yield f"| `{key}`{needed} | {_kind(value, schema)} | {text} |"


def _kind(value: dict[str, Any], schema: dict[str, Any]) -> str:
    if "$ref" in value:
        name = value["$ref"].rpartition("/")[2]
        target = schema["$defs"][name]
        return " / ".join(f"`{item}`" for item in target["enum"]) if "enum" in target else "mapping"
    if "enum" in value:
        return " / ".join(f"`{json.dumps(item)}`" for item in value["enum"])
    if "anyOf" in value:
        kinds = [_kind(item, schema) for item in value["anyOf"] if item.get("type") != "null"]
        return "number" if set(kinds) == {"whole number", "number"} else " or ".join(dict.fromkeys(kinds))
    words = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false"}
    given = value.get("type", "anything")
    kind = given[0] if isinstance(given, list) else str(given)
    if kind == "array":
        return f"list of {_kind(value.get('items', {}), schema)}"
    return words.get(kind, "mapping" if kind == "object" else kind)
