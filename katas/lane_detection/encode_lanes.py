"""Turn lane points into column indices.

A row-anchor network treats a lane as one choice per image row: which of C columns does it cross? The
horizontal positions of L lanes at R fixed rows are given in xs [L, R], in pixels of an image of width W.
Turn them into training targets:

* The C columns divide the width evenly, from left to right. A point with 0 <= x < W is in the column

      floor(x * C / W)        from 0 to C - 1

  so a point on the border of two columns belongs to the right one. W / C need not be a whole number, and
  may be less than 1.
* The index C means "no lane here". It stands for every point that is not in the image: x < 0, x >= W (so
  x = W too), infinite x, and NaN. Data sets mark missing points in their own ways, with -2 or NaN. A
  point is missing by itself: the other rows of its lane keep their columns.
* Return an int64 tensor [L, R]. L and R may be 0, W and C are at least 1. xs is on the CPU and stays as
  it is.

Example: W = 100 and C = 8, so that a column is 12.5 pixels wide. x = 0, 12.4, 12.5, 99 give 0, 0, 1, 7;
x = 100, -0.5 and NaN all give 8.
"""

import torch
from jaxtyping import Float, Int64
from torch import Tensor


def encode_lanes(xs: Float[Tensor, "l r"], W: int, C: int) -> Int64[Tensor, "l r"]:
    """Return the column of every point, or C where there is none."""
    raise NotImplementedError
