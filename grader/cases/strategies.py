"""What inputs look like: boxes, logits, labels, images, modules.

A maker is a function ``(source, spec, drawn) -> value``: ``source`` gives numbers, ``spec`` the shape that
the signature asks for and the sizes of all axes, ``drawn`` the arguments drawn before it. A maker that
knows special regimes (ties, degenerate boxes, large magnitudes) names them with ``@regimes``; the
engine then draws cases in each of them. Floats are drawn in float64 and converted by the engine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from grader.cases.draws import Source
from grader.worker.decoders import NextWord, PickRows


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the signature asks of one argument."""

    shape: tuple[int, ...]
    sizes: Mapping[str, int]


Maker = Callable[[Source, Wanted, Mapping[str, Any]], Any]
F = TypeVar("F", bound=Callable[..., Any])


def regimes(*names: str) -> Callable[[F], F]:
    """Name the special regimes a maker knows."""

    def mark(maker: F) -> F:
        maker.regimes = names  # type: ignore[attr-defined]
        return maker

    return mark


@regimes("touching", "degenerate", "nested", "repeated", "small")
def boxes(source: Source, wanted: Wanted, drawn: Mapping[str, Any]) -> Tensor:
    """Boxes (x1, y1, x2, y2) of 1 to 24 pixels in a 40 pixel square; many overlap, some do not."""
    n = wanted.shape[0]
    if source.regime in ("touching", "repeated"):
        start, extent = source.integers((n, 2), 0, 3) * 2, source.integers((n, 2), 1, 2) * 2
        start, extent = start.double(), extent.double()
    elif source.regime == "small":
        # Unions below one, and yet large beside any constant that keeps a division safe.
        start, extent = source.numbers((n, 2), 0, 0.5), source.numbers((n, 2), 0.5, 0.875)
    else:
        start, extent = source.numbers((n, 2), 0, 16), source.numbers((n, 2), 1, 24)
    if source.regime == "degenerate":
        extent = torch.where(source.flags((n, 2), 0.5), torch.zeros(()).double(), extent)
    if source.regime == "nested":
        start = start[:1].expand(n, 2).clone() - torch.arange(n).double()[:, None]
        extent = extent[:1].expand(n, 2) + 2 * torch.arange(n).double()[:, None]
    found = torch.cat([start, start + extent], dim=-1)
    return found[source.integers((n,), 0, 1)] if source.regime == "repeated" and n > 1 else found


@regimes("tied", "large")
def logits(source: Source, wanted: Wanted, drawn: Mapping[str, Any]) -> Tensor:
    """Scores before softmax or sigmoid; ties and exact zeros in one regime, hundreds in another."""
    if source.regime == "tied":
        return source.integers(wanted.shape, -1, 1).double()
    return source.normal(wanted.shape, 300.0 if source.regime == "large" else 2.0)


def normal(source: Source, wanted: Wanted, drawn: Mapping[str, Any]) -> Tensor:
    """Normal numbers: features, offsets, anything without bounds."""
    return source.normal(wanted.shape)


def unit(source: Source, wanted: Wanted, drawn: Mapping[str, Any]) -> Tensor:
    """Numbers strictly between 0 and 1."""
    return source.numbers(wanted.shape, 1 / 64, 63 / 64)


def positive(source: Source, wanted: Wanted, drawn: Mapping[str, Any]) -> Tensor:
    """Numbers between 1/4 and 8."""
    return source.numbers(wanted.shape, 0.25, 8.0)


images = unit
"""Images in [0, 1]."""


def flags(source: Source, wanted: Wanted, drawn: Mapping[str, Any]) -> Tensor:
    """Booleans, half of them True."""
    return source.flags(wanted.shape)


def between(low: float, high: float) -> Maker:
    """Return a maker of tensors, or of floats where a bare number is asked for, within bounds."""

    def make(source: Source, wanted: Wanted, drawn: Mapping[str, Any]) -> Any:
        return source.numbers(wanted.shape, low, high)

    return make


def number(low: float, high: float) -> Maker:
    """Return a maker of Python floats on a grid of 1/1024."""

    def make(source: Source, wanted: Wanted, drawn: Mapping[str, Any]) -> float:
        return float(source.numbers((), low, high))

    return make


def whole(low: int, high: int) -> Maker:
    """Return a maker of Python ints."""

    def make(source: Source, wanted: Wanted, drawn: Mapping[str, Any]) -> int:
        return source.integer(low, high)

    return make


def one_of(*options: Any) -> Maker:
    """Return a maker that chooses one of the options; the engine sees to it that each has its turn."""

    def make(source: Source, wanted: Wanted, drawn: Mapping[str, Any]) -> Any:
        return source.choice(options)

    make.options = options  # type: ignore[attr-defined]
    return make


def size(axis: str, *, plus: int = 0) -> Maker:
    """Return a maker that gives the size of an axis as an int."""

    def make(source: Source, wanted: Wanted, drawn: Mapping[str, Any]) -> int:
        return wanted.sizes[axis] + plus

    return make


def labels(axis: str, *, low: int = 0, plus: int = 0) -> Maker:
    """Return a maker of class indices from ``low`` to the axis's size plus ``plus``, exclusive.

    In the regime ``absent`` one class never occurs, in ``single`` only one does.
    """

    @regimes("absent", "single")
    def make(source: Source, wanted: Wanted, drawn: Mapping[str, Any]) -> Tensor:
        top = wanted.sizes[axis] + plus - 1
        found = source.integers(wanted.shape, low, max(top, low))
        if source.regime == "single":
            return torch.full_like(found, source.integer(low, max(top, low)))
        if source.regime == "absent" and top > low:
            gone = source.integer(low, top)
            other = low if gone != low else top
            return torch.where(found == gone, other, found)
        return found

    return make


@regimes("tied", "sure")
def probabilities(source: Source, wanted: Wanted, drawn: Mapping[str, Any]) -> Tensor:
    """Rows that sum to one; ``tied`` rows hold quarters, ``sure`` rows are one-hot for the most part."""
    rows, k = wanted.shape[:-1], wanted.shape[-1]
    if source.regime == "sure":
        return torch.nn.functional.one_hot(source.integers(rows, 0, k - 1), k).double()
    if source.regime == "tied":
        picks = source.integers((*rows, 4), 0, k - 1)
        return torch.nn.functional.one_hot(picks, k).double().sum(-2) / 4
    return torch.softmax(source.normal(wanted.shape, 2.0), dim=-1)


def optional(maker: Maker) -> Maker:
    """Return a maker that gives None about one time in three."""

    def make(source: Source, wanted: Wanted, drawn: Mapping[str, Any]) -> Any:
        return None if source.integer(0, 2) == 0 else maker(source, wanted, drawn)

    make.regimes = getattr(maker, "regimes", ())  # type: ignore[attr-defined]
    return make


def just(value: Any) -> Maker:
    """Return a maker of one value."""
    return lambda source, wanted, drawn: value


def several(maker: Maker, low: int, high: int, *, kind: type = list) -> Maker:
    """Return a maker of a list (or tuple) of values, each from ``maker``."""

    def make(source: Source, wanted: Wanted, drawn: Mapping[str, Any]) -> Any:
        return kind(maker(source, wanted, drawn) for _ in range(source.integer(low, high)))

    return make


def backbone(out: str, *, channels: int = 3, stride: int = 2) -> Maker:
    """Return a maker of a small feature extractor (convolution, batch norm, tanh) with ``out`` channels."""

    def make(source: Source, wanted: Wanted, drawn: Mapping[str, Any]) -> nn.Module:
        width = wanted.sizes[out]
        net = nn.Sequential(
            nn.Conv2d(channels, width, 3, stride=stride, padding=1), nn.BatchNorm2d(width), nn.Tanh()
        )
        return randomised(net, source)

    return make


def linear(inputs: str, outputs: str) -> Maker:
    """Return a maker of an ``nn.Linear`` between two axes."""

    def make(source: Source, wanted: Wanted, drawn: Mapping[str, Any]) -> nn.Module:
        return randomised(nn.Linear(wanted.sizes[inputs], wanted.sizes[outputs]), source)

    return make


def decoder(places: int, *, vocab: str) -> Maker:
    """Return a maker of a toy decoder: a ``NextWord`` over an axis's words, its tables drawn."""

    def make(source: Source, wanted: Wanted, drawn: Mapping[str, Any]) -> nn.Module:
        words = wanted.sizes[vocab]
        made = NextWord(places, words)
        made.logits = source.normal((places, words), 1.5)
        made.moves = source.integers((places, words), 0, places - 1)
        return made

    return make


def reordering(source: Source, wanted: Wanted, drawn: Mapping[str, Any]) -> nn.Module:
    """What picks, repeats and drops rows of a toy decoder's state."""
    return PickRows()


def randomised(module: nn.Module, source: Source) -> nn.Module:
    """Give every parameter and floating buffer random values, none of them zero, one, or tied."""
    with torch.no_grad():
        for name, tensor in [*module.named_parameters(), *module.named_buffers()]:
            if not tensor.is_floating_point():
                continue
            shape = tuple(tensor.shape)
            fan = max(tensor[0].numel(), 1) if tensor.dim() > 1 else 1
            spread = Source.normal(source, shape, 1.0)
            positive_only = "var" in name.rsplit(".", 1)[-1]
            tensor.copy_(
                spread.abs() + 0.5 if positive_only else spread / fan**0.5 + (0.3 if fan == 1 else 0)
            )
    return module


def draw(maker: Maker | Sequence[Any], source: Source, wanted: Wanted, drawn: Mapping[str, Any]) -> Any:
    """Draw one argument; a plain list or tuple of options is a choice."""
    return maker(source, wanted, drawn) if callable(maker) else source.choice(maker)
