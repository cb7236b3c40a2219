"""The anomaly map of a reconstruction, and one score for each image.

An autoencoder that has only ever seen normal images reconstructs normal ones well. Where an image and
its reconstruction differ, something is wrong with the image.

x and x_hat [B, 3, H, W] are images and their reconstructions, float, B, H and W at least 1. Return the
tuple (map [B, H, W], score [B]) in their dtype:

* The error of a pixel is the mean of (x - x_hat)^2 over its three channels.
* map smooths the error with a box: the value of a pixel is the mean error of the (2r + 1) x (2r + 1)
  pixels around it, as many of them as lie inside the image. Nothing is padded: the corner of a large
  image is the mean of (r + 1)^2 pixels. r is an int from 0 up; with r = 0 the map is the error, and a
  window may be larger than the image.
* score is the largest value of each image's map. A mean would drown a small defect among thousands of
  normal pixels.
* The map is not rescaled, neither for an image nor for the batch: numbers of different images have to be
  comparable, or no threshold can be chosen. An image that is reconstructed perfectly has 0 everywhere.
* Memory may be channels-last. The inputs stay as they are. All tensors are on the CPU. No gradient is
  asked for.

Example: one image of 1 x 3 pixels that differs from its reconstruction only in the first, by 3, 0 and 0
in the three channels. The errors are (3, 0, 0). With r = 1 the map is (1.5, 1, 0): two pixels make the
first mean and three the second. The score is 1.5.
"""

import torch
from jaxtyping import Float
from torch import Tensor


def anomaly_map(
    x: Float[Tensor, "b 3 h w"], x_hat: Float[Tensor, "b 3 h w"], r: int = 2
) -> tuple[Float[Tensor, "b h w"], Float[Tensor, " b"]]:
    """Return the smoothed reconstruction error of every pixel, and its maximum over each image."""
    raise NotImplementedError
