"""Explains a failure: makes the case small, names the mistake, hears what the code prints."""

from __future__ import annotations

import contextlib
import io
from typing import Any

from grader.contract.checks import Check, Property
from grader.contract.kata import Kata
from grader.feedback import recognise, shrink
from grader.feedback.picture import picture
from grader.judge.candidate import Candidate, Died
from grader.judge.problems import Problem

_EXPLAINING = 10.0
"""Seconds the learner's code may take for the sake of a better story."""


def explain(kata: Kata, check: Check, problem: Problem, candidate: Candidate) -> tuple[Problem, str | None]:
    """Make a failing case small and name the known mistake it behaves like, if there is one."""

    def probe(plan: Any, source: Any) -> Problem | None:
        if isinstance(check.run, Property):
            return check.run.on(candidate, plan, source)
        case = kata.case(plan, source)
        expected, twin = kata.expect(case)
        seen = kata.see(candidate, case, twin)
        return next((p for p in kata.differences(seen, expected, case) if p.kind is problem.kind), None)

    candidate.transport.allow(_EXPLAINING)
    try:
        small = shrink.smallest(problem, probe)
        known = recognise.mistake(kata, candidate, problem, check)
    except Died:
        return problem, None
    return small, known.sentence if known is not None else None


def drawn(kata: Kata, problem: Problem) -> str:
    """Return the picture of a failing case, where there is something to see."""
    if problem.case is None:
        return ""
    symbol = kata.symbols[problem.case.plan.symbol]
    return picture(problem, symbol, kata.rules.pictures)


def prints(kata: Kata, problem: Problem, candidate: Candidate) -> str:
    """Return what the learner's code prints on the case that is told."""
    if problem.case is None or problem.case.plan.label == "property":
        return ""
    heard = io.StringIO()
    with contextlib.redirect_stdout(heard), contextlib.suppress(Died):
        kata.see(candidate, problem.case, kata.expect(problem.case)[1])
    return heard.getvalue()
