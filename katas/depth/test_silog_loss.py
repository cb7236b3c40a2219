import torch

from grader import Kata, Rules, Source, Tolerance, Wanted, assert_close, number, regimes

INF, NAN = float("inf"), float("nan")
LOOSE = Tolerance(float64=(3e-5, 3e-6))
"""What a constant of 1e-6 in the logarithm of a depth of 0.05 changes."""
RANGES = {"near": (1 / 16, 1 / 4), "far": (8, 4096)}


def pred(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Positive depths."""
    return source.numbers(wanted.shape, *RANGES.get(source.regime, (0.25, 8)))


@regimes("near", "far", "lone")
def gt(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Depths with holes of every kind; at least one is valid, in one regime no other."""
    holes = torch.tensor([0.0, NAN, INF, -1.5, -INF]).double()[source.integers(wanted.shape, 0, 4)]
    valid = source.flags(wanted.shape, 0.0 if source.regime == "lone" else 0.6)
    valid.view(-1)[source.integer(0, valid.numel() - 1)] = True
    return torch.where(valid, source.numbers(wanted.shape, *RANGES.get(source.regime, (0.25, 8))), holes)


kata = Kata(
    __file__,
    pred=pred,
    gt=gt,
    lam=number(0, 1),
    rules=Rules(
        sizes={"b": (2, 3), "h": (4, 5), "w": (6, 7)},
        single="b h w",
        gradients_of="pred",
        tolerance=LOOSE,
    ),
)
kata.also("lam of 1", lam=1.0)
kata.also("lam of 0", lam=0.0)

test_contract = kata.contract()
test_values = kata.values()
test_gradients = kata.gradients()


@kata.check(times=2)
def test_scale(silog, pred, gt):
    """With lam = 1 the loss stays as it is when all predictions are multiplied by one number."""
    found = silog(4 * pred, gt, lam=1.0)
    assert_close(
        found, silog(pred, gt, lam=1.0), "A factor of 4 changes the loss at lam = 1.", tolerance=LOOSE
    )


@kata.check(times=2)
def test_log_mse(silog, pred, gt):
    """With lam = 0 the loss is the mean square error of the logarithms."""
    valid = (gt > 0) & gt.isfinite()
    wanted = torch.nn.functional.mse_loss(pred[valid].log(), gt[valid].log())
    assert_close(silog(pred, gt, lam=0.0), wanted, "At lam = 0 it is another number.", tolerance=LOOSE)
