"""The reference of instance_segmentation/per_class_mask_loss against NumPy and torch's own."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
loss_of = load(ROOT / "solutions/instance_segmentation/per_class_mask_loss.py").namespace[
    "per_class_mask_loss"
]


def drawn(seed: int, r: int = 4, k: int = 3, m: int = 5) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return logits, labels and masks with fractions."""
    g = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(r, k, m, m, generator=g, dtype=torch.float64)
    gt = torch.rand(r, m, m, generator=g, dtype=torch.float64)
    return logits, torch.randint(0, k, (r,), generator=g), gt.where(gt < 0.5, gt.round())


@pytest.mark.parametrize("seed", range(10))
def test_numpy_place_by_place(seed):
    logits, labels, gt = drawn(seed)
    terms = []
    for (r, i, j), y in np.ndenumerate(gt.numpy()):
        x = float(logits[r, labels[r], i, j])
        s = 1 / (1 + math.exp(-x))
        terms.append(-(y * math.log(s) + (1 - y) * math.log(1 - s)))
    assert float(loss_of(logits, labels, gt)) == pytest.approx(np.mean(terms))


@pytest.mark.parametrize("seed", range(5))
def test_two_class_cross_entropy(seed):
    """The sigmoid of x is the softmax of (0, x)."""
    logits, labels, gt = drawn(seed)
    x = torch.stack([logits[r, k] for r, k in enumerate(labels)])
    both = torch.stack([torch.zeros_like(x), x], dim=1)
    target = torch.stack([1 - gt, gt], dim=1)
    torch.testing.assert_close(loss_of(logits, labels, gt), nn.CrossEntropyLoss()(both, target))


def test_gradients():
    logits, labels, gt = drawn(3)
    logits.requires_grad_(True)
    assert torch.autograd.gradcheck(lambda z: loss_of(z, labels, gt), (logits,))
    loss_of(logits, labels, gt).backward()
    for r, k in enumerate(labels.tolist()):
        wanted = (logits[r, k].detach().sigmoid() - gt[r]) / gt.numel()
        torch.testing.assert_close(logits.grad[r, k], wanted)
        assert not logits.grad[r, [c for c in range(3) if c != k]].any()


def test_large_logits():
    logits = torch.tensor([500.0, -800.0]).reshape(1, 1, 1, 2).expand(1, 1, 2, 2)
    gt = torch.tensor([[[0.0, 1.0], [1.0, 0.0]]])
    assert float(loss_of(logits, torch.tensor([0]), gt)) == pytest.approx((500 + 800) / 4)


def test_no_regions():
    logits = torch.zeros(0, 3, 4, 4, requires_grad=True)
    loss = loss_of(logits, torch.zeros(0, dtype=torch.int64), torch.zeros(0, 4, 4))
    assert loss.item() == 0
    loss.backward()
    assert logits.grad.shape == (0, 3, 4, 4)


def test_example():
    logits = torch.tensor([5.0, 0.0]).reshape(1, 2, 1, 1)
    found = loss_of(logits, torch.tensor([1]), torch.ones(1, 1, 1))
    assert float(found) == pytest.approx(0.6931, abs=5e-5)
