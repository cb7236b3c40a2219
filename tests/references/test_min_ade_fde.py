"""The reference of trajectory_prediction/min_ade_fde against NumPy, step by step, and SciPy's distances."""

from pathlib import Path

import numpy as np
import pytest
import torch

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
min_ade_fde = load(ROOT / "solutions/trajectory_prediction/min_ade_fde.py").namespace["min_ade_fde"]


def drawn(seed, n=6, k=4, t=5):
    rng = np.random.default_rng(seed)
    gt = rng.normal(0, 3, (n, t, 2))
    pred = gt[:, None] + rng.normal(0, 2, (n, k, t, 2))
    valid = rng.random((n, t)) < 0.5
    valid[0, 2] = True
    return pred, gt, valid


def slowly(pred, gt, valid):
    ades, fdes = [], []
    for modes, truth, known in zip(pred, gt, valid, strict=True):
        steps = np.flatnonzero(known)
        if len(steps) == 0:
            continue
        errors = [[np.hypot(*(mode[s] - truth[s])) for s in steps] for mode in modes]
        ades.append(min(np.mean(row) for row in errors))
        fdes.append(min(row[-1] for row in errors))
    return np.mean(ades), np.mean(fdes), np.mean([f > 2 for f in fdes])


@pytest.mark.parametrize("seed", range(30))
def test_numpy(seed):
    pred, gt, valid = drawn(seed)
    hidden = np.where(valid[..., None], gt, np.nan if seed % 2 else 1e9)
    found = min_ade_fde(*(torch.from_numpy(x) for x in (pred, hidden, valid)))
    assert found == pytest.approx(slowly(pred, gt, valid))


@pytest.mark.parametrize("seed", range(5))
def test_everything_valid(seed):
    distances = pytest.importorskip("scipy.spatial.distance")
    pred, gt, _ = drawn(seed)
    found = min_ade_fde(torch.from_numpy(pred), torch.from_numpy(gt))
    each = np.array(
        [
            [[distances.euclidean(a, b) for a, b in zip(mode, truth, strict=True)] for mode in modes]
            for modes, truth in zip(pred, gt, strict=True)
        ]
    )
    end = each[:, :, -1].min(axis=1)
    assert found == pytest.approx((each.mean(axis=2).min(axis=1).mean(), end.mean(), (end > 2).mean()))


def test_example():
    gt = torch.tensor([[[0.0, 0], [1, 0], [2, 0]]])
    off = torch.tensor([[[[1.0, 0], [0, 1], [0, 0]], [[0, 0], [0, 0], [0, 1.5]]]])
    assert min_ade_fde(gt[:, None] + off, gt) == pytest.approx((0.5, 0.0, 0.0))
    assert min_ade_fde(gt[:, None] + off[:, :1], gt) == pytest.approx((2 / 3, 0.0, 0.0))
    assert min_ade_fde(gt[:, None] + off[:, 1:], gt) == pytest.approx((0.5, 1.5, 0.0))


@pytest.mark.parametrize(("length", "missed"), [(2.0, 0.0), (2.0078125, 1.0)])
def test_threshold(length, missed):
    gt = torch.zeros(1, 1, 2)
    assert min_ade_fde(torch.tensor([[[[0.0, length]]]]), gt) == pytest.approx((length, length, missed))
