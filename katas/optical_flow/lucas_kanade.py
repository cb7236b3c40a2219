"""One step of Lucas-Kanade: sparse optical flow at given points.

Assume that all pixels in a window around a point move alike and keep their brightness. Each pixel then
gives one linear equation, Ix * u + Iy * v + It = 0, and least squares finds the motion (u, v).

* I1 and I2 are grey images [H, W]; H and W are at least 3. ys and xs [N] (int64) are the rows and
  columns of N pixels of I1; they may repeat and may lie on the border. N may be 0.
* Ix and Iy are central differences of I1: Ix(y, x) = (I1(y, x + 1) - I1(y, x - 1)) / 2 and
  Iy(y, x) = (I1(y + 1, x) - I1(y - 1, x)) / 2; It = I2 - I1. For the differences a pixel outside the
  image has the value of the nearest one inside, so at the left border Ix is (I1(y, 1) - I1(y, 0)) / 2.
* The window of a point is the (2r + 1) x (2r + 1) pixels around it, all with weight 1. Where it reaches
  over the border, Ix, Iy and It are those of the nearest pixel inside, each counted as often as the
  window meets it. r is at least 1; the window may be larger than the image.
* With sums over the window, solve

      [ sum Ix Ix   sum Ix Iy ] [u]     [ sum Ix It ]
      [ sum Ix Iy   sum Iy Iy ] [v] = - [ sum Iy It ]

* min_eig is the smaller eigenvalue of that matrix (of the sums, not of means). Where it is less than
  1e-6 the flow is (0, 0): the window is flat, or shows only a straight edge, along which motion cannot
  be seen (the aperture problem). min_eig is returned as it comes out, a rounding error from 0 perhaps.
* Return the tuple (flow [N, 2] with rows (u, v) = (dx, dy) in pixels, min_eig [N]), both in the dtype of
  the images. A single step: no pyramid, no iteration.
* The inputs stay as they are. All tensors are on the CPU. No gradient is asked for.

Example: I1(y, x) = x * y on 5 x 5 pixels, and I2 = I1 - y, which is I1 moved to the right by one. At the
pixel (2, 2) with r = 1 the matrix is [[42, 36], [36, 42]] and the right-hand side (42, 36): the flow is
(1, 0) and min_eig is 6.
"""

import torch
from jaxtyping import Float, Int64
from torch import Tensor


def lucas_kanade(
    I1: Float[Tensor, "h w"],
    I2: Float[Tensor, "h w"],
    ys: Int64[Tensor, " n"],
    xs: Int64[Tensor, " n"],
    r: int = 7,
) -> tuple[Float[Tensor, "n 2"], Float[Tensor, " n"]]:
    """Return the flow (u, v) at each point and the smaller eigenvalue of its normal matrix."""
    raise NotImplementedError
