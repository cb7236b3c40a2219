"""ESPCN: super-resolution with a sub-pixel convolution.

ESPCN stays on the small image from its first layer to its last. The last convolution computes the s * s
fine pixels of every coarse one as channels, and these are only put in their places, s being the scale:

    x          [B, ch, h, w]
    conv1      [B, 64, h, w]            5x5 convolution, then tanh
    conv2      [B, 32, h, w]            3x3 convolution, then tanh
    conv3      [B, ch * s^2, h, w]      3x3 convolution
    shuffled   [B, ch, s * h, s * w]    the same numbers, rearranged

* Every convolution has a bias, stride 1, and zeros around its input, as many as keep its size: 2 rows
  and columns on every side for 5x5, 1 for 3x3.
* Channel c * s^2 + i * s + j of conv3 holds, of channel c of the result, the pixels at row i and column
  j of the s x s blocks: its number at (y, x) goes to channel c at (s * y + i, s * x + j). torch has this
  as pixel shuffle, which you may use.
* There is no activation after conv3 and no clamping after the shuffle: the result may leave [0, 1].
  Nothing is upsampled before, and nothing is added after.
* scale is an int from 1 up. ch is the number of image channels, 3 by default; with ch = 1 the network
  works on luminance alone, as that of the paper does.
* B, h and w are at least 1, and one network takes images of any size. x stays as it is. Gradients reach
  x and all parameters. Attributes may have any name and any order. All tensors are on the CPU.

Example: with scale = 3 there are 31,131 parameters for colour images (4,864 in conv1, 18,464 in conv2
and 7,803 in conv3) and 22,729 for luminance. An image of 20 x 30 becomes one of 60 x 90.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class ESPCN(nn.Module):
    """Three convolutions on the small image and a pixel shuffle."""

    def __init__(self, scale: int, ch: int = 3):
        super().__init__()
        raise NotImplementedError

    def forward(self, x: Float[Tensor, "b ch h w"]) -> Float[Tensor, "b ch scale*h scale*w"]:
        """Return the images, scale times as high and wide."""
        raise NotImplementedError
