"""The reference of depth/depth_head against OpenCV's resizing and NumPy, and a loop over positions."""

from pathlib import Path

import numpy as np
import pytest
import torch

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
DepthHead = load(ROOT / "solutions/depth/depth_head.py").namespace["DepthHead"]


def drawn(seed: int, h: int = 5, w: int = 7) -> tuple[torch.nn.Module, torch.Tensor]:
    """Return a head with random weights and features for it."""
    torch.manual_seed(seed)
    return DepthHead(4).double(), 3 * torch.randn(2, 4, h, w, dtype=torch.float64)


def projected(model: torch.nn.Module, feat: torch.Tensor) -> np.ndarray:
    """Return the projection in NumPy, [B, h, w]."""
    weight = model.proj.weight.detach().numpy()[0, :, 0, 0]
    return np.tensordot(weight, feat.numpy(), (0, 1)) + model.proj.bias.item()


def softplus(x: np.ndarray) -> np.ndarray:
    """Return log(1 + exp(x))."""
    return np.logaddexp(x, 0)


def resized(x: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return one map resized bilinearly, position by position."""
    out = np.zeros(size)
    for i in range(size[0]):
        for j in range(size[1]):
            y = min(max((i + 0.5) * x.shape[0] / size[0] - 0.5, 0), x.shape[0] - 1)
            z = min(max((j + 0.5) * x.shape[1] / size[1] - 0.5, 0), x.shape[1] - 1)
            top, left = int(y), int(z)
            low, right = min(top + 1, x.shape[0] - 1), min(left + 1, x.shape[1] - 1)
            fy, fz = y - top, z - left
            above = (1 - fz) * x[top, left] + fz * x[top, right]
            below = (1 - fz) * x[low, left] + fz * x[low, right]
            out[i, j] = (1 - fy) * above + fy * below
    return out


@pytest.mark.parametrize("size", [(5, 7), (11, 9), (3, 2), (1, 1), (20, 28), (4, 13)])
def test_by_positions(size):
    model, feat = drawn(1)
    wanted = [softplus(resized(x, size)) + 1e-3 for x in projected(model, feat)]
    found = model(feat, size)
    assert found.shape == (2, 1, *size)
    assert found.detach().numpy()[:, 0] == pytest.approx(np.stack(wanted))


@pytest.mark.parametrize("size", [(10, 14), (15, 9), (6, 8)])
def test_opencv(size):
    cv2 = pytest.importorskip("cv2")
    model, feat = drawn(2)
    wanted = [cv2.resize(x, size[::-1], interpolation=cv2.INTER_LINEAR) for x in projected(model, feat)]
    found = model(feat, size).detach().numpy()[:, 0]
    assert found == pytest.approx(softplus(np.stack(wanted)) + 1e-3, rel=1e-6)


def test_extremes():
    model, feat = drawn(3)
    found = model(1e5 * feat, (9, 9))
    assert found.isfinite().all()
    assert (found > 0).all()


def test_gradients():
    model, feat = drawn(4, 2, 3)
    assert torch.autograd.gradcheck(lambda x: model(x, (3, 5)), feat.requires_grad_(True))


def test_example():
    model = DepthHead(1).double()
    with torch.no_grad():
        model.proj.weight.fill_(1)
        model.proj.bias.zero_()
    values = torch.tensor([0.0, -5, 1000]).double().reshape(3, 1, 1, 1)
    assert model(values, (1, 1)).flatten().tolist() == pytest.approx([0.6941, 0.0077, 1000.001], abs=5e-5)
    row = model(torch.tensor([0.0, 2.0]).double().reshape(1, 1, 1, 2), (1, 4))
    wanted = softplus(np.array([0, 0.5, 1.5, 2])) + 1e-3
    assert row.detach().numpy()[0, 0, 0] == pytest.approx(wanted)
    assert sum(p.numel() for p in DepthHead(64).parameters()) == 65
