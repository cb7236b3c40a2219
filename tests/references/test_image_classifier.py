"""The reference of classification/image_classifier against SciPy, scikit-learn and NumPy."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
NAMES = load(ROOT / "solutions/classification/image_classifier.py").namespace
ImageClassifier, classification_loss = NAMES["ImageClassifier"], NAMES["classification_loss"]


@pytest.mark.parametrize("size", [(224, 224), (33, 65), (1, 1), (7, 2)])
def test_model(size):
    torch.manual_seed(0)
    model = ImageClassifier(nn.Conv2d(3, 6, 3, stride=2, padding=1), 6, 4).double()
    x = torch.randn(2, 3, *size, dtype=torch.float64)
    features = model.backbone(x).detach().numpy()
    weight, bias = model.fc.weight.detach().numpy(), model.fc.bias.detach().numpy()
    wanted = [weight @ np.array([c.mean() for c in f]) + bias for f in features]
    assert model(x).detach().numpy() == pytest.approx(np.stack(wanted))


@pytest.mark.parametrize("scale", [1, 30, 500])
def test_scipy(scale):
    special = pytest.importorskip("scipy.special")
    g = np.random.default_rng(scale)
    logits, targets = scale * g.normal(size=(7, 5)), g.integers(0, 5, 7)
    wanted = (special.logsumexp(logits, axis=1) - logits[np.arange(7), targets]).mean()
    found = classification_loss(torch.tensor(logits), torch.tensor(targets))
    assert found.item() == pytest.approx(wanted)


def test_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    g = np.random.default_rng(1)
    logits, targets = g.normal(size=(9, 4)), g.integers(0, 4, 9)
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    wanted = metrics.log_loss(targets, shares, labels=range(4))
    found = classification_loss(torch.tensor(logits), torch.tensor(targets))
    assert found.item() == pytest.approx(wanted)


def test_gradient():
    logits = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    targets = torch.tensor([3, 0, 3])
    assert torch.autograd.gradcheck(lambda z: classification_loss(z, targets), logits)


def test_example():
    own = ImageClassifier(nn.Identity(), 512, 10)
    assert sum(p.numel() for p in own.parameters()) == 5130
    assert classification_loss(torch.zeros(4, 10), torch.arange(4)).item() == pytest.approx(math.log(10))
    sure = torch.eye(10)
    floor = classification_loss(sure, torch.arange(10)).item()
    assert floor == pytest.approx(math.log(9 + math.e) - 1)
    assert floor == pytest.approx(1.461, abs=5e-4)
