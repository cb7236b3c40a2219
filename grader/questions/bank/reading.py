"""One entry of a bank to one Question, with a sentence for everything in its way."""

from __future__ import annotations

import difflib
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from grader.model import Question, QuestionKind
from grader.questions.bank import checks
from grader.questions.bank.form import FORMS, Form, all_keys, keys
from grader.questions.bank.problem import LIKE, guess, listed, shown
from grader.questions.bank.tree import Node
from grader.questions.bank.values import slips, what

_PRIMARY = ("choices", "number", "shape", "order", "points")


@dataclass(frozen=True, slots=True)
class Told:
    """A sentence about a line of the bank."""

    line: int
    sentence: str
    note: bool = False


@dataclass(slots=True)
class Reader:
    """Reads the entries of one bank in turn, and remembers the ids and what there was to say."""

    track: str
    told: list[Told] = field(default_factory=list)
    ids: dict[str, int] = field(default_factory=dict)
    """The line of each id."""
    kata_lines: dict[str, int] = field(default_factory=dict)
    """The line where each kata is first referred to."""

    def say(self, line: int, sentence: str, *, note: bool = False) -> None:
        """Add something to mend."""
        self.told.append(Told(line, sentence, note))

    def read(self, node: Node) -> Question | None:
        """Return the question of an entry, if nothing is wrong with it."""
        if not isinstance(node.value, dict):
            self.say(node.line, f"a question is made of `key: value` lines, and this is {what(node)}.")
            return None
        before = len(self.told)
        pairs = self.renamed(node.value)
        kind = _kind(pairs)
        if kind is None:
            said = f"the question cannot be answered: give it one of {listed(_PRIMARY)}."
            self.say(node.line, said)
        form = FORMS[kind] if kind else Form
        values = self.values(form, pairs, node.line)
        if kind:
            for finding in checks.sense(kind, values):
                self.say(_line(finding, pairs, node.line), finding.sentence, note=finding.note)
        self.remember(values, pairs)
        if node.spoilt or kind is None or any(not told.note for told in self.told[before:]):
            return None
        return _question(kind, self.track, values)

    def renamed(self, pairs: Mapping[str, Node]) -> dict[str, Node]:
        """Tell the keys that no form has, and go on as if the probable ones had been meant."""
        known = all_keys()
        found = {key: node for key, node in pairs.items() if key in known}
        for key, node in pairs.items():
            if key in known:
                continue
            self.say(node.line, f"there is no key {shown(key)}{guess(key, known)}")
            meant = difflib.get_close_matches(key.lower(), known, n=1, cutoff=LIKE)
            if meant:
                found.setdefault(meant[0], node)
        return found

    def values(self, form: type[Form], pairs: Mapping[str, Node], line: int) -> dict[str, Any]:
        """Return the values that are what the form asks for, and tell the others."""
        wanted = keys(form)
        values = {}
        for name, node in pairs.items():
            if name not in wanted:
                if form is not Form:
                    other = next((key for key in _PRIMARY if key in wanted), "")
                    self.say(node.line, f"`{name}` does not belong to {_with(form, other)}.")
                continue
            said = list(slips(wanted[name], node))
            for at, sentence in said:
                self.say(at, sentence)
            if not said:
                values[name] = msgspec.convert(_stripped(name, node.plain()), wanted[name].hint, strict=False)
        missing = [key.name for key in wanted.values() if key.required and key.name not in pairs]
        if missing:
            self.say(line, f"the question lacks {listed(missing)}.")
        return values

    def remember(self, values: Mapping[str, Any], pairs: Mapping[str, Node]) -> None:
        """Hold an id against the ones before it, and keep the katas for later."""
        if "kata" in values:
            self.kata_lines.setdefault(values["kata"], pairs["kata"].line)
        if "id" not in values:
            return
        line, name = pairs["id"].line, values["id"]
        if name in self.ids:
            self.say(
                line, f"the id `{name}` is taken by the question in line {self.ids[name]}: choose another."
            )
        self.ids.setdefault(name, line)


def _kind(pairs: Mapping[str, Node]) -> QuestionKind | None:
    """Tell the kind of a question from its keys."""
    first = next((key for key in _PRIMARY if key in pairs), None)
    if first == "choices" or (first is None and {"answer", "answers", "code"} & set(pairs)):
        if "code" in pairs:
            return QuestionKind.BUG
        return QuestionKind.SEVERAL if "answers" in pairs and "answer" not in pairs else QuestionKind.ONE
    if first is None:
        return None
    return QuestionKind.OPEN if first == "points" else QuestionKind(first)


def _with(form: type[Form], other: str) -> str:
    told = f"a question with `{other}`"
    return f"{told} and `answer`" if "answer" in keys(form) else told


def _line(finding: checks.Finding, pairs: Mapping[str, Node], line: int) -> int:
    """Return the line a finding is about: that of the entry, of the key, or of the question."""
    node = pairs.get(finding.key)
    if node is None:
        return line
    if isinstance(finding.entry, int) and isinstance(node.value, list):
        return node.value[finding.entry].line
    if isinstance(finding.entry, str) and isinstance(node.value, dict):
        entry = next((n for key, n in node.value.items() if key.strip() == finding.entry), node)
        return entry.line
    return node.line


def _stripped(name: str, value: Any) -> Any:
    """Return a value without the space around its texts; code keeps its shape."""
    if isinstance(value, list):
        return [item.strip() for item in value]
    if isinstance(value, dict):
        return {key.strip(): item.strip() for key, item in value.items()}
    return textwrap.dedent(value).strip("\n").rstrip() if name == "code" else value.strip()


def _question(kind: QuestionKind, track: str, values: Mapping[str, Any]) -> Question:
    return Question(
        id=f"{track}/{values['id']}",
        kind=kind,
        ask=values["ask"],
        why=values["why"],
        level=values["level"],
        skills=tuple(values["skills"]),
        choices=tuple(values.get("choices", ())),
        answer=_answer(kind, values),
        but=values.get("but", {}),
        number=values.get("number"),
        unit=values.get("unit", ""),
        tolerance=values.get("tolerance", 0.0),
        shape=checks.sizes(values.get("shape", "[]")) or (),
        code=values.get("code", ""),
        points=tuple(values.get("points", ())),
        source=values.get("source", ""),
        kata=values.get("kata"),
        family=values.get("family") or f"{track}/{values['id']}",
    )


def _answer(kind: QuestionKind, values: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the right options or steps, or the right number or shape as a text."""
    if kind is QuestionKind.NUMBER:
        return (f"{values['number']:.12g}",)
    if kind is QuestionKind.SHAPE:
        return (f"[{', '.join(checks.sizes(values['shape']) or ())}]",)
    if kind is QuestionKind.OPEN:
        return ()
    return tuple(values.get("answers") or values.get("order") or (values["answer"],))
