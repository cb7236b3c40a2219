"""The cards as a table beside the events that make them: opened at once, brought up to date, never trusted.

The table is derived. What the events say counts: it catches up with events that others wrote, is made anew
when the fold changes, and lives in memory when the record cannot be written.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import astuple
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from grader.model import Event
from grader.practice import schedule
from grader.practice.schedule import CardState
from grader.workspace.store import Record, to_event

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS cards (subject TEXT PRIMARY KEY, stability REAL NOT NULL, difficulty REAL"
    " NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, due INTEGER NOT NULL, reps INTEGER NOT NULL,"
    " lapses INTEGER NOT NULL, is_kata INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS cards_by_due ON cards (due)",
    "CREATE INDEX IF NOT EXISTS cards_by_last ON cards (last)",
    "CREATE INDEX IF NOT EXISTS cards_by_first ON cards (first)",
    "CREATE INDEX IF NOT EXISTS cards_by_lapses ON cards (lapses)",
    "CREATE TABLE IF NOT EXISTS cards_state (version INTEGER NOT NULL, upto INTEGER NOT NULL)",
)
_COLUMNS = "subject, stability, difficulty, first, last, due, reps, lapses, is_kata"
_PUT = f"INSERT OR REPLACE INTO cards ({_COLUMNS}) VALUES ({', '.join('?' * 9)})"
_MINE = f"kind IN ({', '.join(repr(kind) for kind in schedule.KINDS)})"
_DAY_SECONDS = 86400
# Beyond this many unseen events, they are folded before the file is locked, not while it is.
_MANY = 2000

Row = tuple[str, float, float, int, int, int, int, int, int]


def open_cards(record: Record) -> Cards:
    """Open the cards of a record, folding only what was added since they were last opened."""
    return Cards(record)


class Cards:
    """The state of every card, as of the last event in the record."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self._memory: sqlite3.Connection | None = None
        try:
            self.catch_up()
        except sqlite3.Error:
            self._remember()

    def add(self, event: Event) -> None:
        """Append an event to the record and fold it, both in one transaction."""
        self.record.add(event, derive=_catch_up)
        if self._memory is not None:
            self._refold(self._memory, event.subject)
        elif not self.record.remembers:
            self._remember()

    def catch_up(self) -> None:
        """Fold what others, a grading process for instance, have added to the record."""
        if self._memory is not None:
            self._remember()
            return
        with self.record.database() as db:
            is_made, behind = _where(db)[0] == schedule.VERSION, _behind(db)
        if behind > _MANY:
            self.rebuild()
        elif behind or not is_made:
            with self.record.database(write=True) as db:
                _catch_up(db)

    def rebuild(self) -> None:
        """Make the whole table anew from the events."""
        with self.record.database() as db:
            rows, upto = _fold_everything(db)
        with self.record.database(write=True) as db:
            _begin(db, rows, upto)
            _catch_up(db)

    def get(self, subject: str) -> CardState | None:
        """Return one card, if it was ever reviewed."""
        return next(iter(self._cards("WHERE subject = ?", subject)), None)

    def all(self) -> tuple[CardState, ...]:
        """Return every card by subject."""
        return self._cards("ORDER BY subject")

    def leeches(self) -> tuple[CardState, ...]:
        """Return the cards that were forgotten too often, worst first."""
        return self._cards("WHERE lapses >= ? ORDER BY lapses DESC, subject", schedule.LEECH)

    def latest(self) -> CardState | None:
        """Return the card that was seen last."""
        return next(iter(self._cards("ORDER BY last DESC LIMIT 1")), None)

    def subjects(self) -> frozenset[str]:
        """Return the names of all cards."""
        return frozenset(subject for (subject,) in self._ask("SELECT subject FROM cards"))

    def due(
        self, now: datetime, *, retention: float = schedule.RETENTION, most: int | None = None
    ) -> list[str]:
        """Return what is due by the end of the day, least likely recalled first.

        A higher ``retention`` than usual brings cards forward without touching their state.
        """
        at, end = _seconds(now), _seconds(schedule.day_end(now))
        # A card last seen tomorrow or later was stamped by a clock that ran ahead: it is asked, not hidden.
        # The plus signs keep SQLite from jumping about by index: reading all cards in a row is faster.
        where = "+due < ? OR +last > ?"
        values: list[float] = [end, at + _DAY_SECONDS]
        if retention > schedule.RETENTION:
            where += " OR (last + MAX(1.0, stability * ?) * 86400 < ?)"
            values += [schedule.spacing(retention), end]
        return self._by_recall(f"WHERE {where}", values, now, most=most)

    def weakest(self, now: datetime, *, most: int | None = None) -> list[str]:
        """Return every card, least likely recalled first."""
        return self._by_recall("", [], now, most=most)

    def seen(self, now: datetime) -> tuple[int, int]:
        """Count today's cards without the katas: all that were seen, and those seen for the first time."""
        start, end = _seconds(schedule.day_of(now)), _seconds(schedule.day_end(now))
        query = "SELECT count(*) FROM cards WHERE {0} >= ? AND {0} < ? AND NOT is_kata"
        counts = [self._ask(query.format(column), start, end)[0][0] for column in ("last", "first")]
        return counts[0], counts[1]

    def _by_recall(self, where: str, values: list[float], now: datetime, *, most: int | None) -> list[str]:
        query = f"SELECT subject FROM cards {where} ORDER BY (? - last) / stability DESC, subject LIMIT ?"
        found = self._ask(query, *values, _seconds(now), -1 if most is None else most)
        return [subject for (subject,) in found]

    def _cards(self, where: str, *values: object) -> tuple[CardState, ...]:
        return tuple(map(_state, self._ask(f"SELECT {_COLUMNS} FROM cards {where}", *values)))

    def _ask(self, query: str, *values: object) -> list[Any]:
        if self._memory is None:
            try:
                with self.record.database() as db:
                    return db.execute(query, values).fetchall()
            except sqlite3.Error:
                self._remember()
        assert self._memory is not None
        return self._memory.execute(query, values).fetchall()

    def _refold(self, memory: sqlite3.Connection, subject: str) -> None:
        _put(memory, subject, schedule.fold(self.record.events(subject=subject)))

    def _remember(self) -> None:
        """Keep the cards in memory: the record cannot be written, or has lost the table."""
        events = self.record.events()
        self._memory = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        _begin(self._memory, map(_row, schedule.states(events).values()), 0)


def _catch_up(db: sqlite3.Connection) -> None:
    """Fold each card that has events the table does not know."""
    version, upto = _where(db)
    if version != schedule.VERSION:
        _begin(db, *_fold_everything(db))
        return
    last = _last(db)
    if last == upto:
        return
    # Sorted out here, since SQLite would walk the index of all subjects to find the distinct ones.
    news = db.execute("SELECT subject, kind FROM events WHERE id > ?", (upto,)).fetchall()
    for subject in dict.fromkeys(subject for subject, kind in news if kind in schedule.KINDS):
        _put(db, subject, schedule.fold(list(_events(db, subject))))
    db.execute("UPDATE cards_state SET upto = ?", (last,))


def _put(db: sqlite3.Connection, subject: str, state: CardState | None) -> None:
    if state is None:
        db.execute("DELETE FROM cards WHERE subject = ?", (subject,))
    else:
        db.execute(_PUT, _row(state))


def _begin(db: sqlite3.Connection, rows: Iterable[Row], upto: int) -> None:
    """Make the table with these rows in the place of any that was there."""
    for table in ("cards", "cards_state"):
        db.execute(f"DROP TABLE IF EXISTS {table}")
    for statement in _SCHEMA:
        db.execute(statement)
    db.executemany(_PUT, rows)
    db.execute("INSERT INTO cards_state VALUES (?, ?)", (schedule.VERSION, upto))


def _fold_everything(db: sqlite3.Connection) -> tuple[list[Row], int]:
    """Fold the whole record, card by card."""
    upto = _last(db)
    query = f"SELECT id, at, kind, subject, data FROM events WHERE {_MINE} AND id <= ? ORDER BY subject, id"
    rows: list[Row] = []
    for _, group in groupby(db.execute(query, (upto,)), key=lambda row: row[3]):
        state = schedule.fold([event for row in group for event in _readable(row[1:])])
        if state is not None:
            rows.append(_row(state))
    return rows, upto


def _events(db: sqlite3.Connection, subject: str) -> Iterator[Event]:
    query = f"SELECT at, kind, subject, data FROM events WHERE subject = ? AND {_MINE} ORDER BY id"
    for row in db.execute(query, (subject,)).fetchall():
        yield from _readable(row)


def _readable(row: tuple[str, str, str, str]) -> Iterator[Event]:
    # A line that another version garbled costs that line, not the card.
    with suppress(ValueError):
        yield to_event(row)


def _behind(db: sqlite3.Connection) -> int:
    """Return how many events the table does not know; all of them if it is of another version."""
    version, upto = _where(db)
    return _last(db) - (upto if version == schedule.VERSION else 0)


def _where(db: sqlite3.Connection) -> tuple[int, int]:
    try:
        row = db.execute("SELECT version, upto FROM cards_state").fetchone()
    except sqlite3.OperationalError as error:
        if "no such table" not in str(error):
            raise
        row = None
    return (row[0], row[1]) if row else (0, 0)


def _last(db: sqlite3.Connection) -> int:
    return int(db.execute("SELECT coalesce(max(id), 0) FROM events").fetchone()[0])


def _row(state: CardState) -> Row:
    subject, stability, difficulty, first, last, due, reps, lapses, is_kata = astuple(state)
    times = _seconds(first), _seconds(last), _seconds(due)
    return (subject, stability, difficulty, *times, reps, lapses, int(is_kata))


def _state(row: Row) -> CardState:
    subject, stability, difficulty, first, last, due, reps, lapses, is_kata = row
    began, seen, comes = (datetime.fromtimestamp(seconds, UTC) for seconds in (first, last, due))
    return CardState(subject, stability, difficulty, began, seen, comes, reps, lapses, bool(is_kata))


def _seconds(at: datetime) -> int:
    return int(at.timestamp())
