import torch

from grader import Kata, Rules, Source, Wanted, one_of, probabilities, regimes


@regimes("tied", "sure")
def probs(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Rows that sum to 1: uneven, so that equal draws lie on no edge of a bin; quarters when tied."""
    found = probabilities(source, wanted, drawn)
    if source.regime != "generic":
        return found
    uneven = found * torch.linspace(1.0, 1.3, wanted.shape[-1], dtype=torch.float64)
    return uneven / uneven.sum(dim=-1, keepdim=True)


def target(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """True classes, of which the most probable one is right for more than half of the samples."""
    likely, k = drawn["probs"], drawn["probs"].shape[-1]
    return torch.where(
        source.flags(wanted.shape, 0.6), likely.argmax(-1), source.integers(wanted.shape, 0, k - 1)
    )


def same(actual: object, expected: float, arguments: dict) -> str | None:
    """Accept what rounding in single precision leaves of a number between 0 and 1."""
    return None if abs(float(actual) - expected) <= 1e-5 else "The calibration error is wrong."


# Tied rows hold quarters: edges of 2, 4 and 8 bins, and exact in every precision; no edge of 5 or 15 but 1.
kata = Kata(
    __file__,
    probs=probs,
    target=target,
    n_bins=one_of(15, 1, 2, 4, 5, 8),
    rules=Rules(sizes={"n": range(6, 40), "k": (2, 3, 4, 5)}, empty="n", single="*", same=same),
)
kata.also("one sample", {"n": 1})
kata.also("ten bins", {"n": 60}, n_bins=10)
kata.also("more bins than samples", {"n": 9}, n_bins=100)

test_contract = kata.contract()
test_values = kata.values()


@kata.check
def test_perfect(expected_calibration_error, n_bins, source):
    """A perfectly calibrated set has no calibration error."""
    sure = torch.tensor([0.75, 0.75, 0.75, 0.75, 0.5, 0.5, 1.0])
    correct = torch.tensor([1, 1, 1, 0, 1, 0, 1])
    order = source.permutation(len(sure))
    probs = torch.stack([sure, 1 - sure], dim=-1)[order].double()
    found = float(expected_calibration_error(probs, 1 - correct[order], n_bins=n_bins))
    assert abs(found) <= 1e-6, f"The error of a perfectly calibrated set is 0, and not {found:.4g}."


@kata.check
def test_one_bin(expected_calibration_error, probs, target):
    """With one bin the error is the gap between the overall accuracy and the mean confidence."""
    accuracy = (probs.argmax(dim=-1) == target).double().mean()
    gap = float((accuracy - probs.amax(dim=-1).mean()).abs())
    found = float(expected_calibration_error(probs, target, n_bins=1))
    assert abs(found - gap) <= 1e-5, f"With one bin the error is {gap:.4g}, and not {found:.4g}."
