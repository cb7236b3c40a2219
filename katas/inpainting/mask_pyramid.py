"""Mask pyramid and hole growing.

Networks work at several resolutions, and each needs the mask at its own. Shrinking a mask as one shrinks
an image makes values that are neither known nor hole; a mask follows a rule instead.

A mask m is [B, 1, H, W], in floats: 1 = known, 0 = hole, nothing between. Results are masks of the same
kind, in the dtype of m.

* mask_pyramid(m, levels) returns a list of levels masks, the finest first. Level 0 is m itself, or
  a copy of it. A cell (y, x) of level i + 1 stands for 2 x 2 pixels of level i, from (2y, 2x) to
  (2y + 1, 2x + 1), and is known if any of them is: a hole only where all of them are hole. (So holes
  shrink, as with partial convolution.)
* Nothing is cut off: the last row of cells stands for one row of pixels where there is no second one,
  and the last column likewise. Sizes are halved and rounded up: 5 x 8, 3 x 4, 2 x 2, 1 x 1,
  and 1 x 1 again.
* grow_hole(m, k) returns the mask with its hole grown by k pixels: a pixel is hole if some hole pixel
  lies at most k rows and at most k columns away from it, itself included. A single hole pixel becomes a
  square of side 2k + 1. k = 0 changes nothing; k may be larger than the image.
* What lies outside the image is no hole: a mask without hole stays without, at the border too. Nor does
  one border touch the opposite one. Images of a batch do not touch one another.
* levels is at least 1, k at least 0; B, H and W are at least 1. m stays as it is, all tensors are on the
  CPU. Masks are not learned: no gradient is asked for.

Example: the mask with the rows (1, 0, 0) and (0, 0, 0) has at level 1 the one row (1, 0). Growing the
hole of (1, 1, 1, 1, 0) by 2 gives (1, 1, 0, 0, 0).
"""

import torch
from jaxtyping import Float
from torch import Tensor


def mask_pyramid(m: Float[Tensor, "b 1 h w"], levels: int) -> list[Tensor]:
    """Return masks of falling size, m first; a cell is known if any of its 2 x 2 pixels is."""
    raise NotImplementedError


def grow_hole(m: Float[Tensor, "b 1 h w"], k: int) -> Float[Tensor, "b 1 h w"]:
    """Return the mask with its hole grown by k pixels in every direction, diagonals included."""
    raise NotImplementedError
