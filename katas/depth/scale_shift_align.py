"""Scale and shift of a relative depth map.

A model like MiDaS knows (inverse) depth only up to a scale and a shift per image. Before it is compared
with the truth, both are fitted: for each image find the s and t that make

    sum over valid pixels of (s * pred + t - target)^2

least. pred, target and valid are [B, H, W], valid is bool; return (s, t), each [B].

* Only valid pixels take part. Elsewhere target may be anything, NaN and inf too; pred is finite
  everywhere.
* With n valid pixels, sums over them, and det = n * sum(p^2) - sum(p)^2, the fit is singular if

      det <= 1e-12 * n * sum(p^2)

  for then pred is constant up to rounding (also when it is 0, or when only one pixel is valid), and any
  scale would do. Return s = 0 and t = the mean of target over the valid pixels.
  The threshold is relative, so that the unit of pred does not matter: values of the order of 1e-4, or
  1e4, are ordinary.
* An image without valid pixels has s = 0 and t = 0. Each image is treated on its own.
* B, H and W are at least 1. Results have the dtype of pred and target. Inputs stay as they are. No
  gradient is asked for.

Example: pred (1, 2, 3, 9), target (3, 5, 7, NaN), valid (True, True, True, False) lie on a line: s = 2,
t = 1. With pred (4, 4, 4, 9) it is singular: s = 0, t = 5.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def align(
    pred: Float[Tensor, "b h w"], target: Float[Tensor, "b h w"], valid: Bool[Tensor, "b h w"]
) -> tuple[Float[Tensor, " b"], Float[Tensor, " b"]]:
    """Return the scale and the shift of each image that bring pred closest to target."""
    raise NotImplementedError
