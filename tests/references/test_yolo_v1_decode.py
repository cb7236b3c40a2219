"""The reference of detection/yolo_v1_decode against NumPy, entry by entry, and an encoder run backwards."""

from pathlib import Path

import numpy as np
import pytest
import torch

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
yolo_v1_decode = load(ROOT / "solutions/detection/yolo_v1_decode.py").namespace["yolo_v1_decode"]


@pytest.mark.parametrize("img", [448, 100])
@pytest.mark.parametrize(("S", "B", "C"), [(7, 2, 20), (3, 1, 4), (1, 3, 1), (4, 2, 2)])
def test_entry_by_entry(S, B, C, img):
    pred = np.random.default_rng(S).random((S, S, 5 * B + C))
    boxes, scores, labels = (t.numpy() for t in yolo_v1_decode(torch.from_numpy(pred), B, C, img, 0.3))
    n = 0
    for row, col, b, c in np.ndindex(S, S, B, C):
        score = pred[row, col, 5 * b + 4] * pred[row, col, 5 * B + c]
        if score <= 0.3:
            continue
        x, y, w, h = pred[row, col, 5 * b : 5 * b + 4]
        corners = [(col + x) / S - w / 2, (row + y) / S - h / 2, (col + x) / S + w / 2, (row + y) / S + h / 2]
        assert boxes[n] == pytest.approx(img * np.array(corners))
        assert scores[n] == pytest.approx(score)
        assert labels[n] == c
        n += 1
    assert n == len(boxes) == len(scores) == len(labels)


def test_encoded_objects_come_back():
    rng = np.random.default_rng(1)
    S, B, C, img = 7, 2, 20, 448
    pred = torch.zeros(S, S, 5 * B + C, dtype=torch.float64)
    cells = rng.permutation(S * S)[:12]
    wanted = []
    for cell in sorted(cells):
        centre = (np.array([cell % S, cell // S]) + rng.random(2)) * img / S
        extent = rng.random(2) * img / 2
        label, box = rng.integers(C), rng.integers(B)
        block = [*(centre * S / img % 1), *(extent / img), 1.0]
        pred[cell // S, cell % S, 5 * box : 5 * box + 5] = torch.tensor(block, dtype=torch.float64)
        pred[cell // S, cell % S, 5 * B + label] = 1
        wanted.append((label, *(centre - extent / 2), *(centre + extent / 2)))
    boxes, scores, labels = yolo_v1_decode(pred, B, C)
    assert labels.tolist() == [row[0] for row in wanted]
    assert boxes.numpy() == pytest.approx(np.array([row[1:] for row in wanted]))
    assert scores.tolist() == [1.0] * 12


def test_example():
    pred = torch.zeros(2, 2, 7)
    pred[0, 1] = torch.tensor([0.5, 0.5, 0.4, 0.2, 0.5, 0.75, 0.25])
    boxes, scores, labels = yolo_v1_decode(pred, 1, 2, 100, 0.25)
    assert boxes.tolist() == [pytest.approx([55, 15, 95, 35])]
    assert scores.tolist() == [0.375]
    assert labels.tolist() == [0]


def test_nothing_kept():
    boxes, scores, labels = yolo_v1_decode(torch.zeros(7, 7, 30), 2, 20)
    assert (boxes.shape, scores.shape, labels.shape) == ((0, 4), (0,), (0,))
    assert labels.dtype == torch.int64
