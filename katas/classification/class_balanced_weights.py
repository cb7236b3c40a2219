"""Class weights for a loss, from how often each class occurs.

Rare classes should count for more. Given the number of training samples of each of k classes, return
one weight per class:

* beta = None: inverse frequency, the weight of a class with n samples is proportional to 1 / n.
* otherwise 0 <= beta < 1: proportional to (1 - beta) / (1 - beta^n), the inverse of the "effective
  number" of n samples that overlap more and more in what they show.
* A class that never occurs (n = 0) has weight 0, not an infinite one.
* The other weights are scaled so that all k together sum to k, and classes that never occur are counted
  in k.
* If no class occurs at all, every weight is 0. k may be 0, and the result is then empty.
* counts are int64 and stay as they are. The result is float32. Near beta = 1 the difference 1 - beta^n
  loses digits in single precision; float64 inside keeps them, but what float32 gives is close enough.

Example: the counts (1, 2, 0) have the weights (2, 1, 0) by inverse frequency, (1.8, 1.2, 0) for
beta = 0.5, and (1.5, 1.5, 0) for beta = 0.
"""

import torch
from jaxtyping import Float32, Int64
from torch import Tensor


def class_balanced_weights(counts: Int64[Tensor, " k"], beta: float | None = None) -> Float32[Tensor, " k"]:
    """Return a loss weight for each class; the weights sum to the number of classes."""
    raise NotImplementedError
