"""End-point error and share of outliers.

pred and gt hold a flow field each, [B, 2, H, W]: channel 0 is the displacement to the right (u),
channel 1 the one downwards (v), both in pixels. The end-point error of a pixel is the distance between
the tips of its two vectors, in pixels and not squared:

    error = sqrt((u_pred - u_gt)^2 + (v_pred - v_gt)^2)

Return two numbers, (epe, fl_all), each a float or a 0-d tensor:

    epe     the mean error
    fl_all  the share of outliers, from 0 to 1 (no percent)

* A pixel is an outlier if its error is greater than 3 px and, at the same time, greater than 5 % of the
  length of its true vector, sqrt(u_gt^2 + v_gt^2). An error of exactly 3 px, or of exactly 5 %, is not
  enough; so add no small constant to it. A pixel that does not move (gt is 0) is an outlier as soon as
  its error exceeds 3 px.
* valid [B, H, W] says which pixels count; without it, or with None, all of them do. Both numbers are
  taken over all valid pixels of the batch together, each with the same weight, whichever image it
  belongs to and however far it moves.
* At the other pixels gt is finite and means nothing. Some data sets write 0 there, some 1e9.
* No valid pixel at all, as with B = 0: return (0, 0).
* pred, gt and valid stay as they are.

Example: one pixel with pred (3, 4) and gt (0, 0) has epe 5 (a mean square would say 12.5) and fl_all 1.
With a second pixel that is predicted perfectly, epe is 2.5 and fl_all 0.5.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from grader import right, wrong

LEVEL = 1
MINUTES = 10
HINTS = (
    "Both numbers are means over the same pixels: one of distances, one of yes and no.",
    "The distance needs a norm over one axis only. Which one holds u and v? Once it is gone, the map of "
    "errors has the shape of valid.",
    "Take the norm of the difference and of gt over the channel axis, compare the errors with both "
    "thresholds, and join the two answers with a logical and. Pick out the valid pixels before you average, "
    "and return early when there are none.",
)


def epe_and_fl(
    pred: Float[Tensor, "b 2 h w"], gt: Float[Tensor, "b 2 h w"], valid: Bool[Tensor, "b h w"] | None = None
) -> tuple[float, float]:
    """Return the mean end-point error and the share of outliers over the valid pixels."""
    error = (pred - gt).norm(dim=1)  # b h w
    length = gt.norm(dim=1)
    outlier = (error > 3) & (error > 0.05 * length)
    if valid is not None:
        error, outlier = error[valid], outlier[valid]
    if error.numel() == 0:
        return 0.0, 0.0
    return error.mean().item(), outlier.double().mean().item()


def _error(pred, gt):
    return (pred - gt).square().sum(dim=1).sqrt()


def _means(error, outlier, valid):
    """Means over valid pixels, 0 where there are none."""
    valid = torch.ones_like(outlier) if valid is None else valid
    n = valid.sum().clamp(min=1)
    return (error * valid).sum() / n, (outlier & valid).sum() / n


@right("pixel by pixel in plain Python")
def looped(pred, gt, valid=None):
    total = outliers = count = 0
    b, _, h, w = gt.shape
    for n in range(b):
        for y in range(h):
            for x in range(w):
                if valid is not None and not valid[n, y, x]:
                    continue
                (up, vp), (ug, vg) = pred[n, :, y, x].tolist(), gt[n, :, y, x].tolist()
                error = ((up - ug) ** 2 + (vp - vg) ** 2) ** 0.5
                total, count = total + error, count + 1
                outliers += error > 3 and error > 0.05 * (ug * ug + vg * vg) ** 0.5
    return (total / count, outliers / count) if count else (0, 0)


@right("with a mask as weights and a tiny constant in the denominators, as a list of 0-d tensors")
def weighted(pred, gt, valid=None):
    weight = torch.ones_like(gt[:, 0]) if valid is None else valid.to(gt.dtype)
    error, length = _error(pred, gt), gt.pow(2).sum(1).sqrt()
    outlier = ((error > 3.0) & (error / (length + 1e-9) > 0.05)).to(gt.dtype)
    n = weight.sum() + 1e-9
    return [(error * weight).sum() / n, (outlier * weight).sum() / n]


@right("with rows of vectors, of which the valid ones are picked first")
def as_rows(pred, gt, valid=None):
    p, g = pred.permute(0, 2, 3, 1).reshape(-1, 2), gt.permute(0, 2, 3, 1).reshape(-1, 2)
    if valid is not None:
        p, g = p[valid.flatten()], g[valid.flatten()]
    if len(p) == 0:
        return 0.0, 0.0
    error = torch.linalg.vector_norm(p - g, dim=1)
    outlier = (error > 3) & ~(error <= 0.05 * torch.linalg.vector_norm(g, dim=1))
    return float(error.mean()), outlier.sum().item() / len(outlier)


@right("with complex numbers and the larger of the two thresholds")
def as_complex(pred, gt, valid=None):
    error = torch.complex(pred[:, 0] - gt[:, 0], pred[:, 1] - gt[:, 1]).abs()
    bar = torch.hypot(gt[:, 0], gt[:, 1]).mul(0.05).clamp(min=3)
    return _means(error, error > bar, valid)


@right("in NumPy")
def in_numpy(pred, gt, valid=None):
    p, g = pred.numpy(), gt.numpy()
    keep = (slice(None),) * 3 if valid is None else valid.numpy()
    error = (((p - g) ** 2).sum(axis=1) ** 0.5)[keep]
    length = ((g**2).sum(axis=1) ** 0.5)[keep]
    if error.size == 0:
        return 0.0, 0.0
    return float(error.mean()), float(((error > 3) & (error > length * 0.05)).mean())


@wrong("averages squared differences over both channels")
def mean_square(pred, gt, valid=None):
    _, fl = epe_and_fl(pred, gt, valid)
    return _means((pred - gt).square().mean(dim=1), torch.zeros_like(gt[:, 0]).bool(), valid)[0], fl


@wrong("leaves out the square root, in the mean and in the comparisons")
def squared(pred, gt, valid=None):
    error = (pred - gt).square().sum(dim=1)
    return _means(error, (error > 3) & (error > 0.05 * gt.norm(dim=1)), valid)


@wrong("adds |du| and |dv|, which is another distance")
def manhattan(pred, gt, valid=None):
    error = (pred - gt).abs().sum(dim=1)
    return _means(error, (error > 3) & (error > 0.05 * gt.norm(dim=1)), valid)


@wrong("averages |du| and |dv| over the channels like an L1 loss")
def mean_absolute(pred, gt, valid=None):
    _, fl = epe_and_fl(pred, gt, valid)
    return _means((pred - gt).abs().mean(dim=1), torch.zeros_like(gt[:, 0]).bool(), valid)[0], fl


@wrong("takes the root of the mean square instead of the mean of the roots")
def root_mean_square(pred, gt, valid=None):
    _, fl = epe_and_fl(pred, gt, valid)
    return _means(_error(pred, gt).square(), torch.zeros_like(gt[:, 0]).bool(), valid)[0].sqrt(), fl


@wrong("takes a difference of lengths, blind to direction")
def lengths_only(pred, gt, valid=None):
    error = (pred.norm(dim=1) - gt.norm(dim=1)).abs()
    return _means(error, (error > 3) & (error > 0.05 * gt.norm(dim=1)), valid)


@wrong("adds a tiny constant under the root, which makes an outlier of an error of exactly 3 px")
def constant_under_root(pred, gt, valid=None):
    error = ((pred - gt).square().sum(dim=1) + 1e-8).sqrt()
    return _means(error, (error > 3) & (error > 0.05 * gt.norm(dim=1)), valid)


@wrong("calls a pixel an outlier when either threshold is exceeded")
def either(pred, gt, valid=None):
    error = _error(pred, gt)
    return _means(error, (error > 3) | (error > 0.05 * gt.norm(dim=1)), valid)


@wrong("asks for 3 px only")
def pixels_only(pred, gt, valid=None):
    error = _error(pred, gt)
    return _means(error, error > 3, valid)


@wrong("asks for 5 % only")
def percent_only(pred, gt, valid=None):
    error = _error(pred, gt)
    return _means(error, error > 0.05 * gt.norm(dim=1), valid)


@wrong("measures the 5 % on the predicted vector")
def of_prediction(pred, gt, valid=None):
    error = _error(pred, gt)
    return _means(error, (error > 3) & (error > 0.05 * pred.norm(dim=1)), valid)


@wrong("counts an error of exactly 3 px as an outlier")
def three_included(pred, gt, valid=None):
    error = _error(pred, gt)
    return _means(error, (error >= 3) & (error > 0.05 * gt.norm(dim=1)), valid)


@wrong("counts an error of exactly 5 % as an outlier")
def five_included(pred, gt, valid=None):
    error = _error(pred, gt)
    return _means(error, (error > 3) & (error >= 0.05 * gt.norm(dim=1)), valid)


@wrong("never calls a pixel without motion an outlier")
def moving_only(pred, gt, valid=None):
    error, length = _error(pred, gt), gt.norm(dim=1)
    return _means(error, (length > 0) & (error > 3) & (error > 0.05 * length), valid)


@wrong("adds a whole pixel to the length so as not to divide by zero")
def padded_length(pred, gt, valid=None):
    error, length = _error(pred, gt), gt.norm(dim=1)
    return _means(error, (error > 3) & (error / (length + 1) > 0.05), valid)


@wrong("ignores valid")
def without_valid(pred, gt, valid=None):
    return epe_and_fl(pred, gt)


@wrong("takes the valid pixels for the ones to leave out")
def inverted(pred, gt, valid=None):
    return epe_and_fl(pred, gt, None if valid is None else ~valid)


@wrong("divides the sums over valid pixels by the number of all pixels")
def over_all(pred, gt, valid=None):
    epe, fl = epe_and_fl(pred, gt, valid)
    share = 1.0 if valid is None or not valid.numel() else valid.double().mean().item()
    return epe * share, fl * share


@wrong("averages each image first, so that an image with few valid pixels counts as much as any other")
def image_by_image(pred, gt, valid=None):
    each = [epe_and_fl(p[None], g[None], v) for p, g, v in zip(pred, gt, _split(valid, len(gt)))]
    return tuple(sum(part) / max(len(each), 1) for part in ([e for e, _ in each], [f for _, f in each]))


def _split(valid, b):
    return [None] * b if valid is None else list(valid.split(1))


@wrong("leaves out pixels that move by 400 px or more, as RAFT does in training")
def slow_only(pred, gt, valid=None):
    slow = gt.norm(dim=1) < 400
    return epe_and_fl(pred, gt, slow if valid is None else slow & valid)


@wrong("takes fl_all over all pixels, and the mean error alone over the valid ones")
def half_masked(pred, gt, valid=None):
    epe, _ = epe_and_fl(pred, gt, valid)
    return epe, epe_and_fl(pred, gt)[1]


@wrong("takes the median error")
def median(pred, gt, valid=None):
    _, fl = epe_and_fl(pred, gt, valid)
    error = _error(pred, gt).flatten() if valid is None else _error(pred, gt)[valid]
    return error.median().item() if error.numel() else 0.0, fl


@wrong("takes the 5 % of the mean length instead of each pixel's own")
def of_mean_length(pred, gt, valid=None):
    error, length = _error(pred, gt), gt.norm(dim=1)
    picked = length if valid is None else length[valid]
    bar = 0.05 * picked.mean() if picked.numel() else 0
    return _means(error, (error > 3) & (error > bar), valid)


@wrong("averages nothing where no pixel is valid, which gives NaN")
def nan_when_empty(pred, gt, valid=None):
    found = epe_and_fl(pred, gt, valid)
    n = gt[:, 0].numel() if valid is None else int(valid.sum())
    return found if n else (float("nan"), float("nan"))


@wrong("returns fl_all in percent")
def percent(pred, gt, valid=None):
    epe, fl = epe_and_fl(pred, gt, valid)
    return epe, 100 * fl


@wrong("returns the number of outliers instead of their share")
def counted(pred, gt, valid=None):
    epe, fl = epe_and_fl(pred, gt, valid)
    return epe, fl * (gt[:, 0].numel() if valid is None else int(valid.sum()))


@wrong("returns the share of pixels that are no outliers")
def inliers(pred, gt, valid=None):
    epe, fl = epe_and_fl(pred, gt, valid)
    n = gt[:, 0].numel() if valid is None else int(valid.sum())
    return epe, 1 - fl if n else 0.0


@wrong("returns the two numbers in the other order")
def exchanged(pred, gt, valid=None):
    return epe_and_fl(pred, gt, valid)[::-1]


@wrong("takes the norm along the rows of the image instead of over the two channels")
def wrong_axis(pred, gt, valid=None):
    error = (pred - gt).norm(dim=-1)
    return error.mean().item(), ((error > 3) & (error > 0.05 * gt.norm(dim=-1))).double().mean().item()


@wrong("returns one pair of numbers for each image")
def per_image(pred, gt, valid=None):
    error = _error(pred, gt)
    outlier = (error > 3) & (error > 0.05 * gt.norm(dim=1))
    weight = torch.ones_like(error) if valid is None else valid.double()
    n = weight.sum((1, 2)).clamp(min=1)
    return (error * weight).sum((1, 2)) / n, (outlier * weight).sum((1, 2)) / n


@wrong("cannot do without valid")
def needs_valid(pred, gt, valid=None):
    return epe_and_fl(pred, gt, valid.bool())


@wrong("writes into the caller's own prediction")
def in_place(pred, gt, valid=None):
    found = epe_and_fl(pred, gt, valid)
    pred -= gt
    return found


@wrong("writes into the caller's own gt")
def cleaned_in_place(pred, gt, valid=None):
    if valid is not None:
        gt.masked_fill_(~valid[:, None], 0)
    return epe_and_fl(pred, gt, valid)


@wrong("sets the other pixels to zero and then averages over all of them")
def zeros_counted(pred, gt, valid=None):
    if valid is not None:
        pred, gt = pred * valid[:, None], gt * valid[:, None]
    return epe_and_fl(pred, gt)
