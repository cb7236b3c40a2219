from __future__ import annotations

from datetime import date, timedelta

import pytest
from screens import Driver, press, shown, text
from textual.pilot import Pilot
from textual.widgets import Input

from grader.practice import plan
from grader.tui import plan as plan_screen
from grader.tui.app import DojoApp
from grader.tui.quiz import QuizScreen

TODAY = date(2026, 11, 21)


async def fill(pilot: Pilot[None], app: DojoApp, day: str, minutes: str) -> None:
    app.screen.query_one("#date", Input).value = day
    app.screen.query_one("#minutes", Input).value = minutes
    app.screen.query_one("#date").focus()
    await press(pilot, "enter")


def test_a_plan_is_made_changed_and_dropped(drive: Driver) -> None:
    drive.bank("one", "number")
    day = date.today() + timedelta(days=20)

    async def steps(pilot: Pilot[None], app: DojoApp) -> None:
        await press(pilot, "p")
        assert "There is no plan yet" in shown(app)
        await fill(pilot, app, day.isoformat(), "30")
        assert f"{day:%d %b %Y}" in text(app, "#summary")
        assert "Everything new finds its day." in shown(app)
        assert "reviews" in shown(app)
        await press(pilot, "escape")
        assert "30 minutes a day" in shown(app)
        await press(pilot, "p", "x")
        assert "There is no plan yet" in shown(app)
        assert [event.data["date"] for event in drive.events("plan")] == [day.isoformat(), None]

    drive(steps)


def test_what_is_no_date_is_said(drive: Driver) -> None:
    async def steps(pilot: Pilot[None], app: DojoApp) -> None:
        await press(pilot, "p")
        await fill(pilot, app, "soon", "30")
        assert "`soon` is no date" in text(app, "#slip")
        assert not drive.events("plan")

    drive(steps)


def test_a_cram_leaves_the_schedule_alone(drive: Driver) -> None:
    drive.bank("one")

    async def steps(pilot: Pilot[None], app: DojoApp) -> None:
        await press(pilot, "enter", "a", "escape", "p", "tab", "tab", "tab")
        app.screen.set_focus(None)
        await press(pilot, "c")
        assert isinstance(app.screen, QuizScreen)
        await press(pilot, "b")
        assert [event.kind for event in drive.events()] == ["review", "cram"]

    drive(steps)


def test_typed_words_become_a_plan() -> None:
    assert plan_screen.read("2026-12-01", "", today=TODAY) == plan.Plan(date(2026, 12, 1), 60)


@pytest.mark.parametrize(
    ("day", "minutes", "sentence"),
    [
        ("", "60", "type it as 2027-01-15"),
        ("2026-11-20", "60", "is over"),
        ("2026-12-01", "-5", "is no number of minutes"),
        ("2026-12-01", "3", "make no plan"),
    ],
)
def test_what_cannot_be_planned_is_a_sentence(day: str, minutes: str, sentence: str) -> None:
    with pytest.raises(plan.PlanError, match=sentence):
        plan_screen.read(day, minutes, today=TODAY)
