"""Constant velocity: the baseline of trajectory prediction.

N agents were seen at T steps in a row. Predict where each of them goes if it keeps its velocity. Simple
as that is, it is hard to beat where people walk straight on, so every evaluation should show it.

* hist [N, T, 2] holds positions in metres, the earliest first; steps follow each other at equal
  intervals. The displacement of a step is its position minus the one before, so there are T - 1 of them.
* The velocity of an agent, in metres per step, is the mean of its last k displacements: a vector, with
  its direction. k = 1 trusts the last displacement alone, a larger k evens out noise. At least one and
  at most all T - 1 displacements can be asked for: any other k is a ValueError. So is T = 1, for which
  no k is possible.
* Return the next steps positions, [N, steps, 2], in the same coordinates as hist. The first lies one
  step after the last position of hist, the next one two steps after it, and so on.
* N may be 0, and so may steps: the result is then empty. steps is never negative.
* The result has the dtype of hist, and hist stays as it is. No gradient is asked for.

Example: an agent at (0, 0), (2, 0), (6, 2). With k = 1 its velocity is (4, 2), and the next two
positions are (10, 4) and (14, 6). With k = 2 the velocity is (3, 1), the mean of (2, 0) and (4, 2), and
the positions are (9, 3) and (12, 4).
"""

import torch
from jaxtyping import Float
from torch import Tensor


def constant_velocity(hist: Float[Tensor, "n t 2"], steps: int, k: int = 1) -> Float[Tensor, "n steps 2"]:
    """Return the next positions of agents that keep the mean of their last k displacements."""
    raise NotImplementedError
