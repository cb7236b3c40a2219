"""Occlusion by the forward-backward check.

Go forward along the flow, then back along the backward flow found where you arrive. Whoever is visible
in both images comes home; whoever does not is occluded.

* fw is the flow from image 1 to image 2, bw the flow from 2 to 1, each on the pixels of its own image.
  Channel 0 is u, the motion to the right, channel 1 is v, the motion downwards, in pixels.
* For the pixel p of image 1, in row y and column x, let q = (x + u, y + v) be where fw leads, and let
  bw' be bw at q, interpolated bilinearly. Pixel centres have whole coordinates: (0, 0) is the centre of
  the upper left pixel, (W - 1, H - 1) that of the lower right one.
* p is occluded if

      |fw + bw'|^2  >  a1 * (|fw|^2 + |bw'|^2) + a2        (squared lengths of 2-vectors)

  or if q lies outside [0, W - 1] x [0, H - 1]. Exactly on the border is inside, a hair beyond
  it is not; equality in the formula is not occluded.
* The result is a bool map [B, 1, H, W], True where p is occluded. So what bw might be outside the image
  does not matter.
* B is at least 1, H and W at least 2. Flows are finite, but may lead far out of the image.
* The inputs stay as they are. All tensors are on the CPU. There is nothing to differentiate.

Example: fw = (2, 0) everywhere, and bw = (-2, 0) everywhere. In a row of 5 pixels the first three come
home (the left-hand side is 0); the last two leave the image and are occluded. With bw = (-1, 0) instead,
the left-hand side is 1 and the right-hand side 0.01 * (4 + 1) + 0.5 = 0.55: all five are occluded.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def fb_occlusion(
    fw: Float[Tensor, "b 2 h w"], bw: Float[Tensor, "b 2 h w"], a1: float = 0.01, a2: float = 0.5
) -> Bool[Tensor, "b 1 h w"]:
    """Return where the way along fw and back along bw does not close, or leaves the image."""
    raise NotImplementedError
