"""Says where two values differ, and in what: type, structure, shape, dtype, finiteness, numbers.

Tolerances follow the data: the absolute part scales with the largest expected value of the tensor.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from grader.model import Kind
from grader.worker.wire import Elsewhere, Handle, Opaque


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far two right answers may lie apart, per precision: relative, and relative to the largest value."""

    float64: tuple[float, float] = (1e-6, 1e-7)
    float32: tuple[float, float] = (1e-3, 1e-4)
    half: tuple[float, float] = (3e-2, 3e-2)

    def of(self, dtype: torch.dtype) -> tuple[float, float]:
        """Return (rtol, scaled atol) for a dtype."""
        if dtype in (torch.float64, torch.complex128):
            return self.float64
        return self.float32 if dtype in (torch.float32, torch.complex64) else self.half


_NOISE = {torch.float64: 1e-11, torch.float32: 1e-5}
"""What is left of inputs of everyday size when they cancel."""

EXACT = Tolerance(float64=(1e-9, 1e-10))
"""For katas whose statement promises float64 formulas."""


@dataclass(frozen=True, slots=True)
class Difference:
    """The first thing in which an answer differs from the expected one."""

    kind: Kind
    sentence: str
    path: str = ""
    """Where in a nested result, such as ``[1]`` or ``['rmse']``."""
    actual: Any = None
    expected: Any = None
    index: tuple[int, ...] | None = None


def difference(
    actual: Any,
    expected: Any,
    tolerance: Tolerance,
    *,
    precision: torch.dtype | None = None,
    lenient: bool = False,
    noise: float = 0.0,
    path: str = "",
) -> Difference | None:
    """Return the first difference, or None.

    ``precision`` is that of the inputs, for bare numbers; ``lenient`` lets an empty float tensor have
    any float dtype; ``noise`` is a magnitude at which rounding alone makes a difference.
    """
    if isinstance(expected, Tensor):
        return _tensors(actual, expected, tolerance, lenient=lenient, noise=noise, path=path)
    if isinstance(expected, bool) or expected is None or isinstance(expected, str):
        return _plain(actual, expected, path)
    if isinstance(expected, (int, float)):
        return _numbers(actual, expected, tolerance, precision or torch.float64, path)
    if isinstance(expected, dict):
        return _dicts(actual, expected, tolerance, precision, lenient, path)
    if isinstance(expected, (list, tuple)):
        return _sequences(actual, expected, tolerance, precision, lenient, path)
    if isinstance(expected, nn.Module):
        return _modules(actual, expected, tolerance, path)
    if isinstance(expected, (set, frozenset)):
        if not isinstance(actual, (set, frozenset)):
            return _contract(f"returns {describe(actual)}, where a set is asked for", path, actual, expected)
        return None if actual == expected else Difference(Kind.VALUE, "wrong set", path, actual, expected)
    if type(actual) is type(expected):
        return None
    return _contract(
        f"returns {describe(actual)}, where {describe(expected)} is asked for", path, actual, expected
    )


def describe(value: Any) -> str:
    """Name a value's type for a sentence: 'a tensor of shape (2, 3)', 'a list', 'None'."""
    if value is None:
        return "None"
    if isinstance(value, Tensor):
        name = dtype_name(value.dtype)
        return f"{'an' if name[0] in 'aiu' else 'a'} {name} tensor of shape {tuple(value.shape)}"
    if isinstance(value, Opaque):
        return f"an object of type {value.type_name}"
    if isinstance(value, Handle):
        return f"an object of type {value.type_name}"
    if isinstance(value, Elsewhere):
        return f"a tensor on device {value.device}"
    if isinstance(value, bool):
        return "a bool"
    named = {
        int: "an int",
        float: "a float",
        str: "a string",
        list: "a list",
        tuple: "a tuple",
        dict: "a dict",
    }
    if isinstance(value, (list, tuple)):
        return f"{named[list] if isinstance(value, list) else named[tuple]} of {len(value)}"
    return named.get(type(value), f"a {type(value).__name__}")


def dtype_name(dtype: torch.dtype) -> str:
    """Return ``float32`` for ``torch.float32``."""
    return str(dtype).removeprefix("torch.")


def _contract(sentence: str, path: str, actual: Any, expected: Any) -> Difference:
    return Difference(Kind.CONTRACT, sentence, path, actual, expected)


def _tensors(
    actual: Any, expected: Tensor, tolerance: Tolerance, *, lenient: bool, noise: float, path: str
) -> Difference | None:
    if not isinstance(actual, Tensor):
        return _contract(f"returns {describe(actual)}, where a tensor is asked for", path, actual, expected)
    if actual.shape != expected.shape:
        return _contract(
            f"has shape {tuple(actual.shape)}, where {tuple(expected.shape)} is asked for",
            path,
            actual,
            expected,
        )
    empty = (lenient or expected.numel() == 0) and actual.is_floating_point() and expected.is_floating_point()
    if actual.dtype != expected.dtype and not empty:
        return _contract(
            f"has dtype {dtype_name(actual.dtype)}, where {dtype_name(expected.dtype)} is asked for",
            path,
            actual,
            expected,
        )
    return _values(actual.detach(), expected.detach(), tolerance, noise, path)


def _values(
    actual: Tensor, expected: Tensor, tolerance: Tolerance, noise: float, path: str
) -> Difference | None:
    if not expected.is_floating_point():
        wrong = actual != expected
    else:
        rtol, scaled = tolerance.of(actual.dtype)
        a, e = actual.double(), expected.double()
        finite = e[e.isfinite()]
        scale = float(finite.abs().max()) if finite.numel() else 0.0
        same_special = (a == e) | (a.isnan() & e.isnan())
        least = max(noise, _NOISE.get(actual.dtype, 1e-3))
        close = (a - e).abs() <= rtol * e.abs() + scaled * scale + least
        wrong = ~(same_special | (e.isfinite() & close))
    if not bool(wrong.any()):
        return None
    index = tuple(int(i) for i in wrong.nonzero()[0])
    sentence = "wrong value"
    if expected.is_floating_point() and bool((expected.isfinite() & ~actual.isfinite()).any()):
        where = (expected.isfinite() & ~actual.isfinite()).nonzero()[0]
        index, sentence = tuple(int(i) for i in where), "not finite"
    return Difference(Kind.VALUE, sentence, path, actual, expected, index)


def _plain(actual: Any, expected: Any, path: str) -> Difference | None:
    if type(actual) is not type(expected):
        if (
            isinstance(expected, bool)
            and isinstance(actual, Tensor)
            and actual.dtype == torch.bool
            and actual.dim() == 0
        ):
            actual = bool(actual)
        else:
            return _contract(
                f"returns {describe(actual)}, where {describe(expected)} is asked for", path, actual, expected
            )
    return None if actual == expected else Difference(Kind.VALUE, "wrong value", path, actual, expected)


def _numbers(
    actual: Any, expected: float, allowed: Tolerance, precision: torch.dtype, path: str
) -> Difference | None:
    """A number is a number: a Python float, an int and a 0-d tensor are all right."""
    tolerance = allowed.of(precision)
    least = 1e-9 if precision is torch.float64 else 1e-6
    if (
        isinstance(actual, Tensor)
        and actual.dim() == 0
        and not actual.is_complex()
        and actual.dtype != torch.bool
    ):
        value: float = actual.item()
        if actual.dtype in (torch.float32, torch.float16, torch.bfloat16):
            tolerance, least = max(tolerance, Tolerance().of(actual.dtype)), 1e-6
    elif isinstance(actual, (int, float)) and not isinstance(actual, bool):
        value = actual
    else:
        return _contract(f"returns {describe(actual)}, where a number is asked for", path, actual, expected)
    if isinstance(expected, int) and not isinstance(value, int):
        return _contract("returns a float, where an int is asked for", path, actual, expected)
    same = value == expected or (math.isnan(value) and math.isnan(expected))
    close = same or abs(value - expected) <= sum(tolerance) * abs(expected) + least
    return None if close else Difference(Kind.VALUE, "wrong value", path, actual, expected)


def _dicts(
    actual: Any, expected: dict, tolerance: Tolerance, precision: Any, lenient: bool, path: str
) -> Difference | None:
    if not isinstance(actual, dict):
        return _contract(f"returns {describe(actual)}, where a dict is asked for", path, actual, expected)
    if set(actual) != set(expected):
        keys = f"{sorted(actual, key=str)} and not {sorted(expected, key=str)}"
        return _contract(f"returns a dict with the keys {keys}", path, actual, expected)
    for key, value in expected.items():
        found = difference(
            actual[key], value, tolerance, precision=precision, lenient=lenient, path=f"{path}[{key!r}]"
        )
        if found is not None:
            return found
    return None


def _sequences(
    actual: Any, expected: Any, tolerance: Tolerance, precision: Any, lenient: bool, path: str
) -> Difference | None:
    if not isinstance(actual, (list, tuple)):
        return _contract(
            f"returns {describe(actual)}, where {describe(expected)} is asked for", path, actual, expected
        )
    if len(actual) != len(expected):
        many = f"returns {len(actual)} things" if isinstance(expected, tuple) else f"has {_entries(actual)}"
        return _contract(f"{many}, where {len(expected)} are asked for", path, actual, expected)
    found = [
        difference(a, e, tolerance, precision=precision, lenient=lenient, path=f"{path}[{i}]")
        for i, (a, e) in enumerate(zip(actual, expected, strict=True))
    ]
    told = [d for d in found if d is not None]
    return next((d for d in told if d.kind is Kind.CONTRACT), told[0] if told else None)


def _entries(value: Any) -> str:
    return f"{len(value)} {'entry' if len(value) == 1 else 'entries'}"


def _settings(layer: nn.Module) -> str:
    """Return what a layer shows of its settings; padding named by a word and padding of 0 are the same."""
    return repr(layer).replace(", padding=valid", "")


def _modules(actual: Any, expected: nn.Module, tolerance: Tolerance, path: str) -> Difference | None:
    if type(actual) is not type(expected):
        return _contract(
            f"returns {describe(actual)}, where an nn.{type(expected).__name__} is asked for",
            path,
            actual,
            expected,
        )
    if _settings(actual) != _settings(expected):
        return _contract(f"returns {actual!r}, where {expected!r} is asked for", path, actual, expected)
    return _dicts(
        dict(actual.state_dict()), dict(expected.state_dict()), tolerance, None, False, f"{path}.state_dict()"
    )
