"""Judging an answer: what was typed becomes an answer, the answer a verdict, the verdict a rating.

Pure: no clock, no chance, no screen. A slip of the pen is ``Unreadable`` and costs nothing; only what was
understood can be wrong.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from grader.model import Question, QuestionKind
from grader.practice.schedule import Rating

QUICK_SECONDS = 8.0
"""A right answer faster than this was known by heart."""

SLOW_SECONDS = {
    QuestionKind.ONE: 60.0,
    QuestionKind.SEVERAL: 90.0,
    QuestionKind.NUMBER: 180.0,
    QuestionKind.SHAPE: 120.0,
    QuestionKind.ORDER: 120.0,
    QuestionKind.BUG: 120.0,
    QuestionKind.OPEN: math.inf,
}
"""A right answer slower than this was worked out, not remembered."""

CHOOSING = frozenset({QuestionKind.ONE, QuestionKind.SEVERAL, QuestionKind.BUG, QuestionKind.ORDER})
"""The kinds whose answer is made of options on the screen."""

_NUMBER = re.compile(r"[+-]?(\d+(_\d+)*(\.\d*)?|\.\d+)(e[+-]?\d+)?")

# A size, a one-letter symbol, both (2c), a call or a quotient; or nothing, where a size was forgotten.
_PART = re.compile(r"|\d+|[a-z]|\d+[a-z]|[a-z]+\([^()]*\).*|.*/.*")


class Unreadable(ValueError):
    """What was typed is no answer; the message says how to write one."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What an answer is worth, and what there is to learn from it."""

    correct: bool | None
    """``None`` for open questions, which the learner rates."""
    right: str
    """The right answer as text."""
    why: str
    tempting: tuple[str, ...] = ()
    """For each wrong option that was chosen, why it tempts and is wrong."""
    missed: tuple[str, ...] = ()
    """Right options not chosen, or points not made."""
    source: str = ""
    suggested: Rating | None = None
    """For open questions, the rating that follows from the points made."""


def read(question: Question, typed: str, options: Sequence[str] = ()) -> tuple[str, ...]:
    """Turn what was typed into an answer: texts of ``options`` where the kind has them, else one text."""
    text = typed.strip()
    match question.kind:
        case QuestionKind.ONE | QuestionKind.BUG:
            picked = chosen(text, options)
            if len(picked) != 1:
                raise Unreadable("One option is asked for: type one letter or number.")
            return picked
        case QuestionKind.SEVERAL:
            return chosen(text, options)
        case QuestionKind.ORDER:
            picked = chosen(text, options)
            if len(picked) != len(options):
                raise Unreadable(f"All {len(options)} steps are asked for, in order: for instance `b a c`.")
            return picked
        case QuestionKind.NUMBER:
            number(text, unit=question.unit)
        case QuestionKind.SHAPE:
            shape(text)
    return (text,)


def judge(question: Question, answer: Sequence[str]) -> Judgement:
    """Judge an answer: chosen or ordered texts, the one typed text, or the points an open answer made."""
    match question.kind:
        case QuestionKind.ONE | QuestionKind.SEVERAL | QuestionKind.BUG:
            return _chose(question, answer)
        case QuestionKind.ORDER:
            right = tuple(question.answer)
            steps = "\n".join(f"{n}. {step}" for n, step in enumerate(right, 1))
            return _verdict(question, tuple(answer) == right, steps)
        case QuestionKind.NUMBER:
            assert question.number is not None
            given = number(answer[0], unit=question.unit)
            # The tolerance is meant in decimals; binary rounding must not refuse its very edge.
            margin = question.tolerance + 1e-9 * max(1.0, abs(question.number))
            shown = (question.answer[0] if question.answer else f"{question.number:g}") + _unit(question.unit)
            return _verdict(question, abs(given - question.number) <= margin, shown)
        case QuestionKind.SHAPE:
            right = tuple(map(_size, question.shape))
            return _verdict(question, shape(answer[0]) == right, f"[{', '.join(question.shape)}]")
        case QuestionKind.OPEN:
            missed = tuple(point for point in question.points if point not in answer)
            share = 1 - len(missed) / len(question.points) if question.points else 0.0
            rating = Rating.GOOD if share == 1 else Rating.HARD if share >= 0.5 else Rating.AGAIN
            return Judgement(None, "", question.why, missed=missed, source=question.source, suggested=rating)


def rate(question: Question, correct: bool, seconds: float, *, helped: bool = False) -> Rating:
    """Derive the rating of a graded answer from its outcome, its time and the help it had."""
    if not correct:
        return Rating.AGAIN
    if helped or seconds > SLOW_SECONDS[question.kind]:
        return Rating.HARD
    # A clock that went backwards proves no speed.
    return Rating.EASY if 0 < seconds < QUICK_SECONDS else Rating.GOOD


def number(text: str, *, unit: str = "") -> float:
    """Read a number: ``1.5``, ``3e-2``, ``7 px`` where the unit is px, ``25%`` where the unit is %."""
    word = text.strip().casefold().replace("−", "-")
    if unit and word.endswith(unit.casefold()):
        word = word.removesuffix(unit.casefold()).rstrip()
    if "," in word:
        raise Unreadable("Write a number with a point and without commas: 1.5 or 12544.")
    if word.endswith("%"):
        raise Unreadable("The answer is not asked for in percent: write 0.25, not 25%.")
    if not _NUMBER.fullmatch(word):
        raise Unreadable("A number is asked for: 7, 1.5 or 3e-2, for instance.")
    value = float(word)
    if not math.isfinite(value):
        raise Unreadable("That number is too large to be meant.")
    return value


def shape(text: str) -> tuple[str, ...]:
    """Read a shape: ``[B, 512, 7, 7]``, ``B 512 7 7``, ``(b,512,7,7)`` and ``Bx512x7x7`` are the same."""
    word = re.sub(r"^torch\.size", "", text.strip().casefold()).strip()
    if not word:
        raise Unreadable("A shape is asked for: [8, 64, 28, 28], for instance.")
    while len(word) >= 2 and word[0] + word[-1] in ("[]", "()", "{}") and _is_one_bracket(word):
        word = word[1:-1].strip()
    if "," in word:
        parts = _apart(word, ",")
        parts = parts[:-1] if parts[-1].strip() == "" else parts
    elif re.search(r"\s", word):
        parts = [part for part in _apart(word, " ") if part not in ("", "x", "×", "*")]
    else:
        parts = _apart(word, "×" if "×" in word else "x" if _has_cross(word) else "*") if word else []
    if any(not part.strip() for part in parts):
        raise Unreadable("A size is missing between two separators: write the shape as [8, 64, 28, 28].")
    return tuple(map(_size, parts))


def letter(place: int) -> str:
    """Return the letter of an option: a, b, c."""
    return chr(ord("a") + place)


def chosen(text: str, options: Sequence[str]) -> tuple[str, ...]:
    """Read letters or numbers, in the order typed, with or without separators."""
    words = re.findall(r"\d+|[^\W\d_]|[^\s,;.>()-]", text.casefold())
    names = {letter(place): option for place, option in enumerate(options)}
    names |= {str(place): option for place, option in enumerate(options, 1)}
    if len(options) < 10:
        # Few options: 213 means 2, 1, 3.
        words = [one for word in words for one in (word if word.isdigit() else [word])]
    unknown = [word for word in words if word not in names]
    if unknown or not words:
        last = letter(len(options) - 1)
        said = f"There is no option `{unknown[0]}`: type" if unknown else "Type"
        raise Unreadable(f"{said} letters from a to {last} or numbers from 1 to {len(options)}.")
    found = tuple(names[word] for word in words)
    if len(set(found)) != len(found):
        raise Unreadable("An option is named twice.")
    return found


def _chose(question: Question, answer: Sequence[str]) -> Judgement:
    right = set(question.answer)
    tempting = tuple(question.but[one] for one in answer if one not in right and one in question.but)
    missed = tuple(one for one in question.answer if one not in answer)
    shown = "\n".join(question.answer)
    return _verdict(question, set(answer) == right, shown, tempting=tempting, missed=missed)


def _verdict(
    question: Question,
    correct: bool,
    right: str,
    *,
    tempting: tuple[str, ...] = (),
    missed: tuple[str, ...] = (),
) -> Judgement:
    return Judgement(correct, right, question.why, tempting, missed, question.source)


def _unit(unit: str) -> str:
    return "" if not unit else unit if unit == "%" else f" {unit}"


def _size(text: str) -> str:
    """Return a size or symbol in the one form that is compared."""
    word = re.sub(r"\s+", "", text.casefold())
    return str(int(word)) if word.isdecimal() else word


def _has_cross(word: str) -> bool:
    """Whether an ``x`` stands between sizes, rather than being a letter of a name such as ``max``."""
    return all(_PART.fullmatch(part) for part in _apart(word, "x"))


def _is_one_bracket(word: str) -> bool:
    depth = 0
    for place, sign in enumerate(word):
        depth += (sign in "[({") - (sign in "])}")
        if depth == 0 and place < len(word) - 1:
            return False
    return True


def _apart(word: str, separator: str) -> list[str]:
    """Split at a separator outside brackets; a blank stands for any white space."""
    parts, depth = [""], 0
    for sign in word:
        depth += (sign in "[({") - (sign in "])}")
        if depth == 0 and (sign == separator or (separator == " " and sign.isspace())):
            parts.append("")
        else:
            parts[-1] += sign
    return parts
