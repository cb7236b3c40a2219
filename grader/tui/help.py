"""Help for the screen one is on: what it shows and which keys are in force."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from grader.text.render import Look
from grader.tui.prose import plain


class HelpScreen(ModalScreen[None]):
    """A text about a screen, and its keys."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,q,f1", "dismiss", "Close", id="help.close", tooltip="Back"),
    ]

    def __init__(self, about: str, keys: Mapping[str, Sequence[str]], look: Look) -> None:
        super().__init__()
        self._about = plain(about, look)
        self._keys = keys

    def compose(self) -> ComposeResult:
        """Lay out the text and the keys."""
        rows = [(", ".join(keys), what) for what, keys in self._keys.items()]
        longest = max((len(keys) for keys, _ in rows), default=0)
        lines = "\n".join(f"{keys:<{longest}}  {what}" for keys, what in rows)
        with VerticalScroll(classes="dialog"):
            yield Static(f"{self._about}\n\n{lines}\n\nEsc: back", markup=False)
