"""The terminal that is lent for a while: second screen, single keys, no cursor; given back as it was."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TextIO

from grader.watching.keys import Keys

_ENTER = "\x1b[?1049h\x1b[?25l\x1b[2J\x1b[H"
_LEAVE = "\x1b[0m\x1b[?25h\x1b[?1049l"


class Terminal:
    """A screen to draw on and the keys pressed before it; enter ``lent`` first."""

    def __init__(self, source: TextIO, target: TextIO) -> None:
        self._in, self._out = source.fileno(), target.fileno()
        self._encoding = target.encoding or "ascii"
        self._before: Any = None
        self._drawn: list[str] = []
        self._is_taken = False
        self.keys = Keys(self._in)

    @property
    def size(self) -> tuple[int, int]:
        """Columns and lines, as of now."""
        try:
            columns, lines = os.get_terminal_size(self._out)
        except OSError:
            columns = lines = 0
        return columns or 80, lines or 24

    @contextmanager
    def lent(self) -> Iterator[None]:
        """Take the terminal over for a block, through suspension and resizing, and give it back."""
        self._before = _attributes(self._in)
        handlers = {
            "SIGTSTP": self._suspend,
            "SIGCONT": lambda *_: self._take(),
            "SIGWINCH": lambda *_: self.keys.wake(),
        }
        with _handled(handlers):
            try:
                self._take()
                yield
            finally:
                with _handled({"SIGINT": signal.SIG_IGN}):
                    self._give()

    @contextmanager
    def handed_on(self) -> Iterator[None]:
        """Give the terminal to another program for a block."""
        # Ctrl-C is the other program's; to ignore it outright would be inherited.
        handlers = {"SIGINT": lambda *_: None, "SIGTSTP": signal.SIG_DFL, "SIGCONT": signal.SIG_DFL}
        with _handled(handlers):
            self._give()
            try:
                yield
            finally:
                self._take()

    def draw(self, lines: Sequence[str], *, anew: bool = False) -> None:
        """Show lines, writing only those that have changed, in one piece."""
        if anew:
            self._drawn = []
        text = "" if self._drawn else "\x1b[2J"
        for place, line in enumerate(lines):
            if place >= len(self._drawn) or line != self._drawn[place]:
                # Erased before it is written: after a full line the cursor's place is the terminal's secret.
                text += f"\x1b[{place + 1};1H\x1b[2K{line}"
        for place in range(len(lines), len(self._drawn)):
            text += f"\x1b[{place + 1};1H\x1b[2K"
        self._drawn = list(lines)
        if text:
            self._write(text)

    def _take(self) -> None:
        _single_keys(self._in)
        self._drawn, self._is_taken = [], True
        self._write(_ENTER)
        self.keys.wake()

    def _give(self) -> None:
        self._is_taken = False
        # A terminal that was closed takes nothing back.
        with suppress(OSError):
            self._write(_LEAVE)
        with suppress(OSError):
            _restore(self._in, self._before)

    def _suspend(self, number: int, frame: object) -> None:
        """Give the terminal back, stop as if nothing were handled, and take it again afterwards."""
        self._give()
        with _handled({"SIGTSTP": signal.SIG_DFL}):
            os.kill(os.getpid(), number)
        # Going on is heard as SIGCONT; where there is no shell to stop for, nothing has happened.
        if not self._is_taken:
            self._take()

    def _write(self, text: str) -> None:
        data = text.encode(self._encoding, "dojo")
        while data:
            data = data[os.write(self._out, data) :]


@contextmanager
def _handled(handlers: dict[str, Any]) -> Iterator[None]:
    """Handle signals for a block, where the system has them."""
    known = {getattr(signal, name): handler for name, handler in handlers.items() if hasattr(signal, name)}
    before = {number: signal.signal(number, handler) for number, handler in known.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


if sys.platform == "win32":

    def _attributes(fd: int) -> Any:
        # An empty command makes the console understand escape sequences.
        os.system("")
        return None

    def _single_keys(fd: int) -> None:
        """Nothing to set: single keys are read from the console itself."""

    def _restore(fd: int, before: Any) -> None:
        """Nothing was set."""

else:
    import termios
    import tty

    def _attributes(fd: int) -> Any:
        return termios.tcgetattr(fd)

    def _single_keys(fd: int) -> None:
        tty.setcbreak(fd, termios.TCSADRAIN)

    def _restore(fd: int, before: Any) -> None:
        with suppress(termios.error):
            termios.tcsetattr(fd, termios.TCSADRAIN, before)
