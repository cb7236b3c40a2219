"""The anomaly map of a reconstruction, and one score for each image.

An autoencoder that has only ever seen normal images reconstructs normal ones well. Where an image and
its reconstruction differ, something is wrong with the image.

x and x_hat [B, 3, H, W] are images and their reconstructions, float, B, H and W at least 1. Return the
tuple (map [B, H, W], score [B]) in their dtype:

* The error of a pixel is the mean of (x - x_hat)^2 over its three channels.
* map smooths the error with a box: the value of a pixel is the mean error of the (2r + 1) x (2r + 1)
  pixels around it, as many of them as lie inside the image. Nothing is padded: the corner of a large
  image is the mean of (r + 1)^2 pixels. r is an int from 0 up; with r = 0 the map is the error, and a
  window may be larger than the image.
* score is the largest value of each image's map. A mean would drown a small defect among thousands of
  normal pixels.
* The map is not rescaled, neither for an image nor for the batch: numbers of different images have to be
  comparable, or no threshold can be chosen. An image that is reconstructed perfectly has 0 everywhere.
* Memory may be channels-last. The inputs stay as they are. All tensors are on the CPU. No gradient is
  asked for.

Example: one image of 1 x 3 pixels that differs from its reconstruction only in the first, by 3, 0 and 0
in the three channels. The errors are (3, 0, 0). With r = 1 the map is (1.5, 1, 0): two pixels make the
first mean and three the second. The score is 1.5.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from grader import right, wrong

LEVEL = 1
MINUTES = 10
HINTS = (
    "Three steps: one number for each pixel, one smoothed number for each pixel, one number for each image. "
    "What becomes of a window at the border?",
    "A mean over a window that slides by one pixel is average pooling with stride 1. By default torch pads "
    "with zeros and counts them; there is an argument about that.",
    "Square the difference and average it over the channels, keeping the axis. Pool with kernel 2r + 1, "
    "stride 1, padding r, leaving the padding out of the count; drop the axis. The score is the maximum over "
    "the last two axes.",
)


def anomaly_map(
    x: Float[Tensor, "b 3 h w"], x_hat: Float[Tensor, "b 3 h w"], r: int = 2
) -> tuple[Float[Tensor, "b h w"], Float[Tensor, " b"]]:
    """Return the smoothed reconstruction error of every pixel, and its maximum over each image."""
    error = (x - x_hat).detach().square().mean(dim=1, keepdim=True)  # b 1 h w
    pooled = F.avg_pool2d(error, 2 * r + 1, stride=1, padding=r, count_include_pad=False)
    smooth = pooled.squeeze(1)
    return smooth, smooth.amax(dim=(1, 2))


def _error(x, x_hat):
    return (x - x_hat).square().mean(dim=1)


def _box(error, r, **options):
    """Return the box mean of maps [B, H, W]."""
    options = {"count_include_pad": False} | options
    return F.avg_pool2d(error[:, None], 2 * r + 1, stride=1, padding=r, **options)[:, 0]


def _scored(smooth):
    return smooth, smooth.flatten(1).amax(dim=1)


@right("with a loop over pixels and slices that stop at the border")
def looped(x, x_hat, r=2):
    error = ((x - x_hat) ** 2).sum(dim=1) / 3
    _, h, w = error.shape
    smooth = torch.empty_like(error)
    for i in range(h):
        for j in range(w):
            window = error[:, max(i - r, 0) : i + r + 1, max(j - r, 0) : j + r + 1]
            smooth[:, i, j] = window.mean(dim=(1, 2))
    return smooth, torch.stack([m.max() for m in smooth])


@right("with a convolution of ones, divided by the convolution of an image of ones")
def convolved(x, x_hat, r=2):
    error = (x_hat - x).pow(2).mean(1, keepdim=True)
    kernel = torch.ones(1, 1, 2 * r + 1, 2 * r + 1, dtype=x.dtype)
    total = F.conv2d(error, kernel, padding=r)
    count = F.conv2d(torch.ones_like(error[:1]), kernel, padding=r)
    smooth = (total / count)[:, 0]
    return [smooth, smooth.view(len(x), -1).max(dim=1).values]


@right("with an integral image and clamped coordinates")
def integral(x, x_hat, r=2):
    error = _error(x, x_hat)
    h, w = error.shape[1:]
    total = F.pad(error.cumsum(1).cumsum(2), (1, 0, 1, 0))
    i, j = torch.arange(h), torch.arange(w)
    top, bottom = (i - r).clamp(min=0), (i + r + 1).clamp(max=h)
    left, right = (j - r).clamp(min=0), (j + r + 1).clamp(max=w)
    rows = total[:, bottom] - total[:, top]
    area = (bottom - top)[:, None] * (right - left)
    return _scored((rows[:, :, right] - rows[:, :, left]) / area)


@right("smoothing channels first, in NumPy, with the mean of what is not NaN")
def in_numpy(x, x_hat, r=2):
    import numpy as np

    square = np.square(x.numpy() - x_hat.numpy())
    padded = np.pad(square, ((0, 0), (0, 0), (r, r), (r, r)), constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (2 * r + 1, 2 * r + 1), axis=(2, 3))
    smooth = np.nanmean(windows, axis=(4, 5)).mean(axis=1)
    return torch.from_numpy(smooth), torch.from_numpy(smooth.max(axis=(1, 2)))


@right("along columns and then along rows, with matrices of bands")
def banded(x, x_hat, r=2):
    def band(n):
        near = (torch.arange(n)[:, None] - torch.arange(n)).abs() <= r
        return near.to(x.dtype) / near.sum(1, keepdim=True)

    smooth = band(x.shape[2]) @ torch.nn.MSELoss(reduction="none")(x_hat, x).mean(1) @ band(x.shape[3]).T
    return smooth, smooth.max(-1)[0].max(-1)[0]


@wrong("counts zeros beyond the border, so that the map is too low there")
def padded_with_zeros(x, x_hat, r=2):
    return _scored(_box(_error(x, x_hat), r, count_include_pad=True))


@wrong("repeats the border pixels outwards, so that they count several times")
def replicated(x, x_hat, r=2):
    error = F.pad(_error(x, x_hat)[:, None], (r, r, r, r), mode="replicate")
    return _scored(F.avg_pool2d(error, 2 * r + 1, stride=1)[:, 0])


@wrong("scales each map to run from 0 to 1, after which no two images can be compared")
def normalised_each(x, x_hat, r=2):
    smooth = _box(_error(x, x_hat), r)
    low, high = smooth.amin(dim=(1, 2), keepdim=True), smooth.amax(dim=(1, 2), keepdim=True)
    return _scored((smooth - low) / (high - low + 1e-8))


@wrong("divides each map by its maximum, which is 0 for a perfect reconstruction")
def divided_by_maximum(x, x_hat, r=2):
    smooth = _box(_error(x, x_hat), r)
    return _scored(smooth / smooth.amax(dim=(1, 2), keepdim=True))


@wrong("scales the maps of the batch together, so that other images change a score")
def normalised_batch(x, x_hat, r=2):
    smooth = _box(_error(x, x_hat), r)
    return _scored((smooth - smooth.min()) / (smooth.max() - smooth.min() + 1e-8))


@wrong("takes the maximum of the errors before they are smoothed for the score")
def score_of_errors(x, x_hat, r=2):
    error = _error(x, x_hat)
    return _box(error, r), error.amax(dim=(1, 2))


@wrong("takes the mean of the map for the score")
def mean_score(x, x_hat, r=2):
    smooth = _box(_error(x, x_hat), r)
    return smooth, smooth.mean(dim=(1, 2))


@wrong("takes one maximum over the whole batch")
def batch_score(x, x_hat, r=2):
    smooth = _box(_error(x, x_hat), r)
    return smooth, smooth.max().expand(len(x)).clone()


@wrong("adds up the channels instead of averaging them")
def summed_channels(x, x_hat, r=2):
    return _scored(_box(3 * _error(x, x_hat), r))


@wrong("adds up the window instead of averaging it")
def summed_window(x, x_hat, r=2):
    return _scored(_box(_error(x, x_hat), r, divisor_override=1))


@wrong("takes absolute errors instead of squares")
def absolute(x, x_hat, r=2):
    return _scored(_box((x - x_hat).abs().mean(1), r))


@wrong("takes the root of the mean over the channels")
def rooted(x, x_hat, r=2):
    return _scored(_box(_error(x, x_hat).sqrt(), r))


@wrong("averages the channels before it squares, so that opposite errors cancel")
def squared_last(x, x_hat, r=2):
    return _scored(_box((x - x_hat).mean(1).square(), r))


@wrong("smooths the difference before it squares it")
def smoothed_first(x, x_hat, r=2):
    smooth = F.avg_pool2d(x - x_hat, 2 * r + 1, stride=1, padding=r, count_include_pad=False)
    return _scored(smooth.square().mean(1))


@wrong("takes the largest of the three channels")
def worst_channel(x, x_hat, r=2):
    return _scored(_box((x - x_hat).square().amax(1), r))


@wrong("takes a window of r pixels a side")
def narrow(x, x_hat, r=2):
    return _scored(_box(_error(x, x_hat), r // 2))


@wrong("takes a window of 2r pixels a side, which leans to one side")
def lopsided(x, x_hat, r=2):
    error = F.pad(_error(x, x_hat), (r, r, r, r))
    inside = F.pad(torch.ones_like(x[:, 0]), (r, r, r, r))
    k = max(2 * r, 1)
    total, count = (F.avg_pool2d(m[:, None], k, stride=1, divisor_override=1)[:, 0] for m in (error, inside))
    h, w = x.shape[2:]
    return _scored(total[:, :h, :w] / count[:, :h, :w])


@wrong("ignores r and always takes a window of 5 x 5")
def fixed(x, x_hat, r=2):
    return anomaly_map(x, x_hat)


@wrong("takes r = 4 for the default")
def other_default(x, x_hat, r=4):
    return anomaly_map(x, x_hat, r)


@wrong("does not smooth at all")
def unsmoothed(x, x_hat, r=2):
    return _scored(_error(x, x_hat))


@wrong("smooths with a Gaussian instead of a box")
def gaussian(x, x_hat, r=2):
    bell = torch.exp(-((torch.arange(-r, r + 1) / max(r, 1)) ** 2)).to(x)
    kernel = torch.outer(bell, bell)[None, None]
    error = _error(x, x_hat)[:, None]
    total, count = (F.conv2d(m, kernel, padding=r) for m in (error, torch.ones_like(error)))
    return _scored((total / count)[:, 0])


@wrong("takes the maximum of the window instead of its mean")
def max_pooled(x, x_hat, r=2):
    return _scored(F.max_pool2d(_error(x, x_hat), 2 * r + 1, stride=1, padding=r))


@wrong("pools with a stride, so that the map is smaller than the image")
def strided(x, x_hat, r=2):
    k = 2 * r + 1
    return _scored(F.avg_pool2d(_error(x, x_hat), k, padding=r, count_include_pad=False))


@wrong("keeps only the windows that lie wholly inside and fills the border of the map with zeros")
def valid_only(x, x_hat, r=2):
    error, (h, w) = _error(x, x_hat), x.shape[2:]
    if min(h, w) < 2 * r + 1:
        return _scored(torch.zeros_like(error))
    return _scored(F.pad(F.avg_pool2d(error, 2 * r + 1, stride=1), (r, r, r, r)))


@wrong("cuts the padding off with [r:-r], which leaves nothing for r = 0")
def cut_to_nothing(x, x_hat, r=2):
    padded = F.pad(_error(x, x_hat), (r, r, r, r))
    inside = F.pad(torch.ones_like(x[:, 0]), (r, r, r, r))
    total, count = _box(padded, r, divisor_override=1), _box(inside, r, divisor_override=1)
    return _scored((total / count)[:, r:-r, r:-r])


@wrong("squeezes all axes of size one, and so loses the batch axis of a single image")
def squeezed(x, x_hat, r=2):
    smooth, score = anomaly_map(x, x_hat, r)
    return smooth.squeeze(), score.squeeze()


@wrong("keeps a channel axis of one in the map")
def with_channel(x, x_hat, r=2):
    smooth, score = anomaly_map(x, x_hat, r)
    return smooth[:, None], score


@wrong("returns the place of the maximum instead of its value")
def place(x, x_hat, r=2):
    smooth, _ = anomaly_map(x, x_hat, r)
    return smooth, smooth.flatten(1).argmax(dim=1)


@wrong("subtracts the reconstruction from the caller's own image")
def in_place(x, x_hat, r=2):
    answer = anomaly_map(x, x_hat, r)
    x -= x_hat
    return answer


@wrong("works in float32 whatever comes in")
def single_precision(x, x_hat, r=2):
    return anomaly_map(x.float(), x_hat.float(), r)


@wrong("works in float64 whatever comes in, and returns that")
def double_precision(x, x_hat, r=2):
    return anomaly_map(x.double(), x_hat.double(), r)


@wrong("takes no window of more than 7 x 7")
def limited_window(x, x_hat, r=2):
    return anomaly_map(x, x_hat, min(r, 3))
