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
    raise NotImplementedError
