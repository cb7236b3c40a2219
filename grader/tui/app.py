"""The app: owns the desk, answers what screens ask for, and leaves the terminal as it was."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from random import Random
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import App, SuspendNotSupported, SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen

from grader.practice import desk as desks
from grader.practice.desk import Clock, Desk
from grader.text.render import Look
from grader.tui.grader import Grader
from grader.tui.home import HomeScreen
from grader.tui.opening import Opening
from grader.tui.wanted import (
    CramWanted,
    EditorWanted,
    Graded,
    GradeWanted,
    HintWanted,
    InterviewWanted,
    LessonWanted,
    StatementWanted,
    TrackQuizWanted,
)
from grader.workspace.places import Places

if TYPE_CHECKING:
    from grader.practice.practice import Practice
    from grader.practice.quiz import Only, Quiz
    from grader.tui.standing import Statistics, Today


def make_app(
    places: Places,
    *,
    environ: Mapping[str, str],
    clock: Clock | None = None,
    command: Sequence[str] | None = None,
    look: Look | None = None,
    chance: Random | None = None,
    practise: Callable[[Desk], Practice] | None = None,
) -> DojoApp:
    """Make the app for a workspace; ``command`` grades cold instead of warm, ``practise`` opens questions."""
    desk = desks.sit_down(places, clock=clock)
    opening = Opening(desk, environ=environ, make=practise)
    look, chance = look or Look(), chance or Random()
    return DojoApp(opening, environ=environ, command=command, look=look, chance=chance)


class DojoApp(App[None]):
    """The learner's app: screens say what they want, and here it is done."""

    TITLE = "cv-dojo"
    CSS_PATH = "dojo.tcss"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (76, "-wide")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "f1,question_mark", "help", "Help", id="app.help", tooltip="What this screen shows, and its keys"
        ),
        # Whoever presses this wants to leave; what was answered is saved. Text fields copy a selection first.
        Binding("ctrl+c", "interrupt", "Quit", id="app.interrupt", tooltip="Leave at once", show=False),
    ]

    def __init__(
        self,
        opening: Opening,
        *,
        environ: Mapping[str, str],
        command: Sequence[str] | None,
        look: Look,
        chance: Random,
    ) -> None:
        super().__init__()
        self.desk = opening.desk
        self.opening = opening
        self._environ = environ
        self._grader = Grader(environ=environ, command=command)
        self._look = look
        self._chance = chance
        # The last part of COLORFGBG is the background; 7 and 15 are the light ones.
        if environ.get("COLORFGBG", "").rpartition(";")[2] in ("7", "15"):
            self.theme = "textual-light"

    def get_default_screen(self) -> Screen[None]:
        """Begin with the day."""
        return HomeScreen(self._today, self._look)

    def on_mount(self) -> None:
        """Say what is wrong with the katas or with the record."""
        self._end_politely()
        self.set_class(not self._look.unicode, "-ascii")
        for problem in self.desk.catalog.problems:
            self.notify(f"Left out: {problem}", severity="warning", markup=False)
        if self.desk.record.notice:
            self.notify(self.desk.record.notice, severity="warning", markup=False, timeout=10)

    def on_unmount(self) -> None:
        """Let go of the record and of what grades."""
        self._grader.close()
        self.desk.record.close()

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Offer the keys of the screen in the command palette too."""
        yield from super().get_system_commands(screen)
        for _, binding, enabled, _ in screen.active_bindings.values():
            if enabled and binding.tooltip and (binding.id or "").partition(".")[0] in _OFFERED:
                run = partial(screen.run_action, binding.action)
                yield SystemCommand(binding.description, binding.tooltip, run)

    def get_key_display(self, binding: Binding) -> str:
        """Write keys in letters where the console has no signs for them."""
        shown = super().get_key_display(binding)
        return shown if self._look.unicode or shown.isascii() else binding.key.replace("_", " ")

    def action_help(self) -> None:
        """Show the help of the screen one is on."""
        from grader.tui.help import HelpScreen

        if isinstance(self.screen, HelpScreen):
            return
        keys: dict[str, list[str]] = {}
        for _, binding, _, _ in self.screen.active_bindings.values():
            if binding.tooltip:
                keys.setdefault(binding.tooltip, []).append(self.get_key_display(binding))
        self.push_screen(HelpScreen(self.screen.HELP or self.TITLE, keys, self._look))

    def action_interrupt(self) -> None:
        """Leave as a program that was interrupted does."""
        self.exit(return_code=130)

    def action_katas(self) -> None:
        """Show the katas."""
        from grader.tui.katas import KatasScreen

        self.push_screen(KatasScreen(self.desk, self._look))

    def action_quiz(self) -> None:
        """Ask what is due."""
        self._quiz()

    def action_study(self) -> None:
        """Show the lessons."""
        from grader.tui.study import StudyScreen

        self.push_screen(StudyScreen(self.desk.places, self._look))

    def action_stats(self) -> None:
        """Show the statistics."""
        from grader.tui.stats import StatsScreen

        self.push_screen(StatsScreen(self._statistics, self._look))

    def action_plan(self) -> None:
        """Show the plan."""
        from grader.tui.plan import PlanScreen

        self.push_screen(PlanScreen(self.opening.practice, self._look))

    def action_interview(self) -> None:
        """Let the learner choose an interview."""
        from grader.tui.invite import InviteScreen

        self.push_screen(InviteScreen(tuple(dict.fromkeys(kata.track for kata in self.desk.catalog))))

    @on(CramWanted)
    def _cram(self) -> None:
        self._quiz(is_cram=True)

    @on(TrackQuizWanted)
    def _ask_track(self, wanted: TrackQuizWanted) -> None:
        from grader.practice.quiz import Only

        self._quiz(Only(track=wanted.track))

    @on(InterviewWanted)
    def _interview(self, wanted: InterviewWanted) -> None:
        from grader.practice.interview import NoInterview
        from grader.tui import sitting
        from grader.tui.interview import InterviewScreen

        try:
            begun = sitting.prepare(
                self.opening.practice(), track=wanted.track, minutes=wanted.minutes, chance=self._chance
            )
        except NoInterview as problem:
            self.notify(str(problem), severity="warning", markup=False)
            return
        kata = begun.planned.kata
        job = None
        if kata is not None:
            job = self._grader.job(kata, places=self.desk.places, source="interview")
        self.switch_screen(InterviewScreen(begun, job, self._look))

    @on(StatementWanted)
    def _show_statement(self, wanted: StatementWanted) -> None:
        from grader.tui.statement import StatementScreen

        self._grader.warm_up(self.desk.places)
        self.push_screen(StatementScreen(self.desk, wanted.kata))

    @on(LessonWanted)
    def _show_lesson(self, wanted: LessonWanted) -> None:
        from grader.tui.study import LessonScreen

        lesson = wanted.kata.stub.with_name("README.md")
        if lesson.is_file():
            self.push_screen(LessonScreen(lesson, self._look))
        else:
            self.notify(f"{wanted.kata.track} has no lesson yet.", markup=False)

    @on(GradeWanted)
    def _grade(self, wanted: GradeWanted) -> None:
        from grader.tui.grading import GradingScreen

        kata = wanted.kata
        if missing := [path for path in (kata.test, kata.stub) if not path.is_file()]:
            sentence = f"{missing[0]} is missing: `dojo init` brings it back."
            self.notify(sentence, severity="error", markup=False)
            return
        job = self._grader.job(kata, places=self.desk.places)
        screen = GradingScreen(kata, job, self._look)
        if isinstance(self.screen, GradingScreen):
            self.switch_screen(screen)
        else:
            self.push_screen(screen)

    @on(HintWanted)
    def _hint(self, wanted: HintWanted) -> None:
        from grader.tui.hint import HintScreen

        hint = desks.next_hint(self.desk, wanted.kata)
        if isinstance(self.screen, HintScreen):
            self.screen.show(hint)
        else:
            self.push_screen(HintScreen(wanted.kata, hint))
        self._refresh_states()

    @on(EditorWanted)
    def _edit(self, wanted: EditorWanted) -> None:
        import subprocess

        from grader.workspace import editor

        try:
            words = editor.command(wanted.kata.stub, environ=self._environ)
            with self.suspend():
                subprocess.call(words)
        except editor.NoEditor as error:
            self.notify(str(error), severity="error", markup=False)
        except (SuspendNotSupported, OSError) as error:
            sentence = f"The editor cannot be opened here ({error}): open {wanted.kata.stub} yourself."
            self.notify(sentence, severity="error", markup=False)
        self._refresh_states()

    @on(Graded)
    def _refresh_states(self) -> None:
        from grader.tui.kata_screen import KataScreen

        for screen in self.screen_stack:
            if isinstance(screen, KataScreen):
                screen.refresh_state()

    def _quiz(self, only: Only | None = None, *, is_cram: bool = False) -> None:
        from grader.tui.quiz import QuizScreen

        def begin() -> Quiz:
            return self.opening.practice().begin(only, chance=self._chance, is_cram=is_cram)

        self.push_screen(QuizScreen(begin, self._look, clock=self.desk.clock))

    def _today(self) -> Today:
        from grader.tui import standing

        return standing.today(self.opening.practice())

    def _statistics(self) -> Statistics:
        from grader.tui import standing

        return standing.statistics(self.opening.practice())

    def _end_politely(self) -> None:
        """Leave through the ordinary exit on SIGTERM and SIGHUP, which mends the terminal."""
        loop = asyncio.get_running_loop()
        for name in ("SIGTERM", "SIGHUP"):
            if (number := getattr(signal, name, None)) is not None:
                with suppress(NotImplementedError, RuntimeError, ValueError):
                    loop.add_signal_handler(number, partial(self.exit, return_code=128 + number))


_OFFERED = ("home", "kata", "quiz", "lesson", "plan", "interview", "invite")
"""The screens, by the first part of their bindings' ids, whose keys the command palette offers too."""
