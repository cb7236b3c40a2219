"""A partial convolution.

A convolution beside a hole mixes in whatever the hole happens to hold. A partial convolution looks at
known pixels only, makes up for those it misses, and says where it has seen anything at all. A mask is 1
where a pixel is known and 0 in the hole: a float tensor [B, 1, H, W] that holds nothing else.

PartialConv2d(i, o, k, stride=1, padding=0) has the parameters of a convolution from i to o channels with
k x k kernels and a bias: W of shape [o, i, k, k] and b of shape [o]. Its method

    forward(x [B, i, H, W], m [B, 1, H, W]) -> the tuple (y [B, o, H', W'], m2 [B, 1, H', W'])

has H' and W' as a convolution of that stride and zero padding has them, and for every window

    n  = the number of its pixels that are known, between 0 and k^2
    y  = W (x * m) * k^2 / n + b      where n > 0
    y  = 0                            where n = 0: no bias either
    m2 = 1 where n > 0, else 0

* A pixel counts once, however many channels it has.
* What is added by padding counts as unknown. So a full mask changes nothing inside, where the result is
  that of a plain convolution, but at the border k^2 / n is more than 1: in the corner 9/4 for k = 3 and
  padding 1. padding is at most k // 2, and a window is at most as large as the padded image.
* What the hole holds is finite, may be large, and has no effect.
* x and m have one dtype, float32 or float64, that of the module; y and m2 have it too.
* W and b are all that is trained, under any names. What counts the pixels is not among them: no
  optimiser may move it.
* Gradients reach x, W and b, and are finite: 0 for x in the hole, and nothing comes from windows where
  n = 0. No gradient of m is asked for. x and m stay as they are. All tensors are on the CPU.

Example: a 2x2 kernel of ones with bias 0.5 and padding 0, on one channel and its mask

    1 2 3      1 0 0
    4 5 6      1 0 0

sees 1 and 4 in its first window, n = 2 of 4, and nothing in the second: y = [[10.5, 0]], m2 = [[1, 0]].
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class PartialConv2d(nn.Module):
    """A convolution over known pixels only."""

    def __init__(self, i: int, o: int, k: int, stride: int = 1, padding: int = 0):
        super().__init__()
        raise NotImplementedError

    def forward(
        self, x: Float[Tensor, "b i h w"], m: Float[Tensor, "b 1 h w"]
    ) -> tuple[Float[Tensor, "b o hs ws"], Float[Tensor, "b 1 hs ws"]]:
        """Return the result, and the mask of where it has seen a known pixel."""
        raise NotImplementedError
