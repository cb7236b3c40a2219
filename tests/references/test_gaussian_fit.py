"""The reference of anomaly_detection/gaussian_fit against NumPy and scikit-learn."""

from pathlib import Path

import numpy as np
import pytest
import torch

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
fit = load(ROOT / "solutions/anomaly_detection/gaussian_fit.py").namespace["fit"]


def drawn(seed, n=7, c=4, h=2, w=3):
    return np.random.default_rng(seed).normal(size=(n, c, h, w)) + 3


@pytest.mark.parametrize("n", [2, 3, 7, 30])
@pytest.mark.parametrize("eps", [0.01, 1.0])
def test_numpy(n, eps):
    feats = drawn(n, n=n)
    mean, inv_cov = fit(torch.from_numpy(feats), eps=eps)
    np.testing.assert_allclose(mean.numpy(), feats.mean(0))
    for i, j in np.ndindex(2, 3):
        cov = np.cov(feats[:, :, i, j], rowvar=False)
        np.testing.assert_allclose(inv_cov[i, j].numpy() @ (cov + eps * np.eye(4)), np.eye(4), atol=1e-9)


def test_scikit_learn():
    covariance = pytest.importorskip("sklearn.covariance")
    feats = drawn(5)
    mean, inv_cov = fit(torch.from_numpy(feats))
    for i, j in np.ndindex(2, 3):
        model = covariance.EmpiricalCovariance().fit(feats[:, :, i, j])
        np.testing.assert_allclose(mean[:, i, j].numpy(), model.location_)
        wanted = np.linalg.inv(model.covariance_ * 7 / 6 + 0.01 * np.eye(4))
        np.testing.assert_allclose(inv_cov[i, j].numpy(), wanted)


def test_rank():
    feats = torch.from_numpy(drawn(1, n=20, c=50, h=1, w=1))
    cov = torch.cov(feats[:, :, 0, 0].T)
    assert torch.linalg.matrix_rank(cov).item() == 19
    _, inv_cov = fit(feats)
    values = torch.linalg.eigvalsh(inv_cov[0, 0])
    assert values[-31:].numpy() == pytest.approx(100)
    assert (values[:19] < 99).all()


def test_example():
    feats = torch.tensor([[1.0, 0], [3, 2]]).reshape(2, 2, 1, 1)
    mean, inv_cov = fit(feats, eps=1.0)
    assert mean.flatten().tolist() == [2, 1]
    assert inv_cov.flatten().tolist() == pytest.approx([0.6, -0.4, -0.4, 0.6])
