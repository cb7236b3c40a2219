"""The reference of detection/anchor_grid against NumPy, one anchor at a time, by its flat index."""

from pathlib import Path

import numpy as np
import pytest
import torch

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
anchor_grid = load(ROOT / "solutions/detection/anchor_grid.py").namespace["anchor_grid"]


def by_index(h: int, w: int, stride: int, scales: list[float], ratios: list[float]) -> np.ndarray:
    """Return the anchors, each read off its index, with the extents as roots of s^2 / r and s^2 * r."""
    shape = (h, w, len(scales), len(ratios))
    found = np.zeros((int(np.prod(shape)), 4))
    for i in range(len(found)):
        y, x, s, r = np.unravel_index(i, shape)
        width, height = np.sqrt(scales[s] ** 2 / ratios[r]), np.sqrt(scales[s] ** 2 * ratios[r])
        cx, cy = stride * (x + 0.5), stride * (y + 0.5)
        found[i] = cx - width / 2, cy - height / 2, cx + width / 2, cy + height / 2
    return found


@pytest.mark.parametrize(
    ("h", "w", "stride"), [(1, 1, 8), (3, 5, 16), (5, 2, 7), (0, 3, 8), (2, 0, 8), (25, 34, 32)]
)
@pytest.mark.parametrize(
    ("scales", "ratios"),
    [([32, 64, 128], [0.5, 1, 2]), ([10.5], [3]), ([8, 4], [0.3, 1.7, 1]), ([], [1]), ([4], []), ([], [])],
)
def test_by_index(h, w, stride, scales, ratios):
    """All orders, sizes, empty axes."""
    found = anchor_grid(h, w, stride, scales, ratios)
    assert found.shape == (h * w * len(scales) * len(ratios), 4)
    assert found.dtype == torch.float32
    np.testing.assert_allclose(found.numpy(), by_index(h, w, stride, scales, ratios), rtol=1e-5, atol=1e-4)


def test_statement():
    """The example of the statement."""
    wanted = [[2.0, 2, 6, 6], [3, 0, 5, 8], [10, 2, 14, 6], [11, 0, 13, 8]]
    torch.testing.assert_close(anchor_grid(1, 2, 8, [4], [1, 4]), torch.tensor(wanted))
