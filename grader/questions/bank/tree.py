"""A bank as lists, mappings and texts that know their line: YAML read without any of its surprises.

Every scalar stays the text that was written, so that Norway's ``no`` and ``1e3`` mean themselves. Tags are
refused, an alias repeats a plain text at most, and nesting is bounded: no file makes more than it shows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

import yaml

from grader.questions.bank.problem import shown

MOST_ALIASES = 20
_DEEPEST = 6
_MOST_TABS = 20
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x84\x86-\x9f\ufffe\uffff]")

# How the parser puts it, whether the place where it began to wonder is the one to look at, and what to do.
_SAYINGS = (
    (
        "mapping values are not allowed",
        False,
        "a colon with a space behind it begins a value: put the text in quotes, or mend the indentation.",
    ),
    ("cannot start any token", False, "a text cannot begin with this character: put it in quotes."),
    ("found unexpected end of stream", True, "the quotes opened here are never closed."),
    ("expected ',' or", True, "the bracket opened here is not closed: close it, or put the text in quotes."),
    ("expected ':'", True, "this line is no `key: value`: mend its indentation or its quotes."),
    ("expected '-' indicator", False, "this line belongs to no question: mend its indentation."),
    ("expected <block end>", False, "this line fits nowhere: mend its indentation or its quotes."),
    ("expected key", False, "this line is no `key: value`: mend its indentation or its quotes."),
    ("unknown escape character", False, "a backslash means itself in single quotes only: use those."),
    ("alphabetic or numeric character", False, "a text cannot begin with `&` or `*`: put it in quotes."),
    ("node content", False, "a text cannot begin with a bracket, a brace or a comma: put it in quotes."),
    ("<document start>", False, "this line belongs to no question: begin it with `- `, or indent it."),
    ("comment or line break", False, "behind `|` or `>` the text begins on the next line, indented."),
    ("comment or a line break", False, "behind `|` or `>` the text begins on the next line, indented."),
    ("sequence entries are not allowed", False, "a list begins on a line of its own, under its key."),
    ("version number", False, "a line cannot begin with `%`: put the text in quotes."),
    ("non-alphabetical character", False, "a line cannot begin with `%`: put the text in quotes."),
    ("directive", False, "a line cannot begin with `%`: put the text in quotes."),
    ("tag", True, "a text cannot begin with `!`, and tags have no place here: put it in quotes."),
)


class Slip(NamedTuple):
    """A line and the sentence about it."""

    line: int
    sentence: str


@dataclass(slots=True)
class Node:
    """A text, a list or a mapping, with the line where it or its key begins."""

    line: int
    value: str | list[Node] | dict[str, Node]
    spoilt: bool = False
    """Whether something in it was told already."""

    def plain(self) -> Any:
        """Return the same without lines."""
        if isinstance(self.value, list):
            return [item.plain() for item in self.value]
        if isinstance(self.value, dict):
            return {key: item.plain() for key, item in self.value.items()}
        return self.value


class _Stop(Exception):
    """The text cannot be read past a line."""

    def __init__(self, line: int, sentence: str) -> None:
        super().__init__(sentence)
        self.slip = Slip(line, sentence)


@dataclass(slots=True)
class _Grower:
    """What reading one bank has met so far."""

    slips: list[Slip] = field(default_factory=list)
    anchors: dict[str, Node | None] = field(default_factory=dict)
    aliases: int = 0
    offset: int = 0
    events: Iterator[Any] = field(default_factory=lambda: iter(()))

    def items(self, text: str, offset: int = 0) -> Iterator[Node]:
        """Yield the entries of a text's one list; its first line is number ``offset + 1``."""
        self.offset = offset
        self.events = _events(text, offset)
        for event in self.events:
            if isinstance(event, yaml.SequenceStartEvent) and not event.tag:
                break
            if isinstance(event, yaml.StreamEndEvent):
                raise _Stop(1, "the bank is empty: begin with `- id: ...`.")
            if isinstance(event, yaml.NodeEvent):
                raise _Stop(self.line(event), "a bank is a list of questions: begin each with `- id: ...`.")
        for event in self.events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            before = len(self.slips)
            node = self.node(event, 1)
            node.spoilt = len(self.slips) > before
            yield node
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                raise _Stop(self.line(event), "a second document begins here: a bank is a single list.")

    def line(self, event: Any) -> int:
        """Return where an event begins."""
        return int(event.start_mark.line) + 1 + self.offset

    def node(self, event: Any, depth: int, line: int = 0) -> Node:
        """Build what an event begins; ``line`` is that of its key, if it has one."""
        line = line or self.line(event)
        if isinstance(event, yaml.AliasEvent):
            return Node(line, self.repeated(str(event.anchor), line))
        if event.tag:
            raise _Stop(line, f"the tag `{event.tag}` has no place in a bank: put a text with `!` in quotes.")
        if depth > _DEEPEST:
            raise _Stop(line, "the brackets or lists are nested too deep: put the text in quotes.")
        if isinstance(event, yaml.ScalarEvent):
            node = Node(line, event.value)
        elif isinstance(event, yaml.SequenceStartEvent):
            node = Node(line, self.entries(depth))
        else:
            node = Node(line, self.pairs(depth))
        if event.anchor:
            self.anchors[event.anchor] = node if isinstance(node.value, str) else None
        return node

    def entries(self, depth: int) -> list[Node]:
        """Build the entries of a list up to its end."""
        found = []
        for event in self.events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            found.append(self.node(event, depth + 1))
        return found

    def pairs(self, depth: int) -> dict[str, Node]:
        """Build the pairs of a mapping up to its end; a key said twice is told, and the first one stays."""
        found: dict[str, Node] = {}
        for event in self.events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            line = self.line(event)
            key = self.node(event, depth + 1).value
            node = self.node(next(self.events), depth + 1, line)
            if not isinstance(key, str):
                raise _Stop(line, "a key must be a plain text: put it in quotes if it begins with a bracket.")
            if key in found:
                said = f"{shown(key)} is said twice, first in line {found[key].line}: keep one."
                self.slips.append(Slip(line, said))
            found.setdefault(key, node)
        return found

    def repeated(self, anchor: str, line: int) -> str:
        """Return the text that an alias repeats."""
        self.aliases += 1
        if anchor not in self.anchors:
            raise _Stop(line, f"a text cannot begin with `*`: put {shown('*' + anchor)} in quotes.")
        node = self.anchors[anchor]
        if node is None or not isinstance(node.value, str):
            raise _Stop(line, f"{shown('*' + anchor)} repeats a list or a mapping: write it out here.")
        if self.aliases > MOST_ALIASES:
            raise _Stop(line, f"there are more than {MOST_ALIASES} aliases (`*name`): write the texts out.")
        return node.value


def grow(data: bytes) -> tuple[list[Node], list[Slip]]:
    """Read the questions of a bank; what cannot be read is told, and the questions around it are kept."""
    try:
        text = _decoded(data)
    except _Stop as stop:
        return [], [stop.slip]
    if tabs := [number for number, line in enumerate(text.split("\n"), 1) if "\t" in line]:
        return [], [Slip(line, "there is a tab in this line: write spaces.") for line in tabs[:_MOST_TABS]]
    grower = _Grower()
    try:
        return list(grower.items(text)), grower.slips
    except _Stop as stop:
        return _grow_apart(text, stop.slip)


def _grow_apart(text: str, first: Slip) -> tuple[list[Node], list[Slip]]:
    """Read each question by itself, so that one slip does not hide the next."""
    grower = _Grower()
    nodes: list[Node] = []
    for offset, part in _parts(text):
        try:
            nodes += list(grower.items(part, offset))
        except _Stop as stop:
            grower.slips.append(stop.slip)
    return nodes, grower.slips or [first]


def _parts(text: str) -> Iterator[tuple[int, str]]:
    """Yield each stretch of lines that begins with a dash in the first column, such as a question is."""
    lines = text.split("\n")
    starts = [number for number, line in enumerate(lines) if line.startswith("- ") or line.rstrip() == "-"]
    for start, end in pairwise([*starts, len(lines)]):
        yield start, "\n".join(lines[start:end])


def _events(text: str, offset: int) -> Iterator[Any]:
    """Yield the parser's events; its complaints become sentences."""
    try:
        yield from yaml.parse(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        said = error.problem or error.context or "it is not YAML"
        found = next((saying for saying in _SAYINGS if saying[0] in said), None)
        _, at_context, sentence = found or (said, False, f"this is not YAML: {said}.")
        mark = (error.context_mark if at_context else None) or error.problem_mark
        raise _Stop((mark.line if mark else 0) + 1 + offset, sentence) from None


def _decoded(data: bytes) -> str:
    """Return the text of a file that is UTF-8, with or without a mark at its beginning."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise _Stop(1, "the file is UTF-16: save it as UTF-8.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _Stop(
            line, f"the byte 0x{data[error.start]:02x} is not UTF-8: save the file as UTF-8."
        ) from None
    if found := _UNSEEN.search(text):
        line = text.count("\n", 0, found.start()) + 1
        raise _Stop(line, f"there is an invisible control character, U+{ord(found[0]):04X}: delete it.")
    return text
