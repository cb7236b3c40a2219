"""Cross-entropy for segmentation, with ignored pixels.

Every pixel is a small classification problem of its own. Some pixels are not labelled (in Pascal VOC
the borders of objects, marked 255), and classes may have weights. Return the mean loss of the labelled
pixels:

    logits [B, K, H, W]   scores of K classes at each pixel, before any softmax
    target [B, H, W]      the true class of each pixel, from 0 to K - 1, or ignore_index; int64
    weight [K] or None    a weight of at least 0 for each class; None counts every pixel once

* The loss of a pixel of class c is -log p_c, where p is the softmax of its K logits.
* Without weights: the sum of the losses divided by the number of labelled pixels, over the whole
  batch. With weights: the sum of weight[c] * loss divided by the sum of weight[c], both over the
  labelled pixels.
* A pixel whose target is ignore_index counts nowhere: not in the sums, not in a divisor, and it sends no
  gradient. ignore_index may be any int: 255, -100, or one of the classes, which is then left out.
* If nothing counts (every pixel is ignored, or those that are not have weights of 0 only) the loss is 0,
  never NaN. It still belongs to the graph: backward() works and gives logits a gradient of zeros.
* Logits are finite and may be in the hundreds; the loss is exact there too.
* The result is a 0-d tensor of the dtype of logits, which weight has as well. It carries gradients to
  logits. B, K, H and W are at least 1. The inputs stay as they are. All tensors are on the CPU.
* Write it without cross_entropy and nll_loss, also without the modules of nn that call them.

Example, K = 2: three pixels with the logits (0, 0), (0, log 3), (5, 1) and the targets 0, 1, 255. The
losses of the first two are log 2 = 0.693 and -log(3/4) = 0.288, the third does not count: the result is
0.490. With the weights (1, 3) it is (0.693 + 3 * 0.288) / 4 = 0.389.
"""

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from grader import right, wrong

LEVEL = 2
MINUTES = 20
HINTS = (
    "Which pixels count, how much does each of them count, and what is the sum of all that counts? With "
    "those three things weights and ignored pixels are one and the same.",
    "A label such as 255 is no index. Put some class in its place before you look anything up, and let the "
    "pixel count 0. Take log-probabilities from a function that survives large logits.",
    "Gather the log-softmax over the class axis at the repaired target. Each pixel counts its class's "
    "weight (or 1), times whether it is labelled. Divide the weighted sum by the sum of what counts, or by "
    "1 where that is 0: the numerator is then a 0 that is still connected.",
)


def seg_cross_entropy(
    logits: Float[Tensor, "b k h w"],
    target: Int64[Tensor, "b h w"],
    weight: Float[Tensor, " k"] | None = None,
    ignore_index: int = 255,
) -> Float[Tensor, ""]:
    """Return the (weighted) mean cross-entropy of the labelled pixels."""
    valid = target != ignore_index  # b h w
    label = target.where(valid, 0)  # an index for every pixel; what it points to will not count
    log_p = logits.log_softmax(dim=1).gather(1, label[:, None])[:, 0]
    counts = valid.to(logits) if weight is None else weight[label] * valid
    total = counts.sum()
    return -(counts * log_p).sum() / total.where(total > 0, 1)


def _parts(logits, target, weight, ignore_index):
    """Return what each pixel counts, and its loss."""
    valid = target != ignore_index
    label = target.where(valid, 0)
    loss = -logits.log_softmax(1).gather(1, label[:, None])[:, 0]
    counts = valid.to(logits) if weight is None else weight[label] * valid
    return counts, loss


def _ratio(counts, loss, divisor):
    return (counts * loss).sum() / divisor.where(divisor > 0, 1)


@right("with the labelled pixels picked out first, and a branch for none")
def picked(logits, target, weight=None, ignore_index=255):
    k = logits.shape[1]
    rows = logits.permute(0, 2, 3, 1).reshape(-1, k)
    labels = target.reshape(-1)
    valid = labels != ignore_index
    rows, labels = rows[valid], labels[valid]
    w = torch.ones_like(labels, dtype=logits.dtype) if weight is None else weight[labels]
    if w.sum() == 0:
        return logits.sum() * 0.0
    nll = torch.logsumexp(rows, dim=1) - rows[torch.arange(len(labels)), labels]
    return (w * nll).sum() / w.sum()


@right("with one-hot targets and a tiny constant in the denominator")
def one_hot(logits, target, weight=None, ignore_index=255):
    valid = target.ne(ignore_index)
    safe = target.clone()
    safe[~valid] = 0
    hot = torch.nn.functional.one_hot(safe, logits.shape[1]).movedim(-1, 1).to(logits.dtype)
    if weight is not None:
        hot = hot * weight[None, :, None, None]
    hot = hot * valid[:, None]
    shifted = logits - logits.amax(dim=1, keepdim=True).detach()
    log_p = shifted - shifted.exp().sum(dim=1, keepdim=True).log()
    return -(hot * log_p).sum() / (hot.sum() + 1e-7)


@right("class by class")
def by_class(logits, target, weight=None, ignore_index=255):
    norm = torch.logsumexp(logits, 1)
    top, bottom = logits.sum() * 0, 0.0
    for c in range(logits.shape[1]):
        if c == ignore_index:
            continue
        w = 1.0 if weight is None else weight[c].item()
        mask = target == c
        top = top + w * (norm[mask] - logits[:, c][mask]).sum()
        bottom += w * mask.sum().item()
    return top / bottom if bottom > 0 else top


@right("pixel by pixel")
def looped(logits, target, weight=None, ignore_index=255):
    total, divisor = torch.zeros((), dtype=logits.dtype), torch.zeros((), dtype=logits.dtype)
    b, _, h, w = logits.shape
    for n in range(b):
        for i in range(h):
            for j in range(w):
                c = int(target[n, i, j])
                if c == ignore_index:
                    continue
                by = torch.ones(()).to(logits) if weight is None else weight[c]
                total = total - by * torch.log_softmax(logits[n, :, i, j], dim=0)[c]
                divisor = divisor + by
    if divisor.item() == 0.0:
        return 0.0 * logits.sum()
    return total / divisor


@wrong("looks up ignore_index as if it were a class")
def as_index(logits, target, weight=None, ignore_index=255):
    log_p = logits.log_softmax(1).gather(1, target[:, None])[:, 0]
    valid = (target != ignore_index).to(logits)
    counts = valid if weight is None else weight[target] * valid
    return _ratio(counts, -log_p, counts.sum())


@wrong("puts class 0 in the place of ignored pixels, and lets them count")
def as_background(logits, target, weight=None, ignore_index=255):
    counts, loss = _parts(logits, target.where(target != ignore_index, 0), weight, -12345)
    return _ratio(counts, loss, counts.sum())


@wrong("gives NaN when every pixel is ignored")
def nan_for_nothing(logits, target, weight=None, ignore_index=255):
    counts, loss = _parts(logits, target, weight, ignore_index)
    return (counts * loss).sum() / counts.sum()


@wrong("gives NaN when all the pixels that are labelled have weight 0")
def nan_for_no_weight(logits, target, weight=None, ignore_index=255):
    if (target == ignore_index).all():
        return logits.sum() * 0
    counts, loss = _parts(logits, target, weight, ignore_index)
    return (counts * loss).sum() / counts.sum()


@wrong("returns a new zero that is not part of the graph when nothing counts")
def loose_zero(logits, target, weight=None, ignore_index=255):
    counts, loss = _parts(logits, target, weight, ignore_index)
    if counts.sum() == 0:
        return torch.zeros((), dtype=logits.dtype)
    return (counts * loss).sum() / counts.sum()


@wrong("returns a new zero that may be differentiated but has nothing to do with the logits")
def fresh_zero(logits, target, weight=None, ignore_index=255):
    if bool((target == ignore_index).all()):
        return torch.zeros((), dtype=logits.dtype, requires_grad=True)
    return seg_cross_entropy(logits, target, weight, ignore_index)


@wrong("replaces the NaN of nothing by 0 afterwards, which leaves a NaN in the gradient")
def hidden_nan(logits, target, weight=None, ignore_index=255):
    counts, loss = _parts(logits, target, weight, ignore_index)
    return ((counts * loss).sum() / counts.sum()).nan_to_num(0.0)


@wrong("divides by the number of labelled pixels instead of the sum of their weights")
def by_count(logits, target, weight=None, ignore_index=255):
    counts, loss = _parts(logits, target, weight, ignore_index)
    return _ratio(counts, loss, (target != ignore_index).to(logits).sum())


@wrong("divides by the number of all pixels, ignored ones included")
def by_all_pixels(logits, target, weight=None, ignore_index=255):
    counts, loss = _parts(logits, target, weight, ignore_index)
    return (counts * loss).mean()


@wrong("counts the weights of ignored pixels, taken as class 0, in the divisor")
def divisor_too_large(logits, target, weight=None, ignore_index=255):
    counts, loss = _parts(logits, target, weight, ignore_index)
    label = target.where(target != ignore_index, 0)
    every = torch.ones_like(loss) if weight is None else weight[label]
    return _ratio(counts, loss, every.sum())


@wrong("scales the weights so that those of all classes sum to one, and divides by the number of pixels")
def normalised_weights(logits, target, weight=None, ignore_index=255):
    if weight is not None:
        weight = weight / weight.sum().clamp(min=1e-9)
    return by_count(logits, target, weight, ignore_index)


@wrong("does not let the divisor fall below 1, although weights may sum to less")
def divisor_at_least_one(logits, target, weight=None, ignore_index=255):
    counts, loss = _parts(logits, target, weight, ignore_index)
    return (counts * loss).sum() / counts.sum().clamp(min=1)


@wrong("takes no notice of the weights")
def unweighted(logits, target, weight=None, ignore_index=255):
    return seg_cross_entropy(logits, target, None, ignore_index)


@wrong("always ignores 255, whatever ignore_index says")
def always_255(logits, target, weight=None, ignore_index=255):
    return seg_cross_entropy(logits, target, weight, 255)


@wrong("ignores labels outside the classes, and forgets that ignore_index may be a class")
def out_of_range(logits, target, weight=None, ignore_index=255):
    outside = (target < 0) | (target >= logits.shape[1])
    return seg_cross_entropy(logits, target.where(~outside, 255), weight, 255)


@wrong("takes the logarithm of a softmax, which is minus infinity where the probability rounds to 0")
def log_of_softmax(logits, target, weight=None, ignore_index=255):
    counts, _ = _parts(logits, target, weight, ignore_index)
    label = target.where(target != ignore_index, 0)
    p = logits.softmax(1).gather(1, label[:, None])[:, 0]
    return _ratio(counts, -p.log(), counts.sum())


@wrong("adds a small constant to the probability before the logarithm, which caps the loss")
def capped(logits, target, weight=None, ignore_index=255):
    counts, _ = _parts(logits, target, weight, ignore_index)
    label = target.where(target != ignore_index, 0)
    p = logits.softmax(1).gather(1, label[:, None])[:, 0]
    return _ratio(counts, -(p + 1e-12).log(), counts.sum())


@wrong("exponentiates the logits as they are, which overflows")
def overflowing(logits, target, weight=None, ignore_index=255):
    counts, _ = _parts(logits, target, weight, ignore_index)
    label = target.where(target != ignore_index, 0)
    loss = logits.exp().sum(1).log() - logits.gather(1, label[:, None])[:, 0]
    return _ratio(counts, loss, counts.sum())


@wrong("subtracts the largest logit of the whole batch, so that a pixel of small logits underflows")
def one_maximum(logits, target, weight=None, ignore_index=255):
    return overflowing(logits - logits.max(), target, weight, ignore_index)


@wrong("takes the softmax over a spatial axis")
def wrong_axis(logits, target, weight=None, ignore_index=255):
    counts, _ = _parts(logits, target, weight, ignore_index)
    label = target.where(target != ignore_index, 0)
    loss = -logits.log_softmax(-1).gather(1, label[:, None])[:, 0]
    return _ratio(counts, loss, counts.sum())


@wrong("flattens the logits to rows of classes without moving the class axis to the end")
def scrambled(logits, target, weight=None, ignore_index=255):
    b, k, h, w = logits.shape
    rows = logits.reshape(b, h, w, k).permute(0, 3, 1, 2)
    return seg_cross_entropy(rows, target, weight, ignore_index)


@wrong("averages over each image first, and over the batch afterwards")
def per_image(logits, target, weight=None, ignore_index=255):
    losses = [seg_cross_entropy(z[None], t[None], weight, ignore_index) for z, t in zip(logits, target)]
    return torch.stack(losses).mean()


@wrong("sums over the pixels instead of averaging")
def summed(logits, target, weight=None, ignore_index=255):
    counts, loss = _parts(logits, target, weight, ignore_index)
    return (counts * loss).sum()


@wrong("returns a loss for each pixel")
def unreduced(logits, target, weight=None, ignore_index=255):
    counts, loss = _parts(logits, target, weight, ignore_index)
    return counts * loss


@wrong("replaces the ignored labels in the caller's own target")
def in_place(logits, target, weight=None, ignore_index=255):
    valid = target != ignore_index
    target[~valid] = 0
    log_p = logits.log_softmax(dim=1).gather(1, target[:, None])[:, 0]
    counts = valid.to(logits) if weight is None else weight[target] * valid
    return _ratio(counts, -log_p, counts.sum())


@wrong("is cut off from the graph of its inputs")
def detached(logits, target, weight=None, ignore_index=255):
    return seg_cross_entropy(logits.detach(), target, weight, ignore_index)


@wrong("computes in single precision whatever comes in")
def single_precision(logits, target, weight=None, ignore_index=255):
    weight = None if weight is None else weight.float()
    return seg_cross_entropy(logits.float(), target, weight, ignore_index)


@wrong("weights the loss of a pixel by the weight of the class that it predicts")
def weight_of_the_guess(logits, target, weight=None, ignore_index=255):
    counts, loss = _parts(logits, target, None, ignore_index)
    if weight is not None:
        counts = counts * weight[logits.argmax(1)]
    return _ratio(counts, loss, counts.sum())


@wrong("calls cross_entropy")
def library(logits, target, weight=None, ignore_index=255):
    loss = torch.nn.CrossEntropyLoss(weight=weight, ignore_index=ignore_index)(logits, target)
    return loss.nan_to_num(0.0)
