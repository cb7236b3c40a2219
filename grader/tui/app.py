"""The app: owns the desk, answers what screens ask for, and leaves the terminal as it was."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import ClassVar

from textual import on
from textual.app import App, SuspendNotSupported, SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen

from grader import desk as desks
from grader import editor
from grader.desk import Clock, Desk
from grader.places import Places
from grader.render import Look
from grader.tui.grading import Graded, GradingScreen
from grader.tui.help import HelpScreen
from grader.tui.hint import HintScreen
from grader.tui.job import Job
from grader.tui.kata_screen import EditorWanted, GradeWanted, HintWanted, KataScreen, StatementWanted
from grader.tui.overview import Overview
from grader.tui.statement import StatementScreen

PYTEST = (sys.executable, "-m", "pytest")


def make_app(
    places: Places,
    *,
    environ: Mapping[str, str],
    clock: Clock | None = None,
    command: Sequence[str] = PYTEST,
    look: Look | None = None,
) -> DojoApp:
    """Make the app for a workspace; ``command`` is what runs pytest."""
    return DojoApp(desks.sit_down(places, clock=clock), environ=environ, command=command, look=look or Look())


class DojoApp(App[None]):
    """The learner's app."""

    TITLE = "cv-dojo"
    CSS_PATH = "dojo.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "f1,question_mark", "help", "Help", id="app.help", tooltip="What this screen shows, and its keys"
        ),
    ]

    def __init__(self, desk: Desk, *, environ: Mapping[str, str], command: Sequence[str], look: Look) -> None:
        super().__init__()
        self.desk = desk
        self._environ = environ
        self._command = command
        self._look = look
        # The last part of COLORFGBG is the background; 7 and 15 are the light ones.
        if environ.get("COLORFGBG", "").rpartition(";")[2] in ("7", "15"):
            self.theme = "textual-light"

    def on_mount(self) -> None:
        """Show the katas, and what is wrong with them or with the record."""
        self._end_politely()
        self.push_screen(Overview(self.desk, self._look))
        for problem in self.desk.catalog.problems:
            self.notify(f"Left out: {problem}", severity="warning", markup=False)
        if self.desk.record.notice:
            self.notify(self.desk.record.notice, severity="warning", markup=False, timeout=10)

    def on_unmount(self) -> None:
        """Let go of the record."""
        self.desk.record.close()

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Offer the keys of the screen in the command palette too."""
        yield from super().get_system_commands(screen)
        if isinstance(screen, KataScreen) and screen.kata is not None:
            yield SystemCommand("Grade", f"Grade {screen.kata.id}", screen.action_grade)
            yield SystemCommand("Hint", f"The next hint for {screen.kata.id}", screen.action_hint)
            yield SystemCommand("Open", f"Open {screen.kata.id} in your editor", screen.action_edit)

    def action_help(self) -> None:
        """Show the help of the screen one is on."""
        if isinstance(self.screen, HelpScreen):
            return
        keys: dict[str, list[str]] = {}
        for _, binding, _, _ in self.screen.active_bindings.values():
            if binding.tooltip:
                keys.setdefault(binding.tooltip, []).append(self.get_key_display(binding))
        self.push_screen(HelpScreen(self.screen.HELP or self.TITLE, keys))

    @on(StatementWanted)
    def _show_statement(self, wanted: StatementWanted) -> None:
        self.push_screen(StatementScreen(self.desk, wanted.kata))

    @on(GradeWanted)
    def _grade(self, wanted: GradeWanted) -> None:
        kata = wanted.kata
        if missing := [path for path in (kata.test, kata.stub) if not path.is_file()]:
            self.notify(
                f"{missing[0]} is missing: `dojo init` brings it back.", severity="error", markup=False
            )
            return
        job = Job(kata, places=self.desk.places, environ=self._environ, command=self._command)
        screen = GradingScreen(kata, job, self._look)
        if isinstance(self.screen, GradingScreen):
            self.switch_screen(screen)
        else:
            self.push_screen(screen)

    @on(HintWanted)
    def _hint(self, wanted: HintWanted) -> None:
        hint = desks.next_hint(self.desk, wanted.kata)
        if isinstance(self.screen, HintScreen):
            self.screen.show(hint)
        else:
            self.push_screen(HintScreen(wanted.kata, hint))
        self._refresh_states()

    @on(EditorWanted)
    def _edit(self, wanted: EditorWanted) -> None:
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
        for screen in self.screen_stack:
            if isinstance(screen, KataScreen):
                screen.refresh_state()

    def _end_politely(self) -> None:
        """Leave through the ordinary exit on SIGTERM and SIGHUP, which mends the terminal."""
        loop = asyncio.get_running_loop()
        for name in ("SIGTERM", "SIGHUP"):
            if (number := getattr(signal, name, None)) is not None:
                with suppress(NotImplementedError, RuntimeError, ValueError):
                    loop.add_signal_handler(number, partial(self.exit, return_code=128 + number))
