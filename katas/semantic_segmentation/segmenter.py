"""A whole segmentation model and its loss.

The model gives every pixel of an image its scores. For images of any height H and width W:

    x          [B, 3, H, W]
    encode     [B, feat_ch, h, w]        the backbone's map; h and w depend on H, W and its stride
    classify   [B, num_classes, h, w]    one 1x1 convolution, with bias
    forward    [B, num_classes, H, W]    the scores, resized to the size of the image

* Segmenter has the methods encode(x), classify(features) and forward(x); forward uses the other two.
* The resizing is bilinear with align_corners=False, and always to the size of the image that came in. A
  fixed factor of 32 would turn the 8 rows that a stride of 32 leaves of 225 into 256.
* Return logits: no softmax. The backbone is handed in and belongs to the model: it is trained, and its mode
  follows the model's. Apart from it there are feat_ch * num_classes + num_classes parameters. Attributes
  may have any name.

segmentation_loss(outputs, targets, ignore_index=255) = mean cross-entropy over the pixels that count:

* outputs are logits [B, num_classes, H, W], targets classes [B, H, W] (long). A pixel whose target is
  ignore_index, such as the border that annotators leave open, does not count: neither in the sum nor in
  the number it is divided by, and it sends no gradient.
* The mean is over all pixels of the batch together. When no pixel counts the loss is 0, never NaN, and still
  connected to the graph of outputs.
* The result is a 0-d tensor whose gradients reach outputs. Logits may be in the hundreds. The inputs stay as
  they are.

Example: feat_ch = 512 and num_classes = 21 add 10,773 parameters to those of the backbone. With outputs of
zeros, 21 classes and at least one pixel that counts, the loss is log 21 = 3.045.
"""

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn


class Segmenter(nn.Module):
    """Backbone, 1x1 classifier, bilinear resizing."""

    def __init__(self, backbone: nn.Module, feat_ch: int, num_classes: int):
        super().__init__()
        raise NotImplementedError

    def encode(self, x: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b feat_ch hs ws"]:
        """Return the backbone's map."""
        raise NotImplementedError

    def classify(self, features: Float[Tensor, "b feat_ch hs ws"]) -> Float[Tensor, "b num_classes hs ws"]:
        """Return the scores of every position of the map."""
        raise NotImplementedError

    def forward(self, x: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b num_classes h w"]:
        """Return the scores of every pixel."""
        raise NotImplementedError


def segmentation_loss(
    outputs: Float[Tensor, "b num_classes h w"], targets: Int64[Tensor, "b h w"], ignore_index: int = 255
) -> Float[Tensor, ""]:
    """Return the mean cross-entropy over the pixels that count."""
    raise NotImplementedError
