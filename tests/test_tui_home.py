from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from screens import Driver, notices, press, same_as_snapshot, shown
from textual.pilot import Pilot

from grader.model import Event
from grader.tui.app import DojoApp
from grader.tui.home import HomeScreen
from grader.tui.katas import KatasScreen
from grader.tui.quiz import QuizScreen
from grader.workspace import store


def test_home_tells_what_the_day_brings(drive: Driver) -> None:
    drive.bank("one", "number")

    async def steps(pilot: Pilot[None], app: DojoApp) -> None:
        assert isinstance(app.screen, HomeScreen)
        assert same_as_snapshot(app, "home")
        await press(pilot, "enter")
        assert isinstance(app.screen, QuizScreen)
        await press(pilot, "escape")
        assert isinstance(app.screen, HomeScreen)

    drive(steps)


def test_what_was_answered_counts_at_once(drive: Driver) -> None:
    drive.bank("one")

    async def steps(pilot: Pilot[None], app: DojoApp) -> None:
        await press(pilot, "space", "a", "escape")
        assert "nothing: all done for today" in shown(app)
        assert "Streak     1 day\n" in shown(app)
        assert "1 of 3 seen" in shown(app)
        await press(pilot, "enter")
        assert isinstance(app.screen, KatasScreen)

    drive(steps)


def test_what_is_due_and_the_streak(drive: Driver, record_file: Path) -> None:
    drive.bank("one")
    now = datetime.now(UTC)
    with store.open_record(record_file) as record:
        for back in (2, 1):
            at = now - timedelta(days=back)
            record.add(Event(at, "review", "detection/one", {"rating": 1, "kind": "one"}))

    async def steps(pilot: Pilot[None], app: DojoApp) -> None:
        assert "Due        1 question\n" in shown(app)
        assert "2 days, today still to come" in shown(app)

    drive(steps)


def test_a_broken_bank_is_told(drive: Driver, workspace: Path) -> None:
    (workspace / "questions" / "depth.yaml").write_text("- id: x\n")

    async def steps(pilot: Pilot[None], app: DojoApp) -> None:
        assert any("Left out" in notice and "depth.yaml" in notice for notice in notices(app))

    drive(steps)


@pytest.mark.parametrize("size", [(80, 24), (60, 20), (40, 12), (120, 40)])
def test_it_fits(drive: Driver, size: tuple[int, int]) -> None:
    drive.bank("one")

    async def steps(pilot: Pilot[None], app: DojoApp) -> None:
        assert "Enter: start, 1 question" in shown(app)
        assert all(len(line) <= size[0] for line in shown(app).splitlines())

    drive(steps, size=size)
