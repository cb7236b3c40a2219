import torch

from grader import Kata, Rules, Source, Tolerance, Wanted, assert_close, regimes

LENGTHS = torch.tensor([1.5, 2.0, 2.0, 2.25]).double()
UNKNOWN = torch.tensor([torch.nan, torch.inf, -torch.inf, 500.0, 0.0]).double()


@regimes("cut off", "one step", "unseen", "unknown")
def valid(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Which steps are known, with gaps: never the last, only one, or none at all for some agents."""
    n, t = wanted.shape
    found = source.flags(wanted.shape, 0.7)
    if source.regime == "cut off" and t > 1:
        found[:, -1] = False
    if source.regime == "one step":
        found = torch.arange(t) == source.integers((n, 1), 0, t - 1)
    found[:, 0] |= ~found.any(dim=1)
    if source.regime == "unseen" and n > 1:
        found[source.integer(0, n - 1)] = False
    return found


def gt(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Tracks of a metre or so a step; NaN, infinite or far away where they are not known."""
    found = source.normal(wanted.shape, 1.0).cumsum(dim=1) + source.normal((wanted.shape[0], 1, 2), 8.0)
    if drawn["valid"] is None:
        return found
    nothing = torch.tensor({"unseen": torch.nan}.get(source.regime, 500.0)).double()
    if source.regime == "unknown":
        nothing = UNKNOWN[source.integers(wanted.shape, 0, len(UNKNOWN) - 1)]
    return torch.where(drawn["valid"][..., None], found, nothing)


@regimes("on the edge")
def pred(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Modes around the truth, off by about 2 m; in one regime along one axis, by 2 m exactly or nearly."""
    truth = drawn["gt"].where(drawn["gt"].abs() < 400, 0)[:, None]
    n, k, t, _ = wanted.shape
    if source.regime == "on the edge":
        length = LENGTHS[source.integers((n, k, t), 0, len(LENGTHS) - 1)]
        length = length * (1 - 2 * source.integers((n, k, t), 0, 1))
        along_x = source.flags((n, k, t))
        return truth + torch.stack([length * along_x, length * ~along_x], dim=-1)
    return truth + source.normal(wanted.shape, 1.5) + source.normal((n, k, 1, 2), 1.5)


kata = Kata(
    __file__,
    valid=valid,
    gt=gt,
    pred=pred,
    rules=Rules(
        sizes={"n": (3, 4, 5), "k": (2, 3, 4), "t": (4, 5, 6)},
        single="n k t",
        tolerance=Tolerance(float64=(1e-5, 1e-6)),
    ),
)
kata.also(
    "the example",
    {"n": 1, "k": 2, "t": 3},
    pred=torch.tensor([[[[1.0, 0], [1, 1], [2, 0]], [[0, 0], [1, 0], [2, 1.5]]]]).double(),
    gt=torch.tensor([[[0.0, 0], [1, 0], [2, 0]]]).double(),
    valid=None,
)
kata.also("valid=None", valid=None)
kata.also("one agent, no gap", {"n": 1, "t": 5}, valid=torch.ones(1, 5).bool())

test_contract = kata.contract()
test_values = kata.values()


@kata.check(times=2)
def test_order_of_modes(min_ade_fde, pred, gt, valid, source):
    """In which order the modes of an agent come changes nothing, even if it differs between agents."""
    mixed = torch.stack([modes[source.permutation(len(modes))] for modes in pred])
    found, other = min_ade_fde(pred, gt, valid), min_ade_fde(mixed, gt, valid)
    for name, a, b in zip(("min_ade", "min_fde", "miss_rate"), found, other):
        assert_close(float(b), float(a), f"Another order of the modes changes {name}.")


@kata.check(times=2)
def test_more_modes(min_ade_fde, pred, gt, valid):
    """Another mode never makes anything worse, and one that is the truth makes everything 0."""
    found = min_ade_fde(pred, gt, valid)
    fewer = min_ade_fde(pred[:, :-1], gt, valid)
    for name, a, b in zip(("min_ade", "min_fde", "miss_rate"), found, fewer):
        assert float(a) <= float(b) + 1e-9, f"Another mode makes {name} worse."
    truth = torch.where(valid[..., None], gt, 0)[:, None]
    for name, value in zip(
        ("min_ade", "min_fde", "miss_rate"), min_ade_fde(torch.cat([pred, truth], 1), gt, valid)
    ):
        assert_close(float(value), 0.0, f"With the truth among the modes, {name} is not 0.")
