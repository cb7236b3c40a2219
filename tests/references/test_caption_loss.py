"""The reference of captioning/caption_loss against NumPy, caption by caption, and finite differences."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
caption_loss = load(ROOT / "solutions/captioning/caption_loss.py").namespace["caption_loss"]


def drawn(seed, b=3, t=5, v=6, p=4, pad=0):
    rng = np.random.default_rng(seed)
    logits, alphas = rng.normal(0, 3, (b, t, v)), rng.dirichlet(np.ones(p), (b, t))
    targets = (pad + rng.integers(1, v, (b, t))) % v
    for row in targets:
        row[rng.integers(0, t + 1) :] = pad
    return logits, alphas, targets


def slowly(logits, alphas, targets, pad, lam):
    words, places = [], []
    for z, a, y in zip(logits, alphas, targets, strict=True):
        seen = np.zeros(a.shape[1])
        for step, word in enumerate(y):
            if word == pad:
                break
            e = np.exp(z[step])
            words.append(-math.log(e[word] / e.sum()))
            seen += a[step]
        places.append(sum((1 - s) ** 2 for s in seen))
    return (np.mean(words) if words else 0) + lam * np.mean(places)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize(("pad", "lam"), [(0, 1.0), (3, 0.5), (5, 0.0)])
def test_numpy(seed, pad, lam):
    given = drawn(seed, pad=pad)
    found = caption_loss(*map(torch.from_numpy, given), pad=pad, lam=lam)
    assert found.item() == pytest.approx(slowly(*given, pad, lam))


@pytest.mark.parametrize("seed", range(5))
def test_torch_mean(seed):
    logits, alphas, targets = map(torch.from_numpy, drawn(seed))
    targets[0, 0] = 1
    wanted = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=0)
    assert caption_loss(logits, alphas, targets, lam=0.0).item() == pytest.approx(wanted.item())


@pytest.mark.parametrize("seed", range(3))
def test_gradients(seed):
    logits, alphas, targets = map(torch.from_numpy, drawn(seed, b=2, t=3))
    logits.requires_grad_(True)
    alphas.requires_grad_(True)
    assert torch.autograd.gradcheck(lambda z, a: caption_loss(z, a, targets, lam=0.7), (logits, alphas))


def test_nothing():
    logits = torch.randn(2, 3, 5, requires_grad=True)
    loss = caption_loss(logits, torch.rand(2, 3, 7), torch.zeros(2, 3).long(), lam=0.5)
    loss.backward()
    assert loss.item() == 3.5
    assert not logits.grad.any()


def test_example():
    alphas = torch.tensor([[[0.75, 0.25], [0.5, 0.5]]])
    loss = caption_loss(torch.zeros(1, 2, 4), alphas, torch.tensor([[2, 0]]))
    assert loss.item() == pytest.approx(math.log(4) + 0.625)
