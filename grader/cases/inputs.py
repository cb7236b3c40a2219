"""From a signature to cases: the contract axes as plans, and plans as drawn arguments.

Strength comes from a matrix, not from more inputs of one kind: each plan sets one thing apart (an axis of
size 0 or 1, a special regime, single precision, another memory layout, defaults used or overridden).
"""

from __future__ import annotations

import inspect
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from grader.cases import shapes
from grader.cases.draws import Source
from grader.cases.shapes import AuthorError, Spec
from grader.cases.strategies import Maker, Wanted

_SIZES = tuple(range(2, 8))


@dataclass(frozen=True)
class Parameter:
    """One parameter of a symbol: its spec if it is a tensor, and whether it may be left out."""

    name: str
    spec: Spec | None
    annotation: Any
    optional: bool
    default: Any = None


@dataclass(frozen=True)
class Symbol:
    """One public symbol: a function, or a class with its constructor and the methods it is asked."""

    name: str
    making: tuple[Parameter, ...] | None
    """The constructor's parameters; None for a function."""
    steps: tuple[tuple[str, tuple[Parameter, ...]], ...]
    """Methods in the order they are called, each with its parameters; one unnamed step for a function."""
    is_module: bool = False
    returns: Any = None
    """The annotation of what a function, or the last method, returns."""

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """Every parameter of the constructor and the steps."""
        return (*(self.making or ()), *(p for _, ps in self.steps for p in ps))


@dataclass(frozen=True)
class Plan:
    """Everything about a case but its numbers."""

    symbol: str
    label: str
    seed: int
    dtype: torch.dtype = torch.float64
    regime: str = "generic"
    layout: str = "plain"
    give: frozenset[str] | None = None
    """The optional parameters that are given; None gives them all."""
    sizes: Mapping[str, int] = field(default_factory=dict)
    fixed: Mapping[str, Any] = field(default_factory=dict)
    gradients: bool = False
    of: frozenset[str] = frozenset()
    """The inputs whose gradients are asked for; all when empty."""
    changes: frozenset[str] = frozenset()
    """The inputs that the call is asked to change."""
    again: bool = False
    """Whether the call is made twice, to see that it depends on its arguments alone."""
    elsewhere: bool = False
    """Whether the inputs count as being on another device."""

    def left_out(self, target: Symbol) -> frozenset[str]:
        """Return the optional parameters that are not given."""
        if self.give is None:
            return frozenset()
        return frozenset(p.name for p in target.parameters if p.optional) - self.give


@dataclass(frozen=True, eq=False)
class Case:
    """A plan with its arguments drawn."""

    plan: Plan
    sizes: Mapping[str, int]
    making: Mapping[str, Any]
    steps: tuple[tuple[str, Mapping[str, Any]], ...]
    optional: frozenset[str] = frozenset()
    """The arguments passed by keyword, because they have defaults."""

    @property
    def arguments(self) -> dict[str, Any]:
        """All drawn arguments by name."""
        return {**self.making, **{k: v for _, args in self.steps for k, v in args.items()}}

    @property
    def told(self) -> dict[str, Any]:
        """All drawn arguments as a story lists them: those of several calls each with its call."""
        given = [(turn, args) for turn, (_, args) in enumerate(self.steps, 1) if args]
        if len(given) < 2:
            return self.arguments
        calls = {f"{name} (call {turn})": value for turn, args in given for name, value in args.items()}
        return {**self.making, **calls}


def symbol(name: str, value: Any, *, calls: tuple[str, ...] = ()) -> Symbol:
    """Read a reference function or class; ``calls`` are the methods to call, in order."""
    if not isinstance(value, type):
        return Symbol(name, None, (("", _parameters(value)),), returns=_returns(value))
    is_module = issubclass(value, nn.Module)
    methods = calls or (("__call__",) if is_module else ())
    if not methods:
        raise AuthorError(f"class {name} needs its methods in order: Rules(calls={{'{name}': ('update',)}})")
    steps = []
    for method in methods:
        function = getattr(value, "forward" if is_module and method == "__call__" else method)
        steps.append((method, _parameters(function)[1:]))
    making = _parameters(getattr(value, "__init__"))[1:]  # noqa: B009
    return Symbol(name, making, tuple(steps), is_module, _returns(function))


def axes(target: Symbol, makers: Mapping[str, Any], sizes: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names that need a size: axes of the annotations, and ints that no maker draws."""
    named = [axis for p in target.parameters if p.spec is not None for axis in p.spec.axes()]
    ints = [p.name for p in target.parameters if p.annotation is int and p.name not in makers]
    return tuple(dict.fromkeys([*named, *ints, *sizes]))


def plans(
    target: Symbol,
    makers: Mapping[str, Any],
    *,
    sizes: Mapping[str, Any],
    empty: frozenset[str],
    single: frozenset[str],
    dtypes: tuple[torch.dtype, ...],
    layouts: bool,
    devices: bool,
) -> Iterator[Plan]:
    """Yield the matrix of plans for one symbol, the plainest first."""
    seed = zlib.crc32(target.name.encode())
    numbered = iter(range(seed, seed + 100_000))
    optional = [p.name for p in target.parameters if p.optional]

    def plan(label: str, **what: Any) -> Plan:
        return Plan(target.name, label, next(numbered), **what)

    main = dtypes[0]
    yield plan("plain", dtype=main, gradients=True, again=True)
    yield plan("plain", dtype=main, gradients=True)
    yield from (plan("plain", dtype=main) for _ in range(3))
    if optional:
        yield plan("defaults", dtype=main, give=frozenset(), gradients=True)
        yield plan("defaults", dtype=main, give=frozenset())
        if len(optional) > 1:
            yield from (plan(f"only {name} given", dtype=main, give=frozenset([name])) for name in optional)
    for name, options in _options(target, makers):
        yield from (plan(f"{name}={o!r}", dtype=main, fixed={name: o}, gradients=True) for o in options)
    for regime in _regimes(target, makers):
        yield from (plan(f"{regime} values", dtype=main, regime=regime) for _ in range(4))
        if optional:
            yield plan(f"{regime} values, defaults", dtype=main, regime=regime, give=frozenset())
    named = axes(target, makers, sizes)
    yield from (plan(f"{a} = 1", dtype=main, sizes={a: 1}, gradients=True) for a in named if a in single)
    yield from (plan(f"{a} = 0", dtype=main, sizes={a: 0}) for a in named if a in empty)
    if len(both := [a for a in named if a in empty]) > 1:
        yield plan("all empty", dtype=main, sizes=dict.fromkeys(both, 0))
    for dtype in dtypes[1:]:
        short = str(dtype).removeprefix("torch.")
        yield from (plan(short, dtype=dtype) for _ in range(2))
        for regime in _regimes(target, makers):
            yield plan(f"{short}, {regime} values", dtype=dtype, regime=regime)
    if layouts and any(p.spec is not None and p.spec.dims for p in target.parameters):
        yield from (plan("another memory layout", dtype=main, layout="strided") for _ in range(2))
    if devices:
        yield plan("another device", dtype=main, elsewhere=True)


def draw(
    plan: Plan, target: Symbol, makers: Mapping[str, Any], source: Source, ranges: Mapping[str, Any]
) -> Case:
    """Draw a case's sizes and arguments."""
    sizes = _sizes(plan, target, makers, source, ranges)
    drawn: dict[str, Any] = {}
    known = {p.name: p for p in target.parameters}
    gone = plan.left_out(target)
    for name in [*(m for m in makers if m in known), *(n for n in known if n not in makers)]:
        value = _argument(known[name], plan, makers, source, sizes, drawn)
        # What is drawn later goes by the values that will be used.
        drawn[name] = known[name].default if name in gone else value
    ready = {
        name: _finished(value, plan, known[name].spec) for name, value in drawn.items() if name not in gone
    }
    making = {p.name: ready[p.name] for p in target.making or () if p.name in ready}
    steps = []
    for turn, (method, parameters) in enumerate(target.steps):
        if turn and target.making is not None and not target.is_module:
            # A later call on the same object brings arguments of its own.
            again = {
                n: _argument(known[n], plan, makers, source, sizes, drawn) for n in known if n not in making
            }
            ready |= {n: _finished(v, plan, known[n].spec) for n, v in again.items() if n not in gone}
        steps.append((method, {p.name: ready[p.name] for p in parameters if p.name in ready}))
    return Case(plan, sizes, making, tuple(steps), frozenset(p.name for p in target.parameters if p.optional))


def _parameters(function: Callable[..., Any]) -> tuple[Parameter, ...]:
    found = []
    for p in inspect.signature(function).parameters.values():
        if isinstance(p.annotation, str):
            raise AuthorError(
                f"'{p.name}' is annotated by a string; drop 'from __future__ import annotations'"
            )
        optional = p.default is not inspect.Parameter.empty
        default = p.default if optional else None
        found.append(Parameter(p.name, shapes.read(p.annotation), p.annotation, optional, default))
    return tuple(found)


def _returns(function: Callable[..., Any]) -> Any:
    return inspect.signature(function).return_annotation


def _regimes(target: Symbol, makers: Mapping[str, Any]) -> tuple[str, ...]:
    known = {p.name for p in target.parameters}
    return tuple(dict.fromkeys(r for name, maker in makers.items() if name in known for r in _marked(maker)))


def _marked(maker: Any) -> tuple[str, ...]:
    named: tuple[str, ...] | None = getattr(maker, "regimes", None)
    return named or ()


def _options(target: Symbol, makers: Mapping[str, Any]) -> list[tuple[str, tuple[Any, ...]]]:
    known = {p.name for p in target.parameters}
    return [(n, tuple(m.options)) for n, m in makers.items() if n in known and hasattr(m, "options")]


def _sizes(
    plan: Plan, target: Symbol, makers: Mapping[str, Any], source: Source, ranges: Mapping[str, Any]
) -> dict[str, int]:
    options = {a: _range(ranges.get(a, _SIZES)) for a in axes(target, makers, ranges)}
    # An int that names an axis and is left out gives the axis the size of its default.
    gone = (plan.left_out(target) & options.keys()) - makers.keys()
    left = {p.name: p.default for p in target.parameters if p.name in gone and isinstance(p.default, int)}
    known = {**left, **{a: n for a, n in plan.sizes.items() if a in options}}
    free = {a: o for a, o in options.items() if a not in known}
    return {**shapes.distinct(free, source.choice), **known}


def _range(given: Any) -> tuple[int, ...]:
    return (given,) if isinstance(given, int) else tuple(given)


def _argument(
    parameter: Parameter,
    plan: Plan,
    makers: Mapping[str, Maker],
    source: Source,
    sizes: Mapping[str, int],
    drawn: Mapping[str, Any],
) -> Any:
    if parameter.name in plan.fixed:
        return plan.fixed[parameter.name]
    shape = parameter.spec.shape(sizes) if parameter.spec is not None else ()
    if (maker := makers.get(parameter.name)) is not None:
        return maker(source, Wanted(shape, sizes), drawn)
    if parameter.spec is None:
        if parameter.name in sizes:
            return sizes[parameter.name]
        raise AuthorError(f"nothing says how to draw '{parameter.name}'; Kata() takes a maker of that name")
    if parameter.spec.family == "bool":
        return source.flags(shape)
    return source.normal(shape) if parameter.spec.family == "float" else source.integers(shape, 0, 5)


def _finished(value: Any, plan: Plan, spec: Spec | None) -> Any:
    """Give a drawn value the plan's dtype and memory layout."""
    if isinstance(value, nn.Module):
        return value.to(plan.dtype)
    if isinstance(value, (list, tuple)) and any(isinstance(v, Tensor) for v in value):
        return type(value)(_finished(v, plan, spec) for v in value)
    if not isinstance(value, Tensor):
        return value
    if value.is_floating_point():
        value = value.to(spec.exact if spec is not None and spec.exact is not None else plan.dtype)
    return _laid_out(value) if plan.layout == "strided" else value


def _laid_out(value: Tensor) -> Tensor:
    if value.dim() == 4:
        return value.contiguous(memory_format=torch.channels_last)
    if value.dim() >= 2 and value.is_floating_point():
        return value.transpose(-1, -2).contiguous().transpose(-1, -2)
    if value.dim() == 1 and value.numel():
        return value.repeat_interleave(2)[::2]
    return value
