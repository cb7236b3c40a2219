"""The reference of detection/fcos_targets against a loop over exact fractions and against painted masks."""

import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
fcos_targets = load(ROOT / "solutions/detection/fcos_targets.py").namespace["fcos_targets"]


def exact(points, boxes, labels):
    """Return the targets in fractions, one row (label, l, t, r, b, square of the centre-ness) a point."""
    rows = []
    for x, y in ([Fraction(v) for v in p] for p in points.tolist()):
        holding = []
        for j, (x1, y1, x2, y2) in enumerate([Fraction(v) for v in b] for b in boxes.tolist()):
            if x1 < x < x2 and y1 < y < y2:
                holding.append(((x2 - x1) * (y2 - y1), j, (x - x1, y - y1, x2 - x, y2 - y)))
        if not holding:
            rows.append((0, 0, 0, 0, 0, 0))
            continue
        _, j, (left, top, right, bottom) = min(holding)
        square = min(left / right, right / left) * min(top / bottom, bottom / top)
        rows.append((int(labels[j]), left, top, right, bottom, square))
    return rows


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("seed", range(30))
def test_fractions(seed, dtype):
    g = torch.Generator().manual_seed(seed)
    start = torch.randint(0, 8, (7, 2), generator=g)
    extent = torch.randint(0, 6, (7, 2), generator=g)
    boxes = torch.cat([start, start + extent], dim=1).to(dtype)
    points = torch.randint(0, 26, (40, 2), generator=g).to(dtype) / 2
    labels = torch.randint(1, 9, (7,), generator=g)
    cls, ltrb, centerness = fcos_targets(points, boxes, labels)
    rows = exact(points, boxes, labels)
    assert cls.tolist() == [row[0] for row in rows]
    assert ltrb.tolist() == [[float(v) for v in row[1:5]] for row in rows]
    assert centerness.tolist() == pytest.approx([math.sqrt(row[5]) for row in rows], rel=1e-6)


def test_opencv_masks():
    cv2 = pytest.importorskip("cv2")
    rng = np.random.default_rng(0)
    corner, extent = rng.integers(0, 40, (9, 2)), rng.integers(4, 24, (9, 2))
    boxes = np.concatenate([corner, corner + extent], axis=1)
    canvas = np.zeros((64, 64), dtype=np.uint8)
    # Pixel centres lie half a unit inside; small boxes are painted over large ones.
    for j in sorted(range(9), key=lambda j: (-extent[j].prod(), -j)):
        x1, y1, x2, y2 = (int(v) for v in boxes[j])
        cv2.rectangle(canvas, (x1, y1), (x2 - 1, y2 - 1), color=j + 1, thickness=cv2.FILLED)
    y, x = np.mgrid[:64, :64] + 0.5
    points = torch.from_numpy(np.stack([x.ravel(), y.ravel()], axis=1))
    cls, ltrb, centerness = fcos_targets(points, torch.from_numpy(boxes).double(), torch.arange(1, 10))
    assert (cls.reshape(64, 64).numpy() == canvas).all()
    assert bool((ltrb[cls > 0] > 0).all())
    assert bool(((centerness > 0) == (cls > 0)).all())
    assert float(centerness.max()) <= 1


def test_example():
    found = fcos_targets(torch.tensor([[1.0, 1.0]]), torch.tensor([[0.0, 0, 5, 2]]), torch.tensor([3]))
    assert found[0].tolist() == [3]
    assert found[1].tolist() == [[1, 1, 4, 1]]
    assert found[2].tolist() == [0.5]


@pytest.mark.parametrize(("n", "m"), [(0, 3), (4, 0), (0, 0)])
def test_empty(n, m):
    cls, ltrb, centerness = fcos_targets(torch.ones(n, 2), torch.ones(m, 4), torch.ones(m, dtype=torch.int64))
    assert (cls.shape, ltrb.shape, centerness.shape) == ((n,), (n, 4), (n,))
    assert not cls.any()
    assert not ltrb.any()
    assert not centerness.any()
