"""A merged tree as text: what the repo has stays byte for byte, what comes from the remote is fitted in.

Nothing is written from data. Every piece is a stretch of one of the documents; what is made here is white space and
commas. So the writing of numbers, quotes and comments is always somebody's own.
"""

from __future__ import annotations

import re

from directional_sync.core.merge import flow
from directional_sync.core.merge.node import Document, Mix, Piece, Shape, Style, Take, Unfit, Value

_LINE_COMMENT = re.compile(r"//|#")


class Renderer:
    """Writes in the layout of one document."""

    def __init__(self, home: Document, comment: re.Pattern[str]) -> None:
        self._home = home
        self._comment = comment

    def document(self, value: Value, before: str, behind: str) -> str:
        """The whole text; `before` and `behind` are what stands around the root."""
        return before + self._value(value, self._home, "", 0) + behind

    def _value(self, value: Value, layout: Document, indent: str, column: int) -> str:
        """`value` for a place in a line of that indentation, or in a block container of that column, of `layout`."""
        if isinstance(value, Take):
            return self._fitted(value, value.document.text[value.node.start : value.node.end], layout, indent, column)
        text = self._flow(value) if value.node.style is Style.FLOW else self._block(value)
        return self._fitted(Take(value.document, value.node, value.item), text, layout, indent, column)

    def _fitted(self, take: Take, text: str, layout: Document, indent: str, column: int) -> str:
        """`text`, which stands where `take` does, for another place."""
        if take.document is layout or "\n" not in text or take.node.style is Style.SECTIONS:
            return text
        start = take.item.start if take.item is not None else take.node.start
        if take.node.style is Style.BLOCK:
            return shifted(text, column - take.document.column(start))
        return reindented(text, take.document.indentation(start), indent, unit(take.document), unit(layout))

    def _frame(self, mix: Mix, indent: str, column: int) -> tuple[str, str]:
        """Head and tail of a container, for the layout of `mix`."""
        head, tail = _frame(mix.head)[0], _frame(mix.tail)[1]
        if mix.tail.document is not mix.document:
            tail = self._fitted(mix.tail, f"\n{tail}", mix.document, indent, column)[1:]
        return head, tail

    # ---- brackets and commas

    def _flow(self, mix: Mix) -> str:
        text, chunks = mix.document.text, mix.document.chunked(mix.node)
        head, tail = self._frame(mix, mix.document.indentation(mix.node.start), 0)
        if not mix.pieces:
            return head.rstrip() + tail.lstrip() if not _LINE_COMMENT.search(head + tail) else head + tail
        leads = [text[chunk.lead : item.start] for chunk, item in zip(chunks, mix.node.items, strict=True)]
        broken = next((lead for lead in reversed(leads) if "\n" in lead), None)
        apart = " " if len(leads) < 2 else leads[-1]
        other = apart if broken is None else "\n" + broken.rpartition("\n")[2]
        indent = broken.rpartition("\n")[2] if broken is not None else mix.document.indentation(mix.node.start)
        last = mix.node.items[-1]
        closing = flow.after(text[last.node.end : chunks[-1].stop], self._comment).comma
        written = [head]
        for at, piece in enumerate(mix.pieces):
            own = piece.holder is mix.node
            if own and (at == 0) == (piece.place == 0):
                lead = leads[piece.place]
            else:
                lead = self._flow_lead(piece, leads[0] if at == 0 else other, indent)
            written.append(lead + self._flow_item(piece, mix.document, indent, at < len(mix.pieces) - 1 or closing))
        return "".join(written) + tail

    def _flow_lead(self, piece: Piece, plain: str, indent: str) -> str:
        """The lead of an item that was not at this place: its comments, in lines of this container."""
        chunk = piece.document.chunked(piece.holder)[piece.place]
        lead = piece.document.text[chunk.lead : piece.item.start]
        said = lead.strip()
        if not said:
            blank = "\n" in lead and "\n" in plain
            return "\n" * lead.count("\n") + indent if blank else " " if plain.strip() else plain
        if "\n" not in lead and not _LINE_COMMENT.match(said):
            return plain.rstrip(" ") + (indent if "\n" in plain else " ") + said + " "
        lines = lead.split("\n")[1:-1] if "\n" in lead else [said]
        return "\n" + "".join(f"{indent}{line.strip()}\n" if line.strip() else "\n" for line in lines) + indent

    def _flow_item(self, piece: Piece, layout: Document, indent: str, comma: bool) -> str:
        text, item = piece.document.text, piece.item
        chunk = piece.document.chunked(piece.holder)[piece.place]
        rest = flow.after(text[item.node.end : chunk.stop], self._comment)
        if piece.value.node.style is not Style.FLOW:
            raise Unfit("lines cannot stand between brackets")
        behind = rest.behind
        if piece.holder.style is not Style.FLOW and not behind.strip():
            behind = ""
        in_block_list = piece.holder.style is Style.BLOCK and piece.holder.shape is Shape.LIST
        key = "" if in_block_list else text[item.start : item.node.start]
        body = key + self._value(piece.value, layout, indent, 0)
        return body + rest.before_comma + ("," if comma else "") + behind

    # ---- lines

    def _block(self, mix: Mix) -> str:
        text, chunks = mix.document.text, mix.document.chunked(mix.node)
        if not chunks:
            raise Unfit("a block would be empty")
        column = mix.document.column(mix.node.items[0].start)
        head, tail = self._frame(mix, "", column)
        if not mix.pieces:
            return _emptied(mix, head) + tail
        first = text[chunks[0].lead : mix.node.items[0].start]
        inline = mix.document.column(chunks[0].lead) != 0
        written = [head]
        for at, piece in enumerate(mix.pieces):
            chunk = piece.document.chunked(piece.holder)[piece.place]
            lead = piece.document.text[chunk.lead : piece.item.start]
            own = piece.holder is mix.node
            if inline and at == 0:
                if lead.strip():
                    raise Unfit("a comment would come before the first key of an item")
                lead = first
            elif inline and own and piece.place == 0:
                lead = " " * column
            elif not own or (inline and piece.place == 0):
                lead = self._block_lead(lead, piece, column, mix.node.style)
            part = lead + self._block_item(piece, mix.document, column)
            written.append(part if part.endswith("\n") else f"{part}\n")
        return "".join(written) + tail

    def _block_lead(self, lead: str, piece: Piece, column: int, style: Style) -> str:
        if style is Style.SECTIONS:
            return lead
        if piece.document.column(piece.document.chunked(piece.holder)[piece.place].lead) != 0:
            return " " * column
        lines = lead.split("\n")[:-1]
        return "".join(f"{' ' * column}{line.strip()}\n" if line.strip() else "\n" for line in lines) + " " * column

    def _block_item(self, piece: Piece, layout: Document, column: int) -> str:
        text, item = piece.document.text, piece.item
        chunk = piece.document.chunked(piece.holder)[piece.place]
        if piece.verbatim:
            whole = text[item.start : chunk.stop]
            if piece.document is layout or piece.holder.style is Style.SECTIONS:
                return whole
            if piece.holder.style is Style.FLOW:
                dash = "- " if piece.holder.shape is Shape.LIST else ""
                return f"{dash}{text[item.start : item.node.end]}\n"
            return shifted(whole, column - piece.document.column(item.start))
        key, trail = text[item.start : item.node.start], text[item.node.end : chunk.stop]
        value = self._value(piece.value, layout, " " * column, column)
        return key + value + trail


def _emptied(mix: Mix, head: str) -> str:
    """A block without items, for which there is no way to write but brackets."""
    brackets = "{}" if mix.node.shape is Shape.MAP else "[]"
    first, line_end, rest = head.partition("\n")
    if mix.node.style is Style.SECTIONS:
        return head
    if mix.item is None:
        return f"{head}{brackets}\n"
    return f" {brackets}{first}{line_end or chr(10)}{rest}"


def _frame(side: Take) -> tuple[str, str]:
    """Head and tail of a container, as written."""
    text, node = side.document.text, side.node
    chunks = side.document.chunked(node)
    if not chunks:
        return text[node.start : node.start + 1], text[node.start + 1 : node.end]
    return text[node.start : chunks[0].lead], text[chunks[-1].stop : node.end]


def shifted(text: str, by: int) -> str:
    """`text` with all lines but the first moved to the right, or to the left as far as there is space."""
    if by == 0:
        return text
    first, *rest = text.split("\n")
    moved = []
    for line in rest:
        if not line.strip():
            moved.append(line)
        elif by > 0:
            moved.append(" " * by + line)
        else:
            moved.append(line[min(-by, len(line) - len(line.lstrip(" "))) :])
    return "\n".join([first, *moved])


def reindented(text: str, was: str, now: str, unit_was: str, unit_now: str) -> str:
    """`text` with all lines but the first indented for another place, in the steps of that place."""
    first, *rest = text.split("\n")
    moved = []
    for line in rest:
        bare = line.lstrip(" \t")
        more = line[: len(line) - len(bare)].removeprefix(was)
        steps = 0
        while unit_was and more.startswith(unit_was):
            more, steps = more[len(unit_was) :], steps + 1
        moved.append(now + unit_now * steps + more + bare if bare else "")
    return "\n".join([first, *moved])


def unit(document: Document) -> str:
    """One step of indentation: that of the first item in a line of its own."""
    node = document.root
    if not node.items:
        return "  "
    inner = document.indentation(node.items[0].start)
    outer = document.indentation(node.start)
    return inner.removeprefix(outer) or "  "
