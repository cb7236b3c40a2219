"""``dojo interview``: a mock interview at the terminal, with a clock, and its report."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import TypeVar

import click

from grader.cli import console
from grader.cli.quizzing import TRACK, known_track, practice_here
from grader.cli.standing import gather
from grader.cli.talk import Lines, Plain, Quit, Talk, how, is_command, points_of, rating_of
from grader.model import KataInfo, QuestionKind
from grader.practice import answers, desk, interview, quiz, schedule
from grader.practice.answers import Unreadable
from grader.practice.interview import Interview, KataResult, Outcome, Reply
from grader.practice.practice import Practice
from grader.practice.progress import Status
from grader.workspace import runner
from grader.workspace.keeping import Refusal
from grader.workspace.runner import CheckDone, KataDone, Problem

T = TypeVar("T")


@click.command("interview", short_help="Take a mock interview against the clock.")
@TRACK
@click.option("--minutes", type=click.IntRange(5, 180), default=45, show_default=True, help="How long.")
@click.option("--no-kata", is_flag=True, help="Questions only, nothing to write.")
@click.option("--to", type=click.Path(path_type=Path, file_okay=False), help="The folder for the report.")
@console.JSON
def interview_(track: str | None, minutes: int, no_kata: bool, to: Path | None, as_json: bool) -> None:
    """Take a mock interview: one kata, questions and open follow-ups, against the clock, no hints.

    Afterwards you compare your answers with model answers and grade yourself. The report is saved
    as Markdown from the first answer on, so that leaving early loses nothing.

    \b
    Example:
      dojo interview detection --minutes 45
    """
    with practice_here() as here:
        track = known_track(here, track)
        katas = [] if no_kata else _katas(here)
        try:
            planned = interview.prepare(
                here.deck,
                katas,
                minutes=minutes,
                chance=Random(),
                track=track,
                recent=interview.recent(here.desk.record.events("interview")),
                weight=_weights(here, katas),
            )
        except interview.NoInterview as problem:
            raise Refusal(str(problem)) from None
        folder = to or here.desk.places.record.parent / "interviews"
        _Sitting(here, planned, Lines() if as_json else Plain(console.look()), folder).run()


class _Sitting:
    """One interview at a prompt."""

    def __init__(self, here: Practice, planned: Interview, talk: Talk, folder: Path) -> None:
        self.here, self.planned, self.talk = here, planned, talk
        self.outcome = Outcome(planned, here.now())
        self.path = folder / interview.file_name(self.outcome.began, planned.track)
        self.weakest: list[str] = []

    def run(self) -> None:
        """Hold the interview; whatever ends it, the report is on the disk."""
        self.weakest = _weakest(self.here)
        try:
            self._introduce()
            self.outcome = replace(self.outcome, began=self.here.now())
            self._hold()
            self._grade()
        except Quit:
            pass
        finally:
            self._save()
            event = interview.event(self.outcome, self.here.desk.clock(), str(self.path))
            self.here.desk.record.add(event)
        self._close()

    def _left(self) -> timedelta:
        return self.planned.deadline(self.outcome.began) - self.here.now()

    def _introduce(self) -> None:
        plan = self.planned
        parts = [f"{plan.minutes} minutes, no hints"]
        parts += [f"a kata of {plan.kata.minutes} minutes"] * bool(plan.kata) if plan.kata else []
        parts += [f"{len(plan.questions)} questions", f"{len(plan.follow_ups)} open follow-ups"]
        self.talk.say("begin", ", ".join(parts) + ".", report=str(self.path), minutes=plan.minutes)
        if self.talk.pauses:
            self.talk.hear("Enter starts the clock")

    def _hold(self) -> None:
        """Set the kata, then ask; when the time is up the rest is not reached."""
        try:
            if self.planned.kata is not None:
                self._set_kata(self.planned.kata)
            for asked in (*self.planned.questions, *self.planned.follow_ups):
                if self._left() <= timedelta(0):
                    self.talk.say("time", "The time is up.")
                    break
                self._ask(asked)
        finally:
            self.outcome = replace(self.outcome, ended=self.here.now())

    def _set_kata(self, kata: KataInfo) -> None:
        """Lay down the clean stub, wait for the learner, grade."""
        if not self.here.desk.catalog.is_stub(kata):
            kept = desk.reset(self.here.desk, kata)
            if kept is not None:
                self.talk.say("kept", f"Your earlier answer is kept as {kept}.", path=str(kept))
        self.talk.say(
            "kata",
            f"Write {kata.id} in {kata.stub}: {kata.title}. The statement is at the top of the file.",
            kata=kata.id,
            path=str(kata.stub),
            minutes=kata.minutes,
            seconds_left=int(self._left().total_seconds()),
        )
        began = time.monotonic()
        with _countdown(self._left, shown=self.talk.pauses):
            typed = self.talk.hear("Enter when it is done, s to give it up")
        took = time.monotonic() - began
        result = KataResult(kata, interview.UNANSWERED, seconds=took)
        if is_command(typed) == "q":
            self._keep(replace(self.outcome, kata=result))
            raise Quit
        if is_command(typed) != "s":
            result = replace(_graded(self.here, kata), seconds=took)
        self._keep(replace(self.outcome, kata=result))
        self.talk.say("noted", "Noted; the report says how it went.", kata=kata.id)

    def _ask(self, asked: quiz.Asked) -> None:
        self.talk.question(asked, note=f"{interview.clock(self._left())} left")
        is_open = asked.question.kind is QuestionKind.OPEN
        began = time.monotonic()
        while True:
            typed = self.talk.hear(f"{how(asked)} (s skip, q end the interview)", many=is_open)
            match is_command(typed, asked):
                case "q":
                    raise Quit
                case "s":
                    typed = ""
            try:
                answer = answers.read(asked.question, typed, asked.options) if typed else ()
            except Unreadable as problem:
                self.talk.say("unreadable", str(problem))
                continue
            break
        reply = Reply(asked, typed, seconds=time.monotonic() - began)
        if answer and not is_open:
            reply = self._record(reply, answer)
        self._keep(self.outcome.with_reply(reply))

    def _record(self, reply: Reply, answer: tuple[str, ...]) -> Reply:
        """Judge a graded answer and save it as the review that it is; nothing is said yet."""
        judgement = answers.judge(reply.asked.question, answer)
        rating = answers.rate(reply.asked.question, bool(judgement.correct), reply.seconds)
        text = "; ".join(answer)
        self._review(reply, judgement, rating, text)
        return replace(reply, text=text, judgement=judgement)

    def _review(self, reply: Reply, judgement: answers.Judgement, rating: schedule.Rating, text: str) -> None:
        at = self.here.desk.clock()
        event = quiz.review_event(reply.asked, judgement, rating, at=at, seconds=reply.seconds, text=text)
        self.here.cards.add(event)

    def _grade(self) -> None:
        """Let the learner compare, tick and rate; every rating is saved at once."""
        for reply in [r for r in self.outcome.replies if r.asked.question.kind is QuestionKind.OPEN]:
            self.talk.question(reply.asked)
            self.talk.say("typed", f"You wrote: {reply.text or '(nothing)'}", text=reply.text)
            self.talk.model(reply.asked)
            points = self._until(lambda text, one=reply: points_of(one.asked, text), "Letters, or Enter")  # type: ignore[misc]
            judgement = answers.judge(reply.asked.question, points)
            self.talk.model(reply.asked, judgement.suggested)
            prompt = "Your rating, 1 to 4, Enter as suggested"
            rating = self._until(lambda text, given=judgement.suggested: rating_of(text, given), prompt)  # type: ignore[misc]
            self._review(reply, judgement, rating, reply.text)
            done = replace(reply, judgement=judgement, points=tuple(points), rating=rating)
            self._keep(self.outcome.with_reply(done))
        for line in interview.RUBRIC:
            self.talk.say("rubric", line)
            grade = self._until(_grade_of, "1 not at all to 4 fully, Enter skips")
            if grade:
                self._keep(replace(self.outcome, rubric={**self.outcome.rubric, line: grade}))

    def _until(self, read: Callable[[str], T], prompt: str) -> T:
        while True:
            typed = self.talk.hear(prompt)
            if typed in ("q", ":q"):
                raise Quit
            try:
                return read(typed)
            except Unreadable as problem:
                self.talk.say("unreadable", str(problem))

    def _keep(self, outcome: Outcome) -> None:
        self.outcome = outcome
        self._save()

    def _save(self) -> None:
        draft = replace(self.outcome, ended=self.outcome.ended or self.here.now())
        interview.save(interview.report(draft, weakest=self.weakest), self.path)

    def _close(self) -> None:
        right, total = self.outcome.score
        kata = self.outcome.kata
        parts = [f"Kata: {kata.word}."] if kata else []
        parts += [f"Questions: {right} of {total} right."] if total else []
        self.talk.say("end", " ".join(parts), report=str(self.path), right=right, questions=total)
        for step in interview.study_next(self.outcome, weakest=self.weakest):
            self.talk.say("next", f"* {step}")
        self.talk.say("report", f"The report is in {self.path}.", path=str(self.path))


class _countdown:  # noqa: N801
    """Shows the time that is left in the terminal's last line while the learner writes elsewhere."""

    def __init__(self, left: Callable[[], timedelta], *, shown: bool) -> None:
        self._left, self._shown = left, shown and sys.stderr.isatty()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> None:
        if self._shown:
            self._thread.start()

    def __exit__(self, *about: object) -> None:
        self._over.set()
        if self._shown:
            self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(1.0):
            # Saves the cursor, writes at the right edge, and puts the cursor back where the prompt left it.
            text = f"{interview.clock(self._left())} left".rjust(12)
            sys.stderr.write(f"\x1b7\x1b[999C\x1b[11D{text}\x1b8")
            sys.stderr.flush()


def _graded(here: Practice, kata: KataInfo) -> KataResult:
    """Grade the kata without a word of what is wrong; the report tells it."""
    code = _text(kata.stub)
    result = KataResult(kata, interview.UNANSWERED, code=code)
    stories: list[str] = []
    for finding in runner.start(
        [kata], places=here.desk.places, source="interview", environ=os.environ
    ).findings():
        match finding:
            case CheckDone(verdict) if not verdict.passed and verdict.story:
                stories.append(f"{verdict.title}\n{verdict.story}")
            case KataDone():
                facts = {"passed": finding.passed, "total": finding.total}
                result = replace(result, kind=str(finding.kind), **facts)  # type: ignore[arg-type]
            case Problem(sentence):
                stories.append(sentence)
    here.cards.catch_up()
    return replace(result, story="\n\n".join(stories))


def _katas(here: Practice) -> list[KataInfo]:
    """Return what may be set: nothing that the learner is in the middle of, and only what can be graded."""
    states = here.desk.states()
    fit = [k for k in here.desk.catalog if k.test.is_file() and k.stub.is_file()]
    return [kata for kata in fit if states[kata.id].status is not Status.STARTED]


def _weights(here: Practice, katas: list[KataInfo]) -> dict[str, float]:
    """Want most what is due, then what is new, least what is known."""
    due = {kata.id for kata in here.due()[1]}
    states = here.desk.states()
    return {k.id: 4.0 if k.id in due else 3.0 if states[k.id].status is Status.NEW else 1.0 for k in katas}


def _weakest(here: Practice) -> list[str]:
    skills = gather(here)["skills"]
    assert isinstance(skills, dict)
    seen = [name for name in skills if skills[name]["seen"]]
    return sorted(seen, key=lambda name: (skills[name]["recall"], skills[name]["coverage"]))[:3]


def _grade_of(text: str) -> int:
    if not text:
        return 0
    if text not in ("1", "2", "3", "4"):
        raise Unreadable("Grade with 1, 2, 3 or 4, or press Enter.")
    return int(text)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


COMMANDS = (interview_,)
"""The commands of this family."""
