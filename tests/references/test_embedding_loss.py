"""The reference of lane_detection/embedding_loss against NumPy, SciPy's distances and gradcheck."""

from pathlib import Path

import numpy as np
import pytest
import torch

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
loss = load(ROOT / "solutions/lane_detection/embedding_loss.py").namespace["discriminative_loss"]


def drawn(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return embeddings and ids with gaps, one of them of a single pixel."""
    g = torch.Generator().manual_seed(seed)
    ids = torch.tensor([0, 3, 4, 9])[torch.randint(0, seed % 3 + 2, (4, 5), generator=g)]
    ids[1, 2] = 20
    return torch.randn(3, 4, 5, generator=g, dtype=torch.float64), ids


@pytest.mark.parametrize("seed", range(20))
def test_in_numpy(seed):
    distance = pytest.importorskip("scipy.spatial.distance")
    emb, ids = drawn(seed)
    dv, dd = 0.2 + 0.05 * seed, 1.0 + 0.2 * seed
    lanes = [emb.numpy()[:, (ids == lane).numpy()].T for lane in ids.unique() if lane > 0]
    means = np.stack([x.mean(0) for x in lanes])
    pulls = [
        np.mean(np.maximum(distance.cdist(x, m[None]) - dv, 0) ** 2)
        for x, m in zip(lanes, means, strict=True)
    ]
    gaps = distance.squareform(np.maximum(dd - distance.pdist(means), 0) ** 2)
    n = len(lanes)
    pull, push = loss(emb, ids, dv, dd)
    assert float(pull) == pytest.approx(np.mean(pulls))
    assert float(push) == pytest.approx(gaps.sum() / (n * (n - 1)))


@pytest.mark.parametrize("seed", range(5))
def test_gradients(seed):
    emb, ids = drawn(seed)
    ids[1, 2] = 0  # a pixel on its mean has no derivative to compare with
    assert torch.autograd.gradcheck(lambda x: loss(x, ids, 0.3, 2.0), emb.requires_grad_(True))


def test_no_nan_where_pixels_agree():
    emb = torch.ones(2, 3, 4, requires_grad=True)
    ids = torch.arange(12).reshape(3, 4) % 3
    pull, push = loss(emb, ids)
    assert (pull.item(), push.item()) == (0.0, 9.0)
    (pull + push).backward()
    assert bool(emb.grad.isfinite().all())


def test_example():
    emb, ids = torch.tensor([[[0.0, 2, 3, 9]]]), torch.tensor([[4, 4, 7, 0]])
    assert [float(v) for v in loss(emb, ids)] == pytest.approx([0.125, 1.0])


@pytest.mark.parametrize("lanes", [0, 1])
def test_few_lanes(lanes):
    emb = torch.tensor([[[0.0, 2.0]]])
    pull, push = loss(emb, torch.full((1, 2), lanes))
    assert float(pull) == pytest.approx(0.25 * lanes)
    assert float(push) == 0.0
