"""Resize a flow field.

flow [B, 2, H, W] holds a displacement for every pixel of an H x W image, in pixels of that image:
channel 0 is the motion to the right (u), channel 1 the one downwards (v). Return the flow of the same
scene at another resolution, [B, 2, H2, W2], in pixels of the new image. size is the tuple (H2, W2).

* A motion of one pixel is a motion of more pixels once the image is larger: beside the resampling, u is
  multiplied by W2 / W and v by H2 / H. The two factors may differ, and need not be whole.
* Resample bilinearly, in the convention of align_corners=False: pixels are squares, and the centre of
  the output pixel in column x lies in the input at column (x + 0.5) * W / W2 - 0.5; likewise for rows.
  A position outside the outermost centres takes the value of the nearest one.
* Smaller sizes are sampled in the same way, with the four pixels around the position: no antialiasing.
* H, W, H2 and W2 are at least 1; B may be 0. The dtype is that of flow, which stays as it is.
* Gradients flow to flow, since coarse-to-fine networks resize it between their levels.

Example: the flow u = (0, 4), v = (1, 1) of an image of 1 x 2 pixels becomes, at size (3, 4), three equal
rows of u = (0, 2, 6, 8) and v = (3, 3, 3, 3). Sampling gives u = (0, 1, 3, 4) and v = (1, 1, 1, 1), and
the factors are 4 / 2 for u and 3 / 1 for v.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from grader import right, wrong

LEVEL = 1
MINUTES = 10
HINTS = (
    "A car moves 10 px between two frames. How many pixels is that in a video of twice the width?",
    "Two steps: resample both channels as if they were any image, then change the values. torch has a "
    "function for the first; mind its options, and in which order it wants the two sizes.",
    "Interpolate to size with mode bilinear and align_corners off, then multiply by the pair "
    "(new width over old width, new height over old height), shaped to broadcast over the channel axis.",
)


def resize_flow(flow: Float[Tensor, "b 2 h w"], size: tuple[int, int]) -> Float[Tensor, "b 2 h2 w2"]:
    """Return the flow at the size (H2, W2), in pixels of the new image."""
    h, w = flow.shape[-2:]
    factor = flow.new_tensor([size[1] / w, size[0] / h])  # u goes with the width
    resampled = F.interpolate(flow, size=size, mode="bilinear", align_corners=False)
    return resampled * factor[:, None, None]


def _resample(flow, size, **how):
    return F.interpolate(flow, size=tuple(size), **{"mode": "bilinear", "align_corners": False, **how})


def _scale(flow, u, v):
    return torch.stack([flow[:, 0] * u, flow[:, 1] * v], dim=1)


@right("with a matrix of weights for the rows and another for the columns")
def matrices(flow, size):
    (h, w), (h2, w2) = flow.shape[-2:], size
    rows, columns = _weights(h, h2, flow.dtype), _weights(w, w2, flow.dtype)
    u = rows @ flow[:, 0] @ columns.T * w2 / w
    v = rows @ flow[:, 1] @ columns.T * h2 / h
    return torch.stack((u, v), 1)


def _weights(n, n2, dtype):
    """Row i holds the weights of the n input samples in output sample i."""
    at = ((torch.arange(n2, dtype=dtype) + 0.5) * n / n2 - 0.5).clamp(0, n - 1)
    return (1 - (at[:, None] - torch.arange(n, dtype=dtype)).abs()).clamp(min=0)


@right("with the four neighbours by index, scaled before the resampling")
def gathered(flow, size):
    h, w = flow.shape[2:]
    h2, w2 = size
    flow = _scale(flow, w2 / w, h2 / h)
    y = ((torch.arange(h2, dtype=flow.dtype) + 0.5) * (h / h2) - 0.5).clamp(min=0, max=h - 1)
    x = ((torch.arange(w2, dtype=flow.dtype) + 0.5) * (w / w2) - 0.5).clamp(min=0, max=w - 1)
    top, left = y.floor().long(), x.floor().long()
    bottom, right = (top + 1).clamp(max=h - 1), (left + 1).clamp(max=w - 1)
    fy, fx = (y - top)[:, None], x - left
    upper = flow[:, :, top][..., left] * (1 - fx) + flow[:, :, top][..., right] * fx
    lower = flow[:, :, bottom][..., left] * (1 - fx) + flow[:, :, bottom][..., right] * fx
    return upper * (1 - fy) + lower * fy


@right("with grid_sample at the pixel centres")
def grid_sampled(flow, size):
    (h, w), (h2, w2) = flow.shape[-2:], size
    y = (2 * torch.arange(h2, dtype=flow.dtype) + 1) / h2 - 1
    x = (2 * torch.arange(w2, dtype=flow.dtype) + 1) / w2 - 1
    grid = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1).expand(len(flow), h2, w2, 2)
    found = F.grid_sample(flow, grid, padding_mode="border", align_corners=False)
    return _scale(found, w2 / w, h2 / h)


@right("channel by channel with nn.Upsample")
def upsampled(flow, size):
    up = torch.nn.Upsample(size=size, mode="bilinear")
    u, v = flow[:, 0:1], flow[:, 1:2]
    return torch.cat([up(u) * (size[1] / flow.size(3)), up(v) * (size[0] / flow.size(2))], dim=1)


@wrong("leaves the values as they are, in pixels of the old image")
def unscaled(flow, size):
    return _resample(flow, size)


@wrong("multiplies both channels by the factor of the width")
def width_for_both(flow, size):
    factor = size[1] / flow.shape[3]
    return _resample(flow, size) * factor


@wrong("multiplies both channels by the factor of the height")
def height_for_both(flow, size):
    factor = size[0] / flow.shape[2]
    return _resample(flow, size) * factor


@wrong("multiplies both channels by the mean of the two factors")
def mean_for_both(flow, size):
    factor = (size[1] / flow.shape[3] + size[0] / flow.shape[2]) / 2
    return _resample(flow, size) * factor


@wrong("multiplies u by the factor of the height and v by that of the width")
def exchanged(flow, size):
    return _scale(_resample(flow, size), size[0] / flow.shape[2], size[1] / flow.shape[3])


@wrong("divides by the factors instead of multiplying")
def upside_down(flow, size):
    return _scale(_resample(flow, size), flow.shape[3] / size[1], flow.shape[2] / size[0])


@wrong("scales the values only when the image becomes larger")
def larger_only(flow, size):
    return _scale(_resample(flow, size), max(size[1] / flow.shape[3], 1), max(size[0] / flow.shape[2], 1))


@wrong("rounds the factors down to whole numbers")
def whole_factors(flow, size):
    return _scale(_resample(flow, size), size[1] // flow.shape[3], size[0] // flow.shape[2])


@wrong("measures the factors between the outermost pixel centres")
def between_centres(flow, size):
    w, h = max(flow.shape[3] - 1, 1), max(flow.shape[2] - 1, 1)
    return _scale(_resample(flow, size), (size[1] - 1) / w, (size[0] - 1) / h)


@wrong("resamples with align_corners=True")
def corners_aligned(flow, size):
    found = _resample(flow, size, align_corners=True)
    return _scale(found, size[1] / flow.shape[3], size[0] / flow.shape[2])


@wrong("takes the nearest pixel")
def nearest(flow, size):
    found = _resample(flow, size, mode="nearest", align_corners=None)
    return _scale(found, size[1] / flow.shape[3], size[0] / flow.shape[2])


@wrong("resamples bicubically")
def bicubic(flow, size):
    found = _resample(flow, size, mode="bicubic")
    return _scale(found, size[1] / flow.shape[3], size[0] / flow.shape[2])


@wrong("smooths before it makes the field smaller")
def antialiased(flow, size):
    found = _resample(flow, size, antialias=True)
    return _scale(found, size[1] / flow.shape[3], size[0] / flow.shape[2])


@wrong("averages over areas")
def averaged(flow, size):
    found = F.adaptive_avg_pool2d(flow, size)
    return _scale(found, size[1] / flow.shape[3], size[0] / flow.shape[2])


@wrong("lets the samples beyond the outermost centres fade to zero")
def faded_border(flow, size):
    y = (2 * torch.arange(size[0], dtype=flow.dtype) + 1) / size[0] - 1
    x = (2 * torch.arange(size[1], dtype=flow.dtype) + 1) / size[1] - 1
    grid = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1).expand(len(flow), *size, 2)
    found = F.grid_sample(flow, grid, align_corners=False)
    return _scale(found, size[1] / flow.shape[3], size[0] / flow.shape[2])


@wrong("leaves out the half pixels when it maps output columns and rows to the input")
def without_halves(flow, size):
    h, w = flow.shape[2:]
    y = (torch.arange(size[0], dtype=flow.dtype) * h / size[0]).clamp(max=h - 1)
    x = (torch.arange(size[1], dtype=flow.dtype) * w / size[1]).clamp(max=w - 1)
    rows = (1 - (y[:, None] - torch.arange(h)).abs()).clamp(min=0)
    columns = (1 - (x[:, None] - torch.arange(w)).abs()).clamp(min=0)
    return _scale(rows @ flow @ columns.T, size[1] / w, size[0] / h)


@wrong("reads size as (width, height)")
def width_first(flow, size):
    return resize_flow(flow, (size[1], size[0]))


@wrong("hands a factor instead of a size to the interpolation, which rounds some sizes down")
def by_factor(flow, size):
    v, u = size[0] / flow.shape[2], size[1] / flow.shape[3]
    return _scale(F.interpolate(flow, scale_factor=(v, u), mode="bilinear"), u, v)


@wrong("uses the factor of the width for both extents of the image")
def square_factor(flow, size):
    factor = size[1] / flow.shape[3]
    return F.interpolate(flow, scale_factor=factor, mode="bilinear", recompute_scale_factor=True) * factor


@wrong("returns v in channel 0 and u in channel 1")
def flipped(flow, size):
    return resize_flow(flow, size).flip(1)


@wrong("drops axes of size one")
def squeezed(flow, size):
    return resize_flow(flow, size).squeeze()


@wrong("scales the values in the caller's own flow before it resamples")
def in_place(flow, size):
    with torch.no_grad():
        flow[:, 0] *= size[1] / flow.shape[3]
        flow[:, 1] *= size[0] / flow.shape[2]
    return _resample(flow, size)


@wrong("cuts the result off from the graph")
def detached(flow, size):
    return resize_flow(flow.detach(), size)


@wrong("returns float32 whatever comes in")
def single_precision(flow, size):
    return resize_flow(flow.float(), size)


@wrong("returns the flow untouched when the width stays the same")
def width_decides(flow, size):
    return flow.clone() if size[1] == flow.shape[3] else resize_flow(flow, size)
