from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from textual.binding import Binding
from textual.pilot import Pilot
from textual.widgets import OptionList, Static, Tree

from grader import places, runner, store
from grader.model import Event
from grader.tui.app import DojoApp, make_app
from grader.tui.grading import GradingScreen
from grader.tui.help import HelpScreen
from grader.tui.hint import HintScreen
from grader.tui.overview import Overview
from grader.tui.statement import StatementScreen

Steps = Callable[[Pilot[None], DojoApp], Awaitable[None]]
Drive = Callable[..., DojoApp]


@pytest.fixture
def drive(workspace: Path, record_file: Path, fake_pytest: tuple[str, str]) -> Drive:
    """Run the app without a terminal and walk through steps."""

    def run(
        steps: Steps, *, size: tuple[int, int] = (80, 24), command: tuple[str, ...] = fake_pytest
    ) -> DojoApp:
        here = places.at(workspace, environ={"DOJO_RECORD": str(record_file)})
        app = make_app(here, environ={**os.environ, "EDITOR": "true"}, command=command)

        async def walk() -> None:
            async with app.run_test(size=size) as pilot:
                await pilot.pause()
                await steps(pilot, app)

        asyncio.run(walk())
        return app

    return run


async def until(pilot: Pilot[None], is_so: Callable[[], bool]) -> None:
    """Wait until something holds, up to ten seconds."""
    for _ in range(200):
        if is_so():
            return
        await pilot.pause(0.05)
    raise AssertionError("it did not come to that")


def text(app: DojoApp, selector: str) -> str:
    return str(app.screen.query_one(selector, Static).render())


def lines(app: DojoApp) -> list[str]:
    """Return what the terminal would show."""
    return ["".join(part.text for part in strip) for strip in app.screen._compositor.render_strips()]


def solve(workspace: Path, name: str, body: str) -> None:
    path = workspace / "katas" / "detection" / f"{name}.py"
    path.write_text(path.read_text().replace("raise NotImplementedError", body))


async def go_to(pilot: Pilot[None], app: DojoApp, name: str) -> None:
    """Highlight a kata in the overview."""
    tree = app.screen.query_one(Tree)
    for track in tree.root.children:
        track.expand()
    await pilot.pause()
    leaves = [leaf for track in tree.root.children for leaf in track.children]
    leaf = next(leaf for leaf in leaves if getattr(leaf.data, "name", "") == name)
    tree.move_cursor(leaf)
    await pilot.pause()


def events(record_file: Path) -> list[tuple[str, str]]:
    with store.open_record(record_file) as record:
        return [(event.kind, event.subject) for event in record.events()]


def test_the_first_screen_shows_all_and_stands_at_the_next_kata(
    drive: Drive, workspace: Path, record_file: Path
) -> None:
    with store.open_record(record_file) as record:
        record.add(Event(datetime.now(UTC), "attempt", "classification/halve", {"kind": "passed"}))

    async def steps(pilot: Pilot[None], app: DojoApp) -> None:
        assert isinstance(app.screen, Overview)
        assert app.screen.kata is not None
        assert app.screen.kata.id == "detection/double"
        shown = "\n".join(lines(app))
        assert "cv-dojo  1 of 3 passed" in shown
        assert "classification  1 of 1 passed" in shown
        assert "double  L1  10 min  new" in shown
        assert "Double a number." in shown
        await pilot.press("j")
        assert app.screen.kata.id == "detection/treble"
        await pilot.press("k", "k")
        assert app.screen.kata is None
        await pilot.press("n")
        await pilot.pause()
        assert app.screen.kata.id == "detection/double"

    drive(steps)


def test_enter_shows_the_statement_and_escape_goes_back(drive: Drive) -> None:
    async def steps(pilot: Pilot[None], app: DojoApp) -> None:
        await go_to(pilot, app, "double")
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(app.screen, StatementScreen)
        assert "Give back twice what came in." in text(app, "#statement")
        assert text(app, "#summary").replace("\\", "/").startswith("katas/detection/double.py")
        await pilot.press("escape")
        assert isinstance(app.screen, Overview)

    drive(steps)


def test_grading_a_mistake_tells_its_story(drive: Drive, workspace: Path) -> None:
    solve(workspace, "double", "return x * x")

    async def steps(pilot: Pilot[None], app: DojoApp) -> None:
        await go_to(pilot, app, "double")
        await pilot.press("r")
        await until(pilot, lambda: "0 of 1 checks pass" in text(app, "#summary"))
        checks = app.screen.query_one(OptionList)
        assert "Gives the right values.  [value]" in str(checks.get_option_at_index(0).prompt)
        assert checks.highlighted == 0
        await pilot.pause()
        assert "yours 9, expected 6" in text(app, "#story")
        assert "squares instead" in text(app, "#story")
        # Mended in the editor, graded again without leaving the screen.
        solve(workspace, "double", "")
        path = workspace / "katas" / "detection" / "double.py"
        path.write_text(path.read_text().replace("x * x", "x + x"))
        await pilot.press("r")
        await until(pilot, lambda: "is passed" in text(app, "#summary"))
        await pilot.pause(0.3)
        assert isinstance(app.screen, GradingScreen)
        await pilot.press("escape")
        assert isinstance(app.screen, Overview)
        assert len(app.screen_stack) == 2

    drive(steps)


def test_a_kata_not_started_is_said_in_one_line(drive: Drive) -> None:
    async def steps(pilot: Pilot[None], app: DojoApp) -> None:
        await go_to(pilot, app, "double")
        await pilot.press("r")
        await until(pilot, lambda: "is not started" in text(app, "#summary"))
        assert app.screen.query_one(OptionList).option_count == 0
        assert "Write your answer" in text(app, "#story")

    drive(steps)


def test_states_are_fresh_after_grading(drive: Drive, workspace: Path, record_file: Path) -> None:
    async def steps(pilot: Pilot[None], app: DojoApp) -> None:
        await go_to(pilot, app, "double")
        await pilot.press("r")
        await until(pilot, lambda: "is not started" in text(app, "#summary"))
        with store.open_record(record_file) as record:
            record.add(Event(datetime.now(UTC), "attempt", "detection/double", {"kind": "passed"}))
        await pilot.press("r")
        await until(pilot, lambda: "is not started" in text(app, "#summary"))
        await pilot.pause(0.2)
        await pilot.press("escape")
        await pilot.pause()
        assert "cv-dojo  1 of 3 passed" in "\n".join(lines(app))

    drive(steps)


@pytest.mark.skipif(sys.platform == "win32", reason="process groups are POSIX's")
@pytest.mark.parametrize("key", ["escape", "ctrl+q"])
def test_leaving_stops_the_grading(
    drive: Drive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setattr(runner, "_GRACE_SECONDS", 0.2)
    pid = tmp_path / "pid"
    script = tmp_path / "slow.py"
    script.write_text(f"import os, time; open({str(pid)!r}, 'w').write(str(os.getpid())); time.sleep(600)")

    async def steps(pilot: Pilot[None], app: DojoApp) -> None:
        await go_to(pilot, app, "double")
        await pilot.press("r")
        await until(pilot, lambda: pid.exists() and bool(pid.read_text()))
        await pilot.press("r")
        assert len(app.screen_stack) == 3
        await pilot.press(key)
        await pilot.pause(0.1)

    drive(steps, command=(sys.executable, str(script)))
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


def test_a_session_that_breaks_off_is_told(drive: Drive) -> None:
    async def steps(pilot: Pilot[None], app: DojoApp) -> None:
        await go_to(pilot, app, "double")
        await pilot.press("r")
        await until(pilot, lambda: "broke off" in text(app, "#summary"))
        assert text(app, "#story") == "[no] such option"

    drive(steps, command=(sys.executable, "-c", "print('[no] such option'); raise SystemExit(4)"))


def test_a_missing_test_file_is_a_notice(drive: Drive, workspace: Path) -> None:
    (workspace / "katas" / "detection" / "test_double.py").unlink()

    async def steps(pilot: Pilot[None], app: DojoApp) -> None:
        await go_to(pilot, app, "double")
        await pilot.press("r")
        await pilot.pause()
        assert isinstance(app.screen, Overview)
        assert any("test_double.py is missing" in notice.message for notice in app._notifications)

    drive(steps)


def test_hints_come_one_at_a_time_and_are_recorded(drive: Drive, record_file: Path) -> None:
    async def steps(pilot: Pilot[None], app: DojoApp) -> None:
        await go_to(pilot, app, "double")
        await pilot.press("h")
        await pilot.pause()
        assert isinstance(app.screen, HintScreen)
        assert "Hint 1 of 3" in text(app, "#level")
        await pilot.press("h")
        await pilot.pause()
        assert "Hint 2 of 3" in text(app, "#level")
        assert text(app, "#hint") == "Add it to itself."
        await pilot.press("h", "h", "h")
        await pilot.pause()
        assert "Hint 3 of 3" in text(app, "#level")
        assert "further" not in text(app, "#keys")
        await pilot.press("escape")
        await pilot.pause()
        assert isinstance(app.screen, Overview)
        assert "hint 3 of 3 seen" in text(app, "#about")

    drive(steps)
    assert events(record_file) == [("hint", "detection/double")] * 3


def test_a_track_has_nothing_to_grade(drive: Drive) -> None:
    async def steps(pilot: Pilot[None], app: DojoApp) -> None:
        await pilot.press("g")
        await pilot.press("k", "k", "k")
        assert isinstance(app.screen, Overview)
        assert app.screen.kata is None
        await pilot.press("r", "h", "o")
        await pilot.pause()
        assert isinstance(app.screen, Overview)
        assert [notice.message for notice in app._notifications] == ["Choose a kata first."] * 3

    drive(steps)


def test_the_editor_that_cannot_open_is_a_notice(drive: Drive) -> None:
    async def steps(pilot: Pilot[None], app: DojoApp) -> None:
        await go_to(pilot, app, "double")
        await pilot.press("o")
        await pilot.pause()
        assert any("double.py yourself" in notice.message for notice in app._notifications)

    drive(steps)


@pytest.mark.parametrize("place", ["overview", "statement", "grading"])
def test_help_tells_the_keys_of_the_screen(drive: Drive, place: str) -> None:
    async def steps(pilot: Pilot[None], app: DojoApp) -> None:
        await go_to(pilot, app, "double")
        if place != "overview":
            await pilot.press("enter" if place == "statement" else "r")
            await pilot.pause()
        await pilot.press("f1")
        await pilot.pause()
        assert isinstance(app.screen, HelpScreen)
        shown = "\n".join(lines(app))
        assert "Show the next hint; it is remembered" in shown
        await pilot.press("f1")
        await pilot.pause()
        assert not isinstance(app.screen, HelpScreen)

    drive(steps)


def test_every_binding_has_an_id_and_a_tooltip() -> None:
    for kind in (DojoApp, Overview, StatementScreen, GradingScreen, HintScreen, HelpScreen):
        for binding in kind.BINDINGS:
            assert isinstance(binding, Binding)
            assert binding.id, binding
            assert binding.tooltip, binding


@pytest.mark.parametrize("size", [(80, 24), (60, 20), (40, 12), (160, 50)])
def test_the_main_screens_fit(drive: Drive, workspace: Path, size: tuple[int, int]) -> None:
    solve(workspace, "double", "return x * x")

    async def steps(pilot: Pilot[None], app: DojoApp) -> None:
        await go_to(pilot, app, "double")
        assert any("double" in line for line in lines(app))
        await pilot.press("enter")
        await pilot.pause()
        assert any("Give back twice what came in." in line for line in lines(app))
        await pilot.press("r")
        await until(pilot, lambda: "checks pass" in text(app, "#summary"))
        await pilot.pause()
        assert any("yours 9, expected 6" in line for line in lines(app))
        assert all(len(line) <= size[0] for line in lines(app))

    drive(steps, size=size)


def test_problems_are_told_at_the_start(drive: Drive, workspace: Path, record_file: Path) -> None:
    (workspace / "solutions" / "detection" / "broken.py").write_text("def (")
    record_file.parent.mkdir(parents=True)
    record_file.write_text("wreck " * 200)

    async def steps(pilot: Pilot[None], app: DojoApp) -> None:
        told = " ".join(notice.message for notice in app._notifications)
        assert "Left out: solutions/detection/broken.py:1" in told
        assert "was damaged" in told

    drive(steps)


def test_an_empty_workspace_opens(drive: Drive, workspace: Path) -> None:
    for path in (workspace / "solutions").rglob("*.py"):
        path.unlink()

    async def steps(pilot: Pilot[None], app: DojoApp) -> None:
        assert isinstance(app.screen, Overview)
        await pilot.press("n", "r", "enter")

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
    shown = b""
    deadline = time.monotonic() + 20
    while b"passed" not in shown and time.monotonic() < deadline:
        shown += os.read(ours, 65536)
    process.send_signal(number)
    os.set_blocking(ours, False)
    while process.poll() is None and time.monotonic() < deadline:
        try:
            shown += os.read(ours, 65536)
        except BlockingIOError:
            time.sleep(0.02)
    assert process.wait(1) == code
    assert termios.tcgetattr(theirs) == before
    with suppress(BlockingIOError):
        shown += os.read(ours, 65536)
    assert b"\x1b[?1049l" in shown
    os.close(ours)
    os.close(theirs)
