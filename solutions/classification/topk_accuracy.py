"""Top-k accuracy for several k at once.

logits [B, K] holds a score per sample and class, target [B] the true class of each sample. A sample is a
hit at k if its true class is among the k classes with the largest logits. Return a dict that gives, for
each k in ks, the share of hits: a number from 0 to 1.

* Equal logits are ranked by class: the lower index comes first. So each class of a row has one
  definite rank, and exactly k classes are among the k largest.
* ks may be in any order, and the keys of the dict are its ints. For ks = () return {}.
* Any k that is smaller than 1 or larger than K: raise ValueError. (k may well be larger than B.)
* B may be 0, and then every share is 0.0.
* Logits are finite and may be large (hundreds). logits and target stay as they are.
* A share may be a float or a 0-d tensor.

Example: logits ((3, 1, 2), (0, 5, 5)) with target (2, 2) rank the true class second in the first row,
and second in the second, behind its equal of lower index. So ks = (1, 2) gives {1: 0.0, 2: 1.0}.
"""

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from grader import right, wrong

LEVEL = 2
MINUTES = 10
HINTS = (
    "Compute the rank of the true class once per sample; every k is then a single comparison.",
    "The rank is the number of classes that come before the true one. Which classes do, when some logits are "
    "equal? Mind that not every function that sorts promises an order among equals.",
    "Before the true class come all classes with a larger logit, and those with an equal logit and a lower "
    "index. Count both per row; a hit at k is a count below k. A stable descending sort gives the same.",
)


def topk_accuracy(
    logits: Float[Tensor, "b k"], target: Int64[Tensor, " b"], ks: tuple[int, ...]
) -> dict[int, float]:
    """Return for each k the share of samples whose target is among the k largest logits."""
    num_classes = logits.shape[1]
    for k in ks:
        if not 1 <= k <= num_classes:
            raise ValueError(f"k must lie between 1 and {num_classes}, not be {k}")
    own = logits.gather(1, target[:, None])  # b 1
    lower = torch.arange(num_classes, device=logits.device) < target[:, None]
    before = (logits > own) | ((logits == own) & lower)  # b k
    rank = before.sum(dim=1)  # 0 for the best
    return {k: (rank < k).sum().item() / max(len(target), 1) for k in ks}


def _refuse(logits, ks):
    if any(k < 1 or k > logits.shape[1] for k in ks):
        raise ValueError("k out of range")


def _shares(rank, ks):
    return {k: (rank < k).double().mean().item() if len(rank) else 0.0 for k in ks}


@right("with a stable descending sort, and 0-d tensors for the shares")
def stably_sorted(logits, target, ks):
    _refuse(logits, ks)
    order = torch.sort(logits, dim=1, descending=True, stable=True).indices
    hit = (order == target[:, None]).float()
    return {k: hit[:, :k].sum() / max(1, logits.size(0)) for k in ks}


@right("with Python's sort, sample by sample")
def python_sorted(logits, target, ks):
    _refuse(logits, ks)
    hits = dict.fromkeys(ks, 0)
    for row, t in zip(logits.tolist(), target.tolist()):
        order = sorted(range(len(row)), key=lambda i: (-row[i], i))
        for k in ks:
            hits[k] += t in order[:k]
    return {k: n / len(logits) if len(logits) else 0.0 for k, n in hits.items()}


@right("with one arg-max after another, each struck out in a copy")
def struck_out(logits, target, ks):
    result, rest = {}, logits.detach().clone()
    _refuse(logits, ks)
    found = torch.zeros(len(target), dtype=torch.bool)
    for k in range(1, max(ks, default=0) + 1):
        best = rest.argmax(dim=1, keepdim=True)
        rest.scatter_(1, best, float("-inf"))
        found = found | (best[:, 0] == target)
        result[k] = found.float().mean().item() if len(found) else 0.0
    return {k: result[k] for k in ks}


@right("with a stable sort of the reversed rows")
def reversed_rows(logits, target, ks):
    _refuse(logits, ks)
    k_max = logits.shape[1]
    order = k_max - 1 - logits.flip(1).argsort(dim=1, stable=True).flip(1)
    rank = (order == target.unsqueeze(1)).int().argmax(dim=1)
    return _shares(rank, ks)


@wrong("leaves equal logits to topk, which promises no order among them")
def by_topk(logits, target, ks):
    _refuse(logits, ks)
    if not ks or not len(target):
        return dict.fromkeys(ks, 0.0)
    order = logits.topk(max(ks), dim=1).indices
    return {k: (order[:, :k] == target[:, None]).any(dim=1).double().mean().item() for k in ks}


@wrong("decides every tie in favour of the true class")
def hopeful(logits, target, ks):
    _refuse(logits, ks)
    return _shares((logits > logits.gather(1, target[:, None])).sum(dim=1), ks)


@wrong("decides every tie against the true class")
def gloomy(logits, target, ks):
    _refuse(logits, ks)
    return _shares((logits >= logits.gather(1, target[:, None])).sum(dim=1) - 1, ks)


@wrong("ranks the higher index first among equal logits")
def higher_first(logits, target, ks):
    return topk_accuracy(logits.flip(1), logits.shape[1] - 1 - target, ks)


@wrong("takes a k beyond the number of classes for all classes, without an error")
def cut_down(logits, target, ks):
    return {k: v for k in ks for v in topk_accuracy(logits, target, (min(k, logits.shape[1]),)).values()}


@wrong("accepts a k below 1")
def nothing_chosen(logits, target, ks):
    good = topk_accuracy(logits, target, tuple(max(k, 1) for k in ks))
    return {k: good[k] if k > 0 else 0.0 for k in ks}


@wrong("compares k with the size of the batch instead of the number of classes")
def k_against_batch(logits, target, ks):
    if any(k < 1 or k > len(logits) for k in ks):
        raise ValueError("k out of range")
    order = logits.sort(dim=1, descending=True, stable=True).indices
    return _shares((order == target[:, None]).int().argmax(dim=1), ks)


@wrong("divides by zero for an empty batch")
def nan_when_empty(logits, target, ks):
    found = topk_accuracy(logits, target, ks)
    return found if len(logits) else dict.fromkeys(found, float("nan"))


@wrong("looks for the largest of ks, which fails when there is none")
def largest_of_none(logits, target, ks):
    if max(ks) > logits.shape[1]:
        raise ValueError("k out of range")
    return topk_accuracy(logits, target, ks)


@wrong("counts a hit only where the true class comes exactly k-th")
def exactly_kth(logits, target, ks):
    _refuse(logits, ks)
    order = logits.sort(dim=1, descending=True, stable=True).indices
    n = max(len(target), 1)
    return {k: (order[:, k - 1] == target).sum().item() / n for k in ks}


@wrong("is one place too generous")
def one_more(logits, target, ks):
    _refuse(logits, ks)
    order = logits.sort(dim=1, descending=True, stable=True).indices
    n = max(len(target), 1)
    return {k: (order[:, : k + 1] == target[:, None]).sum().item() / n for k in ks}


@wrong("takes the k smallest logits")
def smallest(logits, target, ks):
    return topk_accuracy(-logits, target, ks)


@wrong("returns percent")
def percent(logits, target, ks):
    return {k: 100 * v for k, v in topk_accuracy(logits, target, ks).items()}


@wrong("returns numbers of hits instead of shares")
def hits(logits, target, ks):
    return {k: v * len(target) for k, v in topk_accuracy(logits, target, ks).items()}


@wrong("divides by the number of classes instead of the number of samples")
def over_classes(logits, target, ks):
    found = topk_accuracy(logits, target, ks)
    return {k: v * len(target) / logits.shape[1] for k, v in found.items()}


@wrong("divides each share by its k, as a precision would")
def over_k(logits, target, ks):
    return {k: v / k for k, v in topk_accuracy(logits, target, ks).items()}


@wrong("ranks softmax probabilities, of which small ones are all the same 0")
def underflowing(logits, target, ks):
    return topk_accuracy(logits.softmax(dim=1), target, ks)


@wrong("strikes out each maximum in the caller's own tensor")
def in_place(logits, target, ks):
    result = topk_accuracy(logits, target, ks)
    for _ in range(max(ks, default=0)):
        with torch.no_grad():
            logits.scatter_(1, logits.argmax(dim=1, keepdim=True), float("-inf"))
    return result


@wrong("names the entries 'top1', 'top5' instead of using the ints")
def named_keys(logits, target, ks):
    return {f"top{k}": v for k, v in topk_accuracy(logits, target, ks).items()}


@wrong("returns a list of shares")
def as_list(logits, target, ks):
    return list(topk_accuracy(logits, target, ks).values())


@wrong("leaves a k that is too large to topk, which raises an error of another kind")
def other_error(logits, target, ks):
    for k in ks:
        logits.topk(k, dim=1)
    return topk_accuracy(logits, target, ks)


@wrong("sorts ks for itself and hands the shares back in that order")
def paired_anew(logits, target, ks):
    return dict(zip(ks, topk_accuracy(logits, target, tuple(sorted(ks))).values()))


@wrong("averages over the classes of the targets instead of over the samples")
def per_class(logits, target, ks):
    parts = [topk_accuracy(logits[target == c], target[target == c], ks) for c in target.unique()]
    return (
        {k: sum(p[k] for p in parts) / len(parts) for k in ks} if parts else topk_accuracy(logits, target, ks)
    )


@wrong("works in half precision, where close logits become equal")
def half_precision(logits, target, ks):
    return topk_accuracy(logits.half(), target, ks)
