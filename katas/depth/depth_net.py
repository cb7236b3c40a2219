"""A whole depth network and its loss.

The network gives every pixel of an image its depth in metres. For images of any height H and width W:

    x          [B, 3, H, W]
    encode     [B, feat_ch, h, w]    the backbone's map; h and w depend on H, W and its stride
    decode     [B, 1, H, W]          from the map and size = (H, W), in three steps:
                 [B, 1, h, w]          one 1x1 convolution, with bias
                 [B, 1, H, W]          bilinear resizing to size, align_corners=False
                 [B, 1, H, W]          softplus + 1e-3
    forward    [B, 1, H, W]          the depths, at the size of the image

* DepthNet has the methods encode(x), decode(features, size) and forward(x); forward uses the other two.
* size is a tuple of two ints, height first. decode returns depths of that size for a map of any size:
  larger, smaller (without antialiasing) or the same. A transposed convolution that turns every row of
  the map into 8 makes 56 rows, not 224, out of the 7 that a backbone of stride 32 leaves.
* The softplus, log(1 + exp(x)), follows the resizing and must not overflow. Depths are positive whatever
  the features are, and have no upper bound.
* The backbone is handed in and belongs to the model: it is trained, and its mode follows the model's.
  Apart from it there are feat_ch + 1 parameters. Attributes may have any name.

depth_loss(outputs, targets) = mean of |outputs - targets| over the valid pixels:

* outputs and targets are [B, 1, H, W], depths in metres. A pixel is valid where its target is above 0,
  however little, and finite. The mean is over all valid pixels of the batch together.
* The other pixels are holes, and their targets may be anything: 0, negative, NaN, infinite. Nothing of
  them reaches the loss or a gradient: NaN times 0 is still NaN.
* targets of another shape than outputs raise ValueError, [B, H, W] too: the difference would broadcast
  to [B, B, H, W] and give a wrong number.
* When no pixel is valid the loss is 0 and still connected to the graph of outputs.
* The result is a 0-d tensor whose gradients reach outputs. The inputs stay as they are.

Example: feat_ch = 512 adds 513 parameters to those of the backbone. Outputs (1, 2, 3, 4) and targets
(2, 0, NaN, 7) have two valid pixels, with errors 1 and 3: the loss is 2.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class DepthNet(nn.Module):
    """Backbone, 1x1 convolution, bilinear resizing, softplus."""

    def __init__(self, backbone: nn.Module, feat_ch: int):
        super().__init__()
        raise NotImplementedError

    def encode(self, x: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b feat_ch hs ws"]:
        """Return the backbone's map."""
        raise NotImplementedError

    def decode(
        self, features: Float[Tensor, "b feat_ch hs ws"], size: tuple[int, int]
    ) -> Float[Tensor, "b 1 h w"]:
        """Return the depths of a map at size (H, W)."""
        raise NotImplementedError

    def forward(self, x: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 1 h w"]:
        """Return the depth of every pixel."""
        raise NotImplementedError


def depth_loss(outputs: Float[Tensor, "b 1 h w"], targets: Float[Tensor, "b 1 h w"]) -> Float[Tensor, ""]:
    """Return the mean absolute error over the valid pixels."""
    raise NotImplementedError
