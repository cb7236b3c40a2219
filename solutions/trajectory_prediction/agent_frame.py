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

from grader import right, wrong

LEVEL = 2
MINUTES = 15
HINTS = (
    "Two steps lead into the frame, a shift and a turn. Which has to come first, and in which order are "
    "they undone?",
    "To make the heading lie along +x the points turn by minus the heading. Turning by an angle a takes "
    "(x, y) to (x cos a - y sin a, x sin a + y cos a). Mind that origin and heading have no axis T.",
    "Subtract the origin, then x' = x cos h + y sin h and y' = y cos h - x sin h, with both new numbers made "
    "from the old ones. Back: turn by plus the heading, then add the origin.",
)


def to_agent(
    traj: Float[Tensor, "n t 2"], origin: Float[Tensor, "n 2"], heading: Float[Tensor, " n"]
) -> Float[Tensor, "n t 2"]:
    """Return points of the world in the frame of their agent."""
    return _turn(traj - origin[:, None], -heading)


def from_agent(
    traj: Float[Tensor, "n t 2"], origin: Float[Tensor, "n 2"], heading: Float[Tensor, " n"]
) -> Float[Tensor, "n t 2"]:
    """Return points of their agent's frame in the world."""
    return _turn(traj, heading) + origin[:, None]


def _turn(points: Float[Tensor, "n t 2"], angle: Float[Tensor, " n"]) -> Float[Tensor, "n t 2"]:
    """Return the points turned counter-clockwise about (0, 0)."""
    cos, sin = angle.cos()[:, None], angle.sin()[:, None]  # n 1
    x, y = points.unbind(dim=-1)  # n t
    return torch.stack([x * cos - y * sin, x * sin + y * cos], dim=-1)


def _matrix(angle):
    """The matrices [n, 2, 2] that turn column vectors counter-clockwise."""
    c, s = angle.cos(), angle.sin()
    return torch.stack([torch.stack([c, -s], -1), torch.stack([s, c], -1)], dim=-2)


@right("with rotation matrices and a batched product of rows", also={"from_agent": "_from_matrix"})
def to_matrix(traj, origin, heading):
    return torch.bmm(traj - origin.unsqueeze(1), _matrix(heading))


def _from_matrix(traj, origin, heading):
    return torch.bmm(traj, _matrix(heading).transpose(1, 2)) + origin.unsqueeze(1)


@right("with complex numbers", also={"from_agent": "_from_complex"})
def to_complex(traj, origin, heading):
    z = torch.complex(traj[..., 0], traj[..., 1]) - torch.complex(origin[:, 0], origin[:, 1])[:, None]
    return torch.view_as_real(z * torch.polar(torch.ones_like(heading), -heading)[:, None])


def _from_complex(traj, origin, heading):
    z = torch.view_as_complex(traj.contiguous()) * torch.exp(1j * heading)[:, None]
    return torch.view_as_real(z) + origin[:, None, :]


@right("with plain loops over agents and points", also={"from_agent": "_from_loop"})
def to_loop(traj, origin, heading):
    import math

    out = torch.zeros(traj.shape, dtype=traj.dtype)
    for i in range(traj.shape[0]):
        c, s = math.cos(heading[i].item()), math.sin(heading[i].item())
        for j in range(traj.shape[1]):
            dx, dy = traj[i, j, 0] - origin[i, 0], traj[i, j, 1] - origin[i, 1]
            out[i, j, 0] = c * dx + s * dy
            out[i, j, 1] = -s * dx + c * dy
    return out


def _from_loop(traj, origin, heading):
    rows = []
    for points, o, h in zip(traj, origin, heading):
        x = o[0] + torch.cos(h) * points[:, 0] - torch.sin(h) * points[:, 1]
        y = o[1] + torch.sin(h) * points[:, 0] + torch.cos(h) * points[:, 1]
        rows.append(torch.stack((x, y), dim=1))
    return torch.stack(rows) if rows else traj.new_zeros(traj.shape)


@right("as products with the agent's own axes, ahead and left", also={"from_agent": "_from_axes"})
def to_axes(traj, origin, heading):
    ahead = torch.stack([heading.cos(), heading.sin()], dim=1)
    left = torch.stack([-heading.sin(), heading.cos()], dim=1)
    d = traj - origin[:, None]
    return torch.stack([(d * ahead[:, None]).sum(-1), (d * left[:, None]).sum(-1)], dim=2)


def _from_axes(traj, origin, heading):
    ahead = torch.stack([heading.cos(), heading.sin()], dim=1)[:, None]
    left = torch.stack([-heading.sin(), heading.cos()], dim=1)[:, None]
    return origin[:, None] + traj[..., :1] * ahead + traj[..., 1:] * left


@right("with homogeneous matrices, one the inverse of the other", also={"from_agent": "_from_pose"})
def to_pose(traj, origin, heading):
    return _mapped(torch.linalg.inv(_pose(origin, heading)), traj)


def _from_pose(traj, origin, heading):
    return _mapped(_pose(origin, heading), traj)


def _pose(origin, heading):
    pose = torch.eye(3, dtype=origin.dtype).repeat(len(origin), 1, 1)
    pose[:, :2, :2] = _matrix(heading)
    pose[:, :2, 2] = origin
    return pose


def _mapped(pose, points):
    ones = torch.ones_like(points[..., :1])
    return torch.einsum("nij,ntj->nti", pose, torch.cat([points, ones], dim=-1))[..., :2]


@right("turning the origin as well, and subtracting it afterwards", also={"from_agent": "_from_turned"})
def to_turned(traj, origin, heading):
    return _turn(traj, -heading) - _turn(origin[:, None], -heading)


def _from_turned(traj, origin, heading):
    return _turn(traj + _turn(origin[:, None], -heading), heading)


@wrong("turns by plus the heading, so that the agent looks along twice its heading")
def to_wrong_sign(traj, origin, heading):
    return _turn(traj - origin[:, None], heading)


@wrong(
    "turns the wrong way both there and back, which a round trip does not show", also={"from_agent": "_f1"}
)
def wrong_sign_twice(traj, origin, heading):
    return _turn(traj - origin[:, None], heading)


def _f1(traj, origin, heading):
    return _turn(traj, -heading) + origin[:, None]


@wrong("turns by minus the heading on the way back too", of="from_agent")
def from_wrong_sign(traj, origin, heading):
    return _turn(traj, -heading) + origin[:, None]


@wrong("turns first and subtracts the origin afterwards, as if the origin lay in the agent's frame")
def turned_first(traj, origin, heading):
    return _turn(traj, -heading) - origin[:, None]


@wrong("undoes the two steps in the wrong order: adds the origin and turns the sum", of="from_agent")
def added_first(traj, origin, heading):
    return _turn(traj + origin[:, None], heading)


@wrong(
    "has the two steps in the wrong order, there and back, which a round trip does not show",
    also={"from_agent": "_f2"},
)
def wrong_order_twice(traj, origin, heading):
    return _turn(traj, -heading) - origin[:, None]


def _f2(traj, origin, heading):
    return _turn(traj + origin[:, None], heading)


@wrong("turns about the origin of the agent and does not move it to (0, 0)")
def not_moved(traj, origin, heading):
    return _turn(traj - origin[:, None], -heading) + origin[:, None]


@wrong("moves the agent to the origin and does not turn")
def not_turned(traj, origin, heading):
    return traj - origin[:, None]


@wrong("turns about the origin of the world: it ignores where the agent is")
def without_origin(traj, origin, heading):
    return _turn(traj, -heading)


@wrong("forgets to add the origin on the way back", of="from_agent")
def origin_forgotten(traj, origin, heading):
    return _turn(traj, heading)


@wrong("adds the origin and forgets to turn back", of="from_agent")
def turn_forgotten(traj, origin, heading):
    return traj + origin[:, None]


@wrong("subtracts the origin on the way back too", of="from_agent")
def origin_subtracted(traj, origin, heading):
    return _turn(traj, heading) - origin[:, None]


@wrong("makes the heading the y axis instead of the x axis, there and back", also={"from_agent": "_f3"})
def looking_along_y(traj, origin, heading):
    return _turn(traj - origin[:, None], torch.pi / 2 - heading)


def _f3(traj, origin, heading):
    return _turn(traj, heading - torch.pi / 2) + origin[:, None]


@wrong("has y point to the right of the agent, there and back", also={"from_agent": "_f4"})
def mirrored(traj, origin, heading):
    return to_agent(traj, origin, heading) * traj.new_tensor([1, -1])


def _f4(traj, origin, heading):
    return from_agent(traj * traj.new_tensor([1, -1]), origin, heading)


@wrong("counts the heading clockwise from +y, as a compass does, there and back", also={"from_agent": "_f5"})
def compass(traj, origin, heading):
    return to_agent(traj, origin, torch.pi / 2 - heading)


def _f5(traj, origin, heading):
    return from_agent(traj, origin, torch.pi / 2 - heading)


@wrong("takes the heading for degrees, there and back", also={"from_agent": "_f6"})
def in_degrees(traj, origin, heading):
    return to_agent(traj, origin, heading.deg2rad())


def _f6(traj, origin, heading):
    return from_agent(traj, origin, heading.deg2rad())


@wrong("makes the new y from the x that has been turned already")
def overwritten(traj, origin, heading):
    x, y = (traj - origin[:, None]).unbind(-1)
    c, s = heading.cos()[:, None], heading.sin()[:, None]
    x = c * x + s * y
    y = c * y - s * x
    return torch.stack([x, y], dim=-1)


@wrong("makes the new y from the x that has been turned already, on the way back", of="from_agent")
def overwritten_back(traj, origin, heading):
    x, y = traj.unbind(-1)
    c, s = heading.cos()[:, None], heading.sin()[:, None]
    x = c * x - s * y
    y = s * x + c * y
    return torch.stack([x, y], dim=-1) + origin[:, None]


@wrong("has one sign wrong in its matrix, which then mirrors instead of turning")
def one_sign(traj, origin, heading):
    x, y = (traj - origin[:, None]).unbind(-1)
    c, s = heading.cos()[:, None], heading.sin()[:, None]
    return torch.stack([c * x + s * y, s * x - c * y], dim=-1)


@wrong("swaps sine and cosine, there and back", also={"from_agent": "_f7"})
def swapped(traj, origin, heading):
    return _turn(traj - origin[:, None], heading - torch.pi / 2)


def _f7(traj, origin, heading):
    return _turn(traj, torch.pi / 2 - heading) + origin[:, None]


@wrong("recovers the cosine from the sine, and so loses its sign where the agent looks back")
def always_ahead(traj, origin, heading):
    s = heading.sin()
    return to_agent(traj, origin, torch.atan2(s, (1 - s * s).sqrt()))


@wrong("cuts headings off beyond pi instead of letting them go round")
def clamped(traj, origin, heading):
    return to_agent(traj, origin, heading.clamp(-torch.pi, torch.pi))


@wrong("takes the heading of the first agent for all")
def one_heading(traj, origin, heading):
    return to_agent(traj, origin, heading[:1].expand_as(heading))


@wrong("moves all agents by the origin of the first, as for a scene around one of them")
def one_origin(traj, origin, heading):
    return to_agent(traj, origin[:1].expand_as(origin), heading)


@wrong("takes the first agent's origin and heading for all on the way back", of="from_agent")
def one_frame_back(traj, origin, heading):
    return from_agent(traj, origin[:1].expand_as(origin), heading[:1].expand_as(heading))


@wrong("takes the last point of each track for the origin, whatever origin says")
def own_last(traj, origin, heading):
    return to_agent(traj, traj[:, -1], heading) if traj.shape[1] else traj.clone()


@wrong("makes a matrix of single precision and lets it decide the dtype of the result")
def single_precision(traj, origin, heading):
    return to_agent(traj.float(), origin.float(), heading.float())


@wrong("returns single precision whatever comes in", of="from_agent")
def single_back(traj, origin, heading):
    return from_agent(traj.float(), origin.float(), heading.float())


@wrong("subtracts the origin in the caller's own points")
def in_place(traj, origin, heading):
    with torch.no_grad():
        traj -= origin[:, None]
    return _turn(traj, -heading)


@wrong("adds the origin to the caller's own points", of="from_agent")
def in_place_back(traj, origin, heading):
    with torch.no_grad():
        traj += _turn(origin[:, None], -heading)
    return _turn(traj, heading)


@wrong("cuts the way back off from the graph, so that no prediction can learn", of="from_agent")
def detached(traj, origin, heading):
    return from_agent(traj.detach(), origin, heading)


@wrong("cuts the way into the frame off from the graph")
def detached_there(traj, origin, heading):
    return to_agent(traj.detach(), origin, heading)


@wrong("goes by distance and bearing, whose gradients are lost at the agent itself")
def polar(traj, origin, heading):
    d = traj - origin[:, None]
    r, bearing = d.norm(dim=-1), torch.atan2(d[..., 1], d[..., 0]) - heading[:, None]
    return torch.stack([r * bearing.cos(), r * bearing.sin()], dim=-1)


@wrong("goes by distance and bearing on the way back, whose gradients are lost at (0, 0)", of="from_agent")
def polar_back(traj, origin, heading):
    r, bearing = traj.norm(dim=-1), torch.atan2(traj[..., 1], traj[..., 0]) + heading[:, None]
    return torch.stack([r * bearing.cos(), r * bearing.sin()], dim=-1) + origin[:, None]


@wrong("drops the axis of the agents when there is one agent")
def squeezed(traj, origin, heading):
    found = to_agent(traj, origin, heading)
    return found.squeeze(0) if len(traj) == 1 else found


@wrong("stacks x and y before the points instead of behind them")
def coordinates_first(traj, origin, heading):
    return to_agent(traj, origin, heading).transpose(1, 2)
