import torch

from grader import Kata, Rules, Source, Tolerance, Wanted, assert_close, number, regimes

CODES = torch.tensor([-1e5, -2.0, 0.0, 700.0, 1e5]).double()


@regimes("gaps")
def valid(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Most rows, or few; of three lanes or more one has no valid row."""
    n = wanted.shape[0]
    found = source.flags(wanted.shape, 0.3 if source.regime == "gaps" else 0.7)
    if n == 1:
        found[0, 0] = True
    if n >= 3:
        found[n // 2] = False
    return found


@regimes("outside")
def gt(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Slanted lanes in an image of 640 px, or partly left of it; codes where a row is not valid."""
    n, r = wanted.shape
    rows = torch.arange(r).double()
    low, high = (-60, 20) if source.regime == "outside" else (40, 600)
    found = source.numbers((n, 1), low, high) + source.numbers((n, 1), -12, 12) * rows
    return torch.where(drawn["valid"], found, CODES[source.integers(wanted.shape, 0, len(CODES) - 1)])


@regimes("apart", "same")
def pred(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Lanes that overlap the true ones in some rows, or nowhere, or are the same in some rows."""
    n, r = wanted.shape
    e, near = drawn["e"], drawn["gt"].where(drawn["valid"], 0)
    side = 1 - 2 * source.flags((n, r)).double()
    if source.regime == "apart":
        off = side * (2 * e + source.numbers((n, r), 1, 60))
    else:
        # Never 0, where the distance has no derivative.
        off = side * source.numbers((n, r), 0, 4 * e) + 1 / 2048
    if source.regime == "same":
        off = off * source.flags((n, r), 0.5)
        off[0] = 0
    unknown = CODES[source.integers(wanted.shape, 0, len(CODES) - 1)]
    return torch.where(drawn["valid"], near + off, unknown)


kata = Kata(
    __file__,
    e=number(2, 20),
    valid=valid,
    gt=gt,
    pred=pred,
    rules=Rules(
        sizes={"n": (3, 4, 5), "r": (4, 6, 7)},
        empty="n",
        single="n r",
        gradients_of="pred",
        # A tiny constant in the denominator is right.
        tolerance=Tolerance(float64=(1e-5, 1e-6)),
    ),
)
kata.also(
    "ten pixels off, and sixty",
    {"n": 3, "r": 3},
    pred=torch.tensor([[110.0, 110, 160], [110, 90, 0], [160, 40, 160]]).double(),
    gt=torch.full((3, 3), 100.0).double(),
    valid=torch.tensor([[True, True, True], [True, True, False], [True, True, True]]),
    e=15.0,
)
kata.also(
    "lanes a quarter of a pixel wide",
    {"n": 2, "r": 2},
    pred=torch.tensor([[0.5, 0.0], [0.5, 0.25]]).double(),
    gt=torch.tensor([[0.5, 0.0], [0.375, 0.75]]).double(),
    valid=torch.tensor([[True, False], [True, True]]),
    e=0.125,
)
kata.also(
    "thousands of pixels off",
    {"n": 2, "r": 2},
    pred=torch.tensor([[3000.0, 5000.0], [-4000.0, 700.0]]).double(),
    gt=torch.full((2, 2), 100.0).double(),
    valid=torch.ones(2, 2).bool(),
    e=2.0,
)

test_contract = kata.contract()
test_values = kata.values()
test_gradients = kata.gradients()


@kata.check(times=2)
def test_apart(line_iou, gt, valid, e):
    """Beyond the reach of e too, a lane that is farther away has a smaller IoU."""
    near, far = (line_iou(gt + d * e, gt, valid, e=e) for d in (3, 4))
    some = valid.any(dim=-1)
    assert bool((near[some] > far[some]).all()), (
        "A lane 4 e away does not have a smaller IoU than one 3 e away."
    )


@kata.check(times=2)
def test_same(line_iou, gt, valid, e):
    """A lane has the IoU 1 with itself, and 0 where it has no valid row."""
    found = line_iou(gt, gt, valid, e=e)
    assert_close(found, valid.any(dim=-1).to(found), "The IoU of a lane with itself is not 1.")


@kata.check(times=2)
def test_other_rows(line_iou, pred, gt, valid, e):
    """What the lanes are in rows that are not valid changes nothing."""
    found = line_iou(pred, gt, valid, e=e)
    moved = line_iou(pred.where(valid, 33.0), gt.where(valid, 44.0), valid, e=e)
    assert_close(moved, found, "The IoU depends on rows that are not valid.")
