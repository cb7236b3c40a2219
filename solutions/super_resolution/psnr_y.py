"""Peak signal-to-noise ratio, per image.

pred and gt hold B images in RGB, [B, 3, H, W], with values meant to lie from 0 to max_val. Return the
PSNR of each image in decibels, [B]:

    PSNR = 10 log10(max_val^2 / MSE)

where MSE is the mean squared difference of one image over all that is compared: its 3 channels and the
pixels left by the crop, or, with y_only, one luma channel and those pixels.

* crop pixels are taken off on every side first: above, below, left and right. crop = 0 keeps everything;
  crop is never negative. A crop that leaves no row or no column is a ValueError; one pixel is enough.
* y_only=True compares luma alone, for channels in the order R, G, B:

      Y = (16 + 65.481 R + 128.553 G + 24.966 B) / 255

  The formula is taken as it stands whatever max_val is, and max_val stays what the squared error is
  measured against.
* Nothing is clamped or rounded: a prediction beyond the range counts with all of its error.
* Images that are equal in all that is compared have PSNR inf: no NaN, no large number in its place.
* Report the values image by image. Their mean is not the PSNR of the mean error, as the example shows.
* B may be 0. The result has the dtype of the images, which stay as they are. No gradient is asked for.

Example: two images with MSE 0.01 and 0.0001 and max_val 1 have 20 dB and 40 dB, 30 dB in the mean. The
PSNR of their mean error, 0.00505, would be 22.97 dB.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from grader import right, wrong

LEVEL = 1
MINUTES = 15
HINTS = (
    "Over which axes is the mean taken, so that one number is left for each image? And what becomes of the "
    "constant 16 when two lumas are subtracted?",
    "Cut all four sides with slices that still work when crop is 0, and look first whether anything would "
    "be left. torch divides by 0 and takes the logarithm of infinity without complaint.",
    "Subtract, slice rows and columns from crop to size - crop, weigh the three channels for luma if asked, "
    "square, average over channels and pixels, and take ten times the decimal logarithm of the squared peak "
    "over that mean.",
)

_Y = (65.481, 128.553, 24.966)
"""The weights of R, G and B in luma, for channels from 0 to 1 and luma from 16 to 235."""


def psnr(
    pred: Float[Tensor, "b 3 h w"],
    gt: Float[Tensor, "b 3 h w"],
    crop: int = 0,
    y_only: bool = False,
    max_val: float = 1.0,
) -> Float[Tensor, " b"]:
    """Return the PSNR of each image in dB."""
    h, w = pred.shape[-2:]
    if 2 * crop >= min(h, w):
        raise ValueError(f"a crop of {crop} leaves nothing of {h} x {w} pixels")
    error = (pred - gt).detach()[..., crop : h - crop, crop : w - crop]
    if y_only:  # the constant 16 cancels in a difference
        weights = error.new_tensor(_Y) / 255
        error = (error * weights[:, None, None]).sum(dim=1, keepdim=True)
    mse = error.square().mean(dim=(1, 2, 3))  # b
    return 10 * torch.log10(max_val**2 / mse)


def _luma(x):
    """The luma of images [b, 3, h, w] as [b, 1, h, w]."""
    return (16 + _Y[0] * x[:, 0:1] + _Y[1] * x[:, 1:2] + _Y[2] * x[:, 2:3]) / 255


def _cropped(x, crop):
    h, w = x.shape[-2:]
    if h - 2 * crop < 1 or w - 2 * crop < 1:
        raise ValueError("crop")
    return x[..., crop : h - crop, crop : w - crop]


def _mse(pred, gt, crop, y_only):
    pred, gt = _cropped(pred, crop), _cropped(gt, crop)
    if y_only:
        pred, gt = _luma(pred), _luma(gt)
    return (pred - gt).square().mean(dim=(1, 2, 3))


@right("image by image, with logarithms of Python")
def looped(pred, gt, crop=0, y_only=False, max_val=1.0):
    import math

    B, _, H, W = pred.shape
    if crop * 2 >= H or crop * 2 >= W:
        raise ValueError("nothing left after cropping")
    out = torch.zeros(B, dtype=pred.dtype)
    for b in range(B):
        p, g = pred[b, :, crop : H - crop, crop : W - crop], gt[b, :, crop : H - crop, crop : W - crop]
        if y_only:
            p, g = (
                (16.0 + 65.481 * t[0] + 128.553 * t[1] + 24.966 * t[2]) / 255.0
                for t in (p.double(), g.double())
            )
        mse = ((p - g) ** 2).mean().item()
        out[b] = math.inf if mse == 0 else 10 * math.log10(max_val * max_val / mse)
    return out


@right("as a difference of logarithms, with einsum")
def in_logs(pred, gt, crop=0, y_only=False, max_val=1.0):
    p, g = _cropped(pred, crop), _cropped(gt, crop)
    if y_only:
        w = torch.tensor(_Y, dtype=pred.dtype) / 255
        p, g = (torch.einsum("c,bchw->bhw", w, t) + 16 / 255 for t in (p, g))
    mse = torch.mean((p - g).flatten(1) ** 2, dim=1)
    return 20 * torch.log10(torch.as_tensor(max_val, dtype=pred.dtype)) - 10 * torch.log10(mse)


@right("in NumPy, with a matrix product for the luma")
def in_numpy(pred, gt, crop=0, y_only=False, max_val=1.0):
    import numpy as np

    a, b = pred.numpy().transpose(0, 2, 3, 1), gt.numpy().transpose(0, 2, 3, 1)
    if crop > 0:
        a, b = a[:, crop:-crop, crop:-crop], b[:, crop:-crop, crop:-crop]
    if 0 in a.shape[1:]:
        raise ValueError("crop too large")
    if y_only:
        a, b = ((np.dot(t, np.array(_Y)) + 16)[..., None] / 255 for t in (a, b))
    with np.errstate(divide="ignore"):
        found = 10 * np.log10(max_val**2 / np.mean((a - b) ** 2, axis=(1, 2, 3)))
    return torch.from_numpy(found.astype(pred.numpy().dtype))


@right("with F.mse_loss, the squared error scaled by the peak first")
def scaled_first(pred, gt, crop=0, y_only=False, max_val=1.0):
    from torch.nn import functional as F

    pred, gt = _cropped(pred, crop), _cropped(gt, crop)
    if y_only:
        kernel = pred.new_tensor(_Y).view(1, 3, 1, 1) / 255
        pred, gt = F.conv2d(pred, kernel), F.conv2d(gt, kernel)
    mse = F.mse_loss(pred / max_val, gt / max_val, reduction="none").flatten(1).mean(1)
    return torch.where(mse == 0, torch.inf, -10 * mse.log10())


@right("with the norm of the difference, and natural logarithms")
def by_norm(pred, gt, crop=0, y_only=False, max_val=1.0):
    import math

    pred, gt = _cropped(pred, crop), _cropped(gt, crop)
    d = ((_luma(pred) - _luma(gt)) if y_only else pred - gt).flatten(1)
    rmse = torch.linalg.vector_norm(d, dim=1) / d.shape[1] ** 0.5
    return 20 / math.log(10) * (math.log(max_val) - rmse.log())


# -- mistakes about the mean -------------------------------------------------------------------


@wrong("takes one mean squared error for the whole batch")
def of_the_batch(pred, gt, crop=0, y_only=False, max_val=1.0):
    mse = _mse(pred, gt, crop, y_only)
    return 10 * torch.log10(max_val**2 / mse.mean()).expand(len(pred)).clone()


@wrong("returns the mean over the images instead of a value for each")
def averaged(pred, gt, crop=0, y_only=False, max_val=1.0):
    return psnr(pred, gt, crop, y_only, max_val).mean()


@wrong("averages the PSNRs of the channels instead of their squared errors")
def per_channel(pred, gt, crop=0, y_only=False, max_val=1.0):
    if y_only:
        return psnr(pred, gt, crop, y_only, max_val)
    mse = (_cropped(pred, crop) - _cropped(gt, crop)).square().mean(dim=(2, 3))
    return (10 * torch.log10(max_val**2 / mse)).mean(dim=1)


@wrong("adds up the squared errors of the channels and averages over the pixels alone")
def channels_summed(pred, gt, crop=0, y_only=False, max_val=1.0):
    return 10 * torch.log10(max_val**2 / (_mse(pred, gt, crop, y_only) * (1 if y_only else 3)))


@wrong("divides by 3 channels though only luma is compared")
def luma_over_three(pred, gt, crop=0, y_only=False, max_val=1.0):
    return 10 * torch.log10(max_val**2 / (_mse(pred, gt, crop, y_only) / (3 if y_only else 1)))


@wrong("adds up the squared errors and does not divide")
def summed(pred, gt, crop=0, y_only=False, max_val=1.0):
    count = _cropped(gt, crop)[0].numel() // (3 if y_only else 1) if len(gt) else 1
    return 10 * torch.log10(max_val**2 / (_mse(pred, gt, crop, y_only) * count))


@wrong("divides by the number of pixels before the crop")
def divided_before_crop(pred, gt, crop=0, y_only=False, max_val=1.0):
    share = _cropped(gt, crop)[0, 0].numel() / gt[0, 0].numel() if len(gt) else 1
    return 10 * torch.log10(max_val**2 / (_mse(pred, gt, crop, y_only) * share))


@wrong("measures absolute instead of squared differences")
def absolute(pred, gt, crop=0, y_only=False, max_val=1.0):
    p, g = _cropped(pred, crop), _cropped(gt, crop)
    d = _luma(p) - _luma(g) if y_only else p - g
    return 10 * torch.log10(max_val**2 / d.abs().mean(dim=(1, 2, 3)))


@wrong("loses the batch axis of a single image")
def squeezed(pred, gt, crop=0, y_only=False, max_val=1.0):
    return psnr(pred, gt, crop, y_only, max_val).squeeze()


# -- mistakes about the peak and the logarithm -------------------------------------------------


@wrong("takes 255 for the peak, whatever max_val says")
def peak_of_bytes(pred, gt, crop=0, y_only=False, max_val=1.0):
    return psnr(pred, gt, crop, y_only, 255.0)


@wrong("takes 1 for the peak, whatever max_val says")
def peak_of_one(pred, gt, crop=0, y_only=False, max_val=1.0):
    return psnr(pred, gt, crop, y_only, 1.0)


@wrong("has another default of max_val")
def default_of_bytes(pred, gt, crop=0, y_only=False, max_val=255.0):
    return psnr(pred, gt, crop, y_only, max_val)


@wrong("takes the largest value of the true image for the peak")
def measured_peak(pred, gt, crop=0, y_only=False, max_val=1.0):
    g = _cropped(gt, crop)
    return 10 * torch.log10(
        (_luma(g) if y_only else g).amax(dim=(1, 2, 3)) ** 2 / _mse(pred, gt, crop, y_only)
    )


@wrong("takes the span of luma, 219 / 255 of max_val, for the peak")
def peak_of_luma(pred, gt, crop=0, y_only=False, max_val=1.0):
    return psnr(pred, gt, crop, y_only, max_val * 219 / 255 if y_only else max_val)


@wrong("forgets to square the peak")
def peak_not_squared(pred, gt, crop=0, y_only=False, max_val=1.0):
    return 10 * torch.log10(max_val / _mse(pred, gt, crop, y_only))


@wrong("multiplies by 20 though the error is squared already")
def twenty(pred, gt, crop=0, y_only=False, max_val=1.0):
    return 20 * torch.log10(max_val**2 / _mse(pred, gt, crop, y_only))


@wrong("divides by the root of the mean squared error")
def rooted(pred, gt, crop=0, y_only=False, max_val=1.0):
    return 10 * torch.log10(max_val**2 / _mse(pred, gt, crop, y_only).sqrt())


@wrong("takes the natural logarithm")
def natural(pred, gt, crop=0, y_only=False, max_val=1.0):
    return 10 * torch.log(max_val**2 / _mse(pred, gt, crop, y_only))


@wrong("has the sign of the error: smaller is better")
def upside_down(pred, gt, crop=0, y_only=False, max_val=1.0):
    return 10 * torch.log10(_mse(pred, gt, crop, y_only) / max_val**2)


# -- mistakes about equal images ---------------------------------------------------------------


@wrong("adds a small constant to the error, which makes equal images finite")
def with_eps(pred, gt, crop=0, y_only=False, max_val=1.0):
    return 10 * torch.log10(max_val**2 / (_mse(pred, gt, crop, y_only) + 1e-10))


@wrong("stops at 100 dB")
def capped(pred, gt, crop=0, y_only=False, max_val=1.0):
    return psnr(pred, gt, crop, y_only, max_val).clamp(max=100)


@wrong("gives equal images 0 dB")
def zero_for_equal(pred, gt, crop=0, y_only=False, max_val=1.0):
    return torch.nan_to_num(psnr(pred, gt, crop, y_only, max_val), posinf=0.0)


@wrong("gives equal images NaN")
def nan_for_equal(pred, gt, crop=0, y_only=False, max_val=1.0):
    found = psnr(pred, gt, crop, y_only, max_val)
    return found.masked_fill(found.isinf(), torch.nan)


@wrong("gives images infinity that are close without being equal")
def close_for_equal(pred, gt, crop=0, y_only=False, max_val=1.0):
    found = psnr(pred, gt, crop, y_only, max_val)
    return torch.where(_mse(pred, gt, crop, y_only) < 1e-10, torch.inf, found)


@wrong("asks torch.allclose whether two images are equal")
def allclose_for_equal(pred, gt, crop=0, y_only=False, max_val=1.0):
    found = psnr(pred, gt, crop, y_only, max_val)
    for i, (a, b) in enumerate(zip(pred, gt, strict=True)):
        if torch.allclose(a, b):
            found[i] = torch.inf
    return found


@wrong("returns infinity only if all images of the batch are equal, and else measures from a small error")
def all_or_none(pred, gt, crop=0, y_only=False, max_val=1.0):
    mse = _mse(pred, gt, crop, y_only)
    if bool((mse == 0).all()):
        return torch.full_like(mse, torch.inf)
    return 10 * torch.log10(max_val**2 / mse.clamp(min=1e-12))


# -- mistakes about the crop -------------------------------------------------------------------


@wrong("ignores crop")
def uncropped(pred, gt, crop=0, y_only=False, max_val=1.0):
    _cropped(gt, crop)
    return psnr(pred, gt, 0, y_only, max_val)


@wrong("slices up to minus crop, which keeps nothing when crop is 0")
def minus_zero(pred, gt, crop=0, y_only=False, max_val=1.0):
    _cropped(gt, crop)
    d = _luma(pred) - _luma(gt) if y_only else pred - gt
    return 10 * torch.log10(max_val**2 / d[..., crop:-crop, crop:-crop].square().mean(dim=(1, 2, 3)))


@wrong("crops above and on the left only")
def two_sides(pred, gt, crop=0, y_only=False, max_val=1.0):
    _cropped(gt, crop)
    return psnr(pred[..., crop:, crop:], gt[..., crop:, crop:], 0, y_only, max_val)


@wrong("crops the rows and leaves the columns")
def rows_only(pred, gt, crop=0, y_only=False, max_val=1.0):
    _cropped(gt, crop)
    h = gt.shape[2]
    return psnr(pred[:, :, crop : h - crop], gt[:, :, crop : h - crop], 0, y_only, max_val)


@wrong("takes crop for the total, half of it on either side")
def half_the_crop(pred, gt, crop=0, y_only=False, max_val=1.0):
    _cropped(gt, crop)
    return psnr(pred, gt, crop // 2, y_only, max_val)


@wrong("crops luma only, and leaves RGB images whole")
def crop_of_luma(pred, gt, crop=0, y_only=False, max_val=1.0):
    _cropped(gt, crop)
    return psnr(pred, gt, crop if y_only else 0, y_only, max_val)


@wrong("sets the border to zero instead of leaving it out, so that it counts as right")
def blanked(pred, gt, crop=0, y_only=False, max_val=1.0):
    error = torch.zeros_like(gt)
    h, w = gt.shape[-2:]
    error[..., crop : h - crop, crop : w - crop] = _cropped(pred - gt, crop)
    return psnr(error, torch.zeros_like(error), 0, y_only, max_val)


@wrong("accepts a crop that leaves nothing, and returns NaN")
def any_crop(pred, gt, crop=0, y_only=False, max_val=1.0):
    h, w = gt.shape[-2:]
    d = (pred - gt)[..., crop : max(h - crop, crop), crop : max(w - crop, crop)]
    d = _luma(d) - 16 / 255 if y_only else d
    return 10 * torch.log10(max_val**2 / d.square().mean(dim=(1, 2, 3)))


@wrong("compares the whole images where the crop would leave nothing")
def crop_given_up(pred, gt, crop=0, y_only=False, max_val=1.0):
    return psnr(pred, gt, crop if 2 * crop < min(gt.shape[-2:]) else 0, y_only, max_val)


@wrong("asks only whether the crop goes beyond the middle, and accepts one that just meets there")
def met_in_the_middle(pred, gt, crop=0, y_only=False, max_val=1.0):
    if crop > min(gt.shape[-2:]) // 2:
        raise ValueError("crop")
    return any_crop(pred, gt, crop, y_only, max_val)


@wrong("looks at the height alone when it asks whether the crop leaves anything")
def height_checked(pred, gt, crop=0, y_only=False, max_val=1.0):
    if 2 * crop >= gt.shape[2]:
        raise ValueError("crop")
    return any_crop(pred, gt, crop, y_only, max_val)


@wrong("refuses a crop that leaves one row or one column")
def strict_crop(pred, gt, crop=0, y_only=False, max_val=1.0):
    if crop and 2 * crop >= min(gt.shape[-2:]) - 1:
        raise ValueError("crop")
    return psnr(pred, gt, crop, y_only, max_val)


# -- mistakes about luma and range -------------------------------------------------------------


@wrong("ignores y_only")
def always_rgb(pred, gt, crop=0, y_only=False, max_val=1.0):
    return psnr(pred, gt, crop, False, max_val)


@wrong("compares luma by default")
def luma_by_default(pred, gt, crop=0, y_only=True, max_val=1.0):
    return psnr(pred, gt, crop, y_only, max_val)


@wrong("weighs the channels by 0.299, 0.587 and 0.114, the luma of full range")
def full_range(pred, gt, crop=0, y_only=False, max_val=1.0):
    if not y_only:
        return psnr(pred, gt, crop, False, max_val)
    d = _cropped(pred - gt, crop)
    y = 0.299 * d[:, 0] + 0.587 * d[:, 1] + 0.114 * d[:, 2]
    return 10 * torch.log10(max_val**2 / y.square().mean(dim=(1, 2)))


@wrong("takes the channels for B, G, R")
def blue_first(pred, gt, crop=0, y_only=False, max_val=1.0):
    return psnr(pred.flip(1), gt.flip(1), crop, y_only, max_val)


@wrong("divides the channels by max_val for luma, and measures the error against max_val all the same")
def luma_of_unit_range(pred, gt, crop=0, y_only=False, max_val=1.0):
    if y_only:
        pred, gt = pred / max_val, gt / max_val
    return psnr(pred, gt, crop, y_only, max_val)


@wrong("averages the three channels for luma")
def grey(pred, gt, crop=0, y_only=False, max_val=1.0):
    if y_only:
        pred, gt = (t.mean(dim=1, keepdim=True).expand(-1, 3, -1, -1) for t in (pred, gt))
    return psnr(pred, gt, crop, False, max_val)


@wrong("leaves luma between 16 and 235 instead of dividing by 255")
def luma_in_bytes(pred, gt, crop=0, y_only=False, max_val=1.0):
    return psnr(pred, gt, crop, y_only, max_val / 255 if y_only else max_val)


@wrong("clamps the prediction to the range first")
def clamped(pred, gt, crop=0, y_only=False, max_val=1.0):
    return psnr(pred.clamp(0, max_val), gt, crop, y_only, max_val)


@wrong("rounds to 256 levels first, as if the images were saved")
def rounded(pred, gt, crop=0, y_only=False, max_val=1.0):
    pred, gt = ((t / max_val * 255).round() / 255 * max_val for t in (pred, gt))
    return psnr(pred, gt, crop, y_only, max_val)


@wrong("clamps the caller's own prediction")
def clamped_in_place(pred, gt, crop=0, y_only=False, max_val=1.0):
    return psnr(pred.clamp_(0, max_val), gt, crop, y_only, max_val)


@wrong("subtracts in the caller's own prediction")
def in_place(pred, gt, crop=0, y_only=False, max_val=1.0):
    pred -= gt
    return psnr(pred, torch.zeros_like(gt), crop, y_only, max_val)


@wrong("returns float32 whatever comes in")
def single_precision(pred, gt, crop=0, y_only=False, max_val=1.0):
    return psnr(pred, gt, crop, y_only, max_val).float()
