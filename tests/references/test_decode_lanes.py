"""The reference of lane_detection/decode_lanes against SciPy, and against encode_lanes."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
decode_lanes = load(ROOT / "solutions/lane_detection/decode_lanes.py").namespace["decode_lanes"]
encode_lanes = load(ROOT / "solutions/lane_detection/encode_lanes.py").namespace["encode_lanes"]


@pytest.mark.parametrize("scale", [1.0, 3.0, 300.0])
@pytest.mark.parametrize("seed", range(5))
def test_scipy(seed, scale):
    softmax = pytest.importorskip("scipy.special").softmax
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, scale, (2, 3, 5, 8))
    x, exists = decode_lanes(torch.from_numpy(logits), 640)
    for at in np.ndindex(2, 3, 5):
        p = softmax(logits[at][:7])
        assert float(x[at]) == pytest.approx(np.average((np.arange(7) + 0.5) * 640 / 7, weights=p))
        assert bool(exists[at]) == (logits[at].argmax() != 7)


def test_ties():
    logits = torch.tensor([[1.0, 0, 1], [0, 1, 1], [1, 1, 2], [0, 0, 0]])[None, None]
    assert decode_lanes(logits, 10)[1][0, 0].tolist() == [True, True, False, True]


@pytest.mark.parametrize(("W", "C"), [(800, 100), (100, 8), (61, 7)])
def test_roundtrip(W, C):
    xs = torch.from_numpy(np.random.default_rng(W).uniform(-0.2 * W, 1.2 * W, (4, 50)))
    sure = 1000 * torch.nn.functional.one_hot(encode_lanes(xs, W, C), C + 1).double()
    x, exists = decode_lanes(sure[None], W)
    inside = (xs >= 0) & (xs < W)
    assert torch.equal(exists[0], inside)
    assert float((x[0] - xs)[inside].abs().max()) <= W / (2 * C) + 1e-9


def test_gradients():
    logits = torch.randn(2, 2, 3, 6, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda z: decode_lanes(z, 50)[0], logits)
    decode_lanes(logits, 50)[0].sum().backward()
    assert not logits.grad[..., -1].any()


def test_empty():
    for shape in ((0, 2, 3, 5), (2, 0, 3, 5), (2, 3, 0, 5)):
        x, exists = decode_lanes(torch.zeros(shape), 100)
        assert x.shape == exists.shape == shape[:3]
        assert exists.dtype == torch.bool


def test_example():
    for none, there in ((1.0, True), (2.0, False)):
        logits = torch.tensor([0, math.log(3), -1000, -1000, none])[None, None, None]
        x, exists = decode_lanes(logits, 100)
        assert float(x) == pytest.approx(31.25)
        assert bool(exists) is there
