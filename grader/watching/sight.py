"""What the learner is looking at: the kata, its last run, and which page is open. Data alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from grader.model import KataInfo, Kind, Verdict
from grader.practice.desk import Hint
from grader.practice.progress import KataState, Status
from grader.workspace.runner import CheckDone, End, Failing, Finding, KataDone, Problem


class Page(StrEnum):
    """What fills the screen."""

    KATA = "kata"
    LIST = "list"
    ALL = "all"
    """The run over every kata of the track."""
    KEYS = "keys"


@dataclass(frozen=True, slots=True)
class Run:
    """What one run over one kata has found so far."""

    verdicts: tuple[Verdict, ...] = ()
    failing: Verdict | None = None
    """A check known to fail, whose whole story is being worked out."""
    done: KataDone | None = None
    problem: Problem | None = None

    def after(self, finding: Finding) -> Run:
        """Return the run that knows one finding more."""
        match finding:
            case Failing(verdict):
                return replace(self, failing=verdict)
            case CheckDone(verdict):
                return replace(self, verdicts=(*self.verdicts, verdict), failing=None)
            case KataDone():
                return replace(self, done=finding)
            case Problem():
                return replace(self, problem=finding, failing=None)
        return self

    @property
    def is_over(self) -> bool:
        """Whether there is something to show for it."""
        return self.done is not None or self.problem is not None

    @property
    def is_todo(self) -> bool:
        """Whether nothing was written yet."""
        return any(verdict.kind is Kind.TODO for verdict in self.verdicts)

    @property
    def is_passed(self) -> bool:
        """Whether every check accepts the answer."""
        return self.done is not None and self.done.kind is Kind.PASSED

    @property
    def failure(self) -> Verdict | None:
        """The first failure, whose story is told."""
        told = [verdict for verdict in self.verdicts if is_failure(verdict)]
        return next(iter(told), self.failing)


@dataclass(frozen=True, slots=True)
class Sight:
    """All that the screen shows."""

    kata: KataInfo
    track: tuple[KataInfo, ...]
    """The katas of its track, in order."""
    states: Mapping[str, KataState]
    page: Page = Page.KATA
    run: Run = field(default_factory=Run)
    is_running: bool = False
    seconds: int = 0
    """How long the run has been on."""
    is_missing: bool = False
    """Whether the learner's file is not there."""
    note: str = ""
    """One sentence in answer to the last key."""
    asks_reset: bool = False
    hint: Hint | None = None
    scroll: int = 0
    listed: tuple[KataInfo, ...] = ()
    """The katas of the list that is open."""
    cursor: int = 0
    everything: tuple[KataDone, ...] = ()
    """What the run over the whole track has found."""
    broken: Problem | None = None
    """Why the run over the whole track broke off."""

    @property
    def is_passed(self) -> bool:
        """Whether this kata is passed, now or by the record."""
        return self.run.is_passed or self.states[self.kata.id].status is Status.PASSED

    @property
    def line(self) -> int | None:
        """The line of the learner's file that the failure points at, where it names one."""
        failure = self.run.failure
        named = failure and re.search(
            rf"^\s+{re.escape(self.kata.stub.name)}:(\d+)\b", failure.story, re.MULTILINE
        )
        return int(named[1]) if named else None

    def passed(self, katas: tuple[KataInfo, ...]) -> int:
        """Count the katas passed, the one at hand by its last run."""
        done = {kata.id for kata in katas if self.states[kata.id].status is Status.PASSED}
        at_hand = {self.kata.id} if self.run.is_passed and self.kata in katas else set()
        return len(done | at_hand)


def is_failure(verdict: Verdict) -> bool:
    """Whether a check found something wrong itself."""
    return not verdict.passed and verdict.kind not in (Kind.WAITS, Kind.TODO)


def is_last(finding: Finding) -> bool:
    """Whether a run ends with this."""
    return isinstance(finding, End | Problem)
