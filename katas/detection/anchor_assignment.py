"""Assign anchors to ground truth boxes.

Which anchor learns to find which object? Given iou [a, m], the overlap of each of a anchors with each of
m ground truth boxes (numbers in [0, 1]), return a pair (label, matched) of int64 tensors of shape [a]:

1. matched is the ground truth with which the anchor overlaps most, the lowest index on ties. Every
   anchor has one, also an anchor that overlaps nothing (then all are tied, and it is 0).
2. With the anchor's largest overlap v: label 1 (positive) if v >= pos, label 0 (negative) if v < neg,
   and label -1 (ignored by the loss) otherwise. 0 < neg <= pos.
3. No object is to be left out: for each ground truth, every anchor that reaches the largest overlap of
   any anchor with it becomes positive, whatever rule 2 said. That holds for all of them on ties, and
   only if this overlap is greater than 0. These anchors keep the matched of rule 1, even where that is
   another ground truth.

* m = 0: every label and every matched is 0. a = 0: both results are empty.
* iou stays as it is.

Example: iou = [[0.6, 0.5], [0.75, 0.25], [0.2, 0.1]] with the default thresholds gives label (1, 1, 0)
and matched (0, 0, 0). Anchor 0 would be ignored, but is the best that ground truth 1 can have; it keeps
matched 0, with which it overlaps more.
"""

import torch
from jaxtyping import Float, Int64
from torch import Tensor


def assign_anchors(
    iou: Float[Tensor, "a m"], pos: float = 0.7, neg: float = 0.3
) -> tuple[Int64[Tensor, " a"], Int64[Tensor, " a"]]:
    """Return each anchor's label (1 positive, 0 negative, -1 ignored) and its ground truth."""
    raise NotImplementedError
