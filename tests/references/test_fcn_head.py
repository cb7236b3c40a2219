"""The reference of semantic_segmentation/fcn_head against a loop over pixels and against OpenCV."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
FCNHead = load(ROOT / "solutions/semantic_segmentation/fcn_head.py").namespace["FCNHead"]


def neighbours(n: int, m: int, at: int) -> tuple[int, int, float]:
    """Return the two pixels around output pixel ``at`` of m, and the weight of the second."""
    source = min(max((at + 0.5) * n / m - 0.5, 0.0), n - 1.0)
    low = math.floor(source)
    return low, min(low + 1, n - 1), source - low


def by_pixel(feat: np.ndarray, weight: np.ndarray, bias: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    scores = np.tensordot(weight, feat, axes=([1], [1])).swapaxes(0, 1) + bias[None, :, None, None]
    found = np.zeros((*scores.shape[:2], *size))
    for i in range(size[0]):
        y0, y1, fy = neighbours(scores.shape[2], size[0], i)
        for j in range(size[1]):
            x0, x1, fx = neighbours(scores.shape[3], size[1], j)
            top = (1 - fx) * scores[:, :, y0, x0] + fx * scores[:, :, y0, x1]
            bottom = (1 - fx) * scores[:, :, y1, x0] + fx * scores[:, :, y1, x1]
            found[:, :, i, j] = (1 - fy) * top + fy * bottom
    return found


@pytest.mark.parametrize("size", [(12, 20), (13, 31), (2, 3), (3, 5), (3, 17), (1, 1), (50, 4)])
def test_by_pixel(size):
    torch.manual_seed(0)
    head = FCNHead(4, 3).double()
    feat = torch.randn(2, 4, 3, 5, dtype=torch.float64)
    weight, bias = head.cls.weight.detach().numpy()[:, :, 0, 0], head.cls.bias.detach().numpy()
    np.testing.assert_allclose(
        head(feat, size).detach().numpy(), by_pixel(feat.numpy(), weight, bias, size), rtol=1e-9, atol=1e-12
    )


@pytest.mark.parametrize("size", [(224, 224), (225, 225), (250, 333)])
def test_sizes(size):
    """Against OpenCV's bilinear resize, which has the same convention when it enlarges."""
    cv2 = pytest.importorskip("cv2")
    torch.manual_seed(1)
    head = FCNHead(512, 21)
    assert sum(p.numel() for p in head.parameters()) == 10773
    feat = torch.randn(1, 512, -(-size[0] // 32), -(-size[1] // 32))
    found = head(feat, size)
    assert found.shape == (1, 21, *size)
    scores = head.cls(feat)[0].detach().numpy()
    for k in range(21):
        wanted = cv2.resize(scores[k], (size[1], size[0]), interpolation=cv2.INTER_LINEAR)
        np.testing.assert_allclose(found[0, k].detach().numpy(), wanted, atol=2e-4)


def test_statement():
    """The row of the statement: 0, 4 becomes 0, 1, 3, 4."""
    head = FCNHead(1, 1)
    head.cls.weight.data.fill_(1)
    head.cls.bias.data.fill_(0)
    assert head(torch.tensor([[[[0.0, 4.0]]]]), (1, 4)).flatten().tolist() == [0, 1, 3, 4]
