"""Cross-entropy for segmentation, with ignored pixels.

Every pixel is a small classification problem of its own. Some pixels are not labelled (in Pascal VOC
the borders of objects, marked 255), and classes may have weights. Return the mean loss of the labelled
pixels:

    logits [B, K, H, W]   scores of K classes at each pixel, before any softmax
    target [B, H, W]      the true class of each pixel, from 0 to K - 1, or ignore_index; int64
    weight [K] or None    a weight of at least 0 for each class; None counts every pixel once

* The loss of a pixel of class c is -log p_c, where p is the softmax of its K logits.
* Without weights: the sum of the losses divided by the number of labelled pixels, over the whole
  batch. With weights: the sum of weight[c] * loss divided by the sum of weight[c], both over the
  labelled pixels.
* A pixel whose target is ignore_index counts nowhere: not in the sums, not in a divisor, and it sends no
  gradient. ignore_index may be any int: 255, -100, or one of the classes, which is then left out.
* If nothing counts (every pixel is ignored, or those that are not have weights of 0 only) the loss is 0,
  never NaN. It still belongs to the graph: backward() works and gives logits a gradient of zeros.
* Logits are finite and may be in the hundreds; the loss is exact there too.
* The result is a 0-d tensor of the dtype of logits, which weight has as well. It carries gradients to
  logits. B, K, H and W are at least 1. The inputs stay as they are. All tensors are on the CPU.
* Write it without cross_entropy and nll_loss, also without the modules of nn that call them.

Example, K = 2: three pixels with the logits (0, 0), (0, log 3), (5, 1) and the targets 0, 1, 255. The
losses of the first two are log 2 = 0.693 and -log(3/4) = 0.288, the third does not count: the result is
0.490. With the weights (1, 3) it is (0.693 + 3 * 0.288) / 4 = 0.389.
"""

import torch
from jaxtyping import Float, Int64
from torch import Tensor


def seg_cross_entropy(
    logits: Float[Tensor, "b k h w"],
    target: Int64[Tensor, "b h w"],
    weight: Float[Tensor, " k"] | None = None,
    ignore_index: int = 255,
) -> Float[Tensor, ""]:
    """Return the (weighted) mean cross-entropy of the labelled pixels."""
    raise NotImplementedError
