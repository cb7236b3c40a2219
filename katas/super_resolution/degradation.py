"""Degrade an image: blur, downsample, add noise.

A super-resolution network is trained on pairs: a sharp image hr and what a poor camera would have made
of it. This is the classical model of that camera: blur, keep every s-th pixel, add noise.

* hr is [B, C, H, W]. kernel is [k, k] with k odd; an even k is a ValueError. The same kernel blurs every
  channel of every image, each on its own. Its numbers are taken as they are: they need not sum to 1, may
  be negative, and need not be symmetric.
* hr is padded by k // 2 pixels on each side by reflection, which does not repeat the border pixel: a row
  1 2 3 4 padded by 2 is 3 2 1 2 3 4 3 2. H and W are greater than k // 2.
* The blur is a true convolution, the size stays H x W: with the centre of the kernel at m = k // 2,

      blurred[y, x] = sum over i, j of kernel[i, j] * padded[y - (i - m), x - (j - m)]

  where padded[y, x] is hr[y, x] wherever there is such a pixel. So a kernel whose only 1 lies right of
  its centre moves the image to the right. (F.conv2d, like the layers called convolution, does not do
  this: it reads padded[y + (i - m), x + (j - m)].)
* Then rows 0, s, 2s, ... and columns 0, s, 2s, ... are kept, for a whole number s >= 1. The result is
  [B, C, ceil(H / s), ceil(W / s)], whether or not s divides H and W.
* noise has the shape of the result and is added last. With None, the default, nothing is added. Nothing
  is clamped.
* B and C are at least 1. The result has the dtype of hr. The inputs stay as they are. No gradient is
  asked for.

Example: an image of five equal rows 1 2 3 4 5, and a 3 x 3 kernel of zeros but for a 3 left of the
centre. Each pixel becomes 3 times the one on its right: rows 6 9 12 15 12, where the last number comes
from the reflected 4. With s = 2 three rows 6 12 12 are left. F.conv2d alone would give rows 6 3 6 9 12,
and so three rows 6 6 12.
"""

import torch
from jaxtyping import Float
from torch import Tensor


def degrade(
    hr: Float[Tensor, "b c h w"],
    kernel: Float[Tensor, "k k"],
    s: int,
    noise: Float[Tensor, "b c (h+s-1)//s (w+s-1)//s"] | None = None,
) -> Float[Tensor, "b c (h+s-1)//s (w+s-1)//s"]:
    """Return hr blurred by the kernel, at every s-th pixel, with noise."""
    raise NotImplementedError
