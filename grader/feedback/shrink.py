"""Makes a failing case small with Hypothesis: fewer rows, smaller numbers, the same kind of problem.

Imported only once something has failed, so that a right answer does not pay for it.
"""

from __future__ import annotations

import contextlib
import os
import random
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from grader.cases.draws import Shrinking, Source
from grader.cases.inputs import Plan
from grader.judge.problems import Problem
from grader.model import Kind

_TRIES = 400
_SECONDS = 2.5

Probe = Callable[[Plan, Source], Problem | None]
"""Draws a case and tries the candidate on it."""


class _Enough(BaseException):
    """The budget is spent; passes through Hypothesis, which takes it for an interrupt."""


def smallest(problem: Problem, probe: Probe) -> Problem:
    """Return the smallest problem of the same kind that could be found, or the one given."""
    if problem.case is None or problem.kind in (Kind.TODO, Kind.TIMEOUT, Kind.CRASHED, Kind.SLOW):
        return problem
    plan = _plainer(problem, problem.case.plan)
    found = [problem]
    budget = [_TRIES]
    deadline = time.monotonic() + _SECONDS

    def fails(drawn: tuple[Problem | None]) -> bool:
        if drawn[0] is None or not _alike(drawn[0], problem):
            return False
        found.append(drawn[0])
        return True

    def spend() -> None:
        budget[0] -= 1
        if budget[0] < 0 or time.monotonic() > deadline:
            raise _Enough

    with contextlib.suppress(_Enough):
        _search(plan, probe, fails, spend)
    return min(found[1:], key=_weight, default=problem)


def _search(plan: Plan, probe: Probe, fails: Callable[[Any], bool], spend: Callable[[], None]) -> None:
    # Hypothesis keeps notes on disk; the learner's folder is no place for them.
    os.environ.setdefault(
        "HYPOTHESIS_STORAGE_DIRECTORY", str(Path(tempfile.gettempdir()) / "dojo-hypothesis")
    )
    from hypothesis import HealthCheck, Phase, errors, find, settings
    from hypothesis import strategies as st

    @st.composite
    def cases(draw: Callable[[Any], Any]) -> tuple[Problem | None]:
        spend()
        return (probe(plan, Shrinking(draw, seed=plan.seed, regime=plan.regime)),)

    quiet = settings(
        database=None,
        derandomize=True,
        deadline=None,
        max_examples=100,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    try:
        find(cases(), fails, settings=quiet, random=random.Random(plan.seed))
    except (errors.NoSuchExample, errors.HypothesisException):
        return


def _plainer(problem: Problem, plan: Plan) -> Plan:
    """Leave out what the problem does not need, so that more tries fit the budget."""
    differentiates = (
        problem.kind is Kind.GRADIENT or "backward" in problem.part or "gradients" in problem.part
    )
    return replace(plan, gradients=plan.gradients and differentiates, again="second call" in problem.part)


def _alike(found: Problem, problem: Problem) -> bool:
    if found.kind is not problem.kind or found.part != problem.part:
        return False
    if problem.raised is not None and found.raised is not None:
        return bool(found.raised["type"] == problem.raised["type"])
    return True


def _weight(problem: Problem) -> tuple[int, float]:
    from grader.worker.session import tensors_of

    assert problem.case is not None
    tensors = list(tensors_of(problem.case.told))
    cells = sum(t.numel() for t in tensors)
    return cells, sum(float(t.detach().double().abs().nan_to_num(1e6, 1e6, 1e6).sum()) for t in tensors)
