"""The reference of lane_detection/row_anchor_net against NumPy, SciPy and the numbers of the paper."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
namespace = load(ROOT / "solutions/lane_detection/row_anchor_net.py").namespace
RowAnchorNet, lane_loss = namespace["RowAnchorNet"], namespace["lane_loss"]


def pooled(x: np.ndarray, fh: int, fw: int) -> np.ndarray:
    """Return the means of the windows of adaptive pooling."""
    h, w = x.shape[2:]
    out = np.empty((*x.shape[:2], fh, fw))
    for i in range(fh):
        for j in range(fw):
            rows = slice(i * h // fh, math.ceil((i + 1) * h / fh))
            columns = slice(j * w // fw, math.ceil((j + 1) * w / fw))
            out[:, :, i, j] = x[:, :, rows, columns].mean(axis=(2, 3))
    return out


@pytest.mark.parametrize("hw", [(4, 6), (7, 6), (9, 17), (3, 2), (1, 1)])
def test_forward(hw):
    torch.manual_seed(0)
    backbone = nn.Conv2d(3, 5, 1)
    model = RowAnchorNet(backbone, 5, (4, 6), 2, 3, 7, 10).double()
    x = torch.randn(2, 3, *hw, dtype=torch.float64)
    state = {name: value.numpy() for name, value in model.state_dict().items()}
    features = np.einsum("oc,bchw->bohw", state["backbone.weight"][:, :, 0, 0], x.numpy())
    features = features + state["backbone.bias"][:, None, None]
    assert model.encode(x).detach().numpy() == pytest.approx(features)
    small = np.einsum("oc,bchw->bohw", state["reduce.weight"][:, :, 0, 0], pooled(features, 4, 6))
    vector = np.stack([(m + state["reduce.bias"][:, None, None]).ravel() for m in small])
    hidden = np.maximum(vector @ state["fc1.weight"].T + state["fc1.bias"], 0)
    flat = hidden @ state["fc2.weight"].T + state["fc2.bias"]
    found = model(x).detach().numpy()
    for lane in range(2):
        for row in range(3):
            start = (lane * 3 + row) * 8
            assert found[:, lane, row] == pytest.approx(flat[:, start : start + 8])


def test_example():
    with torch.device("meta"):
        model = RowAnchorNet(nn.Identity(), 512, (9, 25), 4, 56, 100, 2048)
        sizes = [p.numel() for p in model.parameters()]
        assert model(torch.empty(1, 512, 9, 25)).shape == (1, 4, 56, 101)
    assert sum(sizes) == 50_049_128
    assert 512 * 8 + 8 == 4_104
    assert sum(sizes) - 4_104 == 50_045_024
    found = lane_loss(torch.zeros(2, 4, 5, 101), torch.randint(0, 101, (2, 4, 5)))
    assert float(found) == pytest.approx(4.615, abs=5e-4)


@pytest.mark.parametrize("scale", [1.0, 300.0])
@pytest.mark.parametrize("seed", range(5))
def test_loss_in_scipy(seed, scale):
    logsumexp = pytest.importorskip("scipy.special").logsumexp
    rng = np.random.default_rng(seed)
    outputs, targets = rng.normal(0, scale, (2, 3, 4, 6)), rng.integers(0, 6, (2, 3, 4))
    each = [logsumexp(outputs[at]) - outputs[at][targets[at]] for at in np.ndindex(2, 3, 4)]
    found = lane_loss(torch.from_numpy(outputs), torch.from_numpy(targets))
    assert float(found) == pytest.approx(np.mean(each))


def test_gradients():
    outputs = torch.randn(2, 2, 3, 5, dtype=torch.float64, requires_grad=True)
    targets = torch.randint(0, 5, (2, 2, 3))
    assert torch.autograd.gradcheck(lambda z: lane_loss(z, targets), outputs)
