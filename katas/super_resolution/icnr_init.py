"""Initialise a convolution before pixel shuffle.

A convolution with C * r * r outputs, followed by pixel shuffle with factor r, starts with a
checkerboard: its r * r outputs for one block have nothing to do with each other. ICNR starts them out
equal: at first the upsampling is a nearest-neighbour one, and it learns from there.

icnr_(conv, r, sub) fills the weight of conv, an nn.Conv2d, and returns None.

* sub [C, in, k, k] holds a kernel for each of the C channels there will be after the shuffle.
  conv.weight is [C * r * r, in, k, k]. Each kernel of sub is repeated r * r times in a row: all of the
  outputs c * r * r + i, for i from 0 to r * r - 1, get sub[c], as it is. r is at least 1; conv has
  groups=1.
* conv.bias becomes 0, if conv has one.
* It happens in place, as the underscore says: conv.weight and conv.bias stay the Parameters they are,
  with their dtype, so that an optimizer made earlier goes on training them. What they held before is
  gone. No graph is recorded, and they require gradients afterwards as they did before.
* A conv.weight of any shape other than [C * r * r, in, k, k] is a ValueError: nothing is broadcast.
* sub stays as it is.

Example: r = 2, one input channel, 1 x 1 kernels and sub with the kernels 3 and 5: the eight weights
become 3, 3, 3, 3, 5, 5, 5, 5. An input pixel of 1 then gives, after the shuffle, a 2 x 2 block of 3 in
channel 0 and a 2 x 2 block of 5 in channel 1.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn


def icnr_(conv: nn.Conv2d, r: int, sub: Float[Tensor, "c cin k k"]) -> None:
    """Fill conv so that pixel shuffle with factor r turns its outputs into constant blocks."""
    raise NotImplementedError
