"""A whole super-resolution network, EDSR in small, and its loss.

EDSR took a residual network for classification and removed what does not help to restore images, batch
normalisation above all. It works on the small image and enlarges at the very end. For images of any
height h and width w:

    x          [B, 3, h, w]
    shallow    [B, ch, h, w]          one convolution
    deep       [B, ch, h, w]          from these features f, in three steps:
                 [B, ch, h, w]          the residual blocks, as many as `blocks`, one after the other
                 [B, ch, h, w]          one more convolution
                 [B, ch, h, w]          plus f, the global residual
    upsample   [B, 3, s * h, s * w]   from that, in two steps, with s = scale:
                 [B, 3 * s^2, h, w]     one convolution
                 [B, 3, s * h, s * w]   pixel shuffle
    forward    [B, 3, s * h, s * w]   the enlarged images

* SubPixelSR has the methods shallow(x), deep(features), upsample(features) and forward(x); forward uses
  the other three.
* All convolutions are 3x3 with bias, stride 1, and one row or column of zeros on every side.
* A residual block turns v into v + 0.1 * r, where r is a convolution of v, then ReLU, then a second
  convolution, both from ch to ch channels. Scaling r down by the fixed number 0.1 keeps the training of
  wide networks stable. Each block has weights of its own. The global residual is added unscaled.
* That is all there is: no ReLU outside the blocks, no normalisation, no dropout, no clamping. Pixels may
  leave [0, 1].
* Pixel shuffle is that of torch: channel c * s^2 + i * s + j at (y, x) goes to channel c of the result
  at (s * y + i, s * x + j). Enlarging by 4 is one such step, not two by 2.
* scale, ch and blocks are ints from 1 up, and 4, 64 and 4 by default. B, h and w are at least 1. x and
  features stay as they are. Gradients reach x and all parameters. Attributes may have any name and any
  order. All tensors are on the CPU.

sr_loss(pred, hr) = mean of |pred - hr| over all numbers of the batch:

* Both are [B, 3, H, W]: pred is what forward gives, hr the true images in [0, 1]. No pixel is left out,
  and pred is not clamped: beyond [0, 1] a clamped pixel would no longer be pulled back.
* The result is a 0-d tensor whose gradients reach pred. The inputs stay as they are.

Example: with the default numbers there are 361,840 parameters, and images of 48 x 40 become 192 x 160.
A prediction of 1.5 everywhere has the loss 0.5 for a white image (1 everywhere), and 1.5 for a black
one.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class SubPixelSR(nn.Module):
    """A shallow convolution, residual blocks with a skip around them, and sub-pixel upsampling."""

    def __init__(self, scale: int = 4, ch: int = 64, blocks: int = 4):
        super().__init__()
        raise NotImplementedError

    def shallow(self, x: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b ch h w"]:
        """Return the features of single neighbourhoods."""
        raise NotImplementedError

    def deep(self, features: Float[Tensor, "b ch h w"]) -> Float[Tensor, "b ch h w"]:
        """Return the features with what the residual blocks add to them."""
        raise NotImplementedError

    def upsample(self, features: Float[Tensor, "b ch h w"]) -> Float[Tensor, "b 3 scale*h scale*w"]:
        """Return the image of full size."""
        raise NotImplementedError

    def forward(self, x: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 3 scale*h scale*w"]:
        """Return the images, scale times as high and wide."""
        raise NotImplementedError


def sr_loss(
    pred: Float[Tensor, "b 3 scale*h scale*w"], hr: Float[Tensor, "b 3 scale*h scale*w"]
) -> Float[Tensor, ""]:
    """Return the mean absolute error."""
    raise NotImplementedError
