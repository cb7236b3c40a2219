"""One question on the screen: what is asked, the place for the answer, and what there is to learn from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static, TextArea

from grader.model import Question, QuestionKind
from grader.practice import answers
from grader.practice.answers import Judgement, Unreadable
from grader.practice.quiz import Asked
from grader.text.render import Look
from grader.tui.options import Mode, Options
from grader.tui.prose import Prose, plain

_MODES = {
    QuestionKind.ONE: Mode.ONE,
    QuestionKind.BUG: Mode.ONE,
    QuestionKind.SEVERAL: Mode.SEVERAL,
    QuestionKind.ORDER: Mode.ORDER,
}
_HOW = {
    QuestionKind.ONE: "Choose one: its letter or number.",
    QuestionKind.BUG: "Choose one: its letter or number.",
    QuestionKind.SEVERAL: "Choose all that are right with letters or Space, then Enter.",
    QuestionKind.ORDER: "Space takes a line along, arrows move it, Enter answers.",
    QuestionKind.SHAPE: "Type the shape, [8, 64, 28, 28] for instance. Enter on nothing: I do not know.",
    QuestionKind.NUMBER: "Type the number. Enter on nothing: I do not know.",
    QuestionKind.OPEN: "Answer in your own words, in writing or aloud, then Ctrl+S.",
}


class Writing(TextArea):
    """A place for an answer in one's own words."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s,f2", "done", "Done", id="writing.done", tooltip="Done: compare with the key points"),
    ]

    class Done(Message):
        """The answer is written."""

    def action_done(self) -> None:
        """End writing."""
        self.post_message(self.Done())


class Typed(Input):
    """A line for a number or a shape."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "Answer", id="typed.submit", tooltip="Give this answer"),
    ]


class QuestionPane(VerticalScroll, can_focus=True):
    """Shows a question, takes the answer, shows what came of it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "scroll_down", "Down", id="question.down", tooltip="Scroll down", show=False),
        Binding("k", "scroll_up", "Up", id="question.up", tooltip="Scroll up", show=False),
    ]

    class Given(Message):
        """An answer was given; for an open question, only what was written."""

        def __init__(self, answer: tuple[str, ...], text: str | None = None) -> None:
            super().__init__()
            self.answer = answer
            self.text = text

    def __init__(self, look: Look) -> None:
        super().__init__(id="question")
        self._look = look
        self._asked: Asked | None = None
        self._is_sure = False
        self.options = Options(look, id="options")
        """The options to choose from."""
        self.typed = Typed(id="typed", select_on_focus=False)
        """The line for a number or a shape."""
        self.written = Writing(
            id="written", show_line_numbers=False, soft_wrap=True, highlight_cursor_line=False
        )
        """The place for an answer in one's own words."""
        self.points = Options(look, id="points")
        """The key points to tick."""

    def compose(self) -> ComposeResult:
        """Lay out all that a question may need; what it does not need is hidden."""
        yield Static(id="ask", markup=False)
        yield Static(id="code", markup=False)
        yield Static(id="how", markup=False)
        yield self.options
        yield self.typed
        yield self.written
        yield Static(id="yours", markup=False)
        yield Static(id="verdict", markup=False)
        yield self.points
        yield Static(id="why", markup=False)

    def show(self, asked: Asked, *, draft: str = "") -> None:
        """Ask a question anew."""
        self._asked, self._is_sure = asked, False
        question = asked.question
        mode = _MODES.get(question.kind)
        is_typed = question.kind in (QuestionKind.NUMBER, QuestionKind.SHAPE)
        self._fill("ask", question.ask)
        self._fill("code", f"```python\n{question.code.rstrip()}\n```" if question.code else "")
        self._fill("how", _HOW[question.kind])
        for name in ("yours", "verdict", "points", "why"):
            self.query_one(f"#{name}").display = False
        self.options.display = mode is not None
        if mode is not None:
            self.options.ask(asked.options, mode)
        self.typed.display = is_typed
        self.typed.value, self.typed.disabled = "", False
        self.typed.placeholder = question.unit
        self.written.display = question.kind is QuestionKind.OPEN
        self.written.load_text(draft)
        self.written.disabled = False
        self.scroll_home(animate=False)
        place: Widget = self.options if mode is not None else self.typed if is_typed else self.written
        place.focus()

    def tick(self, question: Question) -> None:
        """Show the key points of an open question, to be ticked, with the model answer."""
        self.written.disabled, self.written.display = True, False
        self._fill("yours", f"**You wrote.** {self.written.text.strip() or '(nothing)'}")
        self._fill(
            "how", "Tick what your answer said, by letter, then rate it: 1 Again, 2 Hard, 3 Good, 4 Easy."
        )
        self.points.display = True
        self.points.ask(question.points, Mode.POINTS)
        self._fill("why", f"**Model answer.**{_gap(question.why)}{question.why}{_source(question.source)}")
        self.points.focus()
        self.call_after_refresh(self.scroll_to_widget, self.query_one("#how"), animate=False, top=True)

    def reveal(self, judgement: Judgement, note: str, answer: Sequence[str] = ()) -> None:
        """Show what came of the answer."""
        assert self._asked is not None
        question = self._asked.question
        self._fill("how", "")
        self.typed.disabled = True
        if self.options.display:
            self.options.chosen = set(answer) if self.options.mode is not Mode.ORDER else set()
            self.options.reveal(question.answer, question.but)
        if judgement.correct is not None:
            word = self._mark(judgement.correct)
            right = "" if self.options.display else f" The answer is `{judgement.right}`."
            self._fill("verdict", f"**{word}**{right}  {note}")
            self._fill("why", f"**Why.**{_gap(judgement.why)}{judgement.why}{_source(judgement.source)}")
        else:
            self.points.is_open = False
            self.points.draw()
            self._fill("verdict", note)
        self.focus()
        if judgement.correct is not None:
            # The verdict stands below the options, which may have grown by their reasons.
            self.call_after_refresh(self._come_to_verdict)

    @on(Options.Submitted)
    def _take_options(self, event: Options.Submitted) -> None:
        event.stop()
        if event.control is not self.points:
            self.post_message(self.Given(event.texts))

    @on(Options.Unready)
    def _remind(self, event: Options.Unready) -> None:
        event.stop()
        self._fill("how", "Choose first: a letter, or the arrows and then Enter.")

    @on(Input.Submitted)
    def _take_line(self, event: Input.Submitted) -> None:
        event.stop()
        assert self._asked is not None
        question = self._asked.question
        if not event.value.strip():
            if self._is_sure:
                self.post_message(self.Given(unknown(question), ""))
            else:
                self._is_sure = True
                self._fill(
                    "how", "Nothing is typed. Enter once more shows the answer: it counts as not known."
                )
            return
        try:
            self.post_message(self.Given(answers.read(question, event.value), event.value.strip()))
        except Unreadable as slip:
            self._fill("how", str(slip))

    @on(Input.Changed)
    def _think_again(self) -> None:
        self._is_sure = False

    @on(Writing.Done)
    def _take_text(self, event: Writing.Done) -> None:
        event.stop()
        self.post_message(self.Given((), self.written.text))

    def _fill(self, name: str, text: str) -> None:
        place = self.query_one(f"#{name}", Static)
        place.update(Prose(text, self._look))
        place.display = bool(text)

    def _mark(self, correct: bool) -> str:
        return plain("✓ Right." if correct else "✗ Not right.", self._look).lstrip("? ")

    def _come_to_verdict(self) -> None:
        self.scroll_to_widget(self.query_one("#verdict"), animate=False)


def unknown(question: Question) -> tuple[str, ...]:
    """Return an answer that is surely wrong, for a learner who says that they do not know."""
    if question.kind is QuestionKind.NUMBER and question.number is not None:
        return (repr(question.number + 1 + 2 * question.tolerance),)
    return ("0",)


def _source(source: str) -> str:
    return f"\n\n*Source:* {source}" if source else ""


def _gap(text: str) -> str:
    """Return what stands between a heading word and a text, which may be a list."""
    return "\n\n" if text.startswith(("- ", "* ")) else " "
