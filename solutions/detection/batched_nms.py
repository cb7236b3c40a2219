"""Non-maximum suppression, class by class.

A detector reports the same object many times. Greedy NMS walks through the boxes from the best score to
the worst. It keeps a box unless the IoU of that box with a box of the same class that was kept before it
is greater than iou_thr.

* boxes [n, 4] are (x1, y1, x2, y2) with x1 <= x2 and y1 <= y2, real numbers in pixels or in shares of
  the image: a width is x2 - x1, without "+1". Coordinates may be negative, where a box hangs over the
  edge of the image.
* scores [n] are finite. Every box takes part, also one whose score is zero or negative.
* labels [n] are class indices from 0. Boxes of different classes never suppress each other.
* A box goes only if its IoU is greater than iou_thr (from 0 to 1); a box at exactly iou_thr stays. Where
  the union is 0 (two boxes without area) the IoU counts as 0.
* A suppressed box suppresses nothing.
* Return the indices of the kept boxes, int64, over all classes together: from the highest score to the
  lowest. Of equal scores the lower index is the better one, both in the walk and in the result.
* n may be 0: the result is then an empty int64 tensor of shape [0].
* The inputs stay as they are. All tensors are on the CPU.

Example, with iou_thr = 0.5: (0, 0, 4, 4) with score 0.6, (0, 0, 4, 3) with 0.9 and (0, 0, 4, 2) with
0.8, all of class 0. Box 1 is the best. Its IoU with box 2 is 8/12 and with box 0 it is 12/16, so both
go: the result is [1]. If box 0 were of class 1, the result would be [1, 0].
"""

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from grader import right, wrong

LEVEL = 2
MINUTES = 20
HINTS = (
    "Two things decide: the order in which boxes are looked at, and which earlier boxes may veto a new one. "
    "What does a stable sort do with equal scores?",
    "Sort once over all classes. Compute all IoUs once, and mark the pairs that overlap too much and share "
    "a label. Then one loop over the boxes in order is enough.",
    "Hold a boolean for every box in sorted order, all True. At box i, if its boolean is still True, turn "
    "off every later box that is marked with it. What is left, mapped back through the sort, is the answer.",
)


def batched_nms(
    boxes: Float[Tensor, "n 4"], scores: Float[Tensor, " n"], labels: Int64[Tensor, " n"], iou_thr: float
) -> Int64[Tensor, " k"]:
    """Return the indices of the boxes that survive, from the highest score to the lowest."""
    order = scores.argsort(descending=True, stable=True)
    boxes, labels = boxes[order], labels[order]
    rivals = (_iou(boxes) > iou_thr) & (labels[:, None] == labels)  # n n
    alive = torch.ones(len(order), dtype=torch.bool)
    for i in range(len(order)):
        if alive[i]:
            alive[i + 1 :] &= ~rivals[i, i + 1 :]
    return order[alive]


def _iou(boxes: Float[Tensor, "n 4"]) -> Float[Tensor, "n n"]:
    start = torch.maximum(boxes[:, None, :2], boxes[:, :2])
    end = torch.minimum(boxes[:, None, 2:], boxes[:, 2:])
    overlap = (end - start).clamp(min=0).prod(-1)
    area = (boxes[:, 2:] - boxes[:, :2]).prod(-1)
    union = area[:, None] + area - overlap
    return overlap / union.where(union > 0, 1)


def _greedy(order, rivals):
    """Walk through the boxes in the given order; rivals[i, j] says that i suppresses j."""
    kept = []
    for i in order.tolist():
        if not any(rivals[j, i] for j in kept):
            kept.append(i)
    return torch.tensor(kept, dtype=torch.int64)


def _rivals(boxes, labels, iou_thr):
    return (_iou(boxes) > iou_thr) & (labels[:, None] == labels)


def _falling(scores):
    return scores.argsort(descending=True, stable=True)


@right("class by class, with a queue of what is left")
def queued(boxes, scores, labels, iou_thr):
    kept = []
    for label in labels.unique():
        left = torch.nonzero(labels == label).flatten()
        left = left[torch.sort(scores[left], descending=True, stable=True).indices]
        while len(left):
            best, left = left[0], left[1:]
            kept.append(int(best))
            x1, y1, x2, y2 = boxes[left].unbind(1)
            w = (torch.min(x2, boxes[best, 2]) - torch.max(x1, boxes[best, 0])).clamp(min=0)
            h = (torch.min(y2, boxes[best, 3]) - torch.max(y1, boxes[best, 1])).clamp(min=0)
            area = (boxes[best, 2] - boxes[best, 0]) * (boxes[best, 3] - boxes[best, 1])
            iou = w * h / ((x2 - x1) * (y2 - y1) + area - w * h + 1e-9)
            left = left[iou <= iou_thr]
    kept = torch.tensor(sorted(kept), dtype=torch.long)
    return kept[scores[kept].argsort(descending=True, stable=True)]


@right("in plain Python, comparing areas instead of dividing")
def plain(boxes, scores, labels, iou_thr):
    b, s, c = boxes.tolist(), scores.tolist(), labels.tolist()
    kept = []
    for i in sorted(range(len(s)), key=lambda i: (-s[i], i)):
        for j in kept:
            w = max(0.0, min(b[i][2], b[j][2]) - max(b[i][0], b[j][0]))
            h = max(0.0, min(b[i][3], b[j][3]) - max(b[i][1], b[j][1]))
            both = sum((q[2] - q[0]) * (q[3] - q[1]) for q in (b[i], b[j]))
            if c[i] == c[j] and w * h > iou_thr * (both - w * h):
                break
        else:
            kept.append(i)
    return torch.tensor(kept, dtype=torch.long)


@right("with the classes moved apart by the whole spread of the coordinates")
def moved_apart(boxes, scores, labels, iou_thr):
    if boxes.numel() == 0:
        return torch.empty(0, dtype=torch.int64)
    far = boxes.max() - boxes.min() + 1
    apart = boxes + (labels.to(boxes) * far)[:, None]
    return _greedy(_falling(scores), _iou(apart) > iou_thr)


@right("by picking the best of what is left, over and over")
def picked(boxes, scores, labels, iou_thr):
    left = torch.ones(len(scores), dtype=torch.bool)
    rivals = _rivals(boxes, labels, iou_thr)
    kept = []
    while left.any():
        best = int(scores.masked_fill(~left, -torch.inf).argmax())
        kept.append(best)
        left &= ~rivals[best]
        left[best] = False
    return torch.as_tensor(kept, dtype=torch.int64)


@wrong("lets boxes of different classes suppress each other")
def across_classes(boxes, scores, labels, iou_thr):
    return batched_nms(boxes, scores, torch.zeros_like(labels), iou_thr)


@wrong("suppresses a box whose IoU is exactly the threshold")
def at_threshold(boxes, scores, labels, iou_thr):
    return _greedy(_falling(scores), (_iou(boxes) >= iou_thr) & (labels[:, None] == labels))


@wrong("returns an empty float tensor where there are no boxes")
def float_when_empty(boxes, scores, labels, iou_thr):
    return torch.tensor(batched_nms(boxes, scores, labels, iou_thr).tolist())


@wrong("fails where there are no boxes, because a maximum is taken of nothing")
def fails_when_empty(boxes, scores, labels, iou_thr):
    boxes.max()
    return batched_nms(boxes, scores, labels, iou_thr)


@wrong("gives the class with the lower number first, instead of sorting all classes by score")
def grouped_by_class(boxes, scores, labels, iou_thr):
    kept = batched_nms(boxes, scores, labels, iou_thr)
    return kept[labels[kept].argsort(stable=True)]


@wrong("returns the kept indices in rising order instead of by score")
def by_index(boxes, scores, labels, iou_thr):
    return batched_nms(boxes, scores, labels, iou_thr).sort().values


@wrong("sorts upwards and then flips, so that of equal scores the higher index wins")
def last_of_ties(boxes, scores, labels, iou_thr):
    return _greedy(scores.argsort(stable=True).flip(0), _rivals(boxes, labels, iou_thr))


@wrong(
    "breaks ties well in the walk but sorts the result so that of equal scores the higher index comes first"
)
def result_flipped(boxes, scores, labels, iou_thr):
    kept = batched_nms(boxes, scores, labels, iou_thr).sort().values
    return kept[scores[kept].argsort(stable=True).flip(0)]


@wrong("takes the order from topk, which mixes up boxes of equal score")
def from_topk(boxes, scores, labels, iou_thr):
    return _greedy(scores.topk(len(scores)).indices, _rivals(boxes, labels, iou_thr))


@wrong("lets a box that is itself suppressed suppress others")
def by_the_suppressed(boxes, scores, labels, iou_thr):
    order = _falling(scores)
    rivals = _rivals(boxes[order], labels[order], iou_thr)
    return order[~rivals.triu(1).any(dim=0)]


@wrong("compares every box only with the best box of its class")
def only_the_best(boxes, scores, labels, iou_thr):
    rivals = _rivals(boxes, labels, iou_thr)
    kept, best = [], {}
    for i in _falling(scores).tolist():
        first = best.setdefault(int(labels[i]), i)
        if first == i or not rivals[first, i]:
            kept.append(i)
    return torch.tensor(kept, dtype=torch.int64)


@wrong("compares every box only with the box that was kept last in its class")
def only_the_last(boxes, scores, labels, iou_thr):
    rivals = _rivals(boxes, labels, iou_thr)
    kept, last = [], {}
    for i in _falling(scores).tolist():
        label = int(labels[i])
        if label not in last or not rivals[last[label], i]:
            kept.append(i)
            last[label] = i
    return torch.tensor(kept, dtype=torch.int64)


@wrong("counts pixels with +1 in every extent")
def plus_one(boxes, scores, labels, iou_thr):
    grown = torch.cat([boxes[:, :2], boxes[:, 2:] + 1], dim=-1)
    return batched_nms(grown, scores, labels, iou_thr)


@wrong("adds 1 to the union against division by zero, which is not small beside a small box")
def padded_union(boxes, scores, labels, iou_thr):
    iou, area = _iou(boxes), (boxes[:, 2:] - boxes[:, :2]).prod(-1)
    union = (area[:, None] + area) / (1 + iou)
    return _greedy(_falling(scores), (iou * union / (union + 1) > iou_thr) & (labels[:, None] == labels))


@wrong("cuts the coordinates down to whole numbers")
def whole_numbers(boxes, scores, labels, iou_thr):
    return batched_nms(boxes.long().to(boxes), scores, labels, iou_thr)


@wrong("divides the overlap by the smaller of the two areas instead of the union")
def over_the_smaller(boxes, scores, labels, iou_thr):
    iou, area = _iou(boxes), (boxes[:, 2:] - boxes[:, :2]).prod(-1)
    least = torch.minimum(area[:, None], area)
    share = iou * (area[:, None] + area) / (1 + iou) / least.where(least > 0, 1)
    return _greedy(_falling(scores), (share > iou_thr) & (labels[:, None] == labels))


@wrong("ends the loop when one box of a class is left, without keeping that box")
def last_one_lost(boxes, scores, labels, iou_thr):
    order, rivals, kept = _falling(scores), _rivals(boxes, labels, iou_thr), set()
    for label in labels.unique():
        left = order[labels[order] == label]
        while len(left) > 1:
            kept.add(int(left[0]))
            left = left[1:][~rivals[left[0], left[1:]]]
    return torch.tensor([i for i in order.tolist() if i in kept], dtype=torch.int64)


@wrong("divides the overlap by the area of the kept box instead of the union")
def over_the_kept(boxes, scores, labels, iou_thr):
    w, h = (boxes[:, 2:] - boxes[:, :2]).unbind(1)
    iou, area = _iou(boxes), w * h
    overlap = iou * (area[:, None] + area) / (1 + iou)
    share = overlap / area.where(area > 0, 1)[:, None]
    return _greedy(_falling(scores), (share > iou_thr) & (labels[:, None] == labels))


@wrong("does not clamp the overlap, so that two negative extents make a positive area")
def unclamped(boxes, scores, labels, iou_thr):
    sides = torch.minimum(boxes[:, None, 2:], boxes[:, 2:]) - torch.maximum(boxes[:, None, :2], boxes[:, :2])
    overlap, area = sides.prod(-1), (boxes[:, 2:] - boxes[:, :2]).prod(-1)
    union = area[:, None] + area - overlap
    iou = overlap / union.where(union != 0, 1)
    return _greedy(_falling(scores), (iou > iou_thr) & (labels[:, None] == labels))


@wrong("drops one of two boxes without area, because their 0 / 0 is not at most the threshold")
def nan_drops(boxes, scores, labels, iou_thr):
    area = (boxes[:, 2:] - boxes[:, :2]).prod(-1)
    bad = (area[:, None] == 0) & (area == 0)
    keeps = (_iou(boxes) <= iou_thr) & ~bad
    return _greedy(_falling(scores), ~keeps & (labels[:, None] == labels))


@wrong("moves the classes apart by the largest coordinate alone, which is too little once some are negative")
def moved_too_little(boxes, scores, labels, iou_thr):
    if not len(boxes):
        return labels.clone()
    return batched_nms(
        boxes + (labels * (boxes.max() + 1))[:, None], scores, torch.zeros_like(labels), iou_thr
    )


@wrong("throws away boxes whose score is not positive")
def positive_only(boxes, scores, labels, iou_thr):
    kept = batched_nms(boxes, scores, labels, iou_thr)
    return kept[scores[kept] > 0]


@wrong("returns positions in the sorted list instead of indices of the boxes that came in")
def positions(boxes, scores, labels, iou_thr):
    order = _falling(scores)
    return batched_nms(boxes[order], scores[order], labels[order], iou_thr)


@wrong("returns a mask over the boxes instead of indices")
def as_mask(boxes, scores, labels, iou_thr):
    mask = torch.zeros(len(boxes), dtype=torch.bool)
    mask[batched_nms(boxes, scores, labels, iou_thr)] = True
    return mask


@wrong("always suppresses above 0.5, whatever iou_thr says")
def fixed_threshold(boxes, scores, labels, iou_thr):
    return batched_nms(boxes, scores, labels, 0.5)


@wrong("walks from the lowest score to the highest")
def worst_first(boxes, scores, labels, iou_thr):
    return _greedy(scores.argsort(stable=True), _rivals(boxes, labels, iou_thr))


@wrong("crosses suppressed boxes off in the caller's own scores")
def in_place(boxes, scores, labels, iou_thr):
    kept = batched_nms(boxes, scores, labels, iou_thr)
    gone = torch.ones(len(scores), dtype=torch.bool)
    gone[kept] = False
    scores[gone] = -torch.inf
    return kept
