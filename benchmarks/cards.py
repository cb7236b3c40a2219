"""Measure the practice half with a record of many years: opening, choosing, answering, folding anew.

Run it with ``python benchmarks/cards.py``; it builds its data in a temporary folder and prints milliseconds.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import TypeVar

from grader.model import Question, QuestionKind
from grader.practice import cards, quiz
from grader.practice.deck import Deck, Entry, Item
from grader.practice.quiz import Limits
from grader.workspace import store

NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)
T = TypeVar("T")


@dataclass(frozen=True)
class Bank:
    """A bank in memory, so that only cards and choosing are measured."""

    items: Sequence[Entry]

    def entries(self) -> Sequence[Entry]:
        """Return every entry."""
        return self.items

    def get(self, id: str, /) -> Question | None:
        """Return a question made up on the spot."""
        choices = ("a", "b", "c")
        return Question(id, QuestionKind.ONE, "?", "!", 1, ("loss",), choices=choices, answer=("a",))


def main() -> None:
    """Build a record, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cards", type=int, default=100_000)
    parser.add_argument("--reviews", type=int, default=1_000_000)
    size = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "record.sqlite3"
        print(f"{size.cards:,} cards, {size.reviews:,} reviews")
        tell("write the events", timed(lambda: build(path, size.cards, size.reviews))[1])
        tell("fold all of them, once", timed(lambda: cards.open_cards(store.open_record(path)))[1])
        # New questions as many again as known ones.
        bank = Bank([item(number, size.cards) for number in range(size.cards + size.cards // 10)])
        measure(path, bank)


def measure(path: Path, bank: Bank) -> None:
    """Open the record as a face does, and ask a few hundred questions."""
    chance = Random(0)
    record, opening = timed(lambda: store.open_record(path))
    held, folding = timed(lambda: cards.open_cards(record))
    tell("open the record", opening)
    tell("open its cards", folding)
    tell("one card", timed(lambda: held.get("track3/q77"))[1])
    due, listing = timed(lambda: held.due(NOW))
    tell(f"list what is due ({len(due):,})", listing)
    clock = Clock()
    limits = Limits(cards=1000, new=100)
    round_, beginning = timed(lambda: quiz.begin(Deck(bank), held, clock=clock, chance=chance, limits=limits))
    tell("begin a round", beginning)
    tell("together: open and begin", opening + folding + beginning)
    choosing, answering = [], []
    for _ in range(400):
        asked, seconds = timed(round_.next)
        choosing.append(seconds)
        assert asked is not None
        answer = ("a",) if chance.random() < 0.9 else ("b",)
        answering.append(timed(lambda a=asked, b=answer: round_.answer(a, b, seconds=9))[1])  # type: ignore[misc]
    spread("choose the next card", choosing)
    spread("judge, save and fold an answer", answering)


def build(path: Path, count: int, reviews: int) -> None:
    """Write reviews of all cards, spread over three years."""
    store.open_record(path).close()
    db = sqlite3.connect(path)
    db.executemany(
        "INSERT INTO events (at, kind, subject, data) VALUES (?, 'review', ?, ?)", rows(count, reviews)
    )
    db.commit()
    db.close()


def rows(count: int, reviews: int) -> Iterator[tuple[str, str, str]]:
    """Yield reviews in the order of time."""
    chance = Random(1)
    began = NOW - timedelta(days=1095)
    step = timedelta(days=1094) / reviews
    for number in range(reviews):
        rating = chance.choice((1, 2, 3, 3, 3, 3, 3, 4))
        data = {
            "rating": rating,
            "kind": "one",
            "correct": rating > 1,
            "seconds": 9.5,
            "answer": "a",
            "seed": None,
        }
        card = number % count if number < count else chance.randrange(count)
        yield (began + step * number).isoformat(), name(card), json.dumps(data, sort_keys=True)


def name(number: int) -> str:
    """Name a card."""
    return f"track{number % 19}/q{number}"


def item(number: int, count: int) -> Entry:
    """Describe a card; every third shares its family with a neighbour."""
    family = f"f{number // 3 if number % 3 else number}"
    return Item(name(number), f"track{number % 19}", 1 + number % 3, ("loss",), "one", family)


class Clock:
    """Ticks a second at each look."""

    def __init__(self) -> None:
        self.at = NOW

    def __call__(self) -> datetime:
        """Return the time."""
        self.at += timedelta(seconds=1)
        return self.at


def timed(work: Callable[[], T]) -> tuple[T, float]:
    """Do something and return its result with the seconds it took."""
    began = time.perf_counter()
    result = work()
    return result, time.perf_counter() - began


def tell(what: str, seconds: float) -> None:
    """Print one measurement."""
    print(f"  {what:<38}{seconds * 1000:>12,.2f} ms", flush=True)


def spread(what: str, seconds: Sequence[float]) -> None:
    """Print the middle, a high share and the worst of many measurements."""
    ordered = sorted(seconds)
    tell(f"{what}, median", statistics.median(ordered))
    tell(f"{what}, 99 %", ordered[int(len(ordered) * 0.99)])
    tell(f"{what}, worst", ordered[-1])


if __name__ == "__main__":
    main()
