"""Pixel shuffle, and back.

A network that upsamples at its very end predicts, at low resolution, all the pixels of an r x r block as
channels. Pixel shuffle then lays them out in space, without any arithmetic.

* pixel_shuffle(x, r) takes x [B, C * r * r, H, W] to [B, C, H * r, W * r]. The pixel at row y * r + i
  and column x * r + j of channel c, with i and j from 0 to r - 1, comes from position (y, x) of channel
  c * r * r + i * r + j. So the first r * r channels make up channel 0 of the result, and fill each of
  its blocks row by row.
* pixel_unshuffle(x, r) is its inverse: it takes x [B, C, H * r, W * r] to [B, C * r * r, H, W], with the
  channels in the order above.
* r is at least 1, and with r = 1 nothing moves. Channels that r * r does not divide are a ValueError in
  pixel_shuffle; so is a height or a width that r does not divide in pixel_unshuffle.
* Write both without torch's pixel_shuffle and pixel_unshuffle, also without the modules of nn that call
  them.
* B may be 0. Results have the dtype of x. x stays as it is; whether the result shares its memory is up
  to you. Gradients flow to x through both.

Example: r = 2 and four channels of one pixel, with the values 1, 2, 3, 4, become one channel with the
rows (1, 2) and (3, 4). pixel_unshuffle takes it back to four channels of one pixel.
"""

import torch
from jaxtyping import Float
from torch import Tensor


def pixel_shuffle(x: Float[Tensor, "b c*r*r h w"], r: int) -> Float[Tensor, "b c h*r w*r"]:
    """Lay out every r * r channels as blocks of r x r pixels."""
    raise NotImplementedError


def pixel_unshuffle(x: Float[Tensor, "b c h*r w*r"], r: int) -> Float[Tensor, "b c*r*r h w"]:
    """Gather the pixels of every r x r block as channels."""
    raise NotImplementedError
