"""The footer: the keys in force, closer together where the terminal is narrow."""

from __future__ import annotations

from textual.events import Resize
from textual.widgets import Footer

_ROOMY = 76


class Keys(Footer):
    """Shows the keys in force."""

    def on_resize(self, event: Resize) -> None:
        """Move the keys together where there is little room."""
        self.compact = event.size.width < _ROOMY
