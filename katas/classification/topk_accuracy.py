"""Top-k accuracy for several k at once.

logits [B, K] holds a score per sample and class, target [B] the true class of each sample. A sample is a
hit at k if its true class is among the k classes with the largest logits. Return a dict that gives, for
each k in ks, the share of hits: a number from 0 to 1.

* Equal logits are ranked by class: the lower index comes first. So each class of a row has one
  definite rank, and exactly k classes are among the k largest.
* ks may be in any order, and the keys of the dict are its ints. For ks = () return {}.
* Any k that is smaller than 1 or larger than K: raise ValueError. (k may well be larger than B.)
* B may be 0, and then every share is 0.0.
* Logits are finite and may be large (hundreds). logits and target stay as they are.
* A share may be a float or a 0-d tensor.

Example: logits ((3, 1, 2), (0, 5, 5)) with target (2, 2) rank the true class second in the first row,
and second in the second, behind its equal of lower index. So ks = (1, 2) gives {1: 0.0, 2: 1.0}.
"""

import torch
from jaxtyping import Float, Int64
from torch import Tensor


def topk_accuracy(
    logits: Float[Tensor, "b k"], target: Int64[Tensor, " b"], ks: tuple[int, ...]
) -> dict[int, float]:
    """Return for each k the share of samples whose target is among the k largest logits."""
    raise NotImplementedError
