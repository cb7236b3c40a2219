"""The reference of depth/disp_to_depth against exact fractions and NumPy's interpolation."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
disp_to_depth = load(ROOT / "solutions/depth/disp_to_depth.py").namespace["disp_to_depth"]


@pytest.mark.parametrize(("near", "far"), [(Fraction(1, 10), 100), (Fraction(1, 2), 80), (1, Fraction(7, 2))])
def test_fractions(near, far):
    shares = [Fraction(i, 16) for i in range(17)]
    sig = torch.tensor([float(s) for s in shares], dtype=torch.float64).reshape(1, 1, 1, 17)
    disp, depth = disp_to_depth(sig, float(near), float(far))
    wanted = [1 / Fraction(far) + (1 / Fraction(near) - 1 / Fraction(far)) * s for s in shares]
    assert disp.flatten().tolist() == pytest.approx([float(d) for d in wanted])
    assert depth.flatten().tolist() == pytest.approx([float(1 / d) for d in wanted])


@pytest.mark.parametrize("seed", range(5))
def test_interpolation(seed):
    torch.manual_seed(seed)
    sig = torch.rand(3, 1, 5, 4, dtype=torch.float64)
    disp, depth = disp_to_depth(sig)
    wanted = np.interp(sig.numpy(), [0, 1], [0.01, 10])
    assert disp.numpy() == pytest.approx(wanted)
    assert depth.numpy() == pytest.approx(1 / wanted)


def test_ends():
    disp, depth = disp_to_depth(torch.tensor([0.0, 0.5, 1.0]).double().reshape(3, 1, 1, 1))
    assert disp.flatten().tolist() == pytest.approx([0.01, 5.005, 10])
    assert depth.flatten().tolist() == pytest.approx([100, 0.1998, 0.1], abs=5e-6)
    half = torch.full((1, 1, 1, 1), 0.5, dtype=torch.float64)
    assert float(disp_to_depth(half)[1]) < 0.2


def test_gradients():
    torch.manual_seed(0)
    sig = torch.rand(2, 1, 2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda s: disp_to_depth(s, 0.5, 20.0), sig)
