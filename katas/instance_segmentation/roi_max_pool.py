"""RoI pooling: the maximum of every bin, on a rounded grid.

Fast R-CNN cuts a feature map of fixed size out of every region of interest (RoI), whatever its size:
the region is rounded to whole cells of the map, divided into out x out bins, and each bin gives its
maximum.

feat [C, H, W] is the map, rois [R, 4] are boxes (x1, y1, x2, y2) in the image, whose coordinates times
scale are those of the map. Return [R, C, out, out]. On the x axis (y is alike, with H):

* Round x1 * scale and x2 * scale to whole cells. Halves go away from zero, as in C:
  0.5 becomes 1, 2.5 becomes 3, -0.5 becomes -1.
* Both end cells belong to the region: its width is x2 - x1 + 1 of the rounded coordinates. Where that
  is less than 1 (corners in the wrong order) the width is 1.
* Bin j of the out bins (0 <= j < out) covers the columns from floor(j * width / out) to
  ceil((j + 1) * width / out), the end not included, counted from the rounded x1. Bins may overlap, and
  in a region smaller than out x out the same cell fills several.
* Regions may stick out of the map or lie beside it. The bins are laid out first and only then clipped
  to columns 0 to W - 1. A bin of which nothing is left is 0. All others give their maximum, which may
  be negative.
* R may be 0: then the result is [0, C, out, out]. The result has the dtype of feat, float32 or
  float64, the same as that of rois. feat and rois stay as they are. All tensors are on the CPU.
* Gradients flow to feat, from each output to the cell that is the maximum of its bin. (Nobody asks for
  gradients of rois.)

Example: a map with C = H = 1 and the row (1, 5, 2, 4), scale = 0.5, out = 2, one RoI (1, 0, 5, 0). x1
is 0.5 and becomes 1; x2 is 2.5 and becomes 3; the width is 3. The bins start at floor(0) = 0 and
floor(1.5) = 1 and end at ceil(1.5) = 2 and ceil(3) = 3: columns 1, 2 and columns 2, 3. On the y axis
both bins cover the only row. The result is ((5, 4), (5, 4)).
"""

import torch
from jaxtyping import Float
from torch import Tensor


def roi_pool(
    feat: Float[Tensor, "c h w"], rois: Float[Tensor, "r 4"], out: int = 7, scale: float = 1 / 16
) -> Float[Tensor, "r c out out"]:
    """Return the maximum of each bin of each region."""
    raise NotImplementedError
