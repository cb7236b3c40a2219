"""Reads jaxtyping annotations, and only here, so that the choice of notation stays reversible.

An annotation becomes a ``Spec``: a dtype family and a list of dimensions. Sizes for the axis names are
drawn all different, so that a transposed answer cannot hide behind equal sizes.
"""

from __future__ import annotations

import ast
import operator
import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch

_OPERATORS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Pow: operator.pow,
}
_EXACT = {
    "float64": torch.float64,
    "float32": torch.float32,
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
    "int64": torch.int64,
    "int32": torch.int32,
    "uint8": torch.uint8,
}


class AuthorError(Exception):
    """A kata is written in a way the engine cannot grade; the sentence is for its author."""


@dataclass(frozen=True, slots=True)
class Spec:
    """What an annotation says of one tensor."""

    dims: tuple[str, ...]
    family: str
    """``float``, ``int`` or ``bool``."""
    exact: torch.dtype | None = None
    """The dtype, where the annotation leaves no choice."""

    def axes(self) -> tuple[str, ...]:
        """Return the names the dimensions are made of."""
        return tuple(name for dim in self.dims for name in _names(dim))

    def shape(self, sizes: Mapping[str, int]) -> tuple[int, ...]:
        """Return the shape for given sizes."""
        return tuple(evaluate(dim, sizes) for dim in self.dims)


def read(annotation: Any) -> Spec | None:
    """Return the spec of a jaxtyping annotation (or of ``X | None``), or None for anything else."""
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        found = [read(part) for part in typing.get_args(annotation)]
        return next((spec for spec in found if spec is not None), None)
    dim_str, dtypes = getattr(annotation, "dim_str", None), getattr(annotation, "dtypes", None)
    if dim_str is None or dtypes is None:
        return None
    names = [str(d) for d in dtypes] if not isinstance(dtypes, str) else [dtypes]
    exact = _EXACT.get(names[0]) if len(names) == 1 else None
    return Spec(tuple(dim_str.split()), _family(names[0]), exact)


def evaluate(dim: str, sizes: Mapping[str, int]) -> int:
    """Return the size of one dimension such as ``4``, ``n`` or ``2*k+1``."""
    try:
        return _value(_parsed(dim), sizes)
    except KeyError as missing:
        raise AuthorError(f"nothing gives axis {missing} of dimension '{dim}' a size") from None


def distinct(ranges: Mapping[str, Iterable[int]], pick: Any) -> dict[str, int]:
    """Choose a size for each axis from its range, all but ones different; ``pick(options)`` chooses one."""
    taken: dict[str, int] = {}
    for axis, options in sorted(ranges.items(), key=lambda item: len(list(item[1]))):
        allowed = list(options)
        free = [n for n in allowed if n == 1 or n not in taken.values()]
        if not free and len(allowed) > 1:
            raise AuthorError(f"too many axes for the sizes allowed: nothing is left for '{axis}'")
        taken[axis] = pick(free or allowed)
    return taken


def _family(name: str) -> str:
    if "bool" in name:
        return "bool"
    return "float" if "float" in name else "int"


@cache
def _parsed(dim: str) -> ast.expr:
    return ast.parse(dim, mode="eval").body


def _names(dim: str) -> list[str]:
    return [node.id for node in ast.walk(_parsed(dim)) if isinstance(node, ast.Name)]


def _value(node: ast.expr, sizes: Mapping[str, int]) -> int:
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        return node.value
    if isinstance(node, ast.Name):
        return sizes[node.id]
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        return int(_OPERATORS[type(node.op)](_value(node.left, sizes), _value(node.right, sizes)))
    raise AuthorError(f"a dimension may hold names, numbers and + - * // **, not '{ast.unparse(node)}'")
