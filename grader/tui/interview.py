"""The mock interview: a kata, questions and follow-ups against a visible clock, then the report."""

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

from grader.model import QuestionKind
from grader.practice import interview
from grader.practice.interview import RUBRIC, Reply
from grader.practice.quiz import Asked
from grader.practice.schedule import Rating
from grader.text.render import Look, flow
from grader.tui.job import Job
from grader.tui.keys import Keys
from grader.tui.pane import Pane
from grader.tui.prose import Prose, plain
from grader.tui.question import QuestionPane
from grader.tui.sitting import Sitting
from grader.tui.wanted import EditorWanted
from grader.workspace.runner import Finding


class Stage(Enum):
    """What the learner is at."""

    KATA = "kata"
    QUESTION = "question"
    RATING = "rating"
    RUBRIC = "rubric"
    REPORT = "report"


class Found(Message):
    """The grader has found something about the kata."""

    def __init__(self, finding: Finding) -> None:
        super().__init__()
        self.finding = finding


class InterviewScreen(Screen[None]):
    """An interview from the first minute to the report."""

    HELP = (
        "An interview gives no hints and no verdicts: those come at the end, with the report. First a kata "
        "to write in your editor, then questions, then follow-ups in your own words. When the time is up, "
        "the rest is not reached. Then tick what your answers said and grade yourself."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("o", "edit", "Open", id="interview.edit", tooltip="Open the kata in $VISUAL or $EDITOR"),
        Binding("enter", "hand_in", "Hand in", id="interview.hand_in", tooltip="Hand the kata in and go on"),
        Binding("n", "skip", "Skip", id="interview.skip", tooltip="Leave this without an answer"),
        Binding("1", "rate(1)", "Again", id="interview.1", tooltip="1: not at all"),
        Binding("2", "rate(2)", "Hard", id="interview.2", tooltip="2: with trouble"),
        Binding("3", "rate(3)", "Good", id="interview.3", tooltip="3: well"),
        Binding("4", "rate(4)", "Easy", id="interview.4", tooltip="4: fully, at once"),
        Binding(
            "escape", "leave", "End", id="interview.leave", tooltip="End the interview; the report is kept"
        ),
    ]

    def __init__(
        self,
        sitting: Sitting,
        job: Job | None,
        look: Look,
        *,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self.sitting = sitting
        self._job = job
        self._look = look
        self.pane = QuestionPane(look)
        self._timer = timer
        self._to_ask = [*sitting.planned.questions, *sitting.planned.follow_ups]
        self._asked: Asked | None = None
        self._reply: Reply | None = None
        self._since = 0.0
        self._is_sure = False
        self._graded: list[int] = []
        self.stage = Stage.KATA

    def compose(self) -> ComposeResult:
        """Lay out the clock, the text or the question, and the keys."""
        yield Static(id="summary", markup=False)
        with Pane():
            yield Static(id="text", markup=False)
        yield self.pane
        yield Keys()

    def on_mount(self) -> None:
        """Set the kata, and let the clock tick."""
        self.set_interval(1.0, self.tick)
        self._since = self._timer()
        if self.sitting.planned.kata is None:
            self._next()
            return
        kept = self.sitting.lay_down()
        if kept is not None:
            self.notify(f"Your earlier answer is kept as {kept.name}.", markup=False)
        self._enter(Stage.KATA)

    def on_resize(self) -> None:
        """Break the statement anew."""
        if self.stage is Stage.KATA:
            self._show_kata()

    def on_unmount(self) -> None:
        """Leave nothing running, and the interview remembered."""
        if self._job is not None:
            self._job.stop()
        if self.stage is Stage.QUESTION:
            self._keep_writing()
        self.sitting.close()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer each key where it does something."""
        match action:
            case "edit" | "hand_in":
                return self.stage is Stage.KATA
            case "skip":
                return self.stage in (Stage.KATA, Stage.QUESTION, Stage.RUBRIC)
            case "rate":
                return self.stage in (Stage.RATING, Stage.RUBRIC)
        return True

    def action_edit(self) -> None:
        """Open the kata."""
        if self.sitting.planned.kata is not None:
            self.post_message(EditorWanted(self.sitting.planned.kata))

    def action_hand_in(self) -> None:
        """Hand the kata in; it is graded while the interview goes on."""
        self._hand_in(is_given_up=False)

    def action_skip(self) -> None:
        """Leave the kata, the question or the line of the rubric."""
        if self.stage is Stage.KATA:
            self._hand_in(is_given_up=True)
        elif self.stage is Stage.QUESTION:
            self._take(QuestionPane.Given((), ""))
        else:
            self._graded.append(0)
            self._look_back()

    def action_rate(self, rating: int) -> None:
        """Rate an open answer, or grade a line of the rubric."""
        if self.stage is Stage.RUBRIC:
            self.sitting.grade(RUBRIC[len(self._graded)], rating)
            self._graded.append(rating)
        elif self._reply is not None:
            points = self.pane.points
            ticked = [text for text in points.items if text in points.chosen]
            self.sitting.rate(self._reply, ticked, Rating(rating))
        self._look_back()

    def action_leave(self) -> None:
        """Go back from the report; before it, end the interview when asked twice."""
        if self.stage is Stage.REPORT or self._is_sure:
            self.dismiss()
        else:
            self._is_sure = True
            self.notify("Esc once more ends the interview; what you answered is kept.", timeout=2)

    @on(QuestionPane.Given)
    def _take(self, event: QuestionPane.Given) -> None:
        if self.stage is Stage.QUESTION and self._asked is not None:
            self.sitting.reply(self._asked, event.answer, event.text, self._timer() - self._since)
            self._next()

    @on(Found)
    def _find(self, event: Found) -> None:
        self.sitting.found(event.finding)
        if self.stage is Stage.REPORT:
            self._report()

    def _hand_in(self, *, is_given_up: bool) -> None:
        kata = self.sitting.planned.kata
        assert kata is not None
        code = "" if is_given_up else kata.stub.read_text(encoding="utf-8", errors="replace")
        self.sitting.hand_in(self._timer() - self._since, code=code)
        if not is_given_up and self._job is not None:
            job = self._job
            self.run_worker(lambda: job.run(lambda one: self.post_message(Found(one))), thread=True)
        self._next()

    def _next(self) -> None:
        """Ask what comes next; when all is asked or the time is up, look back."""
        self._is_sure = False
        if not self._to_ask or self.sitting.left.total_seconds() <= 0:
            self.sitting.stop()
            self._look_back()
            return
        self._asked = self._to_ask.pop(0)
        self._since = self._timer()
        self.pane.show(self._asked)
        self._enter(Stage.QUESTION)

    def _look_back(self) -> None:
        """Rate the open answers, then grade the rubric, then read the report."""
        self._is_sure = False
        if self.sitting.to_rate:
            self._reply = self.sitting.to_rate[0]
            self.pane.show(self._reply.asked, draft=self._reply.text)
            self.pane.tick(self._reply.asked.question)
            self._enter(Stage.RATING)
        elif len(self._graded) < len(RUBRIC):
            self._fill(
                f"**{RUBRIC[len(self._graded)]}**\n\nGrade yourself: 1 not at all, to 4 fully. `n` leaves it."
            )
            self._enter(Stage.RUBRIC)
        else:
            self._report()

    def _report(self) -> None:
        text = self.sitting.close()
        self._fill(f"{text}\n\nSaved as `{self.sitting.path}`.")
        self._enter(Stage.REPORT)

    def tick(self) -> None:
        """Show the time that is left, and end the asking when it is up."""
        if self.stage in (Stage.KATA, Stage.QUESTION):
            if self.sitting.left.total_seconds() > 0:
                self._sum()
                return
            self.notify("The time is up.")
            if self.stage is Stage.KATA:
                self._hand_in(is_given_up=False)
            else:
                self._time_is_up()

    def _time_is_up(self) -> None:
        """Keep what is being written, and stop asking."""
        self._keep_writing()
        self._to_ask.clear()
        self._next()

    def _keep_writing(self) -> None:
        """Take an open answer as far as it is written."""
        if self._asked is not None and self._is_open(self._asked) and self.pane.written.text.strip():
            self.sitting.reply(self._asked, (), self.pane.written.text, self._timer() - self._since)

    def _is_open(self, asked: Asked) -> bool:
        return asked.question.kind is QuestionKind.OPEN

    def _enter(self, stage: Stage) -> None:
        self.stage = stage
        is_asking = stage in (Stage.QUESTION, Stage.RATING)
        self.pane.display = is_asking
        pane = self.query_one(Pane)
        pane.display = not is_asking
        if not is_asking:
            pane.focus()
            pane.scroll_home(animate=False)
        self._sum()
        self.refresh_bindings()
        if stage is Stage.KATA:
            self._show_kata()

    def _show_kata(self) -> None:
        kata = self.sitting.planned.kata
        if kata is not None:
            how = f"Write it in {kata.stub}: `o` opens it, Enter hands it in, `n` gives it up."
            statement = flow(kata.statement, min(self.size.width - 6, 96))
            self.query_one("#text", Static).update(plain(f"{how}\n\n{statement}", self._look))

    def _fill(self, text: str) -> None:
        self.query_one("#text", Static).update(Prose(text, self._look))

    def _sum(self) -> None:
        left = interview.clock(self.sitting.left)
        asked = len(self.sitting.outcome.replies) + 1
        total = len(self.sitting.planned.questions) + len(self.sitting.planned.follow_ups)
        kata = self.sitting.planned.kata
        what = f"kata {kata.id}, {kata.minutes} minutes" if kata else ""
        text = {
            Stage.KATA: f"{left} left  ·  {what}",
            Stage.QUESTION: f"{left} left  ·  question {min(asked, total)} of {total}",
            Stage.RATING: f"Looking back: {len(self.sitting.to_rate)} open answers to compare and rate",
            Stage.RUBRIC: f"Looking back: line {len(self._graded) + 1} of {len(RUBRIC)}",
            Stage.REPORT: "The report",
        }[self.stage]
        self.query_one("#summary", Static).update(plain(text, self._look))
