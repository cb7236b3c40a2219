"""The reference of classification/class_balanced_weights against exact fractions."""

from fractions import Fraction
from pathlib import Path

import pytest
import torch

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
weights = load(ROOT / "solutions/classification/class_balanced_weights.py").namespace[
    "class_balanced_weights"
]


def exact(counts: list[int], beta: float | None) -> list[float]:
    """Return the weights by the definition of the effective number: a sum of powers, in rational numbers."""
    if beta is None:
        number = [Fraction(n) for n in counts]
    else:
        number = [sum((Fraction(beta) ** i for i in range(n)), Fraction(0)) for n in counts]
    raw = [1 / e if e else Fraction(0) for e in number]
    total = sum(raw)
    return [float(w * len(counts) / total) if total else 0.0 for w in raw]


@pytest.mark.parametrize("beta", [None, 0.0, 0.5, 0.9, 0.999, 1 - 1e-8])
@pytest.mark.parametrize("counts", [[1, 2, 0], [3, 3, 3], [0, 0], [0, 5], [1, 40, 7, 0, 25], [9], []])
def test_exact(counts, beta):
    """The weights are the normalised inverses of 1 + beta + ... + beta^(n-1)."""
    found = weights(torch.tensor(counts, dtype=torch.int64), beta)
    assert found.dtype == torch.float32
    torch.testing.assert_close(
        found, torch.tensor(exact(counts, beta), dtype=torch.float32), rtol=1e-5, atol=0
    )


def test_statement():
    """The example of the statement."""
    counts = torch.tensor([1, 2, 0])
    for beta, wanted in ((None, [2.0, 1.0, 0.0]), (0.5, [1.8, 1.2, 0.0]), (0.0, [1.5, 1.5, 0.0])):
        torch.testing.assert_close(weights(counts, beta), torch.tensor(wanted))


def test_large_counts():
    """Powers that underflow leave the weight of infinitely many samples."""
    found = weights(torch.tensor([10_000_000, 1]), 0.999)
    torch.testing.assert_close(found[1] / found[0], torch.tensor(1000.0), rtol=1e-4, atol=0)
