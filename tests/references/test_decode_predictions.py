from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
decode = load(ROOT / "solutions" / "classification" / "decode_predictions.py").namespace["decode_predictions"]


def drawn(seed, *, tied=False):
    generator = torch.Generator().manual_seed(seed)
    shape = (seed % 5, seed % 4 + 1)
    if tied:
        return torch.randint(-1, 2, shape, generator=generator).double()
    return torch.randn(shape, generator=generator, dtype=torch.float64) * (300 if seed % 3 == 0 else 2)


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("tied", [False, True])
def test_single_agrees_with_numpy(seed, tied):
    logits = drawn(seed, tied=tied)
    winners = np.argmax(logits.numpy(), axis=1)  # numpy documents the first of equals
    assert np.array_equal(
        decode(logits, "single", thr=0.9).numpy(), np.eye(logits.shape[1], dtype=bool)[winners]
    )


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("thr", [0.1, 0.5, 0.8])
def test_multi_agrees_with_scipy(seed, thr):
    special = pytest.importorskip("scipy.special")
    logits = drawn(seed)
    assert np.array_equal(decode(logits, "multi", thr=thr).numpy(), special.expit(logits.numpy()) >= thr)


@pytest.mark.parametrize("seed", range(40))
def test_multi_agrees_with_odds_on_ties(seed):
    logits = drawn(seed, tied=True)
    odds = [[Fraction(1) if z == 0 else Fraction(np.exp(z)) for z in row] for row in logits.tolist()]
    expected = [[o / (1 + o) >= Fraction(1, 2) for o in row] for row in odds]
    assert decode(logits, "multi").tolist() == expected


def test_multi_agrees_with_torchmetrics():
    functional = pytest.importorskip("torchmetrics.functional.classification")
    logits, target = drawn(4 + 5 * 3) * 3, torch.ones(4, 4, dtype=torch.long)
    found = decode(logits, "multi", thr=0.3).double().mean(dim=0)
    shares = functional.multilabel_recall(logits, target, num_labels=4, threshold=0.3, average="none")
    assert torch.allclose(shares.double(), found)


def test_worked_example():
    logits = torch.tensor([[2.0, -1.0, 0.0]])
    assert decode(logits, "single").tolist() == [[True, False, False]]
    assert decode(logits, "multi").tolist() == [[True, False, True]]
    assert decode(logits, "multi", 0.75).tolist() == [[True, False, False]]
