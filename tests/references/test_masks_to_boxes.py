"""The reference of instance_segmentation/masks_to_boxes against scikit-image, SciPy, OpenCV and a search."""

from pathlib import Path

import numpy as np
import pytest
import torch

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
masks_to_boxes = load(ROOT / "solutions/instance_segmentation/masks_to_boxes.py").namespace["masks_to_boxes"]


def drawn(seed: int) -> torch.Tensor:
    """Return a few sparse masks, each with at least one pixel."""
    g = torch.Generator().manual_seed(seed)
    masks = torch.rand(4, 9, 13, generator=g) < 0.04
    masks[
        torch.arange(4), torch.randint(0, 9, (4,), generator=g), torch.randint(0, 13, (4,), generator=g)
    ] = True
    return masks


@pytest.mark.parametrize("seed", range(20))
def test_scikit_image(seed):
    regionprops = pytest.importorskip("skimage.measure").regionprops
    masks = drawn(seed)
    wanted = []
    for mask in masks.numpy():
        y1, x1, y2, x2 = regionprops(mask.astype(int))[0].bbox
        wanted.append([x1, y1, x2, y2])
    assert masks_to_boxes(masks).tolist() == wanted


@pytest.mark.parametrize("seed", range(20))
def test_scipy(seed):
    find_objects = pytest.importorskip("scipy.ndimage").find_objects
    masks = drawn(seed)
    for mask, box in zip(masks.numpy(), masks_to_boxes(masks).tolist(), strict=True):
        rows, columns = find_objects(mask.astype(int))[0]
        assert box == [columns.start, rows.start, columns.stop, rows.stop]


@pytest.mark.parametrize("seed", range(20))
def test_opencv(seed):
    cv2 = pytest.importorskip("cv2")
    masks = drawn(seed)
    for mask, box in zip(masks.numpy(), masks_to_boxes(masks).tolist(), strict=True):
        x, y, w, h = cv2.boundingRect(mask.astype(np.uint8))
        assert box == [x, y, x + w, y + h]


@pytest.mark.parametrize("seed", range(10))
def test_it_is_the_smallest_box_that_loses_no_pixel(seed):
    for mask in drawn(seed)[:, :5, :6]:
        h, w = mask.shape
        pixels = int(mask.sum())
        boxes = [
            ((x2 - x1) * (y2 - y1), [x1, y1, x2, y2])
            for x1 in range(w)
            for x2 in range(x1 + 1, w + 1)
            for y1 in range(h)
            for y2 in range(y1 + 1, h + 1)
            if int(mask[y1:y2, x1:x2].sum()) == pixels
        ]
        wanted = min(boxes)[1] if pixels else [0, 0, 0, 0]
        assert masks_to_boxes(mask[None])[0].tolist() == wanted


def test_example_and_empty():
    masks = torch.zeros(2, 6, 7, dtype=torch.bool)
    masks[0, 1, 2] = masks[0, 3, 4] = True
    boxes = masks_to_boxes(masks)
    assert boxes.tolist() == [[2, 1, 5, 4], [0, 0, 0, 0]]
    assert boxes.dtype == torch.float32
    assert masks_to_boxes(masks[:0]).shape == (0, 4)
