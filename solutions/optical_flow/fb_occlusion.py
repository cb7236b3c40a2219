"""Occlusion by the forward-backward check.

Go forward along the flow, then back along the backward flow found where you arrive. Whoever is visible
in both images comes home; whoever does not is occluded.

* fw is the flow from image 1 to image 2, bw the flow from 2 to 1, each on the pixels of its own image.
  Channel 0 is u, the motion to the right, channel 1 is v, the motion downwards, in pixels.
* For the pixel p of image 1, in row y and column x, let q = (x + u, y + v) be where fw leads, and let
  bw' be bw at q, interpolated bilinearly. Pixel centres have whole coordinates: (0, 0) is the centre of
  the upper left pixel, (W - 1, H - 1) that of the lower right one.
* p is occluded if

      |fw + bw'|^2  >  a1 * (|fw|^2 + |bw'|^2) + a2        (squared lengths of 2-vectors)

  or if q lies outside [0, W - 1] x [0, H - 1]. Exactly on the border is inside, a hair beyond
  it is not; equality in the formula is not occluded.
* The result is a bool map [B, 1, H, W], True where p is occluded. So what bw might be outside the image
  does not matter.
* B is at least 1, H and W at least 2. Flows are finite, but may lead far out of the image.
* The inputs stay as they are. All tensors are on the CPU. There is nothing to differentiate.

Example: fw = (2, 0) everywhere, and bw = (-2, 0) everywhere. In a row of 5 pixels the first three come
home (the left-hand side is 0); the last two leave the image and are occluded. With bw = (-1, 0) instead,
the left-hand side is 1 and the right-hand side 0.01 * (4 + 1) + 0.5 = 0.55: all five are occluded.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from grader import right, wrong

LEVEL = 3
MINUTES = 20
HINTS = (
    "The two flows live on different pixel grids: fw(p) and bw(p) belong to different scene points. Where in "
    "bw is the way back of p written?",
    "Sample bw at the points that fw leads to, as a warp would sample an image: both its channels are just "
    "values to interpolate. A round trip that closes gives a sum of zero, not a difference.",
    "grid_sample with align_corners=True wants x scaled by 2 / (W - 1), y by 2 / (H - 1), less 1, as (x, y). "
    "Then: squared length of fw plus the sampled bw, over axis 1 with the axis kept, against the bound; "
    "or-ed with what lies outside, which you find from the coordinates in pixels.",
)


def fb_occlusion(
    fw: Float[Tensor, "b 2 h w"], bw: Float[Tensor, "b 2 h w"], a1: float = 0.01, a2: float = 0.5
) -> Bool[Tensor, "b 1 h w"]:
    """Return where the way along fw and back along bw does not close, or leaves the image."""
    h, w = fw.shape[-2:]
    x, y = torch.arange(w) + fw[:, 0], torch.arange(h)[:, None] + fw[:, 1]
    outside = (x < 0) | (x > w - 1) | (y < 0) | (y > h - 1)
    grid = torch.stack([2 * x / (w - 1) - 1, 2 * y / (h - 1) - 1], dim=-1)  # b h w 2
    back = F.grid_sample(bw, grid, align_corners=True)
    allowed = a1 * (_squared(fw) + _squared(back)) + a2
    return (_squared(fw + back) > allowed) | outside[:, None]


def _squared(flow):
    return flow.square().sum(dim=1, keepdim=True)


def _points(fw):
    h, w = fw.shape[-2:]
    return torch.arange(w) + fw[:, 0], torch.arange(h)[:, None] + fw[:, 1]


def _back(bw, x, y, **how):
    """Sample bw as the reference does, with something changed."""
    h, w = bw.shape[-2:]
    grid = torch.stack([2 * x / (w - 1) - 1, 2 * y / (h - 1) - 1], dim=-1)
    return F.grid_sample(bw, grid, **{"align_corners": True, **how})


def _outside(fw):
    (x, y), (h, w) = _points(fw), fw.shape[-2:]
    return ((x < 0) | (x > w - 1) | (y < 0) | (y > h - 1))[:, None]


def _judged(fw, back, a1, a2):
    return (_squared(fw + back) > a1 * (_squared(fw) + _squared(back)) + a2) | _outside(fw)


@right("pixel by pixel, with plain numbers")
def pixel_by_pixel(fw, bw, a1=0.01, a2=0.5):
    b, _, h, w = fw.shape
    out = torch.zeros(b, 1, h, w, dtype=torch.bool)
    for n in range(b):
        for i in range(h):
            for j in range(w):
                u, v = fw[n, 0, i, j].item(), fw[n, 1, i, j].item()
                x, y = j + u, i + v
                if not (0 <= x <= w - 1 and 0 <= y <= h - 1):
                    out[n, 0, i, j] = True
                    continue
                x0, y0 = min(int(x), w - 2), min(int(y), h - 2)
                s, t = x - x0, y - y0
                p = bw[n, :, y0 : y0 + 2, x0 : x0 + 2].tolist()
                ub, vb = (
                    (1 - t) * ((1 - s) * c[0][0] + s * c[0][1]) + t * ((1 - s) * c[1][0] + s * c[1][1])
                    for c in p
                )
                mismatch = (u + ub) ** 2 + (v + vb) ** 2
                out[n, 0, i, j] = mismatch > float(a1) * (u * u + v * v + ub * ub + vb * vb) + float(a2)
    return out


@right("with clamped points, the border's value outside, and the other convention of grid_sample")
def clamped_points(fw, bw, a1=0.01, a2=0.5):
    h, w = fw.shape[-2:]
    rows, cols = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
    target = torch.stack([cols, rows]) + fw
    last = torch.tensor([w - 1, h - 1]).view(2, 1, 1)
    grid = ((2 * target + 1) / (last + 1) - 1).permute(0, 2, 3, 1)
    back = F.grid_sample(bw, grid, padding_mode="border", align_corners=False)
    closes = ((fw + back) ** 2).sum(1) <= a1 * ((fw**2).sum(1) + (back**2).sum(1)) + a2
    inside = ((target >= 0) & (target <= last)).all(dim=1)
    return ~(closes & inside).unsqueeze(1)


@right("with hat functions and lengths instead of squares")
def hats_and_lengths(fw, bw, a1=0.01, a2=0.5):
    h, w = fw.shape[-2:]
    x, y = _points(fw)
    along_x = (1 - (x[..., None] - torch.arange(w)).abs()).clamp(min=0)
    along_y = (1 - (y[..., None] - torch.arange(h)).abs()).clamp(min=0)
    back = torch.einsum("bcvu,byxv,byxu->bcyx", bw, along_y, along_x)
    gap = torch.linalg.vector_norm(fw + back, dim=1)
    allowed = (a1 * (fw.norm(dim=1) ** 2 + back.norm(dim=1) ** 2) + a2) ** 0.5
    left = (x != x.clamp(0, w - 1)) | (y != y.clamp(0, h - 1))
    return torch.logical_or(gap > allowed, left)[:, None]


@right("warping with four gathered neighbours, outside marked by infinity")
def gathered(fw, bw, a1=0.01, a2=0.5):
    b, _, h, w = fw.shape
    x, y = _points(fw)
    x0, y0 = x.floor().clamp(0, w - 2).long(), y.floor().clamp(0, h - 2).long()
    s, t = (x - x0)[:, None], (y - y0)[:, None]
    pick = lambda i, j: bw.flatten(2).gather(2, (i * w + j).view(b, 1, -1).expand(b, 2, -1)).view_as(bw)  # noqa: E731
    top = torch.lerp(pick(y0, x0), pick(y0, x0 + 1), s)
    bottom = torch.lerp(pick(y0 + 1, x0), pick(y0 + 1, x0 + 1), s)
    back = torch.lerp(top, bottom, t)
    excess = _squared(fw + back) - a1 * (_squared(fw) + _squared(back)) - a2
    return excess.masked_fill(_outside(fw), torch.inf) > 0


@wrong("compares the two flows at the same pixel, without going along the flow")
def not_warped(fw, bw, a1=0.01, a2=0.5):
    return _judged(fw, bw, a1, a2)


@wrong("forgets the pixels that leave the image")
def nothing_outside(fw, bw, a1=0.01, a2=0.5):
    back = _back(bw, *_points(fw))
    return _squared(fw + back) > a1 * (_squared(fw) + _squared(back)) + a2


@wrong("calls what leaves the image visible")
def outside_visible(fw, bw, a1=0.01, a2=0.5):
    return fb_occlusion(fw, bw, a1, a2) & ~_outside(fw)


@wrong("subtracts the backward flow instead of adding it")
def difference(fw, bw, a1=0.01, a2=0.5):
    back = _back(bw, *_points(fw))
    return (_squared(fw - back) > a1 * (_squared(fw) + _squared(back)) + a2) | _outside(fw)


@wrong("compares the length of the sum instead of its square")
def unsquared(fw, bw, a1=0.01, a2=0.5):
    back = _back(bw, *_points(fw))
    return (_squared(fw + back).sqrt() > a1 * (_squared(fw) + _squared(back)) + a2) | _outside(fw)


@wrong("takes a1 times the lengths, not squared, for the bound")
def bound_unsquared(fw, bw, a1=0.01, a2=0.5):
    back = _back(bw, *_points(fw))
    bound = a1 * (_squared(fw).sqrt() + _squared(back).sqrt()) + a2
    return (_squared(fw + back) > bound) | _outside(fw)


@wrong("averages the squares over the two channels instead of summing them")
def averaged(fw, bw, a1=0.01, a2=0.5):
    return _judged(fw / 2**0.5, _back(bw, *_points(fw)) / 2**0.5, a1, a2) | _outside(fw)


@wrong("leaves the backward flow out of the bound")
def forward_bound(fw, bw, a1=0.01, a2=0.5):
    back = _back(bw, *_points(fw))
    return (_squared(fw + back) > a1 * _squared(fw) + a2) | _outside(fw)


@wrong("puts the backward flow into the bound at the pixel itself, not where the flow leads")
def bound_not_warped(fw, bw, a1=0.01, a2=0.5):
    back = _back(bw, *_points(fw))
    return (_squared(fw + back) > a1 * (_squared(fw) + _squared(bw)) + a2) | _outside(fw)


@wrong("takes the square of the summed flows for the bound, where the sum of their squares is asked for")
def square_of_sum(fw, bw, a1=0.01, a2=0.5):
    mismatch = _squared(fw + _back(bw, *_points(fw)))
    return (mismatch > a1 * mismatch + a2) | _outside(fw)


@wrong("ignores a1 and a2 and always uses 0.01 and 0.5")
def fixed_bounds(fw, bw, a1=0.01, a2=0.5):
    return fb_occlusion(fw, bw)


@wrong("has a1 and a2 the wrong way round")
def bounds_swapped(fw, bw, a1=0.01, a2=0.5):
    return fb_occlusion(fw, bw, a2, a1)


@wrong("leaves the relative part a1 out of the bound")
def absolute_only(fw, bw, a1=0.01, a2=0.5):
    return fb_occlusion(fw, bw, 0, a2)


@wrong("uses 0.05 for a1 when none is given")
def other_default(fw, bw, a1=0.05, a2=0.5):
    return fb_occlusion(fw, bw, a1, a2)


@wrong("counts equality as occluded")
def at_the_bound(fw, bw, a1=0.01, a2=0.5):
    back = _back(bw, *_points(fw))
    return (_squared(fw + back) >= a1 * (_squared(fw) + _squared(back)) + a2) | _outside(fw)


@wrong("counts points exactly on the border as outside")
def border_outside(fw, bw, a1=0.01, a2=0.5):
    (x, y), (h, w) = _points(fw), fw.shape[-2:]
    outside = (x <= 0) | (x >= w - 1) | (y <= 0) | (y >= h - 1)
    return _judged(fw, _back(bw, *_points(fw)), a1, a2) | outside[:, None]


@wrong("calls points between W - 1 and W, or H - 1 and H, inside")
def up_to_the_size(fw, bw, a1=0.01, a2=0.5):
    (x, y), (h, w) = _points(fw), fw.shape[-2:]
    back = _back(bw, x, y, padding_mode="border")
    outside = (x < 0) | (x >= w) | (y < 0) | (y >= h)
    return (_squared(fw + back) > a1 * (_squared(fw) + _squared(back)) + a2) | outside[:, None]


@wrong("samples a mask of ones and takes more than 0.9999 for inside, as PWC-Net's code does")
def nearly_full_support(fw, bw, a1=0.01, a2=0.5):
    inside = _back(torch.ones_like(bw[:, :1]), *_points(fw)) > 0.9999
    back = _back(bw, *_points(fw))
    return (_squared(fw + back) > a1 * (_squared(fw) + _squared(back)) + a2) | ~inside


@wrong("scales the points by W - 1 and H - 1 but samples with align_corners=False")
def corners_not_aligned(fw, bw, a1=0.01, a2=0.5):
    return _judged(fw, _back(bw, *_points(fw), align_corners=False), a1, a2)


@wrong("takes the backward flow of the nearest pixel instead of interpolating")
def nearest(fw, bw, a1=0.01, a2=0.5):
    return _judged(fw, _back(bw, *_points(fw), mode="nearest"), a1, a2)


@wrong("reads the flow as (v, u) when it looks for the way back")
def flow_swapped(fw, bw, a1=0.01, a2=0.5):
    return _judged(fw, _back(bw, *_points(fw.flip(1))), a1, a2)


@wrong("hands the points to grid_sample as (y, x)")
def grid_swapped(fw, bw, a1=0.01, a2=0.5):
    (x, y), (h, w) = _points(fw), fw.shape[-2:]
    return _judged(fw, _back(bw, y * (w - 1) / (h - 1), x * (h - 1) / (w - 1)), a1, a2)


@wrong("samples the backward flow at x - fw(x)")
def other_way(fw, bw, a1=0.01, a2=0.5):
    return _judged(fw, _back(bw, *_points(-fw)), a1, a2)


@wrong("samples the forward flow at x + bw(x), and so checks the pixels of image 2")
def backward_forward(fw, bw, a1=0.01, a2=0.5):
    return fb_occlusion(bw, fw, a1, a2)


@wrong("marks the visible pixels instead of the occluded ones")
def visible(fw, bw, a1=0.01, a2=0.5):
    return ~fb_occlusion(fw, bw, a1, a2)


@wrong("leaves the channel axis out")
def axis_missing(fw, bw, a1=0.01, a2=0.5):
    return fb_occlusion(fw, bw, a1, a2)[:, 0]


@wrong("returns numbers instead of booleans")
def as_numbers(fw, bw, a1=0.01, a2=0.5):
    return fb_occlusion(fw, bw, a1, a2).to(fw.dtype)


@wrong("judges u and v apart, a mask for each")
def per_channel(fw, bw, a1=0.01, a2=0.5):
    back = _back(bw, *_points(fw))
    return ((fw + back) ** 2 > a1 * (fw**2 + back**2) + a2) | _outside(fw)


@wrong("adds the pixel grid to the caller's own forward flow")
def in_place(fw, bw, a1=0.01, a2=0.5):
    occluded = fb_occlusion(fw, bw, a1, a2)
    fw[:, 0] += torch.arange(fw.shape[3])
    fw[:, 1] += torch.arange(fw.shape[2])[:, None]
    return occluded


@wrong("looks only at the columns when it decides what leaves the image")
def columns_only(fw, bw, a1=0.01, a2=0.5):
    x, y = _points(fw)
    back = _back(bw, x, y, padding_mode="border")
    outside = (x < 0) | (x > fw.shape[-1] - 1)
    return (_squared(fw + back) > a1 * (_squared(fw) + _squared(back)) + a2) | outside[:, None]


@wrong("uses the first pair of flows for the whole batch")
def first_of_batch(fw, bw, a1=0.01, a2=0.5):
    return fb_occlusion(fw[:1], bw[:1], a1, a2).expand(len(fw), -1, -1, -1)


@wrong("takes the larger of the relative part and a2 for the bound instead of their sum")
def larger_part(fw, bw, a1=0.01, a2=0.5):
    back = _back(bw, *_points(fw))
    bound = (a1 * (_squared(fw) + _squared(back))).clamp(min=a2)
    return (_squared(fw + back) > bound) | _outside(fw)


@wrong("asks for both: a way that does not close and leaves the image")
def both_asked(fw, bw, a1=0.01, a2=0.5):
    back = _back(bw, *_points(fw), padding_mode="border")
    return (_squared(fw + back) > a1 * (_squared(fw) + _squared(back)) + a2) & _outside(fw)


@wrong("squares the sum of the two lengths for the bound instead of summing their squares")
def square_of_lengths(fw, bw, a1=0.01, a2=0.5):
    back = _back(bw, *_points(fw))
    lengths = _squared(fw).sqrt() + _squared(back).sqrt()
    return (_squared(fw + back) > a1 * lengths**2 + a2) | _outside(fw)


@wrong("makes its pixel grid in float64 and fails where the flows are float32")
def float64_grid(fw, bw, a1=0.01, a2=0.5):
    back = _back(bw, *(p.double() for p in _points(fw)))
    return _judged(fw, back, a1, a2)
