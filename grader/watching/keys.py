"""Single keys from the terminal, without Enter, and what their byte sequences mean."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator

_NAMES = {
    **{
        "\r": "enter",
        "\n": "enter",
        "\x0c": "ctrl-l",
        "\x1b": "esc",
        "\x7f": "backspace",
        "\x08": "backspace",
    },
    **{"\x1b[A": "up", "\x1b[B": "down", "\x1b[C": "right", "\x1b[D": "left"},
    **{"\x1bOA": "up", "\x1bOB": "down", "\x1bOC": "right", "\x1bOD": "left"},
    **{"\x1b[5~": "pgup", "\x1b[6~": "pgdn", " ": "space"},
    **{"\x1b[H": "home", "\x1b[F": "end", "\x1bOH": "home", "\x1bOF": "end"},
    **{"\x1b[1~": "home", "\x1b[4~": "end", "\x1b[7~": "home", "\x1b[8~": "end"},
}
# What Windows' console sends after a prefix of its own.
_WINDOWS = {
    **{"H": "up", "P": "down", "K": "left", "M": "right"},
    **{"I": "pgup", "Q": "pgdn", "G": "home", "O": "end"},
}
_SEQUENCE = re.compile(r"\x1b\[[0-9;:<=>?]*[ -/]*[@-~]|\x1bO.|\x1b[^\x1b\[O]|.", re.DOTALL)
_ESCAPE_SECONDS = 0.04
"""How long the rest of a key's sequence may take; Escape alone has none."""


class Ended(Exception):
    """The terminal is gone."""


def parse(text: str) -> Iterator[str]:
    """Yield the names of the keys in what a terminal sent; sequences that mean nothing here are skipped."""
    for found in _SEQUENCE.findall(text):
        if found in _NAMES:
            yield _NAMES[found]
        elif len(found) == 1 and found.isprintable():
            yield found


if sys.platform == "win32":
    import msvcrt
    import threading
    import time

    class Keys:
        """The keyboard of a Windows console, asked now and then."""

        def __init__(self, fd: int) -> None:
            self._awake = threading.Event()

        def wake(self) -> None:
            """End a wait from another thread."""
            self._awake.set()

        def wait(self, seconds: float) -> list[str]:
            """Return the keys pressed; nothing once the time is over or somebody wakes."""
            deadline = time.monotonic() + seconds
            while not msvcrt.kbhit():
                if self._awake.wait(0.03) or time.monotonic() >= deadline:
                    self._awake.clear()
                    return []
            return [name for name in iter(self._key, None) if name]

        def close(self) -> None:
            """Nothing is held."""

        def _key(self) -> str | None:
            if not msvcrt.kbhit():
                return None
            letter = msvcrt.getwch()
            if letter == "\x03":
                raise KeyboardInterrupt
            if letter in "\x00\xe0":
                return _WINDOWS.get(msvcrt.getwch(), "")
            return next(parse(letter), "")

else:
    import select

    class Keys:
        """The keyboard of a POSIX terminal that hands over every key at once."""

        def __init__(self, fd: int) -> None:
            self._fd = fd
            self._awake, self._wake = os.pipe()
            for end in (self._awake, self._wake):
                os.set_blocking(end, False)

        def wake(self) -> None:
            """End a wait from another thread or a signal handler."""
            try:
                os.write(self._wake, b".")
            except OSError:
                # Full: it will wake all the same. Closed: nobody waits.
                return

        def wait(self, seconds: float) -> list[str]:
            """Return the keys pressed; nothing once the time is over or somebody wakes; raises ``Ended``."""
            ready, _, _ = select.select([self._fd, self._awake], [], [], seconds)
            if self._awake in ready:
                os.read(self._awake, 1 << 12)
            if self._fd not in ready:
                return []
            sent = self._read()
            # Escape may be the beginning of an arrow key whose rest is on its way.
            while sent.endswith((b"\x1b", b"\x1b[", b"\x1bO")):
                if not select.select([self._fd], [], [], _ESCAPE_SECONDS)[0]:
                    break
                sent += self._read()
            return list(parse(sent.decode("utf-8", "ignore")))

        def close(self) -> None:
            """Let go of the pipe; a thread that comes too late wakes nobody."""
            ends, self._awake, self._wake = (self._awake, self._wake), -1, -1
            for end in ends:
                os.close(end)

        def _read(self) -> bytes:
            try:
                sent = os.read(self._fd, 1 << 12)
            except OSError:
                raise Ended from None
            if not sent:
                raise Ended
            return sent
