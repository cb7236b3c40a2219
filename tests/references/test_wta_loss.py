"""The reference of trajectory_prediction/wta_loss against NumPy and torch's own means, and its gradients."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
wta_loss = load(ROOT / "solutions/trajectory_prediction/wta_loss.py").namespace["wta_loss"]


def drawn(seed, b=2, n=4, k=3, t=5):
    g = torch.Generator().manual_seed(seed)
    traj = 2 * torch.randn(b, n, k, t, 2, generator=g, dtype=torch.float64)
    logits = 3 * torch.randn(b, n, k, generator=g, dtype=torch.float64)
    gt = torch.randn(b, n, t, 2, generator=g, dtype=torch.float64)
    return traj, logits, gt, torch.rand(b, n, generator=g) < 0.6


@pytest.mark.parametrize("seed", range(20))
def test_numpy(seed):
    traj, logits, gt, valid = drawn(seed)
    reg, cls = [], []
    for i, j in np.argwhere(valid.numpy()):
        modes, truth, score = traj[i, j].numpy(), gt[i, j].numpy(), logits[i, j].numpy()
        best = int(np.argmin([np.hypot(*(m - truth).T).mean() for m in modes]))
        d = np.abs(modes[best] - truth)
        reg.append(np.where(d < 1, 0.5 * d**2, d - 0.5).mean())
        cls.append(np.log(np.exp(score).sum()) - score[best])
    hidden = gt.where(valid[..., None, None], float("nan"))
    assert float(wta_loss(traj, logits, hidden, valid)) == pytest.approx(np.mean(reg) + np.mean(cls))


@pytest.mark.parametrize("seed", range(5))
def test_all_valid(seed):
    """With every agent valid it is the loss as it is mostly written."""
    traj, logits, gt, valid = drawn(seed)
    ade = (traj - gt[:, :, None]).norm(dim=-1).mean(-1)
    best = ade.detach().argmin(-1)
    at = best[..., None, None, None].expand(-1, -1, 1, *traj.shape[3:])
    reg = F.smooth_l1_loss(traj.gather(2, at).squeeze(2), gt)
    wanted = reg + F.cross_entropy(logits.flatten(0, 1), best.flatten())
    torch.testing.assert_close(wta_loss(traj, logits, gt, torch.ones_like(valid)), wanted)


def test_gradients():
    traj, logits, gt, valid = drawn(3)
    valid[0, 0] = True
    leaves = traj.requires_grad_(True), logits.requires_grad_(True)
    assert torch.autograd.gradcheck(lambda a, b: wta_loss(a, b, gt, valid), leaves)


def test_nobody():
    traj, logits, gt, valid = drawn(4)
    traj.requires_grad_(True)
    loss = wta_loss(traj, logits, gt, torch.zeros_like(valid))
    loss.backward()
    assert float(loss.detach()) == 0
    assert not traj.grad.any()


def test_example():
    gt = torch.tensor([[[[0.0, 0], [1, 0]]]])
    traj = torch.tensor([[[[[0.0, 0], [1, 2]], [[0, 0.5], [1, 0.5]]]]])
    loss = float(wta_loss(traj, torch.zeros(1, 1, 2), gt, torch.ones(1, 1).bool()))
    assert loss == pytest.approx(0.0625 + math.log(2))
    assert loss == pytest.approx(0.756, abs=5e-4)


def test_ties():
    gt = torch.zeros(1, 1, 2, 2)
    traj = torch.tensor([[[[[3.0, 0], [0, 3]], [[1, 0], [0, 1]], [[0, -1], [1, 0]]]]])
    logits = torch.tensor([[[0.0, 1.0, 5.0]]])
    found = wta_loss(traj, logits, gt, torch.ones(1, 1).bool())
    wanted = 0.25 + F.cross_entropy(logits[0], torch.tensor([1]))
    torch.testing.assert_close(found, wanted)
