"""Where drawn values come from: a seed when checking, Hypothesis when a failure is being made small.

Both sides offer the same few draws, so that an input is written once. Values lie on a binary grid: they
are the same number in float32 and float64, and ties happen only where they are asked for.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from math import prod
from typing import Any, TypeVar

import torch
from torch import Tensor

T = TypeVar("T")
_FINE = 1024
_COARSE = 4
_SINGLY = 32
"""Tensors of up to this many cells are shrunk cell by cell."""


class Source:
    """Seeded draws, the same everywhere and every time."""

    def __init__(self, seed: int, *, regime: str = "generic") -> None:
        self.regime = regime
        self._random = random.Random(seed)
        self._generator = torch.Generator().manual_seed(seed)

    def integer(self, low: int, high: int) -> int:
        """Return an int in [low, high]."""
        return self._random.randint(low, high)

    def choice(self, options: Sequence[T]) -> T:
        """Return one of the options."""
        return self._random.choice(list(options))

    def numbers(self, shape: tuple[int, ...], low: float, high: float) -> Tensor:
        """Return float64 numbers between low and high, hardly ever equal."""
        return self.integers(shape, int(low * _FINE), int(high * _FINE)).double() / _FINE

    def coarse(self, shape: tuple[int, ...], low: float, high: float) -> Tensor:
        """Return float64 quarters between low and high, often equal."""
        return self.integers(shape, int(low * _COARSE), int(high * _COARSE)).double() / _COARSE

    def normal(self, shape: tuple[int, ...], scale: float = 1.0) -> Tensor:
        """Return float64 normal numbers on the grid."""
        drawn = torch.randn(shape, generator=self._generator, dtype=torch.float64) * scale
        return (drawn * _FINE).round() / _FINE

    def integers(self, shape: tuple[int, ...], low: int, high: int) -> Tensor:
        """Return int64 numbers in [low, high]."""
        return torch.randint(low, high + 1, shape, generator=self._generator)

    def flags(self, shape: tuple[int, ...], share: float = 0.5) -> Tensor:
        """Return booleans, True for about the given share."""
        return torch.rand(shape, generator=self._generator) < share

    def permutation(self, n: int) -> Tensor:
        """Return a permutation of range(n)."""
        return torch.randperm(n, generator=self._generator)


class Shrinking(Source):
    """The same draws through Hypothesis, which makes them small; large tensors come from a fixed seed."""

    def __init__(self, draw: Callable[[Any], Any], *, seed: int, regime: str = "generic") -> None:
        super().__init__(seed, regime=regime)
        self._draw = draw

    def integer(self, low: int, high: int) -> int:
        """Return an int in [low, high], the smaller the better."""
        from hypothesis import strategies as st

        return int(self._draw(st.integers(low, high)))

    def choice(self, options: Sequence[T]) -> T:
        """Return one of the options, the earlier the better."""
        from hypothesis import strategies as st

        return self._draw(st.sampled_from(list(options)))

    def numbers(self, shape: tuple[int, ...], low: float, high: float) -> Tensor:
        """Return quarters for a small tensor and grid numbers for a large one."""
        if (
            prod(shape) > _SINGLY
            or int(low * _COARSE) < low * _COARSE
            or int(high * _COARSE) == int(low * _COARSE)
        ):
            return super().numbers(shape, low, high)
        return self.coarse(shape, low, high)

    def normal(self, shape: tuple[int, ...], scale: float = 1.0) -> Tensor:
        """Return quarters within three standard deviations."""
        if prod(shape) > _SINGLY:
            return super().normal(shape, scale)
        return self.coarse(shape, -3 * max(scale, 1 / 12), 3 * max(scale, 1 / 12))

    def integers(self, shape: tuple[int, ...], low: int, high: int) -> Tensor:
        """Return int64 numbers, each drawn singly when there are few."""
        if prod(shape) > _SINGLY:
            return super().integers(shape, low, high)
        from hypothesis import strategies as st

        middle = min(max(0, low), high)
        one = st.integers(low - middle, high - middle).map(lambda n: n + middle)
        cells = self._draw(st.lists(one, min_size=prod(shape), max_size=prod(shape)))
        return torch.tensor(cells, dtype=torch.int64).reshape(shape)

    def flags(self, shape: tuple[int, ...], share: float = 0.5) -> Tensor:
        """Return booleans, each drawn singly when there are few."""
        if prod(shape) > _SINGLY:
            return super().flags(shape, share)
        return self.integers(shape, 0, 1).bool()
