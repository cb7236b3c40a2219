"""Pairwise intersection over union.

Given n boxes and m boxes, return the matrix whose entry (i, j) is the overlap of a[i] and b[j]
divided by their union.

* fmt "xyxy": a row is (x1, y1, x2, y2) with x1 <= x2 and y1 <= y2.
  fmt "cxcywh": a row is (centre x, centre y, width, height), none of the extents negative.
  Both arguments are in the same format.
* Coordinates are real numbers: a box's width is x2 - x1, without "+1".
* Boxes that are disjoint, or touch only at an edge or a corner, have IoU 0.
* Where the union is 0 (two boxes without area) the IoU is 0, never NaN.
* n or m may be 0. The result has the dtype and the device of the inputs, which stay as they are.
* Gradients flow to a and b, as a loss on overlaps needs.

Example: the squares (0, 0, 2, 2) and (1, 1, 3, 3) share 1 of 7 units of area, so their IoU is 1/7.
"""

import torch
from jaxtyping import Float
from torch import Tensor


def pairwise_iou(a: Float[Tensor, "n 4"], b: Float[Tensor, "m 4"], fmt: str = "xyxy") -> Float[Tensor, "n m"]:
    """Return the IoU of every box of a with every box of b; fmt is "xyxy" or "cxcywh"."""
    raise NotImplementedError
