"""The reference of anomaly_detection/auroc against scikit-learn, SciPy, torchmetrics and all pairs."""

from pathlib import Path

import numpy as np
import pytest
import torch

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
auroc = load(ROOT / "solutions/anomaly_detection/auroc.py").namespace["auroc"]


def drawn(seed, n=60):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, n)
    scores = rng.normal(size=n) + labels if seed % 2 else rng.integers(-3, 4, n) + 0.5 * labels
    return scores.astype(np.float64), labels


def found(scores, labels):
    return auroc(torch.from_numpy(scores), torch.from_numpy(labels))


@pytest.mark.parametrize("seed", range(20))
def test_pairs(seed):
    scores, labels = drawn(seed)
    anomalies, normal = scores[labels == 1].tolist(), scores[labels == 0].tolist()
    won = sum((a > n) + (a == n) / 2 for a in anomalies for n in normal)
    assert found(scores, labels) == pytest.approx(won / (len(anomalies) * len(normal)))


@pytest.mark.parametrize("seed", range(6))
def test_scikit_learn(seed):
    metrics = pytest.importorskip("sklearn.metrics")
    scores, labels = drawn(seed)
    assert found(scores, labels) == pytest.approx(metrics.roc_auc_score(labels, scores))


@pytest.mark.parametrize("seed", range(6))
def test_scipy(seed):
    stats = pytest.importorskip("scipy.stats")
    scores, labels = drawn(seed)
    test = stats.mannwhitneyu(scores[labels == 1], scores[labels == 0])
    pairs = (labels == 1).sum() * (labels == 0).sum()
    assert found(scores, labels) == pytest.approx(test.statistic / pairs)


@pytest.mark.parametrize("seed", range(4))
def test_torchmetrics(seed):
    classification = pytest.importorskip("torchmetrics.functional.classification")
    scores, labels = drawn(seed)
    # It squashes what leaves [0, 1].
    shares = torch.from_numpy(scores).sub(scores.min()).div(np.ptp(scores))
    wanted = classification.binary_auroc(shares, torch.from_numpy(labels))
    assert found(scores, labels) == pytest.approx(wanted.item(), abs=1e-6)


def test_many():
    g = torch.Generator().manual_seed(0)
    labels = (torch.rand(1_000_000, generator=g) < 0.01).long()
    scores = torch.randn(1_000_000, generator=g) + labels
    # Two normal distributions one standard deviation apart: the chance is that of a normal one below 1 / sqrt 2.
    assert auroc(scores, labels) == pytest.approx(0.7602, abs=0.01)


@pytest.mark.parametrize("labels", [[], [0], [1], [0, 0, 0], [1, 1]])
def test_one_class(labels):
    with pytest.raises(ValueError, match="missing"):
        auroc(torch.rand(len(labels)), torch.tensor(labels).long())


def test_example():
    assert auroc(torch.tensor([0.1, 0.4, 0.4, 0.8]), torch.tensor([0, 0, 1, 1])) == 0.875
