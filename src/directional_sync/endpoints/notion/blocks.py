"""What a page holds when it is made: a checklist, and text as blocks.

A page is made in one request, so that it is there whole or not at all. Notion takes 100 blocks on one level and 1,000
in all; longer content is folded into toggles of up to 100 blocks each.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from directional_sync.endpoints.notion.values import RUN_MAX, RUNS_MAX, runs

LEVEL_MAX = 100
BLOCKS_MAX = 900
"""With the toggles around them they are below what Notion takes."""

Block = dict[str, Any]

_LINE = re.compile(
    r"(?P<heading>#{1,6}) +(?P<title>.+)|[ \t]*[-*+] \[(?P<tick>[ xX])\] +(?P<todo>.+)|[ \t]*[-*+] +(?P<bullet>.+)"
    r"|[ \t]*\d+[.)] +(?P<number>.+)|(?P<rule>-{3,}|\*{3,}|_{3,})\s*\Z"
)
_FENCE = re.compile(r"[ \t]*(?P<mark>`{3,}|~{3,})")
_TEXTS = ("text", "title", "name", "label", "task", "item", "step")
_TICKS = ("done", "checked", "completed")


class BadContent(ValueError):
    """Content that cannot become blocks; its text says why."""


def checklist(items: Any) -> list[Block]:
    """To-do blocks. `items`: a list of texts, or of mappings with a text (`text`, `title`, `name`, `label`, `task`,
    `item` or `step`) and perhaps `done`; None for none. Raises BadContent."""
    if items is None:
        return []
    if not isinstance(items, list):
        raise BadContent("a checklist is a list")
    return [_todo(*_item(item, number)) for number, item in enumerate(items, 1)]


def _item(item: Any, number: int) -> tuple[str, bool]:
    done: Any = False
    if isinstance(item, Mapping):
        done = next((item[name] for name in _TICKS if name in item), False)
        item = next((item[name] for name in _TEXTS if name in item), None)
    if isinstance(item, bool) or not isinstance(item, str | int | float) or not str(item).strip():
        raise BadContent(f"entry {number} of the checklist has no text")
    if not isinstance(done, bool):
        raise BadContent(f"entry {number} of the checklist is neither done (true) nor not (false)")
    return str(item).strip(), done


def body(text: str) -> list[Block]:
    """Blocks of Markdown, line by line: headings, lists, tasks, code and rules; all else is paragraphs, as written.
    Raises BadContent."""
    blocks: list[Block] = []
    lines = iter(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"))
    paragraph: list[str] = []

    def end() -> None:
        if paragraph:
            blocks.append(_block("paragraph", "\n".join(paragraph)))
            paragraph.clear()

    for line in lines:
        fence, found = _FENCE.match(line), _LINE.match(line)
        if fence:
            end()
            code = []
            for inside in lines:
                if inside.strip().startswith(fence["mark"]) and not inside.strip().strip(fence["mark"][0]):
                    break
                code.append(inside)
            blocks.append(_block("code", "\n".join(code), language="plain text"))
        elif found:
            end()
            blocks.append(_of_line(found))
        elif line.strip():
            paragraph.append(line.strip())
        else:
            end()
    end()
    return blocks


def _of_line(found: re.Match[str]) -> Block:
    if found["heading"]:
        return _block(f"heading_{min(3, len(found['heading']))}", found["title"].strip().rstrip("#").rstrip())
    if found["todo"]:
        return _todo(found["todo"].strip(), found["tick"] != " ")
    if found["rule"]:
        return {"object": "block", "type": "divider", "divider": {}}
    kind = "bulleted_list_item" if found["bullet"] else "numbered_list_item"
    return _block(kind, (found["bullet"] or found["number"]).strip())


def _todo(text: str, done: bool) -> Block:
    return _block("to_do", text, checked=done)


def _block(kind: str, text: str, **more: Any) -> Block:
    found = runs(text)
    if len(found) > RUNS_MAX:
        raise BadContent(f"one block has more than the {RUN_MAX * RUNS_MAX:,} characters that Notion takes")
    return {"object": "block", "type": kind, kind: {"rich_text": found, **more}}


def folded(blocks: list[Block]) -> list[Block]:
    """The same on levels that are not longer than Notion takes. Raises BadContent when there are too many."""
    if len(blocks) > BLOCKS_MAX:
        raise BadContent(f"the page would have {len(blocks)} blocks, and at most {BLOCKS_MAX} are made at once")
    if len(blocks) <= LEVEL_MAX:
        return blocks
    return [
        {
            "object": "block",
            "type": "toggle",
            "toggle": {
                "rich_text": runs(f"{start + 1} to {min(start + LEVEL_MAX, len(blocks))}"),
                "children": blocks[start : start + LEVEL_MAX],
            },
        }
        for start in range(0, len(blocks), LEVEL_MAX)
    ]
