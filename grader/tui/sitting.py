"""A mock interview in progress: what was answered so far, saved with every answer; no screen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random

from grader.model import KataInfo, QuestionKind
from grader.practice import answers, desk, interview, quiz
from grader.practice.interview import UNANSWERED, Interview, KataResult, Outcome, Reply
from grader.practice.practice import Practice
from grader.practice.progress import Status
from grader.practice.quiz import Asked
from grader.practice.schedule import Rating
from grader.workspace.runner import CheckDone, Finding, KataDone, Problem


class Sitting:
    """One interview of one learner; its report is on the disk from the first answer on."""

    def __init__(self, here: Practice, planned: Interview) -> None:
        self.here, self.planned = here, planned
        self.outcome = Outcome(planned, here.now())
        self.path = folder(here) / interview.file_name(self.outcome.began, planned.track)
        self._stories: list[str] = []
        self._is_closed = False

    @property
    def left(self) -> timedelta:
        """The time that is left; negative when it is up."""
        return self.planned.deadline(self.outcome.began) - self.here.now()

    @property
    def to_rate(self) -> tuple[Reply, ...]:
        """The open answers that the learner has not rated yet."""
        opened = (r for r in self.outcome.replies if r.asked.question.kind is QuestionKind.OPEN)
        return tuple(reply for reply in opened if reply.rating is None)

    def lay_down(self) -> Path | None:
        """Put the kata's clean stub in place; returns where an earlier answer is kept."""
        kata = self.planned.kata
        if kata is None or self.here.desk.catalog.is_stub(kata):
            return None
        return desk.reset(self.here.desk, kata)

    def hand_in(self, seconds: float, *, code: str = "") -> None:
        """Take the kata as it is; what the grader finds comes later."""
        assert self.planned.kata is not None
        result = KataResult(self.planned.kata, UNANSWERED, seconds=seconds, code=code)
        self._keep(replace(self.outcome, kata=result))

    def found(self, finding: Finding) -> None:
        """Take what the grader found."""
        result = self.outcome.kata
        if result is None:
            return
        match finding:
            case CheckDone(verdict) if not verdict.passed and verdict.story:
                self._stories.append(f"{verdict.title}\n{verdict.story}")
            case KataDone() as done:
                result = replace(result, kind=str(done.kind), passed=done.passed, total=done.total)
            case Problem(sentence):
                self._stories.append(sentence)
        self._keep(replace(self.outcome, kata=replace(result, story="\n\n".join(self._stories))))

    def reply(self, asked: Asked, answer: Sequence[str], text: str | None, seconds: float) -> None:
        """Take an answer; a graded one is judged and recorded at once, and nothing is said."""
        given = Reply(asked, "; ".join(answer) if text is None else text, seconds=seconds)
        if answer and asked.question.kind is not QuestionKind.OPEN:
            judgement = answers.judge(asked.question, answer)
            rating = answers.rate(asked.question, bool(judgement.correct), seconds)
            self._review(given, judgement, rating)
            given = replace(given, judgement=judgement)
        self._keep(self.outcome.with_reply(given))

    def rate(self, reply: Reply, points: Sequence[str], rating: Rating) -> None:
        """Take the learner's own rating of an open answer."""
        judgement = answers.judge(reply.asked.question, points)
        self._review(reply, judgement, rating)
        done = replace(reply, judgement=judgement, points=tuple(points), rating=rating)
        self._keep(self.outcome.with_reply(done))

    def grade(self, line: str, grade: int) -> None:
        """Take the learner's grade for one line of the rubric."""
        self._keep(replace(self.outcome, rubric={**self.outcome.rubric, line: grade}))

    def stop(self) -> None:
        """Stop the clock; what follows is looking back."""
        if self.outcome.ended is None:
            self._keep(replace(self.outcome, ended=self.here.now()))

    def close(self) -> str:
        """Remember the interview, once, and return its report."""
        self.stop()
        if not self._is_closed:
            self._is_closed = True
            event = interview.event(self.outcome, self.here.desk.clock(), str(self.path))
            self.here.desk.record.add(event)
        return interview.report(self.outcome)

    def _review(self, reply: Reply, judgement: answers.Judgement, rating: Rating) -> None:
        at = self.here.desk.clock()
        self.here.cards.add(
            quiz.review_event(reply.asked, judgement, rating, at=at, seconds=reply.seconds, text=reply.text)
        )

    def _keep(self, outcome: Outcome) -> None:
        self.outcome = outcome
        draft = replace(outcome, ended=outcome.ended or self.here.now())
        interview.save(interview.report(draft), self.path)


def folder(here: Practice) -> Path:
    """Return where reports are."""
    return here.desk.places.record.parent / "interviews"


def prepare(here: Practice, *, track: str | None, minutes: int, chance: Random) -> Sitting:
    """Choose what is asked; raises ``interview.NoInterview`` when there is nothing."""
    states = here.desk.states()
    due = {kata.id for kata in here.due()[1]}
    # Nothing that the learner is in the middle of: an interview begins with the clean stub.
    katas = [k for k in here.desk.catalog if states[k.id].status is not Status.STARTED and _is_there(k)]
    weight = {k.id: 4.0 if k.id in due else 3.0 if states[k.id].status is Status.NEW else 1.0 for k in katas}
    planned = interview.prepare(
        here.deck,
        katas,
        minutes=minutes,
        chance=chance,
        track=track,
        recent=interview.recent(here.desk.record.events("interview")),
        weight=weight,
    )
    return Sitting(here, planned)


def _is_there(kata: KataInfo) -> bool:
    return kata.test.is_file() and kata.stub.is_file()
