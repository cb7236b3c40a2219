"""RoI Align: bins sampled at exact positions.

RoI pooling rounds regions to whole cells; a mask head suffers from that. RoI Align rounds nothing: it
samples every bin at a few points between the cells and averages them.

feat [C, H, W] is the map, rois [R, 4] are boxes (x1, y1, x2, y2) in the image with x1 <= x2 and
y1 <= y2. Return [R, C, out, out]. On the x axis (y is alike, with H):

* A box coordinate x lies at x * scale - 0.5 on the map. There the value of column k stands at k, its
  centre. (This is the variant called aligned.) Nothing is rounded, and small regions are not enlarged.
* The region is divided into out bins of equal width, and each bin into sampling parts of equal width.
  The points lie in the middle of the parts: on each axis a bin has sampling points, over both axes
  sampling * sampling. Its value is the mean over all of those.
* At a point (x, y) the map is interpolated bilinearly between the four cells around it.
* At the border: a point with x < -1 or x > W, or y < -1 or y > H, counts as 0 (and still counts in the
  mean). All others, exactly -1 and exactly W or H too, are first moved into the map: x to 0 to W - 1,
  y to 0 to H - 1.
* R may be 0: then the result is [0, C, out, out]. The result has the dtype of feat, float32 or
  float64, the same as that of rois. feat and rois stay as they are. All tensors are on the CPU.
* Gradients flow to feat. (Nobody asks for gradients of rois.)

Example: C = H = 1, the row (0, 10, 20, 30), scale = 0.5, out = 1, sampling = 2, one RoI (1, 0, 7, 2).
On the map x runs from 0 to 3 and its points are 0.75 and 2.25 with the values 7.5 and 22.5; y runs
from -0.5 to 0.5, and its points -0.25 and 0.25 are moved to 0. The result is the mean, 15.
"""

from itertools import product

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from grader import right, wrong

LEVEL = 4
MINUTES = 40
HINTS = (
    "The points of a region form a grid: one list of x, one list of y. Begin with the list of one axis, "
    "for all bins of all regions at once.",
    "A point's value is a sum over the cells, each with a weight that is a product of one number from x and "
    "one from y. The rule for the border can be kept on each axis alone.",
    "Per axis a matrix of weights, points by cells: 1 less the distance, not below 0, once the points are "
    "moved into the map; a row of zeros for a point too far out. Average the rows of each bin's points. The "
    "result is one product: weights of y, feat, weights of x.",
)


def roi_align(
    feat: Float[Tensor, "c h w"],
    rois: Float[Tensor, "r 4"],
    out: int = 7,
    scale: float = 1 / 16,
    sampling: int = 2,
) -> Float[Tensor, "r c out out"]:
    """Return the mean of the sampled points of each bin of each region."""
    x1, y1, x2, y2 = (rois * scale - 0.5).unbind(1)
    across = _weights(x1, x2, out, sampling, feat.shape[2])
    down = _weights(y1, y2, out, sampling, feat.shape[1])
    return torch.einsum("rih,chw,rjw->rcij", down, feat, across)


def _weights(
    start: Float[Tensor, " r"], end: Float[Tensor, " r"], out: int, sampling: int, size: int
) -> Float[Tensor, "r out size"]:
    """Return how much each cell of one axis counts in each bin."""
    share = (torch.arange(out * sampling, dtype=start.dtype) + 0.5) / (out * sampling)
    at = start[:, None] + share * (end - start)[:, None]  # r out*sampling
    near = (at >= -1) & (at <= size)
    distance = (at.clamp(0, size - 1)[..., None] - torch.arange(size)).abs()
    weights = (1 - distance).clamp(min=0) * near[..., None]
    return weights.unflatten(1, (out, sampling)).mean(dim=2)


def _middles(start, end, out, sampling):
    """The points of one axis."""
    share = (torch.arange(out * sampling, dtype=start.dtype) + 0.5) / (out * sampling)
    return start[:, None] + share * (end - start)[:, None]


def _bilinear(feat, x, y):
    """The values at points that are inside the map."""
    h, w = feat.shape[1:]
    left, top = x.floor().long().clamp(0, w - 1), y.floor().long().clamp(0, h - 1)
    right, bottom = (left + 1).clamp(max=w - 1), (top + 1).clamp(max=h - 1)
    fx, fy = x - left, y - top
    above = feat[:, top, left] * (1 - fx) + feat[:, top, right] * fx
    below = feat[:, bottom, left] * (1 - fx) + feat[:, bottom, right] * fx
    return above * (1 - fy) + below * fy


def _moved(feat, x, y):
    """The values at points that are first moved into the map."""
    h, w = feat.shape[1:]
    return _bilinear(feat, x.clamp(0, w - 1), y.clamp(0, h - 1))


def _near(feat, x, y):
    h, w = feat.shape[1:]
    return (x >= -1) & (x <= w) & (y >= -1) & (y <= h)


def _standard(feat, x, y):
    """The values at points by the rule of the statement."""
    return _moved(feat, x, y) * _near(feat, x, y)


def _aligned(feat, rois, out, scale, sampling, *, points=_middles, value=_standard, reduce=torch.mean):
    """The whole layer; the options are where versions go wrong."""
    x1, y1, x2, y2 = (rois * scale - 0.5).unbind(1)
    n = out * sampling
    x = points(x1, x2, out, sampling)[:, None, :].expand(-1, n, -1)
    y = points(y1, y2, out, sampling)[:, :, None].expand(-1, -1, n)
    values = value(feat, x, y).unflatten(3, (out, sampling)).unflatten(2, (out, sampling))
    return reduce(values, dim=(3, 5)).transpose(0, 1)  # from c r out sampling out sampling


@right("with loops over regions, bins and points")
def looped(feat, rois, out=7, scale=1 / 16, sampling=2):
    c, h, w = feat.shape
    result = torch.zeros(len(rois), c, out, out, dtype=feat.dtype)
    for r, roi in enumerate(rois.tolist()):
        x1, y1, x2, y2 = (v * scale - 0.5 for v in roi)
        bin_w, bin_h = (x2 - x1) / out, (y2 - y1) / out
        for i, j, a, b in product(range(out), range(out), range(sampling), range(sampling)):
            y, x = y1 + (i + (a + 0.5) / sampling) * bin_h, x1 + (j + (b + 0.5) / sampling) * bin_w
            if y < -1 or y > h or x < -1 or x > w:
                continue
            y, x = min(max(y, 0), h - 1), min(max(x, 0), w - 1)
            top, left = int(y), int(x)
            bottom, right = min(top + 1, h - 1), min(left + 1, w - 1)
            fy, fx = y - top, x - left
            above = feat[:, top, left] * (1 - fx) + feat[:, top, right] * fx
            below = feat[:, bottom, left] * (1 - fx) + feat[:, bottom, right] * fx
            result[r, :, i, j] += above * (1 - fy) + below * fy
    return result / sampling**2


@right("with grid_sample, which knows how to carry the border on")
def grid_sampled(feat, rois, out=7, scale=1 / 16, sampling=2):
    c, h, w = feat.shape
    n = out * sampling
    if len(rois) == 0:
        return torch.zeros(0, c, out, out)
    share = (2 * torch.arange(n, dtype=feat.dtype) + 1) / (2 * n)
    box = rois * scale  # half a cell cancels: grid_sample measures from the map's edge
    x = box[:, :1] * (1 - share) + box[:, 2:3] * share
    y = box[:, 1:2] * (1 - share) + box[:, 3:] * share
    grid = torch.stack(
        [(2 * x / w - 1)[:, None, :].expand(-1, n, -1), (2 * y / h - 1)[..., None].expand(-1, -1, n)], -1
    )
    values = F.grid_sample(
        feat.expand(len(rois), -1, -1, -1), grid, padding_mode="border", align_corners=False
    )
    far_x, far_y = (x < -0.5) | (x > w + 0.5), (y < -0.5) | (y > h + 0.5)
    values = values.masked_fill((far_x[:, None, :] | far_y[:, :, None])[:, None], 0)
    return F.avg_pool2d(values, sampling)


@right("by indexing the four neighbours of all points at once")
def indexed(feat, rois, out=7, scale=1 / 16, sampling=2):
    c, h, w = feat.shape
    start, size = rois[:, :2] * scale - 0.5, (rois[:, 2:] - rois[:, :2]) * scale
    bins = torch.arange(out)[:, None] + (torch.arange(sampling) + 0.5) / sampling  # out sampling
    at = start[:, :, None, None] + size[:, :, None, None] / out * bins.to(feat.dtype)
    x, y = at[:, 0].flatten(1)[:, None, :], at[:, 1].flatten(1)[:, :, None]
    inside = (x >= -1) & (x <= w) & (y >= -1) & (y <= h)
    x, y = x.clamp(min=0).clamp(max=w - 1), y.clamp(min=0).clamp(max=h - 1)
    x0, y0 = x.floor().long(), y.floor().long()
    x1, y1 = (x0 + 1).clamp(max=w - 1), (y0 + 1).clamp(max=h - 1)
    fx, fy = x - x0, y - y0
    values = feat[:, y0, x0] * (1 - fy) * (1 - fx) + feat[:, y0, x1] * (1 - fy) * fx
    values = values + feat[:, y1, x0] * fy * (1 - fx) + feat[:, y1, x1] * fy * fx
    values = torch.where(inside, values, torch.zeros_like(values))  # c r n n
    return values.reshape(c, len(rois), out, sampling, out, sampling).mean(dim=(3, 5)).transpose(0, 1)


@wrong("forgets to subtract half a cell, as the first RoI Align did")
def unaligned(feat, rois, out=7, scale=1 / 16, sampling=2):
    return roi_align(feat, rois + 0.5 / scale, out, scale, sampling)


@wrong("subtracts the half in the image, before the scale")
def half_before_scale(feat, rois, out=7, scale=1 / 16, sampling=2):
    return roi_align(feat, rois - 0.5 + 0.5 / scale, out, scale, sampling)


@wrong("subtracts half a cell from the upper left corner only, so that the region grows")
def half_at_start(feat, rois, out=7, scale=1 / 16, sampling=2):
    return roi_align(feat, rois + rois.new_tensor([0, 0, 0.5, 0.5]) / scale, out, scale, sampling)


@wrong("rounds the region to whole cells first, as RoI pooling does")
def rounded(feat, rois, out=7, scale=1 / 16, sampling=2):
    return roi_align(feat, ((rois * scale).round()) / scale, out, scale, sampling)


@wrong("enlarges small regions to one cell")
def at_least_one(feat, rois, out=7, scale=1 / 16, sampling=2):
    low, extent = rois[:, :2], (rois[:, 2:] - rois[:, :2]).clamp(min=1 / scale)
    return roi_align(feat, torch.cat([low, low + extent], dim=1), out, scale, sampling)


@wrong("counts the end cell in: the width is x2 - x1 + 1")
def plus_one(feat, rois, out=7, scale=1 / 16, sampling=2):
    return roi_align(feat, rois + rois.new_tensor([0, 0, 1, 1]) / scale, out, scale, sampling)


@wrong("takes the maximum of a bin's points instead of their mean")
def maximal(feat, rois, out=7, scale=1 / 16, sampling=2):
    return _aligned(feat, rois, out, scale, sampling, reduce=torch.amax)


@wrong("adds a bin's points up without dividing by their number")
def summed(feat, rois, out=7, scale=1 / 16, sampling=2):
    return roi_align(feat, rois, out, scale, sampling) * sampling**2


@wrong("divides the sum of sampling * sampling points by sampling only")
def divided_once(feat, rois, out=7, scale=1 / 16, sampling=2):
    return roi_align(feat, rois, out, scale, sampling) * sampling


@wrong("puts the points onto the edges of a bin instead of the middles of its parts")
def on_edges(feat, rois, out=7, scale=1 / 16, sampling=2):
    def points(start, end, out, sampling):
        share = torch.arange(out)[:, None] + torch.linspace(0, 1, sampling)
        return start[:, None] + share.flatten() / out * (end - start)[:, None]

    return _aligned(feat, rois, out, scale, sampling, points=points)


@wrong("puts the points at the starts of a bin's parts instead of their middles")
def at_starts(feat, rois, out=7, scale=1 / 16, sampling=2):
    def points(start, end, out, sampling):
        return start[:, None] + torch.arange(out * sampling) / (out * sampling) * (end - start)[:, None]

    return _aligned(feat, rois, out, scale, sampling, points=points)


@wrong("takes one point in the middle of each bin, whatever sampling says")
def one_point(feat, rois, out=7, scale=1 / 16, sampling=2):
    return roi_align(feat, rois, out, scale, 1)


@wrong("always takes 2 x 2 points, whatever sampling says")
def always_two(feat, rois, out=7, scale=1 / 16, sampling=2):
    return roi_align(feat, rois, out, scale)


@wrong("spreads the points evenly from corner to corner of the region, both included")
def corner_to_corner(feat, rois, out=7, scale=1 / 16, sampling=2):
    def points(start, end, out, sampling):
        return start[:, None] + torch.linspace(0, 1, out * sampling) * (end - start)[:, None]

    return _aligned(feat, rois, out, scale, sampling, points=points)


@wrong("moves every point into the map, however far out it is")
def never_zero(feat, rois, out=7, scale=1 / 16, sampling=2):
    return _aligned(feat, rois, out, scale, sampling, value=_moved)


@wrong("counts points as 0 as soon as they leave 0 to W - 1 or 0 to H - 1")
def strict_border(feat, rois, out=7, scale=1 / 16, sampling=2):
    def value(feat, x, y):
        h, w = feat.shape[1:]
        return _moved(feat, x, y) * ((x >= 0) & (x <= w - 1) & (y >= 0) & (y <= h - 1))

    return _aligned(feat, rois, out, scale, sampling, value=value)


@wrong("looks at x alone to tell whether a point is too far out")
def x_alone(feat, rois, out=7, scale=1 / 16, sampling=2):
    value = lambda feat, x, y: _moved(feat, x, y) * ((x >= -1) & (x <= feat.shape[2]))  # noqa: E731
    return _aligned(feat, rois, out, scale, sampling, value=value)


@wrong("lets the map go on as zeros, so that values fade beyond the outermost cells")
def faded(feat, rois, out=7, scale=1 / 16, sampling=2):
    def value(feat, x, y):
        return _moved(F.pad(feat, (1, 1, 1, 1)), x + 1, y + 1) * _near(feat, x, y)

    return _aligned(feat, rois, out, scale, sampling, value=value)


@wrong("lets an index of -1 read the last row or column, for points between -1 and 0")
def wrapped(feat, rois, out=7, scale=1 / 16, sampling=2):
    def value(feat, x, y):
        return _moved(F.pad(feat[None], (1, 0, 1, 0), mode="circular")[0], x + 1, y + 1) * _near(feat, x, y)

    return _aligned(feat, rois, out, scale, sampling, value=value)


@wrong("counts points at exactly -1, W or H as 0 too")
def zero_at_limit(feat, rois, out=7, scale=1 / 16, sampling=2):
    def value(feat, x, y):
        h, w = feat.shape[1:]
        return _moved(feat, x, y) * ((x > -1) & (x < w) & (y > -1) & (y < h))

    return _aligned(feat, rois, out, scale, sampling, value=value)


@wrong("compares x with H and y with W to tell whether a point is too far out")
def sides_exchanged(feat, rois, out=7, scale=1 / 16, sampling=2):
    def value(feat, x, y):
        return _moved(feat, x, y) * _near(feat.mT, x, y)

    return _aligned(feat, rois, out, scale, sampling, value=value)


@wrong("leaves points outside the map out of the mean instead of counting them as 0")
def inside_only(feat, rois, out=7, scale=1 / 16, sampling=2):
    everywhere = roi_align(torch.ones_like(feat), rois, out, scale, sampling)
    return roi_align(feat, rois, out, scale, sampling) / everywhere.where(everywhere > 0, 1)


@wrong("clips the regions to the image before it divides them into bins")
def clipped(feat, rois, out=7, scale=1 / 16, sampling=2):
    h, w = feat.shape[1:]
    limit = rois.new_tensor([w, h, w, h]) / scale
    return roi_align(feat, torch.minimum(rois.clamp(min=0), limit), out, scale, sampling)


@wrong("reads the nearest cell instead of interpolating")
def nearest(feat, rois, out=7, scale=1 / 16, sampling=2):
    def value(feat, x, y):
        return _moved(feat, (x + 0.5).floor(), (y + 0.5).floor()) * _near(feat, x, y)

    return _aligned(feat, rois, out, scale, sampling, value=value)


@wrong("reads the regions as (y1, x1, y2, x2)")
def rows_first(feat, rois, out=7, scale=1 / 16, sampling=2):
    return roi_align(feat, rois[:, [1, 0, 3, 2]], out, scale, sampling)


@wrong("turns every region over its diagonal")
def diagonal(feat, rois, out=7, scale=1 / 16, sampling=2):
    return roi_align(feat, rois, out, scale, sampling).mT


@wrong("always makes 7 x 7 bins")
def always_seven(feat, rois, out=7, scale=1 / 16, sampling=2):
    return roi_align(feat, rois, 7, scale, sampling)


@wrong("always divides the regions by 16, whatever scale says")
def always_sixteenth(feat, rois, out=7, scale=1 / 16, sampling=2):
    return roi_align(feat, rois, out, 1 / 16, sampling)


@wrong("puts the channels first and the regions second")
def channels_first(feat, rois, out=7, scale=1 / 16, sampling=2):
    return roi_align(feat, rois, out, scale, sampling).transpose(0, 1)


@wrong("fails without regions, because nothing can be stacked")
def fails_when_empty(feat, rois, out=7, scale=1 / 16, sampling=2):
    return torch.stack([roi_align(feat, roi[None], out, scale, sampling)[0] for roi in rois])


@wrong("is cut off from the graph of feat")
def detached(feat, rois, out=7, scale=1 / 16, sampling=2):
    return roi_align(feat.detach(), rois, out, scale, sampling)


@wrong("moves the caller's own regions onto the map")
def in_place(feat, rois, out=7, scale=1 / 16, sampling=2):
    result = roi_align(feat, rois, out, scale, sampling)
    rois.mul_(scale).sub_(0.5)
    return result


@wrong("makes its result in float32, whatever comes in")
def single_precision(feat, rois, out=7, scale=1 / 16, sampling=2):
    return roi_align(feat, rois, out, scale, sampling).float()
