"""The reference of depth/edge_aware_smoothness against kornia, and against a loop over pixels."""

from pathlib import Path

import numpy as np
import pytest
import torch

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
edge_smooth = load(ROOT / "solutions/depth/edge_aware_smoothness.py").namespace["edge_smooth"]


def drawn(seed, b=2, h=5, w=7):
    g = torch.Generator().manual_seed(seed)
    disp = torch.rand(b, 1, h, w, generator=g, dtype=torch.float64) + 0.1
    return disp * torch.tensor([1.0, 8.0, 0.3])[:b, None, None, None], torch.rand(
        b, 3, h, w, generator=g, dtype=torch.float64
    )


@pytest.mark.parametrize("seed", range(5))
def test_kornia(seed):
    losses = pytest.importorskip("kornia.losses")
    disp, img = drawn(seed, b=3)
    normalised = torch.stack([d / d.mean() for d in disp])
    expected = losses.inverse_depth_smoothness_loss(normalised, img)
    assert edge_smooth(disp, img).item() == pytest.approx(expected.item(), rel=1e-9)


@pytest.mark.parametrize(("b", "h", "w"), [(1, 2, 2), (2, 3, 6), (3, 6, 2)])
def test_pixels(b, h, w):
    disp, img = (t.numpy() for t in drawn(b, b, h, w))
    x_terms, y_terms = [], []
    for i in range(b):
        d = disp[i, 0] / disp[i].mean()
        for y, x in np.ndindex(h, w):
            for terms, y2, x2 in ((x_terms, y, x + 1), (y_terms, y + 1, x)):
                if y2 < h and x2 < w:
                    edge = np.mean([abs(img[i, c, y, x] - img[i, c, y2, x2]) for c in range(3)])
                    terms.append(abs(d[y, x] - d[y2, x2]) * np.exp(-edge))
    found = edge_smooth(torch.from_numpy(disp), torch.from_numpy(img))
    assert found.shape == ()
    assert found.item() == pytest.approx(np.mean(x_terms) + np.mean(y_terms), rel=1e-12)


def test_gradient():
    disp, img = drawn(7)
    assert torch.autograd.gradcheck(lambda d: edge_smooth(d, img), disp.requires_grad_())


def test_example():
    disp = torch.tensor([[1.0, 3], [1, 3]])[None, None]
    img = torch.tensor([[0.25, 0.75], [0.25, 0.75]]).expand(1, 3, 2, 2)
    assert edge_smooth(disp, img).item() == pytest.approx(0.607, abs=5e-4)
    assert edge_smooth(torch.full((1, 1, 3, 3), 0.3), torch.rand(1, 3, 3, 3)).item() == 0
