"""The reference of detection/batched_nms against kornia, OpenCV and a search over subsets."""

import itertools
from pathlib import Path

import pytest
import torch

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
batched_nms = load(ROOT / "solutions/detection/batched_nms.py").namespace["batched_nms"]


def drawn(seed: int, n: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, float]:
    """Return overlapping boxes with distinct scores in three classes, and a threshold."""
    g = torch.Generator().manual_seed(seed)
    start = torch.rand(n, 2, generator=g, dtype=torch.float64) * 12
    extent = torch.rand(n, 2, generator=g, dtype=torch.float64) * 12 + 2
    scores = torch.randperm(n, generator=g).double() / n + 0.01
    labels = torch.randint(0, 3, (n,), generator=g)
    return (
        torch.cat([start, start + extent], dim=1),
        scores,
        labels,
        0.2 + 0.5 * float(torch.rand((), generator=g)),
    )


def share(a: list[float], b: list[float]) -> float:
    """Return the IoU of two boxes."""
    w = min(a[2], b[2]) - max(a[0], b[0])
    h = min(a[3], b[3]) - max(a[1], b[1])
    overlap = w * h if w > 0 and h > 0 else 0.0
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - overlap
    return overlap / union if union > 0 else 0.0


def searched(boxes: torch.Tensor, scores: torch.Tensor, labels: torch.Tensor, thr: float) -> list[int]:
    """Return the only subset without rivals in which every box left out has a better rival."""
    b, s, c = boxes.tolist(), scores.tolist(), labels.tolist()
    n = len(s)

    def rivals(i: int, j: int) -> bool:
        return c[i] == c[j] and share(b[i], b[j]) > thr

    def better(i: int, j: int) -> bool:
        return (s[i], -i) > (s[j], -j)

    found = []
    for flags in itertools.product((False, True), repeat=n):
        kept = [i for i in range(n) if flags[i]]
        if any(rivals(i, j) for i, j in itertools.combinations(kept, 2)):
            continue
        if all(any(better(i, j) and rivals(i, j) for i in kept) for j in range(n) if not flags[j]):
            found.append(sorted(kept, key=lambda i: (-s[i], i)))
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize("seed", range(30))
def test_it_is_the_only_stable_subset(seed):
    boxes, scores, labels, thr = drawn(seed, 9)
    assert batched_nms(boxes, scores, labels, thr).tolist() == searched(boxes, scores, labels, thr)


@pytest.mark.parametrize("seed", range(60))
def test_ties_and_thresholds_met_exactly(seed):
    g = torch.Generator().manual_seed(seed)
    start = torch.randint(0, 3, (8, 2), generator=g).double() * 2
    extent = torch.randint(0, 3, (8, 2), generator=g).double() * 2
    boxes = torch.cat([start, start + extent], dim=1)
    scores = torch.randint(-1, 3, (8,), generator=g).double()
    labels = torch.randint(0, 2, (8,), generator=g)
    for thr in (0.0, 0.25, 0.5, 1.0):
        assert batched_nms(boxes, scores, labels, thr).tolist() == searched(boxes, scores, labels, thr)


@pytest.mark.parametrize("seed", range(20))
def test_kornia_class_by_class(seed):
    nms = pytest.importorskip("kornia.geometry.bbox").nms
    boxes, scores, labels, thr = drawn(seed, 40)
    kept = []
    for label in labels.unique():
        own = torch.nonzero(labels == label).flatten()
        kept += own[nms(boxes[own], scores[own], thr)].tolist()
    kept.sort(key=lambda i: -float(scores[i]))
    assert batched_nms(boxes, scores, labels, thr).tolist() == kept


@pytest.mark.parametrize("seed", range(20))
def test_opencv(seed):
    cv2 = pytest.importorskip("cv2")
    boxes, scores, labels, thr = drawn(seed, 40)
    xywh = torch.cat([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], dim=1)
    kept = cv2.dnn.NMSBoxesBatched(xywh.tolist(), scores.tolist(), labels.tolist(), 0.0, thr)
    assert batched_nms(boxes, scores, labels, thr).tolist() == sorted(kept, key=lambda i: -float(scores[i]))


def test_example():
    boxes = torch.tensor([[0.0, 0, 4, 4], [0, 0, 4, 3], [0, 0, 4, 2]])
    scores = torch.tensor([0.6, 0.9, 0.8])
    assert batched_nms(boxes, scores, torch.tensor([0, 0, 0]), 0.5).tolist() == [1]
    assert batched_nms(boxes, scores, torch.tensor([1, 0, 0]), 0.5).tolist() == [1, 0]


def test_no_boxes():
    kept = batched_nms(torch.zeros(0, 4), torch.zeros(0), torch.zeros(0, dtype=torch.int64), 0.5)
    assert kept.shape == (0,)
    assert kept.dtype == torch.int64
