"""Whether a value is of the type its key asks for, with a sentence for each thing that is not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from grader.model import SKILLS
from grader.questions.bank.form import MUST, Key, Skill
from grader.questions.bank.problem import guess, shown
from grader.questions.bank.tree import Node

_UNSEEN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f]")
_WORDS = {str: "a text", list: "a list", dict: "a mapping (`key: value` lines)"}


def slips(key: Key, node: Node) -> Iterator[tuple[int, str]]:
    """Yield line and sentence for all that is not of the type a key asks for."""
    if type(node.value) is not key.container:
        yield node.line, f"`{key.name}` must be {_WORDS[key.container]}, not {what(node)}{_advice(key, node)}"
        return
    if not node.value:
        yield node.line, f"`{key.name}` is empty."
        return
    if key.inner is None:
        yield from _text_slips(key.name, key.hint, node)
        return
    entries = list(node.value.values()) if isinstance(node.value, dict) else list(node.value)
    found = [
        slip
        for number, entry in enumerate(entries, 1)
        if isinstance(entry, Node)
        for slip in _entry_slips(f"entry {number} of `{key.name}`", key, entry)
    ]
    yield from found
    if not found and not _converts(node.plain(), key.hint):
        yield node.line, f"`{key.name}` must be {MUST[key.name]}, not {len(node.value)}."


def what(node: Node) -> str:
    """Say what stands in a place, for a sentence about it."""
    if isinstance(node.value, str):
        return f"the text {shown(node.value)}" if node.value else "empty"
    return "a list" if isinstance(node.value, list) else "a mapping (`key: value`)"


def _entry_slips(name: str, key: Key, entry: Node) -> Iterator[tuple[int, str]]:
    if not isinstance(entry.value, str):
        yield entry.line, f"{name} must be a text, not {what(entry)}: put it in quotes."
    elif key.inner is Skill:
        if entry.value not in SKILLS:
            yield entry.line, f"there is no skill {shown(entry.value)}{guess(entry.value, SKILLS)}"
    else:
        yield from _text_slips(name, key.inner, entry)


def _text_slips(name: str, hint: Any, node: Node) -> Iterator[tuple[int, str]]:
    """Yield what is wrong with a text that is to become a value of a type."""
    text = str(node.value)
    named = name if " " in name else f"`{name}`"
    if not text.strip():
        yield node.line, f"{named} is empty."
    elif _UNSEEN.search(text):
        yield node.line, f"{named} holds an invisible control character: delete it."
    elif not _converts(text.strip(), hint):
        yield node.line, f"{named} must be {MUST.get(name, 'a text')}, not {shown(text)}."


def _converts(value: Any, hint: Any) -> bool:
    try:
        msgspec.convert(value, hint, strict=False)
    except msgspec.ValidationError:
        return False
    return True


def _advice(key: Key, node: Node) -> str:
    if key.container is str:
        return ": put it in quotes."
    if key.container is list and isinstance(node.value, str) and node.value:
        return ": write each entry on a line of its own, after a dash."
    return "."
