"""The reference of semantic_segmentation/mean_iou against torchmetrics, scikit-learn and sets of pixels."""

import math
from fractions import Fraction
from pathlib import Path

import pytest
import torch

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
MeanIoU = load(ROOT / "solutions/semantic_segmentation/mean_iou.py").namespace["MeanIoU"]


def drawn(seed: int) -> tuple[torch.Tensor, torch.Tensor, int]:
    """Return predictions and targets of three batches, and the number of classes."""
    g = torch.Generator().manual_seed(seed)
    k = seed % 5 + 2
    pred = torch.randint(0, k - seed % 2, (3, 2, 4, 5), generator=g)
    target = torch.randint(0, k - seed % 2, (3, 2, 4, 5), generator=g)
    target[torch.rand(target.shape, generator=g) < 0.3] = 255
    return pred, target, k


def measured(pred, target, k):
    metric = MeanIoU(k)
    for p, t in zip(pred, target, strict=True):
        metric.update(p, t)
    return metric.compute()


@pytest.mark.parametrize("seed", range(30))
def test_agrees_with_sets_of_pixels(seed):
    pred, target, k = drawn(seed)
    miou, iou = measured(pred, target, k)
    pairs = list(enumerate(zip(pred.flatten().tolist(), target.flatten().tolist(), strict=True)))
    wanted = []
    for c in range(k):
        guessed = {i for i, (p, t) in pairs if p == c and t != 255}
        true = {i for i, (_, t) in pairs if t == c}
        wanted.append(Fraction(len(guessed & true), len(guessed | true)) if guessed | true else None)
    for found, share in zip(iou.tolist(), wanted, strict=True):
        assert math.isnan(found) if share is None else found == pytest.approx(float(share))
    seen = [share for share in wanted if share is not None]
    assert miou == pytest.approx(float(sum(seen) / len(seen)))


@pytest.mark.parametrize("seed", range(30))
def test_agrees_with_scikit_learn(seed):
    metrics = pytest.importorskip("sklearn.metrics")
    pred, target, k = drawn(seed)
    valid = target != 255
    miou, iou = measured(pred, target, k)
    present = [c for c in range(k) if not iou[c].isnan()]
    wanted = metrics.jaccard_score(target[valid], pred[valid], labels=present, average=None)
    assert iou[present].tolist() == pytest.approx(wanted.tolist())
    assert miou == pytest.approx(wanted.mean())


@pytest.mark.parametrize("seed", range(30))
def test_agrees_with_torchmetrics(seed):
    classification = pytest.importorskip("torchmetrics.classification")
    pred, target, k = drawn(seed)
    options = {"num_classes": k, "ignore_index": 255, "average": "none"}
    metric = classification.MulticlassJaccardIndex(**options)
    for p, t in zip(pred, target, strict=True):
        metric.update(p, t)
    _, iou = measured(pred, target, k)
    assert torch.allclose(metric.compute(), iou.nan_to_num(0))


def test_nothing():
    metric = MeanIoU(3)
    metric.update(torch.zeros(1, 2, 2).long(), torch.full((1, 2, 2), 255))
    miou, iou = metric.compute()
    assert math.isnan(miou)
    assert iou.isnan().all()


def test_example():
    metric = MeanIoU(4)
    metric.update(torch.tensor([[[0, 0, 1, 1, 3]]]), torch.tensor([[[0, 1, 1, 1, 255]]]))
    miou, iou = metric.compute()
    assert iou.dtype == torch.float32
    assert iou[:2].tolist() == pytest.approx([1 / 2, 2 / 3])
    assert iou[2:].isnan().all()
    assert miou == pytest.approx(7 / 12)
