"""What crosses between judge and worker arrives as it was, and nothing else crosses."""

from __future__ import annotations

import io
import json
import struct
from typing import Any

import pytest
import torch
from torch import nn

from grader.worker import decoders, wire


def there_and_back(value: Any) -> Any:
    stream = io.BytesIO(wire.encode({"value": value}))
    return wire.decode(stream.read)["value"]


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        3,
        -(2**70),
        1.5,
        float("inf"),
        "text with \ud800",
        [1, [2.0, "x"]],
        (1, (2,)),
        {"a": {1: (2,)}},
        {1, 2},
    ],
)
def test_plain_values(value: Any) -> None:
    found = there_and_back(value)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    "tensor",
    [
        torch.arange(6.0).reshape(2, 3),
        torch.zeros(0, 4),
        torch.tensor(3.5, dtype=torch.float64),
        torch.tensor([True, False]),
        torch.randn(2, 3).bfloat16(),
        torch.randn(2, 3).half(),
        torch.arange(4),
        torch.randn(3, dtype=torch.complex64).conj(),
        torch.randn(3, dtype=torch.complex128),
        torch.randn(3, dtype=torch.complex64).conj().imag,
        torch.tensor([float("nan"), float("-inf"), -0.0]),
    ],
    ids=str,
)
def test_tensors(tensor: torch.Tensor) -> None:
    found = there_and_back(tensor)
    assert found.dtype == tensor.dtype
    assert found.shape == tensor.shape
    assert (
        torch.equal(found.nan_to_num(7), tensor.nan_to_num(7))
        if tensor.is_floating_point()
        else torch.equal(found, tensor)
    )


@pytest.mark.parametrize(
    "tensor",
    [
        torch.arange(6.0).reshape(2, 3).T,
        torch.randn(2, 3, 4, 5).contiguous(memory_format=torch.channels_last),
        torch.arange(10.0)[::2],
        torch.arange(20.0).reshape(4, 5)[:, 1:3],
    ],
    ids=lambda t: str(tuple(t.stride())),
)
def test_memory_layouts_survive(tensor: torch.Tensor) -> None:
    found = there_and_back(tensor)
    assert torch.equal(found, tensor)
    assert found.stride() == tensor.stride()


def test_gradient_flags_survive() -> None:
    assert there_and_back(torch.ones(2, requires_grad=True)).requires_grad
    assert not there_and_back(torch.ones(2)).requires_grad


def test_layers_cross_with_their_weights_and_mode() -> None:
    net = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.Linear(5, 2)
    ).eval()
    found = there_and_back(net)
    assert repr(found) == repr(net)
    assert not found[1].training
    assert all(
        torch.equal(a, b) for a, b in zip(net.state_dict().values(), found.state_dict().values(), strict=True)
    )


def test_toy_decoders_cross_with_their_tables() -> None:
    step = decoders.NextWord(3, 4)
    step.logits, step.moves = torch.randn(3, 4).double(), torch.randint(0, 3, (3, 4))
    found, state = there_and_back(step), step.begin(torch.tensor([2, 0]))
    logits, after = found(torch.tensor([1, 3]), state)
    assert torch.equal(logits, step.logits[torch.stack([step.moves[2, 1], step.moves[0, 3]])])
    again = there_and_back(decoders.PickRows())(after, torch.tensor([1, 1, 0]))
    assert again[0].tolist() == [int(after[0][i]) for i in (1, 1, 0)]
    for tokens in (torch.tensor([1.0, 2.0]), torch.tensor([[1, 2]]), torch.tensor([1]), [1, 2]):
        with pytest.raises(ValueError, match="tokens"):
            found(tokens, state)


def test_what_has_no_form_arrives_as_its_type() -> None:
    class Odd:
        def __repr__(self) -> str:
            raise RuntimeError

    assert there_and_back(Odd()).type_name.endswith("Odd")
    assert there_and_back(object).type_name == "type"
    assert there_and_back(torch.zeros(2, device="meta")) == wire.Elsewhere("meta", (2,), torch.float32)
    assert there_and_back(torch.eye(2).to_sparse()).type_name == "torch.Tensor"
    deep: list[Any] = []
    for _ in range(100):
        deep = [deep]
    there_and_back(deep)


@pytest.mark.parametrize(
    "frame",
    [
        struct.pack("!II", 1 << 31, 0),
        struct.pack("!II", 2, 0) + b"[]",
        struct.pack("!II", 2, 0) + b"{}",
        struct.pack("!II", 9, 0) + b"not json!",
        struct.pack("!II", 2, 4) + b"{}????",
        struct.pack("!II", 0, 0),
    ],
)
def test_a_bad_frame_is_one_kind_of_error(frame: bytes) -> None:
    with pytest.raises(wire.WireError):
        wire.decode(io.BytesIO(frame).read)


@pytest.mark.parametrize("layer", ["Module", "System", "__class__", "Upsample"])
def test_only_listed_layers_are_built(layer: str) -> None:
    head = json.dumps({"d": [["value", {"m": layer, "c": {}, "k": [], "w": {}, "b": True}]]}).encode()
    with pytest.raises(wire.WireError):
        wire.decode(io.BytesIO(struct.pack("!II", len(head), 0) + head).read)
