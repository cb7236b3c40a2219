"""Image classifier on a backbone that is handed in.

The model has three stages, for images of any height H and width W:

    x         [B, 3, H, W]
    backbone  [B, feat_ch, h, w]    h and w depend on H, W and the backbone's stride
    pooled    [B, feat_ch]          mean over the h x w positions of each channel
    fc        [B, num_classes]      one linear layer, with bias

* Return logits: no softmax, no sigmoid. The loss works on logits.
* h and w may be any sizes, also different ones, also 1 x 1; memory may be channels-last.
* A batch of one image keeps its batch axis: the result is [1, num_classes].
* The backbone is part of the model: its parameters are trained, and its mode (train, eval) follows the
  model's. Apart from it there are feat_ch * num_classes + num_classes parameters. Attributes may have
  any name.

Example: feat_ch = 512 and num_classes = 10 add 5,130 parameters to those of the backbone.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class ImageClassifier(nn.Module):
    """Backbone, global average pooling, linear layer."""

    def __init__(self, backbone: nn.Module, feat_ch: int, num_classes: int):
        super().__init__()
        raise NotImplementedError

    def forward(self, x: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b num_classes"]:
        """Return the logits of a batch of images."""
        raise NotImplementedError
