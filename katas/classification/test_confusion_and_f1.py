from typing import Any

import torch

from grader import Kata, Rules, Source, Tolerance, Wanted, labels, regimes


@regimes("absent", "single", "perfect")
def guesses(source: Source, wanted: Wanted, drawn: dict[str, Any]) -> torch.Tensor:
    """Predictions, about half of them right; in special regimes all, or one class never or only predicted."""
    guessed = labels("num_classes")(source, wanted, drawn)
    right = source.flags(wanted.shape, 1.0 if source.regime == "perfect" else 0.4)
    return guessed if source.regime in ("absent", "single") else torch.where(right, drawn["target"], guessed)


# A share of small counts: right answers differ by rounding and by a tiny constant in a denominator only.
CLOSE = Tolerance(float64=(1e-5, 1e-6), float32=(1e-5, 1e-6))

kata = Kata(
    __file__,
    target=labels("num_classes"),
    pred=guesses,
    rules=Rules(
        sizes={"n": range(8, 24), "num_classes": range(2, 7)},
        empty="n",
        single="n num_classes",
        dtypes=(torch.float64,),
        tolerance=CLOSE,
    ),
)
kata.also(
    "a class with samples that is never predicted",
    num_classes=3,
    pred=torch.tensor([0, 2, 0]),
    target=torch.tensor([0, 2, 1]),
)
kata.also(
    "a class predicted that has no samples",
    num_classes=3,
    pred=torch.tensor([0, 2, 1]),
    target=torch.tensor([0, 2, 0]),
)
kata.also(
    "classes nobody speaks of",
    num_classes=6,
    pred=torch.tensor([1, 2, 1, 1]),
    target=torch.tensor([1, 2, 2, 1]),
)
kata.also("nothing right", num_classes=2, pred=torch.tensor([0, 1, 1]), target=torch.tensor([1, 0, 0]))

test_contract = kata.contract()
test_values = kata.values()


@kata.check
def test_sums(confusion_and_f1, pred, target, num_classes):
    """Rows of the matrix sum to the samples of each class, columns to its predictions."""
    cm = confusion_and_f1(pred, target, num_classes)[0]
    rows = [int((target == c).sum()) for c in range(num_classes)]
    columns = [int((pred == c).sum()) for c in range(num_classes)]
    assert cm.sum(dim=1).tolist() == rows, "The rows do not sum to the numbers of samples per true class."
    assert cm.sum(dim=0).tolist() == columns, "The columns do not sum to the numbers of predictions."


@kata.check(times=1)
def test_rare_class(confusion_and_f1):
    """A model that never finds the rare class is 95 % accurate and has a macro-F1 below one half."""
    target = torch.tensor([0] * 95 + [1] * 5)
    macro = float(confusion_and_f1(torch.zeros_like(target), target, 2)[4])
    assert abs(macro - 19 / 39) < 1e-4, f"Here macro_f1 is 19/39 = 0.487, and not {macro:.3f}."
