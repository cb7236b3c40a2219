"""The three heads of Mask R-CNN.

For each of R regions a detector has cut two maps out of its features, one of 7 x 7 cells for the class
and the box, and a finer one of 14 x 14 cells for the mask. With K = num_classes, the model is

    box_feat   [R, ch, 7, 7]
      flattened to ch * 49 numbers, in the order channel, row, column
      fc1      linear, 1024 outputs, ReLU
      fc2      linear, 1024 outputs, ReLU
      cls      linear on fc2, K + 1 outputs          -> [R, K + 1], one of them for the background
      box      linear on fc2, 4K outputs             -> [R, 4K], four offsets for each class

    mask_feat  [R, ch, 14, 14]
      four 3x3 convolutions, padding 1, ch -> ch, each followed by a ReLU
      one 2x2 transposed convolution, stride 2 (nn.ConvTranspose2d), ch -> ch, followed by a ReLU
      one 1x1 convolution, ch -> K                   -> [R, K, 28, 28]

* forward returns the tuple (cls, box, mask). None of the three gets a softmax, a sigmoid or a ReLU: the
  losses work on logits and offsets.
* Every layer has a bias. There are no other parameters: no normalisation, no dropout, nothing shared
  between the two branches. Attributes may have any name.
* R may be 0, as for an image in which nothing was found: the results are then [0, K + 1], [0, 4K] and
  [0, K, 28, 28]. With R = 1 the first axis stays. K may be 1. Memory may be channels-last.
* The feature maps stay as they are. The heads are trained: gradients flow to both maps and to every
  parameter.

Example: with num_classes = 80 and ch = 256 the box branch (fc1, fc2, cls, box) has 14,306,705 parameters
and the mask branch 2,643,280.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class MaskRCNNHeads(nn.Module):
    """Class, box and mask of each region, from two feature maps."""

    def __init__(self, num_classes: int, ch: int = 256):
        super().__init__()
        raise NotImplementedError

    def forward(
        self, box_feat: Float[Tensor, "r ch 7 7"], mask_feat: Float[Tensor, "r ch 14 14"]
    ) -> tuple[
        Float[Tensor, "r num_classes+1"],
        Float[Tensor, "r 4*num_classes"],
        Float[Tensor, "r num_classes 28 28"],
    ]:
        """Return class logits, box offsets for each class, and mask logits for each class."""
        raise NotImplementedError
