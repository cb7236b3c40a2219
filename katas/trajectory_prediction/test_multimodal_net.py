import torch

from grader import Kata, Rules, Source, Wanted, assert_close, logits, regimes

TIES = torch.tensor([[0.75, 1.0], [-1, 0.75], [1.25, 0], [0, -1.25]]).double()
"""Differences of one length in different directions."""


def valid(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Which agents are there: a share that differs from scene to scene, at least one; all, one or none."""
    share = torch.linspace(0.9, 0.5, wanted.shape[0])[:, None]
    share = {"all": 1.0, "none": 0.0, "one": 0.0}.get(source.regime, share)
    found = source.numbers(wanted.shape, 0, 1023 / 1024) < share
    if source.regime != "none":
        found[0, 0] = True
    return found


def hist(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Tracks of about a metre a step, anywhere within some metres; padding stands still or jumps."""
    b, n, _, _ = wanted.shape
    steps = source.normal(wanted.shape, 1.0)
    steps = torch.where(drawn["valid"][..., None, None], steps, steps * source.choice([0.125, 16.0]))
    return steps.cumsum(dim=2) + source.normal((b, n, 1, 2), 4.0)


def gt(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """True futures; those of padding are NaN, infinite or far away."""
    b, n, _, _ = wanted.shape
    found = source.normal(wanted.shape, 1.0).cumsum(dim=2) + source.normal((b, n, 1, 2), 4.0)
    nothing = source.choice([float("nan"), float("inf"), 1e6])
    return torch.where(drawn["valid"][..., None, None], found, nothing)


@regimes("tied")
def traj(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Modes some metres off, by another amount at each end; in one regime most of them equally far."""
    truth = drawn["gt"].where(drawn["valid"][..., None, None], 0)[:, :, None]
    b, n, k, t, _ = wanted.shape
    if source.regime == "tied":
        away = TIES[source.integers((b, n, k, t), 0, len(TIES) - 1)]
        far = torch.arange(k) == source.integers((b, n, 1), 0, k)
        return truth + away * torch.where(far, 2.0, 1.0)[..., None, None]
    return truth + source.normal(wanted.shape, 1.5) + source.normal((b, n, k, 1, 2), 1.5)


kata = Kata(
    __file__,
    valid=valid,
    hist=hist,
    gt=gt,
    traj=traj,
    scores=logits,
    rules=Rules(
        sizes={
            "b": (2, 3),
            "num_modes": (2, 3, 4, 8),
            "n": (3, 4, 5),
            "t": (4, 5, 6),
            "pred_len": (6, 7),
            "hidden": (9, 10),
        },
        single="b n",
        layouts=False,
        gradients_of="hist traj scores",
    ),
)
kata.also("one mode of one step", {"num_modes": 1, "pred_len": 1})
kata.also("one displacement", {"t": 2})
kata.also("a past of eight positions", {"b": 1, "n": 2, "t": 8})
for turn in ("all", "one", "none"):
    kata.also(f"valid: {turn}", {}, turn)

test_contract = kata.contract()
test_values = kata.values()
test_gradients = kata.gradients()
test_training = kata.trains(
    "MultiModalTrajectoryNet",
    "trajectory_loss",
    sizes={"b": 2, "n": 3, "t": 4, "hidden": 16},
    steps=20,
    lr=0.01,
    outputs=("traj", "scores"),
)


@kata.check(times=2)
def test_stages(MultiModalTrajectoryNet, pred_len, num_modes, hidden, hist, valid, source):
    """Each stage has its shape, pooling takes the largest of the others, and forward is made of the three."""
    model = MultiModalTrajectoryNet(pred_len, num_modes, hidden).double().eval()
    b, n, _, _ = hist.shape
    states = model.encode(hist)
    assert states.shape == (b, n, hidden), f"encode gives {tuple(states.shape)}."
    states = source.numbers((b, n, hidden), -0.9375, 0.25)
    pooled = model.pool(states, valid)
    assert pooled.shape == (b, n, hidden), f"pool gives {tuple(pooled.shape)}."
    wanted = torch.zeros_like(states)
    for i, j in [(i, j) for i in range(b) for j in range(n)]:
        others = [states[i, m] for m in range(n) if m != j and valid[i, m]]
        wanted[i, j] = torch.stack(others).amax(0) if others else 0
    assert_close(pooled, wanted, "pool does not give the largest of the other valid states.")
    steps, found = model.decode(states, pooled)
    assert steps.shape == (b, n, num_modes, pred_len, 2), f"The steps have shape {tuple(steps.shape)}."
    assert found.shape == (b, n, num_modes), f"The scores have shape {tuple(found.shape)}."
    states = model.encode(hist)
    steps, found = model.decode(states, model.pool(states, valid))
    traj, scores = model(hist, valid)
    assert_close(scores, found, "The scores of forward are not those of the stages.")
    assert_close(traj.diff(dim=3), steps[:, :, :, 1:], "The trajectories do not move by the steps of decode.")


@kata.check(times=1)
def test_large(MultiModalTrajectoryNet, pred_len, num_modes, hidden, source):
    """Nothing in decode is bounded: ten times as large states give ten times as large steps and scores."""
    model = MultiModalTrajectoryNet(pred_len, num_modes, hidden).double().eval()
    # So large that biases do not matter.
    states, pooled = (1e9 * source.normal((1, 2, hidden)) for _ in range(2))
    found, other = model.decode(states, pooled), model.decode(10 * states, 10 * pooled)
    for name, one, ten in zip(("steps", "scores"), found, other):
        assert_close(ten / 1e10, one / 1e9, f"The {name} do not grow with the states.")


@kata.check(times=2)
def test_shift(MultiModalTrajectoryNet, pred_len, num_modes, hidden, hist, valid):
    """Shifting all positions shifts the trajectories and leaves the scores as they are."""
    model = MultiModalTrajectoryNet(pred_len, num_modes, hidden).double().eval()
    shift = torch.tensor([100.0, -50.0]).double()
    (traj, scores), (moved, after) = model(hist, valid), model(hist + shift, valid)
    assert_close(after, scores, "Shifting the scene changes the scores.")
    assert_close(moved, traj + shift, "Shifting the scene does not shift the trajectories with it.")


@kata.check(times=2)
def test_agents(MultiModalTrajectoryNet, pred_len, num_modes, hidden, hist, valid, source):
    """Agents in another order come back in that order, and padding has no influence on the others."""
    model = MultiModalTrajectoryNet(pred_len, num_modes, hidden).double().eval()
    order = source.permutation(hist.shape[1])
    traj, scores = model(hist, valid)
    mixed, after = model(hist[:, order], valid[:, order])
    assert_close(mixed, traj[:, order], "In another order the agents have other trajectories.")
    assert_close(after, scores[:, order], "In another order the agents have other scores.")
    other = torch.where(valid[..., None, None], hist, 3 * hist + 1)
    mixed, after = model(other, valid)
    assert_close(mixed[valid], traj[valid], "The past of padding changes trajectories of other agents.")
    assert_close(after[valid], scores[valid], "The past of padding changes scores of other agents.")


@kata.check(times=1, regime="one")
def test_alone(MultiModalTrajectoryNet, pred_len, num_modes, hidden, hist, valid):
    """An agent alone gets finite numbers and finite gradients, the same with and without padding."""
    model = MultiModalTrajectoryNet(pred_len, num_modes, hidden).double().eval()
    hist.requires_grad_(True)
    traj, scores = model(hist, valid)
    assert bool(traj.isfinite().all() and scores.isfinite().all()), "An agent alone gets no finite numbers."
    (traj.sum() + scores.sum()).backward()
    assert bool(hist.grad.isfinite().all()), "The gradient of an agent alone is not finite."
    single, score = model(hist.detach()[:1, :1], valid[:1, :1])
    assert_close(single, traj.detach()[:1, :1], "Without padding an agent alone has other trajectories.")
    assert_close(score, scores.detach()[:1, :1], "Without padding an agent alone has other scores.")


@kata.check(times=1, regime="none")
def test_nobody(trajectory_loss, traj, scores, gt, valid):
    """When no agent is valid the loss is 0 and can still be differentiated: every gradient is 0."""
    traj.requires_grad_(True)
    scores.requires_grad_(True)
    loss = trajectory_loss(traj, scores, gt, valid)
    assert float(loss.detach()) == 0, f"The loss is {float(loss.detach()):g}."
    assert loss.requires_grad, "The loss of no agents is cut off from the graph."
    loss.backward()
    reached = traj.grad is not None or scores.grad is not None
    assert reached, "The loss of no agents has a graph of its own, without traj and scores."
    for name, value in (("traj", traj), ("scores", scores)):
        assert value.grad is None or not value.grad.any(), f"The gradient of {name} is not 0."
