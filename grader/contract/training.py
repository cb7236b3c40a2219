"""A few steps of training as a check: on one batch, the model's own loss has to fall.

The optimiser is the judge's. The candidate only answers what it is always asked: a forward pass, the loss,
and the gradients of both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from grader.cases import inputs
from grader.cases.draws import Source
from grader.cases.inputs import Plan
from grader.judge.candidate import Candidate, Handle, Raised, mapped
from grader.judge.problems import Problem, raised_problem
from grader.model import Kind
from grader.worker.session import tensors_of

if TYPE_CHECKING:
    from grader.contract.kata import Kata


_SEED = 8100


@dataclass(frozen=True)
class Training:
    """Adam on one drawn batch: after ``steps``, the loss is at most ``to`` times what it was."""

    kata: Kata
    model: str
    loss: str
    steps: int
    lr: float
    to: float
    sizes: Mapping[str, int]
    outputs: tuple[str, ...] = ()
    """The loss's parameters that take the first of several outputs, one each; empty where one takes all."""

    def __call__(self, candidate: Candidate) -> Problem | None:
        """Train the candidate's model on its own loss."""
        try:
            losses = list(self._losses(candidate))
        except Raised as raised:
            return raised_problem(raised.told, None, "while training")
        except _Stuck as stuck:
            return Problem(Kind.PROPERTY, str(stuck), part="while training")
        first, last = losses[0], losses[-1]
        if last <= self.to * first:
            return None
        told = f"After {self.steps} steps on one batch the loss has gone from {first:.4g} to {last:.4g}."
        return Problem(Kind.PROPERTY, told, part="while training")

    def _losses(self, candidate: Candidate) -> Iterator[float]:
        making, batch, targets = self._drawn()
        # Always the same start, whatever was called before.
        handle, entries = candidate.construct(self.model, making, seed=_SEED)
        if entries is None:
            raise _Stuck(f"{self.model} is not an nn.Module.")
        candidate.transport.request("prepare", handle=handle, training=True, dtype=torch.float32)
        # A first pass, because lazy layers have no weights before it.
        candidate.call((handle, "__call__"), (), batch)
        values = candidate.transport.request("values", handle=handle)["value"]
        names = [e["name"] for e in entries if e["kind"] == "parameter" and e["trainable"]]
        if not names:
            raise _Stuck("The model has no parameters to train.")
        adam = _Adam({name: values[name] for name in names}, self.lr)
        for step in range(self.steps + 1):
            loss, grads = self._step(candidate, handle, batch, targets)
            yield loss
            if step < self.steps:
                candidate.transport.request("fill", handle=handle, values=adam.step(grads))

    def _step(
        self, candidate: Candidate, handle: Handle, batch: Mapping[str, Any], targets: Mapping[str, Any]
    ) -> tuple[float, dict[str, Tensor | None]]:
        """Return the loss and the gradient of every parameter."""
        answer = candidate.call((handle, "__call__"), (), batch)
        outputs = mapped(answer.value, _leaf)
        given = tuple(outputs)[: len(self.outputs)] if self.outputs else (outputs,)
        judged = candidate.call(self.loss, given, targets)
        if not isinstance(judged.value, Tensor) or judged.value.numel() != 1:
            raise _Stuck(f"{self.loss} does not return one number in a tensor.")
        if not judged.value.requires_grad:
            raise _Stuck(f"The loss is cut off from the outputs: no gradient reaches {self.model}.")
        value = judged.value
        back = candidate.backward(judged.call, [torch.ones_like(value)])["inputs"]
        leaves = iter(back)
        cotangents = [next(leaves, None) if t.requires_grad else None for t in tensors_of(outputs)]
        made = list(tensors_of(answer.value))
        if not any(t.requires_grad for t in made):
            raise _Stuck("The outputs are cut off from the parameters: nothing can be learned.")
        return float(value.detach()), candidate.backward(answer.call, cotangents)["parameters"]

    def _drawn(self) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        """Return the constructor's arguments, one batch, and what the loss takes beside the outputs."""
        kata = self.kata
        # A model of its default size would take seconds.
        made = frozenset(p.name for p in kata.symbols[self.model].making or ())
        plan = Plan(self.model, "training", _SEED, torch.float32, give=made, sizes=dict(self.sizes))
        source = Source(plan.seed)
        case = inputs.draw(plan, kata.symbols[self.model], kata.makers, source, kata.rules.sizes)
        batch = dict(case.steps[0][1])
        # What the model and its loss both take, such as a mask, is one thing.
        sizes = {**case.sizes, **self.sizes}
        step = replace(plan, symbol=self.loss, give=frozenset(), sizes=sizes, fixed=batch)
        judged = inputs.draw(step, kata.symbols[self.loss], kata.makers, source, kata.rules.sizes)
        given = self.outputs or (kata.symbols[self.loss].parameters[0].name,)
        targets = {name: value for name, value in judged.arguments.items() if name not in given}
        return dict(case.making), batch, targets


class _Adam:
    """Adam (Kingma and Ba, 2015) on named tensors; that of torch takes seconds to import."""

    def __init__(self, weights: dict[str, Tensor], lr: float) -> None:
        self._weights, self._lr, self._count = weights, lr, 0
        self._mean = {name: torch.zeros_like(weight) for name, weight in weights.items()}
        self._square = {name: torch.zeros_like(weight) for name, weight in weights.items()}

    def step(self, grads: Mapping[str, Tensor | None]) -> dict[str, Tensor]:
        """Return the weights after one step."""
        self._count += 1
        for name, weight in self._weights.items():
            if (grad := grads.get(name)) is None:
                continue
            self._mean[name].lerp_(grad, 0.1)
            self._square[name].lerp_(grad.square(), 0.001)
            mean = self._mean[name] / (1 - 0.9**self._count)
            square = self._square[name] / (1 - 0.999**self._count)
            self._weights[name] = weight - self._lr * mean / (square.sqrt() + 1e-8)
        return self._weights


class _Stuck(Exception):
    """Training cannot go on; the message is the sentence to show."""


def _leaf(value: Tensor) -> Tensor:
    value = value.detach()
    return value.requires_grad_() if value.is_floating_point() else value
