"""Where lines know better than keys what two edits come to.

For keys, a key that one side renamed while the other changed what it holds is a deletion against an edit, and items
without names that became more on one side and fewer on the other are a riddle. For lines both are plain: they know what
stayed in its place. But lines that are alike can be taken for one another, and then an edit ends up in the wrong map
without anybody seeing it. So their answer counts only where it is in doubt by keys, and must be the same everywhere
else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from directional_sync.core.merge.node import Document, Node, Shape, token


@dataclass(frozen=True)
class Doubts:
    """The places that are in doubt by keys."""

    kept: set[str]
    """Keys that one side deleted and the other changed."""
    lists: set[str]
    """Lists that clash as a whole."""
    united: set[str]
    """Maps and lists that are new on both sides, and not the same."""


def know_better(
    base: Document, repo: Document, remote: Document, intended: Any, written: Document, doubts: Doubts, where: str
) -> bool:
    """Whether what lines made of it is to be taken, instead of what keys `intended`."""
    path = repo.path
    if _torn(repo.root, remote.root, written.root) or _torn(remote.root, repo.root, written.root):
        return False
    if not _agree(base.root.data, intended, written.root.data, where, doubts, path):
        return False
    old, mine, other, found = (_items(one.root) for one in (base, repo, remote, written))
    for item, count in found.items():
        if item not in old and item not in mine and item not in other:
            if doubts.lists:
                return False  # an item that nobody wrote: an edit may have met the wrong one
        elif count > max(old[item], mine[item], other[item], mine[item] + other[item] - old[item]):
            return False  # the same would stand twice that both sides have once
    return True


def _agree(base: Any, intended: Any, found: Any, where: str, doubts: Doubts, path: Callable[[str, str], str]) -> bool:
    if found == intended or where in doubts.lists or where in doubts.united:
        return True
    if not all(isinstance(one, dict) for one in (base, intended, found)):
        return False
    if found.keys() - intended.keys():
        return False
    for key, value in intended.items():
        here = path(where, key)
        if key not in base:
            if key not in found:
                return False  # what it holds may have been changed under its old name
        elif key not in found:
            if here not in doubts.kept:
                return False
        elif not _agree(base[key], value, found[key], here, doubts, path):
            return False
    return True


def _torn(here: Node, there: Node, found: Node) -> bool:
    """Whether of a map that is written flat and was deleted `there` as a whole, something is missing and something
    stands: lines do not see that a table below it is part of it."""
    left = {group for item in there.items for group in item.under}
    stands = {group for item in found.items for group in item.under}
    others, ours = ({item.key: item.node for item in node.items} for node in (there, found))
    for item in here.items:
        if item.key in others and item.key in ours:
            inside = (item.node, others[item.key], ours[item.key])
            if all(node.shape is Shape.MAP for node in inside) and _torn(*inside):
                return True
        elif item.key not in others and item.key not in ours:
            gone = next((group for group in item.under if group not in left), None)
            if gone in stands:
                return True
    return False


def _items(root: Node) -> Counter[str]:
    """How often each thing stands in a list."""
    found: Counter[str] = Counter()
    inside = [root]
    while inside:
        node = inside.pop()
        inside += [item.node for item in node.items]
        if node.shape is Shape.LIST:
            found.update(token(item.node.data) for item in node.items)
    return found
