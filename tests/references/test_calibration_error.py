"""The reference of classification/calibration_error against torchmetrics and against NumPy."""

from pathlib import Path

import numpy as np
import pytest
import torch

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
error = load(ROOT / "solutions/classification/calibration_error.py").namespace["expected_calibration_error"]


def by_numpy(probs: torch.Tensor, target: torch.Tensor, n_bins: int) -> float:
    """Return the error bin by bin, by the definition."""
    p, t = probs.numpy(), target.numpy()
    sure, hit = p.max(axis=1), p.argmax(axis=1) == t
    total = 0.0
    for i in range(n_bins):
        inside = np.logical_and(sure > i / n_bins, sure <= (i + 1) / n_bins)
        if inside.any():
            total += inside.mean() * abs(hit[inside].mean() - sure[inside].mean())
    return float(total)


@pytest.mark.parametrize("n_bins", [1, 3, 10, 15, 100])
@pytest.mark.parametrize(("n", "k"), [(1, 2), (7, 3), (200, 10), (500, 1)])
def test_numpy(n, k, n_bins):
    """Random probabilities."""
    made = torch.Generator().manual_seed(n + k)
    probs = torch.softmax(2 * torch.randn(n, k, generator=made, dtype=torch.float64), dim=-1)
    target = torch.randint(k, (n,), generator=made)
    assert error(probs, target, n_bins) == pytest.approx(by_numpy(probs, target, n_bins), abs=1e-12)


@pytest.mark.parametrize("n_bins", [2, 4, 8])
def test_edges(n_bins):
    """Confidences on edges of bins, ties between classes."""
    made = torch.Generator().manual_seed(0)
    probs = torch.nn.functional.one_hot(torch.randint(4, (300, 4), generator=made), 4).sum(1).double() / 4
    target = torch.randint(4, (300,), generator=made)
    assert error(probs, target, n_bins) == pytest.approx(by_numpy(probs, target, n_bins), abs=1e-12)


@pytest.mark.parametrize("n_bins", [1, 10, 15])
def test_torchmetrics(n_bins):
    """torchmetrics closes its bins on the other side, which no random confidence notices."""
    functional = pytest.importorskip("torchmetrics.functional.classification")
    made = torch.Generator().manual_seed(3)
    probs = torch.softmax(torch.randn(400, 5, generator=made), dim=-1)
    target = torch.randint(5, (400,), generator=made)
    wanted = functional.multiclass_calibration_error(probs, target, num_classes=5, n_bins=n_bins, norm="l1")
    assert error(probs, target, n_bins) == pytest.approx(float(wanted), abs=1e-5)


def test_statement():
    """The example of the statement, and no samples."""
    probs = torch.tensor([[0.95, 0.05], [0.85, 0.15], [0.45, 0.55]])
    assert error(probs, torch.tensor([0, 1, 1]), 5) == pytest.approx(0.4167, abs=1e-4)
    assert error(torch.zeros(0, 3), torch.zeros(0, dtype=torch.int64)) == 0.0
