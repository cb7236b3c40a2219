"""The reference of trajectory_prediction/constant_velocity against exact fractions and NumPy's fits."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
constant_velocity = load(ROOT / "solutions/trajectory_prediction/constant_velocity.py").namespace[
    "constant_velocity"
]


def exactly(track, steps, k):
    """One agent's future in exact arithmetic, displacement by displacement."""
    points = [[Fraction(x) for x in point] for point in track]
    found = []
    for c in range(2):
        moves = [b[c] - a[c] for a, b in pairwise(points)]
        mean = sum(moves[len(moves) - k :]) / k
        found.append([float(points[-1][c] + s * mean) for s in range(1, steps + 1)])
    return [list(point) for point in zip(*found, strict=True)]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("t", [2, 3, 7])
def test_exactly(t, seed):
    hist = torch.randn(3, t, 2, generator=torch.Generator().manual_seed(seed)).double()
    for k in range(1, t):
        found = constant_velocity(hist, 5, k)
        assert found.shape == (3, 5, 2)
        for track, future in zip(hist.tolist(), found.tolist(), strict=True):
            assert np.allclose(future, exactly(track, 5, k), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("k", [1, 2, 5])
def test_line(k):
    """On a line every fit of degree 1 gives the same future."""
    g = torch.Generator().manual_seed(k)
    start, move = torch.randn(1, 1, 2, generator=g).double(), torch.randn(1, 1, 2, generator=g).double()
    track = start + move * torch.arange(6.0)[:, None]
    found = constant_velocity(track, 4, k)[0]
    for c in range(2):
        fit = np.polynomial.Polynomial.fit(np.arange(6), track[0, :, c].numpy(), 1)
        assert np.allclose(found[:, c], fit(np.arange(6, 10)))


@pytest.mark.parametrize(("t", "k"), [(4, 0), (4, -1), (4, 4), (1, 1)])
def test_refuses(t, k):
    with pytest.raises(ValueError, match="displacements"):
        constant_velocity(torch.zeros(2, t, 2), 3, k)


def test_example_and_empties():
    hist = torch.tensor([[[0.0, 0], [2, 0], [6, 2]]])
    assert constant_velocity(hist, 2).tolist() == [[[10, 4], [14, 6]]]
    assert constant_velocity(hist, 2, 2).tolist() == [[[9, 3], [12, 4]]]
    assert constant_velocity(hist, 0).shape == (1, 0, 2)
    assert constant_velocity(hist[:0], 3).shape == (0, 3, 2)
