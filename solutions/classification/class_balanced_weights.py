"""Class weights for a loss, from how often each class occurs.

Rare classes should count for more. Given the number of training samples of each of k classes, return
one weight per class:

* beta = None: inverse frequency, the weight of a class with n samples is proportional to 1 / n.
* otherwise 0 <= beta < 1: proportional to (1 - beta) / (1 - beta^n), the inverse of the "effective
  number" of n samples that overlap more and more in what they show.
* A class that never occurs (n = 0) has weight 0, not an infinite one.
* The other weights are scaled so that all k together sum to k, and classes that never occur are counted
  in k.
* If no class occurs at all, every weight is 0. k may be 0, and the result is then empty.
* counts are int64 and stay as they are. The result is float32. Near beta = 1 the difference 1 - beta^n
  loses digits in single precision; float64 inside keeps them, but what float32 gives is close enough.

Example: the counts (1, 2, 0) have the weights (2, 1, 0) by inverse frequency, (1.8, 1.2, 0) for
beta = 0.5, and (1.5, 1.5, 0) for beta = 0.
"""

import math

import torch
from jaxtyping import Float32, Int64
from torch import Tensor

from grader import right, wrong

LEVEL = 2
MINUTES = 15
HINTS = (
    "Only the ratios between the weights matter until the very last step, which fixes their sum. What does "
    "each formula give for n = 0, and what would that do to the sum?",
    "Compute the raw weights of all classes in double precision, replace those of classes without samples "
    "by zero, and only then scale. beta = 0 is a number, and not the same as no beta.",
    "Scale by the number of classes over the sum of the raw weights, unless that sum is zero; convert to "
    "float32 last.",
)


def class_balanced_weights(counts: Int64[Tensor, " k"], beta: float | None = None) -> Float32[Tensor, " k"]:
    """Return a loss weight for each class; the weights sum to the number of classes."""
    n = counts.double()
    raw = 1 / n if beta is None else (1 - beta) / (1 - beta**n)
    raw = torch.where(counts > 0, raw, 0)  # 1 / 0 is inf, and ends here
    total = raw.sum()
    return (raw * len(counts) / torch.where(total > 0, total, 1)).float()


def _scaled(raw, counts):
    raw = torch.where(counts > 0, raw, 0)
    total = raw.sum()
    return (raw * len(counts) / torch.where(total > 0, total, 1)).float()


@right("class by class with Python numbers")
def looped(counts, beta=None):
    raw = []
    for n in counts.tolist():
        if n == 0:
            raw.append(0.0)
        elif beta is None:
            raw.append(1.0 / n)
        else:
            raw.append((1.0 - beta) / (1.0 - beta**n))
    total = sum(raw)
    return torch.tensor([w * len(raw) / total if total else 0.0 for w in raw], dtype=torch.float32)


@right("on the classes that occur alone, without the factor that scaling cancels")
def masked(counts, beta=None):
    weights = torch.zeros(len(counts))
    present = counts > 0
    if not present.any():
        return weights
    n = counts[present].to(torch.float64)
    raw = n.reciprocal() if beta is None else 1 / (1 - torch.pow(torch.tensor(beta, dtype=torch.float64), n))
    weights[present] = (raw / raw.mean() * len(counts) / len(n)).float()
    return weights


@right("in single precision, with expm1 and a logarithm that keep the digits")
def by_expm1(counts, beta=None):
    n = counts.float()
    if beta is None:
        raw = n.clamp(min=1).reciprocal()
    else:
        log_beta = math.log(beta) if beta > 0 else -math.inf
        raw = 1 / -torch.expm1(n.clamp(min=1) * log_beta)
    raw = raw * (counts != 0)
    return raw / (raw.sum() + 1e-12) * counts.numel()


@wrong("gives a class without samples an infinite weight, and so spoils the sum of all")
def infinite(counts, beta=None):
    n = counts.double()
    raw = 1 / n if beta is None else (1 - beta) / (1 - beta**n)
    return (raw / raw.sum() * len(counts)).float()


@wrong("counts a class without samples as one with a single sample, and gives it the largest weight of all")
def at_least_one(counts, beta=None):
    return class_balanced_weights(counts.clamp(min=1), beta)


@wrong("adds one sample to every class to keep clear of zero")
def smoothed(counts, beta=None):
    n = counts.double() + 1
    return _scaled(1 / n if beta is None else (1 - beta) / (1 - beta**n), counts)


@wrong("divides zero by zero when no class occurs")
def nothing_over_nothing(counts, beta=None):
    n = counts.double()
    raw = torch.where(counts > 0, 1 / n if beta is None else (1 - beta) / (1 - beta**n), 0)
    return (raw / raw.sum() * len(counts)).float()


@wrong("scales the weights to sum to 1")
def sum_of_one(counts, beta=None):
    return class_balanced_weights(counts, beta) / max(len(counts), 1)


@wrong("scales the weights to sum to the number of classes that occur")
def sum_of_present(counts, beta=None):
    return class_balanced_weights(counts, beta) * (counts > 0).sum() / max(len(counts), 1)


@wrong("scales nothing and returns the raw weights")
def unscaled(counts, beta=None):
    n = counts.double()
    return torch.where(counts > 0, 1 / n if beta is None else (1 - beta) / (1 - beta**n), 0).float()


@wrong("weighs by N / (k n), so that the weighted samples and not the weights have the mean 1")
def sample_mean(counts, beta=None):
    n = counts.double()
    raw = torch.where(counts > 0, 1 / n if beta is None else (1 - beta) / (1 - beta**n), 0)
    total = (raw * n).sum()
    return (raw * n.sum() / torch.where(total > 0, total, 1)).float()


@wrong("returns the effective number itself, which grows with the count, instead of its inverse")
def effective_number(counts, beta=None):
    n = counts.double()
    return _scaled(n if beta is None else (1 - beta**n) / (1 - beta), counts)


@wrong("takes beta = 0 for no beta")
def falsy_beta(counts, beta=None):
    return class_balanced_weights(counts, beta or None)


@wrong("ignores beta and always uses the inverse frequency")
def without_beta(counts, beta=None):
    return class_balanced_weights(counts)


@wrong("raises beta to the share of the samples instead of their number")
def power_of_share(counts, beta=None):
    n = counts.double()
    return _scaled(1 / n if beta is None else (1 - beta) / (1 - beta ** (n / n.sum())), counts)


@wrong("multiplies beta by n where a power is asked for")
def times_n(counts, beta=None):
    n = counts.double()
    return _scaled(1 / n if beta is None else (1 - beta) / (1 - beta * n), counts)


@wrong("uses the complement 1 - n / N where the inverse frequency is asked for")
def complement(counts, beta=None):
    n = counts.double()
    return _scaled(1 - n / n.sum() if beta is None else (1 - beta) / (1 - beta**n), counts)


@wrong("takes the square root of the inverse frequency, which is a milder weighting")
def square_root(counts, beta=None):
    n = counts.double()
    return _scaled(n.rsqrt() if beta is None else (1 - beta) / (1 - beta**n), counts)


@right("in single precision throughout")
def single_precision(counts, beta=None):
    return _scaled(1 / counts if beta is None else (1 - beta) / (1 - beta**counts), counts)


@wrong("divides whole numbers and loses the fraction")
def whole_division(counts, beta=None):
    if beta is not None:
        return class_balanced_weights(counts, beta)
    return _scaled((counts.sum() // counts.clamp(min=1)).double(), counts)


@wrong("returns float64")
def double(counts, beta=None):
    return class_balanced_weights(counts, beta).double()


@wrong("replaces the zeros in the caller's own tensor")
def in_place(counts, beta=None):
    present = counts > 0
    counts[~present] = 1
    n = counts.double()
    return _scaled(1 / n if beta is None else (1 - beta) / (1 - beta**n), present)


@wrong("leaves out the classes that never occur, so that the weights no longer line up with the classes")
def shortened(counts, beta=None):
    return class_balanced_weights(counts, beta)[counts > 0]


@wrong("scales the largest weight to 1")
def largest_one(counts, beta=None):
    found = class_balanced_weights(counts, beta)
    return found / found.max() if counts.any() else found


@wrong("hides zero counts behind a tiny number, which gives classes without samples nearly all the weight")
def tiny_count(counts, beta=None):
    n = counts.double() + 1e-6
    raw = 1 / n if beta is None else (1 - beta) / (1 - beta**n)
    return (raw / raw.sum() * len(counts)).float()


@wrong("returns ones when no class occurs")
def ones_for_nothing(counts, beta=None):
    return class_balanced_weights(counts, beta) if counts.any() else torch.ones(len(counts))


@wrong("takes the logarithm of the inverse frequency")
def logarithm(counts, beta=None):
    n = counts.double()
    return _scaled(torch.log(n.sum() / n) if beta is None else (1 - beta) / (1 - beta**n), counts)
