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


def batched_nms(
    boxes: Float[Tensor, "n 4"], scores: Float[Tensor, " n"], labels: Int64[Tensor, " n"], iou_thr: float
) -> Int64[Tensor, " k"]:
    """Return the indices of the boxes that survive, from the highest score to the lowest."""
    raise NotImplementedError
