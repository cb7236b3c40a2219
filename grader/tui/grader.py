"""What grades for the app: a warm parent, started when a kata comes into view; cold where one is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from grader.model import KataInfo
from grader.tui.job import Job
from grader.workspace import runner
from grader.workspace.places import Places

if TYPE_CHECKING:
    from grader.workspace.warm import Warm


class Grader:
    """Makes jobs; holds what makes them fast."""

    def __init__(self, *, environ: Mapping[str, str], command: Sequence[str] | None) -> None:
        self._environ = environ
        self._command = command
        self._warm: Warm | None = None

    def warm_up(self, places: Places) -> None:
        """Get ready in the background; a kata is about to be graded."""
        if self._command is None and self._warm is None:
            from grader.workspace.warm import Warm

            self._warm = Warm(places=places, environ=self._environ)

    def job(self, kata: KataInfo, *, places: Places, source: str = "tui") -> Job:
        """Return a job that grades a kata once."""
        if self._command is not None:
            cold = partial(
                runner.start,
                [kata],
                places=places,
                source=source,
                environ=self._environ,
                command=self._command,
            )
            return Job(cold)
        self.warm_up(places)
        assert self._warm is not None
        return Job(partial(self._warm.start, [kata], source=source))

    def close(self) -> None:
        """Leave nothing running."""
        if self._warm is not None:
            self._warm.close()
            self._warm = None
