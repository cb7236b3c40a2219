"""A Fourier unit.

A hole larger than the receptive field has no known pixel to copy from. The Fourier unit of fast Fourier
convolutions (LaMa) sees the whole image in one layer: it goes to the frequencies, works on each of them
alone with a 1x1 convolution, and comes back. FourierUnit(c) takes maps x [B, c, H, W] and returns maps
of the same shape:

    x         [B, c, H, W]        real
    spectrum  [B, c, H, W2]       complex, W2 = W // 2 + 1: each channel's real 2-D Fourier transform
    as reals  [B, 2c, H, W2]      the real parts of all c channels, then the imaginary parts of all c
    mixed     [B, 2c, H, W2]      one 1x1 convolution from 2c to 2c channels with bias, then ReLU
    spectrum  [B, c, H, W2]       complex: the first c channels real parts, the last c imaginary parts
    y         [B, c, H, W]        the inverse transform, real again, of exactly this H and W

* Both transforms are those of torch.fft for real images (rfft2 and irfft2) over the last two axes, with
  norm="ortho": a factor 1 / sqrt(H W) in both directions. W is the axis of which half is kept: with r, s
  the frequencies,

    spectrum[r, s] = sum over h, w of x[h, w] exp(-2 pi i (r h / H + s w / W)) / sqrt(H W)

* Coming back, the columns of frequencies beyond W // 2 are the complex conjugates of those that are
  kept. What the convolution makes of column 0, and for even W of the last one, need not be the spectrum
  of a real image. Then as torch.fft.irfft2 has it:

    y[h, w] = real part of the sum over r, s of a(s) z[r, s] exp(2 pi i (r h / H + s w / W)) / sqrt(H W)

  with s from 0 to W // 2; a(s) = 1 in those two columns and 2 in the others, once for each conjugate.
* H and W are at least 1, even or odd. 7 and 6 columns both have 4 frequencies: tell the inverse which.
* The convolution is all that has parameters, 4 c^2 + 2 c of them, the same for every size. No
  normalisation, and nothing is added to y. Attributes may have any name.
* y has the dtype of x, float32 or float64, that of the module. Gradients reach x and the parameters. x
  stays as it is. All tensors are on the CPU.

Example: for c = 1 the image [[1, 2, 3]] has the spectrum [[6, -1.5 + 0.866i]] / sqrt(3). If the
convolution copies (weights 1 on the diagonal, bias 0), ReLU sets the -1.5 to 0: y = [[2, 1.5, 2.5]].
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class FourierUnit(nn.Module):
    """A 1x1 convolution on the frequencies of the whole image."""

    def __init__(self, c: int):
        super().__init__()
        raise NotImplementedError

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """Return maps in which every pixel has seen every other."""
        raise NotImplementedError
