"""The area under the ROC curve.

The AUROC says how well scores tell anomalies from normal samples, whatever threshold is chosen later. It
is the chance that a random anomaly has a higher score than a random normal sample:

    auroc = (pairs with s_a > s_n  +  half the pairs with s_a = s_n) / (all pairs)

where a pair is one anomaly (score s_a) and one normal sample (score s_n).

* scores [N] are finite floats, not sorted and not confined to [0, 1]; higher means more anomalous.
  labels [N] (int64) are 1 for an anomaly and 0 for a normal sample.
* A tie counts one half, in whatever order the samples come. Two scores tie only if they are equal: do
  not round them (to float32, say), squash them or sort them into bins.
* Return a number from 0 to 1. 0.5 is a guess, and below 0.5 the scores point the wrong way; do not turn
  them round.
* Without an anomaly or without a normal sample (N = 0, too) nothing can be compared: raise ValueError.
* The inputs stay as they are. All tensors are on the CPU. No gradient is asked for.

The pixels of a test set are too many for a matrix of all pairs. Sorting takes O(N log N): give every
sample its rank from 1 to N, where samples that tie share the mean of their ranks. With P anomalies and
Q normal samples

    auroc = (sum of the ranks of the anomalies - P (P + 1) / 2) / (P Q)

Only the number is graded, though, not the way to it.

Example: scores (0.1, 0.4, 0.4, 0.8) with labels (0, 0, 1, 1). Of the four pairs three are won and one is
a tie: 3.5 / 4 = 0.875. The ranks are 1, 2.5, 2.5 and 4, so (6.5 - 3) / 4 is the same.
"""

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from grader import right, wrong

LEVEL = 2
MINUTES = 20
HINTS = (
    "You need ranks, not the curve. What rank do samples get that tie, so that their order does not matter?",
    "torch.unique gives the distinct scores in rising order, the group of every sample and the size of every "
    "group. How many samples lie below a group, and which ranks does it take up?",
    "A group of m samples with k below it takes the ranks k + 1 to k + m, whose mean is k + (m + 1) / 2; k "
    "is the running sum of sizes up to, but without, the group. Look up every anomaly's group, add up, put "
    "into the formula. Raise first if P or Q is 0.",
)


def auroc(scores: Float[Tensor, " n"], labels: Int64[Tensor, " n"]) -> float:
    """Return the area under the ROC curve of the scores."""
    positive = labels == 1
    P = int(positive.sum())
    Q = len(labels) - P
    if P == 0 or Q == 0:
        raise ValueError("AUROC compares anomalies with normal samples, and one of them is missing.")
    _, group, size = scores.detach().unique(return_inverse=True, return_counts=True)
    twice = 2 * size.cumsum(0) - size + 1  # the mean rank of each group, doubled to stay a whole number
    total = twice[group][positive].sum().item() / 2
    return (total - P * (P + 1) / 2) / (P * Q)


def _parts(scores, labels):
    """Return the scores of anomalies and of normal samples; both have to be there."""
    a, n = scores[labels == 1], scores[labels == 0]
    if len(a) == 0 or len(n) == 0:
        raise ValueError("one class only")
    return a, n


def _curve(scores, labels, thresholds):
    """Return false and true positive rates at thresholds."""
    a, n = _parts(scores, labels)
    tpr, fpr = ((s >= thresholds[:, None]).double().mean(1) for s in (a, n))
    return fpr, tpr


@right("by comparing every pair")
def all_pairs(scores, labels):
    a, n = scores[labels == 1], scores[labels == 0]
    if not len(a) or not len(n):
        raise ValueError("one class only")
    gap = a[:, None] - n
    return ((gap > 0).float() + 0.5 * (gap == 0).float()).mean()


@right("in a loop over samples in rising order, tie by tie, with plain numbers")
def looped(scores, labels):
    pairs = sorted(zip(scores.tolist(), labels.tolist()))
    below = won = ties = i = 0
    while i < len(pairs):
        group = [label for score, label in pairs[i:] if score == pairs[i][0]]
        p = sum(group)
        won, ties = won + p * below, ties + p * (len(group) - p)
        below, i = below + len(group) - p, i + len(group)
    positives = len(pairs) - below
    if positives * below == 0:
        raise ValueError("both classes are needed")
    return (won + ties / 2) / (positives * below)


@right("as the area under the curve, with the trapezoidal rule over distinct thresholds")
def trapezoids(scores, labels):
    assert len(scores) == len(labels)
    if labels.sum() == 0 or labels.sum() == len(labels):
        raise ValueError("undefined")
    order = scores.argsort(descending=True)
    s, y = scores[order], labels[order].to(torch.float64)
    last = torch.cat([s[1:] != s[:-1], torch.tensor([True])])
    tp, fp = y.cumsum(0)[last], (1 - y).cumsum(0)[last]
    zero = torch.zeros(1, dtype=torch.float64)
    tpr, fpr = torch.cat([zero, tp / tp[-1]]), torch.cat([zero, fp / fp[-1]])
    return torch.trapezoid(tpr, fpr)


@right("by looking each anomaly up among the sorted normal scores, from both sides")
def searched(scores, labels):
    a, n = _parts(scores, labels)
    n = n.sort().values
    lower, upper = torch.searchsorted(n, a), torch.searchsorted(n, a, right=True)
    return float((lower + upper).sum()) / (2 * len(a) * len(n))


@right("in NumPy, with the mean of first and last ranks, from float32")
def in_numpy(scores, labels):
    import numpy as np

    s, y = scores.numpy(), labels.numpy()
    p, q = float((y == 1).sum()), float((y == 0).sum())
    if p * q == 0:
        raise ValueError("one class only")
    ranked = np.sort(s)
    rank = (np.searchsorted(ranked, s, "left") + 1 + np.searchsorted(ranked, s, "right")) / 2
    return torch.tensor((rank[y == 1].sum() - p * (p + 1) / 2) / p / q, dtype=torch.float32)


@wrong("ranks samples that tie in the order in which they stand")
def ties_in_order(scores, labels):
    a, n = _parts(scores, labels)
    rank = scores.argsort(stable=True).argsort()[labels == 1] + 1
    return float(rank.sum() - len(a) * (len(a) + 1) / 2) / (len(a) * len(n))


@wrong("counts a tie as won")
def ties_won(scores, labels):
    a, n = _parts(scores, labels)
    return (a[:, None] >= n).double().mean().item()


@wrong("counts a tie as lost")
def ties_lost(scores, labels):
    a, n = _parts(scores, labels)
    return (a[:, None] > n).double().mean().item()


@wrong("leaves the ties out, of the number of pairs as well")
def ties_left_out(scores, labels):
    a, n = _parts(scores, labels)
    gap = a[:, None] - n
    return ((gap > 0).sum() / (gap != 0).sum()).item() if gap.any() else 0.5


@wrong("gives samples that tie the next rank with no gap after it, so that ranks end below N")
def dense_ranks(scores, labels):
    a, n = _parts(scores, labels)
    rank = scores.unique(return_inverse=True)[1][labels == 1] + 1
    return float(rank.sum() - len(a) * (len(a) + 1) / 2) / (len(a) * len(n))


@wrong("counts the ranks from 0")
def ranks_from_zero(scores, labels):
    _, n = _parts(scores, labels)
    return auroc(scores, labels) - 1 / len(n)


@wrong("takes the order that sorts the scores for their ranks")
def order_for_ranks(scores, labels):
    a, n = _parts(scores, labels)
    rank = scores.argsort(stable=True)[labels == 1] + 1
    return float(rank.sum() - len(a) * (len(a) + 1) / 2) / (len(a) * len(n))


@wrong("forgets to subtract the ranks that the anomalies have among themselves")
def nothing_subtracted(scores, labels):
    a, n = _parts(scores, labels)
    return auroc(scores, labels) + (len(a) + 1) / (2 * len(n))


@wrong("divides by all pairs of samples, those of one class too")
def all_by_all(scores, labels):
    a, n = _parts(scores, labels)
    return auroc(scores, labels) * len(a) * len(n) / (len(scores) * (len(scores) - 1) / 2)


@wrong("takes a high score for normal")
def turned(scores, labels):
    return 1 - auroc(scores, labels)


@wrong("turns scores round that do worse than a guess")
def flattered(scores, labels):
    found = auroc(scores, labels)
    return max(found, 1 - found)


@wrong("returns 0.5 where one class is missing")
def guess_when_missing(scores, labels):
    return auroc(scores, labels) if 0 < labels.sum() < len(labels) else 0.5


@wrong("returns 0 where one class is missing")
def zero_when_missing(scores, labels):
    return auroc(scores, labels) if 0 < labels.sum() < len(labels) else 0.0


@wrong("divides zero by zero where one class is missing")
def nan_when_missing(scores, labels):
    return auroc(scores, labels) if 0 < labels.sum() < len(labels) else float("nan")


@wrong("refuses only samples without an anomaly, and lets those without a normal one through")
def normal_forgotten(scores, labels):
    if len(labels) and bool((labels == 1).all()):
        return 1.0
    return auroc(scores, labels)


@wrong("refuses only samples without a normal one, and lets those without an anomaly through")
def anomalies_forgotten(scores, labels):
    if len(labels) and bool((labels == 0).all()):
        return 0.0
    return auroc(scores, labels)


@wrong("compares at ten thresholds instead of at every score")
def few_thresholds(scores, labels):
    _parts(scores, labels)
    low, high = scores.min(), scores.max()
    steps = torch.linspace(1, 0, 10).to(scores) * (high - low) + low
    fpr, tpr = _curve(scores, labels, steps)
    zero = torch.zeros(1).double()
    return torch.trapezoid(torch.cat([zero, tpr]), torch.cat([zero, fpr])).item()


@wrong("puts thresholds only between 0 and 1")
def thresholds_of_shares(scores, labels):
    _parts(scores, labels)
    inside = scores[(scores >= 0) & (scores <= 1)].unique().flip(0)
    ends = torch.tensor([float("inf")]).to(scores), torch.tensor([float("-inf")]).to(scores)
    fpr, tpr = _curve(scores, labels, torch.cat([ends[0], inside, ends[1]]))
    return torch.trapezoid(tpr, fpr).item()


@wrong("takes the sigmoid of the scores first, which makes large ones tie")
def squashed(scores, labels):
    return auroc(scores.sigmoid(), labels)


@wrong("rounds the scores, so that near ones tie")
def rounded(scores, labels):
    return auroc((scores * 100).round(), labels)


@wrong("takes scores for tied that are nearly equal")
def nearly_tied(scores, labels):
    a, n = _parts(scores, labels)
    close = torch.isclose(a[:, None], n, rtol=1e-5, atol=1e-8)
    return ((a[:, None] > n) & ~close).double().add(0.5 * close).mean().item()


@wrong("works in float32, in which near scores tie")
def single_precision(scores, labels):
    return auroc(scores.float(), labels)


@wrong("stretches the scores to run from 0 to 1 and stores them in half precision")
def stretched(scores, labels):
    _parts(scores, labels)
    shares = (scores - scores.min()) / (scores.max() - scores.min() + 1e-8)
    return auroc(shares.half(), labels)


@wrong("adds up rectangles under the curve instead of trapezoids")
def rectangles(scores, labels):
    _parts(scores, labels)
    fpr, tpr = _curve(scores, labels, scores.unique().flip(0))
    step = torch.diff(fpr, prepend=torch.zeros(1).double())
    return (step * tpr).sum().item()


@wrong("starts the curve at its highest score instead of at (0, 0)")
def without_origin(scores, labels):
    _parts(scores, labels)
    fpr, tpr = _curve(scores, labels, scores.unique().flip(0))
    return torch.trapezoid(tpr, fpr).item()


@wrong("makes a corner of the curve at every sample, those that tie too")
def corner_each(scores, labels):
    a, n = _parts(scores, labels)
    order = scores.argsort(descending=True, stable=True)
    tpr = (labels[order] == 1).cumsum(0) / len(a)
    fpr = (labels[order] == 0).cumsum(0) / len(n)
    zero = torch.zeros(1)
    return torch.trapezoid(torch.cat([zero, tpr]), torch.cat([zero, fpr])).item()


@wrong("returns the average precision, the area under another curve")
def average_precision(scores, labels):
    _parts(scores, labels)
    thresholds = scores.unique().flip(0)
    found = scores >= thresholds[:, None]
    hits = (found & (labels == 1)).sum(1)
    recall, precision = hits / (labels == 1).sum(), hits / found.sum(1)
    return (torch.diff(recall, prepend=torch.zeros(1)) * precision).sum().item()


@wrong("returns the accuracy at the best threshold")
def best_accuracy(scores, labels):
    _parts(scores, labels)
    steps = torch.cat([scores.unique(), torch.tensor([float("inf")]).to(scores)])
    return ((scores >= steps[:, None]) == (labels == 1)).double().mean(1).max().item()


@wrong("returns the difference of won and lost shares, which runs from -1 to 1")
def gini(scores, labels):
    return 2 * auroc(scores, labels) - 1


@wrong("returns per cent")
def per_cent(scores, labels):
    return 100 * auroc(scores, labels)


@wrong("returns a tensor with one axis instead of a number")
def in_a_list(scores, labels):
    return torch.tensor([auroc(scores, labels)])


@wrong("turns the caller's scores round in place")
def in_place(scores, labels):
    found = auroc(scores, labels)
    scores.neg_()
    return found
