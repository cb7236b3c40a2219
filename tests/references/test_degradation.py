"""The reference of super_resolution/degradation against SciPy's convolution and kornia's filter."""

from pathlib import Path

import numpy as np
import pytest
import torch

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
degrade = load(ROOT / "solutions/super_resolution/degradation.py").namespace["degrade"]


def drawn(seed, b=2, c=3, h=8, w=11, k=5):
    g = torch.Generator().manual_seed(seed)
    return torch.rand(b, c, h, w, generator=g).double(), torch.randn(k, k, generator=g).double()


@pytest.mark.parametrize("s", [1, 2, 3, 4, 12])
@pytest.mark.parametrize("k", [1, 3, 5, 7])
def test_scipy(s, k):
    convolve = pytest.importorskip("scipy.ndimage").convolve
    hr, kernel = drawn(k, k=k)
    found = degrade(hr, kernel, s)
    assert found.shape == (2, 3, -(-8 // s), -(-11 // s))
    for b in range(2):
        for c in range(3):
            # What SciPy calls mirror is torch's reflect.
            blurred = convolve(hr[b, c].numpy(), kernel.numpy(), mode="mirror")
            assert np.allclose(blurred[::s, ::s], found[b, c])


def test_kornia():
    filter2d = pytest.importorskip("kornia.filters").filter2d
    hr, kernel = drawn(1)
    blurred = filter2d(hr, kernel[None], border_type="reflect", behaviour="conv")
    noise = torch.randn(2, 3, 3, 4).double()
    assert torch.allclose(degrade(hr, kernel, 3, noise), blurred[..., ::3, ::3] + noise)


def test_formula():
    hr, kernel = drawn(2, b=1, c=1, h=4, w=5, k=3)
    turn = [1, 0, 1, 2, 3, 4, 3]
    for y in range(4):
        for x in range(5):
            rows = [y - (i - 1) for i in range(3)]
            value = sum(
                kernel[i, j] * hr[0, 0, 6 - rows[i] if rows[i] > 3 else abs(rows[i]), turn[x - (j - 1) + 1]]
                for i in range(3)
                for j in range(3)
            )
            assert torch.allclose(degrade(hr, kernel, 1)[0, 0, y, x], value)


def test_example():
    hr = torch.tensor([1.0, 2, 3, 4, 5]).expand(1, 1, 5, 5)
    kernel = torch.tensor([[0.0, 0, 0], [3, 0, 0], [0, 0, 0]])
    assert degrade(hr, kernel, 1)[0, 0, 2].tolist() == [6, 9, 12, 15, 12]
    assert degrade(hr, kernel, 2)[0, 0].tolist() == [[6, 12, 12]] * 3
    padded = torch.nn.functional.pad(hr, (1, 1, 1, 1), mode="reflect")
    alone = torch.nn.functional.conv2d(padded, kernel[None, None])[0, 0, 0]
    assert alone.tolist() == [6, 3, 6, 9, 12]
    assert alone[::2].tolist() == [6, 6, 12]


@pytest.mark.parametrize("k", [2, 4])
def test_even(k):
    with pytest.raises(ValueError, match="centre"):
        degrade(torch.zeros(1, 1, 6, 6), torch.zeros(k, k), 2)
