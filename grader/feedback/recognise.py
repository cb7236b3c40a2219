"""Names the mistake: finds the known-wrong version that behaves as the learner's code does.

Only behaviour counts, never the source. A version is named when it agrees with the candidate on the case
that failed, and on nearly all others where either of them strays from the reference.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor

from grader.cases.inputs import Case
from grader.contract.kata import Check, Kata, attempt
from grader.judge.candidate import Candidate, Died
from grader.judge.problems import Problem, problems
from grader.judge.seen import Observation, Part
from grader.model import Kind
from grader.solution import Version

_ENOUGH = 0.7


def mistake(kata: Kata, candidate: Candidate, problem: Problem, check: Check | None = None) -> Version | None:
    """Return the known-wrong version whose behaviour matches the candidate's best, if one does."""
    if problem.kind in (Kind.TODO, Kind.TIMEOUT, Kind.CRASHED, Kind.FORBIDDEN, Kind.SLOW):
        return None
    try:
        return _by_behaviour(kata, candidate, problem) or _by_property(kata, problem, check)
    except Died:
        return None


def _by_behaviour(kata: Kata, candidate: Candidate, problem: Problem) -> Version | None:
    own = problem.case
    extra = own if own is not None and own.plan.label != "property" and own not in kata.cases else None
    cases = [*kata.cases, *([extra] if extra is not None else [])]
    seen = [
        *kata.watched(candidate),
        *([kata.see(candidate, extra, kata.expected(extra)[1])] if extra else []),
    ]
    return closest(kata, cases, seen, kata.solution.wrongs, extra)


def closest(
    kata: Kata,
    cases: Sequence[Case],
    seen: Sequence[Observation],
    versions: Sequence[Version],
    extra: Case | None = None,
) -> Version | None:
    """Return the version that agrees best with what was seen, if it agrees well enough."""
    strays = [_strays(kata, s, case) for s, case in zip(seen, cases, strict=True)]
    if not any(strays):
        return None
    best, found = 0.0, None
    for version in versions:
        known = kata.known(version)
        theirs = [*kata.watched(known), *([kata.see(known, extra, kata.expected(extra)[1])] if extra else [])]
        if extra is not None and not alike(kata, seen[-1], theirs[-1], extra):
            continue
        score = _agreement(kata, cases, seen, strays, theirs, kata.strays(version))
        if score > best:
            best, found = score, version
    return found if best >= _ENOUGH else None


def _agreement(
    kata: Kata,
    cases: Sequence[Case],
    seen: Sequence[Observation],
    strays: Sequence[bool],
    theirs: Sequence[Observation],
    known: Sequence[bool],
) -> float:
    """Return the share of telling cases on which the version and the candidate do the same."""
    telling = same = 0
    for at, (case, one, other) in enumerate(zip(cases, seen, theirs, strict=True)):
        stray = known[at] if at < len(known) else _strays(kata, other, case)
        if not strays[at] and not stray:
            continue
        telling += 1
        same += strays[at] == stray and alike(kata, one, other, case)
        # A version that never agrees is given up early.
        if telling >= 5 and same == 0:
            break
    return same / telling if telling else 0.0


def _strays(kata: Kata, seen: Observation, case: Case) -> bool:
    expected, _ = kata.expected(case)
    return any(True for _ in kata.differences(seen, expected, case))


def alike(kata: Kata, one: Observation, other: Observation, case: Case) -> bool:
    """Whether two observations show the same behaviour."""
    if case.plan.elsewhere:
        return _strays(kata, one, case) == _strays(kata, other, case)
    if one.unpaired is not None or other.unpaired is not None:
        return one.unpaired == other.unpaired
    if one.replaced != other.replaced:
        return False
    if one.mutated != other.mutated or one.detached != other.detached or len(one.parts) != len(other.parts):
        return False
    if not other.gradients and one.gradients:
        return False
    # That both change the same inputs has been seen; it is no difference between them.
    rules = kata.rules
    wanted = kata.expected(case)[0]
    for mine, theirs, right in zip(one.parts, other.parts, wanted.parts, strict=False):
        if right.raised is None and _message(mine) != _message(theirs):
            return False
    one, other = _bare(one, wanted), _bare(other, wanted)
    # Both ways, so that what one of them accepts as the other's does not count for the same.
    pairs = ((one, other), (other, one))
    found = (problems(a, b, case, rules.tolerance, same=rules.same, mutates=True) for a, b in pairs)
    return all(next(each, None) is None for each in found)


def _message(part: Part) -> str:
    """Return what an exception says but for its numbers; nothing where there is none."""
    return "" if part.raised is None else _worded(str(part.raised["message"]))


def _worded(sentence: str) -> str:
    return re.sub(r"[\d.]+", "", sentence)


def _bare(seen: Observation, wanted: Observation) -> Observation:
    """Return an observation with tensors of one number as numbers, where the reference has a number."""
    pairs = zip(seen.parts, wanted.parts, strict=False)
    parts = [replace(part, value=_number(part.value, like.value)) for part, like in pairs]
    return replace(seen, parts=(*parts, *seen.parts[len(parts) :]))


def _number(value: Any, like: Any) -> Any:
    if isinstance(like, (int, float)) and isinstance(value, Tensor) and value.dim() == 0:
        return value.item()
    if isinstance(like, dict) and isinstance(value, dict):
        return {k: _number(v, like.get(k)) for k, v in value.items()}
    if isinstance(like, (list, tuple)) and isinstance(value, (list, tuple)) and len(like) == len(value):
        return type(value)([_number(v, each) for v, each in zip(value, like, strict=True)])
    return value


def _by_property(kata: Kata, problem: Problem, check: Check | None) -> Version | None:
    """A mistake that only a property shows: the known version that fails it too, in the same words."""
    if check is None:
        return None
    told = _worded(problem.sentence)
    for version in kata.solution.wrongs:
        if any(kata.strays(version)):
            continue
        found = attempt(check, kata.known(version))
        if found is not None and _worded(found.sentence) == told:
            return version
    return None


__all__ = ["alike", "closest", "mistake"]
