from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX's")

APP = """
import os, signal, sys, tty
from grader.cli.guard import guarded
with guarded():
    tty.setraw(0)
    os.write(1, b"up")
    {end}
tty.setcbreak(0)
"""


def ended(end: str) -> tuple[bytes, bool]:
    """Run a raw-mode app that ends in some way; return what was written and whether the terminal is as before."""
    import pty
    import termios

    ours, theirs = pty.openpty()
    before = termios.tcgetattr(theirs)
    process = subprocess.Popen([sys.executable, "-c", APP.format(end=end)], stdin=theirs, stdout=theirs)
    process.wait(20)
    os.set_blocking(ours, False)
    seen = b""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            seen += os.read(ours, 65536)
        except BlockingIOError:
            if b"saved" in seen or process.returncode == 0:
                break
            os.sched_yield()
    is_as_before = termios.tcgetattr(theirs) == before
    os.close(ours)
    os.close(theirs)
    return seen, is_as_before


def test_a_killed_app_leaves_the_terminal_as_it_was() -> None:
    seen, is_as_before = ended("os.kill(os.getpid(), signal.SIGKILL)")
    assert is_as_before
    assert b"\x1b[?1049l" in seen
    assert b"Every answer that was given is saved." in seen


def test_an_app_that_ends_by_itself_is_left_alone() -> None:
    seen, _ = ended("pass")
    assert seen == b"up"
