"""The reference of semantic_segmentation/unet_small against the same network in NumPy and SciPy."""

from pathlib import Path

import numpy as np
import pytest
import torch

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
UNet = load(ROOT / "solutions/semantic_segmentation/unet_small.py").namespace["UNet"]


def convolved(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    correlate = pytest.importorskip("scipy.ndimage").correlate
    sums = [sum(correlate(c, k, mode="constant") for c, k in zip(x, row, strict=True)) for row in weight]
    return np.stack(sums) + bias[:, None, None]


def doubled(x: np.ndarray, state: dict, name: str) -> np.ndarray:
    for layer in (0, 2):
        x = convolved(x, state[f"{name}.{layer}.weight"], state[f"{name}.{layer}.bias"]).clip(0)
    return x


def resized(x: np.ndarray, n: int, axis: int) -> np.ndarray:
    """Resize one axis linearly, centres of pixels at halves."""
    m = x.shape[axis]
    at = np.clip((np.arange(n) + 0.5) * m / n - 0.5, 0, m - 1)
    return np.apply_along_axis(lambda line: np.interp(at, np.arange(m), line), axis, x)


def forward(x: np.ndarray, state: dict, depth: int) -> np.ndarray:
    skips = []
    for level in range(depth):
        skips.append(doubled(x, state, f"down.{level}"))
        h, w = (n // 2 for n in skips[-1].shape[1:])
        corners = [skips[-1][:, i : 2 * h : 2, j : 2 * w : 2] for i in (0, 1) for j in (0, 1)]
        x = np.max(corners, axis=0)
    x = doubled(x, state, "bottom")
    for level in reversed(range(depth)):
        weight, bias = state[f"up.{level}.weight"], state[f"up.{level}.bias"]
        risen = sum(np.stack([np.kron(x[c], kernel) for kernel in weight[c]]) for c in range(len(x)))
        x = risen + bias[:, None, None]
        for axis in (1, 2):
            x = resized(x, skips[level].shape[axis], axis)
        x = doubled(np.concatenate([skips[level], x]), state, f"merge.{level}")
    head = np.einsum("oc,chw->ohw", state["head.weight"][..., 0, 0], x)
    return head + state["head.bias"][:, None, None]


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("size", [(8, 16), (9, 11), (15, 13), (10, 23)])
def test_agrees_with_numpy(size, depth):
    torch.manual_seed(depth)
    model = UNet(2, 3, width=2, depth=depth).double()
    x = 3 * torch.randn(2, 2, *size, dtype=torch.float64)
    state = {name: value.numpy() for name, value in model.state_dict().items()}
    for image, found in zip(x.numpy(), model(x).detach().numpy(), strict=True):
        assert found == pytest.approx(forward(image, state, depth))


def test_parameters():
    assert sum(p.numel() for p in UNet(1, 2, width=1, depth=1).parameters()) == 120


def test_example():
    model, seen = UNet(3, 21), []
    model.bottom.register_forward_hook(lambda module, args, result: seen.append(tuple(result.shape[2:])))
    with torch.no_grad():
        assert model(torch.zeros(1, 3, 250, 333)).shape == (1, 21, 250, 333)
    assert seen == [(31, 41)]
