"""Mends the terminal when the app is killed outright, which no program can do for itself."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

# Out of the second screen; cursor, mouse, focus, paste, resize reports and keyboard as they were.
_MODES = (1049, 1000, 1003, 1006, 1015, 1004, 2004, 2048)
_MEND = "".join(f"\x1b[?{mode}l" for mode in _MODES) + "\x1b[?25h\x1b[<u\x1b[0m"
_SENTENCE = "\r\ncv-dojo was killed. Every answer that was given is saved.\r\n"


@contextmanager
def guarded() -> Iterator[None]:
    """Run a block while a small second process waits for this one to vanish; nothing where there is no fork.

    Enter it before there are threads.
    """
    if not hasattr(os, "fork"):
        yield
        return
    import termios

    # Read before the fork: afterwards the app may already have changed it.
    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    waits, alive = os.pipe()
    guard = os.fork()
    if guard == 0:
        # This process never returns to the caller, whatever happens.
        with suppress(BaseException):
            os.close(alive)
            if _vanished(waits):
                termios.tcsetattr(terminal, termios.TCSANOW, before)
                os.write(sys.stdout.fileno(), (_MEND + _SENTENCE).encode())
        os._exit(0)
    os.close(waits)
    try:
        yield
    finally:
        # One byte says goodbye: what ends in order has mended the terminal itself.
        with suppress(OSError):
            os.write(alive, b".")
        os.close(alive)
        with suppress(ChildProcessError):
            os.waitpid(guard, 0)


def _vanished(waits: int) -> bool:
    """Wait for the app to end; whether it did so without a goodbye."""
    # It outlives whatever ends the app, and may write although the shell has taken the terminal back.
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGTTOU", "SIGTSTP"):
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    return not os.read(waits, 1)
