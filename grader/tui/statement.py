"""The statement of one kata, to read before and while writing."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.events import Resize
from textual.widgets import Static

from grader.model import KataInfo
from grader.practice.desk import Desk
from grader.text.render import flow
from grader.tui.kata_screen import KataScreen
from grader.tui.keys import Keys
from grader.tui.pane import Pane


class StatementScreen(KataScreen):
    """A kata's statement as its author wrote it, with where to write the answer."""

    HELP = "What the kata asks for. Write the answer in the file named at the top, then grade it."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "app.pop_screen", "Back", id="statement.back", tooltip="Back to the list"),
        Binding("q", "app.pop_screen", "Back", id="statement.leave", tooltip="Back to the list", show=False),
    ]

    def __init__(self, desk: Desk, kata: KataInfo) -> None:
        super().__init__()
        self._desk = desk
        self._kata = kata

    @property
    def kata(self) -> KataInfo:
        """The kata that is shown."""
        return self._kata

    def compose(self) -> ComposeResult:
        """Lay out the facts, the statement and the keys."""
        yield Static(id="summary", markup=False)
        with Pane():
            yield Static(markup=False, id="statement")
        yield Keys()

    def on_mount(self) -> None:
        """Fill in the facts."""
        self.refresh_state()

    def on_resize(self, event: Resize) -> None:
        """Break the statement's lines anew."""
        self.query_one("#statement", Static).update(flow(self._kata.statement, min(event.size.width - 6, 96)))

    def refresh_state(self) -> None:
        """Write the line of facts anew."""
        kata, state = self._kata, self._desk.state(self._kata)
        file = str(kata.stub).removeprefix(str(self._desk.places.workspace)).lstrip("/\\")
        facts = f"{file}\nlevel {kata.level}, {kata.minutes} minutes, {state.status}"
        self.query_one("#summary", Static).update(facts)
