"""The reference of inpainting/fourier_unit against the sums written out and NumPy's transforms."""

from pathlib import Path

import numpy as np
import pytest
import torch

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
FourierUnit = load(ROOT / "solutions/inpainting/fourier_unit.py").namespace["FourierUnit"]
SIZES = [(1, 1), (1, 2), (2, 1), (3, 4), (4, 3), (5, 7), (6, 8), (4, 5)]


def mixed(unit, half):
    c = half.shape[1]
    weight, bias = (p.detach().numpy() for p in (unit.conv.weight, unit.conv.bias))
    both = np.concatenate([half.real, half.imag], axis=1)
    found = np.maximum(np.einsum("oi,bihw->bohw", weight[:, :, 0, 0], both) + bias[:, None, None], 0)
    return found[:, :c] + 1j * found[:, c:]


def written_out(unit, x):
    """The two sums of the statement, term by term."""
    h, w = x.shape[2:]
    rows, cols = np.arange(h), np.arange(w)
    size = np.sqrt(h * w)
    waves = np.exp(-2j * np.pi * np.outer(rows, rows) / h), np.exp(-2j * np.pi * np.outer(cols, cols) / w)
    half = np.einsum("rh,bchw,ws->bcrs", waves[0], x, waves[1])[..., : w // 2 + 1] / size
    z = mixed(unit, half)
    y = np.zeros(x.shape)
    for r in range(h):
        for s in range(w // 2 + 1):
            twice = 1 if s == 0 or 2 * s == w else 2
            wave = np.exp(2j * np.pi * (r * rows[:, None] / h + s * cols / w))
            y += twice * (z[:, :, r, s, None, None] * wave).real / size
    return y


@pytest.mark.parametrize("size", SIZES)
def test_sums(size):
    torch.manual_seed(1)
    unit, x = FourierUnit(3).double(), torch.randn(2, 3, *size).double() * 4
    assert np.allclose(unit(x).detach().numpy(), written_out(unit, x.numpy()), atol=1e-12)


@pytest.mark.parametrize("size", SIZES)
def test_numpy(size):
    torch.manual_seed(2)
    unit, x = FourierUnit(2).double(), torch.randn(2, 2, *size).double() * 4
    z = mixed(unit, np.fft.rfft2(x.numpy(), norm="ortho"))
    wanted = np.fft.irfft2(z, s=size, norm="ortho")
    assert np.allclose(unit(x).detach().numpy(), wanted, atol=1e-12)


@pytest.mark.parametrize("size", [(2, 3), (3, 4)])
def test_gradient(size):
    torch.manual_seed(3)
    unit = FourierUnit(2).double()
    names = [name for name, _ in unit.named_parameters()]

    def run(x, *values):
        return torch.func.functional_call(unit, dict(zip(names, values, strict=True)), (x,))

    values = [p.detach().requires_grad_() for p in unit.parameters()]
    assert torch.autograd.gradcheck(run, (torch.randn(1, 2, *size).double().requires_grad_(), *values))


def test_single_precision():
    torch.manual_seed(4)
    unit, x = FourierUnit(3), torch.randn(2, 3, 6, 7)
    assert torch.allclose(unit(x).double(), unit.double()(x.double()), atol=1e-5)


def test_example():
    unit = FourierUnit(1)
    with torch.no_grad():
        unit.conv.weight.copy_(torch.eye(2).view(2, 2, 1, 1))
        unit.conv.bias.zero_()
    x = torch.tensor([[[[1.0, 2.0, 3.0]]]])
    spectrum = torch.fft.rfft2(x)
    assert torch.allclose(spectrum, torch.tensor([[[[6, -1.5 + 0.8660254j]]]]))
    assert torch.allclose(unit(x), torch.tensor([[[[2.0, 1.5, 2.5]]]]))
    assert sum(p.numel() for p in FourierUnit(5).parameters()) == 4 * 25 + 2 * 5
