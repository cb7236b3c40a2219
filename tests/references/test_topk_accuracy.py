from pathlib import Path

import numpy as np
import pytest
import torch

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
topk_accuracy = load(ROOT / "solutions" / "classification" / "topk_accuracy.py").namespace["topk_accuracy"]


def drawn(seed, *, tied):
    generator = torch.Generator().manual_seed(seed)
    b, k = seed % 9 + 1, seed % 7 + 1
    logits = (
        torch.randn(b, k, generator=generator)
        if not tied
        else torch.randint(0, 3, (b, k), generator=generator)
    )
    return logits.double(), torch.randint(0, k, (b,), generator=generator)


@pytest.mark.parametrize("seed", range(40))
def test_agrees_with_torchmetrics_without_ties(seed):
    functional = pytest.importorskip("torchmetrics.functional.classification")
    logits, target = drawn(seed + 2, tied=False)
    n = logits.shape[1]
    if n < 3:
        pytest.skip("torchmetrics asks for more classes")
    for k, share in topk_accuracy(logits, target, tuple(range(1, n))).items():
        theirs = functional.multiclass_accuracy(logits, target, num_classes=n, top_k=k, average="micro")
        assert share == pytest.approx(float(theirs), abs=1e-6)


@pytest.mark.parametrize("seed", range(60))
def test_agrees_with_a_lexical_sort_on_ties(seed):
    logits, target = drawn(seed, tied=True)
    n = logits.shape[1]
    rank = []
    for row, t in zip(logits.numpy(), target.tolist(), strict=True):
        order = np.lexsort((np.arange(n), -row))  # by falling score, then by class
        rank.append(list(order).index(t))
    ks = tuple(range(n, 0, -1))
    expected = {k: sum(r < k for r in rank) / len(rank) for k in ks}
    assert topk_accuracy(logits, target, ks) == pytest.approx(expected)


@pytest.mark.parametrize("bad", [0, -1, 4])
def test_refuses_what_is_no_place(bad):
    with pytest.raises(ValueError, match="between 1 and 3"):
        topk_accuracy(torch.zeros(2, 3), torch.zeros(2).long(), (1, bad))


def test_edges():
    assert topk_accuracy(torch.zeros(0, 3), torch.zeros(0).long(), (1, 3)) == {1: 0.0, 3: 0.0}
    assert topk_accuracy(torch.zeros(2, 3), torch.zeros(2).long(), ()) == {}


def test_worked_example():
    logits = torch.tensor([[3.0, 1.0, 2.0], [0.0, 5.0, 5.0]])
    assert topk_accuracy(logits, torch.tensor([2, 2]), (1, 2)) == {1: 0.0, 2: 1.0}
