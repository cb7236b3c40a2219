"""Turns calls into parts of an observation, exceptions included, and draws cotangents for gradients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from grader.cases.draws import Source
from grader.cases.inputs import Case
from grader.judge.candidate import Candidate, Handle, Raised
from grader.judge.seen import Part


class Watcher:
    """Turns calls into parts, exceptions included."""

    def __init__(
        self,
        candidate: Candidate,
        parts: list[Part],
        optional: frozenset[str],
        *,
        changes: frozenset[str] = frozenset(),
    ) -> None:
        self.candidate = candidate
        self.parts = parts
        self.optional = optional
        self.changes = changes
        self.mutated: list[str] = []
        self.replaced: list[str] = []
        self.entries: Sequence[Mapping[str, Any]] | None = None

    def construct(self, name: str, making: Mapping[str, Any]) -> Handle | None:
        """Make an object; None when that raised."""
        try:
            handle, self.entries = self.candidate.construct(name, making)
        except Raised as raised:
            self.parts.append(Part(f"while making {name}", raised=raised.told))
            return None
        return handle

    def call(self, target: Any, arguments: Mapping[str, Any], label: str, *, elsewhere: bool = False) -> Any:
        """Call something; the answer, or None when that raised."""
        try:
            answer = self.candidate.call(target, *placed(arguments, self.optional), elsewhere=elsewhere)
        except Raised as raised:
            self.parts.append(Part(label, raised=raised.told))
            return None
        names = [n for n in arguments if n not in self.optional]
        named = lambda place: names[place] if isinstance(place, int) else place  # noqa: E731
        self.mutated += [name for name in map(named, answer.mutated) if name not in self.changes]
        self.replaced += [
            f"{named(place)}.{inner}" if other else f"whether {named(place)}.{inner} is trained"
            for place, inner, other in answer.replaced
        ]
        self.parts.append(Part(label, answer.value))
        after = {named(place): held for place, held in answer.after.items()}
        for name in arguments:
            if name in self.changes:
                self.parts += _contents(name, arguments[name], after.get(name), label)
        return answer

    def backward(
        self, call: int, cotangents: Sequence[Tensor | None], results: Sequence[Tensor]
    ) -> tuple[Mapping[str, Any], Mapping[str, Any] | None]:
        """Pull cotangents back through a call; the gradients, and the exception if there was one."""
        fits = len(cotangents) == len(results) and all(
            c is None or c.shape == r.shape for c, r in zip(cotangents, results, strict=True)
        )
        if not fits or not any(r.requires_grad for r in results):
            return {"inputs": [], "parameters": {}}, None
        try:
            return self.candidate.backward(call, cotangents), None
        except Raised as raised:
            return {}, raised.told


def _contents(name: str, given: Any, held: Any, label: str) -> list[Part]:
    """Return what an argument holds after the call; what it was given with where nothing changed."""
    if not isinstance(given, nn.Module):
        return [Part(label, given if held is None else held, of=name)]
    own = {inner: p.detach() for inner, p in given.named_parameters()}
    now = own if held is None else held
    return [Part(label, now.get(inner), of=f"{name}.{inner}") for inner in dict.fromkeys([*own, *now])]


def placed(arguments: Mapping[str, Any], optional: frozenset[str]) -> tuple[list[Any], dict[str, Any]]:
    """Pass what has no default by position and the rest by name, as anyone would."""
    required = [value for name, value in arguments.items() if name not in optional]
    return required, {name: value for name, value in arguments.items() if name in optional}


def leaves_of(arguments: Mapping[str, Any], case: Case) -> dict[str, Any]:
    """Ask for gradients of the inputs that the case grades."""
    of = case.plan.of
    return {name: tracked(value) if not of or name in of else value for name, value in arguments.items()}


def tracked(value: Any) -> Any:
    """Ask for gradients of every float tensor in a value."""
    if isinstance(value, Tensor):
        return value.detach().requires_grad_(True) if value.is_floating_point() else value
    if isinstance(value, (list, tuple)):
        return type(value)(tracked(v) for v in value)
    return value


def cotangents(results: Sequence[Tensor], case: Case) -> tuple[Tensor | None, ...]:
    """Draw a random cotangent for each result that has a gradient."""
    source = Source(case.plan.seed + 29)
    return tuple(source.normal(tuple(r.shape)).to(r.dtype) if r.requires_grad else None for r in results)
