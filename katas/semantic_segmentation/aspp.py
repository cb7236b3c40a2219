"""Atrous spatial pyramid pooling.

A pixel needs context of several sizes at once. ASPP (DeepLab) looks at a map through several branches
side by side, joins their channels, and mixes them with a last convolution:

    x         [B, in_ch, H, W]
    1x1       [B, out_ch, H, W]    a 1x1 convolution
    rate r    [B, out_ch, H, W]    a 3x3 convolution with dilation r and padding r, for each rate
    pool      [B, out_ch, H, W]    the mean of each channel over all positions, then a 1x1 convolution,
                                   then the same value at every position (upsampling from 1 x 1)
    joined    [B, (R + 2) * out_ch, H, W]    the channels of: 1x1, the R rates in the order given, pool
    result    [B, out_ch, H, W]    a 1x1 convolution of that

* Every convolution has a bias and pads with zeros. There is no normalisation and no activation, neither
  between the layers nor at the end.
* H and W may be any sizes, also smaller than the rates; the result has the same ones. B may be 1. Memory
  may be channels-last. x stays as it is.
* rates holds at least one int of at least 1, all of them different, in any order.
* Each image of the batch is pooled on its own.
* The module is trained: gradients reach x and every parameter. Attributes may have any name and any
  order. All tensors are on the CPU.

Example: in_ch = 2 and out_ch = 4 with the default rates make 2 * 4 + 4 = 12 parameters in the 1x1 branch
and in the pooling branch, 9 * 2 * 4 + 4 = 76 for each rate and 20 * 4 + 4 = 84 at the end: 336 in all.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class ASPP(nn.Module):
    """Parallel convolutions at several rates and an image-level branch, joined by a 1x1 convolution."""

    def __init__(self, in_ch: int, out_ch: int, rates: tuple[int, ...] = (6, 12, 18)):
        super().__init__()
        raise NotImplementedError

    def forward(self, x: Float[Tensor, "b in_ch h w"]) -> Float[Tensor, "b out_ch h w"]:
        """Return the projection of all branches."""
        raise NotImplementedError
