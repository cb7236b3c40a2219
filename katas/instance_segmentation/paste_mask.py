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
from jaxtyping import Bool, Float
from torch import Tensor


def paste_mask(
    prob: Float[Tensor, "m m"], box: Float[Tensor, "4"], H: int, W: int, thr: float = 0.5
) -> Bool[Tensor, "H W"]:
    """Return the pixels of an H x W image where the pasted mask is at least thr."""
    raise NotImplementedError
