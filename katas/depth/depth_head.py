"""A depth head: one positive depth for each pixel, at any size.

The head turns a feature map into a map of depths in metres. It has one layer with parameters:

    feat      [B, in_ch, h, w]
    projected [B, 1, h, w]      1x1 convolution with bias
    resized   [B, 1, H, W]      bilinear, align_corners=False, to size = (H, W)
    depth     [B, 1, H, W]      softplus(resized) + 1e-3

* size is a tuple of two ints, height first. It comes with every call and may be larger than the map,
  smaller (without antialiasing) or the same; h, w, H and W may be 1. Nothing ties H to h: a fixed factor
  that fits images of one size fails for the next.
* The softplus follows the resizing: softplus(x) = log(1 + exp(x)), without overflow for large x.
  Depths are positive for any features and have no upper bound.
* The channel axis stays, and so does the batch axis of a single image.
* Parameters: in_ch weights and one bias, under any name. feat stays as it is; memory may be
  channels-last. Gradients flow to feat and to the parameters.

Example: projections 0, -5 and 1000 give the depths 0.6941, 0.0077 and 1000.001. A row of two projections
(0, 2) becomes (0, 0.5, 1.5, 2) when it is resized to a width of 4.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class DepthHead(nn.Module):
    """1x1 convolution, bilinear resizing, softplus."""

    def __init__(self, in_ch: int):
        super().__init__()
        raise NotImplementedError

    def forward(
        self, feat: Float[Tensor, "b in_ch h w"], size: tuple[int, int]
    ) -> Float[Tensor, "b 1 out_h out_w"]:
        """Return the depths of a feature map at the given (H, W)."""
        raise NotImplementedError
