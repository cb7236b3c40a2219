"""The quiz: one question after the other, each answer saved before the next is asked."""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import Enum
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Static

from grader.model import Event, QuestionKind
from grader.practice.quiz import Answered, Asked, Clock, Quiz
from grader.practice.schedule import Rating
from grader.text.render import Look
from grader.tui.keys import Keys
from grader.tui.latex_screen import LatexScreen
from grader.tui.prose import Prose, plain
from grader.tui.question import QuestionPane

KEEP_SECONDS = 5.0
"""How often what is being written is put into the record."""

ROUND = 10
"""Questions after which a learner may stop with a good conscience."""


class Phase(Enum):
    """What the screen waits for."""

    OPENING = "opening"
    ASKING = "asking"
    RATING = "rating"
    SHOWN = "shown"
    OVER = "over"


class Practised(Message):
    """Answers were given, so what other screens count may have changed."""


class Begun(Message):
    """The round is lined up."""

    def __init__(self, quiz: Quiz) -> None:
        super().__init__()
        self.quiz = quiz


class QuizScreen(Screen[None]):
    """A round of questions."""

    HELP = (
        "Answer, read why, go on. Choose by letter or digit; Space ticks, or takes a step along; in a line "
        "of text, Tab leaves it so that the other keys work. Every answer is saved at once. 1 Again, 2 Hard, "
        "3 Good, 4 Easy rate an open answer; the others are rated by outcome and time. x shows the maths as "
        "LaTeX."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space", "go_on", "Go on", id="quiz.on", tooltip="Go on to the next question"),
        Binding("1", "rate(1)", "Again", id="quiz.again", tooltip="1: I did not know it"),
        Binding("2", "rate(2)", "Hard", id="quiz.hard", tooltip="2: I knew it with trouble"),
        Binding("3", "rate(3)", "Good", id="quiz.good", tooltip="3: I knew it"),
        Binding("4", "rate(4)", "Easy", id="quiz.easy", tooltip="4: I knew it at once"),
        Binding("u", "undo", "Undo", id="quiz.undo", tooltip="Take the last answer back and give it again"),
        Binding("d", "doubt", "Doubtful", id="quiz.doubt", tooltip="Mark the question as doubtful"),
        Binding("n", "skip", "Skip", id="quiz.skip", tooltip="Leave the question for another round"),
        Binding("x", "latex", "LaTeX", id="quiz.latex", tooltip="Show the maths as LaTeX", show=False),
        Binding("escape", "leave", "Back", id="quiz.back", tooltip="Leave; what is answered is saved"),
    ]

    def __init__(
        self,
        begin: Callable[[], Quiz],
        look: Look,
        *,
        clock: Clock,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self._begin = begin
        self._look = look
        self.pane = QuestionPane(look)
        self._clock = clock
        self._timer = timer
        self._quiz: Quiz | None = None
        self._asked: Asked | None = None
        self._done: Answered | None = None
        self._written = ""
        self._since = self._seconds = 0.0
        self._total = 0
        self._kept = ""
        self.phase = Phase.OPENING

    def compose(self) -> ComposeResult:
        """Lay out the progress, the question and the keys."""
        yield Static("Looking for what is due ...", id="summary", markup=False)
        yield self.pane
        yield Static(id="over", markup=False)
        yield Keys()

    def on_mount(self) -> None:
        """Line up the round beside the screen."""
        self.pane.display = False
        self.run_worker(lambda: self.post_message(Begun(self._begin())), thread=True)
        self.set_interval(KEEP_SECONDS, self._keep_draft)

    def on_unmount(self) -> None:
        """Keep what was being written, however the screen is left."""
        self._keep_draft()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer each key where it does something."""
        match action:
            case "go_on":
                return self.phase in (Phase.SHOWN, Phase.OVER)
            case "rate":
                return self.phase is Phase.RATING
            case "skip":
                return self.phase is Phase.ASKING
            case "doubt":
                return self._asked is not None and self.phase is not Phase.OVER
            case "undo":
                return self._quiz is not None and bool(self._quiz.answered)
        return True

    def action_latex(self) -> None:
        """Show the question's maths as LaTeX, and the explanation's once it is on the screen."""
        if self._asked is not None:
            question = self._asked.question
            parts = [question.ask, question.why] if self.phase is Phase.SHOWN else [question.ask]
            self.app.push_screen(LatexScreen("\n\n".join(parts)))

    def action_go_on(self) -> None:
        """Ask the next question, or go back when the round is over."""
        if self.phase is Phase.SHOWN and self._asked_so_far % ROUND:
            self._next()
        elif self.phase is Phase.SHOWN:
            self._end_round()
        elif self._left:
            self._total = min(ROUND, self._left)
            self._next()
        else:
            self.action_leave()

    def action_rate(self, rating: int) -> None:
        """Save an open answer with the learner's own rating."""
        ticked = tuple(text for text in self.pane.points.items if text in self.pane.points.chosen)
        self._save(ticked, rating=Rating(rating), text=self._written)

    def action_undo(self) -> None:
        """Take the last answer back and ask its question again."""
        assert self._quiz is not None
        is_asking = self.phase in (Phase.ASKING, Phase.RATING)
        if is_asking and self._asked is not None:
            self._quiz.put_back(self._asked)
        written = self._written if self.phase is Phase.SHOWN else ""
        if (again := self._quiz.undo()) is not None:
            self._ask(again, draft=written)
            self.notify("The last answer is taken back.", timeout=2)
            self.post_message(Practised())

    def action_doubt(self) -> None:
        """Mark the question as doubtful."""
        assert self._quiz is not None
        assert self._asked is not None
        self._quiz.doubt(self._asked)
        self.notify(f"{self._asked.card} is marked as doubtful.", markup=False, timeout=2)

    def action_skip(self) -> None:
        """Leave the question for another round."""
        assert self._quiz is not None
        assert self._asked is not None
        self._quiz.skip(self._asked)
        self._next()

    def action_leave(self) -> None:
        """Go back; what was written and not rated is kept as a draft."""
        self.dismiss()

    @on(Begun)
    def _start(self, event: Begun) -> None:
        self._quiz = event.quiz
        self._total = min(ROUND, self._left)
        self._next()

    @on(QuestionPane.Given)
    def _take(self, event: QuestionPane.Given) -> None:
        if self.phase is not Phase.ASKING or self._asked is None:
            return
        self._seconds = self._timer() - self._since
        if self._asked.question.kind is QuestionKind.OPEN:
            self._written = event.text or ""
            self._keep_draft()
            self.pane.tick(self._asked.question)
            self._enter(Phase.RATING)
        else:
            self._save(event.answer, text=event.text)

    def _save(
        self, answer: tuple[str, ...], *, rating: Rating | None = None, text: str | None = None
    ) -> None:
        assert self._quiz is not None
        assert self._asked is not None
        done = self._quiz.answer(self._asked, answer, seconds=self._seconds, rating=rating, text=text)
        self.pane.reveal(done.judgement, self._note(done), answer)
        self._enter(Phase.SHOWN)
        self.post_message(Practised())

    def _next(self) -> None:
        assert self._quiz is not None
        asked = self._quiz.next()
        if asked is None:
            self._end_round()
        else:
            self._ask(asked, draft=self._draft(asked))

    def _ask(self, asked: Asked, *, draft: str = "") -> None:
        self._asked, self._written, self._kept = asked, "", draft
        self.pane.display = True
        self.query_one("#over").display = False
        self.pane.show(asked, draft=draft)
        self._since = self._timer()
        self._enter(Phase.ASKING)

    def _end_round(self) -> None:
        assert self._quiz is not None
        self._asked = None
        answered = self._quiz.answered
        right = sum(done.rating is not Rating.AGAIN for done in answered)
        left = self._left
        lines = [f"{len(answered)} answered, {right} of them known."] if answered else []
        lines += [self._quiz.ended] if self._quiz.ended else []
        lines += [f"{left} left for today. Enter goes on, Esc goes back."] if left else ["Enter goes back."]
        over = self.query_one("#over", Static)
        over.update(Prose("\n\n".join(lines), self._look))
        over.display = True
        self.pane.display = False
        self.set_focus(None)
        self._enter(Phase.OVER)

    def _enter(self, phase: Phase) -> None:
        self.phase = phase
        self.query_one("#summary", Static).update(plain(self._summary(), self._look))
        self.refresh_bindings()

    @property
    def _left(self) -> int:
        due, new = self._quiz.left if self._quiz is not None else (0, 0)
        return due + new

    @property
    def _asked_so_far(self) -> int:
        return len(self._quiz.answered) if self._quiz is not None else 0

    def _summary(self) -> str:
        if self._asked is None:
            return "The round is over."
        asked = self._asked
        place = self._asked_so_far + (self.phase is not Phase.SHOWN)
        facts = [
            f"{(place - 1) % ROUND + 1} of {self._total}",
            asked.question.track,
            f"level {asked.question.level}",
        ]
        facts += ["new"] if asked.is_new else []
        facts += ["often forgotten: study it"] if asked.is_leech else []
        return "  ·  ".join(facts)

    def _note(self, done: Answered) -> str:
        back = done.state.due - done.at if done.state is not None else None
        days = max(1, round(back.total_seconds() / 86400)) if back is not None else 0
        when = "tomorrow" if days == 1 else f"in {days} days"
        return f"Rated {done.rating.name.capitalize()}{f'; it comes back {when}' if back else ''}."

    def _keep_draft(self) -> None:
        """Put what is being written into the record, so that nothing is lost before it is rated."""
        if self._quiz is None or self._asked is None or self.phase not in (Phase.ASKING, Phase.RATING):
            return
        text = self.pane.written.text
        if self._asked.question.kind is QuestionKind.OPEN and text.strip() and text != self._kept:
            self._kept = text
            self._quiz.cards.record.add(Event(self._clock(), "draft", self._asked.card, {"text": text}))

    def _draft(self, asked: Asked) -> str:
        """Return what was written to this question and never rated."""
        assert self._quiz is not None
        if asked.question.kind is not QuestionKind.OPEN:
            return ""
        events = [
            e for e in self._quiz.cards.record.events(subject=asked.card) if e.kind in ("draft", "review")
        ]
        return str(events[-1].data.get("text", "")) if events and events[-1].kind == "draft" else ""
