"""Notices in words, and in the form that each kind of receiver reads.

What is told comes from far sides and from names of files. It is made visible (`core.escape`), brought to a line,
shortened, and deprived of what a receiver would act on: mentions that ring phones, links, markup.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from directional_sync.core.notices import Line, Notice
from directional_sync.model.notify import Topic
from directional_sync.render.ink import amount, one_line, shorten
from directional_sync.render.when import parse, span

CHARACTERS_MAX = 2_500
"""Of one message: phones show little more, and Slack and others cut or refuse what is much longer."""
_LINE_MAX = 300
_NAMES_MAX = 10
_NAME_MAX = 64
_REST_MAX = _NAMES_MAX * (_NAME_MAX + 2) + 40
_MENTION = re.compile(r"@(?=[\w*])")
_MARKUP = re.compile(r"([\\`*_{}\[\]()#+\-.!~|<>])")
_WORDS = {
    Topic.FAILED: "FAILING",
    Topic.REFUSED: "REFUSED",
    Topic.CONFLICT: "CONFLICT",
    Topic.APPROVAL: "NEEDS APPROVAL",
    Topic.OVERDUE: "OVERDUE",
    Topic.DRIFTED: "DRIFTED",
    Topic.RECOVERED: "RECOVERED",
    Topic.CHANGED: "CHANGED",
}
_COLOURS = {Topic.RECOVERED: "#2e7d32", Topic.CHANGED: "#1565c0", Topic.FAILED: "#c62828", Topic.REFUSED: "#c62828"}
_WAITING = "#ef6c00"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where news comes from."""

    repository: str
    """The name of its folder."""
    branch: str
    run: str


def title(notice: Notice) -> str:
    """`FAILING  apps_truth`; `FAILING  30 targets, for one cause: github.com`."""
    if notice.test:
        return "TEST  directional-sync can be heard here"
    word = ("STILL " if notice.reminder else "") + _WORDS[notice.topic]
    if len(notice.lines) == 1:
        line = notice.lines[0]
        return f"{word}  {_name(line.target)}{_since(notice, line)}"
    about = f"  ({_foreign(notice.host)})" if notice.host else ""
    return f"{word}  {amount(len(notice.lines), 'target')}{about}"


def body(notice: Notice, origin: Origin) -> list[str]:
    """What is said below the title, within CHARACTERS_MAX together."""
    after = _hints(notice)
    if any(line.last for line in notice.lines):
        names = _names([line.target for line in notice.lines if line.last])
        after.append(f"It goes back and forth: nothing more is said of {names} before a day is over.")
    where = " @ ".join(_foreign(part) for part in (origin.repository, origin.branch) if part)
    after.append(where + (f"   dsync show {origin.run[-8:]}" if origin.run else ""))
    room = CHARACTERS_MAX - sum(len(line) + 1 for line in (title(notice), *after))
    return [*_said(notice, room), *after]


def plain(notice: Notice, origin: Origin) -> str:
    """All of it as text, for mail and whatever shows no markup. No word in it is a mention."""
    return _harmless("\n".join([title(notice), *body(notice, origin)]))


def slack(notice: Notice, origin: Origin) -> dict[str, Any]:
    """For an incoming webhook of Slack. Only plain text blocks: in them no markup, link or mention is read; and the
    text before them, which phones show, is escaped as Slack wants it."""
    brief = _harmless(title(notice)).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    told = _harmless("\n".join(body(notice, origin)))
    return {
        "text": brief,
        "blocks": [
            {"type": "header", "text": _plain_text(_harmless(title(notice))[:150])},
            {"type": "section", "text": _plain_text(told[:3000])},
        ],
        "link_names": False,
        "unfurl_links": False,
        "unfurl_media": False,
    }


def mattermost(notice: Notice, origin: Origin) -> dict[str, Any]:
    """For an incoming webhook of Mattermost."""
    head, told = _harmless(title(notice)), _harmless("\n".join(body(notice, origin)))
    return {
        "attachments": [
            {
                "fallback": head,
                "color": _COLOURS.get(notice.topic, _WAITING),
                "title": _MARKUP.sub(r"\\\1", head),
                "text": _MARKUP.sub(r"\\\1", told),
            }
        ]
    }


def webhook(notice: Notice, origin: Origin, now: str) -> dict[str, Any]:
    """For a service of one's own, in the shape of Standard Webhooks. Text in it is visible and on one line, but not
    escaped for any kind of display."""
    return {
        "type": "dsync.test" if notice.test else f"dsync.{notice.topic}",
        "timestamp": now,
        "data": {
            "topic": str(notice.topic),
            "reminder": notice.reminder,
            "host": notice.host or None,
            "repository": _foreign(origin.repository),
            "branch": _foreign(origin.branch) or None,
            "run": origin.run or None,
            "title": title(notice),
            "targets": [_target(line) for line in notice.lines],
        },
    }


def encoded(value: Any) -> bytes:
    """JSON in which whatever is no valid text has become visible."""
    return json.dumps(value, ensure_ascii=True, separators=(",", ":")).encode()


def _target(line: Line) -> dict[str, Any]:
    return {
        "name": line.target,
        "message": _foreign(line.message),
        "code": line.code or None,
        "hint": _foreign(line.hint),
        "since": line.since or None,
        "until": line.until or None,
        "runs": line.runs,
    }


def _plain_text(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text or "-", "emoji": False}


def _said(notice: Notice, room: int) -> list[str]:
    """What happened: once, where it is the same for all, else for each target, as far as there is room."""
    sentences = [_sentence(line) for line in notice.lines]
    if len(sentences) == 1:
        return sentences
    if len(set(sentences)) == 1:
        return [_names([line.target for line in notice.lines]), sentences[0]]
    told = [f"{_name(line.target)}: {text}" for line, text in zip(notice.lines, sentences, strict=True)]
    fit = len(told)
    if sum(len(line) + 1 for line in told) > room:
        room -= _REST_MAX
        fit = next(n for n in range(len(told)) if sum(len(line) + 1 for line in told[: n + 1]) > room)
    rest = [line.target for line in notice.lines[fit:]]
    return [*told[:fit], *([f"and {len(rest)} more: {_names(rest)}"] if rest else [])]


def _sentence(line: Line) -> str:
    return _foreign(line.message) + (f" ({_foreign(line.code)})" if line.code else "")


def _hints(notice: Notice) -> list[str]:
    hints = dict.fromkeys(_foreign(line.hint) for line in notice.lines if line.hint)
    return [f"next: {hint}" for hint in list(hints)[:1]]


def _since(notice: Notice, line: Line) -> str:
    if notice.topic is Topic.RECOVERED:
        first, last = parse(line.since), parse(line.until)
        took = f"  after {span((last - first).total_seconds())}" if first and last else ""
        return f"{took}, {amount(line.runs, 'run')}" if took else ""
    return f"  (since {line.since[:16].replace('T', ' ')} UTC, {amount(line.runs, 'run')})" if line.runs > 1 else ""


def _names(names: Sequence[str]) -> str:
    shown = ", ".join(map(_name, names[:_NAMES_MAX]))
    return shown + (f" and {len(names) - _NAMES_MAX} more" if len(names) > _NAMES_MAX else "")


def _name(text: str) -> str:
    return shorten(_foreign(text), _NAME_MAX)


def _foreign(text: str) -> str:
    shown = one_line(text)
    return shown if len(shown) <= _LINE_MAX else f"{shown[: _LINE_MAX - 3]}..."


def _harmless(text: str) -> str:
    """Without mentions: what follows an `@` is parted from it by a space that has no width."""
    return _MENTION.sub("@\u200b", text)
