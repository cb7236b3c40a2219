from __future__ import annotations

import contextlib
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
import tiny
from screens import Driver, go_to, lines, notices, press, settled, shown, solve, text, until
from textual.pilot import Pilot
from textual.widgets import OptionList

from grader.model import Event
from grader.tui.app import DojoApp
from grader.tui.grading import GradingScreen
from grader.tui.hint import HintScreen
from grader.tui.katas import KatasScreen
from grader.tui.statement import StatementScreen
from grader.tui.study import LessonScreen
from grader.workspace import runner, store


def test_all_katas_are_shown_and_it_stands_at_the_next(
    drive: Driver, workspace: Path, record_file: Path
) -> None:
    with store.open_record(record_file) as record:
        record.add(Event(datetime.now(UTC), "attempt", "classification/halve", {"kind": "passed"}))

    async def steps(pilot: Pilot[None], app: DojoApp) -> None:
        await press(pilot, "k")
        assert isinstance(app.screen, KatasScreen)
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


def test_enter_shows_the_statement_and_escape_goes_back(drive: Driver) -> None:
    async def steps(pilot: Pilot[None], app: DojoApp) -> None:
        await go_to(pilot, app, "double")
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(app.screen, StatementScreen)
        assert "Give back twice what came in." in text(app, "#statement")
        assert text(app, "#summary").replace("\\", "/").startswith("katas/detection/double.py")
        await pilot.press("escape")
        assert isinstance(app.screen, KatasScreen)

    drive(steps)


def test_grading_a_mistake_tells_its_story(drive: Driver, workspace: Path) -> None:
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
        assert isinstance(app.screen, KatasScreen)
        assert len(app.screen_stack) == 2

    drive(steps)


def test_a_kata_not_started_is_said_in_one_line(drive: Driver) -> None:
    async def steps(pilot: Pilot[None], app: DojoApp) -> None:
        await go_to(pilot, app, "double")
        await pilot.press("r")
        await until(pilot, lambda: "is not started" in text(app, "#summary"))
        assert app.screen.query_one(OptionList).option_count == 0
        assert "Write your answer" in text(app, "#story")

    drive(steps)


def test_states_are_fresh_after_grading(drive: Driver, workspace: Path, record_file: Path) -> None:
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
    drive: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str
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


def test_a_session_that_breaks_off_is_told(drive: Driver) -> None:
    async def steps(pilot: Pilot[None], app: DojoApp) -> None:
        await go_to(pilot, app, "double")
        await pilot.press("r")
        await until(pilot, lambda: "broke off" in text(app, "#summary"))
        assert text(app, "#story") == "[no] such option"

    drive(steps, command=(sys.executable, "-c", "print('[no] such option'); raise SystemExit(4)"))


def test_a_missing_test_file_is_a_notice(drive: Driver, workspace: Path) -> None:
    (workspace / "katas" / "detection" / "test_double.py").unlink()

    async def steps(pilot: Pilot[None], app: DojoApp) -> None:
        await go_to(pilot, app, "double")
        await pilot.press("r")
        await pilot.pause()
        assert isinstance(app.screen, KatasScreen)
        assert any("test_double.py is missing" in notice for notice in notices(app))

    drive(steps)


def test_hints_come_one_at_a_time_and_are_recorded(drive: Driver, record_file: Path) -> None:
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
        assert isinstance(app.screen, KatasScreen)
        assert "hint 3 of 3 seen" in text(app, "#about")

    drive(steps)
    assert [(event.kind, event.subject) for event in drive.events()] == [("hint", "detection/double")] * 3


def test_a_track_has_nothing_to_grade(drive: Driver) -> None:
    async def steps(pilot: Pilot[None], app: DojoApp) -> None:
        await pilot.press("g")
        await pilot.press("k", "k", "k")
        assert isinstance(app.screen, KatasScreen)
        assert app.screen.kata is None
        await pilot.press("r", "h", "o")
        await pilot.pause()
        assert isinstance(app.screen, KatasScreen)
        assert notices(app) == ["Choose a kata first."] * 3

    drive(steps)


def test_the_editor_that_cannot_open_is_a_notice(drive: Driver) -> None:
    async def steps(pilot: Pilot[None], app: DojoApp) -> None:
        await go_to(pilot, app, "double")
        await pilot.press("o")
        await pilot.pause()
        assert any("double.py yourself" in notice for notice in notices(app))

    drive(steps)


@pytest.mark.parametrize("size", [(80, 24), (60, 20), (40, 12), (160, 50)])
def test_the_main_screens_fit(drive: Driver, workspace: Path, size: tuple[int, int]) -> None:
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


def test_saving_grades_again(drive: Driver, workspace: Path) -> None:
    solve(workspace, "double", "return x * x")

    async def steps(pilot: Pilot[None], app: DojoApp) -> None:
        await go_to(pilot, app, "double")
        await pilot.press("r")
        await until(pilot, lambda: "0 of 1 checks pass" in text(app, "#summary"))
        await settled(pilot)
        first = app.screen
        path = workspace / "katas" / "detection" / "double.py"
        path.write_text(path.read_text().replace("x * x", "x + x + 0"))
        assert isinstance(first, GradingScreen)
        await until(pilot, lambda: "is passed" in text(app, "#summary"))
        assert app.screen is not first
        assert len(app.screen_stack) == 3

    drive(steps)


@pytest.mark.skipif(sys.platform == "win32", reason="process groups are POSIX's")
def test_the_learners_app_grades_warm_and_on_every_save(tmp_path: Path) -> None:
    folder = tiny.workspace(tmp_path, {"double": "def double(x):\n    return x * x\n"})
    drive = Driver(folder, tmp_path / "record.sqlite3", ())

    async def steps(pilot: Pilot[None], app: DojoApp) -> None:
        await go_to(pilot, app, "double")
        await pilot.press("r")
        for _ in range(4):
            with contextlib.suppress(AssertionError):
                await until(pilot, lambda: "checks pass" in text(app, "#summary"))
                break
        path = folder / "katas" / "tiny" / "double.py"
        path.write_text(path.read_text().replace("x * x", "x + x"))
        await until(pilot, lambda: "is passed" in text(app, "#summary"))

    drive(steps, warm=True)


def test_an_unchanged_file_is_left_alone(drive: Driver, workspace: Path) -> None:
    solve(workspace, "double", "return x * x")

    async def steps(pilot: Pilot[None], app: DojoApp) -> None:
        await go_to(pilot, app, "double")
        await pilot.press("r")
        await until(pilot, lambda: "0 of 1 checks pass" in text(app, "#summary"))
        await settled(pilot)
        screen = app.screen
        assert isinstance(screen, GradingScreen)
        (workspace / "katas" / "detection" / "double.py").unlink()
        await pilot.pause(0.5)
        await settled(pilot)
        assert app.screen is screen

    drive(steps)


def test_the_lesson_is_one_key_away(drive: Driver, workspace: Path) -> None:
    (workspace / "katas" / "detection" / "README.md").write_text("# Detection\n\nFind things.\n")

    async def steps(pilot: Pilot[None], app: DojoApp) -> None:
        await go_to(pilot, app, "halve")
        await press(pilot, "s")
        assert notices(app) == ["classification has no lesson yet."]
        await go_to(pilot, app, "double")
        await press(pilot, "s")
        assert isinstance(app.screen, LessonScreen)
        assert "Find things." in shown(app)

    drive(steps)
