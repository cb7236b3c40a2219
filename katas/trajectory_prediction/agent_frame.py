"""Into the frame of an agent, and back.

A model need not learn that turning the whole map turns the future with it, if it sees each agent in a
frame of the agent's own: the agent at the origin, looking along +x. Predictions are made in that frame
and have to be brought back into the world.

* traj [N, T, 2] holds the T points (x, y) of N agents, in metres; x points to the right and y up. origin
  [N, 2] is where each agent is, in world coordinates. heading [N] is where it looks, in radians,
  counter-clockwise from +x: 0 looks along +x, pi/2 along +y. It may be any number, beyond pi too.
* to_agent(traj, origin, heading) takes points of the world into the frame of their agent: the origin
  goes to (0, 0), and a point one metre ahead of it, along the heading, to (1, 0). What lies to the left
  of the agent has a positive y there. Lengths and distances stay as they are.
* from_agent(traj, origin, heading) is its inverse: it takes points of the agent's frame back into the
  world. origin and heading are the same as in to_agent, seen from the world.
* All T points of an agent share its origin and its heading; each agent has its own.
* N and T may be 0. Results have the shape and the dtype of traj. The inputs stay as they are.
* Gradients flow to traj, as a loss on predictions needs, for every point; the point at the origin
  itself, where the agent is, is one like any other. origin and heading need none.

Example: an agent at (2, 1) that looks along +y, heading pi/2. The point (2, 4) lies 3 m ahead of it, at
(3, 0) in its frame, and (1, 1) lies 1 m to its left, at (0, 1). from_agent takes (3, 0) back to (2, 4).
"""

import torch
from jaxtyping import Float
from torch import Tensor


def to_agent(
    traj: Float[Tensor, "n t 2"], origin: Float[Tensor, "n 2"], heading: Float[Tensor, " n"]
) -> Float[Tensor, "n t 2"]:
    """Return points of the world in the frame of their agent."""
    raise NotImplementedError


def from_agent(
    traj: Float[Tensor, "n t 2"], origin: Float[Tensor, "n 2"], heading: Float[Tensor, " n"]
) -> Float[Tensor, "n t 2"]:
    """Return points of their agent's frame in the world."""
    raise NotImplementedError
