from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from screens import Driver, press, same_as_snapshot, shown
from textual.pilot import Pilot

from grader.model import Event
from grader.text.render import Look
from grader.tui.app import DojoApp
from grader.tui.home import HomeScreen
from grader.workspace import store


@pytest.fixture
def practised(drive: Driver, record_file: Path) -> Driver:
    """Return the driver with a week of reviews behind it."""
    drive.bank("one", "number", "shape")
    now = datetime.now(UTC)
    with store.open_record(record_file) as record:
        for back in range(6, -1, -1):
            at = now - timedelta(days=back)
            record.add(Event(at, "review", "detection/one", {"rating": 3 if back % 3 else 1, "kind": "one"}))
        record.add(Event(now, "doubt", "detection/number", {"note": ""}))
    return drive


def test_the_statistics_tell_what_was_done(practised: Driver) -> None:
    async def steps(pilot: Pilot[None], app: DojoApp) -> None:
        await press(pilot, "t")
        assert same_as_snapshot(app, "stats")
        assert "7 reviews, practised 7 days in a row" in shown(app)
        assert "detection/number" in shown(app)
        await press(pilot, "escape")
        assert isinstance(app.screen, HomeScreen)

    practised(steps, size=(80, 40))


@pytest.mark.parametrize("size", [(80, 24), (60, 20), (40, 12)])
def test_it_fits(practised: Driver, size: tuple[int, int]) -> None:
    async def steps(pilot: Pilot[None], app: DojoApp) -> None:
        await press(pilot, "t", "end")
        assert all(len(line) <= size[0] for line in shown(app).splitlines())

    practised(steps, size=size)


def test_letters_stand_in_for_shades(practised: Driver) -> None:
    async def steps(pilot: Pilot[None], app: DojoApp) -> None:
        await press(pilot, "t")
        assert "░" not in shown(app)
        assert "--" in shown(app)

    practised(steps, look=Look(unicode=False), size=(80, 40))


def test_a_new_learner_sees_zeros(drive: Driver) -> None:
    async def steps(pilot: Pilot[None], app: DojoApp) -> None:
        await press(pilot, "t")
        assert "0 reviews, practised 0 days in a row" in shown(app)

    drive(steps)
