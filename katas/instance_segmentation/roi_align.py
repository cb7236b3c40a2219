"""RoI Align: bins sampled at exact positions.

RoI pooling rounds regions to whole cells; a mask head suffers from that. RoI Align rounds nothing: it
samples every bin at a few points between the cells and averages them.

feat [C, H, W] is the map, rois [R, 4] are boxes (x1, y1, x2, y2) in the image with x1 <= x2 and
y1 <= y2. Return [R, C, out, out]. On the x axis (y is alike, with H):

* A box coordinate x lies at x * scale - 0.5 on the map. There the value of column k stands at k, its
  centre. (This is the variant called aligned.) Nothing is rounded, and small regions are not enlarged.
* The region is divided into out bins of equal width, and each bin into sampling parts of equal width.
  The points lie in the middle of the parts: on each axis a bin has sampling points, over both axes
  sampling * sampling. Its value is the mean over all of those.
* At a point (x, y) the map is interpolated bilinearly between the four cells around it.
* At the border: a point with x < -1 or x > W, or y < -1 or y > H, counts as 0 (and still counts in the
  mean). All others, exactly -1 and exactly W or H too, are first moved into the map: x to 0 to W - 1,
  y to 0 to H - 1.
* R may be 0: then the result is [0, C, out, out]. The result has the dtype of feat, float32 or
  float64, the same as that of rois. feat and rois stay as they are. All tensors are on the CPU.
* Gradients flow to feat. (Nobody asks for gradients of rois.)

Example: C = H = 1, the row (0, 10, 20, 30), scale = 0.5, out = 1, sampling = 2, one RoI (1, 0, 7, 2).
On the map x runs from 0 to 3 and its points are 0.75 and 2.25 with the values 7.5 and 22.5; y runs
from -0.5 to 0.5, and its points -0.25 and 0.25 are moved to 0. The result is the mean, 15.
"""

import torch
from jaxtyping import Float
from torch import Tensor


def roi_align(
    feat: Float[Tensor, "c h w"],
    rois: Float[Tensor, "r 4"],
    out: int = 7,
    scale: float = 1 / 16,
    sampling: int = 2,
) -> Float[Tensor, "r c out out"]:
    """Return the mean of the sampled points of each bin of each region."""
    raise NotImplementedError
