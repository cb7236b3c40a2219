"""The reference of trajectory_prediction/multimodal_net against NumPy, written out step by step."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
namespace = load(ROOT / "solutions/trajectory_prediction/multimodal_net.py").namespace
Net, trajectory_loss = namespace["MultiModalTrajectoryNet"], namespace["trajectory_loss"]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def gru(state, steps, hidden):
    """Return the last state of a GRU over the steps."""
    h = np.zeros(hidden)
    for x in steps:
        a = state["gru.weight_ih_l0"] @ x + state["gru.bias_ih_l0"]
        b = state["gru.weight_hh_l0"] @ h + state["gru.bias_hh_l0"]
        (ar, az, an), (br, bz, bn) = np.split(a, 3), np.split(b, 3)
        reset, update = sigmoid(ar + br), sigmoid(az + bz)
        h = (1 - update) * np.tanh(an + reset * bn) + update * h
    return h


@pytest.mark.parametrize("seed", range(6))
def test_forward(seed):
    torch.manual_seed(seed)
    pred_len, modes, hidden, t = 5, 3, 7, 2 + seed
    model = Net(pred_len, modes, hidden).double()
    hist = torch.randn(2, 4, t, 2, dtype=torch.float64).cumsum(2)
    valid = torch.rand(2, 4) < (0.3, 0.7, 1.0)[seed % 3]
    state = {name: value.numpy() for name, value in model.state_dict().items()}
    traj, scores = (out.detach().numpy() for out in model(hist, valid))
    for b in range(2):
        moves = np.diff(hist[b].numpy(), axis=1)
        embedded = np.maximum(moves @ state["embed.weight"].T + state["embed.bias"], 0)
        h = np.stack([gru(state, e, hidden) for e in embedded])
        for i in range(4):
            others = [h[j] for j in range(4) if j != i and valid[b, j]]
            z = np.concatenate([h[i], np.max(others, axis=0) if others else np.zeros(hidden)])
            assert scores[b, i] == pytest.approx(state["score_head.weight"] @ z + state["score_head.bias"])
            flat = state["step_head.weight"] @ z + state["step_head.bias"]
            for m in range(modes):
                at = hist[b, i, -1].numpy().copy()
                for s in range(pred_len):
                    start = 2 * (m * pred_len + s)
                    at = at + flat[start : start + 2]
                    assert traj[b, i, m, s] == pytest.approx(at)


def test_example():
    sizes = {name: sum(p.numel() for p in child.parameters()) for name, child in Net().named_children()}
    assert sizes == {"embed": 96, "gru": 18_816, "step_head": 18_576, "score_head": 774}
    assert sum(sizes.values()) == 38_262
    traj, scores = Net()(torch.randn(2, 3, 8, 2), torch.ones(2, 3).bool())
    assert traj.shape == (2, 3, 6, 12, 2)
    assert scores.shape == (2, 3, 6)
    one = trajectory_loss(traj[:1, :1], torch.zeros(1, 1, 6), traj[:1, :1, 4], torch.ones(1, 1).bool())
    assert float(one.detach()) == pytest.approx(math.log(6)) == pytest.approx(1.792, abs=5e-4)


@pytest.mark.parametrize("seed", range(10))
def test_loss(seed):
    rng = np.random.default_rng(seed)
    traj, scores = rng.normal(0, 2, (2, 3, 4, 5, 2)), rng.normal(0, 3, (2, 3, 4))
    gt, valid = rng.normal(0, 1, (2, 3, 5, 2)), rng.random((2, 3)) < 0.6
    total = []
    for at in np.argwhere(valid):
        i, j = at
        best = int(np.argmin(np.linalg.norm(traj[i, j] - gt[i, j], axis=-1).mean(-1)))
        d = np.abs(traj[i, j, best] - gt[i, j])
        reg = np.where(d < 1, 0.5 * d**2, d - 0.5).mean()
        total.append(reg + np.log(np.exp(scores[i, j]).sum()) - scores[i, j, best])
    gt[~valid] = np.nan
    found = trajectory_loss(*(torch.from_numpy(x) for x in (traj, scores, gt, valid)))
    assert float(found) == pytest.approx(np.mean(total) if total else 0.0)


def test_training():
    """Two modes that begin on either side learn two futures of one past; a mean would be wrong for both."""
    torch.manual_seed(0)
    model = Net(pred_len=3, num_modes=2, hidden=16)
    with torch.no_grad():
        model.step_head.bias.copy_(torch.tensor([0, 1.0] * 3 + [0, -1.0] * 3))
    hist = torch.zeros(2, 1, 4, 2)
    gt = torch.arange(1.0, 4)[:, None] * torch.tensor([[[[1.0, 1.0]]], [[[1.0, -1.0]]]])
    valid = torch.ones(2, 1).bool()
    adam = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(300):
        adam.zero_grad()
        trajectory_loss(*model(hist, valid), gt, valid).backward()
        adam.step()
    traj, scores = model(hist, valid)
    gaps = (traj - gt[:, :, None]).norm(dim=-1).mean(-1).detach()
    assert float(gaps.amin(-1).max()) < 0.1
    assert sorted(gaps.argmin(-1).flatten().tolist()) == [0, 1]
    assert F.softmax(scores, -1).detach().flatten().tolist() == pytest.approx([0.5] * 4, abs=0.05)
