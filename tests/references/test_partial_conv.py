"""The reference of inpainting/partial_conv against a loop over windows in NumPy and torch's convolution."""

from pathlib import Path

import numpy as np
import pytest
import torch

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
PartialConv2d = load(ROOT / "solutions/inpainting/partial_conv.py").namespace["PartialConv2d"]


def by_window(x, m, weight, bias, stride, padding):
    b, _, height, width = x.shape
    o, _, k, _ = weight.shape
    rows = range(-padding, height + padding - k + 1, stride)
    cols = range(-padding, width + padding - k + 1, stride)
    y, m2 = np.zeros((b, o, len(rows), len(cols))), np.zeros((b, 1, len(rows), len(cols)))
    for at in np.ndindex(b, len(rows), len(cols)):
        r0, c0 = rows[at[1]], cols[at[2]]
        found, n = np.zeros(o), 0
        for r in range(max(r0, 0), min(r0 + k, height)):
            for c in range(max(c0, 0), min(c0 + k, width)):
                if m[at[0], 0, r, c] == 1:
                    found, n = found + weight[:, :, r - r0, c - c0] @ x[at[0], :, r, c], n + 1
        if n:
            y[at[0], :, at[1], at[2]] = found * k * k / n + bias
            m2[at[0], 0, at[1], at[2]] = 1
    return y, m2


@pytest.mark.parametrize("size", [(6, 7), (9, 5), (5, 5)])
@pytest.mark.parametrize(
    ("k", "stride", "padding"), [(1, 1, 0), (2, 1, 1), (3, 1, 1), (3, 2, 0), (4, 3, 2), (5, 2, 2)]
)
@pytest.mark.parametrize("share", [0.0, 0.1, 0.6, 1.0])
def test_values(size, k, stride, padding, share):
    torch.manual_seed(k)
    layer = PartialConv2d(2, 3, k, stride, padding).double()
    x, m = torch.randn(2, 2, *size).double() * 9, (torch.rand(2, 1, *size) < share).double()
    m[:, :, :4, :4] *= share == 1
    weight, bias = (p.detach().numpy() for p in (layer.conv.weight, layer.conv.bias))
    wanted = by_window(x.numpy(), m.numpy(), weight, bias, stride, padding)
    for found, expected in zip(layer(x, m), wanted, strict=True):
        assert np.allclose(found.detach().numpy(), expected, atol=1e-12)


def test_full_mask():
    layer = PartialConv2d(3, 4, 3, padding=1)
    x = torch.randn(2, 3, 6, 8)
    y, m2 = layer(x, torch.ones(2, 1, 6, 8))
    plain, bias = layer.conv(x), layer.conv.bias
    assert torch.allclose(y[..., 1:-1, 1:-1], plain[..., 1:-1, 1:-1], atol=1e-5)
    assert torch.allclose(y[..., 0, 0] - bias, 9 / 4 * (plain[..., 0, 0] - bias), atol=1e-5)
    assert bool((m2 == 1).all())


def test_gradient():
    torch.manual_seed(0)
    layer = PartialConv2d(2, 2, 3, padding=1).double()
    x, m = torch.randn(1, 2, 6, 6).double().requires_grad_(), torch.zeros(1, 1, 6, 6).double()
    m[..., 0, :2], m[..., 3, 1] = 1, 1
    names = [name for name, _ in layer.named_parameters()]

    def run(x, *values):
        given = dict(zip(names, values, strict=True))
        return torch.func.functional_call(layer, given, (x, m))[0]

    values = [p.detach().requires_grad_() for p in layer.parameters()]
    assert torch.autograd.gradcheck(run, (x, *values))
    layer(x, m)[0].square().sum().backward()
    assert not (x.grad * (1 - m)).any()


def test_example():
    layer = PartialConv2d(1, 1, 2)
    with torch.no_grad():
        layer.conv.weight.fill_(1)
        layer.conv.bias.fill_(0.5)
    x = torch.arange(1.0, 7).view(1, 1, 2, 3)
    m = torch.tensor([[1.0, 0, 0], [1, 0, 0]]).view(1, 1, 2, 3)
    y, m2 = layer(x, m)
    assert y.tolist() == [[[[10.5, 0.0]]]]
    assert m2.tolist() == [[[[1.0, 0.0]]]]
