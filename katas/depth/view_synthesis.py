"""View synthesis: see the source image from the target camera.

Self-supervised depth is trained by this warp: if depth and motion are right, the source image, sampled
where the target's pixels project to, looks like the target image. Per pixel (u, v) of the target:

    back-project   X = depth[v, u] * K^-1 (u, v, 1)     a point in the target camera's coordinates
    move           (x, y, z) = R X + t                  the same point in the source camera's
    project        u' = fx * x / z + cx,  v' = fy * y / z + cy
    sample         img[:, v, u] = src at column u', row v'

    src    [B, 3, H, W]     depth  [B, 1, H, W], positive, of the target view
    K      [3, 3]           ((fx, 0, cx), (0, fy, cy), (0, 0, 1)), one for both cameras and all images
    T      [B, 4, 4]        (R, t) over (0, 0, 0, 1): takes target coordinates to source coordinates
    img    [B, 3, H, W]     valid  [B, 1, H, W] bool

* Pixel centres have whole coordinates: u = 0 ... W-1 is the column, v = 0 ... H-1 the row.
* depth is z, along the optical axis, and not the length of the ray. z points forward, x right, y down.
* Sampling is bilinear, with zeros beyond the image: within a pixel outside it fades to 0, further out it
  is 0. That is grid_sample with align_corners=True and padding_mode="zeros". Do not mask img by valid.
* valid says where z > 0 and (u', v') lies in [0, W-1] x [0, H-1]. Exactly on that border, where rounding
  decides, both answers are accepted.
* Where z <= 0 the point is behind the source camera: valid is False, and img may hold anything.
* H and W are at least 2. All floating-point arguments have one dtype, float32 or float64, and img has it
  too. Inputs stay as they are. Gradients flow from img to depth.

Example: fx = 100, depth 5 everywhere, R = identity, t = (0.1, 0, 0): u' = u + 100 * 0.1 / 5 = u + 2.
img is src moved two columns to the left, the last two columns are 0, and valid is False there.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def inverse_warp(
    src: Float[Tensor, "b 3 h w"],
    depth: Float[Tensor, "b 1 h w"],
    K: Float[Tensor, "3 3"],
    T: Float[Tensor, "b 4 4"],
) -> tuple[Float[Tensor, "b 3 h w"], Bool[Tensor, "b 1 h w"]]:
    """Return src as the target camera sees it, and where that is known."""
    raise NotImplementedError
