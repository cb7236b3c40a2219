"""The reference of anomaly_detection/student_teacher_map against cosines and a loop over pixels."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
stfpm_map = load(ROOT / "solutions/anomaly_detection/student_teacher_map.py").namespace["stfpm_map"]


def drawn(seed, b=2):
    g = torch.Generator().manual_seed(seed)
    shapes = ((b, 5, 6, 8), (b, 7, 3, 4), (b, 9, 2, 3))
    return [[torch.randn(s, generator=g).double() for s in shapes] for _ in range(2)]


def sampled(d, y, x, size):
    """Return one pixel of a map [h, w] resized to size."""
    (h, w), value = d.shape, 0.0
    at = [min(max((p + 0.5) * n / m - 0.5, 0), n - 1) for p, n, m in ((y, h, size[0]), (x, w, size[1]))]
    for i in range(h):
        for j in range(w):
            value += max(0, 1 - abs(at[0] - i)) * max(0, 1 - abs(at[1] - j)) * d[i, j]
    return value


@pytest.mark.parametrize("seed", range(4))
def test_cosines(seed):
    fs, ft = drawn(seed)
    wanted = torch.ones(2, 12, 16).double()
    for s, t in zip(fs, ft, strict=True):
        d = 1 - F.cosine_similarity(s, t, dim=1)
        wanted = wanted * F.interpolate(d[:, None], (12, 16), mode="bilinear")[:, 0]
    torch.testing.assert_close(stfpm_map(fs, ft, (12, 16)), wanted)


@pytest.mark.parametrize("size", [(6, 8), (7, 11)])
def test_pixels(size):
    fs, ft = (([x.numpy() for x in side]) for side in drawn(7))
    found = stfpm_map([torch.from_numpy(s) for s in fs], [torch.from_numpy(t) for t in ft], size)
    for n, y, x in np.ndindex(2, *size):
        wanted = 1.0
        for s, t in zip(fs, ft, strict=True):
            a, b = (f[n] / np.linalg.norm(f[n], axis=0) for f in (s, t))
            wanted *= sampled(((a - b) ** 2).sum(0) / 2, y, x, size)
        assert float(found[n, y, x]) == pytest.approx(wanted)


def test_zeros():
    one, zero = torch.ones(1, 3, 1, 1), torch.zeros(1, 3, 1, 1)
    assert stfpm_map([one], [zero], (2, 2)).flatten().tolist() == pytest.approx([0.5] * 4)
    assert stfpm_map([zero], [zero], (1, 1)).item() == 0


def test_example():
    fs = [torch.tensor([2.0, 0]).reshape(1, 2, 1, 1), torch.tensor([3.0, 4]).reshape(1, 2, 1, 1)]
    ft = [torch.tensor([0.0, 5]).reshape(1, 2, 1, 1), torch.tensor([10.0, 0]).reshape(1, 2, 1, 1)]
    assert stfpm_map(fs, ft, (1, 1)).item() == pytest.approx(0.4)
    assert stfpm_map(fs[:1], ft[:1], (1, 1)).item() == pytest.approx(1)
    assert stfpm_map(fs[:1], [-fs[0]], (1, 1)).item() == pytest.approx(2)
