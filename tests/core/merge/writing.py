"""Writers of documents in several layouts, with comments; and edits and a merge of plain data to measure against."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Data = Any
Path = tuple[str, ...]
DROPPED = object()
"""In a table of edits and in a merge: the key is gone."""
UNKNOWN = object()
"""The plain merge does not say."""


@dataclass(frozen=True)
class Layout:
    indent: str = "  "
    compact: bool = False
    comments: Mapping[Path, str] = field(default_factory=dict)
    """A comment before a key, by its path."""
    tails: Mapping[Path, str] = field(default_factory=dict)
    """A comment in the line of a key with a scalar."""


def write_json(data: Data, layout: Layout) -> str:
    return _json(data, layout, (), "") + "\n"


def _json(data: Data, layout: Layout, path: Path, indent: str) -> str:
    if not isinstance(data, (dict, list)) or not data:
        return json.dumps(data, ensure_ascii=False)
    brackets = "{}" if isinstance(data, dict) else "[]"
    items = list(data.items()) if isinstance(data, dict) else [(str(at), one) for at, one in enumerate(data)]
    if layout.compact or (isinstance(data, list) and not any(isinstance(one, (dict, list)) for one in data)):
        inner = [_json(one, layout, (*path, key), indent) for key, one in items]
        if isinstance(data, dict):
            inner = [f"{json.dumps(key)}: {one}" for (key, _), one in zip(items, inner, strict=True)]
        return brackets[0] + ", ".join(inner) + brackets[1]
    deeper = indent + layout.indent
    lines = []
    for at, (key, one) in enumerate(items):
        here = (*path, key)
        if here in layout.comments:
            lines.append(f"{deeper}// {layout.comments[here]}")
        written = _json(one, layout, here, deeper)
        named = f"{json.dumps(key)}: {written}" if isinstance(data, dict) else written
        tail = f" // {layout.tails[here]}" if here in layout.tails else ""
        lines.append(deeper + named + ("," if at < len(items) - 1 else "") + tail)
    return brackets[0] + "\n" + "\n".join(lines) + "\n" + indent + brackets[1]


def write_yaml(data: Data, layout: Layout) -> str:
    return "\n".join(_yaml(data, layout, (), "")) + "\n" if data else "{}\n"


def _yaml(data: Data, layout: Layout, path: Path, indent: str) -> list[str]:
    lines: list[str] = []
    items = list(data.items()) if isinstance(data, dict) else [(str(at), one) for at, one in enumerate(data)]
    for key, one in items:
        here = (*path, key)
        if here in layout.comments:
            lines.append(f"{indent}# {layout.comments[here]}")
        lead = f"{indent}{key}:" if isinstance(data, dict) else f"{indent}-"
        tail = f"  # {layout.tails[here]}" if here in layout.tails else ""
        flow = isinstance(one, list) and not any(isinstance(x, (dict, list)) for x in one)
        if not isinstance(one, (dict, list)) or not one or (flow and layout.compact):
            lines.append(f"{lead} {_json(one, Layout(compact=True), (), '')}{tail}")
        elif isinstance(data, dict):
            deeper = indent + (layout.indent if isinstance(one, dict) or layout.indent == "    " else "")
            lines += [lead + tail, *_yaml(one, layout, here, deeper)]
        else:
            inner = _yaml(one, Layout("  ", layout.compact), here, indent + "  ")
            lines += [f"{lead} {inner[0].strip()}{tail}", *inner[1:]]
    return lines


def write_toml(data: Data, layout: Layout) -> str:
    return "\n".join(_toml(data, layout, ())) + "\n"


def _toml(data: Data, layout: Layout, path: Path) -> list[str]:
    lines: list[str] = []
    tables = {key: one for key, one in data.items() if isinstance(one, dict)}
    rows = {key: one for key, one in data.items() if isinstance(one, list) and any(isinstance(x, dict) for x in one)}
    for key, one in data.items():
        here = (*path, key)
        if key in tables or key in rows:
            continue
        if here in layout.comments:
            lines.append(f"# {layout.comments[here]}")
        tail = f"  # {layout.tails[here]}" if here in layout.tails else ""
        lines.append(f"{key} = {json.dumps(one)}{tail}")
    for key, one in tables.items():
        here = (*path, key)
        lines += ["", *([f"# {layout.comments[here]}"] if here in layout.comments else [])]
        lines += [f"[{'.'.join(here)}]", *_toml(one, layout, here)]
    for key, some in rows.items():
        for one in some:
            lines += ["", f"[[{'.'.join((*path, key))}]]"]
            lines += [f"{name} = {json.dumps(value)}" for name, value in one.items()]
    return lines


# ---- edits


def edited(data: Data, rng: random.Random, count: int, *, lists: bool = True) -> Data:
    """`data` after `count` edits somewhere in it."""
    copy = json.loads(json.dumps(data))
    for _ in range(count):
        _edit(copy, rng, lists)
    return copy


def _edit(data: Any, rng: random.Random, lists: bool) -> None:
    here = data
    while True:
        inside = [key for key, one in here.items() if isinstance(one, dict) and one]
        if inside and rng.random() < 0.7:
            here = here[rng.choice(inside)]
            continue
        break
    key = rng.choice(list(here)) if here else None
    kind = rng.randrange(5)
    if key is None or kind == 0:
        place = rng.randrange(len(here) + 1)
        items = list(here.items())
        name = f"new{rng.randrange(4)}"
        if name not in here:
            items.insert(place, (name, rng.choice([1, "v", True, {"in": rng.randrange(3)}, [1, 2]])))
            here.clear()
            here.update(items)
    elif kind == 1:
        del here[key]
    elif lists and isinstance(here[key], list):
        _edit_list(here[key], rng)
    elif not isinstance(here[key], (dict, list)):
        here[key] = rng.choice([rng.randrange(5), "text", f"s{rng.randrange(9)}", False, "with # and // in it"])


def _edit_list(items: list[Any], rng: random.Random) -> None:
    at = rng.randrange(len(items) + 1)
    kind = rng.randrange(3)
    named = any(isinstance(one, dict) for one in items)
    if kind == 0 or at == len(items):
        items.insert(at, {"name": f"n{rng.randrange(6)}", "v": 1} if named else f"i{rng.randrange(50)}")
    elif kind == 1:
        del items[at]
    elif isinstance(items[at], dict):
        items[at]["v"] = rng.randrange(5)
    else:
        items[at] = f"j{rng.randrange(50)}"


# ---- a merge of plain data


def plain_merge(base: Data, repo: Data, remote: Data, at: Path, clashes: dict[Path, tuple[Any, Any, Any]]) -> Data:
    """What a merge of maps must come to, written down as short as can be; an edit beats a deletion."""
    if same(repo, remote) or same(base, remote):
        return repo
    if same(base, repo):
        return remote
    if repo is DROPPED or remote is DROPPED:
        kept = remote if repo is DROPPED else repo
        # TOML writes such lists item by item, so that those which nobody changed are gone.
        return UNKNOWN if isinstance(kept, list) and any(isinstance(one, dict) for one in kept) else kept
    if isinstance(repo, dict) and isinstance(remote, dict):
        old = base if isinstance(base, dict) else {}
        found = {}
        for key in [*repo, *(key for key in remote if key not in repo)]:
            sides = [side.get(key, DROPPED) for side in (old, repo, remote)]
            value = plain_merge(*sides, (*at, key), clashes)
            if value is not DROPPED:
                found[key] = value
        return found
    if isinstance(repo, list) and isinstance(remote, list):
        return UNKNOWN
    clashes[at] = (base, repo, remote)
    return repo


def same(one: Any, other: Any) -> bool:
    if one is DROPPED or other is DROPPED:
        return one is other
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def agrees(found: Any, expected: Any) -> bool:
    """Whether `found` is what is expected, as far as that is known."""
    if expected is UNKNOWN:
        return isinstance(found, list)
    if isinstance(expected, dict):
        return (
            isinstance(found, dict)
            and found.keys() == expected.keys()
            and all(agrees(found[key], expected[key]) for key in expected)
        )
    return same(found, expected)
