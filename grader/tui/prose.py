"""Markdown as banks and lessons write it, laid out for a width: inline code, lists, tables, numbered code."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from textual.content import Content
from textual.css.styles import RulesMap
from textual.strip import Strip
from textual.style import Style
from textual.visual import RenderOptions, Visual

from grader.text.render import Look

_INLINE = re.compile(r"`([^`]+)`|\*\*(.+?)\*\*|(?<![\w*])\*([^\s*][^*]*?)\*(?![\w*])|\[([^\]]+)\]\([^)]+\)")
_STYLES = ("bold $text-accent", "bold", "italic", "underline")
_ITEM = re.compile(r"( *)([-*]|\d+[.)]) +(.*)")
_HEADING = re.compile(r"#+ +(.*)")
_NARROWEST = 6


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, heading, item, table or block of code."""

    kind: str
    lines: tuple[str, ...]
    indent: int = 0
    marker: str = ""


@dataclass(frozen=True, slots=True)
class _Laid:
    width: int
    content: Content
    height: int
    headings: tuple[tuple[str, int], ...]


class Prose(Visual):
    """A Markdown text that any static widget can show."""

    def __init__(self, text: str, look: Look) -> None:
        self._blocks = tuple(blocks(plain(text, look)))
        self._look = look
        self._laid: _Laid | None = None

    def __str__(self) -> str:
        return "\n\n".join(line.plain for block in self._blocks for line in broken(block, 1000, self._look))

    def headings(self, width: int) -> tuple[tuple[str, int], ...]:
        """Return each heading with the line it stands in."""
        return self._lay(width).headings

    def render_strips(
        self, width: int, height: int | None, style: Style, options: RenderOptions
    ) -> list[Strip]:
        """Render the lines for a width."""
        return self._lay(width).content.render_strips(width, height, style, options)

    def get_optimal_width(self, rules: RulesMap, container_width: int) -> int:
        """Take all the width there is."""
        return container_width

    def get_height(self, rules: RulesMap, width: int) -> int:
        """Count the lines for a width."""
        return self._lay(width).height

    def _lay(self, width: int) -> _Laid:
        if self._laid is None or self._laid.width != width:
            lines: list[Content] = []
            headings: list[tuple[str, int]] = []
            for place, block in enumerate(self._blocks):
                is_list = block.kind == "item" and place and self._blocks[place - 1].kind == "item"
                if lines and not is_list:
                    lines.append(Content())
                if block.kind == "heading":
                    headings.append((block.lines[0], len(lines)))
                lines += broken(block, max(width, 10), self._look)
            self._laid = _Laid(width, Content("\n").join(lines), len(lines), tuple(headings))
        return self._laid


def plain(text: str, look: Look) -> str:
    """Replace what the console cannot carry by its nearest stand-in."""
    return text if look.unicode else text.encode("ascii", "dojo").decode("ascii")


def inline(text: str) -> Content:
    """Return one run of text with its code, emphasis and links styled."""
    parts: list[Content | str | tuple[str, str]] = []
    done = 0
    for found in _INLINE.finditer(text):
        group = found.lastindex or 1
        parts += [text[done : found.start()], (found[group], _STYLES[group - 1])]
        done = found.end()
    return Content.assemble(*parts, text[done:])


def blocks(text: str) -> Iterator[Block]:
    """Cut a text into its blocks."""
    lines = text.rstrip().splitlines()
    place = 0
    while place < len(lines):
        line = lines[place]
        end = place + 1
        if not line.strip():
            pass
        elif line.lstrip().startswith("```"):
            while end < len(lines) and not lines[end].lstrip().startswith("```"):
                end += 1
            yield Block("code", tuple(lines[place + 1 : end]), marker=line.strip("` "))
            end += 1
        elif found := _HEADING.match(line):
            yield Block("heading", (found[1],))
        elif line.startswith("|"):
            while end < len(lines) and lines[end].startswith("|"):
                end += 1
            yield Block("table", tuple(lines[place:end]))
        else:
            item = _ITEM.match(line)
            while end < len(lines) and _goes_on(lines[end]):
                end += 1
            prose = " ".join(part.strip() for part in lines[place:end])
            if item:
                yield Block("item", (prose[len(item[2]) :].strip(),), len(item[1]), item[2])
            else:
                yield Block("prose", (prose,))
        place = end


def broken(block: Block, width: int, look: Look) -> list[Content]:
    """Break one block into lines of a width."""
    match block.kind:
        case "code":
            return code_lines(block.lines, width)
        case "table":
            return table_lines(block.lines, width, look)
        case "heading":
            return [line.stylize("bold underline") for line in inline(block.lines[0]).wrap(width)]
        case "item":
            sign = ("•" if look.unicode else "-") if block.marker in "-*" else block.marker
            start = " " * block.indent + sign + " "
            lines = inline(block.lines[0]).wrap(max(width - len(start), _NARROWEST))
            return [Content(start) + lines[0], *(line.pad_left(len(start)) for line in lines[1:])]
    return inline(block.lines[0]).wrap(width)


def code_lines(lines: Sequence[str], width: int) -> list[Content]:
    """Return lines of code behind their numbers; what is too long goes on below, further in."""
    wide = len(str(len(lines)))
    laid: list[Content] = []
    for number, line in enumerate(lines, 1):
        inset = wide + 2
        room = max(width - inset, _NARROWEST)
        first, rest = _cut(line, room)
        laid.append(Content.assemble((f"{number:>{wide}}  ", "dim"), Content(first)))
        while rest:
            first, rest = _cut(rest.lstrip(), max(room - 8, _NARROWEST))
            laid.append(Content(first).pad_left(inset + 8))
    return laid


def table_lines(rows: Sequence[str], width: int, look: Look) -> list[Content]:
    """Return a table with its columns aligned, cells broken where it is wider than the screen."""
    cells = [[inline(cell.strip()) for cell in _cells(row)] for row in rows if not _is_rule(row)]
    count = max(map(len, cells))
    cells = [[*row, *[Content()] * (count - len(row))] for row in cells]
    wide = [max(row[column].cell_length for row in cells) for column in range(count)]
    while sum(wide) + 2 * (count - 1) > width and max(wide) > _NARROWEST:
        wide[wide.index(max(wide))] -= 1
    lines: list[Content] = []
    for row in cells:
        split = [cell.wrap(room) if cell else [Content()] for cell, room in zip(row, wide, strict=True)]
        for turn in range(max(map(len, split))):
            parts = [part[turn] if turn < len(part) else Content() for part in split]
            padded = [part.pad_right(room - part.cell_length) for part, room in zip(parts, wide, strict=True)]
            lines.append(Content("  ").join(padded).rstrip())
        if row is cells[0]:
            lines = [line.stylize("bold") for line in lines]
            lines.append(
                Content(("─" if look.unicode else "-") * (sum(wide) + 2 * (count - 1))).stylize("dim")
            )
    return lines


def _cut(line: str, room: int) -> tuple[str, str]:
    """Cut a line of code that is too long, behind a blank where there is one past its indentation."""
    if len(line) <= room:
        return line, ""
    blank = line.rfind(" ", 0, room + 1)
    end = blank if line[: max(blank, 0)].strip() else room
    return line[:end], line[end:]


def _goes_on(line: str) -> bool:
    """Whether a line continues the paragraph or item above it."""
    begins = (
        _ITEM.match(line) or _HEADING.match(line) or line.startswith("|") or line.lstrip().startswith("```")
    )
    return bool(line.strip()) and not begins


def _cells(row: str) -> list[str]:
    return re.split(r"(?<!\\)\|", row.strip().strip("|").replace("<br>", "; "))


def _is_rule(row: str) -> bool:
    return not row.strip("|-: ")
