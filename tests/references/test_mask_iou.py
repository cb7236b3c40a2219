"""The reference of instance_segmentation/mask_iou against SciPy, torchmetrics and sets."""

from pathlib import Path

import pytest
import torch

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
mask_iou = load(ROOT / "solutions/instance_segmentation/mask_iou.py").namespace["mask_iou"]


def drawn(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return two sets of masks, the last of each empty."""
    g = torch.Generator().manual_seed(seed)
    a, b = torch.rand(5, 6, 7, generator=g) < 0.4, torch.rand(4, 6, 7, generator=g) < 0.6
    a[-1] = b[-1] = False
    return a, b


def pixels(mask: torch.Tensor) -> set[tuple[int, int]]:
    """Return the pixels of a mask."""
    return {(y, x) for y, x in torch.nonzero(mask).tolist()}


@pytest.mark.parametrize("seed", range(20))
def test_sets(seed):
    a, b = drawn(seed)
    for i, row in enumerate(mask_iou(a, b).tolist()):
        for j, iou in enumerate(row):
            ours, theirs = pixels(a[i]), pixels(b[j])
            either = ours | theirs
            assert iou == pytest.approx(len(ours & theirs) / len(either) if either else 0.0)


@pytest.mark.parametrize("seed", range(10))
def test_scipy(seed):
    cdist = pytest.importorskip("scipy.spatial.distance").cdist
    a, b = drawn(seed)
    wanted = 1 - torch.from_numpy(cdist(a[:-1].flatten(1).numpy(), b[:-1].flatten(1).numpy(), "jaccard"))
    torch.testing.assert_close(mask_iou(a[:-1], b[:-1]).double(), wanted, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_torchmetrics(seed):
    jaccard = pytest.importorskip("torchmetrics.functional").jaccard_index
    a, b = drawn(seed)
    for i, row in enumerate(mask_iou(a[:-1], b).tolist()):
        for j, iou in enumerate(row):
            assert iou == pytest.approx(float(jaccard(a[i].int(), b[j].int(), task="binary")))


def test_example_and_empty():
    a, b = torch.tensor([[[1, 1, 0, 0]]]).bool(), torch.tensor([[[0, 1, 1, 1]], [[0, 0, 0, 0]]]).bool()
    assert mask_iou(a, b).tolist() == [[0.25, 0.0]]
    assert mask_iou(b[1:], b[1:]).tolist() == [[0.0]]
    assert mask_iou(a[:0], b).shape == (0, 2)
    assert mask_iou(a, b[:0]).shape == (1, 0)
    assert mask_iou(a, b).dtype == torch.float32


def test_large_counts_are_exact():
    a = torch.ones(1, 2000, 2000, dtype=torch.bool)
    b = a.clone()
    b[0, 0, 0] = False
    assert mask_iou(a, b).item() == pytest.approx((4_000_000 - 1) / 4_000_000, rel=1e-7)
