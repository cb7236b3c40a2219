"""Composite and two-part L1 loss for inpainting.

A network sees an image with a hole and predicts every pixel anew. The result shown is a composite: the
image where it is known, the prediction in the hole. The loss looks at the prediction itself.

    img [B, 3, H, W]   the image        raw [B, 3, H, W]   the prediction        both finite
    m   [B, 1, H, W]   the mask, as floats: 1 = known, 0 = hole, nothing between; one for all channels

* composite(img, raw, m) is img where m is 1 and raw where m is 0, in all three channels. Exactly so:
  every pixel is a copy of one of the two, bit for bit, however large the other is. No pixel is clamped.
* hole_valid_l1(raw, img, m, w_hole=6.0, w_valid=1.0) = w_hole * hole + w_valid * valid, a 0-d tensor:

      hole  = sum of |raw - img| over the pixels of the hole    / n
      valid = sum of |raw - img| over the pixels that are known / n

  The sums run over the channels and the whole batch. n = 3 B H W, the number of elements of img, is the
  same for both terms, so a small hole weighs little, and a mask without hole (or with nothing known)
  gives a term of 0. The weights are numbers from 0 up.
* The loss is taken of raw, not of the composite: that one is right where m is 1, whatever the network
  says, and would teach it nothing there.
* Gradients flow to raw through both functions; where raw is img the loss has the gradient 0, as torch has
  it for the absolute value at 0. Inputs stay as they are. All tensors are on the CPU, of one dtype, which
  the results have too. B, H and W are at least 1.

Example: one image of 1 x 2 pixels, 0.5 in every channel, is known on the left only: m = (1, 0). The
prediction is 0.25 on the left and 1 on the right, in every channel. The composite is (0.5, 1), hole is
3 * 0.5 / 6 = 0.25, valid is 3 * 0.25 / 6 = 0.125, and the loss 6 * 0.25 + 0.125 = 1.625.
"""

import torch
from jaxtyping import Float
from torch import Tensor


def composite(
    img: Float[Tensor, "b 3 h w"], raw: Float[Tensor, "b 3 h w"], m: Float[Tensor, "b 1 h w"]
) -> Float[Tensor, "b 3 h w"]:
    """Return the image with its hole filled by the prediction."""
    raise NotImplementedError


def hole_valid_l1(
    raw: Float[Tensor, "b 3 h w"],
    img: Float[Tensor, "b 3 h w"],
    m: Float[Tensor, "b 1 h w"],
    w_hole: float = 6.0,
    w_valid: float = 1.0,
) -> Float[Tensor, ""]:
    """Return the weighted L1 loss of the prediction, in the hole and outside."""
    raise NotImplementedError
