from fractions import Fraction
from pathlib import Path

import pytest
import torch

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
confusion_and_f1 = load(ROOT / "solutions" / "classification" / "confusion_and_f1.py").namespace[
    "confusion_and_f1"
]


def drawn(seed):
    generator = torch.Generator().manual_seed(seed)
    classes = seed % 5 + 2
    pred, target = torch.randint(0, classes - seed % 2, (2, seed % 19 + 1), generator=generator)
    return pred, target, classes


def over(part, whole):
    return Fraction(part, whole) if whole else Fraction(0)


@pytest.mark.parametrize("seed", range(60))
def test_agrees_with_counting_in_fractions(seed):
    pred, target, classes = drawn(seed)
    pairs = list(zip(target.tolist(), pred.tolist(), strict=True))
    f1 = []
    cm, precision, recall, found, macro = confusion_and_f1(pred, target, classes)
    for c in range(classes):
        hit = pairs.count((c, c))
        p = over(hit, sum(b == c for _, b in pairs))
        r = over(hit, sum(a == c for a, _ in pairs))
        f1.append(over(2 * p * r, p + r) if p + r else Fraction(0))
        assert cm[c].tolist() == [pairs.count((c, other)) for other in range(classes)]
        assert precision[c].item() == pytest.approx(float(p))
        assert recall[c].item() == pytest.approx(float(r))
        assert found[c].item() == pytest.approx(float(f1[c]))
    assert macro == pytest.approx(float(sum(f1) / classes))


@pytest.mark.parametrize("seed", range(30))
def test_agrees_with_torchmetrics(seed):
    functional = pytest.importorskip("torchmetrics.functional.classification")
    pred, target, classes = drawn(seed)
    cm, precision, recall, f1, _ = confusion_and_f1(pred, target, classes)
    each = {"num_classes": classes, "average": "none"}
    assert torch.equal(cm, functional.multiclass_confusion_matrix(pred, target, num_classes=classes))
    assert torch.allclose(precision, functional.multiclass_precision(pred, target, **each))
    assert torch.allclose(recall, functional.multiclass_recall(pred, target, **each))
    assert torch.allclose(f1, functional.multiclass_f1_score(pred, target, **each))


def test_nothing():
    cm, *vectors, macro = confusion_and_f1(torch.zeros(0).long(), torch.zeros(0).long(), 3)
    assert cm.dtype == torch.int64
    assert not cm.any()
    assert all(v.tolist() == [0, 0, 0] and v.dtype == torch.float32 for v in vectors)
    assert macro == 0


def test_worked_example():
    cm, precision, recall, f1, macro = confusion_and_f1(
        torch.tensor([0, 0, 1, 1]), torch.tensor([0, 1, 1, 2]), 3
    )
    assert cm.tolist() == [[1, 0, 0], [1, 1, 0], [0, 1, 0]]
    assert precision.tolist() == [0.5, 0.5, 0]
    assert recall.tolist() == [1, 0.5, 0]
    assert f1.tolist() == pytest.approx([2 / 3, 1 / 2, 0])
    assert macro == pytest.approx(7 / 18)
