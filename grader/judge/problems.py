"""Where an observation differs from the reference's, and in what: the first cause first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from grader.cases.inputs import Case
from grader.judge.compare import Difference, Tolerance, difference
from grader.judge.seen import Observation, Part
from grader.model import Kind

Oracle = Callable[[Any, Any, Mapping[str, Any]], str | None]
"""A kata's own comparison: (actual, expected, arguments) to a sentence when they differ."""


@dataclass(frozen=True)
class Problem:
    """Why an implementation is refused, with the case that shows it."""

    kind: Kind
    sentence: str
    case: Case | None = None
    part: str = ""
    difference: Difference | None = None
    raised: Mapping[str, Any] | None = None
    note: str = ""


def problems(
    seen: Observation,
    expected: Observation,
    case: Case,
    tolerance: Tolerance,
    *,
    same: Oracle | None = None,
    mutates: bool = False,
) -> Iterator[Problem]:
    """Yield what is wrong with an observation, the first cause first."""
    if case.plan.elsewhere:
        yield from _device_problems(seen, case)
        return
    if seen.unpaired is not None:
        yield Problem(
            Kind.CONTRACT, "The parameters are not those of the model asked for.", case, note=seen.unpaired
        )
        return
    if seen.mutated and not mutates:
        names = " and ".join(f"'{n}'" for n in dict.fromkeys(seen.mutated))
        yield Problem(Kind.MUTATION, f"The call changes its input {names}; work on a copy.", case)
    if seen.replaced != expected.replaced:
        others = [name for name in seen.replaced if not name.startswith("whether ")]
        told = f"The call changes {' and '.join(seen.replaced)}; leave that as it was."
        if others:
            told = (
                f"The call puts something else in the place of {' and '.join(others)}; change what is there."
            )
        yield Problem(Kind.CONTRACT, told, case)
        return
    # Parts beyond the reference's own belong to a candidate that failed later: in the backward pass.
    for index, part in enumerate(seen.parts):
        wanted = expected.parts[index] if index < len(expected.parts) else Part(part.label)
        found = _part_problem(part, wanted, case, tolerance, same)
        if found is not None:
            yield found
            if part.raised is not None or wanted.raised is not None or found.kind is Kind.CONTRACT:
                return
    if expected.gradients and len(seen.parts) == len(expected.parts):
        yield from _gradient_problems(seen, expected, case, tolerance)


def _part_problem(
    part: Part, wanted: Part, case: Case, tolerance: Tolerance, same: Oracle | None
) -> Problem | None:
    if part.raised is not None:
        if wanted.raised is not None and wanted.raised["type"] in part.raised["bases"]:
            return None
        return raised_problem(part.raised, case, part.label, wanted.raised)
    if wanted.raised is not None:
        sentence = f"Accepts this call, where a {wanted.raised['type']} is asked for."
        return Problem(Kind.CONTRACT, sentence, case, part.label)
    lenient = any(n == 0 for n in case.plan.sizes.values())
    found = difference(part.value, wanted.value, tolerance, precision=case.plan.dtype, lenient=lenient)
    if found is not None and found.kind is Kind.VALUE and same is not None:
        judged = same(part.value, wanted.value, case.arguments)
        return None if judged is None else Problem(Kind.VALUE, judged, case, part.label, found)
    told = f"After the call {part.of} {_left(found)}." if part.of and found is not None else ""
    return None if found is None else Problem(found.kind, told, case, part.label, found)


def _left(found: Difference) -> str:
    """Return what is wrong with what an argument holds after a call."""
    return {"wrong value": "is wrong"}.get(found.sentence, found.sentence.replace("returns ", "is ", 1))


def raised_problem(
    raised: Mapping[str, Any], case: Case | None, label: str = "", wanted: Mapping[str, Any] | None = None
) -> Problem:
    """Return the problem of an exception that should not have been there."""
    if raised["forbidden"]:
        return Problem(Kind.FORBIDDEN, f"It {raised['message']}.", case, label, raised=raised)
    if raised["type"] == "NotImplementedError" and raised["own"]:
        return Problem(Kind.TODO, "Not written yet.", case, label, raised=raised)
    asked = case is not None and bool(case.plan.changes)
    if (
        "leaf Variable that requires grad" in raised["message"]
        and "in-place" in raised["message"]
        and not asked
    ):
        return Problem(
            Kind.MUTATION,
            "The call changes an input or a parameter in place; work on a copy.",
            case,
            label,
            raised=raised,
        )
    if raised["type"] == "NotAModule":
        return Problem(Kind.CONTRACT, raised["message"], case, label)
    if raised["type"] == "TypeError" and not raised["frames"]:
        sentence = f"It cannot be called as the statement says: {raised['message']}."
        return Problem(Kind.CONTRACT, sentence, case, label, raised=raised)
    told = f"{raised['type']}: {raised['message']}".rstrip(": ")
    if raised["type"] in ("SystemExit", "KeyboardInterrupt", "GeneratorExit"):
        told = f"The code raises {raised['type']} instead of returning."
    if wanted is not None:
        told = f"A {wanted['type']} is asked for here, and not {told}"
    return Problem(Kind.ERROR, told, case, label, raised=raised)


def _gradient_problems(
    seen: Observation, expected: Observation, case: Case, tolerance: Tolerance
) -> Iterator[Problem]:
    flows = any(g is not None and bool(g.any()) for _, g in expected.gradients)
    if seen.detached and not expected.detached and flows:
        sentence = "No gradient flows back: the result is cut off from the graph of its inputs."
        yield Problem(Kind.GRADIENT, sentence, case)
        return
    mine = _by_name(seen.gradients)
    largest = max(
        (float(g.abs().max()) for _, g in expected.gradients if g is not None and g.numel()), default=0.0
    )
    for name, grads in _by_name(expected.gradients).items():
        for turn, wanted in enumerate(grads):
            got = mine[name][turn] if turn < len(mine.get(name, [])) else None
            found = _gradient_difference(got, wanted, tolerance, 1e-9 * largest)
            if found is not None:
                yield Problem(Kind.GRADIENT, f"The gradient of {name} is wrong.", case, name, found)
                return


def _by_name(pairs: Sequence[tuple[str, Tensor | None]]) -> dict[str, list[Tensor | None]]:
    grouped: dict[str, list[Tensor | None]] = {}
    for name, grad in pairs:
        grouped.setdefault(name, []).append(grad)
    return grouped


def _gradient_difference(
    got: Tensor | None, wanted: Tensor | None, tolerance: Tolerance, noise: float
) -> Difference | None:
    """No gradient and a gradient of zeros are the same."""
    if wanted is None and got is None:
        return None
    like = wanted if wanted is not None else got
    assert like is not None
    zero = torch.zeros_like(like)
    got, wanted = zero if got is None else got, zero if wanted is None else wanted
    return difference(got, wanted, _looser(tolerance), lenient=True, noise=noise)


def _looser(tolerance: Tolerance) -> Tolerance:
    return Tolerance(
        float64=(10 * tolerance.float64[0], 10 * tolerance.float64[1]),
        float32=(2e-2, 5e-3),
        half=tolerance.half,
    )


def _device_problems(seen: Observation, case: Case) -> Iterator[Problem]:
    """Tensors made on the default device would have met inputs that live on another one."""
    raised = next((part.raised for part in seen.parts if part.raised is not None), None)
    if raised is None or raised["type"] != "Stray":
        return
    sentence = (
        f"Fails when the inputs are not on the CPU: {raised['message']}. "
        "Make tensors where the inputs are: x.new_zeros(...), or device=x.device."
    )
    yield Problem(Kind.CONTRACT, sentence, case, raised=raised)
