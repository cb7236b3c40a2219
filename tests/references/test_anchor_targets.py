"""The reference of trajectory_prediction/anchor_targets against SciPy's distances and exact brute force."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
anchor_targets = load(ROOT / "solutions/trajectory_prediction/anchor_targets.py").namespace["anchor_targets"]


def brute(anchors, gt):
    found = []
    for path in gt.tolist():
        ades = [sum(map(math.dist, anchor, path)) / len(path) for anchor in anchors.tolist()]
        found.append(ades.index(min(ades)))
    return found


@pytest.mark.parametrize("t", [1, 2, 12])
@pytest.mark.parametrize("seed", range(4))
def test_brute(t, seed):
    g = torch.Generator().manual_seed(seed)
    anchors, gt = (torch.randn(n, t, 2, generator=g).double().cumsum(1) for n in (7, 20))
    idx, offset = anchor_targets(anchors, gt)
    assert idx.tolist() == brute(anchors, gt)
    assert torch.equal(offset, torch.stack([p - anchors[i] for p, i in zip(gt, idx, strict=True)]))


def test_scipy():
    distance = pytest.importorskip("scipy.spatial.distance")
    g = torch.Generator().manual_seed(9)
    anchors, gt = (torch.randn(n, 6, 2, generator=g).double() for n in (5, 30))
    ade = sum(distance.cdist(gt[:, i], anchors[:, i]) for i in range(6))
    assert anchor_targets(anchors, gt)[0].tolist() == np.argmin(ade, axis=1).tolist()


@pytest.mark.parametrize("seed", range(4))
def test_ties(seed):
    """Along one axis all distances are whole numbers, and exactly equal often."""
    g = torch.Generator().manual_seed(seed)
    anchors, gt = (torch.randint(0, 3, (n, 3, 2), generator=g).double() for n in (9, 20))
    anchors[..., 1] = gt[..., 1] = 0
    assert anchor_targets(anchors, gt)[0].tolist() == brute(anchors, gt)


def test_example_and_empty():
    anchors = torch.tensor([[[1.0, 0], [2, 0], [3, 0]], [[1, 3], [2, 3], [3, 3]]])
    idx, offset = anchor_targets(anchors, torch.tensor([[[1.0, 0], [2, 0], [3, 3]]]))
    assert (idx.tolist(), offset.tolist()) == ([0], [[[0, 0], [0, 0], [0, 3]]])
    idx, offset = anchor_targets(anchors, torch.zeros(0, 3, 2))
    assert (idx.dtype, idx.shape) == (torch.int64, (0,))
    assert offset.shape == (0, 3, 2)
