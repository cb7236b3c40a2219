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

from grader import right, wrong

LEVEL = 2
MINUTES = 20
HINTS = (
    "What is the least you have to remember of all the pixels seen so far, so that every class's overlap "
    "and union can be read from it at any time?",
    "A confusion matrix adds up over batches. Leave ignored pixels out before counting pairs; a pair "
    "(true, predicted) is one number in base K.",
    "The overlap is the diagonal, the union is row sum plus column sum minus the diagonal. A class whose "
    "union is 0 gives 0 / 0, which is the NaN asked for; take the mean over the others.",
)


class MeanIoU:
    """Mean intersection over union from one confusion matrix."""

    def __init__(self, num_classes: int, ignore_index: int = 255):
        """Start with nothing counted."""
        self.num_classes, self.ignore_index = num_classes, ignore_index
        self.cm = torch.zeros(num_classes, num_classes, dtype=torch.int64)  # true, predicted

    def update(self, pred: Int64[Tensor, "b h w"], target: Int64[Tensor, "b h w"]) -> None:
        """Add a batch to the counts."""
        k, valid = self.num_classes, target != self.ignore_index
        pairs = target[valid] * k + pred[valid]
        self.cm += torch.bincount(pairs, minlength=k * k).reshape(k, k)

    def compute(self) -> tuple[float, Float32[Tensor, " num_classes"]]:
        """Return the mean IoU and the IoU of each class, over all updates so far."""
        overlap = self.cm.diagonal()
        union = self.cm.sum(dim=0) + self.cm.sum(dim=1) - overlap
        iou = overlap / union  # 0 / 0 is NaN: the class is absent
        return iou.nanmean().item(), iou


def _iou(cm):
    return cm.diagonal() / (cm.sum(0) + cm.sum(1) - cm.diagonal())


def _count(pred, target, k, ignore_index):
    valid = target != ignore_index
    return torch.bincount(target[valid] * k + pred[valid], minlength=k * k).reshape(k, k)


@right("with the overlap and the union of each class, counted with comparisons")
class Compared:
    def __init__(self, num_classes, ignore_index=255):
        self.ignored = ignore_index
        self.inter, self.union = [0] * num_classes, [0] * num_classes

    def update(self, pred, target):
        valid = target != self.ignored
        for c in range(len(self.inter)):
            p, t = (pred == c) & valid, (target == c) & valid
            self.inter[c] += int((p & t).sum())
            self.union[c] += int((p | t).sum())

    def compute(self):
        iou = [i / u if u else float("nan") for i, u in zip(self.inter, self.union)]
        seen = [v for v in iou if v == v]
        return sum(seen) / len(seen) if seen else float("nan"), torch.tensor(iou)


@right("in NumPy, pixel by pixel, with rows and columns the other way round")
class Pixelwise:
    def __init__(self, num_classes, ignore_index=255):
        import numpy as np

        self.np, self.ignore_index = np, ignore_index
        self.hist = np.zeros((num_classes, num_classes))

    def update(self, pred, target):
        for p, t in zip(pred.flatten().tolist(), target.flatten().tolist()):
            if t != self.ignore_index:
                self.hist[p, t] += 1

    def compute(self):
        np, inter = self.np, self.np.diag(self.hist)
        with np.errstate(all="ignore"):
            iou = inter / (self.hist.sum(0) + self.hist.sum(1) - inter)
        seen = ~np.isnan(iou)
        miou = float(iou[seen].mean()) if seen.any() else float("nan")
        return miou, torch.tensor(iou, dtype=torch.float32)


@right("by keeping the pixels until they are asked for, with a tiny constant under the division")
class Kept:
    def __init__(self, num_classes, ignore_index=255):
        self.k, self.ignore_index, self.seen = num_classes, ignore_index, []

    def update(self, pred, target):
        self.seen.append((pred.clone().reshape(-1), target.clone().reshape(-1)))

    def compute(self):
        pred, target = (torch.cat([torch.zeros(0).long(), *(s[i] for s in self.seen)]) for i in (0, 1))
        pred, target = pred[target != self.ignore_index], target[target != self.ignore_index]
        p = torch.nn.functional.one_hot(pred, self.k).float()
        t = torch.nn.functional.one_hot(target, self.k).float()
        inter, union = (p * t).sum(0), torch.maximum(p, t).sum(0)
        iou = torch.where(union > 0, inter / (union + 1e-7), torch.full_like(union, torch.nan))
        return [iou[union > 0].mean(), iou]


@right("with index_put and no ignored row")
class Scattered:
    def __init__(self, num_classes, ignore_index=255):
        # One more row takes whatever is ignored, and is cut off.
        self.k, self.ignore_index = num_classes, ignore_index
        self.cm = torch.zeros(num_classes + 1, num_classes, dtype=torch.long)

    def update(self, pred, target):
        t = torch.where(target == self.ignore_index, self.k, target)
        self.cm.index_put_((t, pred), torch.ones_like(t), accumulate=True)

    def compute(self):
        cm = self.cm[: self.k].double()
        tp = cm.diag()
        iou = (tp / (tp + (cm.sum(0) - tp) + (cm.sum(1) - tp))).float()
        return torch.nanmean(iou), iou


@wrong("averages the mean IoUs of single images")
class PerImage(MeanIoU):
    def __init__(self, num_classes, ignore_index=255):
        super().__init__(num_classes, ignore_index)
        self.mious = []

    def update(self, pred, target):
        super().update(pred, target)
        for p, t in zip(pred, target):
            iou = _iou(_count(p, t, self.num_classes, self.ignore_index))
            if not iou.isnan().all():
                self.mious.append(iou.nanmean())

    def compute(self):
        _, iou = super().compute()
        return (torch.stack(self.mious).mean().item() if self.mious else float("nan")), iou


@wrong("averages the IoUs of the single updates")
class PerUpdate(MeanIoU):
    def __init__(self, num_classes, ignore_index=255):
        super().__init__(num_classes, ignore_index)
        self.ious = []

    def update(self, pred, target):
        self.ious.append(_iou(_count(pred, target, self.num_classes, self.ignore_index)))

    def compute(self):
        if not self.ious:
            return super().compute()
        iou = torch.stack(self.ious).nanmean(dim=0)
        return iou.nanmean().item(), iou


@wrong("gives a class that occurs nowhere the IoU 0")
class AbsentIsZero(MeanIoU):
    def compute(self):
        iou = _iou(self.cm).nan_to_num(0.0)
        return iou.mean().item(), iou


@wrong("gives a class that occurs nowhere the IoU 1")
class AbsentIsOne(MeanIoU):
    def compute(self):
        iou = _iou(self.cm).nan_to_num(1.0)
        return iou.mean().item(), iou


@wrong("lets the NaN of one absent class spread to the mean")
class NanMean(MeanIoU):
    def compute(self):
        iou = _iou(self.cm)
        return iou.mean().item(), iou


@wrong("returns a NaN for absent classes but counts them as 0 in the mean")
class AbsentInMean(MeanIoU):
    def compute(self):
        iou = _iou(self.cm)
        if iou.isnan().all():
            return float("nan"), iou
        return iou.nan_to_num(0.0).mean().item(), iou


@wrong("leaves out classes that are never true, although they were predicted")
class OnlyTrue(MeanIoU):
    def compute(self):
        iou = _iou(self.cm).where(self.cm.sum(1) > 0, torch.nan)
        return iou.nanmean().item(), iou


@wrong("leaves out every class whose IoU is 0")
class OnlyFound(MeanIoU):
    def compute(self):
        iou = _iou(self.cm)
        found = iou[iou > 0]
        return (found.mean().item() if len(found) else float("nan")), iou


@wrong("starts again after each compute")
class Resetting(MeanIoU):
    def compute(self):
        found = super().compute()
        self.cm = torch.zeros_like(self.cm)
        return found


@wrong("remembers only the last update")
class LastOnly(MeanIoU):
    def update(self, pred, target):
        self.cm.zero_()
        super().update(pred, target)


@wrong("keeps the counts on the class, where all metrics share them")
class Shared(MeanIoU):
    counts = torch.zeros(0, 0, dtype=torch.int64)

    def __init__(self, num_classes, ignore_index=255):
        self.num_classes, self.ignore_index = num_classes, ignore_index
        Shared.counts = torch.zeros(num_classes, num_classes, dtype=torch.int64)

    @property
    def cm(self):
        return Shared.counts

    @cm.setter
    def cm(self, value):
        Shared.counts = value


@wrong("counts what was predicted on ignored pixels as false positives")
class IgnoredInUnion(MeanIoU):
    def update(self, pred, target):
        super().update(pred, target)
        extra = torch.bincount(pred[target == self.ignore_index], minlength=self.num_classes)
        self.extra = getattr(self, "extra", 0) + extra

    def compute(self):
        tp = self.cm.diagonal()
        iou = tp / (self.cm.sum(0) + self.cm.sum(1) - tp + getattr(self, "extra", 0))
        return iou.nanmean().item(), iou


@wrong("takes ignored pixels for class 0")
class IgnoredIsBackground(MeanIoU):
    def update(self, pred, target):
        super().update(pred, target.where(target != self.ignore_index, 0))


@wrong("always ignores 255, whatever ignore_index says")
class Always255(MeanIoU):
    def __init__(self, num_classes, ignore_index=255):
        super().__init__(num_classes)


@wrong("counts ignored pixels as a pair like any other, which does not fit into the matrix")
class Unmasked(MeanIoU):
    def update(self, pred, target):
        k = self.num_classes
        self.cm += torch.bincount((target * k + pred).flatten(), minlength=k * k).reshape(k, k)


@wrong("leaves out predicted pixels by ignore_index, instead of true ones")
class MaskedByPrediction(MeanIoU):
    def update(self, pred, target):
        valid = pred != self.ignore_index
        for t, p in zip(target[valid].tolist(), pred[valid].tolist()):
            self.cm[min(max(t, 0), self.num_classes - 1), p] += 1


@wrong("computes the Dice coefficient, twice the overlap over the sum of both")
class Dice(MeanIoU):
    def compute(self):
        iou = 2 * self.cm.diagonal() / (self.cm.sum(0) + self.cm.sum(1))
        return iou.nanmean().item(), iou


@wrong("counts the overlap twice in the union")
class UnionTooLarge(MeanIoU):
    def compute(self):
        iou = self.cm.diagonal() / (self.cm.sum(0) + self.cm.sum(1))
        return iou.nanmean().item(), iou


@wrong("divides by the true pixels of the class, which is recall")
class Recall(MeanIoU):
    def compute(self):
        iou = self.cm.diagonal() / self.cm.sum(1)
        return iou.nanmean().item(), iou


@wrong("weights the classes in the mean by their true pixels")
class FrequencyWeighted(MeanIoU):
    def compute(self):
        iou, share = _iou(self.cm), self.cm.sum(1) / self.cm.sum()
        return (float("nan") if iou.isnan().all() else (iou.nan_to_num(0) * share).sum().item()), iou


@wrong("returns the share of pixels that are right in place of the mean IoU")
class PixelAccuracy(MeanIoU):
    def compute(self):
        return (self.cm.diagonal().sum() / self.cm.sum()).item(), _iou(self.cm)


@wrong("divides the overlap of all classes together by their union, instead of averaging over classes")
class Micro(MeanIoU):
    def compute(self):
        tp = self.cm.diagonal()
        return (tp.sum() / (self.cm.sum(0) + self.cm.sum(1) - tp).sum()).item(), _iou(self.cm)


@wrong("asks for no least number of bins, so that the counts have no place for the last classes")
class TooFewBins(MeanIoU):
    def update(self, pred, target):
        k, valid = self.num_classes, target != self.ignore_index
        self.cm += torch.bincount(target[valid] * k + pred[valid]).reshape(k, k)


@wrong("adds one where a pair occurs, however often it does in the batch")
class OncePerPair(MeanIoU):
    def update(self, pred, target):
        valid = target != self.ignore_index
        self.cm[target[valid], pred[valid]] += 1


@wrong("counts in numbers of 8 bits, which overflow")
class Overflowing(MeanIoU):
    def __init__(self, num_classes, ignore_index=255):
        super().__init__(num_classes, ignore_index)
        self.cm = self.cm.to(torch.uint8)

    def update(self, pred, target):
        self.cm += _count(pred, target, self.num_classes, self.ignore_index).to(torch.uint8)


@wrong("leaves class 0 out of the mean, as if the background did not count")
class WithoutBackground(MeanIoU):
    def compute(self):
        _, iou = super().compute()
        return iou[1:].nanmean().item(), iou


@wrong("returns the IoUs first and the mean second")
class Swapped(MeanIoU):
    def compute(self):
        return super().compute()[::-1]


@wrong("returns 0 before anything has been counted")
class ZeroAtFirst(MeanIoU):
    def compute(self):
        miou, iou = super().compute()
        return (0.0 if miou != miou else miou), iou


@wrong("replaces ignored labels in the caller's own target")
class InPlace(MeanIoU):
    def update(self, pred, target):
        valid = target != self.ignore_index
        target[~valid] = 0
        self.cm += _count(pred[valid], target[valid], self.num_classes, -12345)
