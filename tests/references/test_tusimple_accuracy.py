"""The reference of lane_detection/tusimple_accuracy against fractions and the rules of the official script."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
tusimple = load(ROOT / "solutions/lane_detection/tusimple_accuracy.py").namespace["tusimple"]


def drawn(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return predictions near the true lanes, and those; up to four lanes, points missing in both."""
    g = torch.Generator().manual_seed(seed)
    n_gt, n_pred = seed % 5, (seed // 5) % 5
    gt = 80.0 * torch.arange(n_gt)[:, None] + torch.randint(0, 40, (n_gt, 20), generator=g)
    base = gt[torch.randint(0, n_gt, (n_pred,), generator=g)] if n_gt else torch.full((n_pred, 20), 50.0)
    pred = base + torch.randint(-22, 23, (n_pred, 20), generator=g)
    ends = torch.randint(0, 6, (), generator=g)
    for lanes in (pred, gt):
        lanes[:, :ends] = -2
        lanes[torch.rand(lanes.shape, generator=g) < 0.03] = -2
    return pred.double(), gt.double()


@pytest.mark.parametrize("seed", range(50))
def test_in_fractions(seed):
    pred, gt = drawn(seed)
    best = []
    for g in gt.tolist():
        counts = [
            sum((a < 0) == (b < 0) and (a < 0 or abs(a - b) < 20) for a, b in zip(p, g, strict=True))
            for p in pred.tolist()
        ]
        best.append(Fraction(max(counts, default=0), 20))
    matched = sum(share >= Fraction(85, 100) for share in best)
    acc, fp, fn = tusimple(pred, gt)
    assert acc == pytest.approx(float(sum(best) / len(gt)) if best else 0.0)
    assert fp == pytest.approx((len(pred) - matched) / len(pred) if len(pred) else 0.0)
    assert fn == pytest.approx((len(gt) - matched) / len(gt) if best else 0.0)


@pytest.mark.parametrize("seed", range(50))
def test_official_rules_for_upright_lanes(seed):
    """With up to four lanes and no slant the official script has no rules beyond these."""
    pred, gt = (t.numpy() for t in drawn(seed))
    accs, fn, matched = [], 0.0, 0.0
    for lane in gt:
        rows = [
            np.abs(np.where(p >= 0, p, -100.0) - np.where(lane >= 0, lane, -100.0)) < 20.0 / np.cos(0.0)
            for p in pred
        ]
        best = max((r.sum() / len(lane) for r in rows), default=0.0)
        fn, matched = fn + (best < 0.85), matched + (best >= 0.85)
        accs.append(best)
    wanted = (
        sum(accs) / max(min(4.0, len(gt)), 1.0),
        (len(pred) - matched) / len(pred) if len(pred) else 0.0,
        fn / max(min(len(gt), 4.0), 1.0),
    )
    assert tusimple(torch.tensor(pred), torch.tensor(gt)) == pytest.approx(wanted)


def test_example():
    gt = torch.tensor([[100.0, 110, 120, -2], [300, 310, 320, 330]])
    pred = torch.tensor([[105.0, 130, 119, -2], [-2, -2, -2, -2]])
    assert tusimple(pred, gt) == pytest.approx((0.375, 1.0, 1.0))


def test_one_prediction_for_two_lanes():
    gt = torch.tensor([[100.0] * 5, [110.0] * 5])
    assert tusimple(torch.full((1, 5), 105.0), gt) == pytest.approx((1.0, -1.0, 0.0))


@pytest.mark.parametrize("right", [16, 17])
def test_seventeen_of_twenty(right):
    gt = torch.full((1, 20), 100.0)
    pred = gt + 30 * (torch.arange(20) >= right)
    fn = float(right < 17)
    assert tusimple(pred, gt) == pytest.approx((right / 20, fn, fn))
