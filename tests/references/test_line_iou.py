"""The reference of lane_detection/line_iou against fractions, interval by interval, and gradcheck."""

from fractions import Fraction
from pathlib import Path

import pytest
import torch

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
line_iou = load(ROOT / "solutions/lane_detection/line_iou.py").namespace["line_iou"]


def drawn(seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, float]:
    """Return lanes on quarters of a pixel, the rows that count, and half a width."""
    g = torch.Generator().manual_seed(seed)
    gt = torch.randint(-80, 400, (5, 6), generator=g).double() / 4
    pred = gt + torch.randint(-200, 200, (5, 6), generator=g).double() / 4 + 1 / 8
    valid = torch.rand(5, 6, generator=g) < 0.6
    valid[seed % 5] = False
    return pred, gt, valid, (seed % 9 + 1) / 2


@pytest.mark.parametrize("seed", range(20))
def test_in_fractions(seed):
    pred, gt, valid, e = drawn(seed)
    found = line_iou(pred, gt, valid, e)
    for lane in range(len(pred)):
        overlap = union = Fraction(0)
        for row in range(pred.shape[1]):
            if not valid[lane, row]:
                continue
            ends = [Fraction(float(t[lane, row])) + s * Fraction(e) for t in (pred, gt) for s in (-1, 1)]
            a, b, c, d = sorted(ends)
            meet = ends[0] <= ends[3] and ends[2] <= ends[1]
            overlap += c - b if meet else b - c
            union += d - a
        assert float(found[lane]) == pytest.approx(float(overlap / union) if union else 0.0)


@pytest.mark.parametrize("seed", range(5))
def test_gradients(seed):
    pred, gt, valid, e = drawn(seed)
    assert torch.autograd.gradcheck(lambda p: line_iou(p, gt, valid, e), pred.requires_grad_(True))
    line_iou(pred, gt, valid, e).sum().backward()
    assert bool((pred.grad[~valid] == 0).all())
    assert bool((pred.grad[valid] * (pred.detach() - gt)[valid] < 0).all())


def test_example():
    pred, gt = torch.tensor([[110.0, 110, 160]]), torch.full((1, 3), 100.0)
    for rows, wanted in (((True,) * 3, 1 / 17), ((True, True, False), 0.5), ((False, False, True), -1 / 3)):
        assert float(line_iou(pred, gt, torch.tensor([rows]))) == pytest.approx(wanted)


def test_no_lanes():
    found = line_iou(torch.zeros(0, 4), torch.zeros(0, 4), torch.zeros(0, 4).bool())
    assert found.shape == (0,)
