import torch

from grader import Kata, Rules, Source, Tolerance, Wanted, assert_close, regimes

HOLES = torch.tensor([0.0, 50.0, float("nan"), float("inf"), float("-inf")]).double()
UNITS = {"small": 2.0**-14, "large": 2.0**14}


def valid(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """About two thirds of the pixels, at least three; in one regime few or none."""
    if source.regime == "few":
        share = source.choice((0.0, 0.15))
        found = source.flags(wanted.shape, share)
        found[0] = False
        found[0, -1, -1] = True
        return found
    found = source.flags(wanted.shape, 0.65)
    found[:, 0, :3] = True
    return found


@regimes("constant", "zero", "few", "small", "large", "offset", "falling")
def pred(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Predictions from 1 to 8 in any unit; constant, or 0, in some images where it is valid."""
    found = source.numbers(wanted.shape, 1, 8)
    # Tell the three first pixels apart, so that no fit is nearly singular by chance.
    found[:, 0, :3] = torch.tensor([1.25, 4, 7.5]).double()
    found = found * UNITS.get(source.regime, 1.0) + (512 if source.regime == "offset" else 0)
    flat = source.flags((wanted.shape[0], 1, 1), 0.5)
    flat[0] = True
    flat = flat & drawn["valid"]
    if source.regime == "constant":
        # Constant but for the last bits of single precision: no determinant of these is exactly 0.
        level = source.choice((0.125, 1250.0, 2.0**-13, -0.75))
        last = source.choice((0.0, 2.0**-24)) * source.integers(wanted.shape, 0, 3)
        return torch.where(flat, level * (1 + last), found)
    return found.masked_fill(flat, 0) if source.regime == "zero" else found


def target(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Targets along a line of each image's own, with noise, and with anything where they are invalid."""
    p, b = drawn["pred"], wanted.shape[0]
    unit = UNITS.get(source.regime, 1.0)
    slope, offset = source.numbers((b, 1, 1), 0.5, 2) / unit, source.normal((b, 1, 1), 4.0)
    slope = -slope if source.regime == "falling" else slope
    noise = source.normal(wanted.shape, 1.0)
    found = offset + noise if source.regime in ("constant", "zero") else slope * p + offset + noise
    holes = HOLES[source.integers(wanted.shape, 0, len(HOLES) - 1)]
    return torch.where(drawn["valid"], found, holes)


kata = Kata(
    __file__,
    valid=valid,
    pred=pred,
    target=target,
    rules=Rules(
        sizes={"b": (2, 3), "h": (3, 4), "w": (5, 6, 7)},
        single="b",
        dtypes=(torch.float64,),
        tolerance=Tolerance(float64=(1e-5, 1e-6)),
    ),
)

for level in (1250.0, 2.0**-10):
    kata.also(
        f"predictions of {level}, constant but for the last bits",
        {"b": 1, "h": 2, "w": 3},
        pred=level * (1 + 2.0**-21 * torch.tensor([0, 1, 3, 2, 0, 1]).double()).reshape(1, 2, 3),
        target=torch.tensor([1.0, 4, 2, 8, 5, 7]).double().reshape(1, 2, 3),
        valid=torch.ones(1, 2, 3, dtype=torch.bool),
    )
# Whole numbers, so that no sum is rounded however the fit is put: the determinant is 4e-11 of its first term.
kata.also(
    "predictions that differ by little, but no rounding",
    {"b": 1, "h": 2, "w": 4},
    pred=(2.0**18 + torch.tensor([0, 1, 3, 2, 0, 4, 5, 1])).double().reshape(1, 2, 4),
    target=torch.tensor([1.0, 4, 2, 8, 5, 7, 9, 4]).double().reshape(1, 2, 4),
    valid=torch.ones(1, 2, 4, dtype=torch.bool),
)
kata.also(
    "two valid pixels",
    {"b": 1, "h": 1, "w": 3},
    pred=torch.tensor([[[1, 3, 2]]]).double(),
    target=torch.tensor([[[2, 8, 9]]]).double(),
    valid=torch.tensor([[[True, True, False]]]),
)

test_contract = kata.contract()
test_values = kata.values()


@kata.check(times=2)
def test_exact(align, pred, valid, source):
    """Targets exactly on a line give back its scale and its shift."""
    s, t = source.numbers((len(pred),), 0.5, 2), source.normal((len(pred),), 4.0)
    target = s[:, None, None] * pred + t[:, None, None]
    found = align(pred, target.masked_fill(~valid, float("nan")), valid)
    assert_close(found[0], s, "The scale of an exact line does not come back.")
    assert_close(found[1], t, "The shift of an exact line does not come back.")


@kata.check(times=2)
def test_unit(align, pred, target, valid):
    """Changing the unit of pred divides the scale by the factor, and leaves the shift."""
    s, t = align(pred, target, valid)
    for unit in (2.0**-15, 2.0**15):
        found = align(pred * unit, target, valid)
        assert_close(found[0] * unit, s, "In another unit of pred the scale is another one.")
        assert_close(found[1], t, "In another unit of pred the shift is another one.")
