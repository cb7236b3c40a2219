"""The reference of instance_segmentation/instance_segmenter against NumPy loops, cell by cell."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
NAMES = load(ROOT / "solutions/instance_segmentation/instance_segmenter.py").namespace
InstanceSegmenter, instance_loss = NAMES["InstanceSegmenter"], NAMES["instance_loss"]
mask_loss = load(ROOT / "solutions/instance_segmentation/per_class_mask_loss.py").namespace[
    "per_class_mask_loss"
]


def drawn(seed: int, m: int = 3) -> nn.Module:
    """Return a model with random weights."""
    torch.manual_seed(seed)
    return InstanceSegmenter(feat_ch=4, num_classes=2, width=5, m=m).double()


def numbers(layer: nn.Module) -> tuple[np.ndarray, np.ndarray]:
    """Return weight and bias of a layer."""
    return layer.weight.detach().numpy(), layer.bias.detach().numpy()


@pytest.mark.parametrize("m", [1, 3, 4])
def test_by_cells(m):
    model = drawn(1, m)
    roi = 2 * torch.randn(3, 4, m, m, dtype=torch.float64)
    found = [part.detach().numpy() for part in model(roi)]
    for i in range(3):
        weight, bias = numbers(model.conv)
        padded = np.pad(roi[i].numpy(), ((0, 0), (1, 1), (1, 1)))
        shared = np.zeros((5, m, m))
        for y in range(m):
            for x in range(m):
                shared[:, y, x] = np.maximum(
                    (weight * padded[:, y : y + 3, x : x + 3]).sum((1, 2, 3)) + bias, 0
                )
        weight, bias = numbers(model.cls)
        assert found[0][i] == pytest.approx(weight @ shared.mean((1, 2)) + bias)
        weight, bias = numbers(model.box)
        flat = [shared[c, y, x] for c in range(5) for y in range(m) for x in range(m)]
        assert found[1][i] == pytest.approx(weight @ np.array(flat) + bias)
        up, up_bias = numbers(model.up)
        weight, bias = numbers(model.mask)
        for y in range(2 * m):
            for x in range(2 * m):
                wide = shared[:, y // 2, x // 2] @ up[:, :, y % 2, x % 2] + up_bias
                assert found[2][i, :, y, x] == pytest.approx(weight[:, :, 0, 0] @ np.maximum(wide, 0) + bias)


def sample(seed: int, r: int = 6, k: int = 3, m: int = 2) -> list[torch.Tensor]:
    """Return what the loss takes; the background's targets are NaN."""
    g = torch.Generator().manual_seed(seed)
    shapes = [(r, k + 1), (r, 4 * k), (r, k, 2 * m, 2 * m)]
    outputs = [2 * torch.randn(s, generator=g, dtype=torch.float64) for s in shapes]
    labels = torch.randint(0, k + 1, (r,), generator=g)
    box = torch.randn(r, 4, generator=g, dtype=torch.float64)
    mask = torch.rand(r, 2 * m, 2 * m, generator=g, dtype=torch.float64)
    box[labels == 0], mask[labels == 0] = float("nan"), float("nan")
    return [*outputs, labels, box, mask]


@pytest.mark.parametrize("seed", range(8))
def test_loss_by_numbers(seed):
    logits, deltas, masks, labels, box, mask = (t.numpy() for t in sample(seed))
    cls_terms, box_terms, mask_terms = [], [], []
    for i, label in enumerate(labels):
        cls_terms.append(math.log(sum(math.exp(z) for z in logits[i])) - logits[i, label])
        if label == 0:
            continue
        for c in range(4):
            d = abs(deltas[i, 4 * (label - 1) + c] - box[i, c])
            box_terms.append(0.5 * d**2 if d < 1 else d - 0.5)
        for x, y in zip(masks[i, label - 1].ravel(), mask[i].ravel(), strict=True):
            s = 1 / (1 + math.exp(-x))
            mask_terms.append(-(y * math.log(s) + (1 - y) * math.log(1 - s)))
    wanted = sum(float(np.mean(terms)) for terms in (cls_terms, box_terms, mask_terms) if terms)
    assert instance_loss(*sample(seed)).item() == pytest.approx(wanted)


def test_mask_term_alone():
    logits, deltas, masks, labels, box, mask = sample(3)
    labels = labels.clamp(min=1)
    box, mask = torch.nan_to_num(box), torch.nan_to_num(mask)
    moved = instance_loss(logits, deltas, masks, labels, box, mask)
    moved = moved - instance_loss(logits, deltas, 0 * masks, labels, box, mask) + math.log(2)
    torch.testing.assert_close(moved.float(), mask_loss(masks.float(), labels - 1, mask.float()))


def test_gradient():
    given = sample(5)
    outputs = [t.requires_grad_() for t in given[:3]]
    assert torch.autograd.gradcheck(lambda *o: instance_loss(*o, *given[3:]), outputs)


def test_without_regions():
    parts = drawn(2)(torch.zeros(0, 4, 3, 3, dtype=torch.float64))
    assert [tuple(p.shape) for p in parts] == [(0, 3), (0, 8), (0, 2, 6, 6)]
    loss = instance_loss(*parts, torch.zeros(0).long(), torch.zeros(0, 4), torch.zeros(0, 6, 6))
    loss.backward()
    assert loss.item() == 0


def test_example():
    own = InstanceSegmenter(256, 80, 256, 14)
    assert sum(p.numel() for p in own.parameters()) == 16_950_497
    zeros = torch.zeros(2, 3), torch.zeros(2, 8), torch.zeros(2, 2, 4, 4)
    box = torch.tensor([[2.0, 0, 0, 0], [9, 9, 9, 9]])
    loss = instance_loss(*zeros, torch.tensor([2, 0]), box, torch.rand(2, 4, 4))
    assert loss.item() == pytest.approx(2.167, abs=5e-4)
