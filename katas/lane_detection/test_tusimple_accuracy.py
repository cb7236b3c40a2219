import torch

from grader import Kata, Rules, Source, Tolerance, Wanted, assert_close, number, regimes

MISSING = torch.tensor([-2.0, -2.0, -1.0, -0.5, -30.0, -100.0, -1e4]).double()


def _holes(source: Source, shape: tuple[int, ...]) -> torch.Tensor:
    return MISSING[source.integers(shape, 0, len(MISSING) - 1)]


@regimes("double", "left", "missing")
def gt(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Lanes that end at the top; in special regimes close together, at the left edge, or mostly missing."""
    g, r = wanted.shape
    rows = torch.arange(r)
    if source.regime == "left":
        found = source.integers((g, r), 0, 12).double() * source.flags((g, r), 0.7)
    else:
        gap = 2.0 if source.regime == "double" else 80.0
        start = source.permutation(g).double()[:, None] * gap + source.numbers((g, 1), 10, 60)
        slope = source.numbers((g, 1), 0, 12)
        found = start + (slope.mean() if source.regime == "double" and g else slope) * rows
    ends = source.integers((g, 1), 0, r // 2)
    if source.regime == "double":
        ends = ends.amin(0) if g else ends
    share = 0.6 if source.regime == "missing" else 0.0
    gone = (rows < ends) | source.flags((g, r), share)
    return torch.where(gone, _holes(source, (g, r)), found)


@regimes("limit")
def pred(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Each prediction follows a true lane, well or badly, and now and then misses or invents a point."""
    (p, r), g, thr = wanted.shape, drawn["gt"], drawn["thr"]
    if len(g) == 0:
        return torch.where(source.flags((p, r), 0.3), _holes(source, (p, r)), source.numbers((p, r), 0, 400))
    lane = g[source.integers((p,), 0, len(g) - 1)]
    side = 1 - 2 * source.flags((p, r)).double()
    if source.regime == "limit":
        near, far = thr - source.choice((0.25, 1.0)), thr
    else:
        near, far = source.numbers((p, r), 0, 0.9 * thr), thr + source.numbers((p, r), 0.5, 30)
    share = torch.tensor([0.08, 0.2, 0.5]).double()[source.integers((p, 1), 0, 2)]
    miss = source.numbers((p, r), 0, 1) < share
    found = lane + side * torch.where(miss, torch.as_tensor(far).double(), torch.as_tensor(near).double())
    # What would fall off the image goes to the other side.
    found = torch.where(found < 0, 2 * lane - found, found)
    odd = source.numbers((p, r), 0, 1) < share / 3
    found = torch.where(odd & (lane < 0), source.numbers((p, r), 0, 30), found)
    hole = torch.where(odd, lane >= 0, lane < 0)
    hole = hole & ~(odd & (lane < 0))
    return torch.where(hole, _holes(source, (p, r)), found)


# Ratios of counts: right answers differ by rounding only.
CLOSE = Tolerance(float64=(1e-5, 1e-6), float32=(1e-5, 1e-6))

kata = Kata(
    __file__,
    thr=number(4, 40),
    gt=gt,
    pred=pred,
    rules=Rules(
        sizes={"p": range(2, 7), "g": range(2, 6), "r": (7, 13, 20)},
        empty="p g",
        single="p g r",
        tolerance=CLOSE,
    ),
)
FLAT = torch.full((1, 20), 100.0).double()
kata.also(
    "seventeen rows of twenty right",
    {"p": 1, "g": 1, "r": 20},
    gt=FLAT,
    pred=FLAT + 50 * (torch.arange(20) % 7 == 3),
    thr=20.0,
)
kata.also(
    "one true lane, missed",
    {"p": 1, "g": 1, "r": 20},
    gt=FLAT,
    pred=FLAT + 50 * (torch.arange(20) % 5 == 3),
    thr=20.0,
)
kata.also("five true lanes", {"p": 4, "g": 5, "r": 7})
kata.also("six predictions, two true lanes", {"p": 6, "g": 2, "r": 7})
kata.also(
    "one prediction for two lanes",
    {"p": 1, "g": 3, "r": 7},
    gt=torch.tensor([[100.0], [110.0], [300.0]]).double().expand(3, 7).clone(),
    pred=torch.full((1, 7), 105.0).double(),
    thr=20.0,
)
kata.also(
    "missing points beside points near 0",
    {"p": 2, "g": 2, "r": 4},
    gt=torch.tensor([[-2, -1, 3, 9], [0, 0, -30, -2]]).double(),
    pred=torch.tensor([[5, -30, -2, 0], [-2, 4, -1, -0.5]]).double(),
    thr=20.0,
)
kata.also(
    "a wide threshold",
    {"p": 1, "g": 1, "r": 4},
    gt=torch.tensor([[-2.0, 60.0, 3.0, -1.0]]).double(),
    pred=torch.tensor([[1.0, 159.0, -2.0, -50.0]]).double(),
    thr=100.0,
)

test_contract = kata.contract()
test_values = kata.values()


@kata.check(times=4)
def test_order(tusimple, pred, gt, thr):
    """The order of the lanes does not matter."""
    before, after = tusimple(pred, gt, thr=thr), tusimple(pred.flip(0), gt.roll(1, dims=0), thr=thr)
    for name, a, b in zip(("acc", "fp", "fn"), before, after, strict=True):
        assert_close(float(b), float(a), f"The order of the lanes changes {name}.")


@kata.check(times=2)
def test_codes(tusimple, pred, gt, thr):
    """Which negative number says that a point is missing does not matter."""
    before = tusimple(pred, gt, thr=thr)
    for code in (-1.0, -2.0, -5000.0):
        after = tusimple(pred.where(pred >= 0, code), gt.where(gt >= 0, -2.0), thr=thr)
        for name, a, b in zip(("acc", "fp", "fn"), before, after, strict=True):
            assert_close(float(b), float(a), f"Missing points coded {code:g} in pred change {name}.")


@kata.check(times=1)
def test_perfect(tusimple, gt, thr):
    """The true lanes as predictions have accuracy 1 and no errors."""
    found = [float(value) for value in tusimple(gt, gt, thr=thr)]
    assert found[0] > 0.999999, f"The accuracy of the true lanes themselves is {found[0]:.4f} and not 1."
    assert max(map(abs, found[1:])) < 1e-6, f"The true lanes themselves have fp, fn = {found[1:]}."
