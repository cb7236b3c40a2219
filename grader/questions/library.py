"""The questions of a workspace's banks: found without reading their texts, fetched one at a time."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from grader.model import Question
from grader.questions import bank, bankcache
from grader.questions.bank import BankProblem
from grader.questions.bankcache import BROKEN, Entry, Gone, Remark, Shelf
from grader.workspace.places import Places

__all__ = ["Entry", "Library", "open"]

T = TypeVar("T")


class Library:
    """The banks of one folder as the cache keeps them; made by ``open``."""

    def __init__(self, questions: Path, shelf: Shelf, *, cache_folder: Path | None) -> None:
        self._questions = questions
        self._shelf = shelf
        self._cache_folder = cache_folder
        self._numbers: dict[Path, int] = {}
        self._entries: tuple[Entry, ...] | None = None
        self.refresh()

    def entries(self) -> tuple[Entry, ...]:
        """Return what is known of every question without its text, bank by bank."""
        if self._entries is None:
            self._entries = self._asked(self._all_entries)
        return self._entries

    def ids(
        self, *, track: str | None = None, level: int | None = None, skill: str | None = None
    ) -> tuple[str, ...]:
        """Return the ids of the questions of a track, a level and a skill, as far as they are given."""
        return tuple(
            entry.id
            for entry in self.entries()
            if track in (None, entry.track)
            and level in (None, entry.level)
            and (skill is None or skill in entry.skills)
        )

    def get(self, id: str) -> Question | None:
        """Return one question, if a bank has it."""
        path = self._questions / f"{id.partition('/')[0]}.yaml"
        if path not in self._numbers:
            return None
        return self._asked(lambda: self._shelf.question(self._numbers[path], id))

    @property
    def problems(self) -> tuple[BankProblem, ...]:
        """What keeps questions out, bank by bank; advice to authors is not among it."""
        return self._asked(self._all_problems)

    def refresh(self) -> None:
        """Read the banks that were written since."""
        self._entries = None
        try:
            return self._bring_up_to_date()
        except sqlite3.OperationalError:
            # The file cannot be written, or another process holds it for long: go on without.
            self._shelf = bankcache.in_memory(self._shelf)
        except BROKEN:
            bankcache.throw_away(self._shelf)
            self._shelf = bankcache.take(self._cache_folder)
        try:
            self._bring_up_to_date()
        except BROKEN:
            self._shelf.close()
            self._shelf = bankcache.in_memory()
            self._bring_up_to_date()

    def close(self) -> None:
        """Let go of the cache."""
        self._shelf.close()

    def _bring_up_to_date(self) -> None:
        kept = self._shelf.stamps()
        paths = bank.paths(self._questions)
        self._numbers = {}
        changed = False
        for path in paths:
            stamp = bankcache.stamp(path)
            number, old = kept.get(str(path), (0, ""))
            if not stamp or stamp != old:
                number, changed = self._read(path, stamp), True
            self._numbers[path] = number
        gone = [path for path in kept if Path(path).parent == self._questions and Path(path) not in paths]
        if changed:
            gone += [path for path in kept if path not in gone and not os.path.exists(path)]
        if gone:
            self._shelf.forget(gone)

    def _read(self, path: Path, stamp: str) -> int:
        # The stamp was taken before: a bank written meanwhile is read again next time.
        loaded = bank.load(path)
        remarks = [Remark(each.line, each.sentence, each.note) for each in loaded.problems]
        return self._shelf.put(path, stamp, loaded.questions, remarks)

    def _all_entries(self) -> tuple[Entry, ...]:
        return tuple(entry for number in self._numbers.values() for entry in self._shelf.entries(number))

    def _all_problems(self) -> tuple[BankProblem, ...]:
        return tuple(
            BankProblem(path, remark.line, remark.sentence)
            for path, number in self._numbers.items()
            for remark in self._shelf.remarks(number)
            if not remark.note
        )

    def _asked(self, question: Callable[[], T]) -> T:
        """Ask the cache; one that turns out damaged or replaced is made anew, and asked again."""
        try:
            return question()
        except Gone:
            self.refresh()
        except BROKEN:
            bankcache.throw_away(self._shelf)
            self._shelf = bankcache.take(self._cache_folder)
            self.refresh()
        with suppress(Gone, *BROKEN):
            return question()
        self._shelf.close()
        self._shelf = bankcache.in_memory()
        self.refresh()
        return question()


def open(places: Places, *, cache_folder: Path | None) -> Library:
    """Open the banks of a workspace; without a folder for the cache it is kept in memory."""
    return Library(places.questions, bankcache.take(cache_folder), cache_folder=cache_folder)
