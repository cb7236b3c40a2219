"""The reference of lane_detection/encode_lanes against exact fractions and NumPy's digitize."""

import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
encode_lanes = load(ROOT / "solutions/lane_detection/encode_lanes.py").namespace["encode_lanes"]


def drawn(seed: int, W: int) -> torch.Tensor:
    """Return points inside and around an image, some of them missing."""
    rng = np.random.default_rng(seed)
    xs = rng.uniform(-0.3 * W, 1.3 * W, (5, 40))
    marks = rng.choice([np.nan, np.inf, -np.inf, -2.0], xs.shape)
    return torch.from_numpy(np.where(rng.random(xs.shape) < 0.2, marks, xs))


@pytest.mark.parametrize(("W", "C"), [(800, 100), (1640, 200), (1280, 100), (61, 7), (4, 32), (100, 1)])
@pytest.mark.parametrize("seed", range(5))
def test_fractions_and_digitize(seed, W, C):
    xs = drawn(seed, W)
    found = encode_lanes(xs, W, C)
    assert found.dtype == torch.int64
    wanted = [[math.floor(Fraction(x) * C / W) if 0 <= x < W else C for x in lane] for lane in xs.tolist()]
    assert found.tolist() == wanted
    borders = np.arange(C + 1) * W / C
    binned = np.digitize(np.nan_to_num(xs.numpy(), nan=-1.0), borders) - 1
    assert found.tolist() == np.where(binned < 0, C, binned).tolist()


def test_borders():
    for W, C in ((64, 8), (256, 4), (1024, 128)):
        left = torch.arange(C).double() * W / C
        assert encode_lanes(left[None], W, C)[0].tolist() == list(range(C))
        below = (torch.arange(1, C + 1).double() * W / C)[None] - 1e-6
        assert encode_lanes(below, W, C)[0].tolist() == list(range(C))


def test_empty():
    assert encode_lanes(torch.zeros(0, 5), 100, 8).shape == (0, 5)
    assert encode_lanes(torch.zeros(3, 0), 100, 8).dtype == torch.int64


def test_example():
    xs = torch.tensor([[0, 12.4, 12.5, 99, 100, -0.5, float("nan")]])
    assert encode_lanes(xs, 100, 8).tolist() == [[0, 0, 1, 7, 8, 8, 8]]
