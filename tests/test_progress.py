from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from grader.model import Event, KataInfo, Kind
from grader.practice.progress import KataState, Status, next_kata, states

START = datetime(2024, 1, 1, tzinfo=UTC)


def kata(name: str) -> KataInfo:
    file = Path(f"{name}.py")
    return KataInfo("t", name, name, name, 1, 10, ("a", "b"), (name,), (), (), file, file, file)


def history(*steps: str) -> list[Event]:
    """Make events from words: ``value`` is an attempt of that kind, ``hint 2`` a hint."""
    events = []
    for minute, step in enumerate(steps):
        word, _, level = step.partition(" ")
        at = START + timedelta(minutes=minute)
        if word == "hint":
            events.append(Event(at, "hint", "t/x", {"level": int(level), "of": 3}))
        elif word in ("reset", "solution", "review"):
            events.append(Event(at, word, "t/x"))
        else:
            events.append(Event(at, "attempt", "t/x", {"kind": word}))
    return events


def state(*steps: str, is_stub: bool = True) -> KataState:
    return states([kata("x")], history(*steps), lambda kata: is_stub)["t/x"]


def test_nothing_happened() -> None:
    assert state() == KataState()
    assert state(is_stub=False).status is Status.STARTED


def test_an_attempt_at_a_stub_is_none() -> None:
    assert state("todo") == KataState()


def test_failing_then_passing() -> None:
    after = state("value", "error", "passed", is_stub=False)
    assert after.status is Status.PASSED
    assert after.attempts == 3
    assert after.last_kind is Kind.PASSED
    assert after.passed_at == after.last_at == START + timedelta(minutes=2)


def test_failing_is_started_even_when_the_file_is_a_stub_again() -> None:
    assert state("value").status is Status.STARTED


def test_what_was_passed_stays_passed() -> None:
    after = state("passed", "value", is_stub=False)
    assert after.status is Status.PASSED
    assert after.last_kind is Kind.VALUE


def test_a_reset_begins_again_and_keeps_history() -> None:
    after = state("hint 1", "value", "passed", "solution", "reset")
    assert after.status is Status.NEW
    assert after.attempts == 2
    assert after.passed_at is not None
    assert after.solution_seen
    assert after.hints_seen == 0
    assert state("passed", "reset", is_stub=False).status is Status.STARTED
    assert state("passed", "reset", "passed").status is Status.PASSED


def test_hints_count_by_level() -> None:
    assert state("hint 1", "hint 2", "hint 1").hints_seen == 2


def test_what_other_versions_wrote_is_passed_over() -> None:
    assert state("review", "splendid") == KataState()
    odd = Event(START, "hint", "t/x", {"level": "two"})
    assert states([kata("x")], [odd], lambda kata: True)["t/x"] == KataState()


def test_events_of_katas_that_are_gone_are_passed_over() -> None:
    assert states([], history("passed"), lambda kata: True) == {}


def test_the_next_kata_is_the_first_begun_else_the_first_new() -> None:
    one, two, three = kata("one"), kata("two"), kata("three")
    new, begun, passed = KataState(), KataState(Status.STARTED), KataState(Status.PASSED)
    katas = (one, two, three)
    assert next_kata(katas, {"t/one": new, "t/two": begun, "t/three": new}) is two
    assert next_kata(katas, {"t/one": passed, "t/two": new, "t/three": new}) is two
    assert next_kata(katas, {"t/one": passed, "t/two": passed, "t/three": passed}) is None
