"""The reference of anomaly_detection/greedy_coreset against a walk over sorted pairs and the best radius."""

import itertools
import math
from pathlib import Path

import pytest
import torch

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
greedy_coreset = load(ROOT / "solutions/anomaly_detection/greedy_coreset.py").namespace["greedy_coreset"]


def drawn(seed: int, n: int, d: int, step: int) -> torch.Tensor:
    g = torch.Generator().manual_seed(seed)
    return torch.randint(-step, step + 1, (n, d), generator=g).double()


def walked(points: list[list[float]], m: int, start: int) -> list[int]:
    """Take the first of the points left that no other one left is farther away than."""
    chosen = [start]
    while len(chosen) < m:
        far = {
            i: min(sum((a - b) ** 2 for a, b in zip(p, points[j], strict=True)) for j in chosen)
            for i, p in enumerate(points)
            if i not in chosen
        }
        chosen.append(min(far, key=lambda i: (-far[i], i)))
    return chosen


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("step", [1, 2, 500])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_it_is_the_walk(seed, step, dtype):
    x = drawn(seed, 14, 3, step)
    assert greedy_coreset(x.to(dtype), 14, start=seed % 14).tolist() == walked(x.tolist(), 14, seed % 14)


@pytest.mark.parametrize("seed", range(10))
def test_radius_is_at_most_twice_the_best(seed):
    x = drawn(seed, 10, 2, 50)
    far = torch.cdist(x, x)
    best = min(float(far[:, list(c)].amin(1).max()) for c in itertools.combinations(range(10), 3))
    found = float(far[:, greedy_coreset(x, 3)].amin(1).max())
    assert best <= found <= 2 * best


def test_circle():
    """On a circle of 8 points the greedy choice is the opposite point, then the two in between."""
    angle = torch.arange(8).double() * math.pi / 4
    found = greedy_coreset(torch.stack([angle.cos(), angle.sin()], dim=1), 4, start=1).tolist()
    assert found[:2] == [1, 5]
    assert set(found[2:]) == {3, 7}


def test_example():
    x = torch.tensor([0.0, 1, 2, 8, 10, 2])[:, None]
    found = greedy_coreset(x, 4)
    assert found.tolist() == [0, 4, 2, 3]
    assert found.dtype == torch.int64
    for m in (0, 7):
        with pytest.raises(ValueError, match="m must be"):
            greedy_coreset(x, m)
