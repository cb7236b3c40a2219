"""The reference of semantic_segmentation/seg_cross_entropy against torch's own loss."""

import math
from pathlib import Path

import pytest
import torch
from torch import nn

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
seg_cross_entropy = load(ROOT / "solutions/semantic_segmentation/seg_cross_entropy.py").namespace[
    "seg_cross_entropy"
]


def drawn(seed: int, scale: float = 1.0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return logits, a target with 255 in it and at least one labelled pixel, and weights."""
    g = torch.Generator().manual_seed(seed)
    k = seed % 4 + 2
    logits = scale * torch.randn(2, k, 4, 5, generator=g, dtype=torch.float64)
    target = torch.randint(0, k, (2, 4, 5), generator=g)
    target[torch.rand(2, 4, 5, generator=g) < 0.4] = 255
    target[0, 0, 0] = 0
    return logits, target, torch.rand(k, generator=g, dtype=torch.float64) + 0.01


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("ignore_index", [255, -100, 1])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("scale", [1.0, 400.0])
def test_agrees_with_torch(seed, ignore_index, weighted, scale):
    logits, target, weight = drawn(seed, scale)
    target = target.where(target != 255, ignore_index)
    weight = weight if weighted else None
    logits.requires_grad_(True)
    found = seg_cross_entropy(logits, target, weight, ignore_index)
    wanted = nn.CrossEntropyLoss(weight=weight, ignore_index=ignore_index)(logits, target)
    torch.testing.assert_close(found, wanted)
    grads = [torch.autograd.grad(loss, logits)[0] for loss in (found, wanted)]
    torch.testing.assert_close(*grads)


@pytest.mark.parametrize("weight", [None, torch.tensor([0.0, 3.0]).double()])
def test_nothing_counts(weight):
    logits = torch.randn(1, 2, 3, 3, dtype=torch.float64, requires_grad=True)
    target = torch.full((1, 3, 3), 255)
    if weight is not None:
        target[0, 0] = 0
    loss = seg_cross_entropy(logits, target, weight)
    loss.backward()
    assert loss.item() == 0
    assert not logits.grad.any()


def test_example():
    logits = torch.tensor([[0, 0], [0, math.log(3)], [5, 1]]).T.reshape(1, 2, 1, 3)
    target = torch.tensor([[[0, 1, 255]]])
    assert seg_cross_entropy(logits, target).item() == pytest.approx(0.490, abs=5e-4)
    weighted = seg_cross_entropy(logits, target, torch.tensor([1.0, 3.0]))
    assert weighted.item() == pytest.approx(0.389, abs=5e-4)
