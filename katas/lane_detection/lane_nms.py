"""Non-maximum suppression for lanes.

A detector with many line anchors reports the same lane again and again. Greedy NMS walks through the
lanes from the best score to the worst. For thin lines the IoU of boxes says little; what counts is how
far two lanes are apart, on average. A lane is kept unless its distance to a lane that was kept before it
is less than thr.

* xs [n, r] holds the x of n lanes, in pixels, at the same r image rows. valid [n, r] says where a lane
  has a point. Where it has none, xs means nothing; it is finite, but may be as large as 1e5. Of valid
  points all count, also those with a negative x.
* The distance of two lanes is the mean of |x of one - x of the other| over their shared rows, those
  where both are valid. Lanes without a shared row never suppress each other; so a lane without any valid
  row is always kept.
* thr is in pixels and at least 0. A lane goes only if its distance is less than thr; at exactly thr it
  stays. So with thr = 0 all lanes stay.
* scores [n] are finite. Every lane takes part, also one whose score is zero or negative. A suppressed
  lane suppresses nothing.
* Return the indices of all kept lanes, int64, from the highest score to the lowest. Of equal scores the
  lower index is the better one, both in the walk and in the result.
* n may be 0: the result is then an empty int64 tensor of shape [0]. r is at least 1.
* The inputs stay as they are. All tensors are on the CPU.

Example, thr = 10, scores (0.6, 0.9, 0.8), rows from the top and "-" for no point: lane 0 is (-, 20, 30),
lane 1 (10, 24, 42), lane 2 (18, 36, -). Lane 1 is the best. Lane 2 is (8 + 12) / 2 = 10 away from it and
stays, lane 0 is (4 + 12) / 2 = 8 away and goes: the result is [1, 2].
"""

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor


def lane_nms(
    xs: Float[Tensor, "n r"], valid: Bool[Tensor, "n r"], scores: Float[Tensor, " n"], thr: float
) -> Int64[Tensor, " k"]:
    """Return the indices of the lanes that survive, from the highest score to the lowest."""
    raise NotImplementedError
