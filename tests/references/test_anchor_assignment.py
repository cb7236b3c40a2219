"""The reference of detection/anchor_assignment against the matcher of the published detectors, and a loop."""

from pathlib import Path

import pytest
import torch

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
assign_anchors = load(ROOT / "solutions/detection/anchor_assignment.py").namespace["assign_anchors"]


def as_published(iou: torch.Tensor, pos: float, neg: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Return labels and matches as the matcher with intervals and low-quality matches does, for m, a > 0."""
    quality = iou.T  # ground truths by anchors, as published
    values, matches = quality.max(dim=0)
    labels = torch.full(matches.shape, 1, dtype=torch.int64)
    for label, low, high in ((0, -float("inf"), neg), (-1, neg, pos), (1, pos, float("inf"))):
        labels[(values >= low) & (values < high)] = label
    best = quality.max(dim=1).values
    _, anchors = torch.nonzero((quality == best[:, None]) & (quality > 0), as_tuple=True)
    labels[anchors] = 1
    return labels, matches


def looped(iou: torch.Tensor, pos: float, neg: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Return labels and matches by the three rules, anchor by anchor."""
    a, m = iou.shape
    label, matched = [], []
    for i in range(a):
        best = 0
        for j in range(1, m):
            best = j if iou[i, j] > iou[i, best] else best
        value = iou[i, best] if m else 0.0
        rescued = any(iou[i, j] > 0 and all(iou[i, j] >= iou[o, j] for o in range(a)) for j in range(m))
        label.append(1 if rescued or value >= pos else 0 if value < neg else -1)
        matched.append(best)
    return torch.tensor(label, dtype=torch.int64), torch.tensor(matched, dtype=torch.int64)


@pytest.mark.parametrize("seed", range(40))
def test_random(seed):
    """Random overlaps, many of them tied, some zero."""
    made = torch.Generator().manual_seed(seed)
    a, m = (int(torch.randint(1, 9, (), generator=made)) for _ in range(2))
    iou = torch.randint(0, 9, (a, m), generator=made).double() / 8
    iou = iou * (torch.rand(1, m, generator=made) < 0.7) * 0.5 ** torch.randint(0, 3, (1, m), generator=made)
    for pos, neg in ((0.7, 0.3), (0.5, 0.25), (0.5, 0.5)):
        for other in (looped, as_published):
            for found, wanted in zip(assign_anchors(iou, pos, neg), other(iou, pos, neg), strict=True):
                assert torch.equal(found, wanted)


@pytest.mark.parametrize("shape", [(0, 3), (4, 0), (0, 0)])
def test_empty(shape):
    """Nothing to assign, or nothing to assign to."""
    iou = torch.zeros(shape)
    for found, wanted in zip(assign_anchors(iou), looped(iou, 0.7, 0.3), strict=True):
        assert torch.equal(found, wanted)
        assert found.dtype == torch.int64


def test_statement():
    """The example of the statement."""
    label, matched = assign_anchors(torch.tensor([[0.6, 0.5], [0.75, 0.25], [0.2, 0.1]]))
    assert label.tolist() == [1, 1, 0]
    assert matched.tolist() == [0, 0, 0]
