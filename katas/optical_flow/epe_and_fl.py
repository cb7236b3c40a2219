"""End-point error and share of outliers.

pred and gt hold a flow field each, [B, 2, H, W]: channel 0 is the displacement to the right (u),
channel 1 the one downwards (v), both in pixels. The end-point error of a pixel is the distance between
the tips of its two vectors, in pixels and not squared:

    error = sqrt((u_pred - u_gt)^2 + (v_pred - v_gt)^2)

Return two numbers, (epe, fl_all), each a float or a 0-d tensor:

    epe     the mean error
    fl_all  the share of outliers, from 0 to 1 (no percent)

* A pixel is an outlier if its error is greater than 3 px and, at the same time, greater than 5 % of the
  length of its true vector, sqrt(u_gt^2 + v_gt^2). An error of exactly 3 px, or of exactly 5 %, is not
  enough; so add no small constant to it. A pixel that does not move (gt is 0) is an outlier as soon as
  its error exceeds 3 px.
* valid [B, H, W] says which pixels count; without it, or with None, all of them do. Both numbers are
  taken over all valid pixels of the batch together, each with the same weight, whichever image it
  belongs to and however far it moves.
* At the other pixels gt is finite and means nothing. Some data sets write 0 there, some 1e9.
* No valid pixel at all, as with B = 0: return (0, 0).
* pred, gt and valid stay as they are.

Example: one pixel with pred (3, 4) and gt (0, 0) has epe 5 (a mean square would say 12.5) and fl_all 1.
With a second pixel that is predicted perfectly, epe is 2.5 and fl_all 0.5.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def epe_and_fl(
    pred: Float[Tensor, "b 2 h w"], gt: Float[Tensor, "b 2 h w"], valid: Bool[Tensor, "b h w"] | None = None
) -> tuple[float, float]:
    """Return the mean end-point error and the share of outliers over the valid pixels."""
    raise NotImplementedError
