"""Warp the second image back onto the first.

The flow from image 1 to image 2 says for each pixel of image 1 where it went. Fetch the colours from
there: what comes back looks like image 1, made of pixels of image 2.

* flow12[:, 0] is u, the motion to the right, and flow12[:, 1] is v, the motion downwards, in pixels.
* The pixel in row y, column x of img is img2 at the point (x + u(y, x), y + v(y, x)). Pixel centres have
  whole coordinates: (0, 0) is the centre of the upper left pixel, (W - 1, H - 1) of the lower right.
* Between the centres img2 is interpolated bilinearly. Beyond its border img2 counts as 0, as if zeros
  lay all around it: a point less than one pixel outside is still a mixture of border pixels and zeros, a
  point farther out gives 0. (So img is not multiplied by inside.)
* inside is True where the point lies in [0, W - 1] x [0, H - 1]; exactly on the border is inside, a
  hair beyond it is not. Decide it by the coordinates in pixels.
* Return the tuple (img [B, C, H, W], inside [B, 1, H, W] bool).
* B and C are at least 1, H and W at least 2. The flow is finite, but may lead far out of the image.
* img2 and flow12 have the same dtype, and so has img. The inputs stay as they are. All tensors are on
  the CPU.
* Gradients flow to img2 and to flow12, as a photometric loss needs. (They are asked for where the points
  lie between pixels: on a whole coordinate the interpolation has a kink.)

Example: one row of a taller image is (10, 20, 40), v = 0 and u = (0.5, 1, 0.5). The points are
x = 0.5, 2 and 2.5, so the row becomes (15, 40, 20), and inside is (True, True, False).
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def backward_warp(
    img2: Float[Tensor, "b c h w"], flow12: Float[Tensor, "b 2 h w"]
) -> tuple[Float[Tensor, "b c h w"], Bool[Tensor, "b 1 h w"]]:
    """Return img2 sampled at x + flow12(x), and whether each sample lies inside the image."""
    raise NotImplementedError
