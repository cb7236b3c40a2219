"""Paste a small mask into the image.

A mask head predicts m x m probabilities for one object; its box says where in the image they belong.
Return the object's pixels, a bool tensor [H, W].

* box holds (x1, y1, x2, y2), real numbers with x1 < x2 and y1 < y2. The m x m cells of prob tile the
  box: cell (row i, column j) has its centre at

      x = x1 + (j + 0.5) * (x2 - x1) / m        y = y1 + (i + 0.5) * (y2 - y1) / m

* Pixel (row r, column c) of the image has its centre at (c + 0.5, r + 0.5). Its probability is the
  bilinear interpolation of prob between the four nearest cell centres. This is align_corners=False.
* Beyond the m x m array, prob goes on as zeros (zero padding). On its way from the outermost cell
  centre to the point one cell further out the value therefore falls to 0, and stays there. Nothing
  else is cut off: a pixel centre just outside the box may still have some probability.
* A pixel is True where its probability is at least thr, with 0 < thr <= 1. Interpolate, then
  compare.
* The box may stick out of the image, lie beside it, be larger than it, or smaller than a pixel. It is
  neither rounded nor clipped.
* prob and box have the same dtype, float32 or float64; what you make yourself has to fit. Both stay as
  they are. All tensors are on the CPU.

Example: prob = ((1, 0), (1, 0)), box = (0, 0, 4, 2), H = 2, W = 5. The cells are 2 pixels wide and 1
high, their centres lie at x = 1 and 3, y = 0.5 and 1.5. Both rows of pixels have the probabilities
0.75, 0.75, 0.25, 0, 0: the first is a quarter of the way from 1 to the zeros on the left. At
thr = 0.5 the first two pixels of each row are True.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from grader import right, wrong

LEVEL = 2
MINUTES = 25
HINTS = (
    "Do not push the mask's cells into the image. Ask for every pixel where its centre lies in the mask.",
    "Measure a pixel centre from the box's corner, in units of the box's extent: 0 is one edge, 1 the other. "
    "torch has a function that samples an image bilinearly at such places; which range does it expect?",
    "Scale those shares from 0..1 to -1..1, once per column and once per row, combine them into an H x W "
    "grid of (x, y), sample with zero padding and without aligned corners, and compare with thr last.",
)


def paste_mask(
    prob: Float[Tensor, "m m"], box: Float[Tensor, "4"], H: int, W: int, thr: float = 0.5
) -> Bool[Tensor, "H W"]:
    """Return the pixels of an H x W image where the pasted mask is at least thr."""
    x1, y1, x2, y2 = box
    x = (torch.arange(W, dtype=box.dtype) + 0.5 - x1) / (x2 - x1)  # 0 to 1 within the box
    y = (torch.arange(H, dtype=box.dtype) + 0.5 - y1) / (y2 - y1)
    grid = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1) * 2 - 1  # H W 2
    pasted = F.grid_sample(prob[None, None], grid[None], align_corners=False)
    return pasted[0, 0] >= thr


def _shares(box, H, W, offset=0.5):
    """Pixel centres in shares of the box, per column and per row."""
    x1, y1, x2, y2 = box.tolist()
    x = (torch.arange(W, dtype=box.dtype) + offset - x1) / (x2 - x1)
    y = (torch.arange(H, dtype=box.dtype) + offset - y1) / (y2 - y1)
    return x, y


def _sampled(prob, x, y, **how):
    """Sample prob at shares of the box."""
    grid = torch.stack([x.expand(len(y), -1), y[:, None].expand(-1, len(x))], dim=-1) * 2 - 1
    return F.grid_sample(prob[None, None], grid[None], **{"align_corners": False, **how})[0, 0]


@right("as two matrix products with triangular weights")
def triangles(prob, box, H, W, thr=0.5):
    m = prob.shape[0]
    x, y = _shares(box, H, W)
    cells = torch.arange(m, dtype=box.dtype)
    across = (1 - (x[:, None] * m - 0.5 - cells).abs()).clamp(min=0)
    down = torch.relu(1 - (y[:, None] * m - 0.5 - cells).abs())
    return down @ prob @ across.T >= thr


@right("pixel by pixel, in plain Python")
def looped(prob, box, H, W, thr=0.5):
    p, m = prob.tolist(), len(prob)
    x1, y1, x2, y2 = (float(v) for v in box)
    result = torch.zeros(H, W, dtype=torch.bool)
    for r in range(H):
        for c in range(W):
            u, v = (c + 0.5 - x1) * m / (x2 - x1) - 0.5, (r + 0.5 - y1) * m / (y2 - y1) - 0.5
            j, i = int(u // 1), int(v // 1)
            value = 0.0
            for a, b in ((i, j), (i, j + 1), (i + 1, j), (i + 1, j + 1)):
                if 0 <= a < m and 0 <= b < m:
                    value += (1 - abs(v - a)) * (1 - abs(u - b)) * p[a][b]
            result[r, c] = value >= thr
    return result


@right("from a mask with a rim of zeros, by indexing")
def rimmed(prob, box, H, W, thr=0.5):
    m = prob.shape[0]
    padded = F.pad(prob, (1, 1, 1, 1))
    x, y = _shares(box, H, W)
    u, v = (x * m + 0.5).clamp(0, m + 1), (y * m + 0.5).clamp(0, m + 1)
    j, i = u.floor().long().clamp(max=m), v.floor().long().clamp(max=m)
    fx, fy = u - j, (v - i)[:, None]
    above = padded[i][:, j] * (1 - fx) + padded[i][:, j + 1] * fx
    below = padded[i + 1][:, j] * (1 - fx) + padded[i + 1][:, j + 1] * fx
    return torch.lerp(above, below, fy.expand_as(above)) >= thr


@right("with an affine grid")
def affine(prob, box, H, W, thr=0.5):
    x1, y1, x2, y2 = box
    zero = torch.zeros_like(x1)
    theta = torch.stack(
        [
            torch.stack([W / (x2 - x1), zero, (W - 2 * x1) / (x2 - x1) - 1]),
            torch.stack([zero, H / (y2 - y1), (H - 2 * y1) / (y2 - y1) - 1]),
        ]
    )
    grid = F.affine_grid(theta[None], (1, 1, H, W), align_corners=False)
    return F.grid_sample(prob[None, None], grid, align_corners=False).squeeze(0).squeeze(0).ge(thr)


@wrong("compares with thr first and interpolates the yes-or-no mask")
def threshold_first(prob, box, H, W, thr=0.5):
    return _sampled((prob >= thr).to(prob.dtype), *_shares(box, H, W)) >= 0.5


@wrong("leaves out pixels whose probability is exactly thr")
def strictly_above(prob, box, H, W, thr=0.5):
    return _sampled(prob, *_shares(box, H, W)) > thr


@wrong("asks at the corners of the pixels instead of their centres")
def pixel_corners(prob, box, H, W, thr=0.5):
    return _sampled(prob, *_shares(box, H, W, offset=0.0)) >= thr


@wrong("puts the outermost cell centres onto the box's edges, as align_corners=True does")
def aligned_corners(prob, box, H, W, thr=0.5):
    return _sampled(prob, *_shares(box, H, W), align_corners=True) >= thr


@wrong("carries the outermost cells on instead of zeros, even beyond the box")
def replicated(prob, box, H, W, thr=0.5):
    return _sampled(prob, *_shares(box, H, W), padding_mode="border") >= thr


@wrong("carries the outermost cells on up to the box's edges, as resizing prob to the box does")
def clamped_within(prob, box, H, W, thr=0.5):
    x, y = _shares(box, H, W)
    inside = ((x >= 0) & (x <= 1)) & ((y >= 0) & (y <= 1))[:, None]
    return (_sampled(prob, x, y, padding_mode="border") >= thr) & inside


@wrong("cuts the probability off at the box's edges")
def cut_off(prob, box, H, W, thr=0.5):
    x, y = _shares(box, H, W)
    inside = ((x >= 0) & (x <= 1)) & ((y >= 0) & (y <= 1))[:, None]
    return (_sampled(prob, x, y) >= thr) & inside


@wrong("takes the nearest cell instead of interpolating")
def nearest(prob, box, H, W, thr=0.5):
    return _sampled(prob, *_shares(box, H, W), mode="nearest") >= thr


@wrong("rounds the box to whole pixels")
def whole_pixels(prob, box, H, W, thr=0.5):
    low, high = box[:2].round(), box[2:].round()
    return paste_mask(prob, torch.cat([low, torch.maximum(high, low + 1)]), H, W, thr)


@wrong("clips the box to the image, and so squeezes the whole mask into the visible part")
def clipped(prob, box, H, W, thr=0.5):
    limit = box.new_tensor([W, H, W, H])
    seen = torch.minimum(box.clamp(min=0), limit)
    if bool((seen[2:] <= seen[:2]).any()):
        return torch.zeros(H, W, dtype=torch.bool)
    return paste_mask(prob, seen, H, W, thr)


@wrong("resizes prob to the box and assigns it to a slice, which fails where the box leaves the image")
def sliced(prob, box, H, W, thr=0.5):
    x1, y1, x2, y2 = box.round().long().tolist()
    result = prob.new_zeros(H, W)
    size = (max(y2 - y1, 1), max(x2 - x1, 1))
    result[y1:y2, x1:x2] = F.interpolate(prob[None, None], size, mode="bilinear")[0, 0]
    return result >= thr


@wrong("reads the box as (y1, x1, y2, x2)")
def rows_first(prob, box, H, W, thr=0.5):
    return paste_mask(prob, box[[1, 0, 3, 2]], H, W, thr)


@wrong("reads the box as a corner with width and height")
def corner_and_extent(prob, box, H, W, thr=0.5):
    return paste_mask(prob, torch.cat([box[:2], box[:2] + box[2:].abs() + 1e-3]), H, W, thr)


@wrong("turns the mask over its diagonal, because the grid's x and y are exchanged")
def diagonal(prob, box, H, W, thr=0.5):
    return paste_mask(prob.T, box, H, W, thr)


@wrong("returns the image turned, as [W, H]")
def turned(prob, box, H, W, thr=0.5):
    return paste_mask(prob, box, H, W, thr).T


@wrong("forgets that a cell's centre lies half a cell behind its edge")
def cell_corners(prob, box, H, W, thr=0.5):
    x, y = _shares(box, H, W)
    half = 0.5 / prob.shape[0]
    return _sampled(prob, x + half, y + half) >= thr


@wrong("finds the cell before a point by int(), which goes the wrong way for negative numbers")
def truncated(prob, box, H, W, thr=0.5):
    m = prob.shape[0]
    padded = F.pad(prob, (1, 1, 1, 1))

    def weights(share):
        at = (share * m - 0.5)[:, None]
        low, cell = at.trunc(), torch.arange(-1, m + 1)
        return (low == cell) * (1 - at + low) + (low + 1 == cell) * (at - low)

    x, y = _shares(box, H, W)
    return weights(y) @ padded @ weights(x).T >= thr


@wrong("measures the rows by the box's width, which is right for square boxes only")
def by_width(prob, box, H, W, thr=0.5):
    x1, y1, x2, _ = box
    return paste_mask(prob, torch.stack([x1, y1, x2, y1 + x2 - x1]), H, W, thr)


@wrong("counts the box's extents with +1")
def plus_one(prob, box, H, W, thr=0.5):
    return paste_mask(prob, torch.cat([box[:2], box[2:] + 1]), H, W, thr)


@wrong("lets no box be smaller than a pixel")
def at_least_a_pixel(prob, box, H, W, thr=0.5):
    extent = (box[2:] - box[:2]).clamp(min=1)
    return paste_mask(prob, torch.cat([box[:2], box[:2] + extent]), H, W, thr)


@wrong("cuts the probability off a pixel beyond the box's edges, to save work")
def cut_a_pixel_on(prob, box, H, W, thr=0.5):
    x1, y1, x2, y2 = box.tolist()
    c, r = torch.arange(W) + 0.5, torch.arange(H)[:, None] + 0.5
    near = (c > x1 - 1) & (c < x2 + 1) & (r > y1 - 1) & (r < y2 + 1)
    return paste_mask(prob, box, H, W, thr) & near


@wrong("sees nothing of a box beside the image, though its outermost cells may reach in")
def nothing_beside(prob, box, H, W, thr=0.5):
    x1, y1, x2, y2 = box.tolist()
    if x2 <= 0 or y2 <= 0 or x1 >= W or y1 >= H:
        return torch.zeros(H, W, dtype=torch.bool)
    return paste_mask(prob, box, H, W, thr)


@wrong("always compares with 0.5")
def fixed_threshold(prob, box, H, W, thr=0.5):
    return paste_mask(prob, box, H, W)


@wrong("applies a sigmoid to what already are probabilities")
def sigmoided(prob, box, H, W, thr=0.5):
    return _sampled(prob.sigmoid(), *_shares(box, H, W)) >= thr


@wrong("returns the pasted probabilities instead of a mask")
def unthresholded(prob, box, H, W, thr=0.5):
    return _sampled(prob, *_shares(box, H, W))


@wrong("returns zeros and ones in uint8 instead of bool")
def as_bytes(prob, box, H, W, thr=0.5):
    return paste_mask(prob, box, H, W, thr).to(torch.uint8)


@wrong("makes its grid in float32 whatever comes in, which fails beside a float64 mask")
def single_precision(prob, box, H, W, thr=0.5):
    x, y = _shares(box.float(), H, W)
    return _sampled(prob, x, y) >= thr


@wrong("turns the corner x2, y2 of the caller's box into an extent")
def in_place(prob, box, H, W, thr=0.5):
    pasted = paste_mask(prob, box, H, W, thr)
    box[2:] -= box[:2]
    return pasted
