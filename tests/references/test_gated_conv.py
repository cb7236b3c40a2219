"""The reference of inpainting/gated_conv against correlations in NumPy, place by place."""

from pathlib import Path

import numpy as np
import pytest
import torch

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
GatedConv2d = load(ROOT / "solutions/inpainting/gated_conv.py").namespace["GatedConv2d"]


def correlated(x, weight, bias, stride, padding, dilation):
    o, _, k, _ = weight.shape
    x = np.pad(x, ((0, 0), (padding, padding), (padding, padding)))
    h, w = ((n - dilation * (k - 1) - 1) // stride + 1 for n in x.shape[1:])
    out = np.empty((o, h, w))
    for y, u in np.ndindex(h, w):
        top, left, reach = y * stride, u * stride, dilation * (k - 1) + 1
        window = x[:, top : top + reach : dilation, left : left + reach : dilation]
        out[:, y, u] = (weight * window).sum((1, 2, 3)) + bias
    return out


@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize("settings", [{}, {"stride": 2}, {"padding": 2}, {"dilation": 2}, (3, 1, 2)])
def test_places(k, settings):
    torch.manual_seed(k)
    names = ("stride", "padding", "dilation")
    given = dict(zip(names, settings, strict=True)) if isinstance(settings, tuple) else settings
    model = GatedConv2d(3, 4, k, **given).double()
    x = torch.randn(2, 3, 8, 9, dtype=torch.float64)
    settings = {"stride": 1, "padding": 0, "dilation": 1, **given}
    state = {name: value.numpy() for name, value in model.state_dict().items()}
    for image, found in zip(x.numpy(), model(x).detach().numpy(), strict=True):
        f = correlated(image, state["feature.weight"], state["feature.bias"], **settings)
        g = correlated(image, state["gate.weight"], state["gate.bias"], **settings)
        wanted = np.where(f > 0, f, np.exp(f) - 1) / (1 + np.exp(-g))
        assert found == pytest.approx(wanted, rel=1e-9, abs=1e-12)


def test_example():
    model = GatedConv2d(4, 8, 3)
    single = torch.nn.Conv2d(4, 8, 3)
    counts = [sum(p.numel() for p in module.parameters()) for module in (model, single)]
    assert counts == [592, 296]
    assert (np.exp(-1) - 1) / 2 == pytest.approx(-0.316, abs=5e-4)
