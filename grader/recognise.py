"""Names the mistake: finds the known-wrong version that behaves as the learner's code does.

Only behaviour counts, never the source. A version is named when it agrees with the candidate on the case
that failed, and on nearly all others where either of them strays from the reference.
"""

from __future__ import annotations

from collections.abc import Sequence

from grader.candidate import Candidate, Died
from grader.inputs import Case
from grader.kata import Check, Kata, attempt
from grader.model import Kind
from grader.observe import Observation, Problem, observe
from grader.solution import Version

_ENOUGH = 0.85


def mistake(kata: Kata, candidate: Candidate, problem: Problem, check: Check | None = None) -> Version | None:
    """Return the known-wrong version whose behaviour matches the candidate's best, if one does."""
    if problem.kind in (Kind.TODO, Kind.TIMEOUT, Kind.CRASHED, Kind.FORBIDDEN):
        return None
    try:
        return _by_behaviour(kata, candidate, problem) or _by_property(kata, candidate, check)
    except Died:
        return None


def _by_behaviour(kata: Kata, candidate: Candidate, problem: Problem) -> Version | None:
    cases = list(kata.cases)
    own = problem.case
    if own is not None and own.steps and own.plan.label != "property" and all(own is not c for c in cases):
        cases.append(own)
    seen = [kata.see(candidate, case, kata.expected(case)[1]) for case in cases]
    strays = [_strays(kata, s, case) for s, case in zip(seen, cases, strict=True)]
    if not any(strays):
        return None
    scored = [(_agreement(kata, v, cases, seen, strays), -i, v) for i, v in enumerate(kata.solution.wrongs)]
    best, _, version = max(scored, key=lambda item: item[:2], default=(0.0, 0, None))
    return version if best >= _ENOUGH else None


def _agreement(
    kata: Kata, version: Version, cases: Sequence[Case], seen: Sequence[Observation], strays: Sequence[bool]
) -> float:
    """Return the share of telling cases on which the version and the candidate do the same."""
    known = kata.solution.candidate(version, forbid=())
    telling = same = 0
    for case, observed, stray in zip(cases, seen, strays, strict=True):
        theirs = kata.see(known, case, kata.expected(case)[1])
        if not stray and not _strays(kata, theirs, case):
            continue
        telling += 1
        same += alike(kata, observed, theirs, case)
        # Hopeless cases are given up early.
        if telling >= 6 and same == 0:
            break
    kata.forget(known)
    return same / telling if telling else 0.0


def _strays(kata: Kata, seen: Observation, case: Case) -> bool:
    expected, _ = kata.expected(case)
    return any(True for _ in kata.differences(seen, expected, case))


def alike(kata: Kata, one: Observation, other: Observation, case: Case) -> bool:
    """Whether two observations show the same behaviour."""
    if case.plan.elsewhere:
        return _strays(kata, one, case) == _strays(kata, other, case)
    if one.unpaired is not None or other.unpaired is not None:
        return one.unpaired is not None and other.unpaired is not None
    if one.mutated != other.mutated or one.detached != other.detached or len(one.parts) != len(other.parts):
        return False
    if not other.gradients and one.gradients:
        return False
    return next(kata.differences(one, other, case), None) is None


def _by_property(kata: Kata, candidate: Candidate, check: Check | None) -> Version | None:
    """A mistake that only a property shows: the one known version that fails it too."""
    if check is None:
        return None
    failing = []
    for version in kata.solution.wrongs:
        known = kata.solution.candidate(version)
        if attempt(check, known) is not None and _equal_elsewhere(kata, known):
            failing.append(version)
        kata.forget(known)
    return failing[0] if len(failing) == 1 else None


def _equal_elsewhere(kata: Kata, known: Candidate) -> bool:
    return next(kata.study(known).problems(), None) is None


__all__ = ["alike", "mistake", "observe"]
