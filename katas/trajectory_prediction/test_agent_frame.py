import torch

from grader import Kata, Rules, Source, Wanted, assert_close, regimes


@regimes("right angles", "far")
def heading(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Angles up to three turns either way; in one regime multiples of a right angle."""
    if source.regime == "right angles":
        return source.integers(wanted.shape, -5, 6).double() * (torch.pi / 2)
    return source.numbers(wanted.shape, -18, 18)


def traj(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Points within some metres, far away in one regime; the first one is (0, 0)."""
    away = 512.0 if source.regime == "far" else 0.0
    found = source.normal(wanted.shape, 4.0) + source.normal((wanted.shape[0], 1, 2), 4.0) + away
    found[:1, :1] = 0
    return found


def origin(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Places within some metres, far away in one regime; those of some agents are their last points."""
    found = source.normal(wanted.shape, 4.0) + (512.0 if source.regime == "far" else 0.0)
    points = drawn["traj"]
    if points.shape[1] and len(points):
        found[-1] = points[-1, -1]
    return found


kata = Kata(
    __file__,
    heading=heading,
    traj=traj,
    origin=origin,
    rules=Rules(
        sizes={"n": (3, 4, 5), "t": (3, 4, 6)},
        empty="n t",
        single="n t",
        gradients_of="traj",
    ),
)

test_contract = kata.contract()
test_values = kata.values()
test_gradients = kata.gradients()


@kata.check(times=2)
def test_round_trip(to_agent, from_agent, traj, origin, heading):
    """There and back again leads to where it started, whichever way comes first."""
    back = from_agent(to_agent(traj, origin, heading), origin, heading)
    assert_close(back, traj, "from_agent does not undo to_agent.")
    there = to_agent(from_agent(traj, origin, heading), origin, heading)
    assert_close(there, traj, "to_agent does not undo from_agent.")


@kata.check(times=2)
def test_ahead(to_agent, origin, heading):
    """The agent lies at (0, 0), and what is one metre ahead of it at (1, 0)."""
    ahead = origin + torch.stack([heading.cos(), heading.sin()], dim=-1)
    found = to_agent(torch.stack([origin, ahead], dim=1), origin, heading)
    wanted = torch.tensor([[0, 0], [1, 0]]).double().expand_as(found)
    assert_close(found[:, 0], wanted[:, 0], "The agent itself does not come to (0, 0).")
    assert_close(found[:, 1], wanted[:, 1], "A point one metre ahead does not come to (1, 0).")


@kata.check(times=2)
def test_lengths(to_agent, traj, origin, heading):
    """Every step of a trajectory keeps its length."""
    lengths, found = (p.diff(dim=1).norm(dim=-1) for p in (traj, to_agent(traj, origin, heading)))
    assert_close(found, lengths, "Steps change their lengths.")
