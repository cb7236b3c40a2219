"""Social pooling: what the others are doing.

An agent's future depends on who is around. How many others there are varies, and they come in no order,
so their features are pooled: each agent is given, feature by feature, the largest value of the rest.

* h [B, N, D] holds D features for each of up to N agents in B scenes. valid [B, N] (bool) says which of
  them are really there; the rest are padding.
* Entry (b, i, d) of the result [B, N, D] is the maximum of h[b, j, d] over all agents j of the same
  scene that are valid and are not i itself. Each feature is pooled on its own, so two features may come
  from two agents.
* That goes for every i, valid or not: a padded agent takes part in no maximum, but its own row of the
  result is the maximum over the valid agents, like any other.
* Where there is no other valid agent, the row is all 0.
* Features are finite, also those of padding, and less than 1e6 in size. They may well all be negative.
* B may be 0. N and D are at least 1; with N = 1 the result is 0.
* The result has the dtype of h. Gradients flow to h. They are always finite: the row of an agent without
  others sends gradients of 0, not NaN. Nothing is asked of them where two agents share a maximum.
* The inputs stay as they are.

Example: three agents with features (-1, 5), (-2, 3) and (9, 9), of which the last is not valid. The
first two are given each other's features, (-2, 3) and (-1, 5); the last is given (-1, 5).
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def social_max_pool(h: Float[Tensor, "b n d"], valid: Bool[Tensor, "b n"]) -> Float[Tensor, "b n d"]:
    """Return for each agent the maximum of each feature over the other valid agents."""
    raise NotImplementedError
