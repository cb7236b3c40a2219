"""Mask loss on the channel of the true class.

A mask head predicts for each region a mask of m x m logits for every class, so that classes do not
compete inside the mask. Its loss looks at one of them only: the one of the region's true class.

    mask_logits  [R, K, m, m]    float32, one channel per class
    labels       [R]             int64, the true class of each region, from 0 to K - 1
    gt           [R, m, m]       float32, the true mask, from 0 to 1; most numbers are 0 or 1, but a
                                 resampled mask has fractions along its border, and they are kept

With x a logit of channel labels[r] of region r, s = sigmoid(x), and y the number of gt at the same
place, the loss is the mean of

    -(y * log(s) + (1 - y) * log(1 - s))

over all R * m * m places: the sum over the chosen channels, divided by R * m * m. The other K - 1
channels count neither in the sum nor in the divisor.

* Return a 0-d float32 tensor. Its gradient reaches the chosen channels and is exactly 0
  on all others. gt needs no gradient.
* R may be 0: the loss is then 0, not NaN, and still connected to the graph of mask_logits, so that
  backward() works and reaches the (empty) logits: a constant, or a fresh zero with requires_grad, will
  not do.
* Logits may be in the hundreds; the loss and its gradient stay finite and right.
* The inputs stay as they are. All tensors are on the CPU.

Example: R = 1, K = 2, m = 1, logits 5 for class 0 and 0 for class 1, label 1, gt 1: the loss is
log 2 = 0.6931, and class 0 has no part in it.
"""

import torch
from jaxtyping import Float32, Int64
from torch import Tensor


def per_class_mask_loss(
    mask_logits: Float32[Tensor, "r k m m"], labels: Int64[Tensor, " r"], gt: Float32[Tensor, "r m m"]
) -> Float32[Tensor, ""]:
    """Return the mean binary cross-entropy over the channels of the true classes."""
    raise NotImplementedError
