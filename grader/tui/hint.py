"""One hint, shown because it was asked for."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from grader.model import KataInfo
from grader.practice.desk import Hint
from grader.tui.wanted import HintWanted


class HintScreen(ModalScreen[None]):
    """A hint with its level; `h` goes one level further."""

    HELP = "Hints go from a nudge to nearly the answer. Each one you see is remembered."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,q", "dismiss", "Close", id="hint.close", tooltip="Back to work"),
        Binding("h", "further", "Next hint", id="hint.further", tooltip="One level further"),
    ]

    def __init__(self, kata: KataInfo, hint: Hint) -> None:
        super().__init__()
        self._kata = kata
        self._hint = hint

    def compose(self) -> ComposeResult:
        """Lay out the level, the hint and the keys."""
        with Vertical(classes="dialog"):
            yield Static(id="level", markup=False)
            yield Static(id="hint", markup=False)
            yield Static(id="keys", markup=False)

    def on_mount(self) -> None:
        """Fill in the hint."""
        self.show(self._hint)

    def show(self, hint: Hint) -> None:
        """Show a hint in place of the one before."""
        self._hint = hint
        further = "h: one further   " if hint.level < hint.of else ""
        self.query_one("#level", Static).update(f"Hint {hint.level} of {hint.of}: {self._kata.name}")
        self.query_one("#hint", Static).update(hint.text)
        self.query_one("#keys", Static).update(f"{further}Esc: back to work")

    def action_further(self) -> None:
        """Ask for the next level, while there is one."""
        if self._hint.level < self._hint.of:
            self.post_message(HintWanted(self._kata))
