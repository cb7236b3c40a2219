"""The maths of a question as LaTeX, because it was asked for."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from grader.text.latex import to_latex


class LatexScreen(ModalScreen[None]):
    """A text with its maths as LaTeX source."""

    HELP = "The same text with its maths as LaTeX source, to read or to copy."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,x,q", "dismiss", "Close", id="latex.close", tooltip="Back to the question"),
    ]

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def compose(self) -> ComposeResult:
        """Lay out the text."""
        with VerticalScroll(classes="dialog"):
            yield Static(to_latex(self._text), id="latex", markup=False)
            yield Static("Esc: back to the question", markup=False)
