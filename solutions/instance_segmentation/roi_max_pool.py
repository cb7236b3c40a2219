"""RoI pooling: the maximum of every bin, on a rounded grid.

Fast R-CNN cuts a feature map of fixed size out of every region of interest (RoI), whatever its size:
the region is rounded to whole cells of the map, divided into out x out bins, and each bin gives its
maximum.

feat [C, H, W] is the map, rois [R, 4] are boxes (x1, y1, x2, y2) in the image, whose coordinates times
scale are those of the map. Return [R, C, out, out]. On the x axis (y is alike, with H):

* Round x1 * scale and x2 * scale to whole cells. Halves go away from zero, as in C:
  0.5 becomes 1, 2.5 becomes 3, -0.5 becomes -1.
* Both end cells belong to the region: its width is x2 - x1 + 1 of the rounded coordinates. Where that
  is less than 1 (corners in the wrong order) the width is 1.
* Bin j of the out bins (0 <= j < out) covers the columns from floor(j * width / out) to
  ceil((j + 1) * width / out), the end not included, counted from the rounded x1. Bins may overlap, and
  in a region smaller than out x out the same cell fills several.
* Regions may stick out of the map or lie beside it. The bins are laid out first and only then clipped
  to columns 0 to W - 1. A bin of which nothing is left is 0. All others give their maximum, which may
  be negative.
* R may be 0: then the result is [0, C, out, out]. The result has the dtype of feat, float32 or
  float64, the same as that of rois. feat and rois stay as they are. All tensors are on the CPU.
* Gradients flow to feat, from each output to the cell that is the maximum of its bin. (Nobody asks for
  gradients of rois.)

Example: a map with C = H = 1 and the row (1, 5, 2, 4), scale = 0.5, out = 2, one RoI (1, 0, 5, 0). x1
is 0.5 and becomes 1; x2 is 2.5 and becomes 3; the width is 3. The bins start at floor(0) = 0 and
floor(1.5) = 1 and end at ceil(1.5) = 2 and ceil(3) = 3: columns 1, 2 and columns 2, 3. On the y axis
both bins cover the only row. The result is ((5, 4), (5, 4)).
"""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from grader import right, wrong

LEVEL = 3
MINUTES = 30
HINTS = (
    "Columns and rows do not know of each other. For one axis: which cells belong to bin j of region r?",
    "Two loops over regions and bins and a slice are a fair answer; clip the slice, and see whether anything "
    "is left before taking a maximum. torch.round does not do what C does with halves.",
    "Without loops: compare the columns 0 to W - 1 with every bin's start and end, which gives booleans "
    "[R, out, W]. Fill what lies outside with minus infinity, take the maximum over the columns, do the same "
    "with the rows, and replace what is still minus infinity by 0.",
)


def roi_pool(
    feat: Float[Tensor, "c h w"], rois: Float[Tensor, "r 4"], out: int = 7, scale: float = 1 / 16
) -> Float[Tensor, "r c out out"]:
    """Return the maximum of each bin of each region."""
    x1, y1, x2, y2 = _rounded(rois * scale).unbind(1)
    cols = _bins(x1, x2, out, feat.shape[2])[:, None, None]  # r 1 1 out w
    rows = _bins(y1, y2, out, feat.shape[1])[:, None, :, None]  # r 1 out 1 h
    best = feat[:, :, None].where(cols, -torch.inf).amax(-1)  # r c h out
    best = best.mT[:, :, None].where(rows, -torch.inf).amax(-1)  # r c out out
    return best.where(best > -torch.inf, 0)


def _rounded(x: Tensor) -> Tensor:
    return x.sign() * (x.abs() + 0.5).floor()


def _bins(start: Tensor, end: Tensor, out: int, size: int) -> Bool[Tensor, "r out size"]:
    """Return which of the cells 0 to size - 1 belong to which bin."""
    extent = (end - start + 1).clamp(min=1)[:, None]
    j, cell = torch.arange(out), torch.arange(size)
    first = start[:, None] + (j * extent / out).floor()
    stop = start[:, None] + ((j + 1) * extent / out).ceil()
    return (first[..., None] <= cell) & (cell < stop[..., None])


def _half_away(x):
    """Round a number as C does."""
    return math.floor(abs(x) + 0.5) * (1 if x >= 0 else -1)


def _corners(roi, scale, rounded=_half_away):
    return [rounded(v * scale) for v in roi.tolist()]


def _cells(start, extent, j, out, size):
    """The clipped range of cells of one bin."""
    first, stop = start + j * extent // out, start - (-(j + 1) * extent // out)
    return max(first, 0), min(max(stop, 0), size)


def _pooled(feat, corners, out, *, cells=_cells, plus=1, least=1, take=torch.amax, empty=0.0):
    """One region, from whole corners, in loops; the options are where versions go wrong."""
    c, h, w = feat.shape
    x1, y1, x2, y2 = corners
    width, height = max(x2 - x1 + plus, least), max(y2 - y1 + plus, least)
    found = []
    for i in range(out):
        top, bottom = cells(y1, height, i, out, h)
        for j in range(out):
            left, right = cells(x1, width, j, out, w)
            part = feat[:, top:bottom, left:right]
            found.append(take(part, dim=(1, 2)) if part.numel() else feat.new_full((c,), empty))
    return torch.stack(found, dim=1).reshape(c, out, out)


def _all(feat, rois, out, scale, *, rounded=_half_away, **how):
    found = [_pooled(feat, _corners(roi, scale, rounded), out, **how) for roi in rois]
    return torch.stack(found) if found else feat.new_zeros(0, feat.shape[0], out, out)


@right("with loops over regions and bins, filled into zeros")
def looped(feat, rois, out=7, scale=1 / 16):
    c, h, w = feat.shape
    result = torch.zeros(len(rois), c, out, out, dtype=feat.dtype)
    for r, roi in enumerate(rois):
        x1, y1, x2, y2 = _corners(roi, scale)
        bin_w, bin_h = max(x2 - x1 + 1, 1) / out, max(y2 - y1 + 1, 1) / out
        for i in range(out):
            top = min(max(y1 + math.floor(i * bin_h), 0), h)
            bottom = min(max(y1 + math.ceil((i + 1) * bin_h), 0), h)
            for j in range(out):
                left = min(max(x1 + math.floor(j * bin_w), 0), w)
                right = min(max(x1 + math.ceil((j + 1) * bin_w), 0), w)
                if bottom > top and right > left:
                    result[r, :, i, j] = feat[:, top:bottom, left:right].flatten(1).max(dim=1).values
    return result


@right("with adaptive pooling of a region that is padded by minus infinity")
def adaptive(feat, rois, out=7, scale=1 / 16):
    c, h, w = feat.shape
    result = []
    for roi in rois.double() * scale:
        x1, y1, x2, y2 = (roi.sign() * torch.floor(roi.abs() + 0.5)).long().tolist()
        x2, y2 = max(x1, x2), max(y1, y2)
        region = feat.new_full((c, y2 - y1 + 1, x2 - x1 + 1), -torch.inf)
        left, right, top, bottom = max(x1, 0), min(x2 + 1, w), max(y1, 0), min(y2 + 1, h)
        if left < right and top < bottom:
            region[:, top - y1 : bottom - y1, left - x1 : right - x1] = feat[:, top:bottom, left:right]
        pooled = F.adaptive_max_pool2d(region, out)
        result.append(torch.where(torch.isinf(pooled), torch.zeros_like(pooled), pooled))
    return torch.stack(result) if result else feat.new_empty(0, c, out, out)


@right("with one mask over both axes, rounding through truncation")
def one_mask(feat, rois, out=7, scale=1 / 16):
    c, h, w = feat.shape
    scaled = rois * scale
    whole = torch.where(scaled < 0, (scaled - 0.5).trunc(), (scaled + 0.5).trunc()).long()
    share = torch.arange(out)

    def inside(start, end, size):
        extent = torch.maximum(end - start + 1, torch.ones_like(start))[:, None]
        low = torch.div(share * extent, out, rounding_mode="floor") + start[:, None]
        high = start[:, None] - torch.div(-(share + 1) * extent, out, rounding_mode="floor")
        at = torch.arange(size).reshape(1, 1, -1)
        return (at >= low.unsqueeze(-1)) & (at < high.unsqueeze(-1))

    x, y = inside(whole[:, 0], whole[:, 2], w), inside(whole[:, 1], whole[:, 3], h)
    mask = (y[:, :, None, :, None] & x[:, None, :, None, :]).reshape(len(rois), 1, out, out, h * w)
    lowest = torch.finfo(feat.dtype).min
    best = feat.reshape(1, c, 1, 1, h * w).masked_fill(~mask, lowest).max(dim=-1).values
    return best * mask.any(dim=-1)


@wrong("rounds halves to the even number, as torch.round does")
def half_to_even(feat, rois, out=7, scale=1 / 16):
    return _all(feat, rois, out, scale, rounded=round)


@wrong("rounds halves up, so that -0.5 becomes 0")
def half_up(feat, rois, out=7, scale=1 / 16):
    return _all(feat, rois, out, scale, rounded=lambda x: math.floor(x + 0.5))


@wrong("cuts the corners down to whole cells instead of rounding them")
def floored(feat, rois, out=7, scale=1 / 16):
    return _all(feat, rois, out, scale, rounded=math.floor)


@wrong("cuts the decimals off towards zero instead of rounding")
def truncated(feat, rois, out=7, scale=1 / 16):
    return _all(feat, rois, out, scale, rounded=int)


@wrong("does not count the last cell: the width is x2 - x1")
def without_plus_one(feat, rois, out=7, scale=1 / 16):
    return _all(feat, rois, out, scale, plus=0)


@wrong("rounds the region's width rather than its two corners")
def rounded_extent(feat, rois, out=7, scale=1 / 16):
    found = []
    for roi in rois:
        x1, y1, x2, y2 = (v * scale for v in roi.tolist())
        left, top = _half_away(x1), _half_away(y1)
        corners = left, top, left + _half_away(x2 - x1), top + _half_away(y2 - y1)
        found.append(_pooled(feat, corners, out))
    return torch.stack(found) if found else feat.new_zeros(0, feat.shape[0], out, out)


@wrong("does not round at all, and lays the bins out from the exact corners")
def unrounded(feat, rois, out=7, scale=1 / 16):
    def cells(start, extent, j, out, size):
        first, stop = start + j * extent / out, start + (j + 1) * extent / out
        return max(math.floor(first), 0), min(max(math.ceil(stop), 0), size)

    return _all(feat, rois, out, scale, rounded=float, cells=cells)


@wrong("floors the end of a bin as well as its start, so that cells fall between the bins")
def floored_ends(feat, rois, out=7, scale=1 / 16):
    def cells(start, extent, j, out, size):
        first, stop = start + j * extent // out, start + (j + 1) * extent // out
        return max(first, 0), min(max(stop, 0), size)

    return _all(feat, rois, out, scale, cells=cells)


@wrong("divides the region into bins of a whole number of cells")
def whole_bins(feat, rois, out=7, scale=1 / 16):
    def cells(start, extent, j, out, size):
        step = max(extent // out, 1)
        return max(start + j * step, 0), min(max(start + (j + 1) * step, 0), size)

    return _all(feat, rois, out, scale, cells=cells)


@wrong("clips the region to the map first, and lays the bins out in what is left")
def clipped_first(feat, rois, out=7, scale=1 / 16):
    c, h, w = feat.shape
    found = []
    for roi in rois:
        x1, y1, x2, y2 = _corners(roi, scale)
        inside = x1 < w and y1 < h and x2 >= 0 and y2 >= 0
        corners = max(x1, 0), max(y1, 0), min(x2, w - 1), min(y2, h - 1)
        found.append(_pooled(feat, corners, out) if inside else feat.new_zeros(c, out, out))
    return torch.stack(found) if found else feat.new_zeros(0, c, out, out)


@wrong("rounds the edges of the bins, so that cells on a border between two belong to one of them only")
def rounded_bins(feat, rois, out=7, scale=1 / 16):
    def cells(start, extent, j, out, size):
        first, stop = (
            start + (2 * j * extent + out) // (2 * out),
            start + (2 * j * extent + 2 * extent + out) // (2 * out),
        )
        return max(first, 0), min(max(stop, 0), size)

    return _all(feat, rois, out, scale, cells=cells)


@wrong("reads one cell more at the end of every bin, as if its end were included")
def inclusive_ends(feat, rois, out=7, scale=1 / 16):
    def cells(start, extent, j, out, size):
        first, stop = start + j * extent // out, start - (-(j + 1) * extent // out)
        return max(first, 0), min(max(stop + 1, 0), size)

    return _all(feat, rois, out, scale, cells=cells)


@wrong("leaves at least one cell in every bin, so that bins beside the map read its border")
def never_empty(feat, rois, out=7, scale=1 / 16):
    def cells(start, extent, j, out, size):
        first, stop = start + j * extent // out, start - (-(j + 1) * extent // out)
        first = min(max(first, 0), size - 1)
        return first, max(min(stop, size), first + 1)

    return _all(feat, rois, out, scale, cells=cells)


@wrong("does not clip the start of a bin, so that a negative index counts from the other end of the map")
def wrapped(feat, rois, out=7, scale=1 / 16):
    def cells(start, extent, j, out, size):
        return start + j * extent // out, min(start - (-(j + 1) * extent // out), size)

    return _all(feat, rois, out, scale, cells=cells)


@wrong("leaves empty bins at minus infinity")
def minus_infinity(feat, rois, out=7, scale=1 / 16):
    return _all(feat, rois, out, scale, empty=-math.inf)


@wrong("starts every maximum at 0, so that a negative one becomes 0")
def from_zero(feat, rois, out=7, scale=1 / 16):
    return roi_pool(feat, rois, out, scale).clamp(min=0)


@wrong("takes the mean of a bin instead of its maximum")
def averaged(feat, rois, out=7, scale=1 / 16):
    return _all(feat, rois, out, scale, take=torch.mean)


@wrong("gives a region with its corners in the wrong order no cells instead of one")
def none_if_inverted(feat, rois, out=7, scale=1 / 16):
    return _all(feat, rois, out, scale, least=0)


@wrong("puts corners that are in the wrong order right")
def reordered(feat, rois, out=7, scale=1 / 16):
    low, high = torch.minimum(rois[:, :2], rois[:, 2:]), torch.maximum(rois[:, :2], rois[:, 2:])
    return roi_pool(feat, torch.cat([low, high], dim=1), out, scale)


@wrong("reads the regions as (y1, x1, y2, x2)")
def rows_first(feat, rois, out=7, scale=1 / 16):
    return roi_pool(feat, rois[:, [1, 0, 3, 2]], out, scale)


@wrong("always makes 7 x 7 bins")
def always_seven(feat, rois, out=7, scale=1 / 16):
    return roi_pool(feat, rois, 7, scale)


@wrong("always divides the regions by 16, whatever scale says")
def always_sixteenth(feat, rois, out=7, scale=1 / 16):
    return roi_pool(feat, rois, out)


@wrong("puts the channels last")
def channels_last(feat, rois, out=7, scale=1 / 16):
    return roi_pool(feat, rois, out, scale).permute(0, 2, 3, 1)


@wrong("fails without regions, because nothing can be stacked")
def fails_when_empty(feat, rois, out=7, scale=1 / 16):
    return torch.stack([roi_pool(feat, roi[None], out, scale)[0] for roi in rois])


@wrong("is cut off from the graph of feat")
def detached(feat, rois, out=7, scale=1 / 16):
    return roi_pool(feat.detach(), rois, out, scale)


@wrong("scales the caller's own regions")
def in_place(feat, rois, out=7, scale=1 / 16):
    rois *= scale
    return roi_pool(feat, rois, out, 1.0)


@wrong("makes its result in float32, whatever comes in")
def single_precision(feat, rois, out=7, scale=1 / 16):
    return roi_pool(feat.float(), rois.float(), out, scale)
