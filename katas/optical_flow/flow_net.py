"""A whole network for optical flow and its loss.

The network is Siamese: both images go through the same backbone, and two convolutions compare the maps.
With u the motion to the right and v the one downwards, for images of any height H and width W:

    img1, img2    [B, 3, H, W] each
    encode        [B, feat_ch, h, w]    the backbone's map of one image
    estimate      [B, 2, h, w]          from both maps, the flow (u, v) in pixels of the map:
                    [B, 2 * feat_ch, h, w]  both maps along the channels, that of img1 first
                    [B, feat_ch, h, w]      3x3 convolution, 1 of zero padding, then ReLU
                    [B, 2, h, w]            3x3 convolution, 1 of zero padding, nothing after it
    resize        [B, 2, H, W]          from a flow and size = (H, W), the flow in pixels of that size
    forward       [B, 2, H, W]          the flow from img1 to img2, in pixels of the images

* FlowNet has the methods encode(x), estimate(first, second), resize(flow, size) and
  forward(img1, img2); forward uses the other three.
* resize takes a flow of any size h x w and resizes it bilinearly, align_corners=False, to size: a tuple
  of two ints, height first. A smaller size is sampled without antialiasing. The same way is more pixels
  of a larger image, so u is then multiplied by W / w and v by H / h. The two ratios need not be equal,
  nor whole.
* Both convolutions have a bias. The backbone is handed in and belongs to the model: it is there once,
  and it is trained through both images. It treats every image by itself, so they may go through it in
  one batch or one after the other. Attributes may have any name. The inputs stay as they are.

flow_loss(outputs, targets, valid, eps=1e-3) = mean over the valid pixels of

    sqrt(du^2 + dv^2 + eps^2)

* outputs and targets are flows [B, 2, H, W], (du, dv) = outputs - targets at a pixel, and the booleans
  valid [B, H, W] say which pixels count. This is the end-point error, but for eps > 0: without it the
  root would have no gradient where the error is 0, and torch would make a NaN of it.
* The mean is over all valid pixels of the batch together. At the others targets may hold anything, NaN
  and infinities too; nothing of it reaches the loss or a gradient.
* When no pixel is valid the loss is 0 and still connected to the graph of outputs.
* The result is a 0-d tensor whose gradients reach outputs. The inputs stay as they are.

Example: feat_ch = 64 adds 74,946 parameters to those of the backbone. A flow of (1.5, 1) on a map of
7 x 8 is (12, 8) for images of 56 x 64. Errors of (3, 4) and (0, 0) have the loss
(5 + 0.001) / 2 = 2.5005.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn


class FlowNet(nn.Module):
    """One backbone for both images, two convolutions, resizing."""

    def __init__(self, backbone: nn.Module, feat_ch: int):
        super().__init__()
        raise NotImplementedError

    def encode(self, x: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b feat_ch hs ws"]:
        """Return the backbone's map of an image."""
        raise NotImplementedError

    def estimate(
        self, first: Float[Tensor, "b feat_ch hs ws"], second: Float[Tensor, "b feat_ch hs ws"]
    ) -> Float[Tensor, "b 2 hs ws"]:
        """Return the flow between two maps, in pixels of the map."""
        raise NotImplementedError

    def resize(self, flow: Float[Tensor, "b 2 hs ws"], size: tuple[int, int]) -> Float[Tensor, "b 2 h w"]:
        """Return the flow at size (H, W), in pixels of that size."""
        raise NotImplementedError

    def forward(
        self, img1: Float[Tensor, "b 3 h w"], img2: Float[Tensor, "b 3 h w"]
    ) -> Float[Tensor, "b 2 h w"]:
        """Return the flow from img1 to img2."""
        raise NotImplementedError


def flow_loss(
    outputs: Float[Tensor, "b 2 h w"],
    targets: Float[Tensor, "b 2 h w"],
    valid: Bool[Tensor, "b h w"],
    eps: float = 1e-3,
) -> Float[Tensor, ""]:
    """Return the mean end-point error over the valid pixels, smoothed by eps."""
    raise NotImplementedError
