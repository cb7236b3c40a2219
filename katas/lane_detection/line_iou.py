"""Line IoU of two lanes.

A lane is a row of numbers: its x at each of R fixed image rows. A loss on single points knows nothing of
the lane as a whole, so give the lane a width: at each row it is the interval from x - e to x + e. Then a
predicted and a true lane overlap like two boxes, row by row.

    overlap = smaller end - larger start      at one row; negative where the intervals do not meet
    union   = larger end - smaller start      at one row, a gap between the two included
    iou     = sum of overlaps / sum of unions, both over the valid rows of a lane

* pred and gt are [N, R], real numbers in pixels: lane i of one belongs to lane i of the other. Return
  [N], one IoU for each of these pairs. N may be 0; R is at least 1.
* The overlap is not clamped at 0. So a prediction far off has a negative IoU (above -1), and still a
  gradient that leads it back.
* valid [N, R] alone says which rows of a pair count. The other rows change nothing and receive no
  gradient; what pred and gt say there is finite, but may be as large as 1e5. Valid rows all count, also
  where x is negative because a lane leaves the image.
* A lane without a valid row has IoU 0, and a gradient of 0, never NaN.
* e > 0 is half the width of a lane, the same in all rows however slanted the lane is.
* Gradients flow to pred; gt needs none. The result has the dtype of the inputs, which stay as they are.
  All tensors are on the CPU.

Example, e = 15: pred (110, 110, 160), gt (100, 100, 100). The overlaps are 20, 20 and -30, the unions
40, 40 and 90. With all rows valid the IoU is 10 / 170 = 1/17; with the first two alone, 40 / 80 = 1/2;
with the last alone, -30 / 90 = -1/3.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def line_iou(
    pred: Float[Tensor, "n r"], gt: Float[Tensor, "n r"], valid: Bool[Tensor, "n r"], e: float = 15.0
) -> Float[Tensor, " n"]:
    """Return the signed IoU of each predicted lane with its true one; e is half a lane's width."""
    raise NotImplementedError
