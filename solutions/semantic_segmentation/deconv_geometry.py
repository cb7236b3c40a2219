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
from torch import nn
from torch.nn import functional as F

from grader import right, wrong

LEVEL = 1
MINUTES = 10
HINTS = (
    "Take a ruler: where does the first stamp start, where does the last one, how far does that reach?",
    "The last of n stamps starts n - 1 strides after the first. A dense stamp of k taps covers k pixels; in "
    "a dilated one each of the k - 1 steps from tap to tap is d long. For the second function, put k = 2f "
    "and s = f into your formula and ask which p leaves f times n.",
    "Strides times one less than the pixels, plus the stamp's reach, less the padding twice, plus the "
    "output padding. With a kernel of two strides the stamps cover one stride too much: half of it has to "
    "go at either end.",
)


def conv_transpose_out(n: int, k: int, s: int, p: int, op: int = 0, d: int = 1) -> int:
    """Return the size of a transposed convolution's output for n input pixels."""
    last = (n - 1) * s  # where the last stamp starts
    reach = d * (k - 1) + 1  # how many pixels a stamp spans
    return last + reach - 2 * p + op


def deconv_for_factor(f: int) -> tuple[int, int, int]:
    """Return (k, s, p) of the layer with k = 2f that multiplies every size by exactly f."""
    return 2 * f, f, f // 2


@right("by asking torch itself on an empty device, and with the padding as half of what is too much")
def measured(n, k, s, p, op=0, d=1):
    x, w = torch.empty(1, 1, n, device="meta"), torch.empty(1, 1, k, device="meta")
    if op >= max(s, d):  # torch refuses it, though the size is clear
        return measured(n, k, s, p, 0, d) + op
    return F.conv_transpose1d(x, w, stride=s, padding=p, output_padding=op, dilation=d).shape[-1]


@right("by marking every pixel that a stamp touches")
def stamped(n, k, s, p, op=0, d=1):
    touched = {i * s + tap * d for i in range(n) for tap in range(k)}
    return max(touched) + 1 - p - p + op


@right("as the input of the convolution that leads back to n", also={"deconv_for_factor": "_solved"})
def inverted(n, k, s, p, op=0, d=1):
    effective = k + (k - 1) * (d - 1)
    return s * n - s + effective - 2 * p + op


def _solved(f):
    k, s = f * 2, f
    return [k, s, (k - s) >> 1]


@wrong("uses the formula of the ordinary convolution, which makes maps smaller")
def convolution(n, k, s, p, op=0, d=1):
    return (n + 2 * p - d * (k - 1) - 1) // s + 1 + op


@wrong("counts n strides between n stamps, where there are only n - 1")
def one_stride_more(n, k, s, p, op=0, d=1):
    return n * s - 2 * p + d * (k - 1) + op + 1


@wrong("adds the padding, as an ordinary convolution does to its input")
def padding_added(n, k, s, p, op=0, d=1):
    return (n - 1) * s + 2 * p + d * (k - 1) + op + 1


@wrong("takes the padding away at one end only")
def padded_once(n, k, s, p, op=0, d=1):
    return (n - 1) * s - p + d * (k - 1) + op + 1


@wrong("ignores the output padding")
def no_output_padding(n, k, s, p, op=0, d=1):
    return conv_transpose_out(n, k, s, p, 0, d)


@wrong("adds the output padding at both ends")
def output_padding_twice(n, k, s, p, op=0, d=1):
    return conv_transpose_out(n, k, s, p, 2 * op, d)


@wrong("takes the output padding away instead of adding it")
def output_padding_away(n, k, s, p, op=0, d=1):
    return conv_transpose_out(n, k, s, p, -op, d)


@wrong("ignores the dilation")
def no_dilation(n, k, s, p, op=0, d=1):
    return conv_transpose_out(n, k, s, p, op)


@wrong("multiplies the whole kernel by the dilation, where only the gaps between its taps grow")
def kernel_times_dilation(n, k, s, p, op=0, d=1):
    return (n - 1) * s - 2 * p + d * k + op


@wrong("adds the dilation to the kernel once, as if it widened one gap and not all of them")
def one_gap(n, k, s, p, op=0, d=1):
    return (n - 1) * s - 2 * p + k + d - 1 + op


@wrong("counts the gaps of the kernel but not the last pixel, and so is one short")
def one_short(n, k, s, p, op=0, d=1):
    return (n - 1) * s - 2 * p + d * (k - 1) + op


@wrong("puts d pixels between the taps instead of d - 1")
def gaps_too_wide(n, k, s, p, op=0, d=1):
    return conv_transpose_out(n, k, s, p, op, d + 1)


@wrong("adds one pixel of output padding when none is asked for")
def other_default(n, k, s, p, op=1, d=1):
    return conv_transpose_out(n, k, s, p, op, d)


@wrong("lets the stride stretch the output padding as well")
def output_padding_strided(n, k, s, p, op=0, d=1):
    return conv_transpose_out(n, k, s, p, s * op, d)


@wrong("multiplies by the stride and takes no notice of kernel and padding")
def stride_alone(n, k, s, p, op=0, d=1):
    return n * s + op


@wrong("never takes anything away: no padding for the layer", of="deconv_for_factor")
def no_padding(f):
    return 2 * f, f, 0


@wrong("pads by a whole stride, and so loses a stride in all", of="deconv_for_factor")
def whole_stride(f):
    return 2 * f, f, f


@wrong("takes the padding 1 of the common (4, 2, 1) layer for every factor", of="deconv_for_factor")
def padding_one(f):
    return 2 * f, f, 1


@wrong("pads by f - 1, which is right for a factor of 2 only", of="deconv_for_factor")
def one_less(f):
    return 2 * f, f, f - 1


@wrong(
    "chooses a kernel of f without overlap, which hits the size but is not the layer asked for",
    of="deconv_for_factor",
)
def no_overlap(f):
    return f, f, 0


@wrong("chooses an odd kernel, to have a middle tap, and is a pixel off", of="deconv_for_factor")
def odd_kernel(f):
    return 2 * f - 1, f, (f - 1) // 2


@wrong("returns kernel, padding, stride: the last two are exchanged", of="deconv_for_factor")
def other_order(f):
    return 2 * f, f // 2, f


@wrong("returns the output padding as a fourth number", of="deconv_for_factor")
def four_numbers(f):
    return 2 * f, f, f // 2, 0


@wrong("returns a layer instead of its numbers", of="deconv_for_factor")
def a_layer(f):
    return nn.ConvTranspose2d(1, 1, 2 * f, stride=f, padding=f // 2)


@wrong("always doubles, whatever the factor", of="deconv_for_factor")
def doubling(f):
    return 4, 2, 1
