"""Module katas: makes the module, gives it the reference's weights, and watches it in both modes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from grader.cases.draws import Source
from grader.cases.inputs import Case, Symbol
from grader.judge import weights
from grader.judge.candidate import Candidate, Died, Handle, Raised
from grader.judge.compare import Tolerance, difference
from grader.judge.seen import Observation, Part, Twin
from grader.judge.watch import Watcher, cotangents, leaves_of, placed
from grader.worker.session import tensors_of


@dataclass(frozen=True, slots=True)
class Fit:
    """How a learner's parameters stand for the reference's."""

    pairing: weights.Pairing
    view: weights.View = field(default_factory=weights.View)


def observe_module(
    candidate: Candidate,
    case: Case,
    target: Symbol,
    twin: Twin | None,
    pairings: dict[Any, Fit],
    tolerance: Tolerance | None,
) -> tuple[Observation, Twin]:
    """Watch a module on a case; without a twin it is the reference's and makes one."""
    parts: list[Part] = []
    watcher = Watcher(candidate, parts, case.optional)
    handle = watcher.construct(target.name, case.making)
    if handle is None:
        return Observation(tuple(parts)), twin or Twin()
    try:
        return _observed(candidate, case, handle, twin, pairings, tolerance, watcher)
    finally:
        # A kata makes a module for each case; nobody needs it afterwards.
        with contextlib.suppress(Died, Raised):
            candidate.transport.request("drop", handles=[handle])


def _observed(
    candidate: Candidate,
    case: Case,
    handle: Handle,
    twin: Twin | None,
    pairings: dict[Any, Fit],
    tolerance: Tolerance | None,
    watcher: Watcher,
) -> tuple[Observation, Twin]:
    parts, target = watcher.parts, case.plan.symbol
    entries = watcher.entries
    if entries is None:
        parts.append(Part("", raised=_told("NotAModule", f"{target} is not an nn.Module.")))
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
    key = (tuple(e["name"] for e in twin.entries), tuple(e["name"] for e in entries))
    if (known := pairings.get(key)) is not None:
        seen = run.seen(known.view, entries)
        if weights.mismatch(twin.entries, seen, flat=known.view.flat) is not None:
            # At another size the parameters may fit in another way, or not at all.
            entries, known = run.unseen(), None
    trouble = None
    if known is None:
        known, trouble = run.paired(entries, tolerance or Tolerance())
    if known is None or trouble is not None:
        return Observation(tuple(parts), unpaired=trouble), twin
    pairings[key] = known
    return run.observe(known.pairing, parts), twin


@dataclass
class _Run:
    """One module on one case, once its weights can be set."""

    candidate: Candidate
    case: Case
    handle: Handle
    forward: Mapping[str, Any]
    twin: Twin | None

    def observe(self, pairing: weights.Pairing, parts: list[Part], *, first: bool = False) -> Observation:
        watcher = Watcher(self.candidate, parts, self.case.optional)
        gradients: list[tuple[str, Tensor | None]] = []
        pulled: list[tuple[Tensor | None, ...]] = []
        detached = False
        if self.case.plan.elsewhere:
            self._set(pairing, training=False)
            watcher.call((self.handle, "__call__"), self.forward, "", elsewhere=True)
            return Observation(tuple(parts))
        for turn, training in enumerate((False, True)):
            self._set(pairing, training=training)
            differentiate = self.case.plan.gradients
            leaves = leaves_of(self.forward, self.case) if differentiate else self.forward
            mode = "in training mode" if training else "in evaluation mode"
            answer = watcher.call((self.handle, "__call__"), leaves, mode)
            if answer is None:
                return Observation(tuple(parts), tuple(watcher.mutated), tuple(gradients), tuple(pulled))
            if training:
                parts.append(Part("buffers after a forward pass in training mode", self._buffers(pairing)))
            if not differentiate:
                continue
            results = list(tensors_of(answer.value))
            given = None if first or self.twin is None else self.twin.cotangents
            cots = given[turn] if given and turn < len(given) else cotangents(results, self.case)
            pulled.append(tuple(cots))
            grads, raised = watcher.backward(answer.call, cots, results)
            if raised is not None:
                parts.append(Part(f"in the backward pass, {mode}", raised=raised))
                break
            gradients += self._named(grads, leaves, pairing)
            detached |= any(c is not None for c in cots) and not any(t.requires_grad for t in results)
        if self.case.plan.again:
            self._set(pairing, as_made=True)
            watcher.call((self.handle, "__call__"), self.forward, "as it was made, before train() or eval()")
        if first and self.twin is not None:
            self.twin.cotangents = tuple(pulled)
            self.twin.expected = parts[0].value if parts else None
        return Observation(tuple(parts), tuple(watcher.mutated), tuple(gradients), tuple(pulled), detached)

    def unseen(self) -> Sequence[Mapping[str, Any]]:
        """Look at the learner's parameters as they are."""
        request = self.candidate.transport.request
        found: Sequence[Mapping[str, Any]] = request("view", handle=self.handle)["state"]
        return found

    def seen(self, view: weights.View, entries: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
        """Look at the learner's parameters in a way; return the entries seen that way."""
        if view == weights.View():
            return entries
        request = self.candidate.transport.request
        found: Sequence[Mapping[str, Any]] = request(
            "view", handle=self.handle, turned=view.turned, parts=dict(view.parts)
        )["state"]
        return found

    def paired(
        self, entries: Sequence[Mapping[str, Any]], tolerance: Tolerance
    ) -> tuple[Fit | None, str | None]:
        """Return the first fit under which the output is the expected one, else the likeliest.

        Where nothing fits there is the reason instead.
        """
        assert self.twin is not None
        likeliest: Fit | None = None
        trouble: str | None = None
        for view in weights.views(self.twin.entries, entries):
            seen = self.seen(view, entries)
            if (bad := weights.mismatch(self.twin.entries, seen, flat=view.flat)) is not None:
                trouble = trouble or bad
                continue
            pairing, equal = self._fitting(seen, tolerance, view)
            if equal:
                return Fit(pairing, view), None
            # Shapes that do not fit are excused by a right output alone.
            likeliest = likeliest or (None if view.flat else Fit(pairing, view))
        if likeliest is None:
            return None, trouble
        self.candidate.transport.request(
            "view", handle=self.handle, turned=likeliest.view.turned, parts=dict(likeliest.view.parts)
        )
        return likeliest, None

    def _fitting(
        self, entries: Sequence[Mapping[str, Any]], tolerance: Tolerance, view: weights.View
    ) -> tuple[weights.Pairing, bool]:
        """Return the first pairing that gives the expected output, or the likeliest; and which it is."""
        assert self.twin is not None
        likeliest: weights.Pairing | None = None
        for pairing in weights.pairings(self.twin.entries, entries, flat=view.flat):
            likeliest = likeliest or pairing
            self._set(pairing, training=False)
            try:
                answer = self.candidate.call(
                    (self.handle, "__call__"), *placed(self.forward, self.case.optional)
                )
            except Raised:
                break
            if (
                difference(answer.value, self.twin.expected, tolerance, precision=self.case.plan.dtype)
                is None
            ):
                return pairing, True
        return likeliest or {}, False

    def _set(self, pairing: weights.Pairing, **mode: bool) -> None:
        assert self.twin is not None
        values = {pairing[name]: value for name, value in self.twin.state.items() if name in pairing}
        request = self.candidate.transport.request
        request("fill", handle=self.handle, values=values)
        request("prepare", handle=self.handle, **mode)

    def _buffers(self, pairing: weights.Pairing) -> dict[str, Tensor]:
        assert self.twin is not None
        buffers = [e for e in self.twin.entries if e["kind"] == "buffer" and not weights.counts(e)]
        kept = [e["name"] for e in buffers if e["name"] in pairing]
        if not kept:
            return {}
        found = self.candidate.transport.request("values", handle=self.handle)["value"]
        like = self.twin.state
        return {name: found[pairing[name]].reshape(like[name].shape) for name in kept}

    def _named(
        self, grads: Mapping[str, Any], leaves: Mapping[str, Any], pairing: weights.Pairing
    ) -> Iterator[tuple[str, Tensor | None]]:
        assert self.twin is not None
        named = [n for n, v in leaves.items() for t in tensors_of(v) if t.requires_grad]
        yield from zip(named, grads["inputs"], strict=False)
        theirs = grads["parameters"]
        for entry in self.twin.entries:
            if entry["kind"] == "parameter" and entry["trainable"]:
                found = theirs.get(pairing.get(entry["name"], ""))
                shape = self.twin.state[entry["name"]].shape
                yield f"parameter {entry['name']}", None if found is None else found.reshape(shape)


def _reference_state(candidate: Candidate, handle: Handle, case: Case) -> dict[str, Tensor]:
    """Return random weights for the reference: none zero, variances positive, biases of either sign."""
    found = candidate.transport.request("values", handle=handle)["value"]
    source = Source(case.plan.seed + 17)
    return {name: _spread(name, value, source) for name, value in found.items()}


def _spread(name: str, value: Tensor, source: Source) -> Tensor:
    if not value.is_floating_point() or value.numel() == 0:
        return value
    constant = bool((value == value.flatten()[0]).all())
    if not constant and value.dim() >= 2:
        return value
    shape = tuple(value.shape)
    drawn = source.numbers(shape, 0.5, 1.5).to(value.dtype)
    # With positive biases alone no ReLU behind them would ever close.
    return torch.where(source.flags(shape), drawn, -drawn) if "bias" in name.rsplit(".", 1)[-1] else drawn


def _told(kind: str, message: str) -> dict[str, Any]:
    return {"type": kind, "bases": [kind], "message": message, "frames": [], "own": False, "forbidden": None}
