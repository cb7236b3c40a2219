"""The reference of anomaly_detection/patchcore_score against the formula in whole numbers and fractions."""

import math
from pathlib import Path

import pytest
import torch

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
patchcore = load(ROOT / "solutions/anomaly_detection/patchcore_score.py").namespace["patchcore"]


def drawn(seed, n=3, p=5, m=14, d=3):
    g = torch.Generator().manual_seed(seed)
    return torch.randn(n, p, d, generator=g).double(), torch.randn(m, d, generator=g).double()


def formula(test, bank, b):
    """Return the scores by the formula as it stands, in plain Python."""
    items, patch, image = bank.tolist(), [], []
    for patches in test.tolist():
        scores = [min(math.dist(t, m) for m in items) for t in patches]
        s = max(scores)
        t = patches[scores.index(s)]
        star = min(items, key=lambda m: math.dist(t, m))
        around = sorted(items, key=lambda m: math.dist(star, m))[:b]
        w = 1 - math.exp(s) / sum(math.exp(math.dist(t, m)) for m in around)
        patch.append(scores)
        image.append(w * s)
    return torch.tensor(patch).double(), torch.tensor(image).double()


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("b", [1, 2, 9, 14, 20])
def test_formula(seed, b):
    test, bank = drawn(seed)
    torch.testing.assert_close(patchcore(test, bank, b=b), formula(test, bank, b), rtol=1e-6, atol=1e-6)


def test_scikit_learn():
    neighbors = pytest.importorskip("sklearn.neighbors")
    test, bank = drawn(8)
    index = neighbors.NearestNeighbors().fit(bank.numpy())
    wanted = index.kneighbors(test.reshape(-1, 3).numpy(), n_neighbors=1)[0].reshape(3, 5)
    assert patchcore(test, bank)[0].numpy() == pytest.approx(wanted)


def test_large_distances():
    """A bank of two items on a line, the patch beyond them: the weight is a logistic function of their gap."""
    bank = torch.tensor([[0.0], [-1.0]]).double()
    for at in (3.0, 5e3, 5e5):
        patch, image = patchcore(torch.tensor([[[at]]]).double(), bank)
        assert patch.item() == at
        assert image.item() == pytest.approx(at / (1 + math.exp(-1)), rel=1e-6)


def test_example():
    test, bank = torch.tensor([[[2.0], [0.5]]]), torch.tensor([[0.0], [1.0], [5.0]])
    patch, image = patchcore(test, bank, b=2)
    assert patch.tolist() == [[1, 0.5]]
    assert image.item() == pytest.approx(0.731, abs=5e-4)
    for b in (3, 9):
        assert patchcore(test, bank, b=b)[1].item() == pytest.approx(0.910, abs=5e-4)
