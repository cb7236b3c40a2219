"""Targets for a model with anchor trajectories.

A model in the manner of MultiPath chooses among K fixed trajectories, the anchors, and predicts how the
truth differs from the chosen one. For training each true trajectory needs both: the class, which is the
nearest anchor, and the offset from that anchor.

* anchors [K, T, 2] and gt [N, T, 2] hold points in metres, in the frame of the agent, at the same T
  times.
* The distance between an anchor and a trajectory is the mean over the T times of the distance between
  their points of that time, sqrt(dx^2 + dy^2): the average displacement error (ADE). All times count
  alike; the end point is one of them.
* idx [N], int64, is the index of the nearest anchor, for each trajectory on its own: several may share
  an anchor, and an anchor may be without any. Of anchors at exactly the same distance the first counts.
* offset [N, T, 2] is gt minus that anchor, point by point.
* Return (idx, offset). N may be 0; K and T are at least 1.
* offset has the dtype of gt. The inputs stay as they are. No gradient is asked for.

Example: anchor 0 is (1, 0), (2, 0), (3, 0), anchor 1 is (1, 3), (2, 3), (3, 3), and gt (1, 0), (2, 0),
(3, 3). Anchor 0 is (0 + 0 + 3) / 3 = 1 away, anchor 1 is (3 + 3 + 0) / 3 = 2 away although it has the
same end point. So idx is 0 and offset (0, 0), (0, 0), (0, 3).
"""

import torch
from jaxtyping import Float, Int64
from torch import Tensor


def anchor_targets(
    anchors: Float[Tensor, "k t 2"], gt: Float[Tensor, "n t 2"]
) -> tuple[Int64[Tensor, " n"], Float[Tensor, "n t 2"]]:
    """Return the index of the anchor nearest to each trajectory, and the offset from it."""
    raise NotImplementedError
