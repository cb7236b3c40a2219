"""The area under the ROC curve.

The AUROC says how well scores tell anomalies from normal samples, whatever threshold is chosen later. It
is the chance that a random anomaly has a higher score than a random normal sample:

    auroc = (pairs with s_a > s_n  +  half the pairs with s_a = s_n) / (all pairs)

where a pair is one anomaly (score s_a) and one normal sample (score s_n).

* scores [N] are finite floats, not sorted and not confined to [0, 1]; higher means more anomalous.
  labels [N] (int64) are 1 for an anomaly and 0 for a normal sample.
* A tie counts one half, in whatever order the samples come. Two scores tie only if they are equal: do
  not round them (to float32, say), squash them or sort them into bins.
* Return a number from 0 to 1. 0.5 is a guess, and below 0.5 the scores point the wrong way; do not turn
  them round.
* Without an anomaly or without a normal sample (N = 0, too) nothing can be compared: raise ValueError.
* The inputs stay as they are. All tensors are on the CPU. No gradient is asked for.

The pixels of a test set are too many for a matrix of all pairs. Sorting takes O(N log N): give every
sample its rank from 1 to N, where samples that tie share the mean of their ranks. With P anomalies and
Q normal samples

    auroc = (sum of the ranks of the anomalies - P (P + 1) / 2) / (P Q)

Only the number is graded, though, not the way to it.

Example: scores (0.1, 0.4, 0.4, 0.8) with labels (0, 0, 1, 1). Of the four pairs three are won and one is
a tie: 3.5 / 4 = 0.875. The ranks are 1, 2.5, 2.5 and 4, so (6.5 - 3) / 4 is the same.
"""

import torch
from jaxtyping import Float, Int64
from torch import Tensor


def auroc(scores: Float[Tensor, " n"], labels: Int64[Tensor, " n"]) -> float:
    """Return the area under the ROC curve of the scores."""
    raise NotImplementedError
