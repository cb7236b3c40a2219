"""Winner takes all.

A model that predicts K trajectories (modes) per agent is not told which of them should be "left" and
which "straight on". With this loss only the mode nearest to the truth learns from it, and the scores
learn which mode that was. An L2 loss on all modes would draw every one of them to the mean, which
nobody drives.

* traj [B, N, K, T, 2] are the modes of N agents in each of B scenes, T points (x, y) in metres; logits
  [B, N, K] their scores before any softmax; gt [B, N, T, 2] the true trajectories; valid [B, N] says
  which agents count. B, N, K and T are at least 1.
* The winner of an agent is the mode whose mean distance to gt over the T points is smallest (the
  distance is the length of the difference, as in the ADE). On ties the lower index wins. The choice is
  no step that could be differentiated: no gradient passes through it.
* Regression: Smooth L1 between the winner and gt, averaged over the valid agents of the whole batch,
  the T points and the two coordinates. With d the difference of two coordinates it is
      0.5 * d^2    if |d| < 1,        |d| - 0.5    otherwise.
* Classification: cross-entropy between logits and the index of the winner, averaged over the valid
  agents of the whole batch.
* The loss is the sum of both, a 0-d tensor with the dtype of the inputs. Gradients flow to traj and
  logits. The modes that lost get exactly 0, and so does everything that belongs to an agent that is not
  valid.
* Agents that are not valid are padding: their gt may be anything, even NaN or infinite. What the model
  says of them, traj and logits, is finite like all else.
* When no agent is valid, the loss is 0 and still connected to the graph of traj and logits.
* Logits may be in the hundreds. The inputs stay as they are.

Example: one agent, T = 2, the truth at (0, 0) and (1, 0). Mode A says (0, 0) and (1, 2), mode B
(0, 0.5) and (1, 0.5). The mean distances are 1 and 0.5, so B wins. Smooth L1: two of four differences
are 0.5, and (0.125 + 0.125) / 4 = 0.0625. With logits (0, 0) the cross-entropy is log 2 = 0.693, and
the loss 0.756.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def wta_loss(
    traj: Float[Tensor, "b n k t 2"],
    logits: Float[Tensor, "b n k"],
    gt: Float[Tensor, "b n t 2"],
    valid: Bool[Tensor, "b n"],
) -> Float[Tensor, ""]:
    """Return Smooth L1 of the winners plus the cross-entropy of the scores with them."""
    raise NotImplementedError
