"""The reference of depth/silog_loss against NumPy, and the sum over all pairs of pixels."""

from pathlib import Path

import numpy as np
import pytest
import torch

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
silog = load(ROOT / "solutions/depth/silog_loss.py").namespace["silog"]


def drawn(seed: int, b: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    """Return predictions and a ground truth with holes of every kind."""
    g = torch.Generator().manual_seed(seed)
    pred, gt = 8 * torch.rand(2, b, 1, 4, 5, generator=g, dtype=torch.float64) + 0.05
    for hole in (0.0, -1.0, float("nan"), float("inf"), -float("inf")):
        gt[torch.rand(gt.shape, generator=g) < 0.1] = hole
    return pred, gt


def errors(pred: torch.Tensor, gt: torch.Tensor) -> np.ndarray:
    """Return the logarithmic errors of the valid pixels."""
    pairs = zip(pred.flatten().tolist(), gt.flatten().tolist(), strict=True)
    return np.array([np.log(p / g) for p, g in pairs if 0 < g < np.inf])


@pytest.mark.parametrize("seed", range(10))
def test_variance(seed):
    pred, gt = drawn(seed)
    e, lam = errors(pred, gt), seed / 9
    assert float(silog(pred, gt, lam)) == pytest.approx(e.var() + (1 - lam) * e.mean() ** 2)


@pytest.mark.parametrize("seed", range(5))
def test_pairs(seed):
    pred, gt = drawn(seed)
    e = errors(pred, gt)
    # With lam = 1: half the mean square of the differences between all pairs of errors.
    wanted = np.mean([(a - b) ** 2 for a in e for b in e]) / 2
    assert float(silog(pred, gt, 1.0)) == pytest.approx(wanted)
    assert float(silog(3.7 * pred, gt, 1.0)) == pytest.approx(wanted)


def test_torchmetrics():
    regression = pytest.importorskip("torchmetrics.functional.regression")
    pred, gt = drawn(7)
    valid = (gt > 0) & gt.isfinite()
    wanted = regression.mean_squared_error(pred[valid].log(), gt[valid].log())
    torch.testing.assert_close(silog(pred, gt, 0.0), wanted)


def test_default():
    pred, gt = drawn(8)
    torch.testing.assert_close(silog(pred, gt), silog(pred, gt, 0.5))


def test_gradients():
    pred, gt = drawn(3, 1)
    assert torch.autograd.gradcheck(lambda p: silog(p, gt, 0.85), pred.requires_grad_(True))
    silog(pred, gt).backward()
    assert not pred.grad[~((gt > 0) & gt.isfinite())].any()


def test_example():
    pred, gt = torch.tensor([2.0, 4.0]).reshape(1, 1, 1, 2), torch.ones(1, 1, 1, 2)
    e = [0.693, 1.386]
    assert errors(pred, gt) == pytest.approx(e, abs=5e-4)
    assert np.square(errors(pred, gt)).mean() == pytest.approx(1.201, abs=5e-4)
    assert errors(pred, gt).mean() ** 2 == pytest.approx(1.081, abs=5e-4)
    assert float(silog(pred, gt)) == pytest.approx(0.661, abs=5e-4)
    assert float(silog(pred, gt, lam=1.0)) == pytest.approx(0.120, abs=5e-4)
