"""Pairwise intersection over union.

Given n boxes and m boxes, return the matrix whose entry (i, j) is the overlap of a[i] and b[j]
divided by their union.

* fmt "xyxy": a row is (x1, y1, x2, y2) with x1 <= x2 and y1 <= y2.
  fmt "cxcywh": a row is (centre x, centre y, width, height), none of the extents negative.
  Both arguments are in the same format.
* Coordinates are real numbers: a box's width is x2 - x1, without "+1".
* Boxes that are disjoint, or touch only at an edge or a corner, have IoU 0.
* Where the union is 0 (two boxes without area) the IoU is 0, never NaN.
* n or m may be 0. The result has the dtype and the device of the inputs, which stay as they are.
* Gradients flow to a and b, as a loss on overlaps needs.

Example: the squares (0, 0, 2, 2) and (1, 1, 3, 3) share 1 of 7 units of area, so their IoU is 1/7.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from grader import right, wrong

LEVEL = 1
MINUTES = 15
HINTS = (
    "The overlap of two intervals runs from the larger of the two starts to the smaller of the two ends.",
    "Give one set of boxes an extra axis, so that broadcasting pairs every box with every other. What does "
    "the extent of an overlap look like when two boxes do not meet?",
    "Clamp both extents of the overlap at zero before you multiply them; the union is the sum of the areas "
    "less the overlap; divide only where the union is positive.",
)


def pairwise_iou(a: Float[Tensor, "n 4"], b: Float[Tensor, "m 4"], fmt: str = "xyxy") -> Float[Tensor, "n m"]:
    """Return the IoU of every box of a with every box of b; fmt is "xyxy" or "cxcywh"."""
    if fmt == "cxcywh":
        a, b = _corners(a), _corners(b)
    start = torch.maximum(a[:, None, :2], b[:, :2])  # n m 2
    end = torch.minimum(a[:, None, 2:], b[:, 2:])
    overlap = (end - start).clamp(min=0).prod(-1)
    union = _area(a)[:, None] + _area(b) - overlap
    return overlap / torch.where(union > 0, union, 1)  # no union, no overlap: 0 / 1


def _corners(boxes: Float[Tensor, "n 4"]) -> Float[Tensor, "n 4"]:
    centre, extent = boxes[:, :2], boxes[:, 2:]
    return torch.cat([centre - extent / 2, centre + extent / 2], dim=-1)


def _area(boxes: Float[Tensor, "n 4"]) -> Float[Tensor, " n"]:
    return (boxes[:, 2:] - boxes[:, :2]).prod(-1)


@right("with a loop over rows and columns")
def looped(a, b, fmt="xyxy"):
    if fmt == "cxcywh":
        a, b = _corners(a), _corners(b)
    rows = []
    for p in a:
        cells = []
        for q in b:
            w = (torch.min(p[2], q[2]) - torch.max(p[0], q[0])).clamp(min=0)
            h = (torch.min(p[3], q[3]) - torch.max(p[1], q[1])).clamp(min=0)
            union = (p[2] - p[0]) * (p[3] - p[1]) + (q[2] - q[0]) * (q[3] - q[1]) - w * h
            cells.append(w * h / union if union > 0 else p.new_zeros(()))
        rows.append(torch.stack(cells) if cells else p.new_zeros(0))
    return torch.stack(rows) if rows else a.new_zeros(0, len(b))


@right("with a tiny floor under the union")
def floored(a, b, fmt="xyxy"):
    if fmt == "cxcywh":
        a, b = _corners(a), _corners(b)
    x1, y1, x2, y2 = a[:, None].unbind(-1)
    u1, v1, u2, v2 = b.unbind(-1)
    w = torch.relu(torch.minimum(x2, u2) - torch.maximum(x1, u1))
    h = torch.relu(torch.minimum(y2, v2) - torch.maximum(y1, v1))
    union = (x2 - x1) * (y2 - y1) + (u2 - u1) * (v2 - v1) - w * h
    return w * h / union.clamp(min=1e-9)


@right("from the extents of the enclosing box")
def from_enclosure(a, b, fmt="xyxy"):
    if fmt == "cxcywh":
        a, b = _corners(a), _corners(b)
    extent_a, extent_b = a[:, 2:] - a[:, :2], b[:, 2:] - b[:, :2]
    around = torch.maximum(a[:, None, 2:], b[:, 2:]) - torch.minimum(a[:, None, :2], b[:, :2])
    side = (extent_a[:, None] + extent_b - around).clamp_min(0)
    overlap = side[..., 0] * side[..., 1]
    union = (extent_a[:, 0] * extent_a[:, 1])[:, None] + extent_b[:, 0] * extent_b[:, 1] - overlap
    return overlap / union.masked_fill(union == 0, 1.0)


@wrong("forgets that boxes which do not touch overlap by nothing")
def unclamped(a, b, fmt="xyxy"):
    if fmt == "cxcywh":
        a, b = _corners(a), _corners(b)
    overlap = (torch.minimum(a[:, None, 2:], b[:, 2:]) - torch.maximum(a[:, None, :2], b[:, :2])).prod(-1)
    union = _area(a)[:, None] + _area(b) - overlap
    return torch.where(union > 0, overlap / union.where(union > 0, 1), 0)


@wrong("clamps the area of the overlap instead of its two extents, so that two negative ones make a positive")
def clamped_late(a, b, fmt="xyxy"):
    if fmt == "cxcywh":
        a, b = _corners(a), _corners(b)
    extent = torch.minimum(a[:, None, 2:], b[:, 2:]) - torch.maximum(a[:, None, :2], b[:, :2])
    overlap = extent.prod(-1).clamp(min=0)
    union = _area(a)[:, None] + _area(b) - overlap
    return torch.where(union > 0, overlap / union.where(union > 0, 1), 0)


@wrong("divides zero by zero for boxes without area")
def nan_for_points(a, b, fmt="xyxy"):
    if fmt == "cxcywh":
        a, b = _corners(a), _corners(b)
    overlap = (
        (torch.minimum(a[:, None, 2:], b[:, 2:]) - torch.maximum(a[:, None, :2], b[:, :2]))
        .clamp(min=0)
        .prod(-1)
    )
    return overlap / (_area(a)[:, None] + _area(b) - overlap)


@wrong("counts pixels with +1 in every extent")
def plus_one(a, b, fmt="xyxy"):
    if fmt == "cxcywh":
        a, b = _corners(a), _corners(b)
    overlap = torch.minimum(a[:, None, 2:], b[:, 2:]) - torch.maximum(a[:, None, :2], b[:, :2]) + 1
    overlap = overlap.clamp(min=0).prod(-1)
    area_a, area_b = (a[:, 2:] - a[:, :2] + 1).prod(-1), (b[:, 2:] - b[:, :2] + 1).prod(-1)
    return overlap / (area_a[:, None] + area_b - overlap)


@wrong("ignores fmt and reads every box as corners")
def always_corners(a, b, fmt="xyxy"):
    return pairwise_iou(a, b, "xyxy")


@wrong("moves the corners by the whole extent instead of half of it for cxcywh")
def whole_extent(a, b, fmt="xyxy"):
    if fmt == "cxcywh":
        a, b = (torch.cat([t[:, :2] - t[:, 2:], t[:, :2] + t[:, 2:]], dim=-1) for t in (a, b))
    return pairwise_iou(a, b, "xyxy")


@wrong("takes the first two numbers of cxcywh for the upper left corner")
def corner_and_extent(a, b, fmt="xyxy"):
    if fmt == "cxcywh":
        a, b = (torch.cat([t[:, :2], t[:, :2] + t[:, 2:]], dim=-1) for t in (a, b))
    return pairwise_iou(a, b, "xyxy")


@wrong("counts the overlap twice in the union")
def union_too_large(a, b, fmt="xyxy"):
    if fmt == "cxcywh":
        a, b = _corners(a), _corners(b)
    overlap = (
        (torch.minimum(a[:, None, 2:], b[:, 2:]) - torch.maximum(a[:, None, :2], b[:, :2]))
        .clamp(min=0)
        .prod(-1)
    )
    union = _area(a)[:, None] + _area(b)
    return torch.where(union > 0, overlap / union.where(union > 0, 1), 0)


@wrong("divides by the area of the first box only")
def over_first(a, b, fmt="xyxy"):
    if fmt == "cxcywh":
        a, b = _corners(a), _corners(b)
    overlap = (
        (torch.minimum(a[:, None, 2:], b[:, 2:]) - torch.maximum(a[:, None, :2], b[:, :2]))
        .clamp(min=0)
        .prod(-1)
    )
    area = _area(a)[:, None]
    return torch.where(area > 0, overlap / area.where(area > 0, 1), 0)


@wrong("returns the transpose: a row for each box of b")
def transposed(a, b, fmt="xyxy"):
    return pairwise_iou(a, b, fmt).T


@wrong("is detached from the graph")
def detached(a, b, fmt="xyxy"):
    return pairwise_iou(a.detach(), b.detach(), fmt)


@wrong("converts cxcywh to corners in the caller's own tensor")
def in_place(a, b, fmt="xyxy"):
    if fmt == "cxcywh":
        for t in (a, b):
            half = t[:, 2:].clone() / 2
            t[:, 2:] = t[:, :2] + half
            t[:, :2] -= half
    return pairwise_iou(a, b, "xyxy")


@wrong("returns float32 whatever comes in")
def single_precision(a, b, fmt="xyxy"):
    return pairwise_iou(a.float(), b.float(), fmt)


@wrong("adds a constant to the union that is not small beside it")
def padded_union(a, b, fmt="xyxy"):
    if fmt == "cxcywh":
        a, b = _corners(a), _corners(b)
    overlap = (
        (torch.minimum(a[:, None, 2:], b[:, 2:]) - torch.maximum(a[:, None, :2], b[:, :2]))
        .clamp(min=0)
        .prod(-1)
    )
    return overlap / (_area(a)[:, None] + _area(b) - overlap + 1e-2)


@wrong("makes its result on the CPU, wherever the boxes are")
def on_the_cpu(a, b, fmt="xyxy"):
    out = torch.zeros(len(a), len(b), dtype=a.dtype)
    return out + pairwise_iou(a, b, fmt)
