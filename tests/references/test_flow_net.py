"""The reference of optical_flow/flow_net against NumPy loops, SciPy, OpenCV and finite differences."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
NAMES = load(ROOT / "solutions/optical_flow/flow_net.py").namespace
FlowNet, flow_loss = NAMES["FlowNet"], NAMES["flow_loss"]


def drawn(seed: int) -> nn.Module:
    """Return a network with random weights."""
    torch.manual_seed(seed)
    return FlowNet(nn.Sequential(nn.Conv2d(3, 4, 3, stride=2, padding=1), nn.Tanh()), 4).double()


def convolved(x: np.ndarray, layer: nn.Conv2d) -> np.ndarray:
    """Return a 3x3 convolution with zero padding, cell by cell."""
    weight, bias = layer.weight.detach().numpy(), layer.bias.detach().numpy()
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1)))
    h, w = x.shape[1:]
    out = np.zeros((len(weight), h, w))
    for k in range(len(weight)):
        for i in range(h):
            for j in range(w):
                out[k, i, j] = (weight[k] * padded[:, i : i + 3, j : j + 3]).sum() + bias[k]
    return out


def test_estimate_by_cells():
    model = drawn(1)
    first, second = torch.randn(2, 2, 4, 3, 5, dtype=torch.float64)
    found = model.estimate(first, second).detach().numpy()
    for b in range(2):
        hidden = convolved(np.concatenate([first[b].numpy(), second[b].numpy()]), model.conv)
        assert found[b] == pytest.approx(convolved(np.maximum(hidden, 0), model.flow))


def test_estimate_scipy():
    signal = pytest.importorskip("scipy.signal")
    model = drawn(2)
    both = torch.randn(1, 8, 4, 5, dtype=torch.float64)
    weight = model.conv.weight.detach().numpy()
    wanted = [
        sum(signal.correlate2d(both[0, c].numpy(), weight[k, c], mode="same") for c in range(8))
        + model.conv.bias[k].item()
        for k in range(4)
    ]
    assert model.conv(both).detach().numpy()[0] == pytest.approx(np.stack(wanted))


@pytest.mark.parametrize("size", [(6, 10), (7, 11), (3, 5), (12, 5)])
def test_resize_opencv(size):
    cv2 = pytest.importorskip("cv2")
    flow = torch.randn(1, 2, 3, 5, dtype=torch.float64)
    wanted = [cv2.resize(f, size[::-1], interpolation=cv2.INTER_LINEAR) for f in flow[0].numpy()]
    wanted = np.stack([wanted[0] * size[1] / 5, wanted[1] * size[0] / 3])
    assert drawn(3).resize(flow, size).numpy()[0] == pytest.approx(wanted, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("size", [(5, 7), (8, 8), (9, 4), (1, 1)])
def test_forward(size):
    model = drawn(4)
    one, two = torch.randn(2, 2, 3, *size, dtype=torch.float64)
    found = model(one, two)
    assert found.shape == (2, 2, *size)
    small = model.estimate(model.backbone(one), model.backbone(two))
    torch.testing.assert_close(found, model.resize(small, size))
    assert not torch.allclose(found, model(two, one))


@pytest.mark.parametrize("seed", range(6))
def test_loss_by_pixels(seed):
    g = np.random.default_rng(seed)
    outputs, targets = g.normal(0, 3, (2, 2, 2, 4, 5))
    valid = g.random((2, 4, 5)) < 0.5
    targets.transpose(0, 2, 3, 1)[~valid] = g.choice([np.nan, np.inf, 1e9, 0])
    eps = float(g.uniform(1e-4, 1))
    errors = [
        np.sqrt(np.sum((outputs[b, :, i, j] - targets[b, :, i, j]) ** 2) + eps**2)
        for b, i, j in zip(*np.nonzero(valid), strict=True)
    ]
    found = flow_loss(torch.tensor(outputs), torch.tensor(targets), torch.tensor(valid), eps)
    assert found.item() == pytest.approx(np.mean(errors))


def test_loss_gradient():
    outputs = torch.randn(1, 2, 3, 4, dtype=torch.float64, requires_grad=True)
    targets = torch.where(torch.rand(1, 1, 3, 4) < 0.5, outputs.detach(), 0.0)
    valid = torch.rand(1, 3, 4) < 0.7
    assert torch.autograd.gradcheck(lambda o: flow_loss(o, targets, valid, 0.1), outputs)


def test_example():
    own = FlowNet(nn.Identity(), 64)
    assert sum(p.numel() for p in own.parameters()) == 74_946
    flow = torch.tensor([1.5, 1]).view(1, 2, 1, 1).expand(1, 2, 7, 8)
    assert own.resize(flow, (56, 64))[0, :, 5, 6].tolist() == [12, 8]
    outputs = torch.tensor([[3.0, 0], [4, 0]], dtype=torch.float64).view(1, 2, 1, 2)
    valid = torch.ones(1, 1, 2, dtype=torch.bool)
    assert flow_loss(outputs, torch.zeros_like(outputs), valid).item() == pytest.approx(2.5005, abs=1e-6)
