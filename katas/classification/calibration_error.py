"""Expected calibration error.

A classifier is calibrated when, of all answers given with confidence 0.8, 80 % are right. Given the
predicted probabilities of n samples (rows of k probabilities that sum to 1) and the true classes:

* The prediction of a sample is its most probable class, the lowest index on ties; the confidence is
  that largest probability.
* Sort the samples by confidence into n_bins bins of equal width that cover (0, 1]: bin i of 0, 1, ...
  holds i / n_bins < confidence <= (i + 1) / n_bins. A bin is open below and closed above, so confidence
  1 lies in the last one.
* The error is the sum over the bins of (share of all samples that lie in the bin) times
  |accuracy - mean confidence| of the samples in the bin. Empty bins add nothing.
* The result is a number in [0, 1]: a Python float or a 0-d tensor, not a tensor of shape [1].
* Without samples (n = 0) the error is 0.0. The inputs stay as they are.

Example: three samples with the confidences 0.95 (right), 0.85 (wrong) and 0.55 (right), and 5 bins. The
bin (0.8, 1] has accuracy 0.5 and mean confidence 0.9, the bin (0.4, 0.6] has 1 and 0.55, so the error is
2/3 * 0.4 + 1/3 * 0.45 = 0.4167.
"""

import torch
from jaxtyping import Float, Int64
from torch import Tensor


def expected_calibration_error(
    probs: Float[Tensor, "n k"], target: Int64[Tensor, " n"], n_bins: int = 15
) -> float:
    """Return the mean gap between accuracy and confidence over bins of confidence."""
    raise NotImplementedError
