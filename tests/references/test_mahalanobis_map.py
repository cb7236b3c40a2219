"""The reference of anomaly_detection/mahalanobis_map against SciPy and Gaussian densities."""

from pathlib import Path

import numpy as np
import pytest
import torch

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
mahalanobis_map = load(ROOT / "solutions/anomaly_detection/mahalanobis_map.py").namespace["mahalanobis_map"]


def drawn(seed, b=2, c=5, h=3, w=4):
    rng = np.random.default_rng(seed)
    A = rng.normal(size=(h, w, c, c))
    cov = A @ A.swapaxes(-1, -2) + 0.1 * np.eye(c)
    return rng.normal(size=(b, c, h, w)), rng.normal(size=(c, h, w)), np.linalg.inv(cov), cov


def found(feats, mean, inv_cov):
    return mahalanobis_map(*(torch.from_numpy(a) for a in (feats, mean, inv_cov))).numpy()


@pytest.mark.parametrize("seed", range(5))
def test_scipy(seed):
    distance = pytest.importorskip("scipy.spatial.distance")
    feats, mean, inv_cov, _ = drawn(seed)
    result = found(feats, mean, inv_cov)
    for n, i, j in np.ndindex(2, 3, 4):
        wanted = distance.mahalanobis(feats[n, :, i, j], mean[:, i, j], inv_cov[i, j])
        assert result[n, i, j] == pytest.approx(wanted)


def test_density():
    feats, mean, inv_cov, cov = drawn(9)
    result = found(feats, mean, inv_cov)
    for n, i, j in np.ndindex(2, 3, 4):
        gauss = torch.distributions.MultivariateNormal(
            torch.from_numpy(mean[:, i, j]), torch.from_numpy(cov[i, j])
        )
        at_mean, there = gauss.log_prob(gauss.mean), gauss.log_prob(torch.from_numpy(feats[n, :, i, j]))
        assert result[n, i, j] ** 2 / 2 == pytest.approx((at_mean - there).item())


def test_example():
    feats, mean = torch.tensor([1.0, 2]).reshape(1, 2, 1, 1), torch.zeros(2, 1, 1)
    S = torch.tensor([[2.0, -1], [-1, 3]]).reshape(1, 1, 2, 2)
    assert mahalanobis_map(feats, mean, S).item() == pytest.approx(10**0.5)
    assert mahalanobis_map(feats, mean, torch.eye(2)[None, None]).item() == pytest.approx(2.236, abs=5e-4)


def test_just_below_zero():
    S = torch.tensor([[1, -1 - 1e-6], [-1 - 1e-6, 1]]).double().reshape(1, 1, 2, 2)
    assert mahalanobis_map(torch.ones(1, 2, 1, 1).double(), torch.zeros(2, 1, 1).double(), S).item() == 0
