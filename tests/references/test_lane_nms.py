"""The reference of lane_detection/lane_nms against a search over subsets and a pairwise walk."""

import itertools
from pathlib import Path

import pytest
import torch

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
lane_nms = load(ROOT / "solutions/lane_detection/lane_nms.py").namespace["lane_nms"]


def drawn(seed: int, n: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, float]:
    """Return lanes on whole pixels, where they have points, scores with ties, and a threshold."""
    g = torch.Generator().manual_seed(seed)
    xs = torch.randint(-5, 25, (n, 4), generator=g).double()
    valid = torch.rand(n, 4, generator=g) < 0.6
    scores = torch.randint(-2, 4, (n,), generator=g).double() / 4
    return xs, valid, scores, float(torch.randint(0, 14, (), generator=g))


def rivals(a: tuple[list[float], list[bool]], b: tuple[list[float], list[bool]], thr: float) -> bool:
    """Whether two lanes are nearer than thr on average."""
    gaps = [abs(x - y) for x, y, u, v in zip(a[0], b[0], a[1], b[1], strict=True) if u and v]
    return sum(gaps) < thr * len(gaps)


def searched(xs: torch.Tensor, valid: torch.Tensor, scores: torch.Tensor, thr: float) -> list[int]:
    """Return the only subset without rivals in which every lane left out has a better rival."""
    lanes, s, n = list(zip(xs.tolist(), valid.tolist(), strict=True)), scores.tolist(), len(scores)
    near = [[rivals(a, b, thr) for b in lanes] for a in lanes]
    found = []
    for flags in itertools.product((False, True), repeat=n):
        kept = [i for i in range(n) if flags[i]]
        if any(near[i][j] for i, j in itertools.combinations(kept, 2)):
            continue
        left = [j for j in range(n) if not flags[j]]
        if all(any(near[i][j] and (s[i], -i) > (s[j], -j) for i in kept) for j in left):
            found.append(sorted(kept, key=lambda i: (-s[i], i)))
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize("seed", range(60))
def test_it_is_the_only_stable_subset(seed):
    case = drawn(seed, 8)
    assert lane_nms(*case).tolist() == searched(*case)


@pytest.mark.parametrize("seed", range(20))
def test_many_lanes(seed):
    xs, valid, scores, thr = drawn(seed, 40)
    lanes = list(zip(xs.tolist(), valid.tolist(), strict=True))
    kept: list[int] = []
    for i in sorted(range(40), key=lambda i: (-float(scores[i]), i)):
        if not any(rivals(lanes[i], lanes[j], thr) for j in kept):
            kept.append(i)
    assert lane_nms(xs, valid, scores, thr).tolist() == kept


def test_example():
    xs = torch.tensor([[0.0, 20, 30], [10, 24, 42], [18, 36, 0]])
    valid = torch.tensor([[False, True, True], [True, True, True], [True, True, False]])
    assert lane_nms(xs, valid, torch.tensor([0.6, 0.9, 0.8]), 10.0).tolist() == [1, 2]


def test_no_lanes():
    kept = lane_nms(torch.zeros(0, 4), torch.zeros(0, 4).bool(), torch.zeros(0), 5.0)
    assert kept.shape == (0,)
    assert kept.dtype == torch.int64
