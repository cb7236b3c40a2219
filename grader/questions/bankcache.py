"""The banks compiled once, so that a face starts without parsing any: an SQLite file that may be lost.

A bank counts as known while its size, its time and the code that reads banks stay the same. A file that
cannot be used is made anew; a folder that cannot be written to is done without, in memory.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from grader.model import Question

FORMAT = 1
NAME = "questions.sqlite3"
_PATIENCE = 2.0
_TABLES = """
create table if not exists bank (
    number integer primary key, path text unique, stamp text, entries blob, problems blob
);
create table if not exists question (
    bank integer, id text, body blob, primary key (bank, id)
) without rowid;
"""


class Entry(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What is known of a question without its text; a struct, since a start may decode 100,000 of them."""

    id: str
    track: str
    level: int
    skills: tuple[str, ...]
    kind: str
    family: str
    kata: str | None


class Remark(msgspec.Struct, frozen=True, array_like=True):
    """A problem of a bank as it is kept: without the path."""

    line: int
    sentence: str
    note: bool


@dataclass(frozen=True, slots=True)
class Shelf:
    """One open cache, in a file or in memory."""

    base: sqlite3.Connection
    path: Path | None
    """Its file; nothing when it lives in memory."""

    def stamps(self) -> dict[str, tuple[int, str]]:
        """Return number and stamp of every bank kept, by its path."""
        rows = self.base.execute("select path, number, stamp from bank")
        return {path: (number, stamp) for path, number, stamp in rows}

    def put(self, bank: Path, stamp: str, questions: Iterable[Question], remarks: Iterable[Remark]) -> int:
        """Keep what reading a bank gave in place of what was kept of it; returns its number."""
        entries, bodies = [], []
        for each in questions:
            entries.append(_entry(each))
            bodies.append((each.id, _encoder().encode(each)))
        with self.base:
            self._forget(str(bank))
            row = (str(bank), stamp, _encoder().encode(entries), _encoder().encode(list(remarks)))
            done = self.base.execute(
                "insert into bank (path, stamp, entries, problems) values (?, ?, ?, ?)", row
            )
            number = int(done.lastrowid or 0)
            self.base.executemany(f"insert or ignore into question values ({number}, ?, ?)", bodies)
        return number

    def forget(self, banks: Iterable[str]) -> None:
        """Drop banks that are no more."""
        with self.base:
            for bank in banks:
                self._forget(bank)

    def entries(self, number: int) -> list[Entry]:
        """Return the entries of a bank, in its order."""
        return _entries().decode(self._blob("select entries from bank where number = ?", number))

    def remarks(self, number: int) -> list[Remark]:
        """Return what there was to say of a bank."""
        return _remarks().decode(self._blob("select problems from bank where number = ?", number))

    def question(self, number: int, id: str) -> Question | None:
        """Return one question of a bank."""
        rows = self.base.execute("select body from question where bank = ? and id = ?", (number, id))
        if found := rows.fetchone():
            return _questions().decode(found[0])
        self._blob("select stamp from bank where number = ?", number)
        return None

    def close(self) -> None:
        """Let go of the file."""
        self.base.close()

    def _blob(self, query: str, number: int) -> Any:
        found = self.base.execute(query, (number,)).fetchone()
        if found is None:
            raise Gone
        return found[0]

    def _forget(self, bank: str) -> None:
        self.base.execute(
            "delete from question where bank = (select number from bank where path = ?)", (bank,)
        )
        self.base.execute("delete from bank where path = ?", (bank,))


class Gone(LookupError):
    """Another process has replaced what was kept of a bank."""


BROKEN = (sqlite3.DatabaseError, msgspec.DecodeError, TypeError)
"""What a damaged cache raises, at any moment of its use."""


def take(folder: Path | None) -> Shelf:
    """Open the cache of a folder; one that is damaged begins anew, and without a folder it is in memory."""
    if folder is None:
        return in_memory()
    path = folder / NAME
    for _ in range(2):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            return Shelf(_connected(path), path)
        except sqlite3.OperationalError:
            break
        except sqlite3.DatabaseError:
            with suppress(OSError):
                path.unlink()
        except OSError:
            break
    return in_memory()


def in_memory(like: Shelf | None = None) -> Shelf:
    """Open a cache that lasts as long as the process, with what another one holds."""
    base = sqlite3.connect(":memory:", check_same_thread=False)
    if like is not None:
        try:
            like.base.backup(base)
        except sqlite3.Error:
            base.close()
            base = sqlite3.connect(":memory:", check_same_thread=False)
        like.close()
    base.executescript(_TABLES)
    return Shelf(base, None)


def throw_away(shelf: Shelf) -> None:
    """Close a cache and delete its file."""
    shelf.close()
    if shelf.path:
        with suppress(OSError):
            shelf.path.unlink()


def folder(environ: Mapping[str, str]) -> Path:
    """Name the folder of the cache: ``$DOJO_CACHE``, else the user's cache folder."""
    if chosen := environ.get("DOJO_CACHE"):
        return Path(chosen).expanduser().absolute()
    from platformdirs import user_cache_dir

    return Path(user_cache_dir("cv-dojo", appauthor=False))


def stamp(bank: Path) -> str:
    """Return what changes when a bank is written anew; empty when it cannot be read."""
    try:
        found = bank.stat()
    except OSError:
        return ""
    if not os.access(bank, os.R_OK):
        return ""
    return f"{found.st_size} {found.st_mtime_ns} {_readers()}"


def _connected(path: Path) -> sqlite3.Connection:
    base = sqlite3.connect(path, timeout=_PATIENCE, check_same_thread=False)
    try:
        # The file can be made again at any time: a lost write costs nothing, a slow one is felt.
        base.execute("pragma synchronous = off")
        version = base.execute("pragma user_version").fetchone()[0]
        if version not in (0, FORMAT):
            base.executescript("drop table if exists bank; drop table if exists question;")
        if version != FORMAT:
            base.executescript(f"{_TABLES} pragma user_version = {FORMAT};")
        base.execute("select number, path, stamp, entries, problems from bank limit 1")
        base.execute("select bank, id, body from question limit 1")
    except BaseException:
        base.close()
        raise
    return base


def _entry(question: Question) -> Entry:
    facts = (question.id, question.track, question.level, question.skills, str(question.kind))
    return Entry(*facts, question.family, question.kata)


@cache
def _readers() -> str:
    """Return what changes when the code that reads banks does."""
    here = Path(__file__).parent
    files = [here.parent / "model.py", *sorted((here / "bank").glob("*.py"))]
    found = [os.stat(file) for file in files if file.is_file()]
    return f"{len(found)} {max((each.st_mtime_ns for each in found), default=0)}"


@cache
def _encoder() -> msgspec.msgpack.Encoder:
    return msgspec.msgpack.Encoder()


@cache
def _entries() -> msgspec.msgpack.Decoder[list[Entry]]:
    return msgspec.msgpack.Decoder(list[Entry])


@cache
def _remarks() -> msgspec.msgpack.Decoder[list[Remark]]:
    return msgspec.msgpack.Decoder(list[Remark])


@cache
def _questions() -> msgspec.msgpack.Decoder[Question]:
    return msgspec.msgpack.Decoder(Question)
