"""The reference of optical_flow/correlation_volume against NumPy, entry by entry, and against the formula."""

from pathlib import Path

import numpy as np
import pytest
import torch

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
correlation = load(ROOT / "solutions/optical_flow/correlation_volume.py").namespace["correlation"]


@pytest.mark.parametrize("d", [0, 1, 3])
@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (2, 3, 4, 6), (3, 5, 5, 2)])
def test_entry_by_entry(shape, d):
    rng = np.random.default_rng(d)
    f1, f2 = rng.normal(size=shape), rng.normal(size=shape)
    found = correlation(torch.from_numpy(f1), torch.from_numpy(f2), d).numpy()
    b, _, h, w = shape
    assert found.shape == (b, (2 * d + 1) ** 2, h, w)
    for n, k, y, x in np.ndindex(found.shape):
        dy, dx = k // (2 * d + 1) - d, k % (2 * d + 1) - d
        inside = 0 <= y + dy < h and 0 <= x + dx < w
        wanted = np.dot(f1[n, :, y, x], f2[n, :, y + dy, x + dx]) / shape[1] if inside else 0.0
        assert found[n, k, y, x] == pytest.approx(wanted, abs=1e-12)


def test_gradients_against_finite_differences():
    f1, f2 = (torch.randn(1, 2, 3, 4, dtype=torch.float64, requires_grad=True) for _ in range(2))
    assert torch.autograd.gradcheck(lambda a, b: correlation(a, b, 1), (f1, f2))


def test_example():
    f1, f2 = torch.tensor([1.0, 2, 3]).view(1, 1, 1, 3), torch.tensor([10.0, 20, 30]).view(1, 1, 1, 3)
    found = correlation(f1, f2, 1)[0, :, 0]
    assert found[3].tolist() == [0, 20, 60]
    assert found[4].tolist() == [10, 40, 90]
    assert found[5].tolist() == [20, 60, 0]
    assert not found[[0, 1, 2, 6, 7, 8]].any()
