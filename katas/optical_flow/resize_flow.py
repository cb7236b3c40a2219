"""Resize a flow field.

flow [B, 2, H, W] holds a displacement for every pixel of an H x W image, in pixels of that image:
channel 0 is the motion to the right (u), channel 1 the one downwards (v). Return the flow of the same
scene at another resolution, [B, 2, H2, W2], in pixels of the new image. size is the tuple (H2, W2).

* A motion of one pixel is a motion of more pixels once the image is larger: beside the resampling, u is
  multiplied by W2 / W and v by H2 / H. The two factors may differ, and need not be whole.
* Resample bilinearly, in the convention of align_corners=False: pixels are squares, and the centre of
  the output pixel in column x lies in the input at column (x + 0.5) * W / W2 - 0.5; likewise for rows.
  A position outside the outermost centres takes the value of the nearest one.
* Smaller sizes are sampled in the same way, with the four pixels around the position: no antialiasing.
* H, W, H2 and W2 are at least 1; B may be 0. The dtype is that of flow, which stays as it is.
* Gradients flow to flow, since coarse-to-fine networks resize it between their levels.

Example: the flow u = (0, 4), v = (1, 1) of an image of 1 x 2 pixels becomes, at size (3, 4), three equal
rows of u = (0, 2, 6, 8) and v = (3, 3, 3, 3). Sampling gives u = (0, 1, 3, 4) and v = (1, 1, 1, 1), and
the factors are 4 / 2 for u and 3 / 1 for v.
"""

import torch
from jaxtyping import Float
from torch import Tensor


def resize_flow(flow: Float[Tensor, "b 2 h w"], size: tuple[int, int]) -> Float[Tensor, "b 2 h2 w2"]:
    """Return the flow at the size (H2, W2), in pixels of the new image."""
    raise NotImplementedError
