"""Sizes of a transposed convolution.

A decoder has to arrive at the size of the image, to the pixel, so its sizes are worth computing before
the first training run. Both functions speak of one axis of nn.ConvTranspose2d; the other axis is alike.

conv_transpose_out(n, k, s, p, op=0, d=1) returns how many pixels come out when n pixels go in:

* Every input pixel stamps a kernel of k taps onto the output; each stamp starts s pixels (the stride)
  after the one before it. Stamps that overlap are summed.
* Dilation d: neighbouring taps of a kernel lie d pixels apart, so d = 1 is the ordinary, dense kernel.
* Padding p takes pixels away: p at the start and p at the end.
* Output padding op adds op pixels, at the end alone.

deconv_for_factor(f) returns the tuple (k, s, p) of the layer with kernel k = 2 * f that multiplies every
size by exactly f: n pixels become f * n for every n. It has no output padding, and dilation 1.

* f is even and at least 2. n, k, s and d are at least 1, p and op at least 0, and the result is at
  least 1. You need not check any of that.
* All arguments and results are ints: a float is refused, even a whole one such as 4.0.

Examples: conv_transpose_out(3, 4, 2, 1) = 6, and with op=1 it is 7.
conv_transpose_out(2, 3, 2, 0, d=3) = 9: the taps of the two stamps lie at 0, 3, 6 and at 2, 5, 8.
deconv_for_factor(2) = (4, 2, 1).
"""

import torch


def conv_transpose_out(n: int, k: int, s: int, p: int, op: int = 0, d: int = 1) -> int:
    """Return the size of a transposed convolution's output for n input pixels."""
    raise NotImplementedError


def deconv_for_factor(f: int) -> tuple[int, int, int]:
    """Return (k, s, p) of the layer with k = 2f that multiplies every size by exactly f."""
    raise NotImplementedError
