"""Before a mock interview: how long, and about what."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.screen import Screen
from textual.widgets import Label, OptionList, Static
from textual.widgets.option_list import Option

from grader.tui.keys import Keys
from grader.tui.wanted import InterviewWanted

MINUTES = (15, 30, 45, 60, 90)


class Topics(OptionList):
    """What the interview is about."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select", "Begin", id="topics.begin", tooltip="Begin; the clock starts at once"),
        Binding("j", "cursor_down", "Down", id="topics.down", tooltip="Next topic", show=False),
        Binding("k", "cursor_up", "Up", id="topics.up", tooltip="Previous topic", show=False),
    ]


class InviteScreen(Screen[None]):
    """The choice of a topic and of the minutes."""

    HELP = "Choose a topic and how long; Enter starts the clock. A kata, questions, follow-ups, and no hints."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("plus,right", "longer(1)", "Longer", id="invite.longer", tooltip="More minutes"),
        Binding("minus,left", "longer(-1)", "Shorter", id="invite.shorter", tooltip="Fewer minutes"),
        Binding("escape", "app.pop_screen", "Back", id="invite.back", tooltip="Back to the day"),
        Binding("q", "app.pop_screen", "Back", id="invite.leave", tooltip="Back to the day", show=False),
    ]

    def __init__(self, tracks: tuple[str, ...]) -> None:
        super().__init__()
        self._tracks = tracks
        self._place = MINUTES.index(45)

    def compose(self) -> ComposeResult:
        """Lay out the minutes and the topics."""
        yield Static("Mock interview", id="summary", markup=False)
        with Horizontal(id="fields"):
            yield Label(id="minutes", markup=False)
        yield Topics(*(Option(name) for name in ("all tracks", *self._tracks)), id="topics", markup=False)
        yield Keys()

    def on_mount(self) -> None:
        """Show the minutes and stand on the first topic."""
        self.query_one(Topics).focus()
        self.action_longer(0)

    def action_longer(self, by: int) -> None:
        """Take the next or the previous length."""
        self._place = min(max(self._place + by, 0), len(MINUTES) - 1)
        self.query_one("#minutes", Label).update(f"{MINUTES[self._place]} minutes, left and right change it")

    @on(OptionList.OptionSelected)
    def _begin(self, event: OptionList.OptionSelected) -> None:
        track = self._tracks[event.option_index - 1] if event.option_index else None
        self.post_message(InterviewWanted(track, MINUTES[self._place]))
