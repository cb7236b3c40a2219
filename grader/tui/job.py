"""A grading session that a screen can start in a thread and stop from another."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Protocol

from grader.workspace import runner
from grader.workspace.runner import Finding


class Running(Protocol):
    """A run that has begun, cold or warm."""

    def findings(self) -> Iterator[Finding]:
        """Yield what is found, last an end or a problem."""

    def cancel(self) -> None:
        """Stop the run."""


class Job:
    """Grades one kata once; ``begin`` starts the run."""

    def __init__(self, begin: Callable[[], Running]) -> None:
        self._begin = begin
        self._session: Running | None = None
        self._lock = threading.Lock()
        self._is_stopped = False
        self.is_running = True
        """Whether findings may still come."""

    def run(self, tell: Callable[[Finding], object]) -> None:
        """Grade, telling each finding; returns when the session is over."""
        with self._lock:
            if self._is_stopped:
                return
            self._session = self._begin()
        try:
            for finding in self._session.findings():
                self.is_running = not isinstance(finding, runner.End | runner.Problem)
                tell(finding)
        finally:
            self.is_running = False

    def stop(self) -> None:
        """End the session, if it runs or is about to."""
        with self._lock:
            self._is_stopped = True
        if self._session is not None:
            self._session.cancel()
