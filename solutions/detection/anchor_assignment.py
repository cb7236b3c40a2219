"""Assign anchors to ground truth boxes.

Which anchor learns to find which object? Given iou [a, m], the overlap of each of a anchors with each of
m ground truth boxes (numbers in [0, 1]), return a pair (label, matched) of int64 tensors of shape [a]:

1. matched is the ground truth with which the anchor overlaps most, the lowest index on ties. Every
   anchor has one, also an anchor that overlaps nothing (then all are tied, and it is 0).
2. With the anchor's largest overlap v: label 1 (positive) if v >= pos, label 0 (negative) if v < neg,
   and label -1 (ignored by the loss) otherwise. 0 < neg <= pos.
3. No object is to be left out: for each ground truth, every anchor that reaches the largest overlap of
   any anchor with it becomes positive, whatever rule 2 said. That holds for all of them on ties, and
   only if this overlap is greater than 0. These anchors keep the matched of rule 1, even where that is
   another ground truth.

* m = 0: every label and every matched is 0. a = 0: both results are empty.
* iou stays as it is.

Example: iou = [[0.6, 0.5], [0.75, 0.25], [0.2, 0.1]] with the default thresholds gives label (1, 1, 0)
and matched (0, 0, 0). Anchor 0 would be ignored, but is the best that ground truth 1 can have; it keeps
matched 0, with which it overlaps more.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor

from grader import right, wrong

LEVEL = 3
MINUTES = 25
HINTS = (
    "Two different maxima are needed: one along each row, for every anchor, and one along each column, for "
    "every ground truth. Which of them decides what, and in which order?",
    "Start with every label ignored, then set the positives and the negatives by threshold, and the rescued "
    "anchors last. An index of a column's maximum names one anchor only; a comparison with its value, all.",
    "An anchor is rescued if, in any column, its overlap equals that column's maximum and is greater than "
    "zero. Maxima over an axis of size 0 do not exist: a row and a column of zeros more change no result.",
)


def assign_anchors(
    iou: Float[Tensor, "a m"], pos: float = 0.7, neg: float = 0.3
) -> tuple[Int64[Tensor, " a"], Int64[Tensor, " a"]]:
    """Return each anchor's label (1 positive, 0 negative, -1 ignored) and its ground truth."""
    a, m = iou.shape
    padded = F.pad(iou, (0, 1, 0, 1))  # zeros that change no maximum, for a = 0 and m = 0
    best, matched = padded[:a].max(dim=1)
    reached = padded[:, :m].amax(dim=0)  # m

    label = torch.full_like(matched, -1)
    label[best < neg] = 0
    label[best >= pos] = 1
    label[((iou == reached) & (iou > 0)).any(dim=1)] = 1
    return label, matched


@right("with loops over anchors and ground truths")
def looped(iou, pos=0.7, neg=0.3):
    label, matched = [], []
    for row in iou.tolist():
        best = max(row, default=0.0)
        matched.append(row.index(best) if row else 0)
        label.append(1 if best >= pos else 0 if best < neg else -1)
    for column in iou.T.tolist():
        most = max(column, default=0.0)
        for i, value in enumerate(column):
            if value == most and value > 0:
                label[i] = 1
    return [torch.tensor(label, dtype=torch.int64), torch.tensor(matched, dtype=torch.int64)]


@right("with nested where and nonzero, and early returns for the empty cases")
def nested(iou, pos=0.7, neg=0.3):
    a, m = iou.shape
    if a == 0 or m == 0:
        return torch.zeros(a, dtype=torch.long), torch.zeros(a, dtype=torch.long)
    matched = torch.argmax(iou, dim=1)
    best = iou.gather(1, matched[:, None]).squeeze(1)
    label = torch.where(best >= pos, 1, torch.where(best < neg, 0, -1))
    for j in range(m):
        top = iou[:, j].max()
        if top.item() > 0:
            label[torch.nonzero(iou[:, j] == top).flatten()] = 1
    return label, matched


@right("rescues only for a ground truth that no anchor overlaps by pos, which comes to the same")
def only_the_missed(iou, pos=0.7, neg=0.3):
    a, m = iou.shape
    label, matched = torch.zeros(a, dtype=torch.long), torch.zeros(a, dtype=torch.long)
    if a == 0 or m == 0:
        return label, matched
    best, matched = iou.sort(dim=1, descending=True, stable=True)
    best, matched = best[:, 0], matched[:, 0]
    label = (best >= pos).long() - ((best >= neg) & (best < pos)).long()
    for column in iou.unbind(1):
        if 0 < column.max() < pos:
            label = torch.where(column >= column.max(), 1, label)
    return label, matched


def _by_threshold(iou, pos, neg):
    a = len(iou)
    best, matched = F.pad(iou, (0, 1)).max(dim=1) if a else (iou.new_zeros(0), torch.zeros(0).long())
    label = torch.full((a,), -1)
    label[best < neg] = 0
    label[best >= pos] = 1
    return label, matched, best


def _rescued(iou):
    """Return whether an anchor is the best of a ground truth, [a, m]."""
    return (iou == F.pad(iou, (0, 0, 0, 1)).amax(dim=0)) & (iou > 0)


@wrong("leaves out a ground truth that no anchor overlaps by the threshold")
def thresholds_only(iou, pos=0.7, neg=0.3):
    label, matched, _ = _by_threshold(iou, pos, neg)
    return label, matched


@wrong("rescues the first of several equally good anchors only")
def first_best_only(iou, pos=0.7, neg=0.3):
    label, matched, _ = _by_threshold(iou, pos, neg)
    if len(iou):
        top, at = iou.max(dim=0)
        label[at[top > 0]] = 1
    return label, matched


@wrong("rescues anchors for a ground truth that no anchor overlaps at all, and so makes all of them positive")
def rescues_at_zero(iou, pos=0.7, neg=0.3):
    label, matched, _ = _by_threshold(iou, pos, neg)
    if len(iou):
        label[(iou == iou.amax(dim=0)).any(dim=1)] = 1
    return label, matched


@wrong("hands a rescued anchor over to the ground truth that rescued it")
def hands_over(iou, pos=0.7, neg=0.3):
    label, matched = assign_anchors(iou, pos, neg)
    for j, rescued in enumerate(_rescued(iou).unbind(1)):
        matched[rescued] = j
    return label, matched


@wrong("rescues first and lets the thresholds overrule it")
def rescued_too_early(iou, pos=0.7, neg=0.3):
    label, matched, best = _by_threshold(iou, pos, neg)
    label[_rescued(iou).any(dim=1)] = 1
    label[best < neg] = 0
    return label, matched


@wrong("rescues only anchors between the thresholds, and leaves negatives negative")
def ignored_only(iou, pos=0.7, neg=0.3):
    label, matched, _ = _by_threshold(iou, pos, neg)
    label[_rescued(iou).any(dim=1) & (label == -1)] = 1
    return label, matched


@wrong("rescues an anchor only if it overlaps its ground truth by at least neg")
def rescued_above_neg(iou, pos=0.7, neg=0.3):
    label, matched, _ = _by_threshold(iou, pos, neg)
    label[(_rescued(iou) & (iou >= neg)).any(dim=1)] = 1
    return label, matched


@wrong("rescues an anchor only for the ground truth that it is matched to")
def own_match_only(iou, pos=0.7, neg=0.3):
    label, matched, _ = _by_threshold(iou, pos, neg)
    if iou.shape[1]:
        label[_rescued(iou).gather(1, matched[:, None])[:, 0]] = 1
    return label, matched


@wrong("asks for more than pos, where an overlap of exactly pos is positive")
def more_than_pos(iou, pos=0.7, neg=0.3):
    label, matched, best = _by_threshold(iou, pos, neg)
    label[best == pos] = -1
    label[_rescued(iou).any(dim=1)] = 1
    return label, matched


@wrong("makes an overlap of exactly neg negative, where it is ignored")
def neg_included(iou, pos=0.7, neg=0.3):
    label, matched, best = _by_threshold(iou, pos, neg)
    label[(best == neg) & (best < pos)] = 0
    label[_rescued(iou).any(dim=1)] = 1
    return label, matched


@wrong("knows no ignored anchors: whatever is not positive is negative")
def none_ignored(iou, pos=0.7, neg=0.3):
    label, matched = assign_anchors(iou, pos, neg)
    return label.clamp(min=0), matched


@wrong("exchanges the labels of negative and ignored anchors")
def exchanged_labels(iou, pos=0.7, neg=0.3):
    label, matched = assign_anchors(iou, pos, neg)
    return torch.where(label < 1, -1 - label, label), matched


@wrong("thresholds the sum of an anchor's overlaps instead of the largest")
def summed_overlap(iou, pos=0.7, neg=0.3):
    total = iou.sum(dim=1)
    label, matched, _ = _by_threshold(iou, pos, neg)
    label = torch.where(total >= pos, 1, torch.where(total < neg, 0, -1))
    label[_rescued(iou).any(dim=1)] = 1
    return label, matched


@wrong("gives matched = -1 to anchors that are not positive")
def unmatched(iou, pos=0.7, neg=0.3):
    label, matched = assign_anchors(iou, pos, neg)
    return label, torch.where(label == 1, matched, -1)


@wrong("breaks ties between ground truths towards the highest index")
def last_on_ties(iou, pos=0.7, neg=0.3):
    label, matched = assign_anchors(iou, pos, neg)
    return label, iou.shape[1] - 1 - iou.flip(1).argmax(dim=1) if iou.shape[1] else matched


@wrong("gives each ground truth an anchor of its own, one-to-one")
def one_to_one(iou, pos=0.7, neg=0.3):
    label, matched, _ = _by_threshold(iou, pos, neg)
    left = iou.clone()
    for _ in range(min(iou.shape)):
        i, j = divmod(int(left.argmax()), iou.shape[1])
        if left[i, j] > 0:
            label[i], matched[i] = 1, j
        left[i], left[:, j] = 0, 0
    return label, matched


@wrong("always uses the default thresholds")
def fixed_thresholds(iou, pos=0.7, neg=0.3):
    return assign_anchors(iou)


@wrong("has the default thresholds 0.5 and 0.4")
def other_defaults(iou, pos=0.5, neg=0.4):
    return assign_anchors(iou, pos, neg)


@wrong("fails when there is no ground truth")
def fails_without_truth(iou, pos=0.7, neg=0.3):
    iou.max(dim=1)
    return assign_anchors(iou, pos, neg)


@wrong("fails when there is no anchor")
def fails_without_anchors(iou, pos=0.7, neg=0.3):
    iou.max(dim=0)
    return assign_anchors(iou, pos, neg)


@wrong("ignores every anchor when there is no ground truth")
def ignored_without_truth(iou, pos=0.7, neg=0.3):
    label, matched = assign_anchors(iou, pos, neg)
    return (label if iou.shape[1] else torch.full_like(label, -1)), matched


@wrong("returns the labels as floats")
def float_labels(iou, pos=0.7, neg=0.3):
    label, matched = assign_anchors(iou, pos, neg)
    return label.to(iou.dtype), matched


@wrong("returns (matched, label), in this order")
def exchanged_results(iou, pos=0.7, neg=0.3):
    label, matched = assign_anchors(iou, pos, neg)
    return matched, label


@wrong("clears small overlaps in the caller's own tensor")
def in_place(iou, pos=0.7, neg=0.3):
    found = assign_anchors(iou, pos, neg)
    iou[iou < neg] = 0
    return found


@wrong("rescues the best of the anchors matched to a ground truth, not of all anchors")
def best_of_its_own(iou, pos=0.7, neg=0.3):
    label, matched, best = _by_threshold(iou, pos, neg)
    for j in range(iou.shape[1]):
        own = matched == j
        if own.any() and best[own].max() > 0:
            label[own & (best == best[own].max())] = 1
    return label, matched


@wrong("rescues only the anchor with the largest overlap of all")
def best_of_all(iou, pos=0.7, neg=0.3):
    label, matched, best = _by_threshold(iou, pos, neg)
    if iou.numel():
        label[(best == best.max()) & (best > 0)] = 1
    return label, matched


@wrong("takes an anchor within a hundredth of the best for one of the best")
def nearly_best(iou, pos=0.7, neg=0.3):
    label, matched, _ = _by_threshold(iou, pos, neg)
    top = F.pad(iou, (0, 0, 0, 1)).amax(dim=0)
    label[((iou >= top - 0.01) & (iou > 0)).any(dim=1)] = 1
    return label, matched


@wrong("returns one tensor of two rows instead of a pair")
def one_tensor(iou, pos=0.7, neg=0.3):
    return torch.stack(assign_anchors(iou, pos, neg))
