from __future__ import annotations

import sqlite3
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from asking import START, event, table

from grader.model import Event
from grader.practice import cards, schedule
from grader.practice.cards import Cards
from grader.practice.schedule import states
from grader.workspace import store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "record.sqlite3"


def rated(subject: str, rating: int = 3, day: float = 0.0) -> Event:
    return event("review", subject, day=day, rating=rating)


def held(path: Path) -> dict[str, schedule.CardState]:
    with store.open_record(path) as record:
        return {state.subject: state for state in cards.open_cards(record).all()}


def test_a_review_is_there_at_once_and_in_the_next_session(path: Path) -> None:
    opened = table(path)
    assert opened.get("a/q") is None
    opened.add(rated("a/q"))
    state = opened.get("a/q")
    assert state is not None
    assert (state.reps, state.first, state.last) == (1, START, START)
    assert opened.latest() == state
    assert opened.subjects() == {"a/q"}
    assert held(path) == {"a/q": state}


def test_opening_folds_nothing_that_was_folded(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = table(path)
    for number in range(20):
        opened.add(rated(f"a/{number}"))
    monkeypatch.setattr(schedule, "fold", lambda events: pytest.fail("folded again"))
    assert len(held(path)) == 20


def test_it_catches_up_with_what_others_wrote(path: Path) -> None:
    opened = table(path)
    opened.add(rated("a/q"))
    with store.open_record(path) as other:
        other.add(Event(START, "attempt", "detection/nms", {"kind": "passed"}))
        other.add(rated("a/other"))
    assert opened.get("detection/nms") is None
    opened.catch_up()
    found = opened.get("detection/nms")
    assert found is not None
    assert found.is_kata
    # What comes in between is folded with the next review as well.
    with store.open_record(path) as other:
        other.add(rated("a/third"))
    opened.add(rated("a/fourth"))
    assert opened.subjects() == {"a/q", "detection/nms", "a/other", "a/third", "a/fourth"}


def test_far_behind_is_folded_too(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cards, "_MANY", 3)
    with store.open_record(path) as record:
        for number in range(9):
            record.add(rated(f"a/{number % 4}", day=number))
        events = record.events()
    assert held(path) == states(events)


def test_another_fold_makes_the_table_anew(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = table(path)
    opened.add(rated("a/q"))
    db = sqlite3.connect(path)
    db.execute("UPDATE cards SET stability = 999")
    db.commit()
    assert held(path)["a/q"].stability == 999
    monkeypatch.setattr(schedule, "VERSION", schedule.VERSION + 1)
    assert held(path)["a/q"].stability < 10
    assert db.execute("SELECT version FROM cards_state").fetchone() == (schedule.VERSION,)
    db.close()


def test_a_table_that_was_dropped_comes_back(path: Path) -> None:
    opened = table(path)
    opened.add(rated("a/q"))
    before = held(path)
    for name in ("cards", "cards_state"):
        db = sqlite3.connect(path)
        db.execute(f"DROP TABLE {name}")
        db.commit()
        db.close()
        assert held(path) == before, name


def test_a_table_lost_while_open_costs_no_event(path: Path) -> None:
    opened = table(path)
    opened.add(rated("a/q"))
    db = sqlite3.connect(path)
    db.execute("DROP TABLE cards")
    db.commit()
    db.close()
    opened.add(rated("a/other"))
    assert opened.subjects() == {"a/q", "a/other"}
    assert set(held(path)) == {"a/q", "a/other"}


def test_undo_takes_a_card_away_again(path: Path) -> None:
    opened = table(path)
    opened.add(rated("a/q"))
    opened.add(event("undo", "a/q", of=START.isoformat()))
    assert opened.get("a/q") is None
    assert opened.seen(START) == (0, 0)
    assert held(path) == {}


def test_due_is_by_the_end_of_the_day_least_remembered_first(path: Path) -> None:
    opened = table(path)
    opened.add(rated("a/well", rating=4))
    opened.add(rated("a/badly", rating=1))
    opened.add(rated("a/fairly", rating=3))
    assert opened.due(START) == []
    assert opened.due(START + timedelta(days=1, hours=-4)) == ["a/badly"]
    assert opened.due(START + timedelta(days=2)) == ["a/badly", "a/fairly"]
    assert opened.due(START + timedelta(days=90)) == ["a/badly", "a/fairly", "a/well"]
    assert opened.weakest(START + timedelta(days=1)) == ["a/badly", "a/fairly", "a/well"]


def test_higher_retention_brings_cards_forward_and_changes_none(path: Path) -> None:
    opened = table(path)
    opened.add(rated("a/well", rating=4))
    before = opened.all()
    at = START + timedelta(days=4)
    assert opened.due(at) == []
    assert opened.due(at, retention=0.96) == ["a/well"]
    assert opened.due(START, retention=0.99) == [], "never twice on one day"
    assert opened.all() == before


def test_a_card_stamped_by_a_clock_that_ran_ahead_is_asked(path: Path) -> None:
    opened = table(path)
    opened.add(rated("a/q", day=3650))
    assert opened.due(START) == ["a/q"]
    opened.add(rated("a/q", day=0.01))
    assert opened.due(START + timedelta(hours=1)) == []


def test_today_counts_questions_and_new_ones(path: Path) -> None:
    opened = table(path)
    opened.add(rated("a/old", day=-3))
    opened.add(rated("a/old"))
    opened.add(rated("a/new"))
    opened.add(rated("a/new", day=0.1))
    opened.add(event("attempt", "detection/nms", kind="passed"))
    assert opened.seen(START) == (2, 1)
    assert opened.seen(START + timedelta(days=1)) == (0, 0)


def test_leeches_come_worst_first(path: Path) -> None:
    opened = table(path)
    for name, times in (("a/bad", 7), ("a/worse", 9), ("a/fine", 3)):
        for day in range(times):
            opened.add(rated(name, rating=1, day=day))
    assert [(card.subject, card.lapses) for card in opened.leeches()] == [("a/worse", 8), ("a/bad", 6)]


def test_a_line_that_cannot_be_read_costs_only_itself(path: Path) -> None:
    table(path).add(rated("a/q"))
    db = sqlite3.connect(path)
    db.execute("INSERT INTO events (at, kind, subject, data) VALUES ('whenever', 'review', 'a/q', '{}')")
    db.execute("INSERT INTO events (at, kind, subject, data) VALUES (?, 'review', 'a/q', '{')", (str(START),))
    db.commit()
    db.close()
    assert held(path)["a/q"].reps == 1


def test_a_record_that_cannot_be_written_keeps_cards_in_memory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    opened = Cards(store.open_record(tmp_path / "file" / "record.sqlite3"))
    opened.add(rated("a/q"))
    opened.add(rated("a/q", day=2))
    opened.catch_up()
    state = opened.get("a/q")
    assert state is not None
    assert state.reps == 2
    assert opened.due(START + timedelta(days=30)) == ["a/q"]


def test_a_disk_that_fills_up_keeps_cards_in_memory(path: Path) -> None:
    opened = table(path)
    opened.add(rated("a/before"))
    assert opened.record._db is not None
    pages = opened.record._db.execute("PRAGMA page_count").fetchone()[0]
    opened.record._db.execute(f"PRAGMA max_page_count = {pages}")
    for number in range(60):
        opened.add(event("review", f"a/{number}", rating=3, answer="x" * 500))
    assert len(opened.subjects()) == 61
    assert not opened.record.remembers
    assert states(opened.record.events()) == {state.subject: state for state in opened.all()}


def test_two_processes_fold_the_same(path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from datetime import datetime, timedelta, UTC\n"
        "from grader.practice import cards; from grader.workspace import store; from grader.model import Event\n"
        "held = cards.open_cards(store.open_record(Path(sys.argv[1])))\n"
        "for n in range(60):\n"
        "    at = datetime(2026, 3, 2, tzinfo=UTC) + timedelta(days=n)\n"
        "    held.add(Event(at, 'review', f'a/{n % 7}', {'rating': 1 + n % 4}))\n"
    )
    running = [subprocess.Popen([sys.executable, "-c", code, str(path)]) for _ in range(3)]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    with store.open_record(path) as record:
        assert len(record.events()) == 180
        assert {s.subject: s for s in cards.open_cards(record).all()} == states(record.events())


@pytest.mark.parametrize("when", range(4))
def test_an_interrupt_while_saving_costs_no_answer(
    path: Path, monkeypatch: pytest.MonkeyPatch, when: int
) -> None:
    opened = table(path)
    opened.add(rated("a/first"))
    calls = 0

    def interrupted(*arguments: object, **named: object) -> None:
        nonlocal calls
        calls += 1
        raise KeyboardInterrupt

    target = ("fold", "review", "_rating", "_without_undone")[when]
    monkeypatch.setattr(schedule, target, interrupted)
    with pytest.raises(KeyboardInterrupt):
        opened.add(rated("a/second"))
    monkeypatch.undo()
    assert calls == 1
    opened.add(rated("a/third"))
    assert set(held(path)) == {"a/first", "a/second", "a/third"}
    with store.open_record(path) as record:
        assert len(record.events()) == 3
