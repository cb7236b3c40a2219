"""The reference of anomaly_detection/anomaly_map against SciPy's box filter and OpenCV's."""

from pathlib import Path

import numpy as np
import pytest
import torch

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
anomaly_map = load(ROOT / "solutions/anomaly_detection/anomaly_map.py").namespace["anomaly_map"]


def drawn(seed, size):
    rng = np.random.default_rng(seed)
    return rng.random((2, 3, *size)), rng.random((2, 3, *size))


@pytest.mark.parametrize("r", [0, 1, 2, 6])
@pytest.mark.parametrize("size", [(9, 12), (1, 5), (3, 3)])
def test_scipy(r, size):
    ndimage = pytest.importorskip("scipy.ndimage")
    x, x_hat = drawn(r, size)
    found, score = anomaly_map(torch.from_numpy(x), torch.from_numpy(x_hat), r)
    inside = ndimage.uniform_filter(np.ones(size), 2 * r + 1, mode="constant")
    for n in range(2):
        error = ((x[n] - x_hat[n]) ** 2).sum(0) / 3
        wanted = ndimage.uniform_filter(error, 2 * r + 1, mode="constant") / inside
        assert found[n].numpy() == pytest.approx(wanted)
        assert score[n].item() == pytest.approx(wanted.max())


def test_opencv():
    cv2 = pytest.importorskip("cv2")
    x, x_hat = drawn(7, (8, 11))
    found, _ = anomaly_map(torch.from_numpy(x), torch.from_numpy(x_hat))
    error = np.mean((x[1] - x_hat[1]) ** 2, axis=0)
    sums = [
        cv2.boxFilter(m, -1, (5, 5), normalize=False, borderType=cv2.BORDER_CONSTANT)
        for m in (error, np.ones((8, 11)))
    ]
    assert found[1].numpy() == pytest.approx(sums[0] / sums[1])


def test_example():
    x = torch.zeros(1, 3, 1, 3)
    x_hat = x.clone()
    x_hat[0, 0, 0, 0] = 3
    found, score = anomaly_map(x, x_hat, r=0)
    assert found.tolist() == [[[3, 0, 0]]]
    found, score = anomaly_map(x, x_hat, r=1)
    assert found.tolist() == [[[1.5, 1, 0]]]
    assert score.tolist() == [1.5]
