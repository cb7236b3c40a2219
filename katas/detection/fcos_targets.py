"""Training targets of FCOS, the detector without anchors.

FCOS looks at every point of a feature map and asks: which object am I in, how far are its four sides,
and how close am I to its centre? Given the points and the ground truth, write down the right answers.

* points [L, 2] are (x, y); boxes [M, 4] are (x1, y1, x2, y2) with x1 <= x2 and y1 <= y2, in pixels,
  from fractions of one to a few thousand; labels [M] are classes from 1 up, because 0 is the background.
* The distances of a point to the sides are l = x - x1, t = y - y1, r = x2 - x, b = y2 - y.
* A point is positive if it lies strictly inside at least one box: all four distances are greater than 0.
  On an edge or on a corner is not inside.
* A point inside several boxes belongs to the one with the smallest area; of equal areas, to the one with
  the lower index.
* Return the tuple (cls, ltrb, centerness):
    cls [L] int64          the label of the point's box, 0 for background
    ltrb [L, 4]            the distances (l, t, r, b) to the sides of that box, in pixels
    centerness [L]         sqrt( min(l, r) / max(l, r) * min(t, b) / max(t, b) )
  ltrb and centerness have the dtype of points. For background all three are zero, never NaN.
* L and M may be 0; with no boxes every point is background.
* Points and boxes have the same dtype. The inputs stay as they are. All tensors are on the CPU. No
  gradient is asked for: these are targets.

Example: the point (1, 1) in the box (0, 0, 5, 2) of class 3 has cls 3, ltrb (1, 1, 4, 1) and centerness
sqrt(1/4 * 1/1) = 0.5.
"""

import torch
from jaxtyping import Float, Int64
from torch import Tensor


def fcos_targets(
    points: Float[Tensor, "l 2"], boxes: Float[Tensor, "m 4"], labels: Int64[Tensor, " m"]
) -> tuple[Int64[Tensor, " l"], Float[Tensor, "l 4"], Float[Tensor, " l"]]:
    """Return class, distances (l, t, r, b) and centre-ness of every point."""
    raise NotImplementedError
