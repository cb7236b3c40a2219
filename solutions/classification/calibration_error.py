"""Expected calibration error.

A classifier is calibrated when, of all answers given with confidence 0.8, 80 % are right. Given the
predicted probabilities of n samples (rows of k probabilities that sum to 1) and the true classes:

* The prediction of a sample is its most probable class, the lowest index on ties; the confidence is
  that largest probability.
* Sort the samples by confidence into n_bins bins of equal width that cover (0, 1]: bin i of 0, 1, ...
  holds i / n_bins < confidence <= (i + 1) / n_bins. A bin is open below and closed above, so confidence
  1 lies in the last one.
* The error is the sum over the bins of (share of all samples that lie in the bin) times
  |accuracy - mean confidence| of the samples in the bin. Empty bins add nothing.
* The result is a number in [0, 1]: a Python float or a 0-d tensor, not a tensor of shape [1].
* Without samples (n = 0) the error is 0.0. The inputs stay as they are.

Example: three samples with the confidences 0.95 (right), 0.85 (wrong) and 0.55 (right), and 5 bins. The
bin (0.8, 1] has accuracy 0.5 and mean confidence 0.9, the bin (0.4, 0.6] has 1 and 0.55, so the error is
2/3 * 0.4 + 1/3 * 0.45 = 0.4167.
"""

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from grader import right, wrong

LEVEL = 2
MINUTES = 20
HINTS = (
    "Three things are needed of each sample: how sure it was, whether it was right, and which bin it is in.",
    "Rounding a scaled confidence up tells the bin, since bins are closed above. Average the confidences "
    "that lie in the bin, not its middle, and let each bin weigh as much as it holds samples.",
    "In a bin, the share times the gap is the absolute sum of (right or wrong, as 1 or 0, less confidence) "
    "over the number of all samples. Add these sums up per bin, take absolute values, then add the bins.",
)


def expected_calibration_error(
    probs: Float[Tensor, "n k"], target: Int64[Tensor, " n"], n_bins: int = 15
) -> float:
    """Return the mean gap between accuracy and confidence over bins of confidence."""
    confidence, predicted = probs.max(dim=-1)
    correct = (predicted == target).to(probs.dtype)
    bins = (confidence * n_bins).ceil().long() - 1  # (0, 1/n_bins] is bin 0
    # share * |accuracy - confidence| = |sum of (correct - confidence)| / n: the bin's own size cancels.
    gaps = probs.new_zeros(n_bins).index_add(0, bins.clamp(0, n_bins - 1), correct - confidence)
    return gaps.abs().sum().item() / max(len(target), 1)


@right("with a loop over bins and masks")
def looped(probs, target, n_bins=15):
    if len(target) == 0:
        return 0.0
    confidence, predicted = torch.max(probs, 1)
    accuracy = predicted.eq(target)
    edges = torch.linspace(0, 1, n_bins + 1)
    error = torch.zeros(())
    for i in range(n_bins):
        low, high = edges[i].item(), edges[i + 1].item()
        inside = (confidence > low) & (confidence <= high)
        share = inside.float().mean()
        if share > 0:
            error = error + share * (accuracy[inside].float().mean() - confidence[inside].mean()).abs()
    return error


@right("with bucketize, bincount and means per bin")
def bucketized(probs, target, n_bins=15):
    confidence, predicted = probs.amax(dim=1), probs.argmax(dim=1)
    edges = torch.arange(1, n_bins, dtype=probs.dtype) / n_bins
    at = torch.bucketize(confidence, edges)
    size = torch.bincount(at, minlength=n_bins)
    correct = torch.bincount(at, weights=(predicted == target).to(probs.dtype), minlength=n_bins)
    sure = torch.bincount(at, weights=confidence, minlength=n_bins)
    held = size > 0
    gap = (correct[held] / size[held] - sure[held] / size[held]).abs()
    return (gap * size[held]).sum() / max(len(target), 1)


@right("sample by sample in Python")
def by_sample(probs, target, n_bins=15):
    gathered = {}
    for row, truth in zip(probs.tolist(), target.tolist(), strict=True):
        confidence = max(row)
        place = next(i for i in range(n_bins) if confidence <= (i + 1) / n_bins)
        gathered.setdefault(place, []).append((row.index(confidence) == truth, confidence))
    error = 0.0
    for members in gathered.values():
        accuracy = sum(hit for hit, _ in members) / len(members)
        mean = sum(confidence for _, confidence in members) / len(members)
        error += len(members) / len(target) * abs(accuracy - mean)
    return error


def _binned(confidence, correct, bins, n_bins, n):
    gaps = confidence.new_zeros(n_bins).index_add(0, bins, correct.to(confidence.dtype) - confidence)
    return (gaps.abs().sum() / max(n, 1)).item()


@wrong("closes the bins below instead of above, with confidence 1 put into the last")
def closed_below(probs, target, n_bins=15):
    confidence, predicted = probs.max(dim=-1)
    bins = (confidence * n_bins).floor().long().clamp(max=n_bins - 1)
    return _binned(confidence, predicted == target, bins, n_bins, len(target))


@wrong("lets confidence 1 fall out of the last bin")
def open_above(probs, target, n_bins=15):
    confidence, predicted = probs.max(dim=-1)
    inside = confidence < 1
    bins = (confidence * n_bins).ceil().long() - 1
    correct = predicted == target
    return _binned(confidence[inside], correct[inside], bins[inside], n_bins, len(target))


@wrong("rounds the scaled confidence to the nearest bin")
def rounded(probs, target, n_bins=15):
    confidence, predicted = probs.max(dim=-1)
    bins = (confidence * n_bins).round().long().clamp(max=n_bins - 1)
    return _binned(confidence, predicted == target, bins, n_bins, len(target))


@wrong("takes the middle of the bin for the mean confidence in it")
def bin_middles(probs, target, n_bins=15):
    confidence, predicted = probs.max(dim=-1)
    bins = (confidence * n_bins).ceil().long() - 1
    middle = (bins + 0.5) / n_bins
    return _binned(middle.to(probs.dtype), predicted == target, bins, n_bins, len(target))


def _per_bin(probs, target, n_bins):
    """Return size, accuracy and mean confidence of the bins that hold samples."""
    confidence, predicted = probs.max(dim=-1)
    bins = (confidence * n_bins).ceil().long() - 1
    size = torch.bincount(bins, minlength=n_bins)
    held = size > 0
    correct = torch.bincount(bins, weights=(predicted == target).to(probs.dtype), minlength=n_bins)
    sure = torch.bincount(bins, weights=confidence, minlength=n_bins)
    return size[held], correct[held] / size[held], sure[held] / size[held]


@wrong("averages over the bins that hold samples, however few they hold")
def unweighted(probs, target, n_bins=15):
    _, accuracy, sure = _per_bin(probs, target, n_bins)
    return (accuracy - sure).abs().mean().item() if len(target) else 0.0


@wrong("averages over all bins, however few samples they hold")
def over_all_bins(probs, target, n_bins=15):
    _, accuracy, sure = _per_bin(probs, target, n_bins)
    return (accuracy - sure).abs().sum().item() / n_bins


@wrong("returns the largest gap, the maximum calibration error")
def largest_gap(probs, target, n_bins=15):
    _, accuracy, sure = _per_bin(probs, target, n_bins)
    return (accuracy - sure).abs().max().item() if len(target) else 0.0


@wrong("squares the gaps and takes the root of their mean")
def root_mean_square(probs, target, n_bins=15):
    size, accuracy, sure = _per_bin(probs, target, n_bins)
    return (size * (accuracy - sure) ** 2).sum().div(max(len(target), 1)).sqrt().item()


@wrong("lets overconfident and underconfident bins cancel: no absolute value")
def signed(probs, target, n_bins=15):
    size, accuracy, sure = _per_bin(probs, target, n_bins)
    return (size * (accuracy - sure)).sum().item() / max(len(target), 1)


@wrong("takes the absolute value for the bins' sum instead of for each bin")
def absolute_too_late(probs, target, n_bins=15):
    return abs(signed(probs, target, n_bins))


@wrong("takes the absolute gap of each sample, which no model but a perfectly sure one can make zero")
def per_sample(probs, target, n_bins=15):
    confidence, predicted = probs.max(dim=-1)
    gap = ((predicted == target).to(probs.dtype) - confidence).abs()
    return gap.sum().item() / max(len(target), 1)


@wrong("takes the probability of the true class for the confidence")
def of_the_truth(probs, target, n_bins=15):
    confidence = probs.gather(1, target[:, None])[:, 0]
    bins = ((confidence * n_bins).ceil().long() - 1).clamp(min=0)
    return _binned(confidence, probs.argmax(dim=-1) == target, bins, n_bins, len(target))


@wrong("breaks ties towards the highest class index")
def last_on_ties(probs, target, n_bins=15):
    confidence = probs.amax(dim=-1)
    predicted = probs.shape[1] - 1 - probs.flip(-1).argmax(dim=-1)
    bins = (confidence * n_bins).ceil().long() - 1
    return _binned(confidence, predicted == target, bins, n_bins, len(target))


@wrong("treats the probabilities as logits and applies a softmax to them")
def softmaxed(probs, target, n_bins=15):
    return expected_calibration_error(probs.softmax(dim=-1), target, n_bins)


@wrong("lays the bins between the lowest confidence possible, 1 / k, and 1")
def from_chance(probs, target, n_bins=15):
    confidence, predicted = probs.max(dim=-1)
    chance = 1 / probs.shape[1]
    place = (confidence - chance) / max(1 - chance, 1e-9)
    bins = ((place * n_bins).ceil().long() - 1).clamp(0, n_bins - 1)
    return _binned(confidence, predicted == target, bins, n_bins, len(target))


@wrong("fills the bins with equal numbers of samples instead of giving them equal widths")
def equal_mass(probs, target, n_bins=15):
    confidence, predicted = probs.max(dim=-1)
    rank = confidence.argsort(stable=True).argsort(stable=True)
    bins = rank * n_bins // max(len(target), 1)
    return _binned(confidence, predicted == target, bins, n_bins, len(target))


@wrong("bins the probabilities of all classes, not of the predicted one alone")
def all_classes(probs, target, n_bins=15):
    correct = torch.nn.functional.one_hot(target, probs.shape[1]).flatten()
    confidence = probs.flatten()
    bins = ((confidence * n_bins).ceil().long() - 1).clamp(min=0)
    return _binned(confidence, correct, bins, n_bins, len(target))


@wrong("always uses 15 bins")
def fixed_bins(probs, target, n_bins=15):
    return expected_calibration_error(probs, target)


@wrong("has 10 bins by default")
def ten_by_default(probs, target, n_bins=10):
    return expected_calibration_error(probs, target, n_bins)


@wrong("returns NaN for no samples")
def nan_when_empty(probs, target, n_bins=15):
    return expected_calibration_error(probs, target, n_bins) if len(target) else float("nan")


@wrong("returns the accuracy of an empty bin as 0 / 0, and so NaN")
def nan_for_empty_bins(probs, target, n_bins=15):
    confidence, predicted = probs.max(dim=-1)
    bins = (confidence * n_bins).ceil().long() - 1
    size = torch.bincount(bins, minlength=n_bins)
    gap = (
        torch.bincount(bins, weights=(predicted == target).to(probs.dtype) - confidence, minlength=n_bins)
        / size
    )
    return (gap.abs() * size).sum().item() / max(len(target), 1)


@wrong("returns a tensor of shape [1] instead of a number")
def one_entry(probs, target, n_bins=15):
    return torch.tensor([expected_calibration_error(probs, target, n_bins)])


@wrong("returns a percentage")
def percentage(probs, target, n_bins=15):
    return 100 * expected_calibration_error(probs, target, n_bins)


@wrong("marks the used probabilities in the caller's own tensor")
def in_place(probs, target, n_bins=15):
    found = expected_calibration_error(probs, target, n_bins)
    probs.scatter_(1, probs.argmax(dim=1, keepdim=True), 0)
    return found


@wrong("counts a confidence on the edge between two bins in both")
def in_both_bins(probs, target, n_bins=15):
    confidence, predicted = probs.max(dim=-1)
    gap = (predicted == target).to(probs.dtype) - confidence
    edges = torch.arange(n_bins + 1, dtype=probs.dtype) / n_bins
    inside = (confidence[:, None] >= edges[:-1]) & (confidence[:, None] <= edges[1:])
    return (gap[:, None] * inside).sum(0).abs().sum().item() / max(len(target), 1)


@wrong("lays the bins between 0 and the highest confidence that occurs")
def up_to_the_highest(probs, target, n_bins=15):
    confidence, predicted = probs.max(dim=-1)
    place = confidence / max(confidence.tolist(), default=1.0)
    bins = (place * n_bins).ceil().long() - 1
    return _binned(confidence, predicted == target, bins, n_bins, len(target))


@wrong("adds the gaps of the bins without dividing by the number of samples")
def not_averaged(probs, target, n_bins=15):
    return expected_calibration_error(probs, target, n_bins) * len(target)


@wrong("rounds the result to two decimals")
def two_decimals(probs, target, n_bins=15):
    return round(expected_calibration_error(probs, target, n_bins), 2)
