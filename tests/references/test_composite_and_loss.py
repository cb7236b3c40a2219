"""The references of inpainting/composite_and_loss against NumPy, pixel by pixel."""

from pathlib import Path

import numpy as np
import pytest
import torch

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
SPACE = load(ROOT / "solutions/inpainting/composite_and_loss.py").namespace
composite, hole_valid_l1 = SPACE["composite"], SPACE["hole_valid_l1"]


def drawn(seed, b=2, h=4, w=5, share=0.6):
    g = torch.Generator().manual_seed(seed)
    img = torch.rand(b, 3, h, w, generator=g, dtype=torch.float64)
    raw = torch.randn(b, 3, h, w, generator=g, dtype=torch.float64)
    return img, raw, (torch.rand(b, 1, h, w, generator=g) < share).double()


@pytest.mark.parametrize("share", [0.0, 0.3, 0.8, 1.0])
@pytest.mark.parametrize("weights", [{}, {"w_hole": 2.5}, {"w_hole": 0.5, "w_valid": 3.0}])
def test_pixels(share, weights):
    img, raw, m = drawn(int(10 * share), share=share)
    found, loss = composite(img, raw, m), 0.0
    w_hole, w_valid = weights.get("w_hole", 6.0), weights.get("w_valid", 1.0)
    for b, c, y, x in np.ndindex(*img.shape):
        known = m[b, 0, y, x].item() == 1
        assert found[b, c, y, x].item() == (img if known else raw)[b, c, y, x].item()
        error = abs(raw[b, c, y, x].item() - img[b, c, y, x].item())
        loss += (w_valid if known else w_hole) * error / img.numel()
    assert hole_valid_l1(raw, img, m, **weights).item() == pytest.approx(loss, rel=1e-12)


def test_gradient():
    img, raw, m = drawn(3)
    assert torch.autograd.gradcheck(lambda r: hole_valid_l1(r, img, m), raw.requires_grad_())
    composite(img, raw, m).sum().backward()
    assert torch.equal(raw.grad, (1 - m).expand_as(raw))


def test_example():
    img = torch.full((1, 3, 1, 2), 0.5)
    raw = torch.tensor([0.25, 1]).repeat(1, 3, 1, 1)
    m = torch.tensor([1.0, 0]).reshape(1, 1, 1, 2)
    assert composite(img, raw, m)[0, 2, 0].tolist() == [0.5, 1]
    assert hole_valid_l1(raw, img, m, w_hole=1, w_valid=0).item() == 0.25
    assert hole_valid_l1(raw, img, m, w_hole=0, w_valid=1).item() == 0.125
    assert hole_valid_l1(raw, img, m).item() == 1.625
