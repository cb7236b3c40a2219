"""Encode boxes as offsets from anchors, and decode them again.

Anchors and boxes are (x1, y1, x2, y2) with positive width w and height h; (cx, cy) is the centre.
Index a marks the anchor:

    dx = (cx - cx_a) / w_a        dy = (cy - cy_a) / h_a
    dw = log(w / w_a)             dh = log(h / h_a)

* encode(anchors, gt) returns the deltas (dx, dy, dw, dh) of row i of gt against row i of anchors.
* decode(anchors, deltas) is its inverse: it returns boxes (x1, y1, x2, y2).
  It first clamps dw and dh from above, and only from above, at log(1000 / 16), so that a wild
  prediction cannot overflow. dx and dy are not clamped. Boxes are not clipped to any image.
* N may be 0. Results have the dtype and the device of the inputs; the inputs stay as they are.
* Gradients flow through both, since losses are taken on either side.

Example: against the anchor (0, 0, 10, 20) the box (5, 0, 25, 20) has the deltas (1, 0, log 2, 0).
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from grader import right, wrong

LEVEL = 2
MINUTES = 20
HINTS = (
    "Turn both sets of corners into centres and extents first; every formula speaks of those.",
    "Offsets of the centre are measured in anchor extents, the extents as a logarithm of their ratio. "
    "Decoding undoes each step in the reverse order.",
    "To decode: centre = delta times the anchor's extent plus the anchor's centre; extent = the anchor's "
    "extent times exp of the clamped delta; corners are the centre minus and plus half the extent.",
)

_MOST = math.log(1000 / 16)


def encode(anchors: Float[Tensor, "n 4"], gt: Float[Tensor, "n 4"]) -> Float[Tensor, "n 4"]:
    """Return the deltas that turn each anchor into its box."""
    centre_a, extent_a = _split(anchors)
    centre, extent = _split(gt)
    return torch.cat([(centre - centre_a) / extent_a, torch.log(extent / extent_a)], dim=-1)


def decode(anchors: Float[Tensor, "n 4"], deltas: Float[Tensor, "n 4"]) -> Float[Tensor, "n 4"]:
    """Return the boxes that the deltas make of the anchors."""
    centre_a, extent_a = _split(anchors)
    centre = deltas[:, :2] * extent_a + centre_a
    extent = extent_a * deltas[:, 2:].clamp(max=_MOST).exp()
    return torch.cat([centre - extent / 2, centre + extent / 2], dim=-1)


def _split(boxes):
    return (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]


@right("column by column", also={"decode": "_decode_columns"})
def encode_columns(anchors, gt):
    xa, ya, x2a, y2a = anchors.unbind(1)
    x1, y1, x2, y2 = gt.unbind(1)
    wa, ha, w, h = x2a - xa, y2a - ya, x2 - x1, y2 - y1
    dx = ((x1 + 0.5 * w) - (xa + 0.5 * wa)) / wa
    dy = ((y1 + 0.5 * h) - (ya + 0.5 * ha)) / ha
    return torch.stack([dx, dy, torch.log(w) - torch.log(wa), torch.log(h / ha)], dim=1)


def _decode_columns(anchors, deltas):
    wa, ha = anchors[:, 2] - anchors[:, 0], anchors[:, 3] - anchors[:, 1]
    limit = math.log(62.5)
    w = torch.exp(torch.minimum(deltas[:, 2], deltas.new_tensor(limit))) * wa
    h = torch.exp(torch.where(deltas[:, 3] > limit, limit, deltas[:, 3])) * ha
    x = anchors[:, 0] + 0.5 * wa + deltas[:, 0] * wa
    y = anchors[:, 1] + 0.5 * ha + deltas[:, 1] * ha
    return torch.stack([x - w / 2, y - h / 2, x + w / 2, y + h / 2], dim=-1)


@right("box by box", of="decode")
def decode_rows(anchors, deltas):
    boxes = []
    for (x1, y1, x2, y2), (dx, dy, dw, dh) in zip(anchors, deltas):
        w, h = x2 - x1, y2 - y1
        cx, cy = x1 + w * (dx + 0.5), y1 + h * (dy + 0.5)
        w, h = w * dw.clamp(max=_MOST).exp(), h * dh.clamp(max=_MOST).exp()
        boxes.append(torch.stack([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2]))
    return torch.stack(boxes) if boxes else deltas.new_zeros(0, 4)


@right("with a floor that positive extents never reach", of="encode")
def encode_floored(anchors, gt):
    centre_a, extent_a = _split(anchors)
    centre, extent = _split(gt)
    ratio = extent.clamp(min=1e-9) / extent_a
    return torch.cat([(centre - centre_a) / extent_a, ratio.log()], dim=1)


@wrong("measures the offsets between upper left corners instead of centres", of="encode")
def from_corners(anchors, gt):
    _, extent_a = _split(anchors)
    _, extent = _split(gt)
    return torch.cat([(gt[:, :2] - anchors[:, :2]) / extent_a, torch.log(extent / extent_a)], dim=-1)


@wrong("divides the offsets by the box's extents instead of the anchor's", of="encode")
def by_own_extent(anchors, gt):
    centre_a, extent_a = _split(anchors)
    centre, extent = _split(gt)
    return torch.cat([(centre - centre_a) / extent, torch.log(extent / extent_a)], dim=-1)


@wrong("takes the logarithm of the ratio upside down", of="encode")
def upside_down(anchors, gt):
    centre_a, extent_a = _split(anchors)
    centre, extent = _split(gt)
    return torch.cat([(centre - centre_a) / extent_a, torch.log(extent_a / extent)], dim=-1)


@wrong("leaves the offsets in pixels", of="encode")
def in_pixels(anchors, gt):
    centre_a, extent_a = _split(anchors)
    centre, extent = _split(gt)
    return torch.cat([centre - centre_a, torch.log(extent / extent_a)], dim=-1)


@wrong("divides both offsets by the anchor's width", of="encode")
def by_width(anchors, gt):
    centre_a, extent_a = _split(anchors)
    centre, extent = _split(gt)
    return torch.cat([(centre - centre_a) / extent_a[:, :1], torch.log(extent / extent_a)], dim=-1)


@wrong("encodes the extents as a ratio, without the logarithm", of="encode", also={"decode": "_decode_ratio"})
def as_ratio(anchors, gt):
    centre_a, extent_a = _split(anchors)
    centre, extent = _split(gt)
    return torch.cat([(centre - centre_a) / extent_a, extent / extent_a], dim=-1)


def _decode_ratio(anchors, deltas):
    centre_a, extent_a = _split(anchors)
    centre, extent = deltas[:, :2] * extent_a + centre_a, deltas[:, 2:] * extent_a
    return torch.cat([centre - extent / 2, centre + extent / 2], dim=-1)


@wrong("does not clamp the deltas of the extents", of="decode")
def unclamped(anchors, deltas):
    centre_a, extent_a = _split(anchors)
    centre, extent = deltas[:, :2] * extent_a + centre_a, extent_a * deltas[:, 2:].exp()
    return torch.cat([centre - extent / 2, centre + extent / 2], dim=-1)


@wrong("clamps the deltas from below as well", of="decode")
def clamped_both_ways(anchors, deltas):
    centre_a, extent_a = _split(anchors)
    centre, extent = deltas[:, :2] * extent_a + centre_a, extent_a * deltas[:, 2:].clamp(-_MOST, _MOST).exp()
    return torch.cat([centre - extent / 2, centre + extent / 2], dim=-1)


@wrong("clamps the offsets of the centre too", of="decode")
def clamped_offsets(anchors, deltas):
    return decode(anchors, deltas.clamp(max=_MOST))


@wrong("clamps the extents instead of their logarithm", of="decode")
def clamped_after(anchors, deltas):
    centre_a, extent_a = _split(anchors)
    centre, extent = deltas[:, :2] * extent_a + centre_a, extent_a * deltas[:, 2:].exp().clamp(max=_MOST)
    return torch.cat([centre - extent / 2, centre + extent / 2], dim=-1)


@wrong("returns (cx, cy, w, h) instead of corners", of="decode")
def as_centres(anchors, deltas):
    x1y1, x2y2 = decode(anchors, deltas).split(2, dim=-1)
    return torch.cat([(x1y1 + x2y2) / 2, x2y2 - x1y1], dim=-1)


@wrong("adds the whole extent on either side of the centre", of="decode")
def twice_as_large(anchors, deltas):
    centre_a, extent_a = _split(anchors)
    centre, extent = deltas[:, :2] * extent_a + centre_a, extent_a * deltas[:, 2:].clamp(max=_MOST).exp()
    return torch.cat([centre - extent, centre + extent], dim=-1)


@wrong("clamps in the caller's own tensor", of="decode")
def in_place(anchors, deltas):
    deltas[:, 2:].clamp_(max=_MOST)
    return decode(anchors, deltas)


@wrong("computes in single precision whatever comes in", of="encode")
def single_precision(anchors, gt):
    return encode(anchors.float(), gt.float())


@wrong("cuts the deltas off from the graph", of="decode")
def detached(anchors, deltas):
    return decode(anchors, deltas.detach())
