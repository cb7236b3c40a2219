"""L1 loss over the pixels that have a depth.

Ground truth depth has holes: a pixel is valid where gt is above 0, however little, and finite. The loss
is the mean of |pred - gt| over all valid pixels of the batch together, as a 0-d tensor.

* pred is [B, 1, H, W] and finite. gt is [B, 1, H, W] or, without the channel axis, [B, H, W].
  A gt of any other shape raises ValueError, also where broadcasting would have gone through:
  [B, 1, H, W] minus [B, H, W] is [B, B, H, W], a wrong number without an error.
* Holes may hold anything: 0, negative numbers, NaN, infinities. None of it reaches the loss or a
  gradient: NaN times 0 is still NaN.
* Every valid pixel counts the same; images with many of them weigh more than images with few.
* Where no pixel is valid (B = 0 included) the loss is 0 and still connected to pred's graph:
  backward() runs and gives pred a gradient of zeros.
* Gradients flow to pred. The loss has pred's dtype. Inputs may lie in memory in any order, and stay as
  they are.

Example: pred = (1, 2, 3, 4) against gt = (2, 0, NaN, 7) has two valid pixels with errors 1 and 3;
the loss is 2.
"""

import torch
from jaxtyping import Float
from torch import Tensor


def masked_l1(
    pred: Float[Tensor, "b 1 h w"], gt: Float[Tensor, "b 1 h w"] | Float[Tensor, "b h w"]
) -> Float[Tensor, ""]:
    """Return the mean absolute error over the valid pixels."""
    raise NotImplementedError
