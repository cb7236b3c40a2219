"""A small U-Net.

The network goes down to coarse maps that know what there is, and comes up again to fine ones that know
where; on the way up every level sees the map that its own level had on the way down (the skip).

With c = width, a double convolution to n channels is twice: a 3x3 convolution to n channels with
zero padding 1, then ReLU. For depth = 2 the network is

    x            [B, in_ch, H, W]
    level 0      double convolution to c          its result is skip 0; then 2x2 max pooling, stride 2
    level 1      double convolution to 2c         its result is skip 1; then 2x2 max pooling, stride 2
    bottom       double convolution to 4c
    up level 1   2x2 transposed convolution, stride 2, from 4c to 2c channels; joined to skip 1;
                 double convolution from 4c to 2c
    up level 0   the same from 2c to c channels, with skip 0
    head         1x1 convolution from c to num_classes: logits [B, num_classes, H, W]

* In general there are depth poolings (depth >= 1); level l has width * 2^l channels and the bottom
  width * 2^depth.
* Joining means concatenation of channels, the skip first.
* Pooling an odd size rounds down (5 becomes 2), so on the way up a map may be one short of its skip.
  It is then resized to the skip's height and width, bilinearly with align_corners=False, before they
  are joined. The result always has the height and width of x. H and W are at least 2^depth.
* There is no ReLU after the transposed convolutions and none after the head; no normalisation, no
  dropout. Every convolution has a bias.
* The module is trained: gradients reach x and every parameter. Attributes may have any name and any
  order. Memory may be channels-last. x stays as it is. All tensors are on the CPU.

Example: UNet(3, 21) turns [1, 3, 250, 333] into [1, 21, 250, 333]; the maps at the bottom have the size
31 x 41. UNet(1, 2, width=1, depth=1) has 20 parameters on the way down, 58 at the bottom, 9 in
the transposed convolution, 29 on the way up and 4 in the head: 120.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class UNet(nn.Module):
    """Encoder and decoder of equal depth with a skip at every level."""

    def __init__(self, in_ch: int, num_classes: int, width: int = 16, depth: int = 3):
        super().__init__()
        raise NotImplementedError

    def forward(self, x: Float[Tensor, "b in_ch h w"]) -> Float[Tensor, "b num_classes h w"]:
        """Return logits for every pixel."""
        raise NotImplementedError
