"""The reference of super_resolution/icnr_init against torch's pixel shuffle and a nearest-neighbour upsampling."""

from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
icnr_ = load(ROOT / "solutions/super_resolution/icnr_init.py").namespace["icnr_"]


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("r", [1, 2, 3])
def test_nearest(r, bias):
    """With ICNR, convolution and shuffle are convolution with sub and nearest-neighbour upsampling."""
    sub = torch.randn(4, 3, 3, 3, generator=torch.Generator().manual_seed(r))
    conv = nn.Conv2d(3, 4 * r * r, 3, padding=1, bias=bias)
    weight, x = conv.weight, torch.randn(2, 3, 5, 6, generator=torch.Generator().manual_seed(9))
    assert icnr_(conv, r, sub) is None
    assert conv.weight is weight
    assert weight.is_leaf
    assert weight.requires_grad
    wanted = F.interpolate(F.conv2d(x, sub, padding=1), scale_factor=r, mode="nearest")
    assert torch.allclose(F.pixel_shuffle(conv(x), r), wanted, atol=1e-5)


def test_example():
    conv = nn.Conv2d(1, 8, 1)
    icnr_(conv, 2, torch.tensor([3.0, 5.0]).view(2, 1, 1, 1))
    assert conv.weight.flatten().tolist() == [3, 3, 3, 3, 5, 5, 5, 5]
    shuffled = F.pixel_shuffle(conv(torch.ones(1, 1, 1, 1)), 2)
    assert shuffled[0].tolist() == [[[3, 3], [3, 3]], [[5, 5], [5, 5]]]


@pytest.mark.parametrize("shape", [(9, 3, 3), (18, 3, 3), (8, 4, 3), (8, 1, 3), (8, 3, 1)])
def test_shapes(shape):
    outputs, inputs, k = shape
    with pytest.raises(ValueError, match="weight"):
        icnr_(nn.Conv2d(inputs, outputs, k), 2, torch.zeros(2, 3, 3, 3))
