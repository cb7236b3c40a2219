"""The reference of super_resolution/edsr_lite against SciPy and the numbers of its statement."""

from pathlib import Path

import numpy as np
import pytest
import torch

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
namespace = load(ROOT / "solutions/super_resolution/edsr_lite.py").namespace
SubPixelSR, sr_loss = namespace["SubPixelSR"], namespace["sr_loss"]


def convolved(maps: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Return a convolution with zeros around, channel by channel in SciPy."""
    correlate = pytest.importorskip("scipy.signal").correlate2d
    sums = [sum(correlate(m, k, mode="same") for m, k in zip(maps, ks, strict=True)) for ks in weight]
    return np.stack(sums) + bias[:, None, None]


@pytest.mark.parametrize(("scale", "blocks"), [(1, 1), (2, 3), (4, 2)])
@pytest.mark.parametrize("hw", [(5, 7), (1, 2)])
def test_scipy(scale, blocks, hw):
    torch.manual_seed(blocks)
    model = SubPixelSR(scale, 4, blocks).double()
    layers = [(w.numpy(), b.numpy()) for w, b in zip(*[iter(model.state_dict().values())] * 2, strict=True)]
    assert len(layers) == 2 * blocks + 3
    x = torch.rand(2, 3, *hw, dtype=torch.float64)
    for image, found in zip(x.numpy(), model(x).detach().numpy(), strict=True):
        shallow = v = convolved(image, *layers[0])
        for n in range(blocks):
            inner = np.maximum(convolved(v, *layers[1 + 2 * n]), 0)
            v = v + 0.1 * convolved(inner, *layers[2 + 2 * n])
        maps = convolved(shallow + convolved(v, *layers[-2]), *layers[-1])
        for c, i, j in np.ndindex(3, scale, scale):
            assert found[c, i::scale, j::scale] == pytest.approx(maps[c * scale**2 + i * scale + j])


def test_example():
    model = SubPixelSR()
    assert sum(p.numel() for p in model.parameters()) == 361_840
    with torch.no_grad():
        assert model(torch.rand(1, 3, 48, 40)).shape == (1, 3, 192, 160)
    pred = torch.full((2, 3, 4, 4), 1.5)
    assert float(sr_loss(pred, torch.ones_like(pred))) == 0.5
    assert float(sr_loss(pred, torch.zeros_like(pred))) == 1.5


def test_loss_and_gradient():
    pred = torch.randn(2, 3, 4, 6, dtype=torch.float64, requires_grad=True)
    hr = torch.rand(2, 3, 4, 6, dtype=torch.float64)
    loss = sr_loss(pred, hr)
    loss.backward()
    assert float(loss.detach()) == pytest.approx(np.abs(pred.detach().numpy() - hr.numpy()).mean())
    assert pred.grad.numpy() == pytest.approx(np.sign(pred.detach().numpy() - hr.numpy()) / 144)
