import torch

from grader import Kata, Rules, Source, Wanted, regimes

CODES = torch.tensor([-1e5, -2.0, 0.0, 90.0, 1e5]).double()


@regimes("apart", "gaps")
def valid(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Most rows; in special regimes only upper or only lower ones, or few, or none."""
    n, r = wanted.shape
    found = source.flags((n, r), {"gaps": 0.4, "chain": 0.9}.get(source.regime, 0.75))
    if source.regime == "apart":
        upper = torch.arange(r) < max(r // 2, 1)
        found = found & torch.where(source.flags((n, 1)), upper, ~upper)
    elif source.regime != "gaps":
        found[:, r // 2] = True
    return found


@regimes("chain", "same", "crossing", "outside")
def xs(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Groups of near lanes; in special regimes evenly spaced ones, copies, ones that cross or leave."""
    n, r = wanted.shape
    rows = torch.arange(r).double() - (r - 1) / 2
    if source.regime in ("chain", "same"):
        # Parallel, so that all distances are whole numbers whatever rows are shared.
        at = source.permutation(n) if source.regime == "chain" else source.integers((n,), 0, 2)
        found = 8.0 * at[:, None] + 3 * torch.arange(r)
    else:
        slope = 12 if source.regime == "crossing" else 3
        centre = source.integers((n, 1), 0, 2) * (0.0 if source.regime == "crossing" else 40.0)
        found = centre + source.normal((n, 1), 4.0) + source.numbers((n, 1), -slope, slope) * rows
        found = found + source.normal((n, r), 4.0) + (-20 if source.regime == "outside" else 60)
    return torch.where(drawn["valid"], found, CODES[source.integers((n, r), 0, len(CODES) - 1)])


@regimes("tied")
def scores(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Scores from -1/4 to 1; quarters in some regimes, so that ties are frequent."""
    if source.regime in ("tied", "same"):
        return source.coarse(wanted.shape, -0.25, 1.0)
    return source.numbers(wanted.shape, -0.25, 1.0)


def thr(source: Source, wanted: Wanted, drawn: dict) -> float:
    """In the middle of whole distances, or 0, or some pixels where no distance comes near it."""
    if source.regime == "chain":
        return 12.0
    if source.regime == "same":
        return source.choice((0.0, 4.0))
    # A tiny constant or rounding must not decide.
    near = float(source.numbers((), 3, 20)) + torch.arange(32) / 8
    far = _distances(drawn["xs"], drawn["valid"])
    away = (near[:, None] - far).abs().amin(dim=1) if len(far) else near
    return float(near[away.argmax()])


def _distances(xs: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
    shared = valid[:, None] & valid
    total = ((xs[:, None] - xs).abs() * shared).sum(-1)
    return (total / shared.sum(-1).clamp(min=1)).flatten()


kata = Kata(
    __file__,
    valid=valid,
    xs=xs,
    scores=scores,
    thr=thr,
    rules=Rules(sizes={"n": range(6, 12), "r": (4, 5)}, empty="n", single="n r"),
)
# Sorts that are not stable keep the order of a few equals by chance, and of many they do not.
kata.also("forty lanes, many ties", {"n": 40, "r": 3}, scores=torch.arange(40).remainder(3).double() / 4)
kata.also(
    "one row shared, and none",
    {"n": 4, "r": 3},
    xs=torch.tensor([[10, 20, 0], [0, 24, 60], [0, 0, 90], [0, 0, 0]]).double(),
    valid=torch.tensor([[1, 1, 0], [0, 1, 1], [0, 0, 1], [0, 0, 0]]).bool(),
    scores=torch.tensor([0.25, 0.5, 0.75, 1.0]).double(),
    thr=6.0,
)
kata.also(
    "six lanes without a rival",
    {"n": 6, "r": 2},
    xs=torch.arange(12).double().reshape(6, 2) * 50,
    valid=torch.ones(6, 2).bool(),
    thr=20.0,
)

test_contract = kata.contract()
test_values = kata.values()


@kata.check(times=3, regime="gaps")
def test_twice(lane_nms, xs, valid, scores, thr):
    """Applied to what it kept, it keeps everything, in the same order."""
    kept = lane_nms(xs, valid, scores, thr)
    again = lane_nms(xs[kept], valid[kept], scores[kept], thr)
    assert again.tolist() == list(range(len(kept))), "A second pass over the kept lanes changes them."


@kata.check(times=2, regime="same")
def test_nothing_below_zero(lane_nms, xs, valid, scores):
    """No distance is less than 0: with thr = 0 every lane is kept, copies too."""
    kept = lane_nms(xs, valid, scores, 0.0)
    assert len(kept) == len(xs), f"With thr = 0, {len(xs) - len(kept)} of {len(xs)} lanes are suppressed."


@kata.check(times=2)
def test_missing(lane_nms, xs, valid, scores, thr):
    """What xs says where a lane has no point changes nothing."""
    kept, other = (lane_nms(xs.where(valid, code), valid, scores, thr).tolist() for code in (0.0, -40000.0))
    assert kept == other, "Points that are not valid change what is kept."
