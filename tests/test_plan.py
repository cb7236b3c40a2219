from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from asking import START, event, kata, table

from grader.model import Event
from grader.practice import plan, schedule
from grader.practice.plan import Outlook, Plan, PlanError
from grader.practice.schedule import CardState, Rating

TODAY = START.date()


def told(days: int = 30, minutes: int = 60, *, cards: int = 0, new: int = 0, katas: int = 0) -> Outlook:
    known = [
        schedule.review(None, Rating(1 + n % 4), subject=f"a/q{n}", at=START - timedelta(days=n % 9))
        for n in range(cards)
    ]
    to_write = [kata(f"detection/k{n}") for n in range(katas)]
    chosen = Plan(TODAY + timedelta(days=days), minutes)
    return plan.outlook(chosen, START, cards=known, new=new, katas=to_write)


def test_everything_new_is_met_before_the_last_days() -> None:
    found = told(30, new=140, katas=10)
    assert found.fits
    assert sum(day.new for day in found.days) == 140
    assert [name for day in found.days for name in day.katas] == [f"detection/k{n}" for n in range(10)]
    assert [day.date for day in found.days] == [TODAY + timedelta(days=n) for n in range(31)]
    for day in found.days[-plan.CRAM_DAYS :]:
        assert (day.is_cram, day.new, day.katas) == (True, 0, ())
    assert found.cards == 140


def test_what_is_new_is_spread_evenly() -> None:
    news = [day.new for day in told(30, new=140).days]
    assert sorted(set(news[:21])) == [6, 7]
    assert not any(news[21:]), "the last days are for what is known"


def test_no_day_runs_far_over_its_minutes() -> None:
    found = told(40, minutes=45, new=200, katas=15, cards=60)
    assert all(day.minutes <= 45 * 1.3 for day in found.days), [day.minutes for day in found.days]


def test_too_much_for_the_days_is_said() -> None:
    found = told(7, minutes=20, new=400, katas=20)
    assert not found.fits
    assert found.new_left > 0
    assert found.katas_left
    assert found.new_left + sum(day.new for day in found.days) == 400


def test_a_kata_longer_than_a_day_has_a_day_to_itself() -> None:
    found = told(20, minutes=15, katas=3)
    assert sum(len(day.katas) for day in found.days) == 3
    assert max(len(day.katas) for day in found.days) == 1


def test_known_cards_come_back_in_the_load() -> None:
    found = told(30, cards=50)
    assert sum(day.reviews for day in found.days) > 100
    more = told(30, cards=50, new=50)
    assert sum(day.reviews for day in more.days) > sum(day.reviews for day in found.days)


def test_the_number_of_days_can_be_bounded() -> None:
    whole = told(30, cards=20, new=60, katas=3)
    known = [
        schedule.review(None, Rating(1 + n % 4), subject=f"a/q{n}", at=START - timedelta(days=n % 9))
        for n in range(20)
    ]
    first = plan.outlook(
        whole.plan, START, cards=known, new=60, katas=[kata(f"detection/k{n}") for n in range(3)], most_days=1
    )
    assert first.days == whole.days[:1]


@pytest.mark.parametrize(
    ("days_before", "retention"),
    [(60, 0.9), (15, 0.9), (14, 0.9), (7, 0.93), (1, 0.9557), (0, 0.96), (-1, 0.9)],
)
def test_recall_is_raised_near_the_date(days_before: int, retention: float) -> None:
    chosen = Plan(TODAY, 60)
    assert chosen.retention(TODAY - timedelta(days=days_before)) == pytest.approx(retention, abs=1e-4)


def test_near_the_date_cards_come_sooner_than_they_would() -> None:
    card = schedule.review(None, Rating.EASY, subject="a/q", at=START)
    near = plan.outlook(Plan(TODAY + timedelta(days=8), 60), START, cards=[card], new=0, katas=[])
    back = [day.date for day in near.days if day.reviews]
    assert back
    assert back[0] < card.due.date()


def test_a_plan_leaves_every_card_alone(tmp_path: Path) -> None:
    held = table(tmp_path / "record.sqlite3")
    for n in range(9):
        held.add(event("review", f"a/q{n}", rating=1 + n % 4))
    before = held.all()
    held.add(plan.event(Plan(TODAY + timedelta(days=5), 60), START))
    held.rebuild()
    assert held.all() == before


def test_the_last_plan_counts_until_its_day_is_over() -> None:
    first = plan.event(Plan(date(2026, 4, 1), 30), START)
    second = plan.event(Plan(date(2026, 3, 20), 45), START)
    assert plan.current([first, second], TODAY) == Plan(date(2026, 3, 20), 45)
    assert plan.current([first, second], date(2026, 3, 20)) == Plan(date(2026, 3, 20), 45)
    assert plan.current([first, second], date(2026, 3, 21)) is None
    assert plan.current([first, plan.event(None, START)], TODAY) is None
    assert plan.current([], TODAY) is None


@pytest.mark.parametrize("data", [{}, {"date": "soon", "minutes": 5}, {"date": "2027-01-01", "minutes": "x"}])
def test_a_plan_that_cannot_be_read_is_none(data: dict[str, object]) -> None:
    assert plan.current([Event(START, "plan", plan.SUBJECT, data)], TODAY) is None


@pytest.mark.parametrize(
    ("day", "minutes", "sentence"),
    [
        (TODAY - timedelta(days=1), 60, "is over"),
        (TODAY + timedelta(days=900), 60, "more than two years away"),
        (TODAY, 0, "make no plan"),
        (TODAY, 9999, "make no plan"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(day: date, minutes: int, sentence: str) -> None:
    with pytest.raises(PlanError, match=sentence):
        plan.make(day, minutes, today=TODAY)


@pytest.mark.parametrize("days", [0, 1, 2, 3, 4])
def test_few_days_make_a_plan_too(days: int) -> None:
    found = told(days, new=20, katas=1, cards=5)
    assert len(found.days) == days + 1
    assert sum(day.new for day in found.days) > 0


def test_a_hundred_thousand_cards_are_foretold_from_a_sample() -> None:
    card = schedule.review(None, Rating.GOOD, subject="a/q", at=START)
    cards: list[CardState] = [card] * 20_000
    found = plan.outlook(Plan(TODAY + timedelta(days=4), 60), START, cards=cards, new=0, katas=[])
    assert sum(day.reviews for day in found.days) >= 20_000
