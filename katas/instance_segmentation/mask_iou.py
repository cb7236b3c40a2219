"""Intersection over union of masks.

Given N masks and M masks of the same H x W pixels, return the matrix whose entry (i, j) is the number of
pixels that a[i] and b[j] share, divided by the number of pixels that at least one of them holds.

* a is bool [N, H, W], b is bool [M, H, W]; the result is float32 [N, M].
* Two masks without any pixel have IoU 0, never NaN. So has any mask with an empty one.
* N or M may be 0: the result then has no rows or no columns. H and W are at least 1; masks may hold
  hundreds of pixels or more.
* a and b stay as they are. All tensors are on the CPU.
* There is a time limit: 150 masks against 150, of 8 x 8 pixels each, have to be done in 0.1 seconds. A
  Python loop over all pairs of masks takes too long; one matrix product takes about a millisecond.

Example: the masks (1, 1, 0, 0) and (0, 1, 1, 1), on an image of one row, share 1 of 4 pixels: IoU 1/4.
"""

import torch
from jaxtyping import Bool, Float32
from torch import Tensor


def mask_iou(a: Bool[Tensor, "n h w"], b: Bool[Tensor, "m h w"]) -> Float32[Tensor, "n m"]:
    """Return the IoU of every mask of a with every mask of b."""
    raise NotImplementedError
