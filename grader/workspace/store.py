"""The record: what the learner did, as events in one SQLite file that only ever grows.

Nothing here may stop a grading session. A record that cannot be written keeps its events in memory until the
process ends and says so in ``Record.notice``. Open it after forking, not before: SQLite connections do not
survive a fork.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from grader.model import Event

VERSION = 1
"""The schema this module writes, kept in ``PRAGMA user_version``."""

_BUSY_SECONDS = 10.0
_SCHEMA = (
    "CREATE TABLE events (id INTEGER PRIMARY KEY, at TEXT NOT NULL, kind TEXT NOT NULL,"
    " subject TEXT NOT NULL, data TEXT NOT NULL)",
    "CREATE INDEX events_by_subject ON events (subject, kind)",
    "CREATE TRIGGER events_never_change BEFORE UPDATE ON events"
    " BEGIN SELECT RAISE(ABORT, 'the record only grows'); END",
    "CREATE TRIGGER events_never_go BEFORE DELETE ON events"
    " BEGIN SELECT RAISE(ABORT, 'the record only grows'); END",
)
_INSERT = "INSERT INTO events (at, kind, subject, data) VALUES (?, ?, ?, ?)"
# Primary result codes that mean the bytes on the disk are not a database any more.
_CORRUPT = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}

Clock = Callable[[], datetime]
Derive = Callable[[sqlite3.Connection], None]
"""Brings a table that is derived from the events up to date with them."""


class Unwritable(sqlite3.OperationalError):
    """The file cannot be written in this session; what is derived from the events must live elsewhere."""


def open_record(path: Path, *, clock: Clock | None = None) -> Record:
    """Open the record at ``path``, making it when it is missing; never raises for what is on the disk."""
    return Record(path, clock=clock or _now)


class Record:
    """An append-only list of events on the disk, or in memory when the disk will not have them."""

    def __init__(self, path: Path, *, clock: Clock) -> None:
        self.path = path
        self.notice: str | None = None
        """One sentence when something is wrong with the record; faces show it once."""
        self._clock = clock
        self._unsaved: list[Event] = []
        self._writable = False
        self._lock = threading.Lock()
        self._db: sqlite3.Connection | None = None
        with self._lock:
            self._open()

    @property
    def remembers(self) -> bool:
        """Whether events added now will be there in the next session."""
        return self._writable

    def add(self, event: Event, *, derive: Derive | None = None) -> None:
        """Append one event; on a disk that refuses, keep it for this session and set ``notice``.

        What ``derive`` writes joins the same transaction. If it fails, the event is saved alone, since
        derived tables can be made anew and events cannot.
        """
        with self._lock:
            if not (self._writable and self._try_add(event, derive)):
                self._unsaved.append(event)

    def events(self, kind: str | None = None, subject: str | None = None) -> tuple[Event, ...]:
        """Return the events in the order they were added, of one kind or subject if asked."""
        with self._lock:
            saved = self._read(kind, subject)
        unsaved = (e for e in self._unsaved if kind in (None, e.kind) and subject in (None, e.subject))
        return (*saved, *unsaved)

    @contextmanager
    def database(self, *, write: bool = False) -> Iterator[sqlite3.Connection]:
        """Lend the file to what derives tables from the events; raises ``sqlite3.Error`` like any database.

        To write is one transaction, which an exception takes back.
        """
        with self._lock:
            if self._db is None or not self._writable:
                raise Unwritable(f"{self.path} cannot be written")
            if not write:
                yield self._db
                return
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            finally:
                _take_back(self._db)

    def close(self) -> None:
        """Let go of the file; harmless when repeated."""
        with self._lock:
            self._disconnect()
            self._writable = False

    def __enter__(self) -> Record:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _open(self) -> None:
        before = _inode(self.path)
        try:
            self._connect()
        except (OSError, sqlite3.Error) as error:
            self._disconnect()
            if _is_corrupt(error):
                self._begin_again(before)
            else:
                self._give_up(error)

    def _connect(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._db = _connection(str(self.path))
        found = self._db.execute("PRAGMA user_version").fetchone()[0]
        if found > VERSION:
            self._disconnect()
            self.notice = (
                f"The record {self.path} was written by a newer cv-dojo (its version is {found}, this one "
                f"knows {VERSION}), so it is left alone and nothing is recorded: upgrade cv-dojo."
            )
            return
        if found < VERSION:
            _prepare(self._db)
        # Proves now, rather than at the first verdict, that the file can be written.
        self._db.execute("BEGIN IMMEDIATE")
        self._db.execute("ROLLBACK")
        self._writable = True

    def _try_add(self, event: Event, derive: Derive | None) -> bool:
        row = (_stamp(event.at), event.kind, event.subject, json.dumps(dict(event.data), sort_keys=True))
        before = _inode(self.path)
        for last in (False, True):
            if self._db is None:
                return False
            try:
                if derive is None or not _insert_with(self._db, row, derive):
                    self._db.execute(_INSERT, row)
                return True
            except sqlite3.Error as error:
                if last or not _is_corrupt(error):
                    self._give_up(error)
                    return False
                self._disconnect()
                self._begin_again(before)
        return False

    def _read(self, kind: str | None, subject: str | None) -> tuple[Event, ...]:
        if self._db is None:
            return ()
        wanted = {name: value for name, value in (("kind", kind), ("subject", subject)) if value is not None}
        where = " AND ".join(f"{name} = ?" for name in wanted)
        query = f"SELECT at, kind, subject, data FROM events {'WHERE ' + where if where else ''} ORDER BY id"
        before = _inode(self.path)
        try:
            return tuple(map(to_event, self._db.execute(query, tuple(wanted.values()))))
        except (sqlite3.Error, ValueError) as error:
            if _is_corrupt(error):
                self._disconnect()
                self._begin_again(before)
            else:
                self._say(f"The record {self.path} could not be read: {error}.")
            return ()

    def _begin_again(self, inode: int | None) -> None:
        """Set a damaged file aside and begin a new one, unless another process did so already."""
        try:
            if inode is not None and _inode(self.path) == inode:
                aside = _set_aside(self.path, self._clock())
                self._say(f"The record {self.path} was damaged: it is kept as {aside.name}, a new one begun.")
            self._connect()
        except (OSError, sqlite3.Error) as error:
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        """Go on without writing; what was recorded earlier stays readable where that is possible."""
        self._writable = False
        self._say(
            f"Nothing is recorded in this session, because {self.path} cannot be written ({error}): "
            "`dojo doctor` says more."
        )
        # A reader of the journal needs to write beside it; where it cannot, only what is in the file is read.
        for mode in ("ro", "ro&immutable=1"):
            if self._db is None and self.path.is_file():
                with suppress(sqlite3.Error):
                    db = _connection(f"{self.path.absolute().as_uri()}?mode={mode}", uri=True)
                    db.execute("SELECT 1 FROM events LIMIT 1")
                    self._db = db

    def _say(self, sentence: str) -> None:
        self.notice = sentence if self.notice is None else f"{self.notice} {sentence}"

    def _disconnect(self) -> None:
        if self._db is not None:
            with suppress(sqlite3.Error):
                self._db.close()
        self._db = None


def _connection(address: str, *, uri: bool = False) -> sqlite3.Connection:
    return sqlite3.connect(
        address, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False, uri=uri
    )


def _insert_with(db: sqlite3.Connection, row: tuple[str, ...], derive: Derive) -> bool:
    """Write an event and what follows from it together; returns whether that went well."""
    before = db.total_changes
    try:
        db.execute("BEGIN IMMEDIATE")
        db.execute(_INSERT, row)
        derive(db)
        db.execute("COMMIT")
        return True
    except sqlite3.Error:
        _take_back(db)
        return False
    except BaseException:
        # An interrupt in the middle must not cost the event, nor one right after the end write it twice.
        if db.in_transaction or db.total_changes == before:
            _take_back(db)
            db.execute(_INSERT, row)
        raise


def _take_back(db: sqlite3.Connection) -> None:
    """Undo a transaction that was not brought to its end."""
    if db.in_transaction:
        with suppress(sqlite3.Error):
            db.execute("ROLLBACK")


def _prepare(db: sqlite3.Connection) -> None:
    """Write the schema; of two processes that begin at once, the second finds the work done."""
    _use_wal(db)
    db.execute("BEGIN IMMEDIATE")
    if db.execute("PRAGMA user_version").fetchone()[0] < VERSION:
        for statement in _SCHEMA:
            db.execute(statement)
        db.execute(f"PRAGMA user_version = {VERSION}")
    db.execute("COMMIT")


def _use_wal(db: sqlite3.Connection) -> None:
    # Changing the journal ignores the busy timeout, so a rival that is doing the same is waited for here.
    for _ in range(200):
        try:
            db.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise
            time.sleep(0.01)


def _set_aside(path: Path, at: datetime) -> Path:
    stamp = at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    aside = path.with_name(f"{path.stem}.corrupt-{stamp}{path.suffix}")
    count = 1
    while aside.exists():
        count += 1
        aside = path.with_name(f"{path.stem}.corrupt-{stamp}-{count}{path.suffix}")
    path.rename(aside)
    for tail in ("-wal", "-shm"):
        # A journal left behind would be replayed into the new file.
        with suppress(FileNotFoundError):
            path.with_name(path.name + tail).rename(aside.with_name(aside.name + tail))
    return aside


def _is_corrupt(error: Exception) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _CORRUPT


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except OSError:
        return None


def to_event(row: tuple[str, str, str, str]) -> Event:
    """Return the event that a row ``at, kind, subject, data`` holds."""
    at, kind, subject, data = row
    return Event(at=datetime.fromisoformat(at), kind=kind, subject=subject, data=json.loads(data))


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()


def _now() -> datetime:
    return datetime.now(UTC)
