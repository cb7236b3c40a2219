"""Local correlation of two feature maps, the cost volume of flow nets.

For each pixel of f1 and each displacement (dx, dy) of at most d pixels either way, tell how well the
feature of f1 there matches the feature of f2 at the displaced pixel:

    out(b, k, y, x) = mean over the channels c of  f1(b, c, y, x) * f2(b, c, y + dy, x + dx)
    k = (dy + d) * (2d + 1) + (dx + d)        with dy and dx in -d, ..., d

So the channels run over the displacements row by row: dx is the fast one, and channel
2d(d + 1), the middle one, is displacement (0, 0). x counts columns to the right, y rows downwards.

* f1 and f2 are [B, C, H, W]; the result is [B, (2d+1)^2, H, W]. B, C, H and W are at least 1.
* Where (y + dy, x + dx) lies outside f2 the entry is 0. Nothing wraps round.
* d is an int of at least 0. It may be larger than the map: such channels are 0 throughout.
* Products as they are: features are not normalised, and nothing is applied to the result.
* The result has the dtype of the inputs, which stay as they are. All tensors are on the CPU.
* Gradients flow to f1 and to f2: this is a layer inside a network.

Example: one channel, one row, d = 1, f1 = (1, 2, 3) and f2 = (10, 20, 30). Channel 4 (no displacement)
is (10, 40, 90); channel 5 (dx = 1) is (1 * 20, 2 * 30, 0) = (20, 60, 0); channel 3 (dx = -1) is
(0, 2 * 10, 3 * 20) = (0, 20, 60). The other six look above or below the only row: all 0.
"""

import torch
from jaxtyping import Float
from torch import Tensor


def correlation(
    f1: Float[Tensor, "b c h w"], f2: Float[Tensor, "b c h w"], d: int
) -> Float[Tensor, "b k h w"]:
    """Return the mean products of f1 with f2 displaced by up to d pixels, one channel a displacement."""
    raise NotImplementedError
