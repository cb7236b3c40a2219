"""The lane accuracy of the TuSimple benchmark.

A lane is a row of numbers, its x in pixels at each of R fixed image rows. pred [P, R] are the predicted
lanes of one image, gt [G, R] the true ones, in no particular order. A negative x, whatever number it is,
says that the lane has no point at this row; x = 0 is a point.

* A row of a predicted and a true lane is right if both have a point there and |x - x'| < thr, strictly,
  or if neither has one. Where only one of them has a point the row is wrong.
* The score of a true lane is the largest share of right rows, of all R rows, that any prediction
  reaches: its best prediction counts. If there is no prediction, the score is 0.
* A true lane is matched if its score is at least 0.85. One prediction may be the best of several true
  lanes, and then matches them all.

Return (acc, fp, fn), each a float or a 0-d tensor:

    acc   mean of the scores of all true lanes, matched or not; 0 if G is 0
    fp    (P - matched) / P, 0 if P is 0      matched counts true lanes, so fp can be negative
    fn    (G - matched) / G, 0 if G is 0

* P and G may be 0; R is at least 1. thr is greater than 0 and at most 100.
* The official script does more: it widens thr for slanted lanes, leaves out the worst of five true lanes
  and gives up on too many predictions. Here thr is the same for all lanes, and all lanes count.
* pred and gt stay as they are. All tensors are on the CPU.

Example, R = 4, thr = 20. gt: (100, 110, 120, -2) and (300, 310, 320, 330). pred: (105, 130, 119, -2) and
(-2, -2, -2, -2). The first prediction is 5, 20 and 1 px off the first true lane, so three rows of four
are right (20 is not less than 20, and neither has a point in the last). The second true lane shares no
right row with either prediction. So the scores are 3/4 and 0, nothing is matched: (0.375, 1.0, 1.0).
"""

import torch
from jaxtyping import Float
from torch import Tensor


def tusimple(
    pred: Float[Tensor, "p r"], gt: Float[Tensor, "g r"], thr: float = 20.0
) -> tuple[float, float, float]:
    """Return the accuracy, the rate of false positives and the rate of false negatives of an image."""
    raise NotImplementedError
