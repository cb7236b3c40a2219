"""The reference of depth/depth_net against NumPy, position by position, and NumPy's masked arrays."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
NAMES = load(ROOT / "solutions/depth/depth_net.py").namespace
DepthNet, depth_loss = NAMES["DepthNet"], NAMES["depth_loss"]


def drawn(seed: int, stride: int = 2) -> nn.Module:
    """Return a network with random weights on a backbone of this stride."""
    torch.manual_seed(seed)
    return DepthNet(nn.Conv2d(3, 4, 3, stride=stride, padding=1), 4).double()


def read(x: np.ndarray, i: int, j: int, size: tuple[int, int]) -> float:
    """Return one value of a map resized bilinearly."""
    h, w = x.shape
    y = min(max((i + 0.5) * h / size[0] - 0.5, 0), h - 1)
    z = min(max((j + 0.5) * w / size[1] - 0.5, 0), w - 1)
    rows = [(int(y), 1 - y % 1), (min(int(y) + 1, h - 1), y % 1)]
    columns = [(int(z), 1 - z % 1), (min(int(z) + 1, w - 1), z % 1)]
    return sum(p * q * x[r, c] for r, p in rows for c, q in columns)


@pytest.mark.parametrize("size", [(5, 7), (8, 8), (9, 4), (1, 1), (17, 13)])
@pytest.mark.parametrize("stride", [1, 2, 4])
def test_by_positions(size, stride):
    model = drawn(1, stride)
    x = torch.randn(2, 3, *size, dtype=torch.float64)
    found = model(x)
    assert found.shape == (2, 1, *size)
    weight, bias = model.proj.weight.detach().numpy()[0, :, 0, 0], model.proj.bias.item()
    for features, depth in zip(model.backbone(x).detach().numpy(), found.detach().numpy(), strict=True):
        small = np.tensordot(weight, features, 1) + bias
        wanted = [[read(small, i, j, size) for j in range(size[1])] for i in range(size[0])]
        assert depth[0] == pytest.approx(np.logaddexp(wanted, 0) + 1e-3)


def test_opencv():
    cv2 = pytest.importorskip("cv2")
    model, features = drawn(2), torch.randn(1, 4, 5, 6, dtype=torch.float64)
    small = model.proj(features).detach().numpy()[0, 0]
    wanted = np.logaddexp(cv2.resize(small, (13, 11), interpolation=cv2.INTER_LINEAR), 0) + 1e-3
    assert model.decode(features, (11, 13)).detach().numpy()[0, 0] == pytest.approx(wanted, rel=1e-6)


def test_whole_gradient():
    model, x = drawn(3), torch.randn(1, 3, 4, 5, dtype=torch.float64, requires_grad=True)
    targets = torch.tensor([2.0, 0, float("nan"), 3] * 5).double().view(1, 1, 4, 5)
    assert torch.autograd.gradcheck(lambda x: depth_loss(model(x), targets), x)


@pytest.mark.parametrize("seed", range(8))
def test_masked_arrays(seed):
    g = np.random.default_rng(seed)
    outputs, targets = g.uniform(0, 9, (3, 1, 4, 5)), g.uniform(0.01, 9, (3, 1, 4, 5))
    for hole in (0, -1, np.nan, np.inf, -np.inf):
        targets[g.random(targets.shape) < 0.1] = hole
    held = np.ma.masked_less_equal(np.ma.masked_invalid(targets), 0)
    wanted = np.ma.abs(held - outputs).mean()
    assert depth_loss(torch.tensor(outputs), torch.tensor(targets)).item() == pytest.approx(wanted)


@pytest.mark.parametrize("shape", [(2, 3, 4), (1, 1, 3, 4), (2, 1, 3, 1), (2, 2, 3, 4), (3, 4), ()])
def test_other_shapes(shape):
    with pytest.raises(ValueError, match="shape"):
        depth_loss(torch.ones(2, 1, 3, 4), torch.ones(shape))


def test_example():
    outputs = torch.tensor([1.0, 2, 3, 4]).view(1, 1, 2, 2)
    assert depth_loss(outputs, torch.tensor([2, 0, float("nan"), 7]).view(1, 1, 2, 2)).item() == 2
    own = DepthNet(nn.Identity(), 512)
    assert sum(p.numel() for p in own.parameters()) == 513
    assert nn.ConvTranspose2d(1, 1, 16, stride=8, padding=4)(torch.ones(1, 1, 7, 7)).shape[-1] == 56
