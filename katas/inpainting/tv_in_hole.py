"""Total variation in the hole.

A small penalty on differences of neighbours keeps a filled hole smooth, and joins it to its
surroundings. It acts where something was filled in: in the hole and one pixel around it, so that the
seam counts.

    img [B, 3, H, W]   the composite: known pixels kept, the hole filled in; finite
    m   [B, 1, H, W]   the mask, as floats: 1 = known, 0 = hole, nothing between

* The region is the hole grown by one pixel: every hole pixel and its eight neighbours. What lies outside
  the image is no hole, and images of the batch do not touch one another.
* A pair is two pixels side by side or one above the other, (y, x) with (y, x + 1) or with (y + 1, x),
  that both lie in the region. Diagonal neighbours are no pair. A pixel may be in up to four pairs.
* The loss is the sum of |difference| over all pairs and the three channels, divided by three times the
  number of pairs: x and y, all channels and the whole batch together in one sum and one number.
* Where there is no pair (nothing is hole, or the image is a single pixel) the loss is 0 and still
  connected to img's graph: backward() runs and gives img a gradient of zeros.
* It is a training loss, a 0-d tensor in the dtype of img: gradients flow to img, hole and seam alike.
  Equal neighbours pass on no gradient, as torch has it for the absolute value at 0. m gets none. Inputs
  stay as they are. All tensors are on the CPU. B, H and W are at least 1.

Example: one image of 1 x 4 pixels with the values (0, 1, 3, 9) in every channel, and m = (0, 1, 1, 1).
The region is the first two pixels, which make one pair: the loss is 3 * 1 / (3 * 1) = 1. With
m = (1, 0, 1, 1) the region is the first three, with two pairs: 3 * (1 + 2) / (3 * 2) = 1.5.
"""

import torch
from jaxtyping import Float
from torch import Tensor


def tv_in_hole(img: Float[Tensor, "b 3 h w"], m: Float[Tensor, "b 1 h w"]) -> Float[Tensor, ""]:
    """Return the mean absolute difference of neighbours in and around the hole."""
    raise NotImplementedError
