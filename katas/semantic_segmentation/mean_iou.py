"""Mean IoU over a whole data set.

The measure of semantic segmentation: for each class, the pixels that truth and prediction share, divided
by the pixels that at least one of them gives to the class. Counts are gathered over the whole data set
and divided only at the end, so that a small image does not weigh as much as a large one.

    metric = MeanIoU(num_classes, ignore_index=255)
    metric.update(pred [B, H, W], target [B, H, W])      once for each batch; returns None
    miou, iou = metric.compute()                         at any time, as often as you like

* pred and target hold classes from 0 to num_classes - 1, int64. target may also hold ignore_index: such
  a pixel counts nowhere, whatever pred says there. ignore_index is an int outside the classes, such as
  255 or -1.
* IoU of class c = pixels with pred = target = c, divided by pixels with pred = c or target = c, over all
  updates so far. Batches may differ in B, H and W; B may be 0.
* iou [num_classes] is a float32 tensor. A class that occurs neither in pred nor in target (on pixels
  that count) has IoU NaN. A class that was predicted but is never true has IoU 0, and so has one that
  is true but was never predicted.
* miou is the mean of the IoUs that are not NaN, a float or a 0-d tensor. Where nothing has been counted
  yet it is NaN.
* compute changes nothing: updates after it add to the same counts. Two metrics are independent.
* pred and target stay as they are. All tensors are on the CPU.

Example, num_classes = 4: pred (0, 0, 1, 1, 3), target (0, 1, 1, 1, 255) as one image of 1 x 5 pixels.
Class 0 has 1 of 2 pixels right, class 1 has 2 of 3; classes 2 and 3 occur nowhere that counts. So iou is
(1/2, 2/3, NaN, NaN) and miou is 7/12.
"""

import torch
from jaxtyping import Float32, Int64
from torch import Tensor


class MeanIoU:
    """Mean intersection over union from one confusion matrix."""

    def __init__(self, num_classes: int, ignore_index: int = 255):
        """Start with nothing counted."""
        raise NotImplementedError

    def update(self, pred: Int64[Tensor, "b h w"], target: Int64[Tensor, "b h w"]) -> None:
        """Add a batch to the counts."""
        raise NotImplementedError

    def compute(self) -> tuple[float, Float32[Tensor, " num_classes"]]:
        """Return the mean IoU and the IoU of each class, over all updates so far."""
        raise NotImplementedError
