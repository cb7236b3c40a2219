"""Time from starting a process to its first frame: ``dojo`` beside a Textual app of one widget.

Run with ``python benchmarks/first_frame.py [--runs 15]``. Whole processes in a pseudo-terminal of 80 by 24,
one of each kind in turn; the medians and their ratio are printed, then the same with 100,000 questions.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import pty
import select
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

BARE = """
from textual.app import App
from textual.widgets import Static

class Bare(App):
    def compose(self):
        yield Static("cv-dojo")

Bare().run()
"""
DOJO = "from grader.cli import main; main([])"
FIRST_FRAME = b"cv-dojo"
"""What both show in their first frame."""

PROJECT = "[tool.cv-dojo]\nworkspace = true\n"
TRACKS = ("classification", "detection", "semantic_segmentation", "depth", "optical_flow")
ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--questions", type=int, default=100_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        compare("this checkout", ROOT, Path(folder) / "small", runs=asked.runs)
        if asked.questions:
            many = make_banks(Path(folder) / "many", asked.questions)
            compare(f"{asked.questions:,} questions", many, Path(folder) / "large", runs=asked.runs)


def compare(what: str, workspace: Path, home: Path, *, runs: int) -> None:
    """Print the medians of both apps and their ratio, after one run that fills the caches."""
    home.mkdir()
    environ = {**os.environ, "DOJO_RECORD": str(home / "record.sqlite3"), "XDG_CACHE_HOME": str(home)}
    environ |= {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LC_ALL": "C.UTF-8"}
    words = {"bare": [sys.executable, "-c", BARE], "dojo": [sys.executable, "-c", DOJO]}
    first_frame(words["dojo"], cwd=workspace, environ=environ, linger=0 if workspace == ROOT else 30)
    seconds: dict[str, list[float]] = {name: [] for name in words}
    for _ in range(runs):
        for name, command in words.items():
            seconds[name].append(first_frame(command, cwd=workspace, environ=environ))
    bare, dojo = (statistics.median(seconds[name]) for name in ("bare", "dojo"))
    print(f"{what}: bare {bare:.3f} s, dojo {dojo:.3f} s, ratio {dojo / bare:.2f}", flush=True)


def first_frame(words: Sequence[str], *, cwd: Path, environ: Mapping[str, str], linger: float = 0) -> float:
    """Start a process on a terminal and return the seconds until its first frame, then end it."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    begun = time.perf_counter()
    process = subprocess.Popen(
        words, cwd=cwd, env=dict(environ), stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    shown = b""
    try:
        while FIRST_FRAME not in shown:
            if not select.select([ours], [], [], 60)[0]:
                raise SystemExit(f"No first frame within a minute. It wrote: {shown[-2000:]!r}")
            shown += os.read(ours, 65536)
        seconds = time.perf_counter() - begun
        drain(ours, until=time.perf_counter() + linger)
        return seconds
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        os.close(ours)


def drain(terminal: int, *, until: float) -> None:
    """Read what the process writes, so that it can go on, until a time."""
    while (rest := until - time.perf_counter()) > 0:
        if select.select([terminal], [], [], rest)[0]:
            os.read(terminal, 65536)


def make_banks(workspace: Path, count: int) -> Path:
    """Make a workspace without katas whose banks hold this many questions."""
    (workspace / "katas").mkdir(parents=True)
    (workspace / "questions").mkdir()
    (workspace / "solutions").mkdir()
    (workspace / "pyproject.toml").write_text(PROJECT, encoding="utf-8")
    # A bank has an upper size, so the questions are spread over files of a thousand.
    for part in range(0, count, 1000):
        track = f"{TRACKS[part // 1000 % len(TRACKS)]}_{part // 1000}"
        entries = "".join(map(entry, range(part, min(part + 1000, count))))
        (workspace / "questions" / f"{track}.yaml").write_text(entries, encoding="utf-8")
    return workspace


def entry(number: int) -> str:
    """Write one question of a bank."""
    return (
        f"- id: sum-{number}\n  level: 1\n  skills: [shapes]\n  ask: What is {number} + 1?\n"
        f"  number: {number + 1}\n  why: One more than {number} is {number + 1}.\n"
    )


if __name__ == "__main__":
    main()
