"""What an implementation does on one case: the results of each step, the exception, the inputs that changed,
the gradients for a random cotangent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from grader.cases.inputs import Case, Symbol
from grader.judge.candidate import Candidate
from grader.judge.compare import Tolerance
from grader.judge.modules import Fit, observe_module
from grader.judge.seen import Observation, Part, Twin
from grader.judge.watch import Watcher, cotangents, leaves_of
from grader.worker.session import tensors_of


def observe(
    candidate: Candidate,
    case: Case,
    target: Symbol,
    *,
    twin: Twin | None = None,
    pairings: dict[Any, Fit] | None = None,
    tolerance: Tolerance | None = None,
) -> tuple[Observation, Twin]:
    """Watch a candidate on a case; without a twin it is the reference and makes one."""
    if target.is_module:
        return observe_module(
            candidate, case, target, twin, pairings if pairings is not None else {}, tolerance
        )
    if target.making is not None:
        return _object(candidate, case, target), twin or Twin()
    return _function(candidate, case, twin)


# -- functions ---------------------------------------------------------------------------------


def _function(candidate: Candidate, case: Case, twin: Twin | None) -> tuple[Observation, Twin]:
    arguments = case.steps[0][1]
    plan = case.plan
    parts: list[Part] = []
    name: Any = plan.symbol
    watcher = Watcher(candidate, parts, case.optional, changes=plan.changes)
    answer = watcher.call(name, arguments, "", elsewhere=plan.elsewhere)
    if answer is None:
        return Observation(tuple(parts)), twin or Twin()
    mutated = watcher.mutated
    if plan.again:
        watcher.call(name, arguments, "on a second call with the same inputs")
    seen = Observation(tuple(parts), tuple(mutated), replaced=tuple(dict.fromkeys(watcher.replaced)))
    if not plan.gradients or parts[-1].raised is not None:
        return seen, twin or Twin(expected=answer.value)
    leaves = leaves_of(arguments, case)
    # Where no result of the reference has a gradient, inputs come without, so that .numpy() is fine.
    pointless = twin is not None and not any(c is not None for c in next(iter(twin.cotangents), ()))
    if pointless or not any(t.requires_grad for t in tensors_of(leaves)):
        return seen, twin or Twin(expected=answer.value)
    return _with_gradients(watcher, seen, name, leaves, case, twin)


def _with_gradients(
    watcher: Watcher,
    seen: Observation,
    target: Any,
    leaves: Mapping[str, Any],
    case: Case,
    twin: Twin | None,
) -> tuple[Observation, Twin]:
    parts = watcher.parts
    before = len(parts)
    answer = watcher.call(target, leaves, "when gradients are asked for")
    if answer is None:
        return replace(seen, parts=tuple(parts)), twin or Twin()
    del parts[before:]
    results = list(tensors_of(answer.value))
    given = twin.cotangents[0] if twin and twin.cotangents else cotangents(results, case)
    grads, raised = watcher.backward(answer.call, given, results)
    if raised is not None:
        parts.append(Part("in the backward pass", raised=raised))
        return replace(seen, parts=tuple(parts)), twin or Twin()
    named = [n for n, v in leaves.items() for t in tensors_of(v) if t.requires_grad]
    gradients = tuple(zip(named, grads["inputs"], strict=False)) if grads else tuple((n, None) for n in named)
    detached = any(c is not None for c in given) and not any(t.requires_grad for t in results)
    made = replace(
        seen, parts=tuple(parts), gradients=gradients, cotangents=(tuple(given),), detached=detached
    )
    return made, twin or Twin(cotangents=(tuple(given),))


# -- objects with methods and state -------------------------------------------------------------


def _object(candidate: Candidate, case: Case, target: Symbol) -> Observation:
    parts: list[Part] = []
    watcher = Watcher(candidate, parts, case.optional)
    handle = watcher.construct(target.name, case.making)
    if handle is None:
        return Observation(tuple(parts))
    for turn, (method, arguments) in enumerate(case.steps):
        if watcher.call((handle, method), arguments, f"from call {turn + 1}, {method}") is None:
            break
    return Observation(tuple(parts), tuple(watcher.mutated))
