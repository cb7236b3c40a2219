from __future__ import annotations

import ast
import random
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from asking import START, event
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.model import Event
from grader.practice import schedule
from grader.practice.schedule import CardState, Rating, day_end, day_of, fold, retrievability, review, states
from grader.workspace import store

GRADES = {"A": 1, "H": 2, "G": 3, "E": 4}


def intervals(ratings: str) -> list[int]:
    """Review a card on the day it is due each time; return the days between."""
    state: CardState | None = None
    at, days = START, []
    for grade in ratings:
        state = review(state, Rating(GRADES[grade]), subject="a/q", at=at)
        days.append((state.due - at).days)
        at = state.due
    return days


@pytest.mark.parametrize(
    ("ratings", "days"),
    [
        ("G", [2]),
        ("E", [8]),
        ("H", [1]),
        ("A", [1]),
        ("GGGG", [2, 11, 46, 163]),
        ("EEE", [8, 66, 397]),
        ("HHH", [1, 3, 7]),
        ("AAA", [1, 1, 1]),
        ("GGA", [2, 11, 2]),
        ("GGAG", [2, 11, 2, 5]),
        ("GGGGGGG", [2, 11, 46, 163, 497, 730, 730]),
    ],
)
def test_days_until_a_card_comes_back(ratings: str, days: list[int]) -> None:
    assert intervals(ratings) == days


def kata_events(*steps: str) -> list[Event]:
    """Make events of a kata from words such as ``0 passed`` or ``3 hint``: the day and what happened."""
    made = []
    for step in steps:
        day, word, *text = step.split()
        kind = word if word in ("hint", "solution", "reset") else "attempt"
        data = {"kind": word, "fingerprint": text[0] if text else "x"} if kind == "attempt" else {"level": 1}
        made.append(event(kind, "detection/nms", day=float(day), **data))
    return made


@pytest.mark.parametrize(
    ("steps", "due_in", "lapses"),
    [
        # first try                                       Good
        (["0 passed"], 2, 0),
        # nothing before the first pass
        (["0 value", "0 error", "0 hint", "0 solution"], None, 0),
        (["0 todo"], None, 0),
        # several tries, or with a hint                   Hard
        (["0 value", "0.1 passed"], 1.1, 0),
        (["0 hint", "0.1 passed"], 1.1, 0),
        # a stub that was graded is no try
        (["0 todo", "0.1 passed"], 2.1, 0),
        # the solution was shown                          Again
        (["0 solution", "0.1 passed"], 1.1, 0),
        (["0 solution", "0 reset", "0.1 passed"], 1.1, 0),
        # checking what is passed once more says nothing
        (["0 passed", "0.1 passed", "1 passed", "2 passed"], 2, 0),
        (["0 passed", "0.1 passed changed"], 2, 0),
        (["0 passed", "1 value", "1 hint", "1 solution"], 2, 0),
        # a clean file on its day, or a rewritten one     Good
        (["0 passed", "2 reset", "2 passed"], 13, 0),
        (["0 passed", "2 passed changed"], 13, 0),
        # failing what was passed and is due              Again, and once
        (["0 passed", "2 value"], 3, 1),
        (["0 passed", "2 value", "2 value"], 3, 1),
        # a hint on its day                               Hard
        (["0 passed", "2 hint", "2 reset", "2 passed"], 10, 0),
    ],
)
def test_a_kata_is_a_card(steps: list[str], due_in: float | None, lapses: int) -> None:
    state = fold(kata_events(*steps))
    if due_in is None:
        assert state is None
        return
    assert state is not None
    assert (state.due - START) / timedelta(days=1) == pytest.approx(due_in, abs=1e-4)
    assert state.lapses == lapses
    assert state.is_kata


def rated(rating: int, day: float = 0.0, subject: str = "a/q") -> Event:
    return event("review", subject, day=day, rating=rating)


def test_an_undone_review_never_was() -> None:
    good, bad = rated(3), rated(1, day=2)
    undo = event("undo", day=2.1, of=bad.at.isoformat())
    assert fold([good, bad, undo]) == fold([good])
    assert fold([good, event("undo", of=good.at.isoformat())]) is None
    again = rated(4, day=2)
    assert fold([good, bad, undo, again]) == fold([good, again])


def test_an_undo_takes_one_review_and_a_stray_one_takes_none() -> None:
    twice = [rated(3), rated(1)]
    undo = event("undo", of=START.isoformat())
    assert fold([*twice, undo]) == fold(twice[:1])
    for stray in ("never", None, 5, (START + timedelta(days=9)).isoformat(), "2026-03-02T09:00:00"):
        assert fold([rated(3), event("undo", of=stray)]) == fold([rated(3)])


@pytest.mark.parametrize("rating", [0, 5, "3", None, True, 2.0])
def test_a_rating_that_is_none_changes_nothing(rating: object) -> None:
    assert fold([event("review", rating=rating)]) is None


def test_kinds_without_meaning_for_a_card_change_nothing() -> None:
    given_ = [rated(3), event("doubt", note="hm"), event("cram", rating=1), event("plan", date="2027-01-01")]
    assert fold(given_) == fold(given_[:1])
    assert states([event("doubt")]) == {}


def test_the_clock_going_backwards_loses_nothing() -> None:
    state = fold([rated(3, day=10), rated(3, day=0)])
    assert state is not None
    assert state.reps == 2
    assert state.last == START
    assert START < state.due < START + timedelta(days=10)
    assert retrievability(state, START - timedelta(days=400)) == 1.0


@pytest.mark.parametrize("year", [1, 1969, 9999])
def test_a_broken_clock_breaks_no_fold(year: int) -> None:
    at = datetime(year, 6, 1, tzinfo=UTC)
    state = fold([Event(at, "review", "a/q", {"rating": 3}), rated(3)])
    assert state is not None
    assert state.reps == 2


def test_the_next_evening_an_hour_earlier_is_the_next_day() -> None:
    first = review(None, Rating.GOOD, subject="a/q", at=START)
    sharp = review(first, Rating.GOOD, subject="a/q", at=START + timedelta(days=2))
    early = review(first, Rating.GOOD, subject="a/q", at=START + timedelta(days=2, hours=-5))
    assert early.stability == sharp.stability
    same_day = review(first, Rating.GOOD, subject="a/q", at=START + timedelta(hours=3))
    assert same_day.stability < sharp.stability


def test_the_zone_of_an_event_changes_nothing() -> None:
    east = timezone(timedelta(hours=11))
    moved = [Event(e.at.astimezone(east), e.kind, e.subject, e.data) for e in (rated(3), rated(1, day=3))]
    assert fold(moved) == fold([rated(3), rated(1, day=3)])


def test_a_leech_is_forgotten_six_times_after_it_was_learnt() -> None:
    events = [rated(1, day=n) for n in range(6)]
    state = fold(events)
    assert state is not None
    assert (state.lapses, state.is_leech) == (5, False)
    state = fold([*events, rated(1, day=7)])
    assert state is not None
    assert state.is_leech


def test_retrievability_is_what_fsrs_says() -> None:
    from fsrs import Card, State

    state = review(None, Rating.GOOD, subject="a/q", at=START)
    card = Card(1, State.Review, None, state.stability, state.difficulty, state.due, state.last)
    for days in (0, 1, 7, 300):
        at = START + timedelta(days=days)
        assert retrievability(state, at) == pytest.approx(
            schedule._scheduler().get_card_retrievability(card, at)
        )
    at = START + timedelta(days=state.stability)
    assert retrievability(state, at) == pytest.approx(0.9)
    assert schedule.spacing(0.9) == pytest.approx(1.0)
    assert schedule.spacing(0.96) < 0.5


def test_a_day_begins_at_four() -> None:
    night = datetime(2026, 3, 3, 3, 59, tzinfo=UTC)
    assert day_of(night) == datetime(2026, 3, 2, 4, tzinfo=UTC)
    assert day_end(night) == datetime(2026, 3, 3, 4, tzinfo=UTC)
    assert day_of(night + timedelta(minutes=1)) == datetime(2026, 3, 3, 4, tzinfo=UTC)


STEPS = st.tuples(
    st.sampled_from(["review", "undo", "attempt", "hint", "solution", "reset", "doubt", "cram", "plan"]),
    st.sampled_from(["a/q", "a/~gen", "detection/nms", "detection/nms:same"]),
    st.floats(-3, 3),
    st.integers(1, 4),
    st.sampled_from(["passed", "value", "error", "todo"]),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(STEPS, max_size=25))
def test_states_rebuild_exactly_from_the_record(
    tmp_path_factory: pytest.TempPathFactory, steps: list
) -> None:  # type: ignore[type-arg]
    from grader.practice import cards

    path = tmp_path_factory.mktemp("record") / "record.sqlite3"
    at, reviewed = START, {}
    with store.open_record(path) as record:
        held = cards.open_cards(record)
        for kind, subject, gap, rating, word in steps:
            at += timedelta(days=gap)
            data = {"rating": rating, "kind": word, "of": reviewed.get(subject, "")}
            held.add(Event(at, kind, subject, data))
            if kind == "review":
                reviewed[subject] = at.isoformat()
        living = {state.subject: state for state in held.all()}
        assert living == states(record.events())
        held.rebuild()
        assert {state.subject: state for state in held.all()} == living
    with store.open_record(path) as record:
        assert {state.subject: state for state in cards.open_cards(record).all()} == living


def test_folding_card_by_card_is_folding_the_whole() -> None:
    chance = random.Random(1)
    events = [rated(chance.randint(1, 4), day=n, subject=f"a/{chance.randint(0, 5)}") for n in range(80)]
    whole = states(events)
    for subject, state in whole.items():
        assert fold([one for one in events if one.subject == subject]) == state


def test_only_this_module_knows_fsrs() -> None:
    folder = Path(schedule.__file__).parents[1]
    for path in folder.rglob("*.py"):
        names = {
            name
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            for name in (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
        }
        assert path.name == "schedule.py" or not {n for n in names if n.split(".")[0] == "fsrs"}, path


def test_importing_it_imports_no_fsrs() -> None:
    code = "import sys, grader.practice.schedule, grader.practice.quiz, grader.practice.practice; assert 'fsrs' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
