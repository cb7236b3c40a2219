"""What every screen about a kata offers: grade it, take a hint, open it. The app does the work."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.screen import Screen

from grader.model import KataInfo
from grader.tui.wanted import EditorWanted, GradeWanted, HintWanted, KataMessage, LessonWanted


class KataScreen(Screen[None]):
    """A screen that has one kata in view."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "grade", "Grade", id="kata.grade", tooltip="Grade what you wrote"),
        Binding("h", "hint", "Hint", id="kata.hint", tooltip="Show the next hint; it is remembered"),
        Binding("o", "edit", "Open", id="kata.edit", tooltip="Open your file in $VISUAL or $EDITOR"),
        Binding("s", "lesson", "Study", id="kata.lesson", tooltip="Read the lesson of this track"),
    ]

    @property
    def kata(self) -> KataInfo | None:
        """The kata in view, if any."""
        raise NotImplementedError

    def refresh_state(self) -> None:
        """Show the states anew; the app calls it when something changed."""

    def action_grade(self) -> None:
        """Ask for grading."""
        self._ask(GradeWanted)

    def action_hint(self) -> None:
        """Ask for the next hint."""
        self._ask(HintWanted)

    def action_edit(self) -> None:
        """Ask for the editor."""
        self._ask(EditorWanted)

    def action_lesson(self) -> None:
        """Ask for the lesson."""
        self._ask(LessonWanted)

    def _ask(self, message: type[KataMessage]) -> None:
        if self.kata is None:
            self.notify("Choose a kata first.")
        else:
            self.post_message(message(self.kata))
