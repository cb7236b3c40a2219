"""Peak signal-to-noise ratio, per image.

pred and gt hold B images in RGB, [B, 3, H, W], with values meant to lie from 0 to max_val. Return the
PSNR of each image in decibels, [B]:

    PSNR = 10 log10(max_val^2 / MSE)

where MSE is the mean squared difference of one image over all that is compared: its 3 channels and the
pixels left by the crop, or, with y_only, one luma channel and those pixels.

* crop pixels are taken off on every side first: above, below, left and right. crop = 0 keeps everything;
  crop is never negative. A crop that leaves no row or no column is a ValueError; one pixel is enough.
* y_only=True compares luma alone, for channels in the order R, G, B:

      Y = (16 + 65.481 R + 128.553 G + 24.966 B) / 255

  The formula is taken as it stands whatever max_val is, and max_val stays what the squared error is
  measured against.
* Nothing is clamped or rounded: a prediction beyond the range counts with all of its error.
* Images that are equal in all that is compared have PSNR inf: no NaN, no large number in its place.
* Report the values image by image. Their mean is not the PSNR of the mean error, as the example shows.
* B may be 0. The result has the dtype of the images, which stay as they are. No gradient is asked for.

Example: two images with MSE 0.01 and 0.0001 and max_val 1 have 20 dB and 40 dB, 30 dB in the mean. The
PSNR of their mean error, 0.00505, would be 22.97 dB.
"""

import torch
from jaxtyping import Float
from torch import Tensor


def psnr(
    pred: Float[Tensor, "b 3 h w"],
    gt: Float[Tensor, "b 3 h w"],
    crop: int = 0,
    y_only: bool = False,
    max_val: float = 1.0,
) -> Float[Tensor, " b"]:
    """Return the PSNR of each image in dB."""
    raise NotImplementedError
