"""Head of a fully convolutional network.

A segmentation network owes every pixel of the image a score per class, but its last feature map is 8, 16
or 32 times smaller. The cheapest honest head scores the small map and enlarges the scores:

    feat      [B, in_ch, h, w]         features of some backbone
    cls       [B, num_classes, h, w]   one 1x1 convolution, with bias
    result    [B, num_classes, H, W]   the scores, resized to size = (H, W)

* size is a tuple of two ints, height first. It is met exactly, whatever h and w are: 225 x 225 from
  8 x 8, and no whole factor leads there. The two axes have scales of their own.
* Resizing is bilinear with align_corners=False: pixel centres lie at half-integers, and beyond the
  outermost centres the outermost value is repeated.
* size may also be smaller than the map, along one axis or both. The same formula holds: no antialiasing.
* Return logits: no softmax, no arg-max, no ReLU. A batch of one keeps its axis, and so does one class.
* There are in_ch * num_classes + num_classes parameters; attributes may have any name. Training and
  evaluation mode give the same result.
* The head is trained: gradients reach feat and both parameters.
* feat has the dtype of the parameters, float32 or float64, and so has the result. Memory may be
  channels-last.

Example: 512 channels and 21 classes take 10,773 parameters; a transposed convolution with a 64 x 64
kernel takes 44,040,213. And one row of scores (0, 4), resized to four columns, reads 0, 1, 3, 4.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class FCNHead(nn.Module):
    """A 1x1 convolution, then bilinear resizing to an exact size."""

    def __init__(self, in_ch: int, num_classes: int):
        super().__init__()
        raise NotImplementedError

    def forward(
        self, feat: Float[Tensor, "b in_ch h w"], size: tuple[int, int]
    ) -> Float[Tensor, "b num_classes out_h out_w"]:
        """Return the logits of every pixel of an image of this size (H, W)."""
        raise NotImplementedError
