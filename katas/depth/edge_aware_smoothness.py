"""Edge-aware smoothness of a disparity map.

Self-supervised depth needs a prior where the image has no texture: neighbours have the same disparity,
unless the image has an edge between them. For disp [B, 1, H, W] and img [B, 3, H, W] the loss is made
in these steps:

1. Divide disp by its own mean, image by image: d = disp / mean(disp) over the H x W pixels.
2. Take forward differences, each pixel less its right (or lower) neighbour; only their size matters:
   |d[y, x+1] - d[y, x]| is [B, 1, H, W-1], |d[y+1, x] - d[y, x]| is [B, 1, H-1, W].
3. Weight each by exp(-g), where g is the mean over the three channels of the absolute difference of img
   between the same two pixels.
4. Return the mean over all weighted x differences plus the mean over all weighted y differences, a
   scalar (0-d) tensor in the dtype of the inputs.

* disp is positive, B >= 1, H and W are at least 2, so there is always something to average.
* Step 1 makes the loss blind to the scale of disp. Without it, shrinking all disparities towards zero
  would be the cheapest way to be smooth.
* It is a training loss: gradients flow to disp, through its mean as well. Inputs stay as they are.

Example: H = W = 2, both rows of disp are (1, 3), and img jumps by 0.5 in every channel between the two
columns. Then d has rows (0.5, 1.5), the x part is 1 * exp(-0.5) = 0.607, the y part 0, the loss 0.607.
"""

import torch
from jaxtyping import Float
from torch import Tensor


def edge_smooth(disp: Float[Tensor, "b 1 h w"], img: Float[Tensor, "b 3 h w"]) -> Float[Tensor, ""]:
    """Return the smoothness loss of disp, forgiving where img has edges."""
    raise NotImplementedError
