"""The reference of inpainting/tv_in_hole against SciPy's dilation with a loop over pairs, and kornia's TV."""

from pathlib import Path

import numpy as np
import pytest
import torch

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
tv_in_hole = load(ROOT / "solutions/inpainting/tv_in_hole.py").namespace["tv_in_hole"]


def drawn(seed, b, h, w, share):
    g = torch.Generator().manual_seed(seed)
    img = torch.rand(b, 3, h, w, generator=g, dtype=torch.float64)
    return img, (torch.rand(b, 1, h, w, generator=g) < share).double()


@pytest.mark.parametrize(("b", "h", "w"), [(1, 1, 1), (1, 1, 6), (2, 7, 1), (2, 5, 8), (3, 9, 6)])
@pytest.mark.parametrize("share", [0.0, 0.5, 0.9, 0.97, 1.0])
def test_pairs(b, h, w, share):
    dilate = pytest.importorskip("scipy.ndimage").binary_dilation
    img, m = drawn(h, b, h, w, share)
    values = []
    for image, mask in zip(img.numpy(), m.numpy(), strict=True):
        region = dilate(mask[0] == 0, np.ones((3, 3)))
        for y, x in np.ndindex(h, w):
            for v, u in ((y, x + 1), (y + 1, x)):
                if v < h and u < w and region[y, x] and region[v, u]:
                    values += [abs(image[c, y, x] - image[c, v, u]) for c in range(3)]
    found = tv_in_hole(img, m)
    assert found.shape == ()
    assert found.item() == pytest.approx(np.mean(values) if values else 0, rel=1e-12)


@pytest.mark.parametrize(("h", "w"), [(4, 7), (6, 5)])
def test_kornia(h, w):
    losses = pytest.importorskip("kornia.losses")
    img, m = drawn(1, 2, h, w, 0.0)
    pairs = 2 * (h * (w - 1) + (h - 1) * w)
    expected = losses.total_variation(img, reduction="sum").sum() / (3 * pairs)
    assert tv_in_hole(img, m).item() == pytest.approx(expected.item(), rel=1e-9)


def test_gradient():
    img, m = drawn(7, 2, 4, 5, 0.8)
    assert torch.autograd.gradcheck(lambda i: tv_in_hole(i, m), img.requires_grad_())


def test_examples():
    row = torch.tensor([0.0, 1, 3, 9]).repeat(1, 3, 1, 1)
    assert tv_in_hole(row, torch.tensor([0.0, 1, 1, 1])[None, None, None]).item() == 1
    assert tv_in_hole(row, torch.tensor([1.0, 0, 1, 1])[None, None, None]).item() == 1.5
