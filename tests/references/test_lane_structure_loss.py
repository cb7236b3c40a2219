"""The reference of lane_detection/lane_structure_loss against SciPy and sums written out."""

from pathlib import Path

import numpy as np
import pytest
import torch

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
lane_structure = load(ROOT / "solutions/lane_detection/lane_structure_loss.py").namespace["lane_structure"]


@pytest.mark.parametrize("scale", [1.0, 300.0])
@pytest.mark.parametrize("shape", [(2, 3, 5, 8), (1, 1, 3, 2), (1, 4, 2, 5), (2, 1, 1, 4)])
def test_scipy(shape, scale):
    softmax = pytest.importorskip("scipy.special").softmax
    cdist = pytest.importorskip("scipy.spatial.distance").cdist
    logits = np.random.default_rng(shape[2]).normal(0, scale, shape)
    jumps, bends = [], []
    for lane in logits.reshape(-1, *shape[2:]):
        P = softmax(lane, axis=-1)
        distance = cdist(P, P, "cityblock")
        jumps += [distance[r, r + 1] for r in range(shape[2] - 1)]
        E = softmax(lane[:, :-1], axis=-1) @ np.arange(shape[3] - 1)
        bends += np.abs(np.diff(E, n=2)).tolist()
    sim, shp = lane_structure(torch.from_numpy(logits))
    assert float(sim) == pytest.approx(np.mean(jumps) if jumps else 0.0)
    assert float(shp) == pytest.approx(np.mean(bends) if bends else 0.0)


def test_gradients():
    logits = torch.randn(2, 2, 4, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lane_structure, logits)


def test_few_rows():
    for rows, terms in ((1, (0, 1)), (2, (1,))):
        logits = torch.randn(2, 3, rows, 5, requires_grad=True)
        found = lane_structure(logits)
        for term in terms:
            assert float(found[term].detach()) == 0
            (grad,) = torch.autograd.grad(found[term], logits, retain_graph=True)
            assert not grad.any()


def sure(*columns):
    return 1000.0 * torch.nn.functional.one_hot(torch.tensor(columns), 5)[None, None]


def test_example():
    assert [float(t) for t in lane_structure(sure(0, 1, 3))] == [2, 1]
    assert [float(t) for t in lane_structure(sure(2, 2, 2))] == [0, 0]
    assert [float(t) for t in lane_structure(sure(1, 2, 3))] == [2, 0]
