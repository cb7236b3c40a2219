"""A whole inpainting network, and its loss.

The network sees an image with a hole and a mask that says where, and fills the hole. A mask is 1 where a
pixel is known and 0 in the hole: a float tensor [B, 1, H, W] that holds nothing else. For images of any
height H and width W, with h = ceil(H / 8) and w = ceil(W / 8):

    img, m     [B, 3, H, W], [B, 1, H, W]
    encode     from img and m the tuple (x1, x2, x3), in five steps:
                 [B, 4, H, W]             the channels of img * m, then m
                 [B, 4, 8h, 8w]           rows below and columns on the right, all hole: zeros everywhere
                 x1 [B, ch, 4h, 4w]       down
                 x2 [B, 2 ch, 2h, 2w]     down
                 x3 [B, 4 ch, h, w]       down
    middle     [B, 4 ch, h, w]          from x3: dilated 2, dilated 4, dilated 8, one after another
    decode     raw [B, 3, H, W]         from x1, x2, y = what middle gives, and size = (H, W):
                 [B, 2 ch, 2h, 2w]        y up
                 [B, 4 ch, 2h, 2w]        that and x2 joined, x2 last
                 [B, ch, 4h, 4w]          up
                 [B, 2 ch, 4h, 4w]        that and x1 joined, x1 last
                 [B, 3, 8h, 8w]           a transposed convolution as in up, but then sigmoid
                 [B, 3, H, W]             the first H rows and W columns of that
    forward    the tuple (raw, composite), both [B, 3, H, W]

* down is a 4x4 convolution with stride 2 and zero padding 1, then LeakyReLU of slope 0.2. up is a 4x4
  transposed convolution with stride 2 and padding 1, then ReLU. dilated d is a 3x3 convolution with
  dilation d and zero padding d, then ReLU; all three have 4 ch channels before and after. Every
  convolution has a bias. There is no normalisation.
* The composite is the image where it is known, bit for bit, and raw in the hole. It is part of the
  graph. img need not stay within [0, 1]; nothing is clamped.
* What img holds in the hole is finite and has no effect, neither on raw nor on the composite.
* InpaintUNet(ch=64) has the methods encode(img, m), middle(x3), decode(x1, x2, y, size) and
  forward(img, m); forward uses the other three. size is a tuple of two ints, height first. middle and
  decode take maps of any size that fit together.
* Sizes that are multiples of 8 need no rows or columns added. H and W are at least 1. Attributes may
  have any name and any order. img and m stay as they are. All tensors have the module's dtype, float32
  or float64, and are on the CPU.

inpaint_loss(raw, img, m, w_hole=6.0, w_valid=1.0) compares the raw output with the true image img, whose
hole is known here: with N = B * 3 * H * W, the number of numbers in img,

    hole  = sum of |raw - img| in the hole / N
    valid = sum of |raw - img| where known / N
    loss  = w_hole * hole + w_valid * valid

* Both are divided by N, not by their own number of pixels. No hole, or nothing known, is not special.
* The result is a 0-d tensor whose gradients reach raw, also where the image is known: there raw learns
  what it can be compared with. Where raw is img the gradient is 0, as torch has it for the absolute
  value at 0. The inputs stay as they are.

Example: with ch = 64 there are 3,222,915 parameters. An image of 100 x 130 is filled up to 104 x 136,
and x3 is [1, 256, 13, 17]; each number of what middle gives looks at 246 x 246 pixels. With raw = 0.5
everywhere, a black image and a quarter of it hole, hole = 0.125, valid = 0.375, and the loss is 1.125.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class InpaintUNet(nn.Module):
    """Encoder, dilated middle and decoder with two skips."""

    def __init__(self, ch: int = 64):
        super().__init__()
        raise NotImplementedError

    def encode(
        self, img: Float[Tensor, "b 3 h w"], m: Float[Tensor, "b 1 h w"]
    ) -> tuple[Float[Tensor, "b ch h1 w1"], Float[Tensor, "b 2*ch h2 w2"], Float[Tensor, "b 4*ch h3 w3"]]:
        """Return the maps at a half, a quarter and an eighth of the size."""
        raise NotImplementedError

    def middle(self, x3: Float[Tensor, "b 4*ch h3 w3"]) -> Float[Tensor, "b 4*ch h3 w3"]:
        """Return the smallest map after it has looked far around."""
        raise NotImplementedError

    def decode(
        self,
        x1: Float[Tensor, "b ch h1 w1"],
        x2: Float[Tensor, "b 2*ch h2 w2"],
        y: Float[Tensor, "b 4*ch h3 w3"],
        size: tuple[int, int],
    ) -> Float[Tensor, "b 3 h w"]:
        """Return the raw image of that size."""
        raise NotImplementedError

    def forward(
        self, img: Float[Tensor, "b 3 h w"], m: Float[Tensor, "b 1 h w"]
    ) -> tuple[Float[Tensor, "b 3 h w"], Float[Tensor, "b 3 h w"]]:
        """Return the raw output, and the image with its hole filled."""
        raise NotImplementedError


def inpaint_loss(
    raw: Float[Tensor, "b 3 h w"],
    img: Float[Tensor, "b 3 h w"],
    m: Float[Tensor, "b 1 h w"],
    w_hole: float = 6.0,
    w_valid: float = 1.0,
) -> Float[Tensor, ""]:
    """Return the weighted absolute error of the hole and of what is known."""
    raise NotImplementedError
