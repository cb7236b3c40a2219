"""A grading session that a screen can start in a thread and stop from another."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence

from grader.model import KataInfo
from grader.workspace import runner
from grader.workspace.places import Places
from grader.workspace.runner import Finding, Session


class Job:
    """Grades one kata once."""

    def __init__(
        self,
        kata: KataInfo,
        *,
        places: Places,
        environ: Mapping[str, str],
        command: Sequence[str],
        source: str = "tui",
    ) -> None:
        self._kata = kata
        self._places = places
        self._environ = environ
        self._command = command
        self._source = source
        self._session: Session | None = None
        self._lock = threading.Lock()
        self._is_stopped = False
        self.is_running = True
        """Whether findings may still come."""

    def run(self, tell: Callable[[Finding], object]) -> None:
        """Grade, telling each finding; returns when the session is over."""
        with self._lock:
            if self._is_stopped:
                return
            self._session = runner.start(
                [self._kata],
                places=self._places,
                source=self._source,
                environ=self._environ,
                command=self._command,
            )
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
