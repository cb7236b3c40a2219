"""Rows of a screen: pieces of styled text, cut and folded by the cells they take in a terminal."""

from __future__ import annotations

import textwrap
import unicodedata
from dataclasses import dataclass

from grader.text.render import Look, ascii_picture

_DRAWING = frozenset("┌┐└┘│─█▓▒░↗↘↙↖")
_GAP = "  "


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text in one style (``green``, ``red``, ``yellow``, ``dim``, ``bold``), maybe a link."""

    text: str
    style: str = ""
    link: str = ""


Row = tuple[Piece, ...]


def row(*pieces: str | Piece) -> Row:
    """Make a row from texts and pieces."""
    return tuple(Piece(piece) if isinstance(piece, str) else piece for piece in pieces)


def painted(row: Row, width: int, look: Look) -> str:
    """Return a row for the terminal, no wider than the width."""
    texts = [shown(piece.text, look) for piece in row]
    if sum(map(cells, texts)) <= width:
        return "".join(_dressed(text, piece, look) for text, piece in zip(texts, row, strict=True))
    dots = ("…" if look.unicode else "...")[: max(0, width)]
    left, out = width - len(dots), []
    for text, piece in zip(texts, row, strict=True):
        part = cut(text, left)
        left -= cells(part)
        out.append(_dressed(part, piece, look))
        if part != text:
            break
    return "".join(out) + dots


def shown(text: str, look: Look) -> str:
    """Return text that a terminal shows as it is: no control characters, ASCII where there is no more."""
    text = text.expandtabs(4)
    text = "".join("?" if unicodedata.category(letter) in ("Cc", "Cf", "Cs") else letter for letter in text)
    return text if look.unicode else ascii_picture(text).encode("ascii", "dojo").decode()


def cells(text: str) -> int:
    """Count the columns that a text takes."""
    return len(text) if text.isascii() else sum(map(_cell, text))


def cut(text: str, width: int) -> str:
    """Return as much of the beginning as fits so many columns."""
    end = 0
    while end < len(text) and (width := width - _cell(text[end])) >= 0:
        end += 1
    return text[:end]


def fold(text: str, width: int, look: Look) -> list[str]:
    """Break text into lines that fit: prose at words, indented lines anywhere, drawings not at all."""
    lines: list[str] = []
    for raw in text.rstrip().splitlines():
        line = shown(raw.rstrip(), look)
        if cells(line) <= width or _DRAWING & set(raw):
            lines.append(line)
        elif line.startswith(" "):
            lines += _hard(line, width)
        else:
            lines += textwrap.wrap(line, max(1, width), break_on_hyphens=False)
    return lines


def _hard(line: str, width: int) -> list[str]:
    """Fold a line of values or code; what follows is indented further, if there is room for that."""
    indent = " " * min(len(line) - len(line.lstrip()) + 4, width // 2)
    lines = [cut(line, width)]
    rest = line[len(lines[0]) :]
    while rest:
        part = cut(rest, width - len(indent)) or rest[:1]
        lines.append(indent + part)
        rest = rest[len(part) :]
    return lines


def _cell(letter: str) -> int:
    if unicodedata.category(letter) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in ("W", "F") else 1


def _dressed(text: str, piece: Piece, look: Look) -> str:
    if not look.colour:
        return text
    text = look.paint(text, piece.style) if piece.style and text else text
    return f"\x1b]8;;{piece.link}\x1b\\{text}\x1b]8;;\x1b\\" if piece.link and text else text
