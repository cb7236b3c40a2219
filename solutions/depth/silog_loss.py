"""The scale-invariant logarithmic loss.

A single image does not tell whether it shows a room or a doll's house. This loss forgives, in part or
in full, that all depths are wrong by one and the same factor. With e = log pred - log gt on the pixels
that are valid, and means over these pixels:

    loss = mean(e^2) - lam * mean(e)^2

* pred and gt are [B, 1, H, W]. A pixel is valid where gt is above 0 and finite; holes may hold 0,
  negative numbers, NaN and infinities, and nothing of them reaches the loss or a gradient.
* The means go over the valid pixels of the whole batch together, not image by image. Natural logarithm.
* At least one pixel is valid. pred everywhere, and gt where it is valid, are 0.05 or more, without an
  upper bound: their logarithms need no clamp.
* lam is in [0, 1]: 0 forgives nothing (the plain mean square in logarithms), 1 forgives any factor.
* Return a 0-d tensor of pred's dtype: no square root, no factor. Gradients flow to pred. The inputs stay
  as they are.

Example: pred = (2, 4) against gt = (1, 1) has e = (0.693, 1.386). The mean of squares is 1.201, the
square of the mean 1.081; the loss is 0.661 for lam = 0.5 and 0.120 for lam = 1.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from grader import right, wrong

LEVEL = 2
MINUTES = 15
HINTS = (
    "Logarithms of holes are NaN or infinite. Which has to come first, the mask or the logarithm?",
    "Once you hold the errors of the valid pixels in one flat tensor, the loss is two means. Mind which of "
    "the two is squared before the mean and which after.",
    "Select pred and gt by the mask, subtract their logarithms, and take lam times the squared mean away "
    "from the mean of squares.",
)


def silog(
    pred: Float[Tensor, "b 1 h w"], gt: Float[Tensor, "b 1 h w"], lam: float = 0.5
) -> Float[Tensor, ""]:
    """Return the scale-invariant logarithmic error over the valid pixels."""
    valid = (gt > 0) & gt.isfinite()
    e = pred[valid].log() - gt[valid].log()
    return e.square().mean() - lam * e.mean().square()


@right("as a variance and the part of the squared mean that stays")
def by_variance(pred, gt, lam=0.5):
    valid = torch.isfinite(gt) & (gt > 0)
    e = torch.log(pred[valid] / gt[valid])
    return torch.var(e, unbiased=False) + (1 - lam) * e.mean() ** 2


@right("with the holes filled by 1 and sums over all pixels, a small constant in the logarithms")
def filled(pred, gt, lam=0.5):
    mask = (gt > 0) & ~torch.isinf(gt)
    n = mask.sum()
    safe = torch.where(mask, gt, torch.ones_like(gt))
    d = torch.where(mask, torch.log(safe + 1e-6) - torch.log(pred + 1e-6), 0)
    return (d**2).sum() / n - lam * d.sum() ** 2 / n**2


@right("pixel by pixel")
def looped(pred, gt, lam=0.5):
    pairs = zip(pred.reshape(-1), gt.reshape(-1).tolist())
    errors = [p.log() - torch.log(p.new_tensor(g)) for p, g in pairs if 0 < g < float("inf")]
    mean = sum(errors) / len(errors)
    return sum(e * e for e in errors) / len(errors) - lam * mean * mean


@right("with the logarithms of everything, holes included, and the selection after them")
def selected_late(pred, gt, lam=0.5):
    keep = ((gt > 0) & (gt != float("inf"))).flatten().nonzero().squeeze(1)
    e = (torch.log(pred) - torch.log(gt)).flatten()[keep]
    return torch.mean(e**2) - lam * torch.mean(e) ** 2


@right("with the differences between all pairs of errors")
def in_pairs(pred, gt, lam=0.5):
    valid = (gt > 0) & gt.isfinite()
    e = (pred[valid] / gt[valid]).log()
    return (1 - lam) * e.pow(2).mean() + lam * (e[:, None] - e).pow(2).mean() / 2


@right("with holes set to 0 and logarithms of clamped depths")
def clamped_safely(pred, gt, lam=0.5):
    gt = gt.nan_to_num(nan=0.0, posinf=0.0, neginf=0.0)
    weight = (gt > 0).to(pred)
    weight = weight / weight.sum()
    e = pred.clamp(min=1e-3).log() - gt.clamp(min=1e-3).log()
    return (weight * e * e).sum() - lam * (weight * e).sum().pow(2)


def _errors(pred, gt):
    valid = (gt > 0) & gt.isfinite()
    return pred[valid].log() - gt[valid].log()


@wrong("takes the square root of the loss")
def rooted(pred, gt, lam=0.5):
    return silog(pred, gt, lam).clamp(min=1e-12).sqrt()


@wrong("is ten times the square root, as some repositories have it")
def ten_roots(pred, gt, lam=0.5):
    return 10 * silog(pred, gt, lam).clamp(min=1e-12).sqrt()


@wrong("divides by n - 1, as the default of torch.var does")
def unbiased(pred, gt, lam=0.5):
    e = _errors(pred, gt)
    return (e - e.mean()).square().sum() / (len(e) - 1) + (1 - lam) * e.mean() ** 2


@wrong("ignores lam")
def without_lam(pred, gt, lam=0.5):
    return silog(pred, gt)


@wrong("has another default for lam, 0.85")
def other_default(pred, gt, lam=0.85):
    return silog(pred, gt, lam)


@wrong("forgets the second term")
def plain_mse(pred, gt, lam=0.5):
    return _errors(pred, gt).square().mean()


@wrong("weights the first term with lam instead of the second")
def lam_on_first(pred, gt, lam=0.5):
    e = _errors(pred, gt)
    return lam * e.square().mean() - e.mean().square()


@wrong("adds the second term instead of subtracting it")
def added(pred, gt, lam=0.5):
    return silog(pred, gt, -lam)


@wrong("squares before the mean in the second term too")
def squared_first(pred, gt, lam=0.5):
    return (1 - lam) * _errors(pred, gt).square().mean()


@wrong("squares lam along with the mean")
def lam_squared(pred, gt, lam=0.5):
    return silog(pred, gt, lam**2)


@wrong("does not square the mean in the second term")
def mean_not_squared(pred, gt, lam=0.5):
    e = _errors(pred, gt)
    return e.square().mean() - lam * e.mean()


@wrong("divides the squared sum by n instead of n squared")
def squared_sum(pred, gt, lam=0.5):
    e = _errors(pred, gt)
    return e.square().mean() - lam * e.sum().square() / len(e)


@wrong("takes the absolute errors of the logarithms in the second term")
def absolute(pred, gt, lam=0.5):
    e = _errors(pred, gt)
    return e.square().mean() - lam * e.abs().mean().square()


@wrong("computes the loss of each image and takes the mean of those")
def per_image(pred, gt, lam=0.5):
    images = [(p, g) for p, g in zip(pred, gt) if ((g > 0) & g.isfinite()).any()]
    return torch.stack([silog(p, g, lam) for p, g in images]).mean()


@wrong("subtracts the mean error of each image instead of the batch's")
def scale_per_image(pred, gt, lam=0.5):
    valid = (gt > 0) & gt.isfinite()
    e = torch.where(valid, pred.log() - gt.where(valid, 1).log(), 0)
    means = e.sum(dim=(1, 2, 3)) / valid.sum(dim=(1, 2, 3)).clamp(min=1)
    return e[valid].square().mean() - lam * means.square().mean()


@wrong("takes logarithms to base 10")
def base_ten(pred, gt, lam=0.5):
    valid = (gt > 0) & gt.isfinite()
    e = pred[valid].log10() - gt[valid].log10()
    return e.square().mean() - lam * e.mean().square()


@wrong("takes the logarithm of one plus the depth")
def log1p(pred, gt, lam=0.5):
    valid = (gt > 0) & gt.isfinite()
    e = pred[valid].log1p() - gt[valid].log1p()
    return e.square().mean() - lam * e.mean().square()


@wrong("compares the depths themselves, without logarithms")
def without_logarithm(pred, gt, lam=0.5):
    valid = (gt > 0) & gt.isfinite()
    e = (pred - gt)[valid]
    return e.square().mean() - lam * e.mean().square()


@wrong("multiplies the errors by the mask, which leaves NaN and infinities as they are")
def multiplied(pred, gt, lam=0.5):
    valid = (gt > 0) & gt.isfinite()
    e, n = (pred.log() - gt.log()) * valid, valid.sum()
    return e.square().sum() / n - lam * (e.sum() / n).square()


@wrong("masks the errors after a ratio with NaN and 0 was taken: the loss is right, its gradient is NaN")
def masked_late(pred, gt, lam=0.5):
    valid = (gt > 0) & gt.isfinite()
    e, n = torch.where(valid, torch.log(pred / gt), 0), valid.sum()
    return e.square().sum() / n - lam * (e.sum() / n).square()


@wrong("takes the means over all pixels, with errors of 0 in the holes")
def over_all(pred, gt, lam=0.5):
    valid = (gt > 0) & gt.isfinite()
    e = torch.where(valid, pred.log() - gt.where(valid, 1).log(), 0)
    return e.square().mean() - lam * e.mean().square()


@wrong("squares the mean over all pixels, holes included, in the second term only")
def second_over_all(pred, gt, lam=0.5):
    e = _errors(pred, gt)
    return e.square().mean() - lam * (e.sum() / gt.numel()).square()


@wrong("lifts the holes to a small depth instead of leaving them out")
def lifted(pred, gt, lam=0.5):
    gt = gt.nan_to_num(nan=0.0, posinf=0.0, neginf=0.0).clamp(min=1e-3)
    return silog(pred, gt, lam)


@wrong("counts an infinite depth as valid")
def infinite(pred, gt, lam=0.5):
    valid = gt > 0
    e = pred[valid].log() - gt[valid].log()
    return e.square().mean() - lam * e.mean().square()


@wrong("takes only zeros and what is not finite for holes, and the logarithm of negative depths")
def only_zeros(pred, gt, lam=0.5):
    valid = (gt != 0) & gt.isfinite()
    e = pred[valid].log() - gt[valid].log()
    return e.square().mean() - lam * e.mean().square()


@wrong("has no mask")
def unmasked(pred, gt, lam=0.5):
    e = pred.log() - gt.log()
    return e.square().mean() - lam * e.mean().square()


@wrong("leaves out depths beyond 80 metres")
def capped(pred, gt, lam=0.5):
    return silog(pred, torch.where(gt <= 80, gt, 0), lam)


@wrong("clamps the prediction to the range from 0.1 to 80 metres")
def clamped(pred, gt, lam=0.5):
    return silog(pred.clamp(0.1, 80), gt, lam)


@wrong("adds a constant inside the logarithms that is not small beside the depths")
def padded(pred, gt, lam=0.5):
    valid = (gt > 0) & gt.isfinite()
    e = (pred[valid] + 1e-2).log() - (gt[valid] + 1e-2).log()
    return e.square().mean() - lam * e.mean().square()


@wrong("treats the mean error as a constant, so that its gradient is missing")
def constant_mean(pred, gt, lam=0.5):
    e = _errors(pred, gt)
    return e.square().mean() - lam * e.mean().detach().square()


@wrong("is cut off from the graph")
def detached(pred, gt, lam=0.5):
    return silog(pred.detach(), gt, lam)


@wrong("makes a new tensor of the number, in single precision and with no graph")
def remade(pred, gt, lam=0.5):
    return torch.tensor(silog(pred, gt, lam).item())


@wrong("fills the holes in the caller's own gt")
def in_place(pred, gt, lam=0.5):
    gt[~(gt > 0)] = float("inf")
    return silog(pred, gt, lam)


@wrong("computes in single precision whatever comes in")
def single_precision(pred, gt, lam=0.5):
    return silog(pred.float(), gt.float(), lam)
