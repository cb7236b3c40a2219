"""A whole instance segmenter on regions, and its loss.

Proposals have been found and cut out of the image's features, one map of m x m cells for each of R
regions, whichever image they belong to. Each region gets a class, a box and a mask of its own.
K = num_classes counts the classes of objects, 1 to K; class 0 is the background.

    roi        [R, feat_ch, m, m]
    encode     [R, width, m, m]      one 3x3 convolution, 1 of zero padding, then ReLU; all heads share it
    classify   [R, K + 1]            mean of each channel over its cells, then one linear layer
    locate     [R, 4K]               flattened in the order channel, row, column, then one linear layer
    segment    [R, K, 2m, 2m]        2x2 transposed convolution, stride 2, width -> width, then ReLU;
                                     then one 1x1 convolution
    forward    the tuple (logits, deltas, masks) of classify, locate and segment

* InstanceSegmenter has the methods encode(roi), classify(shared), locate(shared), segment(shared) and
  forward(roi); forward encodes once and hands the result to the three heads.
* No softmax, no sigmoid: the loss works on logits. Every layer has a bias, and there are no other
  parameters. Attributes may have any name.
* Numbers 4(c - 1) to 4c - 1 of deltas are the box offsets for class c, and channel c - 1 of masks is its
  mask. The background has neither.
* R may be 0, as for images in which nothing was proposed: the results are [0, K + 1], [0, 4K] and
  [0, K, 2m, 2m]. The input stays as it is.

instance_loss(logits, deltas, masks, labels, box_targets, mask_targets) = L_cls + L_box + L_mask

* labels [R] (long) are from 0 to K; box_targets are [R, 4] and mask_targets [R, 2m, 2m], numbers from 0
  to 1, both floats. A region is positive if its label is above 0.
* L_cls is the mean cross-entropy of logits and labels over all regions. Logits may be in the hundreds.
* L_box is the mean, over the positives and four coordinates, of Smooth L1 between box_targets and the
  four deltas of the true class: 0.5 * d^2 where |d| < 1, and |d| - 0.5 elsewhere.
* L_mask is the mean, over the positives and their 2m * 2m cells, of the binary cross-entropy between
  mask_targets and the sigmoid of the true class's channel. No other channel counts, so that classes do
  not compete for a cell. These logits may be in the hundreds, too.
* Without positives L_box and L_mask are 0, and without any region L_cls is as well; the loss stays
  connected to the graph of all three outputs.
* The targets of the background may hold anything, NaN too. Nothing of it reaches the loss or a gradient.
* The result is a 0-d tensor whose gradients reach logits, deltas and masks. All inputs stay as they are.

Example: with feat_ch = width = 256, m = 14 and K = 80 there are 16,950,497 parameters. Outputs of zeros
for K = 2, labels (2, 0) and a true box of (2, 0, 0, 0), whatever the mask: the loss is
log 3 + 1.5 / 4 + log 2 = 2.167.
"""

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn


class InstanceSegmenter(nn.Module):
    """A shared convolution, and a head each for class, box and mask."""

    def __init__(self, feat_ch: int, num_classes: int, width: int, m: int):
        super().__init__()
        raise NotImplementedError

    def encode(self, roi: Float[Tensor, "r feat_ch m m"]) -> Float[Tensor, "r width m m"]:
        """Return the map that the heads share."""
        raise NotImplementedError

    def classify(self, shared: Float[Tensor, "r width m m"]) -> Float[Tensor, "r num_classes+1"]:
        """Return the class logits of each region."""
        raise NotImplementedError

    def locate(self, shared: Float[Tensor, "r width m m"]) -> Float[Tensor, "r 4*num_classes"]:
        """Return the box offsets of each region, four for each class."""
        raise NotImplementedError

    def segment(self, shared: Float[Tensor, "r width m m"]) -> Float[Tensor, "r num_classes 2*m 2*m"]:
        """Return the mask logits of each region, a channel for each class."""
        raise NotImplementedError

    def forward(
        self, roi: Float[Tensor, "r feat_ch m m"]
    ) -> tuple[
        Float[Tensor, "r num_classes+1"],
        Float[Tensor, "r 4*num_classes"],
        Float[Tensor, "r num_classes 2*m 2*m"],
    ]:
        """Return class logits, box offsets and mask logits."""
        raise NotImplementedError


def instance_loss(
    logits: Float[Tensor, "r num_classes+1"],
    deltas: Float[Tensor, "r 4*num_classes"],
    masks: Float[Tensor, "r num_classes 2*m 2*m"],
    labels: Int64[Tensor, " r"],
    box_targets: Float[Tensor, "r 4"],
    mask_targets: Float[Tensor, "r 2*m 2*m"],
) -> Float[Tensor, ""]:
    """Return the sum of the class, box and mask terms."""
    raise NotImplementedError
