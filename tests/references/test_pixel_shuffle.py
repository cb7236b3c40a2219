"""The reference of super_resolution/pixel_shuffle against torch's own, and against the formula."""

from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
SYMBOLS = load(ROOT / "solutions/super_resolution/pixel_shuffle.py").namespace
pixel_shuffle, pixel_unshuffle = SYMBOLS["pixel_shuffle"], SYMBOLS["pixel_unshuffle"]

CASES = [(2, 3, 2, 4, 5), (1, 1, 3, 1, 2), (3, 2, 1, 3, 4), (2, 1, 4, 2, 3)]


@pytest.mark.parametrize(("b", "c", "r", "h", "w"), CASES)
def test_torch(b, c, r, h, w):
    x = torch.randn(b, c * r * r, h, w, generator=torch.Generator().manual_seed(r))
    assert torch.equal(pixel_shuffle(x, r), F.pixel_shuffle(x, r))
    y = torch.randn(b, c, h * r, w * r, generator=torch.Generator().manual_seed(r))
    assert torch.equal(pixel_unshuffle(y, r), F.pixel_unshuffle(y, r))
    last = x.contiguous(memory_format=torch.channels_last)
    assert torch.equal(pixel_shuffle(last, r), F.pixel_shuffle(x, r))


def test_empty():
    assert pixel_shuffle(torch.zeros(0, 8, 3, 4), 2).shape == (0, 2, 6, 8)
    # torch's own pixel_unshuffle gives an empty batch back as it is.
    assert pixel_unshuffle(torch.zeros(0, 2, 6, 8), 2).shape == (0, 8, 3, 4)


def test_formula():
    r, x = 3, torch.arange(2 * 18 * 2 * 4).view(2, 18, 2, 4)
    found = pixel_shuffle(x, r)
    for b, c, y, z, i, j in torch.cartesian_prod(*map(torch.arange, (2, 2, 2, 4, 3, 3))).tolist():
        assert found[b, c, y * r + i, z * r + j] == x[b, c * r * r + i * r + j, y, z]
    assert torch.equal(pixel_unshuffle(found, r), x)


def test_example():
    x = torch.tensor([1.0, 2, 3, 4]).view(1, 4, 1, 1)
    assert pixel_shuffle(x, 2)[0, 0].tolist() == [[1, 2], [3, 4]]
    assert torch.equal(pixel_unshuffle(pixel_shuffle(x, 2), 2), x)


@pytest.mark.parametrize("channels", [2, 3, 6])
def test_channels(channels):
    with pytest.raises(ValueError, match="blocks"):
        pixel_shuffle(torch.zeros(1, channels, 4, 4), 2)


@pytest.mark.parametrize("size", [(4, 5), (5, 4), (8, 1)])
def test_sizes(size):
    with pytest.raises(ValueError, match="blocks"):
        pixel_unshuffle(torch.zeros(1, 4, *size), 2)


@pytest.mark.parametrize("function", [pixel_shuffle, pixel_unshuffle])
def test_gradients(function):
    x = torch.randn(1, 4, 2, 4, generator=torch.Generator().manual_seed(0)).double().requires_grad_(True)
    assert torch.autograd.gradcheck(lambda t: function(t, 2), x)
