"""A check is a function of an implementation: it refuses it with a problem, or finds none."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch

from grader.cases import inputs
from grader.cases.draws import Source
from grader.cases.inputs import Case, Plan
from grader.cases.shapes import AuthorError
from grader.contract.asserting import PropertyFailed
from grader.judge.candidate import Candidate, Died, Raised
from grader.judge.problems import Problem, raised_problem
from grader.model import Kind

if TYPE_CHECKING:
    from grader.contract.kata import Kata

CONTRACT, VALUES, PROPERTIES = 0, 1, 2
"""Tiers: what stands on a failed one waits."""


@dataclass(frozen=True)
class Check:
    """One check of a kata: refuses an implementation with a problem, or finds none."""

    title: str
    tier: int
    run: Callable[[Candidate], Problem | None]


class CheckFailed(AssertionError):
    """A check refused the learner's implementation."""

    def __init__(self, kata: Kata, check: Check, problem: Problem, candidate: Candidate) -> None:
        super().__init__(problem.sentence)
        self.kata, self.check, self.problem, self.candidate = kata, check, problem, candidate


def attempt(check: Check, candidate: Candidate) -> Problem | None:
    """Run a check; a candidate whose process died is a problem like any other."""
    try:
        return check.run(candidate)
    except Died as died:
        kind = Kind.TIMEOUT if died.kind == "timeout" else Kind.CRASHED
        return Problem(kind, f"Your code {died.detail}.", note=died.stack)


@dataclass(frozen=True)
class Property:
    """A property as a check: the author's function, run on drawn inputs."""

    kata: Kata
    function: Callable[..., None]
    times: int
    regime: str

    def __call__(self, candidate: Candidate) -> Problem | None:
        """Run the property on several drawn inputs."""
        for turn in range(self.times):
            plan = Plan(
                next(iter(self.kata.symbols)), "property", 500 + turn, self.kata.rules.dtypes[0], self.regime
            )
            if (problem := self.on(candidate, plan, Source(plan.seed, regime=plan.regime))) is not None:
                return problem
        return None

    def on(self, candidate: Candidate, plan: Plan, source: Source) -> Problem | None:
        """Run the property once."""
        names = list(inspect.signature(self.function).parameters)
        drawn, sizes = self._drawn(plan, source)
        arguments: dict[str, Any] = {}
        for name in names:
            if name in self.kata.symbols:
                arguments[name] = candidate.symbol(name)
            elif name == "reference":
                arguments[name] = _Reference(self.kata)
            elif name == "source":
                arguments[name] = source
            elif name in drawn:
                arguments[name] = drawn[name]
            elif name in sizes:
                arguments[name] = sizes[name]
            else:
                raise AuthorError(f"{self.kata.id}: '{name}' is no symbol, input or axis of this kata")
        shown = {n: v for n, v in drawn.items() if n in names}
        case = Case(plan, sizes, {}, (("", shown),))
        try:
            with torch.enable_grad():
                self.function(**arguments)
        except PropertyFailed as failed:
            return Problem(Kind.PROPERTY, failed.sentence, case, difference=failed.found)
        except AssertionError as failed:
            return Problem(Kind.PROPERTY, str(failed).partition("\n")[0], case)
        except Raised as raised:
            return raised_problem(raised.told, case)
        except (AttributeError, TypeError, RuntimeError, ValueError, IndexError, KeyError) as broken:
            # The property could not work with what came back: a shape or a type it does not expect.
            return Problem(Kind.PROPERTY, f"The result does not fit: {broken}".partition("\n")[0], case)
        return None

    def _drawn(self, plan: Plan, source: Source) -> tuple[dict[str, Any], dict[str, int]]:
        everything: dict[str, Any] = {}
        sizes: dict[str, int] = {}
        for target in self.kata.symbols.values():
            step = replace(plan, symbol=target.name, sizes={**plan.sizes, **sizes})
            case = inputs.draw(step, target, self.kata.makers, source, self.kata.rules.sizes)
            everything |= {n: v for n, v in case.arguments.items() if n not in everything}
            sizes |= {n: v for n, v in case.sizes.items() if n not in sizes}
        return everything, sizes


class _Reference:
    """The author's symbols as attributes, for properties that compare."""

    def __init__(self, kata: Kata) -> None:
        self._kata = kata

    def __getattr__(self, name: str) -> Any:
        return self._kata.reference.symbol(name)
