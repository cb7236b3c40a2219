"""The reference of depth/masked_l1 against NumPy's masked arrays and torchmetrics."""

from pathlib import Path

import numpy as np
import pytest
import torch

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
masked_l1 = load(ROOT / "solutions/depth/masked_l1.py").namespace["masked_l1"]


def drawn(seed: int, b: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    """Return predictions and a ground truth with holes of every kind."""
    g = torch.Generator().manual_seed(seed)
    pred = 4 * torch.randn(b, 1, 5, 6, generator=g, dtype=torch.float64)
    gt = 8 * torch.rand(b, 1, 5, 6, generator=g, dtype=torch.float64) + 0.01
    for hole in (0.0, -1.0, float("nan"), float("inf"), -float("inf")):
        gt[torch.rand(gt.shape, generator=g) < 0.1] = hole
    return pred, gt


@pytest.mark.parametrize("seed", range(10))
def test_masked_arrays(seed):
    pred, gt = drawn(seed)
    held = np.ma.masked_invalid(gt.numpy())
    held = np.ma.masked_less_equal(held, 0)
    wanted = np.ma.abs(held - pred.numpy()).mean()
    assert float(masked_l1(pred, gt)) == pytest.approx(wanted)
    assert float(masked_l1(pred, gt[:, 0])) == pytest.approx(wanted)


@pytest.mark.parametrize("seed", range(5))
def test_torchmetrics(seed):
    regression = pytest.importorskip("torchmetrics.functional.regression")
    pred, gt = drawn(seed)
    pairs = [(p, g) for p, g in zip(pred.flatten(), gt.flatten(), strict=True) if 0 < g < 1e9]
    wanted = regression.mean_absolute_error(*(torch.stack(side) for side in zip(*pairs, strict=True)))
    torch.testing.assert_close(masked_l1(pred, gt), wanted)


def test_gradients():
    pred, gt = drawn(3, 1)
    assert torch.autograd.gradcheck(lambda p: masked_l1(p, gt), pred.requires_grad_(True))
    masked_l1(pred, gt).backward()
    valid = (gt > 0) & gt.isfinite()
    assert pred.grad.abs() == pytest.approx(valid.double() / valid.sum())


@pytest.mark.parametrize("hole", [0.0, -2.0, float("nan"), float("inf")])
def test_nothing_valid(hole):
    pred = torch.randn(2, 1, 3, 4, requires_grad=True)
    loss = masked_l1(pred, torch.full((2, 3, 4), hole))
    loss.backward()
    assert loss.shape == ()
    assert float(loss.detach()) == 0
    assert not pred.grad.any()


@pytest.mark.parametrize(
    "shape", [(3, 4), (1, 3, 4), (2, 4, 3), (1, 1, 3, 4), (2, 3, 4, 1), (2, 3, 3, 4), (2, 1, 1, 3, 4), ()]
)
def test_shapes(shape):
    with pytest.raises(ValueError, match="shape"):
        masked_l1(torch.zeros(2, 1, 3, 4), torch.ones(shape))


def test_example():
    pred, gt = torch.tensor([1.0, 2, 3, 4]), torch.tensor([2.0, 0, float("nan"), 7])
    assert float(masked_l1(pred.reshape(1, 1, 2, 2), gt.reshape(1, 1, 2, 2))) == 2
