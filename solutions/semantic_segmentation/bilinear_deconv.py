"""A transposed convolution that interpolates bilinearly.

Fully convolutional networks enlarge their score maps with transposed convolutions that start out as
bilinear interpolation. bilinear_deconv(ch, f) returns such a layer: an nn.ConvTranspose2d that enlarges
ch channels by the factor f, each channel by itself.

* f is even and at least 2, ch at least 1. You need not check that.
* The layer has ch input and ch output channels in ch groups, a kernel of 2f x 2f, stride f, padding
  f / 2, no output padding, dilation 1 and no bias. It makes [B, ch, f * h, f * w] of [B, ch, h, w].
* Its weight, in torch's shape [ch, 1, 2f, 2f], is the same for every channel:

      weight[i, j] = (1 - |i - c| / f) * (1 - |j - c| / f),    c = f - 0.5,    i, j = 0 .. 2f - 1

  The centre c of an even kernel lies between two taps. The weights of one channel sum to f^2: the stamps
  of neighbouring pixels overlap, and at each output pixel what meets there sums to 1.
* Its output equals F.interpolate(x, scale_factor=f, mode="bilinear", align_corners=False), but not near
  the border: in the outer f / 2 pixels interpolate repeats the border's values, the layer reads zeros.
* Return nn.ConvTranspose2d itself, not a class derived from it, with the weight as its parameter, in
  float32. Whether the weight may be trained (requires_grad) is up to you.

Example: for f = 2 the row of factors is 0.25, 0.75, 0.75, 0.25, so that a corner of the kernel is 0.0625
and each of its four middle weights is 0.5625.
"""

import torch
from torch import nn
from torch.nn import functional as F

from grader import right, wrong

LEVEL = 2
MINUTES = 20
HINTS = (
    "The kernel is a product of the same row of factors along both axes: a triangle, sampled between its "
    "peak and its feet.",
    "Work out the 2f factors first and take their outer product. In a grouped layer every group has a "
    "weight of shape [1, 2f, 2f], so all of them can be filled with one kernel.",
    "Take the tap numbers 0 to 2f - 1, their distances from f - 0.5, and one minus each distance in units "
    "of f. Build the layer with as many groups as channels and no bias, and copy the outer product into "
    "its weight without recording a graph; broadcasting reaches every channel.",
)


def bilinear_deconv(ch: int, f: int) -> nn.ConvTranspose2d:
    """Return a layer that enlarges each of ch channels by the even factor f, bilinearly."""
    deconv = nn.ConvTranspose2d(ch, ch, 2 * f, stride=f, padding=f // 2, groups=ch, bias=False)
    row = 1 - (torch.arange(2 * f) - (f - 0.5)).abs() / f  # 2f
    with torch.no_grad():
        deconv.weight.copy_(row[:, None] * row)  # ch 1 2f 2f
    return deconv


@right("with loops, from the formula")
def looped(ch, f):
    deconv = nn.ConvTranspose2d(
        ch, ch, kernel_size=(2 * f, 2 * f), stride=(f, f), padding=f // 2, groups=ch, bias=False
    )
    c = f - 0.5
    for i in range(2 * f):
        for j in range(2 * f):
            deconv.weight.data[:, 0, i, j] = (1 - abs(i - c) / f) * (1 - abs(j - c) / f)
    return deconv


@right("by interpolating a single bright pixel, whose image is the stamp")
def impulse(ch, f):
    x = torch.zeros(1, 1, 3, 3)
    x[0, 0, 1, 1] = 1
    stamp = F.interpolate(x, scale_factor=f, mode="bilinear", align_corners=False)
    deconv = nn.ConvTranspose2d(ch, ch, 2 * f, f, f // 2, 0, ch, False)
    deconv.weight = nn.Parameter(stamp[..., f // 2 : -(f // 2), f // 2 : -(f // 2)].repeat(ch, 1, 1, 1))
    return deconv


@right("with the kernel of the FCN paper's code, frozen")
def paper(ch, f):
    k = 2 * f
    factor = (k + 1) // 2
    centre = factor - 1 if k % 2 == 1 else factor - 0.5
    y, x = torch.meshgrid(torch.arange(k).double(), torch.arange(k).double(), indexing="ij")
    kernel = (1 - (y - centre).abs() / factor) * (1 - (x - centre).abs() / factor)
    deconv = nn.ConvTranspose2d(ch, ch, k, stride=f, padding=(k - f) // 2, groups=ch, bias=False)
    deconv.load_state_dict({"weight": kernel.float().expand(ch, 1, k, k)})
    return deconv.requires_grad_(False)


@right("as a climb and its mirror image")
def mirrored(ch, f):
    climb = torch.linspace(0.5 / f, 1 - 0.5 / f, f)
    row = torch.cat([climb, climb.flip(0)])
    deconv = nn.ConvTranspose2d(ch, ch, 2 * f, f, padding=f // 2, groups=ch, bias=False)
    deconv.weight.data[:] = torch.outer(row, row)
    return deconv


def _row(f, centre=None, unit=None, taps=None):
    """Return the factors of a triangle, for the versions below."""
    centre, unit = f - 0.5 if centre is None else centre, unit or f
    return 1 - (torch.arange(taps or 2 * f) - centre).abs() / unit


def _filled(ch, f, kernel, padding=None):
    """Return a grouped layer whose channels all have the given kernel."""
    padding = f // 2 if padding is None else padding
    deconv = nn.ConvTranspose2d(ch, ch, len(kernel), stride=f, padding=padding, groups=ch, bias=False)
    deconv.weight.data[:] = kernel.float()
    return deconv


@wrong("centres the kernel on a tap, at f, as if it were odd")
def centre_f(ch, f):
    row = _row(f, centre=f)
    return _filled(ch, f, torch.outer(row, row))


@wrong("centres the kernel at f - 1, the middle of an odd one")
def centre_below(ch, f):
    row = _row(f, centre=f - 1)
    return _filled(ch, f, torch.outer(row, row))


@wrong("measures distances in units of f - 0.5, so that the outermost weights are zero")
def other_unit(ch, f):
    row = _row(f, unit=f - 0.5)
    return _filled(ch, f, torch.outer(row, row))


@wrong("measures distances in kernels instead of strides, so that the triangle is too flat")
def in_kernels(ch, f):
    row = _row(f, unit=2 * f)
    return _filled(ch, f, torch.outer(row, row))


@wrong("scales the weights so that they sum to 1, which darkens the image by f squared")
def sums_to_one(ch, f):
    row = _row(f)
    return _filled(ch, f, torch.outer(row, row) / f**2)


@wrong("scales the largest weight to 1")
def peak_one(ch, f):
    row = _row(f)
    return _filled(ch, f, torch.outer(row, row) / row.max() ** 2)


@wrong("adds the factors of row and column where it should multiply them")
def averaged(ch, f):
    row = _row(f)
    return _filled(ch, f, (row[:, None] + row) / 2)


@wrong("takes the smaller of the two factors, a pyramid instead of a product")
def pyramid(ch, f):
    row = _row(f)
    return _filled(ch, f, torch.minimum(row[:, None], row))


@wrong("lets the weight fall with the straight distance to the centre, a cone instead of a product")
def cone(ch, f):
    d = torch.arange(2 * f) - (f - 0.5)
    return _filled(ch, f, (1 - torch.hypot(d[:, None], d) / f).clamp(min=0))


@wrong("adds the two distances and subtracts the sum from 1, a diamond instead of a product")
def diamond(ch, f):
    d = (torch.arange(2 * f) - (f - 0.5)).abs() / f
    return _filled(ch, f, (1 - d[:, None] - d).clamp(min=0))


@wrong("interpolates along the columns alone and repeats along the rows")
def one_axis(ch, f):
    return _filled(ch, f, _row(f).expand(2 * f, 2 * f))


@wrong("stamps squares of ones, which is the nearest neighbour")
def nearest(ch, f):
    row = torch.zeros(2 * f)
    row[f // 2 : f // 2 + f] = 1
    return _filled(ch, f, torch.outer(row, row))


@wrong("leaves the weights at their random start")
def random_start(ch, f):
    return nn.ConvTranspose2d(ch, ch, 2 * f, stride=f, padding=f // 2, groups=ch, bias=False)


@wrong("fills the first channel only")
def first_channel(ch, f):
    deconv = nn.ConvTranspose2d(ch, ch, 2 * f, stride=f, padding=f // 2, groups=ch, bias=False)
    deconv.weight.data[0, 0] = torch.outer(_row(f), _row(f))
    return deconv


@wrong("puts the kernel into every pair of channels, so that all channels are added together")
def mixing(ch, f):
    deconv = nn.ConvTranspose2d(ch, ch, 2 * f, stride=f, padding=f // 2, bias=False)
    deconv.weight.data[:] = torch.outer(_row(f), _row(f))
    return deconv


@wrong("has a dense weight with zeros between different channels, ch times as many parameters as asked for")
def dense(ch, f):
    deconv = nn.ConvTranspose2d(ch, ch, 2 * f, stride=f, padding=f // 2, bias=False)
    deconv.weight.data = torch.eye(ch)[:, :, None, None] * torch.outer(_row(f), _row(f))
    return deconv


@wrong("leaves the layer its bias")
def with_bias(ch, f):
    deconv = nn.ConvTranspose2d(ch, ch, 2 * f, stride=f, padding=f // 2, groups=ch)
    deconv.weight.data[:] = torch.outer(_row(f), _row(f))
    return deconv


@wrong("does not pad, and so returns f pixels too many")
def no_padding(ch, f):
    return _filled(ch, f, torch.outer(_row(f), _row(f)), padding=0)


@wrong("pads by f - 1, which is f / 2 for a factor of 2 only")
def one_less(ch, f):
    return _filled(ch, f, torch.outer(_row(f), _row(f)), padding=f - 1)


@wrong("chooses an odd kernel of 2f - 1, to have a tap in the middle")
def odd_kernel(ch, f):
    row = _row(f, centre=f - 1, taps=2 * f - 1)
    return _filled(ch, f, torch.outer(row, row), padding=(f - 1) // 2)


@wrong("builds the weight in float64, and leaves it so")
def double(ch, f):
    deconv = _filled(ch, f, torch.outer(_row(f), _row(f)))
    return deconv.double()


@wrong("returns an upsampling layer that calls interpolate")
def upsample(ch, f):
    return nn.Upsample(scale_factor=f, mode="bilinear", align_corners=False)


@wrong("returns the kernel instead of the layer")
def kernel_alone(ch, f):
    return torch.outer(_row(f), _row(f)).expand(ch, 1, 2 * f, 2 * f).clone()
