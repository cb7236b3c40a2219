"""What a generator is, and the few forms its questions take: a number, a shape, one choice.

A generator draws small numbers and hands them to one of the three forms. A draw that makes the question
degenerate (a typical slip happens to give the right answer, too few distinct options) raises ``Redraw``,
and the next numbers of the same sequence are taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from random import Random
from typing import Any

from grader.model import Question, QuestionKind

Draw = Callable[[Random], Question]
Exact = int | Fraction

ATTEMPTS = 1000
"""Draws before a generator is called broken; the worst of them needs about thirty."""
MOST_WRONG = 4
"""Wrong options beside the right one."""


class Redraw(Exception):
    """The numbers drawn make a degenerate question."""


@dataclass(frozen=True, slots=True)
class Generator:
    """A kind of question with fresh numbers each time; its name is the family of all it makes."""

    name: str
    track: str
    level: int
    skills: tuple[str, ...]
    make: Callable[[Random], Question]

    @property
    def id(self) -> str:
        """``track/~name``: the card that all its questions belong to."""
        return f"{self.track}/~{self.name}"


def generator(
    track: str, *, level: int, skills: tuple[str, ...], kata: str | None = None
) -> Callable[[Draw], Generator]:
    """Turn a function that draws a question into a generator named after it."""

    def wrap(draw: Draw) -> Generator:
        name = draw.__name__.replace("_", "-")

        def make(rng: Random) -> Question:
            question = _accepted(draw, rng)
            return replace(
                question, id=f"{track}/~{name}", level=level, skills=skills, family=name, kata=kata
            )

        return Generator(name, track, level, skills, make)

    return wrap


def require(fine: bool) -> None:
    """Ask for other numbers unless these are fine."""
    if not fine:
        raise Redraw


def number(
    ask: str,
    value: Exact,
    *,
    why: Sequence[str],
    places: int | None = None,
    unit: str = "",
    slips: Iterable[Exact | float] = (),
) -> Question:
    """Ask for a number.

    With ``places`` the ask says how to round, and one unit of the last place is forgiven; without, the
    value is exact. ``slips`` are the results of typical mistakes: none of them may count as right.
    """
    exact = Fraction(value)
    tolerance = 0.0 if places is None else 1.01 * 10.0**-places
    if places is None:
        require(1000 % exact.denominator == 0)
    near = float(exact)
    for slip in slips:
        require(abs(float(slip) - near) > 2.1 * tolerance)
    shown = exact if places is None else rounded(exact, places)
    details = {"number": float(shown), "tolerance": tolerance, "unit": unit, "answer": (text(shown),)}
    return _nameless(QuestionKind.NUMBER, ask, why, **details)


def shape(ask: str, sizes: Sequence[int], *, why: Sequence[str]) -> Question:
    """Ask for the shape of a tensor."""
    require(all(size > 0 for size in sizes))
    return _nameless(QuestionKind.SHAPE, ask, why, shape=tuple(str(size) for size in sizes))


def one(
    rng: Random, ask: str, answer: str, *, wrong: Iterable[tuple[str, str]], why: Sequence[str]
) -> Question:
    """Ask for one of several options; ``wrong`` pairs an option with the reason why it is wrong.

    Wrong options that coincide with the answer or with each other are left out; at least two must remain.
    """
    but: dict[str, str] = {}
    for option, reason in wrong:
        if option != answer and option not in but and len(but) < MOST_WRONG:
            but[option] = reason
    require(len(but) >= 2)
    choices = [answer, *but]
    rng.shuffle(choices)
    return _nameless(QuestionKind.ONE, ask, why, choices=tuple(choices), answer=(answer,), but=but)


def rounded(value: Exact, places: int) -> Fraction:
    """Round half away from zero, as on paper."""
    return Fraction(_last_places(value, places), 10**places)


def text(value: Exact, places: int = 3) -> str:
    """Write a number as a decimal without trailing zeros: ``0.25``, ``-3``, ``12``."""
    if value.denominator == 1:
        return str(value.numerator)
    return fixed(value, places).rstrip("0").rstrip(".")


def fixed(value: Exact, places: int) -> str:
    """Write a number with exactly so many decimals."""
    return f"{_last_places(value, places) / 10**places:.{places}f}"


def _last_places(value: Exact, places: int) -> int:
    """Return the rounded number, counted in units of its last place."""
    above, below = abs(value.numerator) * 10**places, value.denominator
    whole = (2 * above + below) // (2 * below)
    return whole if value.numerator >= 0 else -whole


def equals(value: Exact, places: int = 3) -> str:
    """Write ``= 0.25`` where the decimal is exact, ``≈ 0.330`` where it is rounded."""
    if 10**places % value.denominator == 0:
        return f"= {text(value, places)}"
    return f"≈ {fixed(value, places)}"


def plus(value: Exact) -> str:
    """Write a number that is added: ``+ 3``, ``− 0.25``."""
    return f"{'−' if value < 0 else '+'} {text(-value if value < 0 else value)}"


def listed(values: Iterable[Exact]) -> str:
    """Write numbers with commas between them."""
    return ", ".join(text(value) for value in values)


def brackets(sizes: Iterable[int]) -> str:
    """Write a shape: ``[8, 64, 28, 28]``."""
    return f"[{', '.join(str(size) for size in sizes)}]"


def _accepted(draw: Draw, rng: Random) -> Question:
    for _ in range(ATTEMPTS):
        try:
            return draw(rng)
        except Redraw:
            continue
    raise RuntimeError(f"{draw.__name__} finds no numbers that make a question; loosen what it requires.")


def _nameless(kind: QuestionKind, ask: str, why: Sequence[str], **details: Any) -> Question:
    """Make a question without its name; several steps of a solution become a list."""
    worked = why[0] if len(why) == 1 else "\n".join(f"- {line}" for line in why)
    return Question(id="", kind=kind, ask=ask, why=worked, level=0, skills=(), **details)
