"""A time limit as a check: one case of stated size, answered within the stated seconds."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grader.cases.inputs import Case, Plan
from grader.judge.candidate import Candidate, Raised
from grader.judge.problems import Problem, raised_problem
from grader.model import Kind

if TYPE_CHECKING:
    from grader.contract.kata import Kata

_GENEROUS = 10.0
"""However slow the machine, this many times the reference's own time is always allowed."""
_TRIES = 3


@dataclass(frozen=True)
class Speed:
    """A case of stated size has to be answered in time; the best of a few tries counts."""

    kata: Kata
    sizes: Mapping[str, int]
    seconds: float

    def __call__(self, candidate: Candidate) -> Problem | None:
        """Time the candidate, and the reference only where the stated seconds do not suffice."""
        symbol = next(iter(self.kata.symbols))
        case = self.kata.case(Plan(symbol, "timing", 8000, self.kata.rules.dtypes[0], sizes=dict(self.sizes)))
        best = float("inf")
        for _ in range(_TRIES):
            try:
                best = min(best, _timed(candidate, case))
            except Raised as raised:
                return raised_problem(raised.told, case)
            if best <= self.seconds:
                return None
        if best <= _GENEROUS * min(_timed(self.kata.reference, case) for _ in range(_TRIES)):
            return None
        size = ", ".join(f"{name} = {n}" for name, n in self.sizes.items())
        return Problem(Kind.SLOW, f"Takes {best:.1f} s for {size}, where {self.seconds:g} s are allowed.")


def _timed(candidate: Candidate, case: Case) -> float:
    start = time.monotonic()
    candidate.call(case.plan.symbol, (), case.arguments)
    return time.monotonic() - start
