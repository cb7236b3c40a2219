"""The reference of optical_flow/epe_and_fl against kornia, the rule of the KITTI kit and a loop."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
epe_and_fl = load(ROOT / "solutions/optical_flow/epe_and_fl.py").namespace["epe_and_fl"]


def drawn(seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return a prediction, the truth and which pixels count."""
    g = torch.Generator().manual_seed(seed)
    gt = 80 * torch.randn(3, 2, 6, 5, generator=g, dtype=torch.float64)
    pred = gt + 3 * torch.randn(3, 2, 6, 5, generator=g, dtype=torch.float64)
    return pred, gt, torch.rand(3, 6, 5, generator=g) < 0.6


def by_loop(pred: np.ndarray, gt: np.ndarray, valid: np.ndarray) -> tuple[float, float]:
    """Return both numbers, pixel by pixel, with hypotenuses."""
    errors, outliers = [], 0
    for b, y, x in zip(*valid.nonzero(), strict=True):
        du, dv = pred[b, :, y, x] - gt[b, :, y, x]
        errors.append(math.hypot(du, dv))
        length = math.hypot(*gt[b, :, y, x])
        # The KITTI kit: err > 3 and err / length > 0.05.
        outliers += errors[-1] > 3 and (length == 0 or errors[-1] / length > 0.05)
    return sum(errors) / len(errors), outliers / len(errors)


@pytest.mark.parametrize("seed", range(20))
def test_by_loop(seed):
    pred, gt, valid = drawn(seed)
    if seed % 3 == 0:
        gt[:, :, ::2] = 0
    found = epe_and_fl(pred, gt, valid)
    assert found == pytest.approx(by_loop(pred.numpy(), gt.numpy(), valid.numpy()))
    assert 0 < found[1] < 1


@pytest.mark.parametrize("seed", range(5))
def test_against_kornia(seed):
    metrics = pytest.importorskip("kornia.metrics")
    pred, gt, _ = drawn(seed)
    theirs = metrics.aepe(pred.permute(0, 2, 3, 1), gt.permute(0, 2, 3, 1), reduction="mean")
    assert epe_and_fl(pred, gt)[0] == pytest.approx(float(theirs))


def test_thresholds():
    gt = torch.tensor([0.0, 0.0, 100.0, 100.0, 60.0, 60.0])
    pred = gt + torch.tensor([3.0, 3.25, 5.0, 5.25, 3.0, 3.25])
    flat = torch.zeros(6)
    fl = [
        epe_and_fl(torch.stack([p, z]).view(1, 2, 1, 1), torch.stack([g, z]).view(1, 2, 1, 1))[1]
        for p, g, z in zip(pred, gt, flat, strict=True)
    ]
    assert fl == [0, 1, 0, 1, 0, 1]


def test_nothing_valid():
    pred, gt, valid = drawn(0)
    assert epe_and_fl(pred, gt, torch.zeros_like(valid)) == (0, 0)
    assert epe_and_fl(pred[:0], gt[:0]) == (0, 0)


def test_example():
    gt = torch.zeros(1, 2, 1, 1)
    pred = torch.tensor([3.0, 4.0]).view(1, 2, 1, 1)
    assert epe_and_fl(pred, gt) == (5, 1)
    both = torch.cat([pred, gt], dim=-1), torch.cat([gt, gt], dim=-1)
    assert epe_and_fl(*both) == (2.5, 0.5)
