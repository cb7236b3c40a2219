import math

import torch

from grader import Kata, Rules, Source, Tolerance, Wanted, just, regimes


@regimes("absent", "ignored", "nothing", "hopeless")
def target(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Classes and about a fifth of ignored pixels; in special regimes few classes, or hardly any pixel."""
    top = wanted.sizes["num_classes"] - 1
    found = source.integers(wanted.shape, 0, top)
    if source.regime in ("absent", "hopeless"):
        found = source.integers(wanted.shape, 0, max(top // 2, 0))
    share = {"ignored": 0.9, "nothing": 1.0}.get(source.regime, 0.2)
    return found.where(~source.flags(wanted.shape, share), drawn["ignore_index"])


def pred(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Predictions, about half of them right; in special regimes none, or of few classes."""
    top = wanted.sizes["num_classes"] - 1
    if source.regime == "hopeless":
        return source.integers(wanted.shape, min(top // 2 + 1, top), top)
    found = source.integers(wanted.shape, 0, top // 2 if source.regime == "absent" else top)
    right = source.flags(wanted.shape) & (drawn["target"] != drawn["ignore_index"])
    return torch.where(right, drawn["target"], found)


# Ratios of counts: right answers differ by rounding and by a tiny constant in a denominator only.
CLOSE = Tolerance(float64=(1e-5, 1e-6), float32=(1e-5, 1e-6))

kata = Kata(
    __file__,
    ignore_index=just(255),
    target=target,
    pred=pred,
    rules=Rules(
        calls={"MeanIoU": ("update", "compute", "update", "compute")},
        sizes={"b": (2, 3), "h": (3, 4, 5), "w": (4, 6, 7), "num_classes": range(2, 7)},
        empty="b",
        single="b h w num_classes",
        dtypes=(torch.float64,),
        tolerance=CLOSE,
    ),
)
for other in (-100, -1, 7):
    kata.also(f"ignore_index = {other}", {"num_classes": 5}, ignore_index=other)
kata.also("21 classes, more pairs than a byte counts", {"num_classes": 21})
kata.also(
    "a class that is predicted and never true",
    {"b": 1, "h": 1, "w": 5, "num_classes": 4},
    pred=torch.tensor([[[0, 0, 1, 2, 3]]]),
    target=torch.tensor([[[0, 1, 1, 1, 255]]]),
)

test_contract = kata.contract()
test_values = kata.values()


@kata.check(times=2)
def test_batching(MeanIoU, pred, target, num_classes):
    """One update with all images gives the same as one update for each image."""
    whole, single = MeanIoU(num_classes), MeanIoU(num_classes)
    whole.update(pred, target)
    for p, t in zip(pred, target, strict=True):
        single.update(p[None], t[None])
    (miou, _), (other, _) = whole.compute(), single.compute()
    assert abs(miou - other) < 1e-5, f"All images at once give {miou:.4f}, one by one they give {other:.4f}."


@kata.check(times=1)
def test_sizes(MeanIoU, pred, target, num_classes):
    """Batches of other sizes add to the same counts."""
    whole, parts = MeanIoU(num_classes), MeanIoU(num_classes)
    whole.update(pred, target)
    for cut in (slice(0, 1), slice(1, None)):
        parts.update(pred[:, :, cut], target[:, :, cut])
    (miou, _), (other, _) = whole.compute(), parts.compute()
    assert abs(miou - other) < 1e-5, f"Whole images give {miou:.4f}, cut in two they give {other:.4f}."


@kata.check(times=1)
def test_independent(MeanIoU, pred, target, num_classes):
    """A new metric has counted nothing, and leaves the counts of another alone."""
    first = MeanIoU(num_classes)
    first.update(pred, target)
    before = first.compute()[0]
    second = MeanIoU(num_classes)
    fresh = second.compute()[0]
    assert math.isnan(fresh), f"A new metric has a mean IoU of {fresh:.4f} before its first update."
    second.update(target.clamp(0, num_classes - 1), target)
    assert first.compute()[0] == before, "What one metric is given changes another."


@kata.check(times=1)
def test_imbalance(MeanIoU):
    """Where 95 % of the pixels are background, predicting nothing else has a mean IoU of 0.475."""
    # Enough pixels to overflow counts of 8 or 16 bits.
    metric, target = MeanIoU(2), (torch.arange(40_000) % 20 == 0).long().reshape(1, 200, 200)
    metric.update(torch.zeros_like(target), target)
    miou = metric.compute()[0]
    assert abs(miou - 0.475) < 1e-5, f"Here the mean IoU is 0.475, and not {miou:.3f}."
