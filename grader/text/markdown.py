"""Markdown as plain text that fits a terminal: lessons and questions, without a pager or colour."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator

_ITEM = re.compile(r"^(\s*)([*+-]|\d+[.)])\s+")
_LINK = re.compile(r"!?\[([^\]]+)\]\(([^)\s]+)[^)]*\)")
_BOLD = re.compile(r"\*\*([^*]+)\*\*|__([^_]+)__")
_HEADING = re.compile(r"^(#{1,6})\s+(.*?)\s*#*$")
_LINES = {1: "=", 2: "-"}


def plain(text: str, width: int) -> list[str]:
    """Return Markdown as lines: prose is wrapped, code and tables keep their layout."""
    return [line for block in _blocks(text) for line in _shown(block, width)]


def _blocks(text: str) -> Iterator[list[str]]:
    """Group lines: a fence, a table, an item, a heading, a paragraph, a blank line."""
    block: list[str] = []
    fence = ""
    for line in text.splitlines():
        mark = re.match(r"^\s*(`{3,}|~{3,})", line)
        if fence:
            block.append(line)
            if mark and mark[1].startswith(fence):
                yield block
                block, fence = [], ""
            continue
        starts = mark or _HEADING.match(line) or _ITEM.match(line) or not line.strip()
        if block and (starts or line.startswith("|") != block[0].startswith("|") or _HEADING.match(block[0])):
            yield block
            block = []
        if not line.strip():
            yield [""]
            continue
        block.append(line)
        fence = mark[1] if mark else ""
    if block:
        yield block


def _shown(block: list[str], width: int) -> list[str]:
    first = block[0]
    if not first.strip():
        return [""]
    if re.match(r"^\s*(`{3,}|~{3,})", first):
        inner = block[1:-1] if len(block) > 1 and re.match(r"^\s*[`~]{3,}\s*$", block[-1]) else block[1:]
        return [f"    {line}".rstrip() for line in inner]
    if heading := _HEADING.match(first):
        title = _inline(heading[2])
        line = _LINES.get(len(heading[1]))
        return [title, line * len(title)] if line else [title]
    if first.startswith("|"):
        return _table(block)
    if first.startswith("    ") and not _ITEM.match(first):
        return [line.rstrip() for line in block]
    item = _ITEM.match(first)
    rest = " " * len(item[0]) if item else ""
    prose = _inline(" ".join(line.strip() for line in block))
    start = item[1] if item else ""
    return textwrap.wrap(
        prose,
        max(20, width),
        initial_indent=start,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _inline(text: str) -> str:
    """Drop the marks of bold text and write a link as its words and address."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(part if part.startswith("`") else _words(part) for part in parts)


def _words(text: str) -> str:
    text = _LINK.sub(lambda m: m[1] if m[1] == m[2] or m[2].startswith("#") else f"{m[1]} ({m[2]})", text)
    return _BOLD.sub(lambda m: m[1] or m[2], text)


def _table(block: list[str]) -> list[str]:
    rows = [
        [_inline(cell.strip()) for cell in re.split(r"(?<!\\)\|", row.strip().strip("|"))] for row in block
    ]
    rows = [row for row in rows if not all(re.fullmatch(r":?-+:?", cell) for cell in row)]
    columns = max(map(len, rows), default=0)
    widths = [max((len(row[n]) for row in rows if n < len(row)), default=0) for n in range(columns)]
    return [
        "  ".join(cell.ljust(size) for cell, size in zip(row, widths, strict=False)).rstrip() for row in rows
    ]
