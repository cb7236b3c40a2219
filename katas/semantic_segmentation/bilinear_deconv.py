"""A transposed convolution that interpolates bilinearly.

Fully convolutional networks enlarge their score maps with transposed convolutions that start out as
bilinear interpolation. bilinear_deconv(ch, f) returns such a layer: an nn.ConvTranspose2d that enlarges
ch channels by the factor f, each channel by itself.

* f is even and at least 2, ch at least 1. You need not check that.
* The layer has ch input and ch output channels in ch groups, a kernel of 2f x 2f, stride f, padding
  f / 2, no output padding, dilation 1 and no bias. It makes [B, ch, f * h, f * w] of [B, ch, h, w].
* Its weight, in torch's shape [ch, 1, 2f, 2f], is the same for every channel:

      weight[i, j] = (1 - |i - c| / f) * (1 - |j - c| / f),    c = f - 0.5,    i, j = 0 .. 2f - 1

  The centre c of an even kernel lies between two taps. The weights of one channel sum to f^2: the stamps
  of neighbouring pixels overlap, and at each output pixel what meets there sums to 1.
* Its output equals F.interpolate(x, scale_factor=f, mode="bilinear", align_corners=False), but not near
  the border: in the outer f / 2 pixels interpolate repeats the border's values, the layer reads zeros.
* Return nn.ConvTranspose2d itself, not a class derived from it, with the weight as its parameter, in
  float32. Whether the weight may be trained (requires_grad) is up to you.

Example: for f = 2 the row of factors is 0.25, 0.75, 0.75, 0.25, so that a corner of the kernel is 0.0625
and each of its four middle weights is 0.5625.
"""

import torch
from torch import nn


def bilinear_deconv(ch: int, f: int) -> nn.ConvTranspose2d:
    """Return a layer that enlarges each of ch channels by the even factor f, bilinearly."""
    raise NotImplementedError
