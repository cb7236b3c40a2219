"""One grading session on the screen: verdicts as they come, the story of the one that is highlighted."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from grader.model import KataInfo, Kind, Verdict
from grader.text.render import Look, outcome, story
from grader.tui.job import Job
from grader.tui.kata_screen import KataScreen
from grader.tui.keys import Keys
from grader.tui.pane import Pane
from grader.tui.wanted import Graded
from grader.watching.events import Happening, Saved
from grader.watching.saves import Saves
from grader.workspace.runner import CheckDone, End, Failing, Finding, KataDone, Problem


class FileChanged(Message):
    """The learner has saved, or the file is gone."""

    def __init__(self, event: Happening) -> None:
        super().__init__()
        self.event = event


class Found(Message):
    """The grading process has found something."""

    def __init__(self, finding: Finding) -> None:
        super().__init__()
        self.finding = finding


class Checks(OptionList):
    """The verdicts, one line each."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", "Down", id="checks.down", tooltip="Next check", show=False),
        Binding("k", "cursor_up", "Up", id="checks.up", tooltip="Previous check", show=False),
    ]


class GradingScreen(KataScreen):
    """The checks of one kata and their stories; stays until the learner leaves."""

    HELP = "Up and down choose a check, Tab goes to its story. Saving your file grades it again; so does `r`."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "app.pop_screen", "Back", id="grading.back", tooltip="Stop and go back"),
        Binding("q", "app.pop_screen", "Back", id="grading.leave", tooltip="Stop and go back", show=False),
        Binding(
            "tab", "app.focus_next", "Story", id="grading.story", tooltip="Scroll the story, or the checks"
        ),
    ]

    def __init__(self, kata: KataInfo, job: Job, look: Look) -> None:
        super().__init__()
        self._saves: Saves | None = None
        self._is_due = False
        self._kata = kata
        self._job = job
        self._look = look
        self._verdicts: list[Verdict] = []
        self._is_idle = False

    @property
    def kata(self) -> KataInfo:
        """The kata that is graded."""
        return self._kata

    def compose(self) -> ComposeResult:
        """Lay out the outcome, the checks and the story."""
        yield Static(f"Grading {self._kata.id} ...", id="summary", markup=False)
        yield Checks(id="checks", markup=False)
        with Pane():
            yield Static(id="story", markup=False)
        yield Keys()

    def on_mount(self) -> None:
        """Begin to grade."""
        self.query_one("#checks").focus()
        self.run_worker(lambda: self._job.run(lambda one: self.post_message(Found(one))), thread=True)
        self._saves = Saves(self._kata.stub, lambda event: self.post_message(FileChanged(event)))

    def on_unmount(self) -> None:
        """Leave nothing running behind."""
        self._job.stop()
        if self._saves is not None:
            self._saves.close()

    def action_grade(self) -> None:
        """Grade again, unless this session still runs."""
        if not self._job.is_running:
            super().action_grade()

    @on(FileChanged)
    def _grade_anew(self, changed: FileChanged) -> None:
        """Grade what was saved, also while a run is on; later, if something lies above this screen."""
        if not isinstance(changed.event, Saved):
            return
        self._is_due = not self.is_current
        if self.is_current:
            super().action_grade()

    def on_screen_resume(self) -> None:
        """Grade what was saved while something else was on the screen."""
        if self._is_due:
            self._is_due = False
            super().action_grade()

    @on(Found)
    def _show(self, event: Found) -> None:
        match event.finding:
            case CheckDone(verdict) | Failing(verdict):
                self._add(verdict)
            case KataDone() as done:
                self._sum(outcome(done, self._look))
                if done.kind is Kind.TODO:
                    self._tell("Write your answer in place of `raise NotImplementedError`, then grade again.")
            case Problem(sentence, tail):
                self._sum(sentence)
                self._tell(tail)
        if isinstance(event.finding, End | Problem):
            self.post_message(Graded())

    def _add(self, verdict: Verdict) -> None:
        """Add a check's line; the first failure is highlighted, so that its story is told."""
        self._is_idle = self._is_idle or verdict.kind is Kind.TODO
        if self._is_idle:
            return
        word = "passed" if verdict.passed else "waits" if verdict.kind is Kind.WAITS else "failed"
        style = {"passed": "green", "waits": "dim", "failed": "red"}[word]
        behind = "" if verdict.passed else f"  [{verdict.kind}]"
        checks = self.query_one("#checks", Checks)
        if self._verdicts and self._verdicts[-1].check == verdict.check:
            # The whole story of a failure that was told in short before.
            self._verdicts[-1] = verdict
            if checks.highlighted == len(self._verdicts) - 1:
                self._tell("\n".join(story(verdict.story, verdict.mistake, self._look)))
            return
        is_first_failure = word == "failed" and all(v.passed for v in self._verdicts)
        self._verdicts.append(verdict)
        checks.add_option(Option(Text.assemble((self._look.mark(word), style), f" {verdict.title}{behind}")))
        if is_first_failure:
            checks.highlighted = len(self._verdicts) - 1

    @on(OptionList.OptionHighlighted)
    def _tell_chosen(self, event: OptionList.OptionHighlighted) -> None:
        verdict = self._verdicts[event.option_index]
        self._tell("\n".join(story(verdict.story, verdict.mistake, self._look)) or "This check passes.")

    def _sum(self, text: str) -> None:
        self.query_one("#summary", Static).update(text)

    def _tell(self, text: str) -> None:
        self.query_one("#story", Static).update(text)
        self.query_one(Pane).scroll_home(animate=False)
