import torch

from grader import Kata, Rules, Tolerance, labels

# Between the errors of float64 with a tiny constant in a denominator, and those of float32.
CLOSE = Tolerance(float64=(1.2e-8, 1e-9))

kata = Kata(
    __file__,
    labels=labels("num_classes"),
    rules=Rules(
        sizes={"n": range(8, 20), "num_classes": range(3, 7)},
        empty="n",
        single="n num_classes",
        dtypes=(torch.float64,),
        tolerance=CLOSE,
    ),
)
kata.also("only the first classes are present", num_classes=5, labels=torch.tensor([0, 1, 0, 0, 1, 1, 0]))
kata.also("only the last class is present", num_classes=4, labels=torch.tensor([3, 3, 3]))
kata.also("one rare sample", num_classes=3, labels=torch.tensor([1] * 40 + [2]))

test_contract = kata.contract()
test_values = kata.values()


@kata.check(regime="absent")
def test_distribution(sampler_probs, labels, num_classes):
    """The probabilities of all samples sum to one."""
    total = float(sampler_probs(labels, num_classes).sum())
    assert abs(total - 1) < 1e-6, f"The probabilities sum to {total:.6g}."


@kata.check(regime="absent")
def test_equal_totals(sampler_probs, labels, num_classes):
    """Every class that is present has the same total."""
    probs = sampler_probs(labels, num_classes)
    totals = [float(probs[labels == c].sum()) for c in labels.unique()]
    assert max(totals) - min(totals) < 1e-6, f"The totals reach from {min(totals):.6g} to {max(totals):.6g}."


@kata.check
def test_absent_classes(sampler_probs, labels, num_classes):
    """Classes without samples change nothing, however many there are."""
    one, other = sampler_probs(labels, num_classes), sampler_probs(labels, num_classes + 3)
    assert torch.allclose(one, other, rtol=1e-6), "Three more classes without samples change the result."
