"""Errors of the best of K trajectories.

The future is uncertain, so a model predicts K possible trajectories (modes) for each agent and is
judged by the best of them. pred [N, K, T, 2] holds K trajectories of T points (x, y) in metres for each
of N agents, gt [N, T, 2] the true one, and valid [N, T] says at which steps the truth is known. Return
the tuple (min_ade, min_fde, miss_rate):

* The error of a mode at a step is the distance, the length of pred - gt, in metres.
* The average displacement error (ADE) of a mode is the mean of its errors over the valid steps of the
  agent. Its final displacement error (FDE) is its error at the agent's last valid step, the largest t
  with valid[n, t]; steps before it may be invalid too.
* For each agent, take the smallest ADE of its K modes, and the smallest FDE. The two minima are taken
  separately: they may come from different modes.
* min_ade and min_fde are the means of these over the agents. Each agent counts once, however many of
  its steps are valid. Minimum first, then mean: each agent has its own best mode.
* miss_rate is the share of agents whose smallest FDE is greater than 2.0; exactly 2.0 is not a miss.
* valid = None means that every step is valid.
* An agent without any valid step does not count at all: it is in none of the sums and in no number that
  is divided by. At least one agent has a valid step; K and T are at least 1.
* Where valid is False gt means nothing and may be anything, even NaN or infinite. pred is finite.
* All three are Python floats or 0-d tensors. The inputs stay as they are. No gradient is asked for.

Example: one agent, two modes, three steps, all valid. Mode A is off by 1, 1 and 0 m: ADE 2/3, FDE 0.
Mode B is off by 0, 0 and 1.5 m: ADE 0.5, FDE 1.5. So min_ade = 0.5, from B, min_fde = 0, from A, and
miss_rate = 0.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def min_ade_fde(
    pred: Float[Tensor, "n k t 2"],
    gt: Float[Tensor, "n t 2"],
    valid: Bool[Tensor, "n t"] | None = None,
) -> tuple[float, float, float]:
    """Return minADE and minFDE in metres and the share of misses."""
    raise NotImplementedError
