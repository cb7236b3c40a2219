"""Grading where things are missing, full, small or shared: a sentence each time and never a traceback."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest
import tiny

RIGHT = "def double(x):\n    return 2 * x\n"
WRONG = "def double(x):\n    print('caf\u00e9 \u2192 \U0001f600')\n    return 3 * x\n"
ENDLESS = "def double(x):\n    while True:\n        pass\n"
CHECK = [sys.executable, "-c", "from grader.cli import main; main()", "check"]
PYTEST = [sys.executable, "-m", "pytest"]

on_posix = pytest.mark.skipif(sys.platform == "win32", reason="this is how POSIX systems fail")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "workspace"
    place.mkdir()
    return tiny.workspace(place, {"right": RIGHT, "wrong": WRONG, "endless": ENDLESS}, seconds=60)


def said(
    folder: Path, words: list[str], environ: Mapping[str, str] | None = None, *, without: tuple[str, ...] = ()
) -> tuple[int, str]:
    """Run a command; return its exit code and all it wrote, which never holds a traceback."""
    kept = {k: v for k, v in os.environ.items() if k not in without and not k.startswith("PYTEST_")}
    env = (
        kept | {"DOJO_RECORD": str(folder.parent / "record" / "r.sqlite3"), "NO_COLOR": "1"} | (environ or {})
    )
    done = subprocess.run(
        words, cwd=folder, env=env, stdin=subprocess.DEVNULL, capture_output=True, timeout=120
    )
    text = (done.stdout + done.stderr).decode("utf-8", "replace")
    assert "Traceback" not in text, text
    assert "Error:" not in text, text
    return done.returncode, text


@on_posix
@pytest.mark.parametrize("words", [[*CHECK, "right"], [*PYTEST, "katas/tiny/test_right.py"]])
def test_a_full_disk_stops_no_grading_and_is_said(folder: Path, words: list[str]) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full")
    code, text = said(folder, words, {"DOJO_RECORD": "/dev/full"})
    assert code == 0
    assert "Nothing is recorded in this session" in text


@on_posix
def test_a_home_that_is_no_folder_is_said(folder: Path) -> None:
    nowhere = {"HOME": "/dev/null/home", "XDG_DATA_HOME": "", "DOJO_RECORD": ""}
    code, text = said(folder, [*CHECK, "right"], nowhere)
    assert code == 0
    assert "Nothing is recorded in this session" in text


def test_no_home_at_all(folder: Path) -> None:
    code, text = said(folder, [*CHECK, "right"], without=("HOME", "USERPROFILE"))
    assert (code, "is passed" in text) == (0, True)


@on_posix
@pytest.mark.parametrize("options", [[], ["-s"]])
def test_a_locale_that_knows_ascii_alone(folder: Path, options: list[str]) -> None:
    plain = {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    code, text = said(folder, [*PYTEST, "katas/tiny/test_wrong.py", *options], plain)
    assert (code, "The result is wrong." in text) == (1, True)
    code, text = said(folder, [*CHECK, "wrong"], plain)
    assert (code, "The result is wrong." in text) == (1, True)


def test_a_terminal_that_can_do_nothing(folder: Path) -> None:
    code, text = said(folder, [*CHECK, "wrong"], {"TERM": "dumb", "COLUMNS": "40", "LINES": "10"})
    assert (code, "\x1b" in text) == (1, False)
    for words in ([*CHECK[:-1]], [*CHECK[:-1], "watch"]):
        code, text = said(folder, words, {"TERM": "dumb"})
        assert (code, "needs a terminal" in text) == (2, True)


@on_posix
def test_a_checkout_that_cannot_be_written(folder: Path) -> None:
    for place in [folder, *folder.rglob("*")]:
        place.chmod(0o555 if place.is_dir() else 0o444)
    try:
        code, text = said(folder, [*CHECK, "right"])
        assert (code, "is passed" in text) == (0, True)
        assert said(folder, [*PYTEST, "-q", "katas/tiny/test_right.py"])[0] == 0
    finally:
        for place in [folder, *folder.rglob("*")]:
            place.chmod(0o755 if place.is_dir() else 0o644)


def test_two_at_once_share_the_record(folder: Path) -> None:
    record = folder.parent / "record" / "r.sqlite3"
    env = {**os.environ, "DOJO_RECORD": str(record)}
    both = [
        subprocess.Popen(
            [*CHECK, name, "--json"], cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for name in ("right", "wrong")
    ]
    for process in both:
        out, err = process.communicate(timeout=120)
        assert json.loads(out)["problem"] is None, err
    with closing(sqlite3.connect(record)) as db:
        rows = db.execute("SELECT subject FROM events WHERE kind = 'attempt' ORDER BY subject").fetchall()
    assert rows == [("tiny/right",), ("tiny/wrong",)]


@on_posix
@pytest.mark.parametrize("words", [[*CHECK, "endless"], [*PYTEST, "katas/tiny/test_endless.py"]])
def test_ctrl_c_ends_all_of_it_at_once(folder: Path, words: list[str]) -> None:
    import pty
    import signal
    import termios

    mark = f"surroundings-{folder}"
    ours, theirs = pty.openpty()
    before = termios.tcgetattr(theirs)
    process = subprocess.Popen(
        words,
        cwd=folder,
        env={**os.environ, "DOJO_RECORD": str(folder.parent / "r.sqlite3"), "SURROUNDINGS": mark},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 60
        while _looping(mark) < 1 and time.monotonic() < deadline:
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)
        start = time.monotonic()
        process.wait(30)
        # A second on an idle machine; this one may not be.
        assert time.monotonic() - start < 5
        while _marked(mark) and time.monotonic() - start < 10:
            time.sleep(0.05)
        assert not _marked(mark)
        assert termios.tcgetattr(theirs) == before
        os.set_blocking(ours, False)
        assert b"Traceback" not in os.read(ours, 1 << 16)
    finally:
        process.kill()
        process.wait()
        os.close(ours)
        os.close(theirs)


def _marked(mark: str) -> list[Path]:
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (place / "environ").read_bytes():
                found.append(place)
        except OSError:
            continue
    return found


def _looping(mark: str) -> int:
    """How many processes have a folder of their own to run in: workers do."""
    count = 0
    for place in _marked(mark):
        try:
            count += Path(os.readlink(place / "cwd")).name.startswith("dojo-")
        except OSError:
            continue
    return count
