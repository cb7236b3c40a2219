"""Anchor boxes over a feature map.

A feature map of h rows and w columns has a cell for every stride x stride pixels of the image. Place one
anchor of every scale and every ratio on the centre of each cell:

* The centre of the cell in row y and column x is ((x + 0.5) * stride, (y + 0.5) * stride), in pixels.
* A scale s gives the area s^2, a ratio r is height / width. So the ratio changes the shape and never
  the area, and ratio 4 makes a tall anchor.
* Anchors are (x1, y1, x2, y2), real numbers: no rounding, no "+1", no clipping at the image's border.
* Order: row by row, in a row column by column, in a cell scale by scale (in the order given), for a
  scale ratio by ratio. So the ratio changes fastest.
* scales and ratios are lists of S and R positive numbers, ints or floats, in any order, and stay as they
  are. stride may be odd.
* The result is float32 of shape [h * w * S * R, 4]. If h, w, S or R is 0 it has no rows, and still 4
  columns.

Example: h = 1, w = 2, stride = 8, scales = [4], ratios = [1, 4] has the four anchors
(2, 2, 6, 6), (3, 0, 5, 8), (10, 2, 14, 6) and (11, 0, 13, 8).
"""

import torch
from jaxtyping import Float32
from torch import Tensor


def anchor_grid(
    h: int, w: int, stride: int, scales: list[float], ratios: list[float]
) -> Float32[Tensor, "n 4"]:
    """Return the n = h * w * S * R anchors of an h x w feature map as corners in pixels."""
    raise NotImplementedError
