"""A tiny network for optical flow.

The smallest network of the FlowNetS kind: two images are stacked along the channels, convolutions with
ReLU make the map eight times smaller and see a wider and wider part of the images, and one transposed
convolution brings it back to the full size. Write the module, whose constructor takes no argument:

    img1, img2    [B, 3, H, W] each    H and W are multiples of 8
    stacked       [B, 6, H, W]         img1 first
    convolution   [B, 32, H/2, W/2]    kernel 7, stride 2, padding 3, then ReLU
    convolution   [B, 64, H/4, W/4]    kernel 5, stride 2, padding 2, then ReLU
    convolution   [B, 64, H/8, W/8]    kernel 3, stride 2, padding 1, then ReLU
    transposed    [B, 2, H, W]         kernel 16, stride 8, padding 4, and nothing after it

* The result is the flow (u, v) from img1 to img2. It has either sign, so the last layer stays linear;
  the others must not, or the whole network would be one affine function of the pixels.
* Every layer has a bias. The parameters are 130,402 numbers in all. Attributes may have any names.
* A batch of one pair keeps its batch axis. Images hold any real numbers and stay as they are.
* The network is to be trained: gradients reach every parameter and both images. It behaves alike in
  training and in evaluation mode.

Example: a transposed convolution makes (n - 1) * stride - 2 * padding + kernel out of n. For H = 224 the
map has 224 / 8 = 28 rows at its smallest, and 27 * 8 - 2 * 4 + 16 = 224 again at the end. After a single
convolution of stride 2 there are 112 rows, of which the same layer makes 111 * 8 - 2 * 4 + 16 = 896.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class TinyFlowNet(nn.Module):
    """Three strided convolutions and one transposed convolution."""

    def __init__(self):
        super().__init__()
        raise NotImplementedError

    def forward(
        self, img1: Float[Tensor, "b 3 h w"], img2: Float[Tensor, "b 3 h w"]
    ) -> Float[Tensor, "b 2 h w"]:
        """Return the flow from img1 to img2."""
        raise NotImplementedError
