"""What was seen of an implementation on one case, as data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor


@dataclass(frozen=True)
class Part:
    """One thing that was seen: a result, or the exception in its place."""

    label: str
    value: Any = None
    raised: Mapping[str, Any] | None = None
    of: str = ""
    """Whose contents after the call this is, such as ``conv.weight``; nothing for a result."""


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
    replaced: tuple[str, ...] = ()
    """Parameters of arguments in whose place there is another one after a call, or "whether x is trained"."""


@dataclass
class Twin:
    """What carries over from the reference's observation to the candidate's on the same case."""

    state: Mapping[str, Tensor] = field(default_factory=dict)
    entries: Sequence[Mapping[str, Any]] = ()
    cotangents: tuple[tuple[Tensor | None, ...], ...] = ()
    expected: Any = None
