"""Options to choose, tick or bring into order with keys, told apart by signs as well as by colour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.events import Click, Key
from textual.message import Message
from textual.widgets import Static

from grader.text.render import Look
from grader.tui.prose import inline, plain


class Mode(Enum):
    """What is done with the options."""

    ONE = "one"
    SEVERAL = "several"
    ORDER = "order"
    POINTS = "points"


class Options(Static, can_focus=True):
    """A short list that answers to letters, digits and arrows."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", id="options.up", tooltip="Move up", show=False),
        Binding("down,j", "move(1)", "Down", id="options.down", tooltip="Move down", show=False),
        Binding(
            "space", "pick", "Choose", id="options.pick", tooltip="Choose the marked line, or take it along"
        ),
        Binding("enter", "submit", "Answer", id="options.submit", tooltip="Give this answer"),
    ]

    class Submitted(Message):
        """The learner stands by these texts."""

        def __init__(self, texts: tuple[str, ...]) -> None:
            super().__init__()
            self.texts = texts

    class Unready(Message):
        """The learner wants to answer, but nothing is chosen."""

    def __init__(self, look: Look, *, id: str) -> None:
        super().__init__(id=id, markup=False)
        self._look = look
        self.mode = Mode.ONE
        self.items: list[str] = []
        self.chosen: set[str] = set()
        self.is_open = False
        """Whether keys change anything."""
        self._cursor = -1
        self._is_held = False
        self._right: tuple[str, ...] = ()
        self._but: Mapping[str, str] = {}

    def ask(self, items: Sequence[str], mode: Mode) -> None:
        """Show options to answer with; nothing is marked yet, so that a stray key answers nothing."""
        self.mode, self.items, self.chosen = mode, list(items), set()
        self.is_open, self._is_held = True, False
        self._cursor = 0 if mode in (Mode.ORDER, Mode.POINTS) else -1
        self._right, self._but = (), {}
        self.draw()

    def reveal(self, right: Sequence[str], but: Mapping[str, str]) -> None:
        """Show what was right, and why the rest was not."""
        self.is_open, self._right, self._but = False, tuple(right), but
        self.draw()

    def on_resize(self) -> None:
        """Break the lines anew."""
        self.draw()

    def on_key(self, event: Key) -> None:
        """Choose by letter, or by digit where digits do not rate."""
        place = self._place(event.key)
        if place is not None:
            event.stop()
            event.prevent_default()
            self._cursor = place
            self._choose()

    def on_click(self, event: Click) -> None:
        """Choose by mouse."""
        line = 0
        for place, text in enumerate(self.items):
            line += len(self._lines(place, text))
            if self.is_open and event.y < line:
                self._cursor = place
                self._choose()
                return

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """Claim letters that name an option, so that no other key of that name is offered."""
        return self._place(key) is not None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer the keys only while the question is open."""
        if action == "pick" and self.mode is Mode.ONE:
            return False
        if action == "submit" and self.mode is Mode.POINTS:
            return False
        return self.is_open or action not in ("move", "pick", "submit")

    def action_move(self, by: int) -> None:
        """Move the mark, and the line itself when it is taken along."""
        before = self._cursor
        self._cursor = min(max(before + by, 0), len(self.items) - 1)
        if self._is_held and before >= 0:
            self.items.insert(self._cursor, self.items.pop(before))
        self.draw()

    def action_pick(self) -> None:
        """Choose, tick or take along the marked line."""
        if self._cursor >= 0:
            self._choose()

    def action_submit(self) -> None:
        """Give the answer."""
        if self.mode is Mode.ORDER:
            self.post_message(self.Submitted(tuple(self.items)))
        elif self.mode is Mode.ONE and self._cursor >= 0:
            self._choose()
        elif self.chosen:
            self.post_message(self.Submitted(tuple(text for text in self.items if text in self.chosen)))
        else:
            self.post_message(self.Unready())

    def draw(self) -> None:
        """Write every line."""
        lines = [line for place, text in enumerate(self.items) for line in self._lines(place, text)]
        self.update(Content("\n").join(lines))

    def _choose(self) -> None:
        text = self.items[self._cursor]
        match self.mode:
            case Mode.ONE:
                self.chosen = {text}
                self.post_message(self.Submitted((text,)))
            case Mode.ORDER:
                self._is_held = not self._is_held
            case _:
                self.chosen ^= {text}
        self.draw()

    def _place(self, key: str) -> int | None:
        if not self.is_open or len(key) != 1:
            return None
        names = "abcdefghi"[: len(self.items)]
        digits = "123456789"[: len(self.items)] if self.mode is not Mode.POINTS else ""
        place = names.find(key) if key in names else digits.find(key)
        return place if place >= 0 else None

    def _lines(self, place: int, text: str) -> list[Content]:
        sign, style = self._sign(text, place)
        pointer = " "
        if self.is_open and place == self._cursor:
            pointer = self._symbol("↕", "=") if self._is_held else self._symbol("›", ">")
        name = (
            f"{place + 1}."
            if self.mode is Mode.ORDER and not self.is_open
            else "abcdefghi"[place : place + 1]
        )
        start = f"{pointer} {sign}{name}  "
        room = max(self.size.width - len(start), 10)
        style = style or (
            "reverse" if pointer.strip() and self._is_held else "bold" if pointer.strip() else ""
        )
        words = inline(plain(text, self._look)).wrap(room) or [Content()]
        lines = [Content(start) + words[0], *(line.pad_left(len(start)) for line in words[1:])]
        lines = [line.stylize(style) if style else line for line in lines]
        if not self.is_open and (reason := self._reason(text, place)):
            inset = len(start) + 2
            said = inline(plain(reason, self._look)).wrap(max(self.size.width - inset, 10))
            lines += [line.pad_left(inset) for line in said]
        return lines

    def _sign(self, text: str, place: int) -> tuple[str, str]:
        """Return what stands before an option, and the style that goes with it."""
        if self.mode is Mode.ORDER:
            if self.is_open or not self._right:
                return "", ""
            is_there = self._right[place] == text
            return (
                (self._symbol("✓ ", "ok "), "$text-success") if is_there else (self._symbol("✗ ", "no "), "")
            )
        if self.is_open or self.mode is Mode.POINTS:
            if self.mode is Mode.ONE:
                return "", ""
            return ("[x] " if text in self.chosen else "[ ] "), ""
        if text in self._right:
            return self._symbol("✓ ", "ok "), "bold $text-success"
        if text in self.chosen:
            return self._symbol("✗ ", "no "), "bold $text-error"
        return self._symbol("  ", "   "), ""

    def _reason(self, text: str, place: int) -> str:
        if self.mode is Mode.ORDER and self._right:
            return "" if self._right[place] == text else f"Step {self._right.index(text) + 1}."
        told = self._but.get(text, "")
        if text in self.chosen and text not in self._right:
            return f"Your choice. {told}"
        if self.mode is Mode.SEVERAL and text in self._right and text not in self.chosen:
            return "Right too, but not chosen."
        return told

    def _symbol(self, symbol: str, letters: str) -> str:
        return symbol if self._look.unicode else letters
