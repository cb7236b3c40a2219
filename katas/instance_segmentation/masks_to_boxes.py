"""Boxes around masks.

Given N masks on an image of H x W pixels, return for each the smallest box that holds all its pixels.
masks is bool [N, H, W], row y and column x; the result is float32 [N, 4] with rows (x1, y1, x2, y2).

* Boxes are half-open, as a slice is: x1 is the first column that holds a pixel of the mask, x2 is the
  last such column plus one, so that x2 - x1 is the width in pixels. So it is for rows with y1 and y2.
* A mask may have holes or several parts: its box surrounds them all.
* A mask without any pixel gets the box (0, 0, 0, 0).
* N may be 0: the result is then [0, 4]. H and W are at least 1, and may be 1 or far above 255.
* masks stays as it is. All tensors are on the CPU.

Example: a mask that holds nothing but the pixels (row 1, column 2) and (row 3, column 4) has the box
(2, 1, 5, 4).
"""

import torch
from jaxtyping import Bool, Float32
from torch import Tensor


def masks_to_boxes(masks: Bool[Tensor, "n h w"]) -> Float32[Tensor, "n 4"]:
    """Return the box (x1, y1, x2, y2) of each mask, half-open; zeros for an empty mask."""
    raise NotImplementedError
