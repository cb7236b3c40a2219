"""The reference of semantic_segmentation/aspp against SciPy's correlation with kernels spread out by zeros."""

from pathlib import Path

import numpy as np
import pytest
import torch

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
ASPP = load(ROOT / "solutions/semantic_segmentation/aspp.py").namespace["ASPP"]


def spread(kernel: np.ndarray, rate: int) -> np.ndarray:
    """Return a 3x3 kernel with rate - 1 zeros between its taps."""
    wide = np.zeros((2 * rate + 1, 2 * rate + 1))
    wide[::rate, ::rate] = kernel
    return wide


def convolved(x: np.ndarray, weight: np.ndarray, bias: np.ndarray, rate: int) -> np.ndarray:
    correlate = pytest.importorskip("scipy.ndimage").correlate
    return np.stack(
        [
            sum(correlate(x[c], spread(row[c], rate), mode="constant") for c in range(len(x))) + b
            for row, b in zip(weight, bias, strict=True)
        ]
    )


@pytest.mark.parametrize("size", [(1, 1), (5, 1), (7, 9), (20, 40)])
@pytest.mark.parametrize("rates", [(1,), (3, 2), (6, 12, 18)])
def test_agrees_with_scipy(size, rates):
    torch.manual_seed(0)
    model = ASPP(2, 3, rates).double()
    x = torch.randn(2, 2, *size, dtype=torch.float64)
    state = {name: value.numpy() for name, value in model.state_dict().items()}
    for image, found in zip(x.numpy(), model(x).detach().numpy(), strict=True):
        flat = [np.einsum("oc,chw->ohw", state["point.weight"][..., 0, 0], image)]
        flat[0] += state["point.bias"][:, None, None]
        for i, rate in enumerate(rates):
            flat.append(convolved(image, state[f"atrous.{i}.weight"], state[f"atrous.{i}.bias"], rate))
        pooled = state["pool.weight"][..., 0, 0] @ image.mean((1, 2)) + state["pool.bias"]
        flat.append(np.broadcast_to(pooled[:, None, None], flat[0].shape))
        wanted = np.einsum("oc,chw->ohw", state["project.weight"][..., 0, 0], np.concatenate(flat))
        assert found == pytest.approx(wanted + state["project.bias"][:, None, None])


def test_parameters():
    assert sum(p.numel() for p in ASPP(2, 4).parameters()) == 336
