from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, timedelta, timezone

import pytest
from asking import START, event

from grader.practice import progress, schedule
from grader.practice.deck import Item
from grader.practice.schedule import Rating
from grader.text.chart import bar, spark

TODAY = date(2026, 3, 2)


def test_reviews_leave_out_what_was_undone() -> None:
    first, second = event("review", rating=1), event("review", day=1, rating=3)
    undo = event("undo", day=1, of=first.at.isoformat())
    assert progress.reviews([first, second, undo, event("undo", of="never"), event("doubt")]) == (second,)


def test_a_day_is_the_learners_own() -> None:
    late = event("review", day=-0.3)
    assert progress.per_day([late], UTC) == {date(2026, 3, 1): 1}
    assert progress.per_day([late], timezone(timedelta(hours=9))) == {TODAY: 1}


def test_retention_leaves_out_the_first_review_of_a_card() -> None:
    given = [event("review", "a/q", day=n, rating=r) for n, r in enumerate((1, 3, 1, 4, 2))]
    assert progress.retention([*given, event("review", "a/other", rating=1)]) == 0.75
    assert progress.retention(given[:1]) is None


@pytest.mark.parametrize(
    ("days_ago", "streak"),
    [([], 0), ([0], 1), ([1], 1), ([0, 1, 2], 3), ([1, 2], 2), ([2], 0), ([0, 2, 3], 1)],
)
def test_a_streak_waits_for_today(days_ago: list[int], streak: int) -> None:
    assert progress.streak([TODAY - timedelta(days=n) for n in days_ago], TODAY) == streak


def test_readiness_is_recall_times_coverage() -> None:
    topics = [Item(f"a/q{n}", "a", 1, ("loss",) if n else ("loss", "data"), "one", "f") for n in range(4)]
    card = schedule.review(None, Rating.GOOD, subject="a/q0", at=START)
    at = START + timedelta(days=card.stability)
    tracks, skills = progress.readiness(topics, {"a/q0": card}, at)
    assert (tracks["a"].total, tracks["a"].seen, tracks["a"].coverage) == (4, 1, 0.25)
    assert tracks["a"].recall == pytest.approx(0.9)
    assert tracks["a"].share == pytest.approx(0.9 * 0.25)
    assert skills["data"].share == pytest.approx(0.9)
    assert skills["loss"] == tracks["a"]
    assert progress.Readiness().share == 0.0


def test_the_forecast_has_what_is_overdue_today() -> None:
    cards = [
        schedule.review(None, Rating.GOOD, subject=f"a/{n}", at=START - timedelta(days=n)) for n in range(5)
    ]
    assert progress.forecast(cards, START, 4) == [3, 1, 1, 0]
    ahead = schedule.review(None, Rating.GOOD, subject="a/q", at=START + timedelta(days=900))
    assert progress.forecast([ahead], START, 2) == [1, 0]


def test_charts() -> None:
    assert spark([0, 1, 4, 8]) == " ▁▄█"
    assert spark([0, 1, 4, 8], unicode=False) == " .=@"
    assert spark([0.001, 8])[0] == "▁"
    assert spark([0, 0]) == "  "
    assert spark([]) == ""
    assert spark([5], most=10) == "▄"
    assert bar(0.5, 4) == "██░░"
    assert bar(7, 2, unicode=False) == "##"


@pytest.mark.parametrize(
    "module",
    [
        *("practice.schedule", "practice.cards", "practice.answers", "practice.deck", "practice.quiz"),
        *("practice.plan", "practice.interview", "practice.practice", "text.markdown"),
    ],
)
def test_the_practice_half_is_light(module: str) -> None:
    heavy = "{'torch', 'numpy', 'pytest', 'hypothesis', 'textual', 'fsrs', 'msgspec', 'yaml'}"
    code = f"import sys, grader.{module}; assert not {heavy} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
