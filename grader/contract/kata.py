"""A kata's contract: which inputs, which checks, each a function of an implementation.

The same checks run on the learner's file, on the reference and on every known right and wrong version.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from grader.cases import inputs
from grader.cases.draws import Shrinking, Source
from grader.cases.inputs import Case, Plan, Symbol
from grader.cases.shapes import AuthorError
from grader.contract.asserting import assert_close, raises
from grader.contract.checks import CONTRACT, PROPERTIES, VALUES, Check, CheckFailed, Property, attempt
from grader.contract.rules import Rules
from grader.contract.study import Study
from grader.contract.timing import Speed
from grader.contract.training import Training
from grader.judge.candidate import Candidate
from grader.judge.observe import observe
from grader.judge.problems import Problem, problems
from grader.judge.seen import Observation, Twin
from grader.model import Kind
from grader.solution import Solution, Version, load
from grader.workspace import stub
from grader.workspace.places import at, kata_of

_CONTRACT_KINDS = frozenset({Kind.TODO, Kind.ERROR, Kind.CONTRACT, Kind.MUTATION, Kind.FORBIDDEN})


class Kata:
    """The contract of one kata; ``Kata(__file__, a=boxes, ...)`` names how each input is drawn.

    Inputs are drawn in the order given here, so that a later one can depend on an earlier one.
    """

    def __init__(self, file: str, /, *, rules: Rules | None = None, **makers: Any) -> None:
        self.test = Path(file)
        self.track, self.name = kata_of(self.test)
        self.rules = rules or Rules()
        self.makers = makers
        self.stub = self.test.with_name(f"{self.name}.py")
        self.opener: Callable[[Kata], Candidate] | None = None
        """How the learner's implementation is reached; set by whoever runs the checks."""
        self._extra: list[Plan] = []
        self._studies: dict[int, Study] = {}

    @property
    def id(self) -> str:
        """``track/name``."""
        return f"{self.track}/{self.name}"

    @cached_property
    def solutions(self) -> Path:
        """The folder of the authors' files: beside the katas, or in the installed package."""
        return at(self.test.resolve().parents[2], environ={}).solutions

    @cached_property
    def solution(self) -> Solution:
        """The author's file."""
        return load(self.solutions / self.track / f"{self.name}.py")

    @cached_property
    def reference(self) -> Candidate:
        """The author's implementation as a candidate."""
        return self.solution.candidate()

    @cached_property
    def symbols(self) -> dict[str, Symbol]:
        """The public symbols with their signatures."""
        calls = self.rules.calls
        return {
            name: inputs.symbol(name, self.solution.namespace[name], calls=tuple(calls.get(name, ())))
            for name in self.solution.public
        }

    @cached_property
    def plans(self) -> tuple[Plan, ...]:
        """Every case but its numbers, the plainest first."""
        found: list[Plan] = []
        for target in self.symbols.values():
            found += inputs.plans(
                target,
                self.makers,
                sizes=self.rules.sizes,
                empty=frozenset(self.rules.empty.split()),
                single=frozenset(self._single(target)),
                dtypes=self.rules.dtypes,
                layouts=self.rules.layouts,
                devices=self.rules.devices,
            )
        for extra in self._extra:
            for target in self.symbols.values():
                if set(extra.fixed) <= {p.name for p in target.parameters}:
                    found.append(replace(extra, symbol=target.name))
        of, changes = frozenset(self.rules.gradients_of.split()), frozenset(self.rules.changes.split())
        kept = _sparing(found) if self.rules.costly else found
        return tuple(replace(plan, of=of, changes=changes) for plan in kept)

    # -- what a test file declares ---------------------------------------------------------------

    def contract(self) -> Callable[[], None]:
        """Check existence, signature, types, shapes, dtypes, exceptions, and that inputs stay as they are."""
        return self._test("Keeps the contract: shapes, dtypes, inputs left alone.", CONTRACT, self._contract)

    def values(self) -> Callable[[], None]:
        """Check that results equal the reference's."""
        return self._test(
            "Gives the right values.", VALUES, lambda c: self._first(c, frozenset({Kind.VALUE}))
        )

    def gradients(self) -> Callable[[], None]:
        """Check the gradients of every input and parameter, for a random cotangent."""
        run = lambda c: self._first(c, frozenset({Kind.GRADIENT}))  # noqa: E731
        return self._test("Gives the right gradients.", PROPERTIES, run)

    def also(
        self,
        label: str,
        sizes: Mapping[str, int] | None = None,
        regime: str = "generic",
        /,
        **fixed: Any,
    ) -> None:
        """Add a case with some arguments given; an exception of the reference is asked for too."""
        seed = 9000 + len(self._extra)
        # A number that names an axis is its size, unless something else is said.
        named = {name: value for name, value in fixed.items() if type(value) is int and value >= 0}
        shape = {**named, **(sizes or {})}
        plan = Plan("", label, seed, self.rules.dtypes[0], regime, sizes=shape, fixed=fixed)
        self._extra.append(plan)

    def speed(self, sizes: Mapping[str, int], /, *, seconds: float) -> Callable[[], None]:
        """Check that a case of this size is answered in time, as the statement says."""
        size = ", ".join(f"{name} = {n}" for name, n in sizes.items())
        title = f"Is fast enough: {size} within {seconds:g} s."
        return self._test(title, PROPERTIES, Speed(self, sizes, seconds))

    def trains(
        self,
        model: str,
        loss: str,
        /,
        *,
        steps: int = 12,
        lr: float = 0.01,
        to: float = 0.7,
        sizes: Mapping[str, int] | None = None,
        outputs: tuple[str, ...] = (),
    ) -> Callable[[], None]:
        """Check that a few steps of Adam on one batch bring the loss down to a share of what it was."""
        title = f"Learns: {steps} steps of Adam on one batch bring the loss below {to:.0%} of its start."
        run = Training(self, model, loss, steps, lr, to, sizes or {}, outputs)
        return self._test(title, PROPERTIES, run)

    def check(
        self, function: Callable[..., None] | None = None, /, *, times: int = 6, regime: str = "generic"
    ) -> Any:
        """Turn ``test_...(symbol, input, ...)`` into a check of a property on drawn inputs.

        Parameters are the kata's public symbols, its inputs by name, axis names, ``reference`` (the
        author's implementation, symbols as attributes) and ``source`` (more draws).
        """
        if function is None:
            return lambda f: self.check(f, times=times, regime=regime)
        title = inspect.getdoc(function) or function.__name__
        run = Property(self, function, times, regime)
        return self._test(title, PROPERTIES, run, name=function.__name__)

    # -- running -----------------------------------------------------------------------------------

    def is_stub(self) -> bool:
        """Whether the learner's file is still the stub."""
        try:
            text = self.stub.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError):
            return False
        return stub.is_bare(text)

    def case(self, plan: Plan, source: Source | None = None) -> Case:
        """Draw the case of a plan; with a source that shrinks, axes that may be 1 try that first."""
        target, ranges = self.symbols[plan.symbol], self.rules.sizes
        if isinstance(source, Shrinking):
            ranges = {**ranges, **{a: (1, *range(2, 8)) for a in self._single(target)}}
        source = source or Source(plan.seed, regime=plan.regime)
        return inputs.draw(plan, target, self.makers, source, ranges)

    def _single(self, target: Symbol) -> tuple[str, ...]:
        """Return the axes that may be 1."""
        named = inputs.axes(target, self.makers, self.rules.sizes)
        if self.rules.single == "*":
            return tuple(a for a in named if a not in self.rules.sizes)
        return tuple(a for a in named if a in self.rules.single.split())

    def expect(self, case: Case) -> tuple[Observation, Twin]:
        """Observe the reference on a case."""
        return observe(self.reference, case, self.symbols[case.plan.symbol])

    def see(self, candidate: Candidate, case: Case, twin: Twin) -> Observation:
        """Observe a candidate on a case."""
        study = self.study(candidate)
        target = self.symbols[case.plan.symbol]
        seen, _ = observe(
            candidate, case, target, twin=twin, pairings=study.pairings, tolerance=self.rules.tolerance
        )
        return seen

    def differences(self, seen: Observation, expected: Observation, case: Case) -> Iterator[Problem]:
        """Yield the problems of one observation against another."""
        rules = self.rules
        return problems(seen, expected, case, rules.tolerance, same=rules.same)

    def expected(self, case: Case) -> tuple[Observation, Twin]:
        """Observe the reference, once for each planned case."""
        key = id(case)
        if key not in self._known:
            self._known[key] = (case, self.expect(case))
        return self._known[key][1]

    @cached_property
    def _known(self) -> dict[int, tuple[Case, tuple[Observation, Twin]]]:
        return {}

    @cached_property
    def cases(self) -> tuple[Case, ...]:
        """Every planned case, drawn."""
        return tuple(self.case(plan) for plan in self.plans)

    def study(self, candidate: Candidate) -> Study:
        """Return what is known of a candidate so far."""
        return self._studies.setdefault(id(candidate), Study(self, candidate))

    def forget(self, candidate: Candidate) -> None:
        """Let go of what is known of a candidate."""
        self._studies.pop(id(candidate), None)

    def watched(self, candidate: Candidate) -> tuple[Observation, ...]:
        """Observe a candidate on every planned case, once."""
        study = self.study(candidate)
        return tuple(study.observation(at) for at in range(len(self.cases)))

    def known(self, version: Version) -> Candidate:
        """Return a version of the author's file as a candidate in this process, the same one each time."""
        if version.name not in self._versions:
            self._versions[version.name] = self.solution.candidate(version, forbid=self.rules.forbid)
        return self._versions[version.name]

    def strays(self, version: Version) -> tuple[bool, ...]:
        """Return for each planned case whether a version strays from the reference there."""
        if version.name not in self._strays:
            seen = self.watched(self.known(version))
            self._strays[version.name] = tuple(
                any(True for _ in self.differences(s, self.expected(c)[0], c))
                for s, c in zip(seen, self.cases, strict=True)
            )
        return self._strays[version.name]

    @cached_property
    def _versions(self) -> dict[str, Candidate]:
        return {}

    @cached_property
    def _strays(self) -> dict[str, tuple[bool, ...]]:
        return {}

    def _first(self, candidate: Candidate, kinds: frozenset[Kind]) -> Problem | None:
        return next((p for p in self.study(candidate).problems() if p.kind in kinds), None)

    def _contract(self, candidate: Candidate) -> Problem | None:
        return self.absent(candidate) or self._first(candidate, _CONTRACT_KINDS)

    def absent(self, candidate: Candidate) -> Problem | None:
        """Return the problem of a symbol that is missing or of another kind."""
        for name, target in self.symbols.items():
            found = candidate.symbols.get(name)
            if found is None:
                return Problem(Kind.CONTRACT, _missing(name, candidate.symbols))
            kind = "function" if target.making is None else "class"
            if found["kind"] != kind:
                return Problem(Kind.CONTRACT, f"'{name}' is a {found['kind']}, where a {kind} is asked for.")
            if (problem := _reordered(name, target, found["parameters"])) is not None:
                return problem
        return None

    def _test(
        self, title: str, tier: int, run: Callable[[Candidate], Problem | None], *, name: str = "check"
    ) -> Callable[[], None]:
        check = Check(title, tier, run)

        def test() -> None:
            __tracebackhide__ = True
            if self.opener is None:
                raise AuthorError(
                    "a kata is graded by pytest with the plugin grader.plugin, or by dojo check"
                )
            candidate = self.opener(self)
            if (problem := attempt(check, candidate)) is not None:
                raise CheckFailed(self, check, problem, candidate)

        test.__name__ = name
        test.__doc__ = title
        test.kata, test.check = self, check  # type: ignore[attr-defined]
        return test


def _sparing(plans: Iterable[Plan]) -> Iterator[Plan]:
    """Keep one plan of each kind with every argument given, one of them with gradients."""
    told: dict[tuple[str, str], Plan] = {}
    for plan in plans:
        if plan.give is None:
            told.setdefault((plan.symbol, plan.label), plan)
    for plan in told.values():
        yield plan if plan.again else replace(plan, gradients=False, dtype=torch.float32)


def _reordered(name: str, target: Symbol, theirs: Sequence[str] | None) -> Problem | None:
    """Return the problem of parameters with defaults that stand in another order, for they may go unnamed."""
    parameters = target.making if target.making is not None else target.steps[0][1]
    asked = [p.name for p in parameters if p.optional]
    found = [n for n in theirs or () if n in asked]
    if sorted(found) != sorted(asked) or found == asked:
        return None
    told = f"'{name}' takes {', '.join(found)} in this order, where {', '.join(asked)} is asked for."
    return Problem(Kind.CONTRACT, told)


def _missing(name: str, found: Mapping[str, Any]) -> str:
    own = [n for n in found if not n.startswith("_")]
    close = difflib.get_close_matches(name, own, n=1, cutoff=0.6)
    folded = [n for n in own if n.lower() == name.lower()]
    guess = (folded or close or [""])[0]
    hint = f" There is '{guess}'; did you mean that?" if guess else ""
    return f"The file has no '{name}'.{hint}"


__all__ = ["Check", "CheckFailed", "Kata", "Rules", "assert_close", "attempt", "raises"]
