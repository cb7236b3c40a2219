"""The scale-invariant logarithmic loss.

A single image does not tell whether it shows a room or a doll's house. This loss forgives, in part or
in full, that all depths are wrong by one and the same factor. With e = log pred - log gt on the pixels
that are valid, and means over these pixels:

    loss = mean(e^2) - lam * mean(e)^2

* pred and gt are [B, 1, H, W]. A pixel is valid where gt is above 0 and finite; holes may hold 0,
  negative numbers, NaN and infinities, and nothing of them reaches the loss or a gradient.
* The means go over the valid pixels of the whole batch together, not image by image. Natural logarithm.
* At least one pixel is valid. pred everywhere, and gt where it is valid, are 0.05 or more, without an
  upper bound: their logarithms need no clamp.
* lam is in [0, 1]: 0 forgives nothing (the plain mean square in logarithms), 1 forgives any factor.
* Return a 0-d tensor of pred's dtype: no square root, no factor. Gradients flow to pred. The inputs stay
  as they are.

Example: pred = (2, 4) against gt = (1, 1) has e = (0.693, 1.386). The mean of squares is 1.201, the
square of the mean 1.081; the loss is 0.661 for lam = 0.5 and 0.120 for lam = 1.
"""

import torch
from jaxtyping import Float
from torch import Tensor


def silog(
    pred: Float[Tensor, "b 1 h w"], gt: Float[Tensor, "b 1 h w"], lam: float = 0.5
) -> Float[Tensor, ""]:
    """Return the scale-invariant logarithmic error over the valid pixels."""
    raise NotImplementedError
