"""Channel-wise fully connected layer.

Behind an encoder, the features in the middle of a large hole have seen nothing of its surroundings. The
Context Encoder hands information across the whole map with a linear layer that connects every position
to every other, but within each channel only: C (H W)^2 weights instead of (C H W)^2. Convolutions
before and after it mix the channels.

ChannelwiseFC(C, H, W) maps x [B, C, H, W] to y [B, C, H, W]. Number the N = H W positions row by row:
the one at row r and column s is p = r W + s. With x[b, c, q] the value at position q, and alike for y:

    y[b, c, p] = bias[c, p] + sum over q of weight[c, p, q] * x[b, c, q]

* There are just two parameters, of these shapes: weight [C, N, N], for each channel a matrix [out, in]
  as torch's layers have it, and bias [C, N]. A grouped 1x1 convolution holds the same numbers in the
  same order, and will do. C linear layers compute the same too, but hold 2 C parameters: take two.
* Every channel has a matrix and a bias of its own, every image of the batch is mapped by the same ones.
* Initialise both in any way you like. Attributes may have any name.
* There is no activation, no normalisation and no residual path.
* The module is trained: gradients reach x, weight and bias. x stays as it is; memory may be
  channels-last. C, H, W and B may be 1. All tensors are on the CPU.

Example: C = 512 and H = W = 4 make 512 * 16^2 + 512 * 16 = 139,264 parameters; one layer from
everything to everything would have 67,117,056. For C = 1, H = 1, W = 2 with the weight ((1, 2), (3, 4))
and the bias (10, 20), the row (1, -1) becomes (10 + 1 - 2, 20 + 3 - 4) = (9, 19).
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class ChannelwiseFC(nn.Module):
    """One linear map over all positions for each channel."""

    def __init__(self, C: int, H: int, W: int):
        super().__init__()
        raise NotImplementedError

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """Return every channel mapped by its own matrix."""
        raise NotImplementedError
