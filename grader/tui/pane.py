"""A text to scroll through."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll


class Pane(VerticalScroll, can_focus=True):
    """Scrolls with arrows, pages or `j` and `k`."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "scroll_down", "Down", id="pane.down", tooltip="Scroll down", show=False),
        Binding("k", "scroll_up", "Up", id="pane.up", tooltip="Scroll up", show=False),
        Binding("space", "page_down", "Page", id="pane.page", tooltip="Scroll a page down", show=False),
    ]
