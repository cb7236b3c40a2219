"""Sampling probabilities that balance the classes.

labels [N] holds the class of each sample, an int from 0 to num_classes - 1. Return a probability for
every sample, so that drawing samples with these probabilities meets every class equally often.

* The probabilities are positive and sum to 1 over the N samples.
* Samples of the same class have the same probability.
* Every class that is present, that is, has at least one sample, has the same total over its samples.
  With C classes present that total is 1/C. A class without samples takes no share and does no harm.
* Return float64 [N], in the order of labels, worked out in float64: a value may be off by one part in
  10^8. (Mind that dividing tensors of ints gives float32, which is less exact than that.)
* N may be 0, and then the result is empty. labels stay as they are.

Example: labels (0, 0, 0, 2) with num_classes = 3 give (1/6, 1/6, 1/6, 1/2): two classes are present,
and each has the total 1/2.
"""

import torch
from jaxtyping import Float64, Int64
from torch import Tensor


def sampler_probs(labels: Int64[Tensor, " n"], num_classes: int) -> Float64[Tensor, " n"]:
    """Return for each sample the probability with which to draw it."""
    raise NotImplementedError
