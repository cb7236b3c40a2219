"""Every number, shape and computed claim of the trajectory prediction bank, computed again."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
import yaml
from torch import Tensor, nn

BANK = Path(__file__).parents[2] / "questions" / "trajectory_prediction.yaml"
QUESTIONS: dict[str, dict[str, Any]] = {
    q["id"]: q for q in yaml.load(BANK.read_text(encoding="utf-8"), yaml.BaseLoader)
}


def shape(name: str) -> tuple[int, ...]:
    return tuple(int(size) for size in QUESTIONS[name]["shape"].strip("[]").split(","))


def agrees(name: str, value: float) -> None:
    """The computed value lies within half of the tolerance, so that an honestly rounded answer still counts."""
    question = QUESTIONS[name]
    tolerance = float(question.get("tolerance", 0))
    assert abs(float(question["number"]) - value) <= tolerance / 2 + 1e-9, (name, value)


def answer(name: str) -> str:
    return str(QUESTIONS[name]["answer"]).replace("`", "")


def run(name: str, symbol: str, **known: object) -> Any:
    scope: dict[str, Any] = {"torch": torch, "nn": nn, "F": F, "math": math, **known}
    exec(QUESTIONS[name]["code"], scope)  # the bank's own code
    return scope[symbol]


def doubles(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def points(*values: tuple[float, float]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def rand(*sizes: int, seed: int = 0) -> Tensor:
    return torch.randn(*sizes, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


# ---------------------------------------------------------------- shapes


def test_shapes() -> None:
    hist = torch.zeros(4, 10, 8, 2)
    assert (hist[:, :, 1:] - hist[:, :, :-1]).shape == shape("displacement-shape")
    state = nn.Linear(7 * 2, 6 * 12 * 2)((hist[:, :, 1:] - hist[:, :, :-1]).flatten(2))
    traj = hist[:, :, None, -1:] + state.view(4, 10, 6, 12, 2).cumsum(3)
    assert traj.shape == shape("output-shape")
    gru = nn.GRU(32, 64, batch_first=True)
    agrees("gru-parameters", sum(p.numel() for p in gru.parameters()))
    assert 3 * 64 * (32 + 64 + 2) == 18_816


def test_truth_is_broadcast_along_the_agents() -> None:
    winners = run("gt-broadcast-bug", "winners")
    traj, gt = rand(1, 6, 6, 12, 2), rand(1, 6, 12, 2, seed=1)
    found = winners(traj, gt)
    crossed = (traj - gt[:, None]).norm(dim=-1).mean(-1).argmin(-1)  # mode k against agent k
    assert torch.equal(found, crossed)
    right = (traj - gt[:, :, None]).norm(dim=-1).mean(-1).argmin(-1)
    assert not torch.equal(found, right)
    with pytest.raises(RuntimeError):
        winners(rand(1, 5, 6, 12, 2), rand(1, 5, 12, 2))
    assert "broadcast" in answer("gt-broadcast-bug")


# ---------------------------------------------------------------- baselines and frames


def test_constant_velocity() -> None:
    hist = points((0, 0), (2, 0), (6, 2))
    velocity = hist.diff(dim=0)[-2:].mean(0)
    agrees("constant-velocity-k2", (hist[-1] + 3 * velocity)[1].item())
    dt, horizon = 1e-4, 4.0
    t = torch.arange(0, horizon, dt, dtype=torch.float64) + dt / 2
    agrees("constant-velocity-accelerating", (t * dt).sum().item())
    agrees("horizon-seconds", 12 * 0.4)


def test_noise_of_the_mean_displacement() -> None:
    noisy = rand(20_000, 9)
    spread = [((noisy[:, -1] - noisy[:, -1 - k]) / k).std().item() for k in (1, 4, 8)]
    assert spread == pytest.approx([math.sqrt(2) / k for k in (1, 4, 8)], rel=0.03)
    assert answer("last-displacement-or-mean").startswith("Less noise")


def turned(xy: Tensor, angle: float) -> Tensor:
    c, s = math.cos(angle), math.sin(angle)
    return xy @ doubles(c, s, -s, c).view(2, 2)


def test_agent_frame() -> None:
    seen = turned(points((2, 4)) - points((2, 1)), -math.pi / 2)[0]
    agrees("agent-frame-point", seen[0].item())
    assert seen[1].item() == pytest.approx(0, abs=1e-12)
    ahead = points((math.cos(0.7), math.sin(0.7)))
    assert torch.allclose(turned(ahead, -0.7), points((1, 0)))
    assert torch.allclose(turned(ahead, 0.7), points((math.cos(1.4), math.sin(1.4))))
    assert "then rotate by −θ" in answer("agent-frame-sign")
    to_agent = run("rotate-sign-bug", "to_agent")
    wrong = to_agent(points((0, 3)), doubles(0, 0), torch.tensor(math.pi / 2, dtype=torch.float64))
    assert torch.allclose(wrong, points((-3, 0)))
    assert "+θ instead of −θ" in answer("rotate-sign-bug")


def test_cumulative_sum() -> None:
    positions = run("missing-cumsum-bug", "positions")
    last, steps = torch.zeros(1, 1, 2), torch.ones(1, 1, 1, 5, 2)
    assert positions(last, steps).max() == 1
    assert positions(last, steps.cumsum(-2)).max() == 5
    assert "summed over time" in answer("missing-cumsum-bug")


# ---------------------------------------------------------------- losses


def test_one_output_for_two_modes() -> None:
    y = torch.arange(-400, 401, dtype=torch.float64) / 100
    squared = 0.7 * (y - 3) ** 2 + 0.3 * (y + 3) ** 2
    absolute = 0.7 * (y - 3).abs() + 0.3 * (y + 3).abs()
    agrees("mean-of-modes-value", y[squared.argmin()].item())
    assert y[absolute.argmin()] == 3
    assert absolute.min().item() == pytest.approx(1.8)
    assert absolute[400].item() == pytest.approx(3)
    assert answer("l1-picks-majority") == "3 m, the median"


def test_winner_takes_all() -> None:
    truth = points((0, 0), (1, 0))
    modes = torch.stack([points((0, 0), (1, 2)), points((0, 0.5), (1, 0.5))]).requires_grad_()
    distance = (modes - truth).norm(dim=-1).mean(-1)
    assert distance[0].item() == 1
    agrees("winner-example", distance.min().item())
    best = distance.argmin()
    scores = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    loss = F.smooth_l1_loss(modes[best], truth) + F.cross_entropy(scores, best)
    loss.backward()
    assert modes.grad is not None
    assert scores.grad is not None
    assert (modes.grad[0] == 0).all()
    assert (modes.grad[1] != 0).any()
    assert (scores.grad != 0).all()
    assert answer("wta-gradient") == "The points of the winner and all scores"
    error = doubles(0.5, 3)
    agrees("smooth-l1-three-metres", F.smooth_l1_loss(error, torch.zeros(2).double()).item())
    assert error.square().mean().item() == pytest.approx(4.625)


def test_anchors() -> None:
    truth = points((1, 0), (2, 0), (3, 3))
    anchors = torch.stack([points((1, 0), (2, 0), (3, 0)), points((1, 3), (2, 3), (3, 3))])
    assert (anchors - truth).norm(dim=-1).mean(-1).tolist() == [1, 2]
    assert answer("anchor-nearest") == "A, at 1 m"


def test_gaussian() -> None:
    standard = torch.distributions.MultivariateNormal(torch.zeros(2), torch.eye(2))
    agrees("nll-at-zero", -standard.log_prob(torch.zeros(2)).item())
    narrow = torch.distributions.MultivariateNormal(torch.zeros(2), 0.01 * torch.eye(2))
    assert -narrow.log_prob(torch.zeros(2)).item() == pytest.approx(-2.77, abs=0.005)
    assert narrow.log_prob(torch.zeros(2)).exp().item() == pytest.approx(15.9, abs=0.05)
    assert "density may exceed 1" in answer("nll-negative")
    sigma = torch.arange(1, 1000, dtype=torch.float64) / 100
    agrees("nll-best-sigma", sigma[(sigma.log() + 2**2 / (2 * sigma**2)).argmin()].item())


def test_correlation_of_one() -> None:
    nll = run("rho-one-bug", "nll")
    for r, fine in ((1.0, True), (-3.0, True), (10.0, False), (-15.0, False)):
        for xy in ((1.0, 1.0), (1.0, -2.0), (0.0, 0.0)):
            value = nll(torch.tensor([0.0, 0, 0, 0, r]), torch.tensor(xy))
            assert value.isnan().item() != fine, (r, xy)
    params = torch.tensor([0.3, -0.2, 0.1, -0.4, 0.7], dtype=torch.float64)
    sx, sy, rho = params[2].exp(), params[3].exp(), params[4].tanh()
    covariance = torch.stack([sx**2, rho * sx * sy, rho * sx * sy, sy**2]).view(2, 2)
    right = -torch.distributions.MultivariateNormal(params[:2], covariance).log_prob(doubles(1, 2))
    assert nll(params, doubles(1, 2)).item() == pytest.approx(right.item())
    assert torch.tensor([8.0, 9.5] * 8).tanh().tolist()[:2] == [pytest.approx(1, abs=1e-6), 1]
    assert torch.tensor(-20.0).exp().item() == pytest.approx(2e-9, rel=0.05)
    assert "exactly ±1" in answer("rho-one-bug")


# ---------------------------------------------------------------- interaction


def pooled(h: Tensor, valid: Tensor, fill: float) -> Tensor:
    pair = valid[:, None, :] & ~torch.eye(h.shape[1], dtype=torch.bool)
    others = h[:, None].expand(-1, h.shape[1], -1, -1)
    return others.masked_fill(~pair[..., None], fill).amax(2)


def test_social_pooling() -> None:
    h = torch.tensor([[[-1.0], [-2], [-3]]])
    valid = torch.tensor([[True, True, False]])
    assert pooled(h, valid, 0.0)[0, 0].item() == 0
    assert pooled(h, valid, -math.inf)[0, 0].item() == -2
    assert "negative" in answer("others-as-zero")
    social_pool = run("lonely-agent-bug", "social_pool")
    alone = social_pool(torch.randn(1, 2, 8), torch.tensor([[True, False]]))
    assert (alone[0, 0] == -math.inf).all()
    assert not nn.Linear(8, 4)(alone[0, 0]).isfinite().any()
    full = rand(1, 4, 3)
    everyone = torch.ones(1, 4, dtype=torch.bool)
    assert torch.equal(social_pool(full, everyone), pooled(full, everyone, -math.inf))
    order = torch.tensor([2, 0, 3, 1])
    assert torch.equal(social_pool(full[:, order], everyone), social_pool(full, everyone)[:, order])
    assert answer("permuted-agents").startswith("They come out in the new order")


# ---------------------------------------------------------------- metrics


def test_ade_and_fde() -> None:
    errors = torch.tensor([[1.0, 1, 0], [0, 0, 1.5]], dtype=torch.float64)
    ade, fde = errors.mean(1), errors[:, -1]
    assert answer("fde-ade-modes") == f"minADE {ade.min():g}, minFDE {fde.min():g}"
    assert ade.tolist() == pytest.approx([2 / 3, 0.5])
    assert fde.tolist() == [0, 1.5]
    assert ade.mean().item() == pytest.approx(0.583, abs=0.0005)
    assert fde.mean().item() == 0.75
    ades = torch.tensor([[1.0, 4], [3, 2]])
    agrees("minimum-before-mean", ades.min(1).values.mean().item())
    assert ades.mean(0).min().item() == 2


def test_mean_before_minimum() -> None:
    min_ade = run("mean-before-min-bug", "min_ade")
    pred, gt = rand(5, 6, 12, 2), rand(5, 12, 2, seed=1)
    ade = (pred - gt[:, None]).norm(dim=-1).mean(-1)
    assert min_ade(pred, gt) > ade.min(1).values.mean()
    assert min_ade(pred[:1], gt[:1]).item() == pytest.approx(ade[0].min().item())
    assert "before the minimum" in answer("mean-before-min-bug")


def test_misses_and_brier() -> None:
    agrees("miss-rate-value", (doubles(0.5, 1.9, 2, 2.1, 5) > 2).double().mean().item())
    agrees("brier-value", 1.2 + (1 - 0.4) ** 2)
    fde, p = doubles(1, 1.1), doubles(0.1, 0.9)
    best = fde.argmin()
    total = fde + (1 - p) ** 2
    assert answer("brier-best-mode") == f"{total[best]:.2f}, from mode A"
    assert total[1].item() == pytest.approx(1.11)
    assert total.mean().item() == pytest.approx(1.46)
    agrees("two-cars-combinations", 0.5 * 0.5)


def test_padded_steps() -> None:
    ade = run("padded-mean-bug", "ade")
    gt = torch.zeros(1, 4, 2)
    pred = torch.zeros(1, 4, 2)
    pred[0, :, 0] = torch.tensor([2.0, 4, 9, 9])
    valid = torch.tensor([[True, True, False, False]])
    assert ade(pred, gt, valid).item() == 1.5
    distance = (pred - gt).norm(dim=-1)
    assert (distance * valid).sum().item() / valid.sum().item() == 3
    assert "padded steps" in answer("padded-mean-bug")
