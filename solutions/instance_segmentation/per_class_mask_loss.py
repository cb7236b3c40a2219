"""Mask loss on the channel of the true class.

A mask head predicts for each region a mask of m x m logits for every class, so that classes do not
compete inside the mask. Its loss looks at one of them only: the one of the region's true class.

    mask_logits  [R, K, m, m]    float32, one channel per class
    labels       [R]             int64, the true class of each region, from 0 to K - 1
    gt           [R, m, m]       float32, the true mask, from 0 to 1; most numbers are 0 or 1, but a
                                 resampled mask has fractions along its border, and they are kept

With x a logit of channel labels[r] of region r, s = sigmoid(x), and y the number of gt at the same
place, the loss is the mean of

    -(y * log(s) + (1 - y) * log(1 - s))

over all R * m * m places: the sum over the chosen channels, divided by R * m * m. The other K - 1
channels count neither in the sum nor in the divisor.

* Return a 0-d float32 tensor. Its gradient reaches the chosen channels and is exactly 0
  on all others. gt needs no gradient.
* R may be 0: the loss is then 0, not NaN, and still connected to the graph of mask_logits, so that
  backward() works and reaches the (empty) logits: a constant, or a fresh zero with requires_grad, will
  not do.
* Logits may be in the hundreds; the loss and its gradient stay finite and right.
* The inputs stay as they are. All tensors are on the CPU.

Example: R = 1, K = 2, m = 1, logits 5 for class 0 and 0 for class 1, label 1, gt 1: the loss is
log 2 = 0.6931, and class 0 has no part in it.
"""

import torch
from jaxtyping import Float32, Int64
from torch import Tensor
from torch.nn import functional as F

from grader import right, wrong

LEVEL = 2
MINUTES = 15
HINTS = (
    "First bring the logits into the shape of gt: one channel per region, each with its own index.",
    "An index of region numbers beside an index of labels picks one channel for each region. A single index "
    "along the class axis would pair every region with every label. And which function takes logits as "
    "they are?",
    "Pick entry (r, labels[r]) for all r at once; binary cross-entropy with logits, summed; then divide by "
    "the number of places, or by one if there are none. A sum over no logits is a zero with a graph.",
)


def per_class_mask_loss(
    mask_logits: Float32[Tensor, "r k m m"], labels: Int64[Tensor, " r"], gt: Float32[Tensor, "r m m"]
) -> Float32[Tensor, ""]:
    """Return the mean binary cross-entropy over the channels of the true classes."""
    chosen = mask_logits[torch.arange(len(labels)), labels]  # r m m
    total = F.binary_cross_entropy_with_logits(chosen, gt, reduction="sum")
    return total / max(gt.numel(), 1)


@right("with gather, a branch for no regions, and the library's mean")
def gathered(mask_logits, labels, gt):
    if mask_logits.shape[0] == 0:
        return mask_logits.sum() * 0
    r, _, h, w = mask_logits.shape
    index = labels.view(r, 1, 1, 1).expand(r, 1, h, w)
    return F.binary_cross_entropy_with_logits(mask_logits.gather(1, index).squeeze(1), gt.float())


@right("region by region, with the formula written out")
def looped(mask_logits, labels, gt):
    total = mask_logits.sum() * 0
    for logits, k, y in zip(mask_logits, labels.tolist(), gt):
        x = logits[k]
        total = total + (torch.logaddexp(x, torch.zeros_like(x)) - x * y).sum()
    return total / (gt.numel() or 1)


@right("with softplus over every channel, and a one-hot choice afterwards")
def chosen_afterwards(mask_logits, labels, gt):
    y = gt[:, None].expand_as(mask_logits)
    every = y * F.softplus(-mask_logits) + (1 - y) * F.softplus(mask_logits)
    here = F.one_hot(labels, mask_logits.shape[1]).bool()
    return every[here].sum() / max(1, len(labels) * gt.shape[1] * gt.shape[2])


@right("with a mean per region, and the regions averaged")
def averaged_twice(mask_logits, labels, gt):
    hot = torch.arange(mask_logits.shape[1]) == labels[:, None]
    x = torch.where(hot[:, :, None, None], mask_logits, 0).sum(dim=1)
    each = -(_y_log(x, gt) + _y_log(-x, 1 - gt)).flatten(1).mean(dim=1)
    return each.sum() / max(len(each), 1)


def _y_log(x, y):
    return y * F.logsigmoid(x)


def _chosen(mask_logits, labels):
    return mask_logits[torch.arange(len(labels)), labels]


def _mean(chosen, gt):
    return F.binary_cross_entropy_with_logits(chosen, gt, reduction="sum") / max(chosen.numel(), 1)


def _one_hot_target(mask_logits, labels, gt):
    hot = F.one_hot(labels, mask_logits.shape[1]).to(gt.dtype)
    return hot[:, :, None, None] * gt[:, None]


@wrong("averages over all K channels, the others with a mask of zeros to learn")
def over_all_channels(mask_logits, labels, gt):
    return _mean(mask_logits, _one_hot_target(mask_logits, labels, gt))


@wrong("picks the right channel, and then divides by the number of all channels as well")
def divided_by_channels(mask_logits, labels, gt):
    return per_class_mask_loss(mask_logits, labels, gt) / mask_logits.shape[1]


@wrong("sets the other channels' logits to zero and averages over all K, which adds log 2 for each")
def other_logits_zeroed(mask_logits, labels, gt):
    hot = F.one_hot(labels, mask_logits.shape[1]).to(gt.dtype)[:, :, None, None]
    return _mean(mask_logits * hot, hot * gt[:, None])


@wrong("sums over all K channels, the others with a mask of zeros to learn, and divides by the places of one")
def summed_over_channels(mask_logits, labels, gt):
    return over_all_channels(mask_logits, labels, gt) * mask_logits.shape[1]


@wrong("indexes the class axis with all labels at once, so that each region meets every region's class")
def every_label(mask_logits, labels, gt):
    chosen = mask_logits[:, labels]
    return _mean(chosen, gt[:, None].expand_as(chosen))


@wrong("counts classes from 1, as if channel 0 were the background")
def from_one(mask_logits, labels, gt):
    return per_class_mask_loss(mask_logits, labels - 1, gt)


@wrong("always takes the first channel")
def first_channel(mask_logits, labels, gt):
    return _mean(mask_logits[:, 0], gt)


@wrong("takes the class of the first region for all regions")
def one_class_for_all(mask_logits, labels, gt):
    return per_class_mask_loss(mask_logits, labels[:1].expand_as(labels), gt)


@wrong("takes the channel with the largest logits instead of the true class's")
def predicted_class(mask_logits, labels, gt):
    best = mask_logits.flatten(2).sum(-1).argmax(1)
    return per_class_mask_loss(mask_logits, best, gt)


@wrong("compares the mean of all channels with the mask")
def mean_channel(mask_logits, labels, gt):
    return _mean(mask_logits.mean(dim=1), gt)


@wrong("lets the classes compete: a softmax over the channels, and the cross-entropy of the true class")
def competing(mask_logits, labels, gt):
    logs = F.log_softmax(mask_logits, dim=1)
    return -(_chosen(logs, labels) * gt).sum() / max(gt.numel(), 1)


@wrong("applies the sigmoid twice, once by hand and once inside the loss")
def sigmoid_twice(mask_logits, labels, gt):
    return per_class_mask_loss(mask_logits.sigmoid(), labels, gt)


@wrong("takes the logarithm of a sigmoid that has become 0 or 1")
def unstable(mask_logits, labels, gt):
    s = _chosen(mask_logits, labels).sigmoid()
    return -(gt * s.log() + (1 - gt) * (1 - s).log()).sum() / max(gt.numel(), 1)


@wrong("takes the binary cross-entropy of probabilities, which is capped at 100")
def capped(mask_logits, labels, gt):
    s = _chosen(mask_logits, labels).sigmoid()
    return F.binary_cross_entropy(s, gt, reduction="sum") / max(gt.numel(), 1)


@wrong("returns the sum over the places instead of their mean")
def summed(mask_logits, labels, gt):
    return per_class_mask_loss(mask_logits, labels, gt) * gt.numel()


@wrong("sums over the places and averages over the regions only")
def summed_per_region(mask_logits, labels, gt):
    return per_class_mask_loss(mask_logits, labels, gt) * gt.shape[1] * gt.shape[2]


@wrong("averages over the pixels of the object only")
def inside_only(mask_logits, labels, gt):
    x = _chosen(mask_logits, labels)
    each = F.binary_cross_entropy_with_logits(x, gt, reduction="none")
    return (each * gt).sum() / gt.sum().clamp(min=1)


@wrong("averages over the chosen places, which is NaN when there is no region")
def nan_without_regions(mask_logits, labels, gt):
    return F.binary_cross_entropy_with_logits(_chosen(mask_logits, labels), gt)


@wrong("returns a zero cut off from the graph when there is no region")
def detached_without_regions(mask_logits, labels, gt):
    if len(labels) == 0:
        return torch.zeros((), dtype=mask_logits.dtype)
    return per_class_mask_loss(mask_logits, labels, gt)


@wrong("returns a fresh zero that requires a gradient when there is no region")
def fresh_zero_without_regions(mask_logits, labels, gt):
    if len(labels) == 0:
        return torch.zeros((), requires_grad=True)
    return per_class_mask_loss(mask_logits, labels, gt)


@wrong("is detached from the graph")
def detached(mask_logits, labels, gt):
    return per_class_mask_loss(mask_logits.detach(), labels, gt)


@wrong("returns a Python float")
def as_number(mask_logits, labels, gt):
    return per_class_mask_loss(mask_logits, labels, gt).item()


@wrong("rounds the true mask to 0 and 1")
def rounded_mask(mask_logits, labels, gt):
    return per_class_mask_loss(mask_logits, labels, (gt >= 0.5).to(gt.dtype))


@wrong("rounds the true mask in the caller's own tensor")
def in_place(mask_logits, labels, gt):
    loss = per_class_mask_loss(mask_logits, labels, gt)
    gt.round_()
    return loss


@wrong("returns one loss for each region")
def per_region(mask_logits, labels, gt):
    x = _chosen(mask_logits, labels)
    return F.binary_cross_entropy_with_logits(x, gt, reduction="none").mean((1, 2))


@wrong("takes the mean square of the difference between probabilities and mask")
def mean_square(mask_logits, labels, gt):
    return (_chosen(mask_logits, labels).sigmoid() - gt).square().sum() / max(gt.numel(), 1)


@wrong("returns float64")
def double_precision(mask_logits, labels, gt):
    return per_class_mask_loss(mask_logits, labels, gt).double()


@wrong("counts log(s) on the object and forgets the background")
def object_only(mask_logits, labels, gt):
    return -(gt * F.logsigmoid(_chosen(mask_logits, labels))).sum() / max(gt.numel(), 1)


@wrong("leaves out regions whose true mask is empty")
def without_empty_masks(mask_logits, labels, gt):
    kept = gt.flatten(1).any(dim=1)
    return per_class_mask_loss(mask_logits[kept], labels[kept], gt[kept])


@wrong("averages class by class first, so that rare classes weigh more")
def class_by_class(mask_logits, labels, gt):
    each = [
        per_class_mask_loss(mask_logits[labels == k], labels[labels == k], gt[labels == k])
        for k in labels.unique()
    ]
    return torch.stack(each).mean() if each else mask_logits.sum() * 0
