"""The reference of depth/scale_shift_align against NumPy's and SciPy's fits, and against exact fractions."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
align = load(ROOT / "solutions/depth/scale_shift_align.py").namespace["align"]


def drawn(seed, b=4, h=5, w=6, unit=1.0):
    g = torch.Generator().manual_seed(seed)
    pred = (torch.randint(1, 4096, (b, h, w), generator=g).double() / 512 + 3) * unit
    target = torch.randn(b, h, w, generator=g).double() * 4
    valid = torch.rand(b, h, w, generator=g) < 0.6
    return pred, target.masked_fill(~valid, torch.nan), valid


@pytest.mark.parametrize("unit", [2.0**-14, 1.0, 2.0**14])
@pytest.mark.parametrize("seed", range(5))
def test_fits(seed, unit):
    pred, target, valid = drawn(seed, unit=unit)
    s, t = align(pred, target, valid)
    for i, v in enumerate(valid):
        p, g = pred[i][v].numpy(), target[i][v].numpy()
        slope, offset = np.polynomial.Polynomial.fit(p, g, 1).convert().coef[::-1]
        assert s[i].item() == pytest.approx(slope, rel=1e-8)
        assert t[i].item() == pytest.approx(offset, rel=1e-8)


def test_scipy():
    stats = pytest.importorskip("scipy.stats")
    pred, target, valid = drawn(9)
    s, t = align(pred, target, valid)
    for i, v in enumerate(valid):
        line = stats.linregress(pred[i][v].numpy(), target[i][v].numpy())
        assert (s[i].item(), t[i].item()) == pytest.approx((line.slope, line.intercept), rel=1e-9)


def exactly(p, g):
    n, p, g = len(p), [Fraction(x) for x in p], [Fraction(x) for x in g]
    if n == 0:
        return 0, 0
    pp = sum(x * x for x in p)
    det = n * pp - sum(p) ** 2
    if det * 10**12 <= n * pp:
        return 0, sum(g) / n
    s = (n * sum(x * y for x, y in zip(p, g, strict=True)) - sum(p) * sum(g)) / det
    return s, (sum(g) - s * sum(p)) / n


@pytest.mark.parametrize("level", [0.0, 0.1, -3.0, 1e4, 1e-5])
@pytest.mark.parametrize("spread", [0.0, 2.0**-24, 2.0**-21, 2.0**-8])
def test_nearly_constant(level, spread):
    last = torch.tensor([[[0, 1, 3], [2, 0, 1]]]).double()
    pred, target = level * (1 + spread * last), torch.arange(6).double().reshape(1, 2, 3) ** 2
    s, t = align(pred, target, torch.ones(1, 2, 3, dtype=torch.bool))
    wanted = exactly(pred.flatten().tolist(), target.flatten().tolist())
    assert (s.item(), t.item()) == pytest.approx([float(x) for x in wanted], rel=1e-6)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_pixels(count):
    pred, target = torch.tensor([[[1.0, 3, 2]]]), torch.tensor([[[2.0, 8, torch.inf]]])
    valid = torch.arange(3).lt(count).reshape(1, 1, 3)
    s, t = align(pred, target, valid)
    assert (s.tolist(), t.tolist()) == {0: ([0], [0]), 1: ([0], [2]), 2: ([3], [-1])}[count]


def test_example():
    target, valid = torch.tensor([[[3, 5, 7, torch.nan]]]), torch.tensor([[[True, True, True, False]]])
    assert align(torch.tensor([[[1.0, 2, 3, 9]]]), target, valid) == (
        torch.tensor([2.0]),
        torch.tensor([1.0]),
    )
    assert align(torch.tensor([[[4.0, 4, 4, 9]]]), target, valid) == (
        torch.tensor([0.0]),
        torch.tensor([5.0]),
    )
