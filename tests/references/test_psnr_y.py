"""The reference of super_resolution/psnr_y against scikit-image, torchmetrics, kornia and plain Python."""

import math
from pathlib import Path

import pytest
import torch

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
psnr = load(ROOT / "solutions/super_resolution/psnr_y.py").namespace["psnr"]


def drawn(seed, b=3, h=9, w=7):
    g = torch.Generator().manual_seed(seed)
    gt = torch.rand(b, 3, h, w, generator=g).double()
    noise = torch.randn(b, 3, h, w, generator=g).double()
    return gt + noise * torch.logspace(-3, 0, b).double()[:, None, None, None], gt


@pytest.mark.parametrize("crop", [0, 1, 3])
@pytest.mark.parametrize("max_val", [1.0, 255.0])
def test_scikit_image(crop, max_val):
    metric = pytest.importorskip("skimage.metrics").peak_signal_noise_ratio
    pred, gt = drawn(crop)
    inner = (slice(None), slice(crop, 9 - crop), slice(crop, 7 - crop))
    found = psnr(pred, gt, crop=crop, max_val=max_val)
    for p, g, value in zip(pred, gt, found.tolist(), strict=True):
        assert value == pytest.approx(metric(g[inner].numpy(), p[inner].numpy(), data_range=max_val))


@pytest.mark.parametrize("crop", [0, 2])
def test_luma_of_scikit_image(crop):
    metric = pytest.importorskip("skimage.metrics").peak_signal_noise_ratio
    from skimage.color import rgb2ycbcr

    pred, gt = drawn(5)
    found = psnr(pred, gt, crop=crop, y_only=True)
    for p, g, value in zip(pred, gt, found.tolist(), strict=True):
        y = [rgb2ycbcr(t.permute(1, 2, 0).numpy())[crop : 9 - crop, crop : 7 - crop, 0] for t in (p, g)]
        assert value == pytest.approx(metric(y[1], y[0], data_range=255))


def test_torchmetrics():
    metric = pytest.importorskip("torchmetrics.functional.image").peak_signal_noise_ratio
    pred, gt = drawn(6)
    wanted = metric(pred, gt, data_range=2.0, reduction="none", dim=(1, 2, 3))
    assert torch.allclose(psnr(pred, gt, max_val=2.0), wanted)


def test_kornia():
    metric = pytest.importorskip("kornia.metrics").psnr
    pred, gt = drawn(7)
    for p, g, value in zip(pred, gt, psnr(pred, gt), strict=True):
        assert torch.allclose(metric(p, g, 1.0), value)


def test_example():
    gt = torch.full((2, 3, 4, 5), 0.5).double()
    pred = gt + torch.tensor([0.1, -0.01]).double()[:, None, None, None]
    assert psnr(pred, gt).tolist() == pytest.approx([20, 40])
    assert 10 * math.log10(1 / 0.00505) == pytest.approx(22.97, abs=5e-3)


def test_edges(recwarn):
    pred, gt = drawn(8)
    pred[1] = gt[1]
    found = psnr(pred, gt)
    assert found.isinf().tolist() == [False, True, False]
    assert found[1] > 0
    assert psnr(pred[:0], gt[:0]).shape == (0,)
    assert psnr(pred, gt, crop=3).shape == (3,)
    with pytest.raises(ValueError, match="crop"):
        psnr(pred, gt, crop=4)
    assert not recwarn.list
