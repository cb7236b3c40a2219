from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from screens import Driver, notices, press, settled, shown, solve, text, until
from textual.pilot import Pilot

from grader.practice.interview import RUBRIC
from grader.tui.app import DojoApp
from grader.tui.home import HomeScreen
from grader.tui.interview import InterviewScreen, Stage
from grader.tui.invite import InviteScreen
from grader.tui.sitting import Sitting


def screen(app: DojoApp) -> InterviewScreen:
    assert isinstance(app.screen, InterviewScreen)
    return app.screen


def report(record_file: Path) -> str:
    (path,) = (record_file.parent / "interviews").glob("*.md")
    return path.read_text(encoding="utf-8")


def test_an_interview_from_the_kata_to_the_report(drive: Driver, workspace: Path, record_file: Path) -> None:
    drive.bank("one", "number", "open")

    async def steps(pilot: Pilot[None], app: DojoApp) -> None:
        await press(pilot, "i")
        assert isinstance(app.screen, InviteScreen)
        assert "45 minutes" in shown(app)
        await press(pilot, "left", "down", "down", "enter")
        assert screen(app).stage is Stage.KATA
        kata = screen(app).sitting.planned.kata
        assert kata is not None
        assert "29:5" in text(app, "#summary") or "30:00" in text(app, "#summary")
        assert "Hint" not in shown(app)
        solve(workspace, kata.name, "return x + x")
        await press(pilot, "enter")
        assert screen(app).stage is Stage.QUESTION
        # The grader's verdict is not shown, and neither is the answer's.
        await until(pilot, lambda: bool(screen(app).sitting.outcome.kata.kind == "passed"))
        for _ in range(2):
            if screen(app).pane.typed.display:
                await press(pilot, "7", "enter")
            else:
                await press(pilot, "a")
            assert "Right." not in shown(app)
        assert len(drive.events("review")) == 2
        await press(pilot, *"because", "ctrl+s")
        assert screen(app).stage is Stage.RATING
        assert "You wrote. because" in shown(app)
        await press(pilot, "a", "2")
        assert drive.events("review")[-1].data["rating"] == 2
        for _ in RUBRIC:
            assert screen(app).stage is Stage.RUBRIC
            await press(pilot, "3")
        assert screen(app).stage is Stage.REPORT
        assert "Mock interview" in shown(app)
        await press(pilot, "escape")
        assert isinstance(app.screen, HomeScreen)

    drive(steps, size=(80, 40))
    saved = report(record_file)
    assert "`detection/" in saved
    assert ", passed" in saved
    assert "because" in saved
    assert saved.count("**3 of 4**") == len(RUBRIC)
    (event,) = drive.events("interview")
    assert event.data["kata_kind"] == "passed"


def test_leaving_needs_a_second_word_and_keeps_everything(drive: Driver, record_file: Path) -> None:
    drive.bank("open")

    async def steps(pilot: Pilot[None], app: DojoApp) -> None:
        await press(pilot, "i", "down", "down", "enter", "n", *"half", "escape")
        assert screen(app).stage is Stage.QUESTION
        assert any("once more" in notice for notice in notices(app))
        await press(pilot, "escape")
        assert isinstance(app.screen, HomeScreen)

    drive(steps)
    assert "half" in report(record_file)
    assert len(drive.events("interview")) == 1


def test_when_the_time_is_up_the_rest_is_not_reached(
    drive: Driver, record_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drive.bank("one", "bug", "open")

    async def steps(pilot: Pilot[None], app: DojoApp) -> None:
        await press(pilot, "i", "down", "down", "enter", "n")
        now = screen(app)
        monkeypatch.setattr(Sitting, "left", timedelta(0))
        now.tick()
        await settled(pilot)
        assert screen(app).stage is Stage.RUBRIC
        assert "The time is up." in notices(app)
        await press(pilot, "n", "n", "n", "n")
        assert screen(app).stage is Stage.REPORT

    drive(steps)
    assert "## Not reached" in report(record_file)


def test_nothing_to_ask_is_said(drive: Driver, workspace: Path) -> None:
    for path in (workspace / "solutions").rglob("*.py"):
        path.unlink()

    async def steps(pilot: Pilot[None], app: DojoApp) -> None:
        await press(pilot, "i", "enter")
        assert any("There is nothing to ask" in notice for notice in notices(app))

    drive(steps)


@pytest.mark.parametrize("size", [(80, 24), (60, 20)])
def test_it_fits(drive: Driver, size: tuple[int, int]) -> None:
    drive.bank("one", "open")

    async def steps(pilot: Pilot[None], app: DojoApp) -> None:
        await press(pilot, "i", "enter")
        assert all(len(line) <= size[0] for line in shown(app).splitlines())

    drive(steps, size=size)
