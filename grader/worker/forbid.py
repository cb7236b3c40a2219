"""Calls that a kata rules out are trapped while the code runs, whatever they are called in the source."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

_HOMES = ("torch", "torch.Tensor", "torch.nn.functional", "torch.special", "torch.linalg", "torch.fft")


class Forbidden(RuntimeError):
    """A ruled-out call was made."""

    def __init__(self, name: str) -> None:
        super().__init__(f"calls {name}, which this kata asks you to write yourself")
        self.name = name


class _Trap(TorchFunctionMode):
    def __init__(self, names: dict[Callable[..., Any], str]) -> None:
        super().__init__()
        self.names = names

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        if (name := self.names.get(func)) is not None:
            raise Forbidden(name)
        return func(*args, **(kwargs or {}))


def forbidding(names: Sequence[str]) -> contextlib.AbstractContextManager[Any]:
    """Return a context in which the named torch functions raise ``Forbidden``."""
    return _Trap(_functions(tuple(names))) if names else contextlib.nullcontext()


def _functions(names: Sequence[str]) -> dict[Callable[..., Any], str]:
    """Resolve plain names (``softmax``) to every torch function, method and functional of that name."""
    return {function: name for name in names for function in _namesakes(name)}


def _namesakes(name: str) -> Iterator[Callable[..., Any]]:
    for home in _HOMES:
        place: Any = torch
        for part in home.split(".")[1:]:
            place = getattr(place, part)
        function = getattr(place, name, None)
        if callable(function):
            yield function
