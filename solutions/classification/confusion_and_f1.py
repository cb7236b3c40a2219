"""Confusion matrix, precision, recall and F1.

pred [N] and target [N] hold the predicted and the true class of each sample, ints from 0 to
num_classes - 1. With K = num_classes, return (cm, precision, recall, f1, macro_f1):

    cm         [K, K]  int64    row = true class, column = predicted class, entry = number of samples
    precision  [K]     float32  of the samples predicted as the class, the share that belongs to it
    recall     [K]     float32  of the samples that belong to the class, the share predicted as it
    f1         [K]     float32  2 * precision * recall / (precision + recall)
    macro_f1                    mean of f1 over all K classes, a float or a 0-d tensor

* Wherever this asks for 0 / 0, the value is 0, never NaN: a class never predicted has precision 0, a
  class without samples has recall 0. Both have f1 = 0, and count in the mean.
* N may be 0: then everything is 0. pred and target stay as they are.
* Write it without a loop over the samples if you can (think of counting pairs); a loop is not refused.

Example: pred (0, 0, 1, 1), target (0, 1, 1, 2), num_classes = 3 give
cm ((1, 0, 0), (1, 1, 0), (0, 1, 0)), precision (1/2, 1/2, 0), recall (1, 1/2, 0), f1 (2/3, 1/2, 0)
and macro_f1 = 7/18.
"""

import torch
from jaxtyping import Float32, Int64
from torch import Tensor

from grader import right, wrong

LEVEL = 2
MINUTES = 15
HINTS = (
    "All metrics can be read from the matrix: its diagonal, its row sums, its column sums. Which sum counts "
    "the samples of a class, and which one the predictions?",
    "A pair (true, predicted) is a single number in base K. Counting those numbers counts the pairs, and a "
    "numerator above an empty denominator is always 0 here.",
    "Count true * K + predicted with K * K bins and reshape. Precision divides the diagonal by the column "
    "sums, recall by the row sums, F1 twice the diagonal by both together; raise every denominator to one.",
)


def confusion_and_f1(
    pred: Int64[Tensor, " n"], target: Int64[Tensor, " n"], num_classes: int
) -> tuple[
    Int64[Tensor, "num_classes num_classes"],
    Float32[Tensor, " num_classes"],
    Float32[Tensor, " num_classes"],
    Float32[Tensor, " num_classes"],
    float,
]:
    """Return the confusion matrix, precision, recall and F1 per class, and the mean F1."""
    pairs = torch.bincount(target * num_classes + pred, minlength=num_classes**2)
    cm = pairs.reshape(num_classes, num_classes)  # true, predicted
    hits, predicted, actual = cm.diagonal(), cm.sum(dim=0), cm.sum(dim=1)
    precision = _share(hits, predicted)
    recall = _share(hits, actual)
    f1 = _share(2 * hits, predicted + actual)
    return cm, precision, recall, f1, f1.mean().item()


def _share(part, whole):
    return part / whole.clamp(min=1)  # an empty whole has an empty part


def _count(pred, target, num_classes):
    cm = torch.zeros(num_classes, num_classes, dtype=torch.long)
    for t, p in zip(target.tolist(), pred.tolist()):
        cm[t, p] += 1
    return cm


def _metrics(cm):
    """Metrics of a matrix of counts, by the textbook."""
    tp = cm.diagonal().double()
    precision, recall = tp / cm.sum(0).clamp(min=1), tp / cm.sum(1).clamp(min=1)
    both = precision + recall
    f1 = torch.where(both > 0, 2 * precision * recall / both.where(both > 0, 1), 0)
    return cm, precision.float(), recall.float(), f1.float(), f1.mean().item()


@right("with a loop over the samples and another over the classes, as a list")
def looped(pred, target, num_classes):
    cm = _count(pred, target, num_classes)
    precision, recall, f1 = [], [], []
    for c in range(num_classes):
        tp = cm[c, c].item()
        fp, fn = cm[:, c].sum().item() - tp, cm[c].sum().item() - tp
        precision.append(tp / (tp + fp) if tp + fp else 0.0)
        recall.append(tp / (tp + fn) if tp + fn else 0.0)
        p, r = precision[-1], recall[-1]
        f1.append(2 * p * r / (p + r) if p + r else 0.0)
    return [cm, torch.tensor(precision), torch.tensor(recall), torch.tensor(f1), sum(f1) / num_classes]


@right("with one-hot matrices and NaN replaced afterwards")
def one_hot(pred, target, num_classes):
    t = torch.nn.functional.one_hot(target, num_classes)
    p = torch.nn.functional.one_hot(pred, num_classes)
    tp = (t * p).sum(0).float()
    precision, recall = (tp / p.sum(0)).nan_to_num(0), (tp / t.sum(0)).nan_to_num(0)
    f1 = (2 * precision * recall / (precision + recall)).nan_to_num(0)
    return t.T @ p, precision, recall, f1, f1.mean()


@right("with accumulated index_put and a tiny constant in the denominators")
def accumulated(pred, target, num_classes):
    cm = torch.zeros(num_classes, num_classes, dtype=torch.int64)
    cm.index_put_((target, pred), torch.ones_like(target), accumulate=True)
    tp = torch.diag(cm).float()
    precision, recall = tp / (cm.sum(0) + 1e-7), tp / (cm.sum(1) + 1e-7)
    f1 = 2 * precision * recall / (precision + recall + 1e-7)
    return cm, precision, recall, f1, float(f1.sum() / num_classes)


@right("with comparisons against every class")
def by_comparison(pred, target, num_classes):
    c = torch.arange(num_classes)
    is_true, is_pred = target[None] == c[:, None], pred[None] == c[:, None]
    cm = (is_true[:, None] & is_pred[None]).sum(-1)
    tp, fp, fn = (is_true & is_pred).sum(1), (~is_true & is_pred).sum(1), (is_true & ~is_pred).sum(1)
    zero = torch.zeros(())
    precision = torch.where(tp + fp > 0, tp / (tp + fp), zero)
    recall = torch.where(tp + fn > 0, tp / (tp + fn), zero)
    f1 = torch.where(2 * tp + fp + fn > 0, tp / (tp + (fp + fn) / 2), zero)
    return cm, precision, recall, f1, f1.mean()


@wrong("puts the predicted class in the rows and the true class in the columns of the matrix")
def transposed(pred, target, num_classes):
    cm, *metrics = confusion_and_f1(pred, target, num_classes)
    return cm.T, *metrics


@wrong("takes predictions for truth throughout: the matrix is transposed, precision and recall exchanged")
def mirrored(pred, target, num_classes):
    return confusion_and_f1(target, pred, num_classes)


@wrong("exchanges precision and recall")
def exchanged(pred, target, num_classes):
    cm, precision, recall, f1, macro = confusion_and_f1(pred, target, num_classes)
    return cm, recall, precision, f1, macro


@wrong("adds to indexed cells all at once, so that a pair that occurs often counts once")
def counted_once(pred, target, num_classes):
    cm = torch.zeros(num_classes, num_classes, dtype=torch.long)
    cm[target, pred] += 1
    return _metrics(cm)


@wrong("counts without a least number of bins, which fails when the last pair never occurs")
def too_few_bins(pred, target, num_classes):
    cm = torch.bincount(target * num_classes + pred).reshape(num_classes, num_classes)
    return _metrics(cm)


@wrong("divides zero by zero for a class that is never seen")
def nan_for_absent(pred, target, num_classes):
    cm = _count(pred, target, num_classes)
    tp = cm.diagonal().float()
    precision, recall = tp / cm.sum(0), tp / cm.sum(1)
    f1 = 2 * precision * recall / (precision + recall)
    return cm, precision, recall, f1, f1.mean().item()


@wrong("guards precision and recall, but not F1, against zero by zero")
def nan_in_f1(pred, target, num_classes):
    cm, precision, recall, _, _ = confusion_and_f1(pred, target, num_classes)
    f1 = 2 * precision * recall / (precision + recall)
    return cm, precision, recall, f1, f1.mean().item()


@wrong("scores a class that is never seen with 1 instead of 0")
def perfect_when_absent(pred, target, num_classes):
    cm = _count(pred, target, num_classes)
    tp, predicted, actual = cm.diagonal(), cm.sum(0), cm.sum(1)
    parts = ((tp, predicted), (tp, actual), (2 * tp, predicted + actual))
    precision, recall, f1 = (torch.where(b > 0, a / b.clamp(min=1), 1.0) for a, b in parts)
    return cm, precision, recall, f1, f1.mean().item()


@wrong("averages F1 only over the classes that occur")
def over_present(pred, target, num_classes):
    cm, precision, recall, f1, _ = confusion_and_f1(pred, target, num_classes)
    seen = cm.sum(0) + cm.sum(1) > 0
    return cm, precision, recall, f1, f1[seen].mean().item() if seen.any() else 0.0


@wrong("averages F1 only over the classes that have samples")
def over_true(pred, target, num_classes):
    cm, precision, recall, f1, _ = confusion_and_f1(pred, target, num_classes)
    seen = cm.sum(1) > 0
    return cm, precision, recall, f1, f1[seen].mean().item() if seen.any() else 0.0


@wrong("weights the classes in the mean by their number of samples")
def weighted(pred, target, num_classes):
    cm, precision, recall, f1, _ = confusion_and_f1(pred, target, num_classes)
    actual = cm.sum(1)
    return cm, precision, recall, f1, ((f1 * actual).sum() / actual.sum().clamp(min=1)).item()


@wrong("pools all classes before F1 (micro instead of macro), which gives the accuracy")
def micro(pred, target, num_classes):
    cm, precision, recall, f1, _ = confusion_and_f1(pred, target, num_classes)
    return cm, precision, recall, f1, (cm.diagonal().sum() / cm.sum().clamp(min=1)).item()


@wrong("takes the F1 of the mean precision and the mean recall instead of the mean of F1")
def f1_of_means(pred, target, num_classes):
    cm, precision, recall, f1, _ = confusion_and_f1(pred, target, num_classes)
    p, r = precision.mean().item(), recall.mean().item()
    return cm, precision, recall, f1, 2 * p * r / (p + r) if p + r else 0.0


@wrong("takes the arithmetic mean of precision and recall for F1")
def arithmetic(pred, target, num_classes):
    cm, precision, recall, _, _ = confusion_and_f1(pred, target, num_classes)
    f1 = (precision + recall) / 2
    return cm, precision, recall, f1, f1.mean().item()


@wrong("forgets the factor two in F1")
def half(pred, target, num_classes):
    cm, precision, recall, f1, macro = confusion_and_f1(pred, target, num_classes)
    return cm, precision, recall, f1 / 2, macro / 2


@wrong("smooths: adds one to every denominator")
def smoothed(pred, target, num_classes):
    cm = _count(pred, target, num_classes)
    tp, predicted, actual = cm.diagonal(), cm.sum(0), cm.sum(1)
    precision, recall, f1 = tp / (predicted + 1), tp / (actual + 1), 2 * tp / (predicted + actual + 1)
    return cm, precision, recall, f1, f1.mean().item()


@wrong("adds a constant to the denominators that is not small beside a share")
def padded(pred, target, num_classes):
    cm, precision, recall, _, _ = confusion_and_f1(pred, target, num_classes)
    f1 = 2 * precision * recall / (precision + recall + 1e-3)
    return cm, precision, recall, f1, f1.mean().item()


@wrong("returns a matrix of floats")
def float_matrix(pred, target, num_classes):
    cm, *metrics = confusion_and_f1(pred, target, num_classes)
    return cm.float(), *metrics


@wrong("normalises the rows of the matrix")
def row_shares(pred, target, num_classes):
    cm, *metrics = confusion_and_f1(pred, target, num_classes)
    return cm / cm.sum(1, keepdim=True).clamp(min=1), *metrics


@wrong("returns float64 vectors")
def double_precision(pred, target, num_classes):
    cm, precision, recall, f1, macro = confusion_and_f1(pred, target, num_classes)
    return cm, precision.double(), recall.double(), f1.double(), macro


@wrong("forgets to return macro_f1")
def four_things(pred, target, num_classes):
    return confusion_and_f1(pred, target, num_classes)[:4]


@wrong("builds the pair numbers in the caller's own target")
def in_place(pred, target, num_classes):
    before = target.clone()
    target.mul_(num_classes).add_(pred)
    return confusion_and_f1(pred, before, num_classes)


@wrong("works out the number of classes from the data")
def guessed_classes(pred, target, num_classes):
    seen = torch.cat([pred, target])
    return confusion_and_f1(pred, target, int(seen.max()) + 1 if len(seen) else num_classes)


@wrong("leaves class 0 out of the mean as if it were background")
def without_background(pred, target, num_classes):
    cm, precision, recall, f1, _ = confusion_and_f1(pred, target, num_classes)
    return cm, precision, recall, f1, f1[1:].mean().item() if num_classes > 1 else 0.0


@wrong("takes the geometric mean of precision and recall for F1")
def geometric(pred, target, num_classes):
    cm, precision, recall, _, _ = confusion_and_f1(pred, target, num_classes)
    f1 = (precision * recall).sqrt()
    return cm, precision, recall, f1, f1.mean().item()


@wrong("numbers the pairs in a base one too small, so that different pairs meet in one cell")
def small_base(pred, target, num_classes):
    pairs = torch.bincount(target * (num_classes - 1) + pred, minlength=num_classes**2)
    return _metrics(pairs.reshape(num_classes, num_classes))
