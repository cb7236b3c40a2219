"""Self-ensemble: the mean over eight views of one image.

A network for super-resolution does not treat all directions alike. EDSR+ turns that into a gain at test
time: one network enlarges the eight views of an image, each result is turned back, and the mean of the
eight is usually better than any of them. An ensemble without a second network.

* The eight views of x [B, C, h, w]: x turned by 0, 90, 180 and 270 degrees, and the mirror image of x
  turned by the same four angles. All eight are different; x itself is among them. They are taken in the
  last two axes only: every image of the batch by itself, channels where they are.
* model is an nn.Module that maps [B, C, h, w] to [B, C, s * h, s * w] for images of any height and
  width, with a whole number s of its own, 1 or more. You are not told s.
* result = (1/8) * (sum over the eight views v of the inverse of v, applied to model(v(x))): exactly what
  v has done to x is undone on the enlarged image. The result is [B, C, s * h, s * w], in the dtype of x.
* h and w are at least 2 and may differ. Then four of the views are [B, C, w, h], and all eight cannot be
  stacked into one batch.
* model comes ready, in evaluation mode, and is called as it is. It may be called on several views in one
  batch; an image's result does not depend on the others. Its weights stay as they are, and so does x.
* The results are averaged as they are, also where they leave [0, 1]. No gradient is asked for. All
  tensors are on the CPU.

Example: a model with s = 1 that gives every pixel the value of its right neighbour, and 0 where there is
none. It turns the image [[1, 2, 6], [3, 5, 4]] into [[2, 6, 0], [5, 4, 0]]. Over the eight views each of
the four neighbours has its turn twice, so that every pixel gets a quarter of the sum of its neighbours:
the result is [[1.25, 3, 1.5], [1.5, 2.25, 2.75]].
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn


def self_ensemble(model: nn.Module, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c s*h s*w"]:
    """Return the mean of the model's results for the eight views of x, each turned back."""
    raise NotImplementedError
