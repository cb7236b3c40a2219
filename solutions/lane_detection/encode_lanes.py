"""Turn lane points into column indices.

A row-anchor network treats a lane as one choice per image row: which of C columns does it cross? The
horizontal positions of L lanes at R fixed rows are given in xs [L, R], in pixels of an image of width W.
Turn them into training targets:

* The C columns divide the width evenly, from left to right. A point with 0 <= x < W is in the column

      floor(x * C / W)        from 0 to C - 1

  so a point on the border of two columns belongs to the right one. W / C need not be a whole number, and
  may be less than 1.
* The index C means "no lane here". It stands for every point that is not in the image: x < 0, x >= W (so
  x = W too), infinite x, and NaN. Data sets mark missing points in their own ways, with -2 or NaN. A
  point is missing by itself: the other rows of its lane keep their columns.
* Return an int64 tensor [L, R]. L and R may be 0, W and C are at least 1. xs is on the CPU and stays as
  it is.

Example: W = 100 and C = 8, so that a column is 12.5 pixels wide. x = 0, 12.4, 12.5, 99 give 0, 0, 1, 7;
x = 100, -0.5 and NaN all give 8.
"""

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from grader import right, wrong

LEVEL = 1
MINUTES = 10
HINTS = (
    "Two questions for every point: is it in the image, and if so, in which column? Ask one by one.",
    "Casting to whole numbers cuts off towards 0, so what becomes of -0.3? And which comparisons with "
    "NaN are true? Prefer a test that says who is inside.",
    "Scale by C / W, round down, cast to int64. Then put C wherever not (x is at least 0 and below W): "
    "NaN fails both comparisons, so it lands there without a test of its own.",
)


def encode_lanes(xs: Float[Tensor, "l r"], W: int, C: int) -> Int64[Tensor, "l r"]:
    """Return the column of every point, or C where there is none."""
    inside = (xs >= 0) & (xs < W)  # False for NaN
    column = torch.floor(xs * C / W).long()
    return torch.where(inside, column, C)


@right("point by point in plain Python")
def looped(xs, W, C):
    rows = []
    for lane in xs.tolist():
        row = []
        for x in lane:
            row.append(int(x * C / W) if 0 <= x < W else C)
        rows.append(row)
    return torch.tensor(rows, dtype=torch.int64).reshape(xs.shape)


@right("by search among the borders")
def searched(xs, W, C):
    borders = torch.arange(1, C, dtype=torch.float64) * W / C
    found = torch.bucketize(xs.double().contiguous(), borders, right=True)
    found[torch.isnan(xs) | (xs < 0) | (xs >= W)] = C
    return found


@right("by filling in the points inside, divided by the column's width")
def filled(xs, W, C):
    out = torch.full(xs.shape, C)
    keep = torch.logical_and(xs >= 0, xs < W)
    out[keep] = (xs[keep] / (W / C)).to(torch.int64)
    return out


@right("with the position as a share of the width, and floor division")
def shares(xs, W, C):
    share = torch.nan_to_num(xs, nan=-1.0, posinf=-1.0, neginf=-1.0) / W
    column = ((share * C) // 1).long()
    return column.masked_fill((share < 0) | (share >= 1), C)


@right("with everything outside moved to W first")
def moved(xs, W, C):
    x = xs.clone()
    x[~((x >= 0) & (x <= W))] = W
    return torch.div(x * C, W, rounding_mode="floor").type(torch.LongTensor)


@right("by asking every column whether the point is in it")
def asked(xs, W, C):
    k = torch.arange(C).to(xs.dtype)
    scaled = (xs * C / W).unsqueeze(-1)
    member = (scaled >= k) & (scaled < k + 1)
    none = ~member.any(dim=-1, keepdim=True)
    return torch.cat([member, none], dim=-1).int().argmax(dim=-1)


@right("with the points outside told by their column, after rounding down")
def told_afterwards(xs, W, C):
    column = torch.div(xs, W / C, rounding_mode="floor")
    bad = column.isnan() | (column < 0) | (column > C - 1)
    return column.masked_fill(bad, C).long()


@right("in NumPy")
def in_numpy(xs, W, C):
    import numpy as np

    x = np.nan_to_num(xs.numpy(), nan=-1, posinf=W, neginf=-1)
    column = np.floor(x * C / W).astype(np.int64)
    column[(x < 0) | (x >= W)] = C
    return torch.from_numpy(column)


def _inside(xs, W):
    return (xs >= 0) & (xs < W)


@wrong("rounds to the nearest column border instead of rounding down")
def rounded(xs, W, C):
    return torch.where(_inside(xs, W), (xs * C / W).round().long(), C)


@wrong("rounds up")
def rounded_up(xs, W, C):
    return torch.where(_inside(xs, W), (xs * C / W).ceil().long(), C)


@wrong("puts a point on the border of two columns into the left one")
def left_of_border(xs, W, C):
    column = ((xs * C / W).ceil() - 1).clamp(min=0).long()
    return torch.where(_inside(xs, W), column, C)


@wrong("cuts off towards zero, so that points just left of the image land in the first column")
def truncated(xs, W, C):
    column = (xs * C / W).nan_to_num(nan=C, posinf=C, neginf=C).long()
    return torch.where((column >= 0) & (column < C), column, C)


@wrong("clamps points beyond the right edge into the last column")
def clamped_right(xs, W, C):
    column = (xs * C / W).floor().clamp(max=C - 1).nan_to_num(nan=C).long()
    return torch.where((xs < 0) | xs.isnan(), C, column)


@wrong("puts a point at x = W into the last column")
def width_inside(xs, W, C):
    column = (xs * C / W).floor().clamp(max=C - 1).long()
    return torch.where((xs >= 0) & (xs <= W), column, C)


@wrong("clamps points left of the image into the first column")
def clamped_left(xs, W, C):
    column = (xs * C / W).floor().clamp(min=0).nan_to_num(nan=C, posinf=C).long()
    return torch.where((xs >= W) | xs.isnan(), C, column)


@wrong("lets points beyond the right edge have indices beyond C")
def beyond(xs, W, C):
    return torch.where((xs >= 0) & xs.isfinite(), (xs * C / W).floor().nan_to_num(posinf=0).long(), C)


@wrong("forgets NaN, which a cast to whole numbers turns into anything")
def without_nan(xs, W, C):
    column = (xs * C / W).floor().long()
    column[(xs < 0) | (xs >= W)] = C
    return column


@wrong("takes NaN for 0, and so for a point in the first column")
def nan_as_zero(xs, W, C):
    xs = torch.nan_to_num(xs, nan=0.0)
    return torch.where(_inside(xs, W), (xs * C / W).floor().long(), C)


@wrong("knows only -2 and NaN as marks of a missing point")
def one_mark(xs, W, C):
    column = (xs * C / W).floor().nan_to_num(nan=C, posinf=C, neginf=C).long()
    return torch.where((xs == -2) | (xs >= W), C, column)


@wrong("takes x = 0 for a missing point")
def zero_missing(xs, W, C):
    return torch.where((xs > 0) & (xs < W), (xs * C / W).floor().long(), C)


@wrong("gives points without a lane the index -1")
def minus_one(xs, W, C):
    return torch.where(_inside(xs, W), (xs * C / W).floor().long(), -1)


@wrong("gives points without a lane the index 0 and counts the columns from 1")
def none_first(xs, W, C):
    return torch.where(_inside(xs, W), (xs * C / W).floor().long() + 1, 0)


@wrong("gives points without a lane the last column, C - 1")
def last_as_none(xs, W, C):
    return torch.where(_inside(xs, W), (xs * C / W).floor().long(), C - 1)


@wrong("spreads the width over C + 1 columns, the one for no lane included")
def one_column_more(xs, W, C):
    return torch.where(_inside(xs, W), (xs * (C + 1) / W).floor().long(), C)


@wrong("spreads the width over C - 1 columns, as if the indices were corner positions")
def one_column_less(xs, W, C):
    return torch.where(_inside(xs, W), (xs * (C - 1) / W).floor().long(), C)


@wrong("takes a column to be a whole number of pixels wide")
def whole_width(xs, W, C):
    column = (xs / max(W // C, 1)).floor().clamp(max=C - 1)
    return torch.where(_inside(xs, W), column.nan_to_num().long(), C)


@wrong("rounds the positions down to whole pixels first")
def whole_pixels(xs, W, C):
    return torch.where(_inside(xs, W), (xs.floor() * C / W).floor().long(), C)


@wrong("divides by W - 1")
def width_less_one(xs, W, C):
    return torch.where(_inside(xs, W), (xs * C / max(W - 1, 1)).floor().long(), C)


@wrong("exchanges W and C in the scale")
def exchanged(xs, W, C):
    return torch.where(_inside(xs, W), (xs * W / C).floor().long(), C)


@wrong("gives up a lane that misses a single point")
def whole_lane(xs, W, C):
    return encode_lanes(torch.where(_inside(xs, W).all(1, keepdim=True), xs, float("nan")), W, C)


@wrong("leaves the indices as floats")
def as_floats(xs, W, C):
    return encode_lanes(xs, W, C).to(xs.dtype)


@wrong("returns int32")
def as_int32(xs, W, C):
    return encode_lanes(xs, W, C).int()


@wrong("keeps the columns in a byte, which holds no more than 256 of them")
def in_a_byte(xs, W, C):
    return encode_lanes(xs, W, C).to(torch.uint8).long()


@wrong("leaves points in the last pixel out, where W - 1 is less than x")
def last_pixel(xs, W, C):
    return torch.where((xs >= 0) & (xs <= W - 1), (xs * C / W).floor().long(), C)


@wrong("rounds the positions to whole pixels first")
def rounded_pixels(xs, W, C):
    return encode_lanes(xs.round(), W, C)


@wrong("calculates in half precision, which is too coarse for many columns")
def halved(xs, W, C):
    return torch.where(_inside(xs, W), (xs.half() * C / W).nan_to_num(0, 0, 0).floor().long(), C)


@wrong("returns the rows first and the lanes second")
def transposed(xs, W, C):
    return encode_lanes(xs, W, C).T


@wrong("marks the missing points in the caller's own tensor")
def in_place(xs, W, C):
    xs[~_inside(xs, W)] = W
    return (xs * C / W).floor().long()


@wrong("fails when there are no lanes")
def no_lanes(xs, W, C):
    return torch.stack([encode_lanes(lane, W, C) for lane in xs])
