"""Image classifier on a backbone that is handed in, and its loss.

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

classification_loss(outputs, targets) = mean cross-entropy of the batch:

* outputs are logits [B, num_classes], targets the true classes [B] (long), from 0 to num_classes - 1.
  With z the logits of an image and t its class, its loss is log(sum over k of exp(z_k)) - z_t.
* Logits may be in the hundreds; the loss and its gradient stay finite and right.
* B is at least 1. The result is a 0-d tensor whose gradients reach outputs. The inputs stay as they are.

Example: feat_ch = 512 and num_classes = 10 add 5,130 parameters to those of the backbone. Ten equal
logits have the loss log 10 = 2.303. A model that ends in a softmax can never bring this loss below
1.461, log(9 + e) - 1, however sure it is and right.
"""

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn


class ImageClassifier(nn.Module):
    """Backbone, global average pooling, linear layer."""

    def __init__(self, backbone: nn.Module, feat_ch: int, num_classes: int):
        super().__init__()
        raise NotImplementedError

    def forward(self, x: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b num_classes"]:
        """Return the logits of a batch of images."""
        raise NotImplementedError


def classification_loss(
    outputs: Float[Tensor, "b num_classes"], targets: Int64[Tensor, " b"]
) -> Float[Tensor, ""]:
    """Return the mean cross-entropy of the batch."""
    raise NotImplementedError
