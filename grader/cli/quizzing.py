"""Commands of the daily practice: ``quiz``, ``due`` and ``study``."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from typing import TypeVar

import click

from grader.cli import console
from grader.cli.talk import (
    Lines,
    Plain,
    Quit,
    Talk,
    answer_prompt,
    is_command,
    points_of,
    rating_of,
    tell_keys,
)
from grader.model import SKILLS, QuestionKind
from grader.practice import answers, practice
from grader.practice.answers import Unreadable
from grader.practice.practice import Practice
from grader.practice.quiz import Answered, Asked, Only, Quiz
from grader.questions import bankcache
from grader.text import markdown
from grader.workspace import catalog
from grader.workspace.keeping import Refusal

T = TypeVar("T")
TRACK = click.argument("track", required=False, shell_complete=console.complete_names)


@contextmanager
def practice_here() -> Iterator[Practice]:
    """Open the practice of the current folder; problems in banks are told once, at the end."""
    with console.desk_here() as desk:
        here = practice.open_practice(desk, cache_folder=bankcache.folder(os.environ))
        try:
            yield here
        finally:
            for problem in here.deck.problems:
                click.echo(f"Left out: {problem}", err=True)


@click.command(short_help="Ask questions, due ones first.")
@TRACK
@click.option("--n", "count", type=click.IntRange(1, 1000), default=10, show_default=True, help="How many.")
@click.option("--level", type=click.IntRange(1, 3), help="1 recall, 2 reasoning, 3 follow-ups.")
@click.option("--skill", type=click.Choice(SKILLS), metavar="SKILL", help="Only what trains this skill.")
@click.option("--cram", is_flag=True, help="Ask the weakest cards; the schedule stays as it is.")
@click.option("--latex", is_flag=True, help="Show maths as LaTeX instead of Unicode.")
@console.JSON
def quiz(
    track: str | None,
    count: int,
    level: int | None,
    skill: str | None,
    cram: bool,
    latex: bool,
    as_json: bool,
) -> None:
    """Ask questions: what is due first, then a few new ones, topics mixed.

    Each answer is saved at once; Ctrl-C loses nothing. Letters or numbers choose; u takes the last
    rating back, d marks a question as doubtful, s skips it, q ends the round. With --json, one
    object is printed for each question and answers are read as lines.

    \b
    Examples:
      dojo quiz detection --n 5
      dojo quiz --skill loss
    """
    with practice_here() as here:
        only = Only(known_track(here, track), level, skill)
        talk: Talk = Lines() if as_json else Plain(console.look(), latex=latex)
        round_ = here.begin(only, chance=Random(), is_cram=cram)
        _Round(round_, talk, count).run()
        if not as_json:
            _tell_katas(here, only.track)


@dataclass
class _Round:
    """One round at a prompt."""

    quiz: Quiz
    talk: Talk
    count: int

    def run(self) -> None:
        """Ask until the count is reached, nothing is left or the learner quits."""
        try:
            while len(self.quiz.answered) < self.count:
                asked = self.quiz.next()
                if asked is None:
                    break
                self._ask(asked)
        except Quit:
            pass
        self._end()

    def _ask(self, asked: Asked) -> None:
        """Ask one question until it is answered, skipped or put back behind one that was undone."""
        self.talk.question(asked, left=self.quiz.left)
        began = time.monotonic()
        while True:
            typed = self.talk.hear(answer_prompt(asked), many=asked.question.kind is QuestionKind.OPEN)
            match is_command(typed, asked):
                case "q":
                    raise Quit
                case "s":
                    self.quiz.skip(asked)
                    return
                case "u":
                    if self._undo(asked):
                        return
                    continue
                case "d":
                    self._doubt(asked)
                    continue
            if typed.strip() in ("?", ":h", "help"):
                tell_keys(self.talk)
                continue
            try:
                answer = answers.read(asked.question, typed, asked.options)
            except Unreadable as problem:
                self.talk.say("unreadable", str(problem))
                continue
            break
        seconds = time.monotonic() - began
        if asked.question.kind is QuestionKind.OPEN:
            done = self._rate(asked, typed, seconds)
        else:
            done = self.quiz.answer(asked, answer, seconds=seconds)
        self.talk.verdict(done)
        if self.talk.pauses:
            self._pause(done)

    def _rate(self, asked: Asked, typed: str, seconds: float) -> Answered:
        """Show the model answer, let the learner tick what they said and rate themselves."""
        self.talk.model(asked)
        points = self._until(lambda text: points_of(asked, text), "Letters, or Enter for none")
        suggested = answers.judge(asked.question, points).suggested
        self.talk.model(asked, suggested)
        prompt = "Your rating: 1 again, 2 hard, 3 good, 4 easy, Enter as suggested"
        rating = self._until(lambda text: rating_of(text, suggested), prompt)
        return self.quiz.answer(asked, points, seconds=seconds, rating=rating, text=typed)

    def _until(self, read: Callable[[str], T], prompt: str) -> T:
        while True:
            typed = self.talk.hear(prompt)
            if typed in (":q", "q"):
                raise Quit
            try:
                return read(typed)
            except Unreadable as problem:
                self.talk.say("unreadable", str(problem))

    def _undo(self, asked: Asked | None) -> bool:
        """Take the last rating back and ask its question next, before the one on the table."""
        again = self.quiz.undo()
        if again is None:
            self.talk.say("unreadable", "There is no rating in this round to take back.")
            return False
        if asked is not None:
            self.quiz.put_back(asked)
        self.quiz.put_back(again)
        self.talk.say("undone", "Taken back; here it is again.", card=again.card)
        return True

    def _doubt(self, asked: Asked) -> None:
        self.quiz.doubt(asked)
        self.talk.say("doubted", "Marked as doubtful; `dojo stats` lists it.", card=asked.card)

    def _pause(self, done: Answered) -> None:
        while True:
            key = is_command(self.talk.hear("Enter goes on (u undo, d doubtful, q quit)"))
            if key == "q":
                raise Quit
            if key == "d":
                self._doubt(done.asked)
                continue
            if key == "u":
                self._undo(None)
            return

    def _end(self) -> None:
        done = self.quiz.answered
        graded = [one for one in done if one.judgement.correct is not None]
        right = sum(bool(one.judgement.correct) for one in graded)
        parts = [self.quiz.ended] * bool(self.quiz.ended)
        parts += [f"{len(done)} answered, {right} of {len(graded)} graded ones right."] * bool(done)
        self.talk.say(
            "end",
            " ".join(parts) or "Nothing was answered.",
            answered=len(done),
            graded=len(graded),
            right=right,
        )


@click.command(short_help="Show what is due today.")
@console.JSON
def due(as_json: bool) -> None:
    """Show what is due today: questions by track, katas to write again, and leeches.

    \b
    Example:
      dojo due
    """
    with practice_here() as here:
        questions, katas = here.due()
        limits = here.limits()
        seen, new = here.cards.seen(here.now())
        leeches = here.leeches()
        fresh = min(len(here.new_cards()), max(0, limits.new - new))
        if as_json:
            console.say_json(
                {
                    "questions": questions,
                    "katas": [kata.id for kata in katas],
                    "new": fresh,
                    "seen": seen,
                    "cap": limits.cards,
                    "leeches": [{"card": card.subject, "lapses": card.lapses} for card in leeches],
                }
            )
            return
        _tell_due(here, questions, fresh, seen, limits.cards)
        for kata in katas:
            click.echo(f"  {kata.id}: {kata.title}. `dojo reset {kata.id}`, then write it again.")
        if leeches:
            click.echo("\nForgotten again and again; better studied than asked:")
            for card in leeches[:10]:
                click.echo(f"  {card.subject}  {card.lapses} times")


@click.command(short_help="Print the lesson of a track.")
@TRACK
def study(track: str | None) -> None:
    """Print the lesson of a track as plain text; without a track, the lessons there are.

    \b
    Example:
      dojo study detection | less
    """
    with console.desk_here() as desk:
        lessons = {path.parent.name: path for path in sorted(desk.places.katas.glob("*/README.md"))}
        if track is None:
            for name in sorted(lessons, key=catalog.track_rank):
                title = lessons[name].read_text(encoding="utf-8").partition("\n")[0].lstrip("# ")
                click.echo(f"  {name:<24}{title}")
            click.echo("\n`dojo study TRACK` prints one." if lessons else "There are no lessons here.")
            return
        name = track.strip("/").removeprefix("katas/")
        if name not in lessons:
            raise Refusal(f"There is no lesson `{track}`{_guess(name, lessons)}")
        text = lessons[name].read_text(encoding="utf-8")
        click.echo("\n".join(markdown.plain(text, min(console.look().width, 80))))


def known_track(here: Practice, track: str | None) -> str | None:
    """Return a track there is something to ask about; raises a sentence for any other."""
    if track is None:
        return None
    name = track.strip("/").removeprefix("katas/")
    names = {entry.track for entry in here.deck.entries()} | {kata.track for kata in here.desk.catalog}
    if name not in names:
        raise Refusal(f"There is no track `{track}`{_guess(name, names)}")
    return name


def _tell_due(here: Practice, questions: list[str], fresh: int, seen: int, cap: int) -> None:
    by_track: dict[str, int] = {}
    for card in questions:
        track = card.partition("/")[0]
        by_track[track] = by_track.get(track, 0) + 1
    katas = here.due()[1]
    click.echo(f"{len(questions)} questions due, {fresh} new, {len(katas)} katas due.")
    for track in sorted(by_track, key=catalog.track_rank):
        click.echo(f"  {track:<24}{by_track[track]:>4}")
    if questions or fresh:
        click.echo(f"`dojo quiz` asks them; {seen} of at most {cap} cards are done today.")
    if katas:
        click.echo("\nKatas to write again:")


def _tell_katas(here: Practice, track: str | None) -> None:
    katas = [kata for kata in here.due()[1] if track in (None, kata.track)]
    if katas:
        count = "A kata is" if len(katas) == 1 else f"{len(katas)} katas are"
        click.echo(f"{count} due as well: `dojo due` shows what to write again.")


def _guess(word: str, names: Iterable[str]) -> str:
    import difflib

    near = difflib.get_close_matches(word, sorted(names), n=1)
    return f": did you mean `{near[0]}`?" if near else ": `dojo list` shows the tracks."


COMMANDS = (quiz, due, study)
