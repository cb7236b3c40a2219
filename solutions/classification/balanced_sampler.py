"""Sampling probabilities that balance the classes.

labels [N] holds the class of each sample, an int from 0 to num_classes - 1. Return a probability for
every sample, so that drawing samples with these probabilities meets every class equally often.

* The probabilities are positive and sum to 1 over the N samples.
* Samples of the same class have the same probability.
* Every class that is present, that is, has at least one sample, has the same total over its samples.
  With C classes present that total is 1/C. A class without samples takes no share and does no harm.
* Return float64 [N], in the order of labels, worked out in float64: a value may be off by one part in
  10^8. (Mind that dividing tensors of ints gives float32, which is less exact than that.)
* N may be 0, and then the result is empty. labels stay as they are.

Example: labels (0, 0, 0, 2) with num_classes = 3 give (1/6, 1/6, 1/6, 1/2): two classes are present,
and each has the total 1/2.
"""

import torch
from jaxtyping import Float64, Int64
from torch import Tensor

from grader import right, wrong

LEVEL = 1
MINUTES = 10
HINTS = (
    "If a class is to be met with probability 1/C, how is that shared out among its samples?",
    "Two things are needed per sample: how many samples its class has, and how many classes have any. "
    "One count per class gives both.",
    "Count the labels, look up each sample's own count, and multiply it by the number of counts above zero; "
    "the probability is one over that product, taken in double precision.",
)


def sampler_probs(labels: Int64[Tensor, " n"], num_classes: int) -> Float64[Tensor, " n"]:
    """Return for each sample the probability with which to draw it."""
    counts = torch.bincount(labels, minlength=num_classes)
    present = (counts > 0).sum()
    return 1 / (present * counts[labels]).double()


@right("with weights per class that are normalised over the samples")
def normalised(labels, num_classes):
    counts = torch.bincount(labels, minlength=num_classes).to(torch.float64)
    weight = torch.where(counts > 0, 1 / counts.clamp(min=1), torch.zeros_like(counts))
    probs = weight[labels]
    return probs / probs.sum()


@right("with the classes that occur and the place of each sample among them")
def with_unique(labels, num_classes):
    _, inverse, counts = torch.unique(labels, return_inverse=True, return_counts=True)
    return (1.0 / counts.double() / len(counts))[inverse]


@right("with a loop over the classes")
def per_class(labels, num_classes):
    probs = torch.zeros(labels.shape[0], dtype=torch.double)
    classes = [c for c in range(num_classes) if (labels == c).any()]
    for c in classes:
        mask = labels == c
        probs[mask] = 1.0 / (len(classes) * mask.sum().item())
    return probs


@right("with a dictionary of counts")
def with_counter(labels, num_classes):
    counts: dict[int, int] = {}
    for label in labels.tolist():
        counts[label] = counts.get(label, 0) + 1
    return torch.tensor([1 / counts[c] / len(counts) for c in labels.tolist()], dtype=torch.float64)


@right("with a matrix of which samples share a class, and a tiny floor")
def by_pairs(labels, num_classes):
    alike = (labels[:, None] == labels[None, :]).double().sum(1)
    weight = 1 / (alike + 1e-12)
    return weight / (weight.sum() + 1e-12)


@wrong("gives every one of num_classes a share, so that absent classes keep theirs and the sum stays below 1")
def absent_share(labels, num_classes):
    counts = torch.bincount(labels, minlength=num_classes)
    return 1 / (num_classes * counts[labels]).double()


@wrong("lets the infinite weight of an absent class into the sum, and is left with NaN")
def infinite(labels, num_classes):
    weight = 1 / torch.bincount(labels, minlength=num_classes).double()
    probs = (weight / weight.sum())[labels]
    return probs / probs.sum()


@wrong("normalises the weights over the classes, so that the samples sum to more than 1")
def over_classes(labels, num_classes):
    counts = torch.bincount(labels, minlength=num_classes).double()
    weight = torch.where(counts > 0, 1 / counts.clamp(min=1), 0.0)
    return (weight / weight.sum())[labels]


@wrong("returns inverse frequencies that are not normalised")
def unnormalised(labels, num_classes):
    return 1 / torch.bincount(labels, minlength=num_classes)[labels].double()


@wrong("scales the weights to a mean of 1 instead of a sum of 1")
def mean_of_one(labels, num_classes):
    return sampler_probs(labels, num_classes) * len(labels)


@wrong("draws every sample with the same probability, which leaves the classes as they were")
def uniform(labels, num_classes):
    return torch.full((len(labels),), 1 / max(len(labels), 1), dtype=torch.float64)


@wrong("prefers the frequent classes: the weight is the count, not its inverse")
def by_count(labels, num_classes):
    weight = torch.bincount(labels, minlength=num_classes)[labels].double()
    return weight / weight.sum()


@wrong("takes the square root of the inverse frequency, which balances by halves")
def by_root(labels, num_classes):
    weight = torch.bincount(labels, minlength=num_classes)[labels].double().rsqrt()
    return weight / weight.sum()


@wrong("adds one to each count to be safe from zeros, which shifts the shares")
def plus_one(labels, num_classes):
    weight = 1 / (torch.bincount(labels, minlength=num_classes)[labels] + 1).double()
    return weight / weight.sum()


@wrong("divides whole numbers without remainder")
def whole_numbers(labels, num_classes):
    weight = (len(labels) // torch.bincount(labels, minlength=num_classes)[labels]).double()
    return weight / weight.sum()


@wrong("looks labels up in the counts of the classes that occur, which are numbered differently")
def misplaced(labels, num_classes):
    _, counts = torch.unique(labels, return_counts=True)
    return 1 / (len(counts) * counts[labels]).double()


@wrong("returns the probabilities in the order of the classes, not of the samples")
def sorted_by_class(labels, num_classes):
    return sampler_probs(labels.sort().values, num_classes)


@wrong("returns one probability per class")
def one_per_class(labels, num_classes):
    counts = torch.bincount(labels, minlength=num_classes)
    return (counts > 0).double() / max(1, int((counts > 0).sum()))


@wrong("returns float32")
def single_precision(labels, num_classes):
    return sampler_probs(labels, num_classes).float()


@wrong("divides in float32 and converts too late")
def converted_late(labels, num_classes):
    counts = torch.bincount(labels, minlength=num_classes)
    return (1 / ((counts > 0).sum() * counts[labels])).double()


@wrong("cannot take an empty set of labels")
def never_empty(labels, num_classes):
    counts = torch.bincount(labels, minlength=int(labels.max()) + 1)
    return sampler_probs(labels, len(counts))


@wrong("leaves class 0 out as if it were background")
def background(labels, num_classes):
    weight = sampler_probs(labels, num_classes) * (labels > 0)
    return weight / weight.sum()


@wrong("renumbers the classes in the caller's own labels")
def in_place(labels, num_classes):
    inverse = torch.unique(labels, return_inverse=True)[1]
    labels.copy_(inverse)
    return sampler_probs(labels, num_classes)


@wrong("weights by the number of samples outside the class, which balances two classes only")
def complement(labels, num_classes):
    weight = (len(labels) - torch.bincount(labels, minlength=num_classes)[labels]).double()
    return weight / weight.sum() if weight.any() else sampler_probs(labels, num_classes)


@wrong("takes a softmax of the inverse counts")
def softmaxed(labels, num_classes):
    return torch.softmax(1 / torch.bincount(labels, minlength=num_classes)[labels].double(), dim=0)
