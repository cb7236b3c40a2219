"""The reference of semantic_segmentation/bilinear_deconv against F.interpolate, SciPy and the plain formula."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
bilinear_deconv = load(ROOT / "solutions/semantic_segmentation/bilinear_deconv.py").namespace[
    "bilinear_deconv"
]


@pytest.mark.parametrize("f", [2, 4, 6, 8, 16])
@pytest.mark.parametrize("ch", [1, 3])
def test_interpolates(ch, f):
    """Equal to interpolate but for the outer f / 2 pixels, and different there."""
    torch.manual_seed(0)
    x = torch.randn(2, ch, 5, 4)
    layer = bilinear_deconv(ch, f)
    assert type(layer) is nn.ConvTranspose2d
    assert layer.weight.dtype == torch.float32
    found, wanted = layer(x), F.interpolate(x, scale_factor=f, mode="bilinear", align_corners=False)
    assert found.shape == wanted.shape == (2, ch, 5 * f, 4 * f)
    edge = f // 2
    torch.testing.assert_close(found[..., edge:-edge, edge:-edge], wanted[..., edge:-edge, edge:-edge])
    assert (found - wanted).abs()[..., edge - 1, edge:-edge].max() > 1e-3


@pytest.mark.parametrize("f", [2, 4, 8])
def test_formula(f):
    """By SciPy: the triangle between the taps of two boxes, and the formula of the statement in a loop."""
    c = f - 0.5
    loop = [[(1 - abs(i - c) / f) * (1 - abs(j - c) / f) for j in range(2 * f)] for i in range(2 * f)]
    weight = bilinear_deconv(2, f).weight.detach().numpy()
    assert weight.shape == (2, 1, 2 * f, 2 * f)
    np.testing.assert_allclose(weight, np.broadcast_to(loop, weight.shape), rtol=1e-6)
    np.testing.assert_allclose(weight.sum((1, 2, 3)), f * f, rtol=1e-6)
    signal = pytest.importorskip("scipy.signal")
    triangle = signal.convolve(np.ones(2 * f), np.ones(2 * f))[::2] / (2 * f)  # every other half pixel
    np.testing.assert_allclose(weight[0, 0], np.outer(triangle, triangle), rtol=1e-6)


def test_statement():
    kernel = bilinear_deconv(1, 2).weight[0, 0]
    assert kernel[0, 0] == 0.0625
    assert kernel[1, 1] == 0.5625
    assert (kernel[0] / kernel[0, 0] * 0.25).tolist() == [0.25, 0.75, 0.75, 0.25]
