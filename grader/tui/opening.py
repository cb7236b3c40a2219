"""Opens what practice needs, cards and questions, once and only when a screen asks for it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from grader.practice.desk import Desk
from grader.practice.progress import Status

if TYPE_CHECKING:
    from grader.practice.practice import Practice


class Opening:
    """The learner's practice behind a door; the first to ask waits, so ask from a thread."""

    def __init__(
        self, desk: Desk, *, environ: Mapping[str, str], make: Callable[[Desk], Practice] | None = None
    ) -> None:
        self.desk = desk
        self._environ = environ
        self._make = make or self._open
        self._practice: Practice | None = None
        self._lock = threading.Lock()

    def practice(self) -> Practice:
        """Return the practice, up to date with what was graded since."""
        with self._lock:
            if self._practice is None:
                self._practice = self._make(self.desk)
            self._practice.cards.catch_up()
            states = self.desk.states()
            passed = {k.id: k for k in self.desk.catalog if states[k.id].status is Status.PASSED}
            if passed.keys() != self._practice.deck.passed.keys():
                deck = replace(self._practice.deck, passed=passed, _spotted={}, _index={})
                self._practice = replace(self._practice, deck=deck)
            return self._practice

    def _open(self, desk: Desk) -> Practice:
        from grader.practice.practice import open_practice
        from grader.questions import bankcache

        return open_practice(desk, cache_folder=bankcache.folder(self._environ))
