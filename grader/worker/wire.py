"""What crosses between judge and worker: length-prefixed frames of JSON and safetensors bytes.

No pickle and no shared object, so neither side can run code on the other. A value becomes a small JSON
tree in which every tensor is a number; the tensors travel behind it. Standard torch.nn layers, and the toy
decoders, travel as their configuration and weights; anything else arrives as an ``Opaque`` that only tells
its type.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn

from grader.worker import decoders

_HEADER = struct.Struct("!II")
MAX_HEAD = 64 << 20
MAX_BODY = 512 << 20
_MAX_DEPTH = 24
_MAX_ITEMS = 200_000

LAYERS: dict[str, tuple[str, ...]] = {
    "Conv1d": ("in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation", "groups"),
    "Conv2d": ("in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation", "groups"),
    "ConvTranspose2d": (
        *("in_channels", "out_channels", "kernel_size", "stride"),
        *("padding", "output_padding", "groups", "dilation"),
    ),
    "Linear": ("in_features", "out_features"),
    "BatchNorm1d": ("num_features", "eps", "momentum", "affine", "track_running_stats"),
    "BatchNorm2d": ("num_features", "eps", "momentum", "affine", "track_running_stats"),
    "GroupNorm": ("num_groups", "num_channels", "eps", "affine"),
    "LayerNorm": ("normalized_shape", "eps", "elementwise_affine"),
    "Embedding": ("num_embeddings", "embedding_dim"),
    "ReLU": (),
    "GELU": (),
    "SiLU": (),
    "Tanh": (),
    "Sigmoid": (),
    "Softplus": ("beta", "threshold"),
    "LeakyReLU": ("negative_slope",),
    "Identity": (),
    "Flatten": ("start_dim", "end_dim"),
    "MaxPool2d": ("kernel_size", "stride", "padding"),
    "AvgPool2d": ("kernel_size", "stride", "padding"),
    "AdaptiveAvgPool2d": ("output_size",),
    "Dropout": ("p",),
    "Sequential": (),
    "NextWord": ("places", "vocab"),
    "PickRows": (),
}
"""The modules that may cross, each with the constructor arguments it keeps as attributes."""
_CLASSES = {name: getattr(nn, name, None) or getattr(decoders, name) for name in LAYERS}


class WireError(ValueError):
    """A frame or a value that the wire does not carry."""


@dataclass(frozen=True, slots=True)
class Handle:
    """Something that lives in the worker and is referred to by number."""

    number: int
    type_name: str = ""


@dataclass(frozen=True, slots=True)
class Opaque:
    """A value of a type that does not cross; only its type and the start of its repr do."""

    type_name: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A tensor that is not on the CPU: its contents stay where they are."""

    device: str
    shape: tuple[int, ...]
    dtype: torch.dtype


@dataclass(frozen=True, slots=True)
class Stream:
    """An argument that the callee receives as a one-pass iterator."""

    items: tuple[Any, ...]


class _Packer:
    def __init__(self, keep: Callable[[object], Handle] | None) -> None:
        self.tensors: dict[str, Tensor] = {}
        self.keep = keep
        self.items = 0
        self.bytes = 0

    def pack(self, value: Any, depth: int = 0) -> Any:
        self.items += 1
        if depth > _MAX_DEPTH or self.items > _MAX_ITEMS:
            return {"o": [_name(value), "nested too deeply or too large"]}
        if value is None or type(value) in (bool, int, str):
            return value
        if isinstance(value, float):
            return float(value)
        if isinstance(value, Tensor):
            return self._tensor(value)
        if isinstance(value, (list, tuple, set, frozenset)):
            tag = "l" if isinstance(value, list) else "t" if isinstance(value, tuple) else "s"
            return {tag: [self.pack(item, depth + 1) for item in value]}
        if isinstance(value, dict):
            pairs = [[self.pack(k, depth + 1), self.pack(v, depth + 1)] for k, v in value.items()]
            return {"d": pairs}
        return self._other(value, depth)

    def _other(self, value: Any, depth: int) -> Any:
        if type(value).__module__ == "numpy" and getattr(value, "ndim", None) == 0:
            # A number of NumPy's is a number.
            return self.pack(value.item(), depth + 1)
        if isinstance(value, Stream):
            return {"i": [self.pack(item, depth + 1) for item in value.items]}
        if isinstance(value, Handle):
            return {"h": [value.number, value.type_name]}
        if isinstance(value, Opaque):
            return {"o": [value.type_name, value.text]}
        if isinstance(value, Elsewhere):
            return {"e": [value.device, list(value.shape), _dtype_name(value.dtype)]}
        if isinstance(value, torch.dtype):
            return {"y": _dtype_name(value)}
        if isinstance(value, nn.Module) and _standard(value):
            return self._layer(value, depth)
        if self.keep is not None and isinstance(value, nn.Module):
            handle = self.keep(value)
            return {"h": [handle.number, handle.type_name]}
        return {"o": [_name(value), _short(value)]}

    def _tensor(self, value: Tensor) -> Any:
        if value.layout is not torch.strided or value.is_quantized:
            return {"o": ["torch.Tensor", f"layout {value.layout}"]}
        if value.device.type != "cpu":
            return {"e": [value.device.type, list(value.shape), _dtype_name(value.dtype)]}
        self.bytes += value.numel() * value.element_size()
        if self.bytes > MAX_BODY:
            raise WireError(f"tensors of more than {MAX_BODY >> 20} MB")
        key = str(len(self.tensors))
        plain = value.detach().resolve_conj().resolve_neg()
        packed: dict[str, Any] = {"T": key}
        if plain.is_complex():
            packed["z"] = True
            plain = torch.view_as_real(plain)
        elif not plain.is_contiguous() and _dense_enough(plain):
            packed["st"] = list(plain.stride())
        if value.requires_grad:
            packed["g"] = True
        self.tensors[key] = plain.contiguous().clone()
        return packed

    def _layer(self, value: nn.Module, depth: int) -> Any:
        config = {name: self.pack(getattr(value, name), depth + 1) for name in LAYERS[type(value).__name__]}
        if isinstance(value, (nn.Conv1d, nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
            config["bias"] = value.bias is not None
        own = {**dict(value.named_parameters(recurse=False)), **dict(value.named_buffers(recurse=False))}
        return {
            "m": type(value).__name__,
            "c": config,
            "k": [self.pack(child, depth + 1) for child in value.children()],
            "w": {name: self._tensor(tensor) for name, tensor in own.items()},
            "b": value.training,
        }


def pack(value: Any, *, keep: Callable[[object], Handle] | None = None) -> tuple[Any, dict[str, Tensor]]:
    """Turn a value into a JSON tree and the tensors it names; ``keep`` takes in modules that cannot cross."""
    packer = _Packer(keep)
    return packer.pack(value), packer.tensors


def unpack(tree: Any, tensors: dict[str, Tensor]) -> Any:
    """Turn a JSON tree and its tensors back into a value; every tensor is a fresh copy."""
    if tree is None or isinstance(tree, (bool, int, float, str)):
        return tree
    if not isinstance(tree, dict) or not tree:
        raise WireError("a value arrived in a form the wire does not know")
    for tag, build in _BUILDERS.items():
        if tag in tree:
            return build(tree, tensors)
    raise WireError("a value arrived with a tag the wire does not know")


def _many(tag: str) -> Callable[[dict, dict], Iterator[Any]]:
    return lambda tree, tensors: (unpack(item, tensors) for item in tree[tag])


def _build_tensor(tree: dict, tensors: dict[str, Tensor]) -> Tensor:
    stored = tensors[tree["T"]]
    value = torch.view_as_complex(stored.clone()) if tree.get("z") else stored.clone()
    if (strides := tree.get("st")) is not None:
        value = _with_strides(stored, strides)
    return value.requires_grad_(True) if tree.get("g") and value.is_floating_point() else value


def _with_strides(stored: Tensor, strides: list[int]) -> Tensor:
    room = 1 + sum((n - 1) * s for n, s in zip(stored.shape, strides, strict=True))
    if room > 16 * stored.numel():
        raise WireError("strides with more room than data")
    return stored.new_zeros(room).as_strided(stored.shape, strides).copy_(stored)


def _build_layer(tree: dict, tensors: dict[str, Tensor]) -> nn.Module:
    if tree["m"] not in LAYERS:
        raise WireError(f"no layer called {tree['m']} may cross")
    config = {name: unpack(item, tensors) for name, item in tree["c"].items()}
    children = [unpack(child, tensors) for child in tree["k"]]
    layer = _CLASSES[tree["m"]](*children, **config)
    own = {**dict(layer.named_parameters(recurse=False)), **dict(layer.named_buffers(recurse=False))}
    for name, packed in tree["w"].items():
        own[name].data = unpack({**packed, "g": False}, tensors)
        if isinstance(own[name], nn.Parameter):
            own[name].requires_grad_(bool(packed.get("g")))
    return layer.train(bool(tree["b"]))


_BUILDERS: dict[str, Callable[[dict, dict[str, Tensor]], Any]] = {
    "T": _build_tensor,
    "l": lambda tree, tensors: list(_many("l")(tree, tensors)),
    "t": lambda tree, tensors: tuple(_many("t")(tree, tensors)),
    "s": lambda tree, tensors: set(_many("s")(tree, tensors)),
    "d": lambda tree, tensors: {unpack(k, tensors): unpack(v, tensors) for k, v in tree["d"]},
    "i": lambda tree, tensors: Stream(tuple(_many("i")(tree, tensors))),
    "h": lambda tree, tensors: Handle(int(tree["h"][0]), str(tree["h"][1])),
    "o": lambda tree, tensors: Opaque(str(tree["o"][0]), str(tree["o"][1])),
    "e": lambda tree, tensors: Elsewhere(str(tree["e"][0]), tuple(tree["e"][1]), _dtype(tree["e"][2])),
    "y": lambda tree, tensors: _dtype(tree["y"]),
    "m": _build_layer,
}


def encode(message: dict[str, Any], *, keep: Callable[[object], Handle] | None = None) -> bytes:
    """Return one frame: two lengths, the JSON head, the tensors."""
    tree, tensors = pack(message, keep=keep)
    head = json.dumps(tree).encode("utf-8", "surrogatepass")
    body = safetensors.torch.save(tensors) if tensors else b""
    return _HEADER.pack(len(head), len(body)) + head + body


def decode(read: Callable[[int], bytes]) -> dict[str, Any]:
    """Read one frame through ``read(n)``, which returns exactly n bytes or raises EOFError."""
    head_size, body_size = _HEADER.unpack(read(_HEADER.size))
    if head_size > MAX_HEAD or body_size > MAX_BODY:
        raise WireError("a frame larger than the wire allows")
    head, body = read(head_size), read(body_size)
    try:
        tensors = safetensors.torch.load(bytes(body)) if body else {}
        message = unpack(json.loads(head.decode("utf-8", "surrogatepass")), tensors)
    except Exception as bad:
        raise WireError(f"a frame that cannot be read: {bad}") from None
    if not isinstance(message, dict):
        raise WireError("a frame that holds no message")
    return message


def _standard(value: nn.Module) -> bool:
    return type(value) is _CLASSES.get(type(value).__name__)


def _dense_enough(value: Tensor) -> bool:
    """Whether the strides can be rebuilt: no overlap, and not much more room than the data."""
    if 0 in value.stride() or value.numel() == 0:
        return False
    room = 1 + sum((n - 1) * s for n, s in zip(value.shape, value.stride(), strict=True))
    return value.numel() <= room <= 16 * value.numel()


def _dtype_name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _dtype(name: str) -> torch.dtype:
    dtype = getattr(torch, name, None)
    if not isinstance(dtype, torch.dtype):
        raise WireError(f"no dtype called {name}")
    return dtype


def _name(value: object) -> str:
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _short(value: object) -> str:
    try:
        return repr(value)[:200]
    except BaseException:
        return ""
