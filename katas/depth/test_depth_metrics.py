import torch

from grader import Kata, Rules, Source, Tolerance, Wanted, assert_close, one_of, regimes

HOLES = torch.tensor([0.0, -1.0, float("nan"), float("inf"), float("-inf")]).double()
RATIOS = torch.tensor([1.0, 1.25, 1.5625, 1.953125, 1.125, 1.75, 2.5]).double()
THRESHOLDS = torch.tensor([1.25**k for k in (-3, -2, -1, 1, 2, 3)]).double()


@regimes("tied", "sparse", "far")
def gt(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Depths from 1/2 to 20 with holes of all kinds; powers of two, few valid pixels, far ones."""
    if source.regime == "tied":
        found = 2.0 ** source.integers(wanted.shape, -1, 3).double()
    else:
        found = source.numbers(wanted.shape, 0.5, 20) * (8 if source.regime == "far" else 1)
    share = {"sparse": 0.9, "far": 0.1}.get(source.regime, 0.3)
    holes = HOLES[source.integers(wanted.shape, 0, len(HOLES) - 1)]
    hole = source.flags(wanted.shape, share)
    if source.regime == "sparse":
        hole[-1] = True
    hole[0, 0, 0, 0] = False
    return torch.where(hole, holes, found)


def pred(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Depths off by a factor of up to 2.7 on either side; in a unit of each image's own when scaled."""
    g, scaled = drawn["gt"], drawn["median_scale"]
    known = torch.where(g.isfinite() & (g > 0), g, source.numbers(wanted.shape, 0.5, 40))
    if source.regime == "tied" and not scaled:
        # Ratios at the thresholds are exact in binary, above and below.
        ratio = RATIOS[source.integers(wanted.shape, 0, len(RATIOS) - 1)]
        return known * ratio
    # Rounding must not decide a share: of a few draws take the one that keeps farthest from a threshold.
    draws = [_off(known, source) for _ in range(4)]
    found = max(draws, key=lambda p: _distance(p, g, scaled))
    return found * 2.0 ** source.integers((wanted.shape[0], 1, 1, 1), 0, 3) if scaled else found


def _off(known: torch.Tensor, source: Source) -> torch.Tensor:
    ratio = source.numbers(tuple(known.shape), 1, 2.7)
    ratio = torch.where(source.flags(tuple(known.shape)), ratio, 1 / ratio)
    return (known * ratio * 1024).round() / 1024


def _distance(p: torch.Tensor, g: torch.Tensor, scaled: bool) -> float:
    least = 1.0
    for a, b in zip(p, g):
        valid = b.isfinite() & (b > 0)
        if valid.any():
            scale = b[valid].median() / a[valid].median() if scaled else 1.0
            ratio = a[valid] * scale / b[valid]
            least = min(least, float((ratio[:, None] / THRESHOLDS - 1).abs().min()))
    return least


kata = Kata(
    __file__,
    median_scale=one_of(False, True),
    gt=gt,
    pred=pred,
    rules=Rules(
        sizes={"b": (2, 3), "h": (3, 4, 5), "w": (5, 6, 7)},
        single="b",
        tolerance=Tolerance(float64=(1e-5, 1e-6)),
    ),
)
kata.also(
    "depths that are too small, at the thresholds",
    {"b": 1, "h": 2, "w": 3},
    median_scale=False,
    gt=torch.tensor([1.25, 1.5625, 1.953125, 2.5, 5, 6.25]).double().reshape(1, 1, 2, 3),
    pred=torch.tensor([1.0, 1, 1, 2, 4, 4]).double().reshape(1, 1, 2, 3),
)
# The first is predicted exactly: a tiny floor under a division does not show, but it counts.
kata.also(
    "depths below a millimetre, and beyond a kilometre",
    {"b": 1, "h": 1, "w": 4},
    median_scale=False,
    gt=torch.tensor([2.0**-11, 2, 0, 3000]).double().reshape(1, 1, 1, 4),
    pred=torch.tensor([2.0**-11, 3, 1, 1300]).double().reshape(1, 1, 1, 4),
)
for scaled in (False, True):
    kata.also("one valid pixel", {"b": 1, "h": 1, "w": 1}, median_scale=scaled)
    kata.also(
        "an image without a valid pixel",
        {"b": 2, "h": 1, "w": 3},
        median_scale=scaled,
        gt=torch.tensor([[0, -1, float("nan")], [2, 3, 0]]).double().reshape(2, 1, 1, 3),
        pred=torch.tensor([[1, 2, 3], [3, 4, 5]]).double().reshape(2, 1, 1, 3),
    )

test_contract = kata.contract()
test_values = kata.values()


@kata.check(times=2)
def test_scale(depth_metrics, pred, gt):
    """With median_scale, predictions in another unit, image by image, have the same metrics."""
    factor = 2.0 ** torch.arange(1, len(pred) + 1).to(pred)[:, None, None, None]
    before, after = (
        depth_metrics(pred, gt, median_scale=True),
        depth_metrics(pred * factor, gt, median_scale=True),
    )
    for name, value in before.items():
        assert_close(float(after[name]), float(value), f"The unit of a prediction changes {name}.")


@kata.check(times=2)
def test_holes(depth_metrics, pred, gt):
    """What a hole is coded as, and what is predicted there, changes nothing."""
    hole = ~(gt.isfinite() & (gt > 0))
    before = depth_metrics(pred, gt)
    for code in (0.0, -3.0, float("nan"), float("inf")):
        after = depth_metrics(pred.masked_fill(hole, 7.0), gt.masked_fill(hole, code))
        for name, value in before.items():
            assert_close(float(after[name]), float(value), f"Holes coded {code} change {name}.")
