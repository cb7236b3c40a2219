"""A whole convolutional autoencoder for anomaly detection, and its loss.

The network squeezes an image through a narrow code and reconstructs it. Trained on normal images only,
it learns a code for what is normal, and reconstructs defects badly. For images of any height H and
width W:

    x          [B, 3, H, W]
    encode     [B, latent, h, w]        h = ceil(H / 8), w = ceil(W / 8); in five steps:
                 [B, 3, 8h, 8w]           rows below and columns on the right, copies of the last ones
                 [B, width, 4h, 4w]       down
                 [B, 2 width, 2h, 2w]     down
                 [B, 4 width, h, w]       down
                 [B, latent, h, w]        one 1x1 convolution: the code z
    decode     [B, 3, H, W]             from the code and size = (H, W), in five steps:
                 [B, 4 width, h, w]       one 1x1 convolution, then ReLU
                 [B, 2 width, 2h, 2w]     up
                 [B, width, 4h, 4w]       up
                 [B, 3, 8h, 8w]           a 4x4 transposed convolution, stride 2, padding 1, then sigmoid
                 [B, 3, H, W]             the first H rows and W columns of that
    forward    the tuple (x_hat, z): the reconstruction [B, 3, H, W] and the code [B, latent, h, w]

* down is a 4x4 convolution with stride 2 and zero padding 1, then batch normalisation, then ReLU. up is
  the same with a transposed convolution in place of the convolution.
* ConvAutoencoder has the methods encode(x), decode(z, size) and forward(x); forward uses the other two.
  size is a tuple of two ints, height first, at most (8h, 8w).
* Sizes that are multiples of 8 need no rows or columns added. Without them three strides turn 100 rows
  into 12 and come back with 96. Do not stretch x_hat instead: every pixel is compared with its own.
* Every convolution has a bias. Batch normalisation is as torch has it by default: with scale and shift,
  eps 1e-5, running statistics with momentum 0.1, used in evaluation mode. Score images in that mode, or
  a defect changes the reconstruction of its neighbours in the batch.
* No ReLU and no normalisation after the code, and no way around it: nothing but z and size reaches
  decode. Attributes may have any name and any order. x stays as it is. H and W are at least 1. All
  tensors are on the CPU.

reconstruction_loss(outputs, targets) = mean of (x_hat - targets)^2 over all numbers of the batch:

* outputs is the tuple (x_hat, z) that forward gives; targets are images [B, 3, H, W], of the shape of
  x_hat. z is not part of the loss. For a plain autoencoder targets is x itself, for a denoising one the
  clean image.
* The result is a 0-d tensor whose gradients reach x_hat. The inputs stay as they are.

Example: with latent = 16 and width = 32 there are 335,955 parameters. Images of 128 x 128 have codes of
16 x 16 x 16, 12 times fewer numbers; images of 100 x 130 have codes of 16 x 13 x 17. A reconstruction of
0.5 everywhere has the loss 0.25 for a black image, and 0 for a grey one of 0.5.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class ConvAutoencoder(nn.Module):
    """Encoder to a narrow code, decoder back to the image."""

    def __init__(self, latent: int, width: int):
        super().__init__()
        raise NotImplementedError

    def encode(self, x: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b latent hs ws"]:
        """Return the code of images of any size."""
        raise NotImplementedError

    def decode(self, z: Float[Tensor, "b latent hs ws"], size: tuple[int, int]) -> Float[Tensor, "b 3 h w"]:
        """Return the reconstruction of that size."""
        raise NotImplementedError

    def forward(
        self, x: Float[Tensor, "b 3 h w"]
    ) -> tuple[Float[Tensor, "b 3 h w"], Float[Tensor, "b latent hs ws"]]:
        """Return the reconstruction and the code."""
        raise NotImplementedError


def reconstruction_loss(
    outputs: tuple[Float[Tensor, "b 3 h w"], Float[Tensor, "b latent hs ws"]],
    targets: Float[Tensor, "b 3 h w"],
) -> Float[Tensor, ""]:
    """Return the mean squared error of the reconstruction."""
    raise NotImplementedError
