"""Anchor boxes over a feature map.

A feature map of h rows and w columns has a cell for every stride x stride pixels of the image. Place one
anchor of every scale and every ratio on the centre of each cell:

* The centre of the cell in row y and column x is ((x + 0.5) * stride, (y + 0.5) * stride), in pixels.
* A scale s gives the area s^2, a ratio r is height / width. So the ratio changes the shape and never
  the area, and ratio 4 makes a tall anchor.
* Anchors are (x1, y1, x2, y2), real numbers: no rounding, no "+1", no clipping at the image's border.
* Order: row by row, in a row column by column, in a cell scale by scale (in the order given), for a
  scale ratio by ratio. So the ratio changes fastest.
* scales and ratios are lists of S and R positive numbers, ints or floats, in any order, and stay as they
  are. stride may be odd.
* The result is float32 of shape [h * w * S * R, 4]. If h, w, S or R is 0 it has no rows, and still 4
  columns.

Example: h = 1, w = 2, stride = 8, scales = [4], ratios = [1, 4] has the four anchors
(2, 2, 6, 6), (3, 0, 5, 8), (10, 2, 14, 6) and (11, 0, 13, 8).
"""

import torch
from jaxtyping import Float32
from torch import Tensor

from grader import right, wrong

LEVEL = 2
MINUTES = 20
HINTS = (
    "Two unknowns, two equations: width times height is s squared, height over width is r.",
    "The shapes of the anchors are the same in every cell. Make the S * R shapes and the h * w centres "
    "apart, then let broadcasting put every shape on every centre.",
    "Width is s over the root of r, height is s times it. Give the centres the axes [h, w, 1, 2] and the "
    "shapes [S * R, 2]; corners are the centre minus and plus half the extent; flatten the rest.",
)


def anchor_grid(
    h: int, w: int, stride: int, scales: list[float], ratios: list[float]
) -> Float32[Tensor, "n 4"]:
    """Return the n = h * w * S * R anchors of an h x w feature map as corners in pixels."""
    scale = torch.tensor(scales, dtype=torch.float32)[:, None]  # S 1
    root = torch.tensor(ratios, dtype=torch.float32).sqrt()  # R
    extent = torch.stack([scale / root, scale * root], dim=-1).reshape(-1, 2)  # S*R 2
    y, x = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
    centre = (torch.stack([x, y], dim=-1)[:, :, None] + 0.5) * stride  # h w 1 2
    return torch.cat([centre - extent / 2, centre + extent / 2], dim=-1).reshape(-1, 4)


@right("with four loops")
def looped(h, w, stride, scales, ratios):
    anchors = []
    for y in range(h):
        for x in range(w):
            cx, cy = (x + 0.5) * stride, (y + 0.5) * stride
            for s in scales:
                for r in ratios:
                    aw = s / r**0.5
                    ah = aw * r
                    anchors.append([cx - aw / 2, cy - ah / 2, cx + aw / 2, cy + ah / 2])
    return torch.tensor(anchors, dtype=torch.float32).reshape(len(anchors), 4)


@right("with a cartesian product of all four choices")
def cartesian(h, w, stride, scales, ratios):
    choices = (range(h), range(w), scales, ratios)
    y, x, s, r = torch.cartesian_prod(*(torch.tensor(list(c), dtype=torch.float64) for c in choices)).unbind(
        -1
    )
    ah = (s * s * r).sqrt()
    aw = (s * s / r).sqrt()
    cx, cy = stride * x + stride / 2, stride * y + stride / 2
    return torch.stack([cx - aw / 2, cy - ah / 2, cx + aw / 2, cy + ah / 2], dim=1).float()


@right("with shapes around the origin that are shifted to the centres")
def shifted(h, w, stride, scales, ratios):
    shapes = [(s * r**-0.5, s * r**0.5) for s in scales for r in ratios]
    base = torch.tensor([[-aw / 2, -ah / 2, aw / 2, ah / 2] for aw, ah in shapes]).reshape(-1, 4)
    cx = torch.arange(w).mul(stride).add(stride / 2).repeat(h)
    cy = torch.arange(h).mul(stride).add(stride / 2).repeat_interleave(w)
    shifts = torch.stack([cx, cy, cx, cy], dim=1)
    return (shifts[:, None, :] + base[None, :, :]).flatten(0, 1)


def _extents(scales, ratios):
    """Return widths and heights, [S, R] each."""
    scale, root = torch.tensor(scales).float()[:, None], torch.tensor(ratios).float().sqrt()
    return scale / root, scale * root


def _placed(h, w, stride, width, height, offset=0.5):
    """Return anchors [h, w, S, R, 4] of the given widths and heights."""
    y, x = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
    x, y = ((x + offset) * stride)[:, :, None, None], ((y + offset) * stride)[:, :, None, None]
    sides = [x - width / 2, y - height / 2, x + width / 2, y + height / 2]
    return torch.stack(torch.broadcast_tensors(*sides), dim=-1)


@wrong("takes the ratio for width / height")
def width_over_height(h, w, stride, scales, ratios):
    width, height = _extents(scales, ratios)
    return _placed(h, w, stride, height, width).reshape(-1, 4)


@wrong("multiplies the height alone by the ratio, which changes the area")
def area_changes(h, w, stride, scales, ratios):
    scale, ratio = torch.tensor(scales).float()[:, None], torch.tensor(ratios).float()
    return _placed(h, w, stride, scale / torch.ones_like(ratio), scale * ratio).reshape(-1, 4)


@wrong("forgets the root: width over the ratio, height times the ratio")
def without_root(h, w, stride, scales, ratios):
    return anchor_grid(h, w, stride, scales, [r * r for r in ratios])


@wrong("takes the scale for the area")
def scale_as_area(h, w, stride, scales, ratios):
    return anchor_grid(h, w, stride, [s**0.5 for s in scales], ratios)


@wrong("measures the scale in strides instead of pixels")
def scale_in_strides(h, w, stride, scales, ratios):
    return anchor_grid(h, w, stride, [s * stride for s in scales], ratios)


@wrong("places the anchors on the upper left corners of the cells")
def on_corners(h, w, stride, scales, ratios):
    return _placed(h, w, stride, *_extents(scales, ratios), offset=0).reshape(-1, 4)


@wrong("adds half a pixel, not half a cell")
def half_a_pixel(h, w, stride, scales, ratios):
    return _placed(h, w, stride, *_extents(scales, ratios), offset=0.5 / stride).reshape(-1, 4)


@wrong("rounds half the stride down, which misplaces every anchor when the stride is odd")
def odd_stride(h, w, stride, scales, ratios):
    return _placed(h, w, stride, *_extents(scales, ratios), offset=(stride // 2) / stride).reshape(-1, 4)


@wrong("goes through the map column by column")
def column_by_column(h, w, stride, scales, ratios):
    return _placed(h, w, stride, *_extents(scales, ratios)).transpose(0, 1).reshape(-1, 4)


@wrong("exchanges x and y of the centres: rows move the anchors to the right")
def exchanged(h, w, stride, scales, ratios):
    found = _placed(w, h, stride, *_extents(scales, ratios))
    return found.transpose(0, 1).reshape(-1, 4)


@wrong("lets the scale change faster than the ratio")
def scale_fastest(h, w, stride, scales, ratios):
    return _placed(h, w, stride, *_extents(scales, ratios)).transpose(2, 3).reshape(-1, 4)


@wrong("lists all cells for the first anchor shape, then all cells for the next")
def shape_slowest(h, w, stride, scales, ratios):
    return _placed(h, w, stride, *_extents(scales, ratios)).permute(2, 3, 0, 1, 4).reshape(-1, 4)


@wrong("pairs the scales with the ratios one by one instead of combining each with each")
def paired(h, w, stride, scales, ratios):
    root = torch.tensor(ratios).float().sqrt()[: len(scales)]
    scale = torch.tensor(scales).float()[: len(root)]
    return _placed(h, w, stride, (scale / root)[:, None], (scale * root)[:, None]).reshape(-1, 4)


@wrong("sorts the scales and the ratios first")
def sorted_first(h, w, stride, scales, ratios):
    return anchor_grid(h, w, stride, sorted(scales), sorted(ratios))


@wrong("returns (cx, cy, w, h) instead of corners")
def as_centres(h, w, stride, scales, ratios):
    found = anchor_grid(h, w, stride, scales, ratios)
    return torch.cat([(found[:, :2] + found[:, 2:]) / 2, found[:, 2:] - found[:, :2]], dim=-1)


@wrong("moves the corners by the whole extent instead of half of it")
def twice_as_large(h, w, stride, scales, ratios):
    return anchor_grid(h, w, stride, [2 * s for s in scales], ratios)


@wrong("returns (y1, x1, y2, x2)")
def y_first(h, w, stride, scales, ratios):
    return anchor_grid(h, w, stride, scales, ratios)[:, [1, 0, 3, 2]]


@wrong("clips the anchors to the image")
def clipped(h, w, stride, scales, ratios):
    most = torch.tensor([w, h, w, h]) * float(stride)
    return torch.minimum(anchor_grid(h, w, stride, scales, ratios).clamp(min=0), most)


@wrong("rounds the coordinates to whole pixels")
def whole_pixels(h, w, stride, scales, ratios):
    return anchor_grid(h, w, stride, scales, ratios).round()


@wrong("takes one pixel off the extents, as if coordinates were counted pixels")
def pixel_counting(h, w, stride, scales, ratios):
    found = anchor_grid(h, w, stride, scales, ratios)
    return found + torch.tensor([0.5, 0.5, -0.5, -0.5])


@wrong("leaves the anchors in a tensor of shape [h, w, S * R, 4]")
def unflattened(h, w, stride, scales, ratios):
    return anchor_grid(h, w, stride, scales, ratios).reshape(h, w, len(scales) * len(ratios), 4)


@wrong("returns float64")
def double(h, w, stride, scales, ratios):
    return anchor_grid(h, w, stride, scales, ratios).double()


@wrong("loses the four columns when there is no anchor")
def no_columns(h, w, stride, scales, ratios):
    return torch.tensor(anchor_grid(h, w, stride, scales, ratios).tolist())


@wrong("counts pixels from zero: the centre at (stride - 1) / 2 within its cell")
def pixel_centres(h, w, stride, scales, ratios):
    return _placed(h, w, stride, *_extents(scales, ratios), offset=0.5 - 0.5 / stride).reshape(-1, 4)


@wrong("keeps the height at the scale and divides the width alone by the ratio")
def narrowed_only(h, w, stride, scales, ratios):
    scale, ratio = torch.tensor(scales).float()[:, None], torch.tensor(ratios).float()
    return _placed(h, w, stride, scale / ratio, scale * torch.ones_like(ratio)).reshape(-1, 4)


@wrong("cuts the extents to whole numbers")
def whole_extents(h, w, stride, scales, ratios):
    width, height = _extents(scales, ratios)
    return _placed(h, w, stride, width.long(), height.long()).reshape(-1, 4)


@wrong("divides the coordinates by the size of the image")
def normalised(h, w, stride, scales, ratios):
    most = torch.tensor([w, h, w, h]) * float(stride)
    return anchor_grid(h, w, stride, scales, ratios) / most


@wrong("sorts the caller's own lists")
def sorted_in_place(h, w, stride, scales, ratios):
    scales.sort()
    ratios.sort()
    return anchor_grid(h, w, stride, scales, ratios)
