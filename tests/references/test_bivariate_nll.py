"""The reference of trajectory_prediction/bivariate_nll against torch's and SciPy's distributions."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.distributions import MultivariateNormal, Normal

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
bivariate_nll = load(ROOT / "solutions/trajectory_prediction/bivariate_nll.py").namespace["bivariate_nll"]


def drawn(seed, lead=(3, 4)):
    g = torch.Generator().manual_seed(seed)
    params = torch.randn(*lead, 5, generator=g, dtype=torch.float64) * torch.tensor([3, 3, 1, 1, 2]).double()
    return params, 3 * torch.randn(*lead, 2, generator=g, dtype=torch.float64)


def covariance(params):
    sx, sy = params[..., 2].exp(), params[..., 3].exp()
    both = 0.999 * params[..., 4].tanh() * sx * sy
    return torch.stack([torch.stack([sx**2, both], -1), torch.stack([both, sy**2], -1)], -2)


@pytest.mark.parametrize("lead", [(), (3,), (3, 4), (2, 3, 4)])
@pytest.mark.parametrize("seed", range(5))
def test_torch(seed, lead):
    params, xy = drawn(seed, lead)
    wanted = -MultivariateNormal(params[..., :2], covariance(params)).log_prob(xy)
    torch.testing.assert_close(bivariate_nll(params, xy), wanted, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_scipy(seed):
    stats = pytest.importorskip("scipy.stats")
    params, xy = drawn(seed, (6,))
    wanted = [
        -stats.multivariate_normal(p[:2].numpy(), c.numpy()).logpdf(v.numpy())
        for p, c, v in zip(params, covariance(params), xy, strict=True)
    ]
    assert bivariate_nll(params, xy).numpy() == pytest.approx(np.array(wanted))


def test_two_normals():
    params, xy = drawn(7)
    params[..., 4] = 0
    wanted = -Normal(params[..., :2], params[..., 2:4].exp()).log_prob(xy).sum(-1)
    torch.testing.assert_close(bivariate_nll(params, xy), wanted)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("r", [-1000.0, -20.0, 20.0, 1000.0])
def test_finite(r, dtype):
    params, xy = drawn(8)
    params[..., 4] = r
    params, xy = params.to(dtype).requires_grad_(True), 100 * xy.to(dtype)
    found = bivariate_nll(params, xy)
    found.sum().backward()
    assert found.isfinite().all()
    assert params.grad.isfinite().all()


def test_gradients():
    params, xy = drawn(9)
    assert torch.autograd.gradcheck(lambda p: bivariate_nll(p, xy), params.requires_grad_(True))


def test_example():
    assert float(bivariate_nll(torch.zeros(5), torch.zeros(2))) == pytest.approx(1.838, abs=5e-4)
    params = torch.tensor([0, 0, 0, math.log(2), 1000], dtype=torch.float64)
    for point, wanted in (((1, 2), -0.0763), ((1, -2), 999.423)):
        found = bivariate_nll(params, torch.tensor(point).double())
        assert float(found) == pytest.approx(wanted, abs=5e-4)
