"""A conversation over questions, as plain text for a person or as JSON lines for a program."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Protocol

import click

from grader.model import QuestionKind
from grader.practice.answers import CHOOSING, Judgement, letter
from grader.practice.quiz import Answered, Asked
from grader.practice.schedule import Rating
from grader.text import markdown
from grader.text.latex import to_latex
from grader.text.render import Look

HOW = {
    QuestionKind.ONE: "One letter",
    QuestionKind.BUG: "One letter",
    QuestionKind.SEVERAL: "All letters that apply, such as `a c`",
    QuestionKind.ORDER: "All letters in order, such as `b a c`",
    QuestionKind.NUMBER: "A number",
    QuestionKind.SHAPE: "A shape, such as [8, 64, 28, 28]",
    QuestionKind.OPEN: "Your answer",
}
_KEYS = "u takes the last rating back, d marks as doubtful, s skips, q ends the round"


class Quit(Exception):
    """The learner has had enough, or the input has ended."""


class Talk(Protocol):
    """What a round says, and how it hears an answer."""

    def question(self, asked: Asked, *, left: tuple[int, int] | None = None, note: str = "") -> None:
        """Put a question on the table."""

    def hear(self, prompt: str, *, many: bool = False) -> str:
        """Return a line, or several up to an empty one; raises ``Quit`` where the input ends."""

    def model(self, asked: Asked, suggested: Rating | None = None) -> None:
        """Show the model answer and the points of an open question, or the rating that follows from them."""

    def verdict(self, done: Answered) -> None:
        """Tell what an answer was worth."""

    def say(self, event: str, sentence: str, **data: object) -> None:
        """Say one sentence."""

    @property
    def pauses(self) -> bool:
        """Whether to wait after a verdict until the learner goes on."""


class Plain:
    """Talks to a person."""

    def __init__(self, look: Look, *, latex: bool = False) -> None:
        self.look = look
        self.pauses = sys.stdin.isatty()
        self._latex = latex

    def question(self, asked: Asked, *, left: tuple[int, int] | None = None, note: str = "") -> None:
        """Put a question on the table."""
        question = asked.question
        facts = [question.track, f"level {question.level}", ", ".join(question.skills)]
        facts += ["new"] * (asked.is_new and left is not None)
        facts += [f"leech, forgotten {asked.state.lapses} times"] if asked.is_leech and asked.state else []
        if left is not None:
            facts.append(f"then {left[0]} due, {left[1]} new")
        facts += [note] if note else []
        click.echo("\n" + self.look.paint(" | ".join(fact for fact in facts if fact), "dim"))
        click.echo()
        self._text(question.ask)
        if question.code:
            click.echo("\n" + "\n".join(f"    {line}" for line in question.code.rstrip().splitlines()))
        click.echo()
        for place, option in enumerate(asked.options):
            lines = markdown.plain(option, self.look.width - 5) or [""]
            click.echo(f"  {letter(place)}  {lines[0]}")
            for line in lines[1:]:
                click.echo(f"     {line}")
        if asked.options:
            click.echo()

    def hear(self, prompt: str, *, many: bool = False) -> str:
        """Return a line, or several up to an empty one; raises ``Quit`` where the input ends."""
        sys.stdout.flush()
        lines = [_line(f"{prompt}: ")]
        while many and self.pauses and lines[-1] and not is_command(lines[0]):
            lines.append(_line("  "))
        return "\n".join(lines).strip()

    def model(self, asked: Asked, suggested: Rating | None = None) -> None:
        """Show the model answer and the points of an open question, or the rating that follows from them."""
        if suggested is not None:
            click.echo(f"The points suggest {int(suggested)} ({suggested.name.lower()}).")
            return
        click.echo("\nA model answer:\n")
        self._text(asked.question.why, indent="  ")
        click.echo("\nWhich of these points did you make?\n")
        for place, point in enumerate(asked.question.points):
            lines = markdown.plain(point, self.look.width - 5) or [""]
            click.echo("\n".join([f"  {letter(place)}  {lines[0]}", *(f"     {line}" for line in lines[1:])]))
        click.echo()

    def verdict(self, done: Answered) -> None:
        """Tell what an answer was worth."""
        judgement = done.judgement
        if judgement.correct is not None:
            self._graded(judgement)
        due = f", back on {done.state.due.astimezone():%d %b %Y}" if done.state else ""
        click.echo(self.look.paint(f"{done.rating.name.capitalize()}{due}", "dim"))

    def say(self, event: str, sentence: str, **data: object) -> None:
        """Say one sentence."""
        if sentence:
            click.echo("\n".join(markdown.plain(sentence, self.look.width)))

    def _graded(self, judgement: Judgement) -> None:
        mark = self.look.mark("passed" if judgement.correct else "failed")
        right = judgement.right.splitlines() or [""]
        click.echo(f"\n{mark} {'Right' if judgement.correct else 'Wrong'}: {right[0]}")
        click.echo("".join(f"         {line}\n" for line in right[1:]))
        for reason in judgement.tempting:
            self._text(f"Your choice: {reason}")
            click.echo()
        self._text(judgement.why)
        if judgement.source:
            self._text(f"Source: {judgement.source}")
        click.echo()

    def _text(self, text: str, indent: str = "") -> None:
        for line in markdown.plain(to_latex(text) if self._latex else text, self.look.width - len(indent)):
            click.echo(f"{indent}{line}".rstrip())


class Lines:
    """Talks to a program: one JSON object a line, answers as lines."""

    pauses = False

    def question(self, asked: Asked, *, left: tuple[int, int] | None = None, note: str = "") -> None:
        """Put a question on the table."""
        question = asked.question
        facts = {
            name: getattr(question, name) for name in ("track", "level", "skills", "ask", "code", "unit")
        }
        self._emit(
            "question",
            card=asked.card,
            id=question.id,
            kind=question.kind,
            options=asked.options,
            seed=asked.seed,
            new=asked.is_new,
            leech=asked.is_leech,
            note=note,
            left={"due": left[0], "new": left[1]} if left else None,
            **facts,
        )

    def hear(self, prompt: str, *, many: bool = False) -> str:
        """Return a line; raises ``Quit`` where the input ends."""
        return _line("").strip()

    def model(self, asked: Asked, suggested: Rating | None = None) -> None:
        """Show the model answer and the points of an open question, or the rating that follows from them."""
        if suggested is not None:
            self._emit("rate", card=asked.card, suggested=int(suggested))
            return
        question = asked.question
        self._emit("model", card=asked.card, why=question.why, points=question.points, source=question.source)

    def verdict(self, done: Answered) -> None:
        """Tell what an answer was worth."""
        judgement = done.judgement
        names = ("correct", "right", "why", "tempting", "missed", "source")
        facts = {name: getattr(judgement, name) for name in names}
        due = done.state.due.isoformat() if done.state else None
        self._emit("verdict", card=done.asked.card, rating=int(done.rating), due=due, **facts)

    def say(self, event: str, sentence: str, **data: object) -> None:
        """Say one sentence."""
        self._emit(event, sentence=sentence, **data)

    def _emit(self, event: str, **data: object) -> None:
        click.echo(json.dumps({"event": event, **data}, ensure_ascii=True, default=str))
        sys.stdout.flush()


def answer_prompt(asked: Asked) -> str:
    """Return what stands before the answer, with the keys where they are needed."""
    doubt = ":d" if len(asked.options) > 3 and asked.question.kind in CHOOSING else "d"
    return f"{how(asked)} (u undo, {doubt} doubtful, s skip, q quit)"


def how(asked: Asked) -> str:
    """Return what kind of answer is asked for."""
    unit = f" in {asked.question.unit}" if asked.question.unit else ""
    return f"{HOW[asked.question.kind]}{unit}"


def is_command(text: str, asked: Asked | None = None) -> str | None:
    """Return the key that a line stands for: u, d, s or q; a letter that names an option is no key."""
    word = text.strip().casefold()
    if word in ("u", "d", "s", "q"):
        options = len(asked.options) if asked and asked.question.kind in CHOOSING else 0
        return word if word not in map(letter, range(options)) else None
    return word[1:] if word in (":u", ":d", ":s", ":q") else None


def tell_keys(talk: Talk) -> None:
    """Say what the keys do."""
    talk.say("keys", f"Letters or numbers choose; {_KEYS}. Where d names an option, type :d.")


def points_of(asked: Asked, text: str) -> Sequence[str]:
    """Return the points that letters name; raises ``Unreadable``."""
    from grader.practice.answers import Unreadable, chosen

    if not text or text == "-":
        return ()
    if not asked.question.points:
        raise Unreadable("There are no points to tick: press Enter.")
    return chosen(text, asked.question.points)


def rating_of(text: str, suggested: Rating | None) -> Rating:
    """Return the rating typed, or the suggested one for an empty line; raises ``Unreadable``."""
    from grader.practice.answers import Unreadable

    if not text and suggested is not None:
        return suggested
    if text not in ("1", "2", "3", "4"):
        raise Unreadable("Rate with 1 (again), 2 (hard), 3 (good) or 4 (easy).")
    return Rating(int(text))


def _line(prompt: str) -> str:
    try:
        if sys.stdin.isatty():
            return input(prompt)
        if prompt:
            click.echo(prompt)
        line = sys.stdin.readline()
    except EOFError:
        raise Quit from None
    if not line:
        raise Quit
    return line.rstrip("\r\n")
