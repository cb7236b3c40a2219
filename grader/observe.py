"""What an implementation does on one case, and where that differs from what the reference does.

An observation is everything a verdict, a story and the recognition of a mistake look at: the results of
each step, the exception, the inputs that changed, the gradients for a random cotangent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from grader import weights
from grader.candidate import Candidate, Handle, Raised
from grader.compare import Difference, Tolerance, difference
from grader.draws import Source
from grader.inputs import Case, Symbol
from grader.model import Kind
from grader.worker.session import tensors_of

Oracle = Callable[[Any, Any, Mapping[str, Any]], str | None]
"""A kata's own comparison: (actual, expected, arguments) to a sentence when they differ."""


@dataclass(frozen=True)
class Part:
    """One thing that was seen: a result, or the exception in its place."""

    label: str
    value: Any = None
    raised: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Observation:
    """All that was seen of one implementation on one case."""

    parts: tuple[Part, ...]
    mutated: tuple[str, ...] = ()
    gradients: tuple[tuple[str, Tensor | None], ...] = ()
    cotangents: tuple[tuple[Tensor | None, ...], ...] = ()
    detached: bool = False
    unpaired: str | None = None
    """The side-by-side table, where the parameters of a module cannot be paired."""


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


@dataclass
class Twin:
    """What carries over from the reference's observation to the candidate's on the same case."""

    state: Mapping[str, Tensor] = field(default_factory=dict)
    entries: Sequence[Mapping[str, Any]] = ()
    cotangents: tuple[tuple[Tensor | None, ...], ...] = ()
    expected: Any = None


def observe(
    candidate: Candidate,
    case: Case,
    target: Symbol,
    *,
    twin: Twin | None = None,
    pairings: dict[Any, weights.Pairing] | None = None,
    tolerance: Tolerance | None = None,
) -> tuple[Observation, Twin]:
    """Watch a candidate on a case; without a twin it is the reference and makes one."""
    if target.is_module:
        return _module(candidate, case, target, twin, pairings if pairings is not None else {}, tolerance)
    if target.making is not None:
        return _object(candidate, case, target), twin or Twin()
    return _function(candidate, case, twin)


# -- functions ---------------------------------------------------------------------------------


def _function(candidate: Candidate, case: Case, twin: Twin | None) -> tuple[Observation, Twin]:
    arguments = case.steps[0][1]
    plan = case.plan
    parts: list[Part] = []
    name: Any = plan.symbol
    watcher = _Watcher(candidate, parts, case.optional)
    answer = watcher.call(name, arguments, "", elsewhere=plan.elsewhere)
    if answer is None:
        return Observation(tuple(parts)), twin or Twin()
    mutated = watcher.mutated
    if plan.again:
        watcher.call(name, arguments, "on a second call with the same inputs")
    seen = Observation(tuple(parts), tuple(mutated))
    if not plan.gradients or parts[-1].raised is not None:
        return seen, twin or Twin(expected=answer.value)
    tracked = {k: _tracked(v) for k, v in arguments.items()}
    # Where no result of the reference has a gradient, inputs come without, so that .numpy() is fine.
    pointless = twin is not None and not any(c is not None for c in next(iter(twin.cotangents), ()))
    if pointless or not any(t.requires_grad for t in tensors_of(tracked)):
        return seen, twin or Twin(expected=answer.value)
    return _with_gradients(watcher, seen, name, tracked, case, twin)


def _with_gradients(
    watcher: _Watcher,
    seen: Observation,
    target: Any,
    tracked: Mapping[str, Any],
    case: Case,
    twin: Twin | None,
) -> tuple[Observation, Twin]:
    parts = watcher.parts
    before = len(parts)
    answer = watcher.call(target, tracked, "when gradients are asked for")
    if answer is None:
        return Observation(tuple(parts), seen.mutated), twin or Twin()
    del parts[before:]
    results = list(tensors_of(answer.value))
    cotangents = twin.cotangents[0] if twin and twin.cotangents else _cotangents(results, case)
    grads, raised = watcher.backward(answer.call, cotangents, results)
    if raised is not None:
        parts.append(Part("in the backward pass", raised=raised))
        return Observation(tuple(parts), seen.mutated), twin or Twin()
    named = [n for n, v in tracked.items() for t in tensors_of(v) if t.requires_grad]
    gradients = tuple(zip(named, grads["inputs"], strict=False)) if grads else tuple((n, None) for n in named)
    detached = any(c is not None for c in cotangents) and not any(t.requires_grad for t in results)
    made = Observation(tuple(parts), seen.mutated, gradients, (tuple(cotangents),), detached)
    return made, twin or Twin(cotangents=(tuple(cotangents),))


# -- objects with methods and state -------------------------------------------------------------


def _object(candidate: Candidate, case: Case, target: Symbol) -> Observation:
    parts: list[Part] = []
    watcher = _Watcher(candidate, parts, case.optional)
    handle = watcher.construct(target.name, case.making)
    if handle is None:
        return Observation(tuple(parts))
    for turn, (method, arguments) in enumerate(case.steps):
        if watcher.call((handle, method), arguments, f"from call {turn + 1}, {method}") is None:
            break
    return Observation(tuple(parts), tuple(watcher.mutated))


# -- modules -----------------------------------------------------------------------------------


def _module(
    candidate: Candidate,
    case: Case,
    target: Symbol,
    twin: Twin | None,
    pairings: dict[Any, weights.Pairing],
    tolerance: Tolerance | None,
) -> tuple[Observation, Twin]:
    parts: list[Part] = []
    watcher = _Watcher(candidate, parts, case.optional)
    handle = watcher.construct(target.name, case.making)
    if handle is None:
        return Observation(tuple(parts)), twin or Twin()
    entries = watcher.entries
    if entries is None:
        parts.append(Part("", raised=_told("NotAModule", f"{target.name} is not an nn.Module.")))
        return Observation(tuple(parts)), twin or Twin()
    forward = case.steps[0][1]
    if any(e["shape"] is None for e in entries):
        # Lazy layers take their shapes from a first forward pass.
        candidate.transport.request("prepare", handle=handle, dtype=case.plan.dtype)
        watcher.call((handle, "__call__"), forward, "in the first forward pass")
        if parts and parts[-1].raised is not None:
            return Observation(tuple(parts)), twin or Twin()
        parts.clear()
    entries = candidate.transport.request("prepare", handle=handle, dtype=case.plan.dtype)["state"]
    run = _Run(candidate, case, handle, forward, twin)
    if twin is None:
        twin = Twin(_reference_state(candidate, handle, case), entries)
        run.twin = twin
        return run.observe({name: name for name in twin.state}, parts, first=True), twin
    if (trouble := weights.mismatch(twin.entries, entries)) is not None:
        return Observation(tuple(parts), unpaired=trouble), twin
    key = (tuple(e["name"] for e in twin.entries), tuple(e["name"] for e in entries))
    if key not in pairings:
        pairings[key] = run.paired(entries, tolerance or Tolerance())
    return run.observe(pairings[key], parts), twin


@dataclass
class _Run:
    """One module on one case, once its weights can be set."""

    candidate: Candidate
    case: Case
    handle: Handle
    forward: Mapping[str, Any]
    twin: Twin | None

    def observe(self, pairing: weights.Pairing, parts: list[Part], *, first: bool = False) -> Observation:
        watcher = _Watcher(self.candidate, parts, self.case.optional)
        gradients: list[tuple[str, Tensor | None]] = []
        cotangents: list[tuple[Tensor | None, ...]] = []
        detached = False
        if self.case.plan.elsewhere:
            self._set(pairing, training=False)
            watcher.call((self.handle, "__call__"), self.forward, "", elsewhere=True)
            return Observation(tuple(parts))
        for turn, training in enumerate((False, True)):
            self._set(pairing, training=training)
            tracked = (
                {k: _tracked(v) for k, v in self.forward.items()}
                if self.case.plan.gradients
                else self.forward
            )
            mode = "in training mode" if training else "in evaluation mode"
            answer = watcher.call((self.handle, "__call__"), tracked, mode)
            if answer is None:
                return Observation(tuple(parts), tuple(watcher.mutated), tuple(gradients), tuple(cotangents))
            if training:
                parts.append(Part("buffers after a forward pass in training mode", self._buffers(pairing)))
            if not self.case.plan.gradients:
                continue
            results = list(tensors_of(answer.value))
            given = None if first or self.twin is None else self.twin.cotangents
            cots = given[turn] if given and turn < len(given) else _cotangents(results, self.case)
            cotangents.append(tuple(cots))
            grads, raised = watcher.backward(answer.call, cots, results)
            if raised is not None:
                parts.append(Part(f"in the backward pass, {mode}", raised=raised))
                break
            gradients += self._named(grads, tracked, pairing)
            detached |= any(c is not None for c in cots) and not any(t.requires_grad for t in results)
        if first and self.twin is not None:
            self.twin.cotangents = tuple(cotangents)
            self.twin.expected = parts[0].value if parts else None
        return Observation(
            tuple(parts), tuple(watcher.mutated), tuple(gradients), tuple(cotangents), detached
        )

    def paired(self, entries: Sequence[Mapping[str, Any]], tolerance: Tolerance) -> weights.Pairing:
        """Return the first pairing under which the output is the expected one, else the likeliest."""
        assert self.twin is not None
        likeliest: weights.Pairing | None = None
        for pairing in weights.pairings(self.twin.entries, entries):
            likeliest = likeliest or pairing
            self._set(pairing, training=False)
            try:
                answer = self.candidate.call(
                    (self.handle, "__call__"), *_placed(self.forward, self.case.optional)
                )
            except Raised:
                break
            if (
                difference(answer.value, self.twin.expected, tolerance, precision=self.case.plan.dtype)
                is None
            ):
                return pairing
        return likeliest or {}

    def _set(self, pairing: weights.Pairing, *, training: bool) -> None:
        assert self.twin is not None
        values = {pairing[name]: value for name, value in self.twin.state.items() if name in pairing}
        request = self.candidate.transport.request
        request("fill", handle=self.handle, values=values)
        request("prepare", handle=self.handle, training=training)

    def _buffers(self, pairing: weights.Pairing) -> dict[str, Tensor]:
        assert self.twin is not None
        kept = [e["name"] for e in self.twin.entries if e["kind"] == "buffer" and e["name"] in pairing]
        if not kept:
            return {}
        found = self.candidate.transport.request("values", handle=self.handle)["value"]
        like = self.twin.state
        return {name: found[pairing[name]].reshape(like[name].shape) for name in kept}

    def _named(
        self, grads: Mapping[str, Any], tracked: Mapping[str, Any], pairing: weights.Pairing
    ) -> Iterator[tuple[str, Tensor | None]]:
        assert self.twin is not None
        named = [n for n, v in tracked.items() for t in tensors_of(v) if t.requires_grad]
        yield from zip(named, grads["inputs"], strict=False)
        theirs = grads["parameters"]
        for entry in self.twin.entries:
            if entry["kind"] == "parameter" and entry["trainable"]:
                found = theirs.get(pairing.get(entry["name"], ""))
                shape = self.twin.state[entry["name"]].shape
                yield f"parameter {entry['name']}", None if found is None else found.reshape(shape)


def _reference_state(candidate: Candidate, handle: Handle, case: Case) -> dict[str, Tensor]:
    """Return random weights for the reference: none zero, none one, variances positive."""
    found = candidate.transport.request("values", handle=handle)["value"]
    source = Source(case.plan.seed + 17)
    return {name: _spread(value, source) for name, value in found.items()}


def _spread(value: Tensor, source: Source) -> Tensor:
    if not value.is_floating_point() or value.numel() == 0:
        return value
    constant = bool((value == value.flatten()[0]).all())
    if constant or value.dim() < 2:
        return source.numbers(tuple(value.shape), 0.5, 1.5).to(value.dtype)
    return value


# -- watching ----------------------------------------------------------------------------------


class _Watcher:
    """Turns calls into parts, exceptions included."""

    def __init__(self, candidate: Candidate, parts: list[Part], optional: frozenset[str]) -> None:
        self.candidate = candidate
        self.parts = parts
        self.optional = optional
        self.mutated: list[str] = []
        self.entries: Sequence[Mapping[str, Any]] | None = None

    def construct(self, name: str, making: Mapping[str, Any]) -> Handle | None:
        try:
            handle, self.entries = self.candidate.construct(name, making)
        except Raised as raised:
            self.parts.append(Part(f"while making {name}", raised=raised.told))
            return None
        return handle

    def call(self, target: Any, arguments: Mapping[str, Any], label: str, *, elsewhere: bool = False) -> Any:
        try:
            answer = self.candidate.call(target, *_placed(arguments, self.optional), elsewhere=elsewhere)
        except Raised as raised:
            self.parts.append(Part(label, raised=raised.told))
            return None
        names = [n for n in arguments if n not in self.optional]
        self.mutated += [names[m] if isinstance(m, int) else m for m in answer.mutated]
        self.parts.append(Part(label, answer.value))
        return answer

    def backward(
        self, call: int, cotangents: Sequence[Tensor | None], results: Sequence[Tensor]
    ) -> tuple[Mapping[str, Any], Mapping[str, Any] | None]:
        fits = len(cotangents) == len(results) and all(
            c is None or c.shape == r.shape for c, r in zip(cotangents, results, strict=True)
        )
        if not fits or not any(r.requires_grad for r in results):
            return {"inputs": [], "parameters": {}}, None
        try:
            return self.candidate.backward(call, cotangents), None
        except Raised as raised:
            return {}, raised.told


def _placed(arguments: Mapping[str, Any], optional: frozenset[str]) -> tuple[list[Any], dict[str, Any]]:
    """Pass what has no default by position and the rest by name, as anyone would."""
    required = [value for name, value in arguments.items() if name not in optional]
    return required, {name: value for name, value in arguments.items() if name in optional}


def _tracked(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.detach().requires_grad_(True) if value.is_floating_point() else value
    if isinstance(value, (list, tuple)):
        return type(value)(_tracked(v) for v in value)
    return value


def _cotangents(results: Sequence[Tensor], case: Case) -> tuple[Tensor | None, ...]:
    source = Source(case.plan.seed + 29)
    return tuple(source.normal(tuple(r.shape)).to(r.dtype) if r.requires_grad else None for r in results)


def _told(kind: str, message: str) -> dict[str, Any]:
    return {"type": kind, "bases": [kind], "message": message, "frames": [], "own": False, "forbidden": None}


# -- judging -----------------------------------------------------------------------------------

_MISSING = "TypeError"


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
    return None if found is None else Problem(found.kind, "", case, part.label, found)


def raised_problem(
    raised: Mapping[str, Any], case: Case | None, label: str = "", wanted: Mapping[str, Any] | None = None
) -> Problem:
    """Return the problem of an exception that should not have been there."""
    if raised["forbidden"]:
        return Problem(Kind.FORBIDDEN, f"It {raised['message']}.", case, label, raised=raised)
    if raised["type"] == "NotImplementedError" and raised["own"]:
        return Problem(Kind.TODO, "Not written yet.", case, label, raised=raised)
    if "leaf Variable that requires grad" in raised["message"] and "in-place" in raised["message"]:
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
    if seen.detached and not expected.detached:
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
