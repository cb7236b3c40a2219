"""The references of inpainting/mask_pyramid against SciPy's morphology and sums over blocks in NumPy."""

from pathlib import Path

import numpy as np
import pytest
import torch

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
SPACE = load(ROOT / "solutions/inpainting/mask_pyramid.py").namespace
mask_pyramid, grow_hole = SPACE["mask_pyramid"], SPACE["grow_hole"]


def drawn(h, w, share, b=2):
    g = torch.Generator().manual_seed(h * 100 + w)
    return (torch.rand(b, 1, h, w, generator=g) < share).float()


@pytest.mark.parametrize("size", [(1, 1), (1, 6), (5, 8), (7, 7), (16, 9)])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("k", [0, 1, 2, 5])
def test_growing(size, share, k):
    dilate = pytest.importorskip("scipy.ndimage").binary_dilation
    m = drawn(*size, share)
    for before, found in zip(m, grow_hole(m, k), strict=True):
        hole = dilate(before[0].numpy() == 0, np.ones((2 * k + 1, 2 * k + 1)))
        assert np.array_equal(found[0].numpy(), 1.0 - hole)


@pytest.mark.parametrize("size", [(1, 1), (5, 8), (7, 12), (16, 9)])
@pytest.mark.parametrize("share", [0.05, 0.5])
def test_blocks(size, share):
    m = drawn(*size, share)
    pyramid = mask_pyramid(m, 5)
    assert len(pyramid) == 5
    assert torch.equal(pyramid[0], m)
    for level, found in enumerate(pyramid):
        side = 2**level
        for mask, cells in zip(m[:, 0].numpy(), found[:, 0].numpy(), strict=True):
            rows = np.add.reduceat(mask, range(0, mask.shape[0], side), axis=0)
            sums = np.add.reduceat(rows, range(0, mask.shape[1], side), axis=1)
            assert np.array_equal(cells, sums > 0)


def test_examples():
    m = torch.tensor([[1.0, 0, 0], [0, 0, 0]])[None, None]
    assert mask_pyramid(m, 2)[1].tolist() == [[[[1, 0]]]]
    sizes = [tuple(t.shape[2:]) for t in mask_pyramid(torch.ones(1, 1, 5, 8), 5)]
    assert sizes == [(5, 8), (3, 4), (2, 2), (1, 1), (1, 1)]
    row = torch.tensor([1.0, 1, 1, 1, 0])[None, None, None]
    assert grow_hole(row, 2).flatten().tolist() == [1, 1, 0, 0, 0]
