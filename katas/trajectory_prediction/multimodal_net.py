"""A whole trajectory predictor with several modes, and its loss.

Each agent of a scene has a short past and, depending on it and on its neighbours, num_modes possible
futures with a score each. For B scenes of N agents, a past of T >= 2 positions and a future of
pred_len:

    hist       [B, N, T, 2]       positions (x, y) in metres, the latest last
    valid      [B, N]             which agents are there; the others are padding
    encode     [B, N, hidden]     from hist, each agent for itself, in three steps:
                 [B, N, T - 1, 2]     displacements: every position less the one before it
                 [B, N, T - 1, 32]    a linear layer to 32 with bias, then ReLU
                 [B, N, hidden]       the last state of a GRU over the T - 1 steps, from a state of zeros
    pool       [B, N, hidden]     from the states and valid: each number is the maximum over the *other*
                                  agents of the scene that are valid; 0 where there is none
    decode     two tensors        from the states and the pooled ones, put side by side, own state first:
                 [B, N, num_modes, pred_len, 2]    steps: one linear layer with bias, unfolded in this
                                                   order, the last axis fastest
                 [B, N, num_modes]                 scores: one linear layer with bias
    forward    (traj, scores)     traj [B, N, num_modes, pred_len, 2] are positions: the latest position
                                  of the agent plus the sum of all steps up to and with this one

* MultiModalTrajectoryNet has the methods encode(hist), pool(states, valid), decode(states, pooled),
  which returns (steps, scores), and forward(hist, valid), which uses the other three.
* The GRU is that of torch.nn.GRU, one layer, with the same parameters: weights [3 * hidden, 32] and
  [3 * hidden, hidden], two biases [3 * hidden]. There is no dropout. Attributes may have any name.
* The network sees displacements only. So shifting all positions shifts the trajectories and leaves the
  scores as they are. Agents in another order come back in that order.
* Padding does not influence the agents that are there. It gets trajectories of its own, computed like
  all others from its own past and the valid agents, which nobody reads. hist is finite there too.
* scores are logits: no softmax. B, N and T - 1 are at least 1; an agent alone in its scene is legal.

trajectory_loss(traj, scores, gt, valid) = regression + classification (winner takes all):

* gt [B, N, pred_len, 2] are the true positions; those of padding may be anything, even NaN or
  infinite. The winner of an agent is the mode with the smallest mean distance to gt over the steps
  (length of the difference; on ties the lower index).
* Regression: Smooth L1 (quadratic below 1 m, as torch has it) between the winner and gt, the mean over
  all valid agents of the batch, the steps and the two coordinates. Classification: cross-entropy
  between scores and the index of the winner, the mean over the same agents. scores may be in the
  hundreds.
* Gradients reach traj and scores: exactly 0 for modes that lost, and for padding. When no agent is
  valid the loss is 0, still connected to the graph. It is a 0-d tensor. Inputs stay as they are,
  everywhere.

Example: the defaults pred_len = 12, num_modes = 6, hidden = 64 make 38,262 parameters: 96 in the
embedding, 18,816 in the GRU, 18,576 for the steps and 774 for the scores. With one agent, scores of
zeros for 6 modes, and one mode that is gt itself, the loss is log 6 = 1.792.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn


class MultiModalTrajectoryNet(nn.Module):
    """Encoder of the past, pooled neighbours, several futures."""

    def __init__(self, pred_len: int = 12, num_modes: int = 6, hidden: int = 64):
        super().__init__()
        raise NotImplementedError

    def encode(self, hist: Float[Tensor, "b n t 2"]) -> Float[Tensor, "b n hidden"]:
        """Return a state for the past of every agent."""
        raise NotImplementedError

    def pool(
        self, states: Float[Tensor, "b n hidden"], valid: Bool[Tensor, "b n"]
    ) -> Float[Tensor, "b n hidden"]:
        """Return the maximum over the other valid agents, or 0."""
        raise NotImplementedError

    def decode(
        self, states: Float[Tensor, "b n hidden"], pooled: Float[Tensor, "b n hidden"]
    ) -> tuple[Float[Tensor, "b n num_modes pred_len 2"], Float[Tensor, "b n num_modes"]]:
        """Return the steps of all modes and their scores."""
        raise NotImplementedError

    def forward(
        self, hist: Float[Tensor, "b n t 2"], valid: Bool[Tensor, "b n"]
    ) -> tuple[Float[Tensor, "b n num_modes pred_len 2"], Float[Tensor, "b n num_modes"]]:
        """Return the positions of all modes and their scores."""
        raise NotImplementedError


def trajectory_loss(
    traj: Float[Tensor, "b n num_modes pred_len 2"],
    scores: Float[Tensor, "b n num_modes"],
    gt: Float[Tensor, "b n pred_len 2"],
    valid: Bool[Tensor, "b n"],
) -> Float[Tensor, ""]:
    """Return Smooth L1 of the winners plus the cross-entropy of the scores with them."""
    raise NotImplementedError
