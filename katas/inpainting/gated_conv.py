"""Gated convolution.

An ordinary convolution treats every pixel alike, also those of a hole. A gated one computes two maps
from the same input with the same window: the features, and a gate between 0 and 1 that says, for each
channel and each place, how much of the feature passes. The gate is learned; nothing tells it where the
hole is but the input itself, which carries the mask as one of its channels.

    x         [B, i, H, W]
    f         [B, o, H', W']    one convolution of x: the features
    g         [B, o, H', W']    another convolution of x: the gate before the sigmoid
    result    [B, o, H', W']    ELU(f) * sigmoid(g), element by element

* ELU(t) = t for t > 0, and exp(t) - 1 otherwise. The sigmoid is 1 / (1 + exp(-t)).
* Both convolutions have kernels of k x k, the stride, padding and dilation given, and a bias. They
  follow nn.Conv2d: zeros are padded, H' = floor((H + 2 padding - dilation (k - 1) - 1) / stride) + 1,
  W' alike. i, o, k, stride, padding and dilation are ints, and k may be even.
* The parameters are those of the two: two weights [o, i, k, k] and two biases [o], or one convolution
  with 2 o outputs that is cut in half. Attributes may have any name and any order, and be initialised in
  any way.
* Nothing else is in the layer: no normalisation, no residual path. The gate is not made from the
  features.
* The module is trained: gradients reach x and every parameter. x stays as it is; memory may be
  channels-last. B may be 1. All tensors are on the CPU.

Example: GatedConv2d(4, 8, 3) has 592 parameters, twice those of nn.Conv2d(4, 8, 3). Where f is -1 and g
is 0, the result is (exp(-1) - 1) / 2 = -0.316. Where f is 2 and g is -20 it is next to 0: the gate
is shut.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class GatedConv2d(nn.Module):
    """Two convolutions: features, and a gate for each of them."""

    def __init__(self, i: int, o: int, k: int, stride: int = 1, padding: int = 0, dilation: int = 1):
        super().__init__()
        raise NotImplementedError

    def forward(self, x: Float[Tensor, "b i h w"]) -> Float[Tensor, "b o hs ws"]:
        """Return the gated features."""
        raise NotImplementedError
