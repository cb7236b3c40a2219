import torch

from grader import Kata, Rules, Source, Wanted, logits, regimes

TIES = torch.tensor([[0.75, 1.0], [-1, 0.75], [1.25, 0], [0, -1.25]]).double()
"""Differences of one length in different directions."""


@regimes("all", "none", "one")
def valid(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Which agents count: a share that differs from scene to scene, and at least one; all, one or none."""
    share = torch.linspace(0.9, 0.4, wanted.shape[0])[:, None]
    share = {"all": 1.0, "none": 0.0, "one": 0.0}.get(source.regime, share)
    found = source.numbers(wanted.shape, 0, 1023 / 1024) < share
    if source.regime != "none":
        found[0, 0] = True
    return found


def gt(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """True tracks; those of padded agents are NaN, infinite or far away."""
    b, n = wanted.shape[:2]
    found = source.normal(wanted.shape, 1.0).cumsum(dim=2) + source.normal((b, n, 1, 2), 8.0)
    nothing = source.choice([float("nan"), float("inf"), 1e6])
    return torch.where(drawn["valid"][..., None, None], found, nothing)


@regimes("tied", "near")
def traj(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Modes some metres off, by another amount at each end; equally far in one regime, near in another."""
    truth = drawn["gt"].where(drawn["valid"][..., None, None], 0)[:, :, None]
    b, n, k, t, _ = wanted.shape
    if source.regime == "tied":
        # The steps of a mode differ, but each has the length 1.25, or of one mode 2.5.
        away = TIES[source.integers((b, n, k, t), 0, len(TIES) - 1)]
        far = torch.arange(k) == source.integers((b, n, 1), 0, k)
        return truth + away * torch.where(far, 2.0, 1.0)[..., None, None]
    scale = 0.25 if source.regime == "near" else 2.0
    return truth + source.normal(wanted.shape, scale) + source.normal((b, n, k, 1, 2), scale)


kata = Kata(
    __file__,
    valid=valid,
    gt=gt,
    traj=traj,
    logits=logits,
    rules=Rules(
        sizes={"b": (2, 3), "n": (3, 4), "k": (4, 5), "t": (5, 6)},
        single="b n k t",
        gradients_of="traj logits",
    ),
)
kata.also("many agents", {"b": 3, "n": 12, "k": 6, "t": 4})

test_contract = kata.contract()
test_values = kata.values()
test_gradients = kata.gradients()


@kata.check(times=2)
def test_losers(wta_loss, traj, logits, gt, valid):
    """Of each valid agent exactly one mode gets a gradient; padding gets none at all."""
    traj.requires_grad_(True)
    logits.requires_grad_(True)
    wta_loss(traj, logits, gt.where(valid[..., None, None], float("nan")), valid).backward()
    moved = (traj.grad != 0).flatten(3).any(-1)
    assert not moved[~valid].any(), "Padding sends a gradient to its trajectories."
    assert not logits.grad[~valid].any(), "Padding sends a gradient to its scores."
    assert (moved[valid].sum(-1) == 1).all(), "Other modes than the winner get a gradient, or none does."


@kata.check(times=1, regime="none")
def test_nobody(wta_loss, traj, logits, gt, valid):
    """When no agent is valid the loss is 0 and can still be differentiated: every gradient is 0."""
    traj.requires_grad_(True)
    logits.requires_grad_(True)
    loss = wta_loss(traj, logits, gt, valid)
    assert float(loss.detach()) == 0, f"The loss is {float(loss.detach()):g}."
    assert loss.requires_grad, "The loss of no agents is cut off from the graph."
    loss.backward()
    for name, value in (("traj", traj), ("logits", logits)):
        assert value.grad is not None, f"The loss of no agents is cut off from the graph of {name}."
        assert not value.grad.any(), f"The gradient of {name} is not 0."
