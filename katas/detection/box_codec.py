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

import torch
from jaxtyping import Float
from torch import Tensor


def encode(anchors: Float[Tensor, "n 4"], gt: Float[Tensor, "n 4"]) -> Float[Tensor, "n 4"]:
    """Return the deltas that turn each anchor into its box."""
    raise NotImplementedError


def decode(anchors: Float[Tensor, "n 4"], deltas: Float[Tensor, "n 4"]) -> Float[Tensor, "n 4"]:
    """Return the boxes that the deltas make of the anchors."""
    raise NotImplementedError
