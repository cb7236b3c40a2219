from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest
from screens import Driver, go_to, lines, notices, press, shown
from textual.app import App
from textual.binding import Binding
from textual.pilot import Pilot
from textual.widget import Widget

from grader import tui
from grader.text.render import Look
from grader.tui.app import DojoApp, make_app
from grader.tui.help import HelpScreen
from grader.tui.home import HomeScreen
from grader.tui.katas import KatasScreen
from grader.workspace import places


@pytest.mark.parametrize("place", ["overview", "statement", "grading"])
def test_help_tells_the_keys_of_the_screen(drive: Driver, place: str) -> None:
    async def steps(pilot: Pilot[None], app: DojoApp) -> None:
        await go_to(pilot, app, "double")
        if place != "overview":
            await pilot.press("enter" if place == "statement" else "r")
            await pilot.pause()
        await pilot.press("f1")
        await pilot.pause()
        assert isinstance(app.screen, HelpScreen)
        assert "Show the next hint; it is remembered" in shown(app)
        await pilot.press("f1")
        await pilot.pause()
        assert not isinstance(app.screen, HelpScreen)

    drive(steps)


def test_every_binding_has_an_id_and_a_tooltip() -> None:
    ids = set()
    modules = [import_module(f"grader.tui.{module.name}") for module in iter_modules(tui.__path__)]
    kinds = {kind for module in modules for kind in vars(module).values() if isinstance(kind, type)}
    for kind in kinds:
        if not (issubclass(kind, Widget | App) and kind.__module__.startswith("grader.")):
            continue
        for binding in vars(kind).get("BINDINGS", ()):
            assert isinstance(binding, Binding)
            assert binding.tooltip, binding
            assert binding.id, binding
            assert binding.id not in ids, binding
            ids.add(binding.id)
    assert len(ids) > 50


def test_problems_are_told_at_the_start(drive: Driver, workspace: Path, record_file: Path) -> None:
    (workspace / "solutions" / "detection" / "broken.py").write_text("def (")
    record_file.parent.mkdir(parents=True)
    record_file.write_text("wreck " * 200)

    async def steps(pilot: Pilot[None], app: DojoApp) -> None:
        told = " ".join(notices(app))
        assert "Left out: solutions/detection/broken.py:1" in told
        assert "was damaged" in told

    drive(steps)


def test_an_empty_workspace_opens(drive: Driver, workspace: Path) -> None:
    for path in (workspace / "solutions").rglob("*.py"):
        path.unlink()

    async def steps(pilot: Pilot[None], app: DojoApp) -> None:
        assert isinstance(app.screen, HomeScreen)
        await press(pilot, "enter", "k")
        assert isinstance(app.screen, KatasScreen)
        await press(pilot, "n", "r", "enter")

    drive(steps)


def test_a_light_terminal_gets_a_light_theme(workspace: Path, record_file: Path) -> None:
    here = places.at(workspace, environ={"DOJO_RECORD": str(record_file)})
    for colours, theme in (("0;15", "textual-light"), ("15;0", "textual-dark"), ("", "textual-dark")):
        app = make_app(here, environ={"COLORFGBG": colours})
        assert app.theme == theme
        app.desk.record.close()


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX's")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_the_terminal_is_mended_on_a_signal(workspace: Path, number: signal.Signals, code: int) -> None:
    import pty
    import termios

    ours, theirs = pty.openpty()
    before = termios.tcgetattr(theirs)
    words = [sys.executable, "-c", "from grader.cli import main; main([])"]
    environ = {**os.environ, "TERM": "xterm-256color"}
    process = subprocess.Popen(words, cwd=workspace, env=environ, stdin=theirs, stdout=theirs, stderr=theirs)
    seen = b""
    deadline = time.monotonic() + 20
    while b"Streak" not in seen and time.monotonic() < deadline:
        seen += os.read(ours, 65536)
    process.send_signal(number)
    os.set_blocking(ours, False)
    while process.poll() is None and time.monotonic() < deadline:
        try:
            seen += os.read(ours, 65536)
        except BlockingIOError:
            time.sleep(0.02)
    assert process.wait(1) == code
    assert termios.tcgetattr(theirs) == before
    with suppress(BlockingIOError):
        seen += os.read(ours, 65536)
    assert b"\x1b[?1049l" in seen
    os.close(ours)
    os.close(theirs)


def test_ctrl_c_leaves_at_once(drive: Driver) -> None:
    async def steps(pilot: Pilot[None], app: DojoApp) -> None:
        await press(pilot, "k", "ctrl+c")

    assert drive(steps).return_code == 130


def test_the_palette_offers_the_keys_of_the_screen(drive: Driver) -> None:
    async def steps(pilot: Pilot[None], app: DojoApp) -> None:
        offered = [command.title for command in app.get_system_commands(app.screen)]
        assert {"Start", "Katas", "Study", "Stats", "Plan", "Interview"} <= set(offered)

    drive(steps)


@pytest.mark.parametrize("keys", [["enter"], ["enter", "a"], ["k"], ["s"], ["t"], ["p"], ["i"], ["f1"]])
def test_a_console_without_symbols_gets_letters(drive: Driver, keys: list[str]) -> None:
    drive.bank("one")

    async def steps(pilot: Pilot[None], app: DojoApp) -> None:
        await press(pilot, *keys)
        # What the driver writes passes through the stand-ins, one sign for one.
        for line in lines(app):
            letters = line.encode("ascii", "dojo").decode()
            assert len(letters) == len(line), line
            assert letters.count("?") == line.count("?"), line

    drive(steps, look=Look(unicode=False))


def test_the_app_starts_without_what_is_heavy() -> None:
    code = "import sys, grader.cli, grader.cli.face, grader.tui.app; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    heavy = {"torch", "numpy", "pytest", "hypothesis", "fsrs", "yaml", "msgspec", "click", "markdown_it"}
    assert not loaded & {
        *heavy,
        "grader.practice.quiz",
        "grader.practice.practice",
        "grader.questions.generated",
    }
