"""Pretends that the inputs live on another device, to find code that only works on the CPU.

No such device is needed: tensors that the code makes without saying where are marked, the mark is carried
through every operation, and an operation that would have met two devices raises.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._device import _device_constructors

_MARK = "_made_on_default_device"
_MAY_MIX = {"__getitem__", "__setitem__", "copy_", "to", "type_as", "set_", "is_same_size", "__len__"}


class Stray(RuntimeError):
    """A tensor on the default device met one on the inputs' device, or was returned."""


class Elsewhere(TorchFunctionMode):
    """While active, tensors made without a device count as being on another one than the inputs."""

    def __init__(self) -> None:
        super().__init__()
        self._makers = _device_constructors()

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func in self._makers:
            device = kwargs.get("device")
            made = func(*args, **kwargs)
            if (device is None or isinstance(device, str)) and not _adopts(func, args):
                _mark(made)
            return made
        name = getattr(func, "__name__", "")
        given = list(_tensors((args, kwargs)))
        strays = [t for t in given if is_stray(t)]
        if strays and name not in _MAY_MIX and any(t.dim() for t in strays):
            home = [t for t in given if not is_stray(t)]
            if any(t.dim() for t in home):
                raise Stray("a tensor made on the CPU meets one on the inputs' device")
        result = func(*args, **kwargs)
        if name == "to" and strays and _named_device(args, kwargs):
            return result.clone()  # moved: another tensor, without the mark
        if strays and len(strays) == len(given):
            _mark(result)
        return result


def is_stray(value: Any) -> bool:
    """Whether a tensor was made on the default device while the inputs were elsewhere."""
    return isinstance(value, Tensor) and bool(getattr(value, _MARK, False))


def refuse_stray(value: Any) -> None:
    """Raise when a result, or a part of it, would have been on the default device."""
    if any(is_stray(t) and t.dim() for t in _tensors(value)):
        raise Stray("the result is on the CPU")


def _adopts(func: Callable[..., Any], args: tuple) -> bool:
    """``torch.tensor(x)`` and the like of an existing tensor stay where that is."""
    return func in (torch.tensor, torch.as_tensor) and any(True for _ in _tensors(args))


def _named_device(args: tuple, kwargs: dict) -> bool:
    given = [*args[1:], *kwargs.values()]
    return any(isinstance(v, (torch.device, Tensor)) for v in given)


def _mark(value: Any) -> None:
    for tensor in _tensors(value):
        setattr(tensor, _MARK, True)


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _tensors(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _tensors(item)
