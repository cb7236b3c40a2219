"""The reference of captioning/itc_loss against NumPy in long sums, SciPy, and finite differences."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
itc_loss = load(ROOT / "solutions/captioning/itc_loss.py").namespace["itc_loss"]


def drawn(seed, b=5, d=4):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(b, d)) * rng.uniform(0.5, 20, (b, 1)), rng.normal(size=(b, d))


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("temp", [0.07, 0.5, 2.0])
def test_slowly(seed, temp):
    img, txt = drawn(seed)
    b, total = len(img), 0.0
    for i in range(b):
        for one, others in ((img[i], txt), (txt[i], img)):
            cosines = [one @ o / math.hypot(*one) / math.hypot(*o) for o in others]
            each = [math.exp(c / temp) for c in cosines]
            total -= math.log(each[i] / sum(each))
    found = itc_loss(torch.from_numpy(img), torch.from_numpy(txt), temp=temp)
    assert found.item() == pytest.approx(total / (2 * b))


@pytest.mark.parametrize("temp", [0.001, 0.07])
def test_scipy(temp):
    spatial, special = pytest.importorskip("scipy.spatial"), pytest.importorskip("scipy.special")
    img, txt = drawn(0)
    s = (1 - spatial.distance.cdist(img, txt, "cosine")) / temp
    wanted = -(np.diag(special.log_softmax(s, 0)) + np.diag(special.log_softmax(s, 1))).mean() / 2
    assert itc_loss(torch.from_numpy(img), torch.from_numpy(txt), temp).item() == pytest.approx(wanted)


@pytest.mark.parametrize("seed", range(3))
def test_gradients(seed):
    img, txt = (torch.from_numpy(x).requires_grad_(True) for x in drawn(seed, b=3))
    assert torch.autograd.gradcheck(lambda x, y: itc_loss(x, y, 0.3), (img, txt))


def test_single():
    assert itc_loss(torch.rand(1, 6), torch.rand(1, 6)).item() == 0


def test_example():
    img, txt = torch.tensor([[1.0, 0], [0, 1]]), torch.tensor([[2.0, 0], [3, 3]])
    assert itc_loss(img, txt, temp=1.0).item() == pytest.approx(0.491, abs=5e-4)
