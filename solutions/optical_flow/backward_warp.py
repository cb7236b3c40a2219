"""Warp the second image back onto the first.

The flow from image 1 to image 2 says for each pixel of image 1 where it went. Fetch the colours from
there: what comes back looks like image 1, made of pixels of image 2.

* flow12[:, 0] is u, the motion to the right, and flow12[:, 1] is v, the motion downwards, in pixels.
* The pixel in row y, column x of img is img2 at the point (x + u(y, x), y + v(y, x)). Pixel centres have
  whole coordinates: (0, 0) is the centre of the upper left pixel, (W - 1, H - 1) of the lower right.
* Between the centres img2 is interpolated bilinearly. Beyond its border img2 counts as 0, as if zeros
  lay all around it: a point less than one pixel outside is still a mixture of border pixels and zeros, a
  point farther out gives 0. (So img is not multiplied by inside.)
* inside is True where the point lies in [0, W - 1] x [0, H - 1]; exactly on the border is inside, a
  hair beyond it is not. Decide it by the coordinates in pixels.
* Return the tuple (img [B, C, H, W], inside [B, 1, H, W] bool).
* B and C are at least 1, H and W at least 2. The flow is finite, but may lead far out of the image.
* img2 and flow12 have the same dtype, and so has img. The inputs stay as they are. All tensors are on
  the CPU.
* Gradients flow to img2 and to flow12, as a photometric loss needs. (They are asked for where the points
  lie between pixels: on a whole coordinate the interpolation has a kink.)

Example: one row of a taller image is (10, 20, 40), v = 0 and u = (0.5, 1, 0.5). The points are
x = 0.5, 2 and 2.5, so the row becomes (15, 40, 20), and inside is (True, True, False).
"""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from grader import right, wrong

LEVEL = 3
MINUTES = 25
HINTS = (
    "For every pixel of the result you know the point of img2 to look at: its own column plus u, its own "
    "row plus v. Write these two maps down first; inside follows from them alone.",
    "torch.nn.functional.grid_sample interpolates for you. It wants the points as (x, y) in its last axis, "
    "scaled so that the image spans -1 to 1. What exactly has coordinate -1: the centre of the first pixel, "
    "or its outer edge? align_corners decides.",
    "With align_corners=True the centres of the first and the last pixel are at -1 and 1: divide x by W - 1 "
    "and y by H - 1, double, subtract 1. Its default padding, zeros, is the one asked for here.",
)


def backward_warp(
    img2: Float[Tensor, "b c h w"], flow12: Float[Tensor, "b 2 h w"]
) -> tuple[Float[Tensor, "b c h w"], Bool[Tensor, "b 1 h w"]]:
    """Return img2 sampled at x + flow12(x), and whether each sample lies inside the image."""
    x, y = _points(flow12)
    h, w = img2.shape[-2:]
    inside = (x >= 0) & (x <= w - 1) & (y >= 0) & (y <= h - 1)
    grid = torch.stack([2 * x / (w - 1) - 1, 2 * y / (h - 1) - 1], dim=-1)  # b h w 2
    return F.grid_sample(img2, grid, align_corners=True), inside[:, None]


def _points(flow):
    """Return the columns and the rows that the flow leads to, each [B, H, W]."""
    h, w = flow.shape[-2:]
    y, x = torch.arange(h)[:, None], torch.arange(w)
    return x + flow[:, 0], y + flow[:, 1]


@right("by hand, as the sum of four weighted neighbours")
def four_neighbours(img2, flow12):
    b, c, h, w = img2.shape
    rows, cols = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
    x, y = cols + flow12[:, 0], rows + flow12[:, 1]
    x0, y0 = x.detach().floor(), y.detach().floor()
    out = 0
    for dy in (0, 1):
        for dx in (0, 1):
            xi, yi = (x0 + dx).long(), (y0 + dy).long()
            weight = (1 - (x - xi).abs()) * (1 - (y - yi).abs())
            valid = (xi >= 0) & (xi < w) & (yi >= 0) & (yi < h)
            at = (yi.clamp(0, h - 1) * w + xi.clamp(0, w - 1)).view(b, 1, h * w).expand(b, c, h * w)
            pixel = img2.flatten(2).gather(2, at).view(b, c, h, w)
            out = out + pixel * (weight * valid)[:, None]
    inside = ~((x < 0) | (y < 0) | (x > w - 1) | (y > h - 1))
    return out, inside.unsqueeze(1)


@right("with hat functions of the distance to every pixel")
def hats(img2, flow12):
    x, y = _points(flow12)
    h, w = img2.shape[-2:]
    along_x = (1 - (x[..., None] - torch.arange(w)).abs()).relu()  # b h w, columns of img2
    along_y = (1 - (y[..., None] - torch.arange(h)).abs()).relu()
    img = torch.einsum("bcvu,byxv,byxu->bcyx", img2, along_y, along_x)
    inside = ((x - x.clamp(0, w - 1)) == 0) & ((y - y.clamp(0, h - 1)) == 0)
    return [img, inside[:, None]]


@right("with grid_sample's other convention, in which -1 and 1 are the outer edges")
def outer_edges(img2, flow12):
    size = torch.tensor(img2.shape[:1:-1])  # w h
    points = torch.stack(_points(flow12), -1)
    grid = (2 * points + 1) / size - 1
    img = F.grid_sample(img2, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    return img, ((points >= 0) & (points <= size - 1)).all(-1).unsqueeze(1)


@right("image by image, on a copy with a border of zeros")
def bordered(img2, flow12):
    images, masks = [], []
    for image, flow in zip(img2, flow12):
        h, w = image.shape[1:]
        padded = F.pad(image, (1, 2, 1, 2))
        x = (torch.arange(w).view(1, w) + flow[0] + 1).clamp(0, w + 1)
        y = (torch.arange(h).view(h, 1) + flow[1] + 1).clamp(0, h + 1)
        i, j = y.floor().long(), x.floor().long()
        t, s = y - i, x - j
        top = padded[:, i, j] * (1 - s) + padded[:, i, j + 1] * s
        bottom = padded[:, i + 1, j] * (1 - s) + padded[:, i + 1, j + 1] * s
        images.append(top * (1 - t) + bottom * t)
        masks.append((x >= 1) & (x <= w) & (y >= 1) & (y <= h))
    return torch.stack(images), torch.stack(masks)[:, None]


def _sampled(img2, x, y, **how):
    """Sample as the reference does, with something changed."""
    h, w = img2.shape[-2:]
    grid = torch.stack([2 * x / (w - 1) - 1, 2 * y / (h - 1) - 1], dim=-1)
    return F.grid_sample(img2, grid, **{"align_corners": True, **how})


@wrong("scales the points by W - 1 and H - 1 but samples with align_corners=False")
def corners_not_aligned(img2, flow12):
    inside = backward_warp(img2, flow12)[1]
    return _sampled(img2, *_points(flow12), align_corners=False), inside


@wrong("scales the points by W and H but samples with align_corners=True")
def scaled_by_size(img2, flow12):
    x, y = _points(flow12)
    h, w = img2.shape[-2:]
    return _sampled(img2, x * (w - 1) / w, y * (h - 1) / h), backward_warp(img2, flow12)[1]


@wrong("hands the points to grid_sample as (y, x)")
def grid_swapped(img2, flow12):
    x, y = _points(flow12)
    h, w = img2.shape[-2:]
    grid = torch.stack([2 * y / (h - 1) - 1, 2 * x / (w - 1) - 1], dim=-1)
    return F.grid_sample(img2, grid, align_corners=True), backward_warp(img2, flow12)[1]


@wrong("reads the flow as (v, u), the vertical motion first")
def flow_swapped(img2, flow12):
    return backward_warp(img2, flow12.flip(1))


@wrong("scales x by the height and y by the width")
def sides_swapped(img2, flow12):
    x, y = _points(flow12)
    h, w = img2.shape[-2:]
    img = _sampled(img2, x * (w - 1) / (h - 1), y * (h - 1) / (w - 1))
    return img, backward_warp(img2, flow12)[1]


@wrong("subtracts the flow instead of adding it")
def subtracted(img2, flow12):
    return backward_warp(img2, -flow12)


@wrong("pushes the pixels along the flow (forward warping) instead of fetching them")
def pushed(img2, flow12):
    b, c, h, w = img2.shape
    x, y = (p.round().long() for p in _points(flow12))
    fits = (x >= 0) & (x < w) & (y >= 0) & (y < h)
    at = (y.clamp(0, h - 1) * w + x.clamp(0, w - 1)).view(b, 1, -1).expand(b, c, -1)
    out = torch.zeros_like(img2).flatten(2).scatter_add(2, at, (img2 * fits[:, None]).flatten(2))
    return out.view(b, c, h, w), backward_warp(img2, flow12)[1]


@wrong("repeats the border pixels outside the image instead of zeros")
def border_padding(img2, flow12):
    return _sampled(img2, *_points(flow12), padding_mode="border"), backward_warp(img2, flow12)[1]


@wrong("takes the nearest pixel instead of interpolating")
def nearest(img2, flow12):
    return _sampled(img2, *_points(flow12), mode="nearest"), backward_warp(img2, flow12)[1]


@wrong("interpolates bicubically")
def bicubic(img2, flow12):
    return _sampled(img2, *_points(flow12), mode="bicubic"), backward_warp(img2, flow12)[1]


@wrong("cuts the flow down to whole pixels")
def whole_flow(img2, flow12):
    img, _ = backward_warp(img2, flow12.trunc())
    return img, backward_warp(img2, flow12)[1]


@wrong("multiplies the image by inside, so that nothing of the border shows outside")
def masked(img2, flow12):
    img, inside = backward_warp(img2, flow12)
    return img * inside, inside


@wrong("does not count points exactly on the border as inside")
def strictly_inside(img2, flow12):
    x, y = _points(flow12)
    h, w = img2.shape[-2:]
    inside = (x > 0) & (x < w - 1) & (y > 0) & (y < h - 1)
    return backward_warp(img2, flow12)[0], inside[:, None]


@wrong("counts points between W - 1 and W, or H - 1 and H, as inside")
def up_to_the_size(img2, flow12):
    x, y = _points(flow12)
    h, w = img2.shape[-2:]
    inside = (x >= 0) & (x < w) & (y >= 0) & (y < h)
    return backward_warp(img2, flow12)[0], inside[:, None]


@wrong("counts the outer half of the border pixels as inside")
def half_a_pixel_more(img2, flow12):
    x, y = _points(flow12)
    h, w = img2.shape[-2:]
    inside = (x >= -0.5) & (x <= w - 0.5) & (y >= -0.5) & (y <= h - 0.5)
    return backward_warp(img2, flow12)[0], inside[:, None]


@wrong("finds inside by sampling a mask of ones and testing for more than 0")
def any_support(img2, flow12):
    img, _ = backward_warp(img2, flow12)
    return img, backward_warp(torch.ones_like(img2[:, :1]), flow12)[0] > 0


@wrong("samples a mask of ones and takes more than 0.9999 for inside, as PWC-Net's code does")
def nearly_full_support(img2, flow12):
    img, _ = backward_warp(img2, flow12)
    return img, backward_warp(torch.ones_like(img2[:, :1]), flow12)[0] > 0.9999


@wrong("looks at the columns alone to decide what is inside")
def columns_only(img2, flow12):
    x, _ = _points(flow12)
    return backward_warp(img2, flow12)[0], ((x >= 0) & (x <= img2.shape[-1] - 1))[:, None]


@wrong("tells what lies outside instead of inside")
def turned_round(img2, flow12):
    img, inside = backward_warp(img2, flow12)
    return img, ~inside


@wrong("leaves the channel axis out of inside")
def axis_missing(img2, flow12):
    img, inside = backward_warp(img2, flow12)
    return img, inside[:, 0]


@wrong("returns inside as numbers instead of booleans")
def float_mask(img2, flow12):
    img, inside = backward_warp(img2, flow12)
    return img, inside.to(img.dtype)


@wrong("adds the flow, which is in pixels, to a grid that runs from -1 to 1")
def pixels_as_shares(img2, flow12):
    h, w = img2.shape[-2:]
    x, y = _points(torch.zeros_like(flow12))
    u, v = flow12[:, 0] * (w - 1) / 2, flow12[:, 1] * (h - 1) / 2
    return _sampled(img2, x + u, y + v), backward_warp(img2, flow12)[1]


@wrong("cuts the points off from the graph, so that the flow gets no gradient")
def flow_detached(img2, flow12):
    return backward_warp(img2, flow12.detach())


@wrong("cuts img2 off from the graph")
def image_detached(img2, flow12):
    return backward_warp(img2.detach(), flow12)


@wrong("adds the pixel grid to the caller's own flow")
def in_place(img2, flow12):
    img, inside = backward_warp(img2, flow12)
    h, w = img2.shape[-2:]
    with torch.no_grad():
        flow12 += torch.stack([torch.arange(w).expand(h, w), torch.arange(h)[:, None].expand(h, w)])
    return img, inside


@wrong("uses the first flow of the batch for all images")
def first_flow(img2, flow12):
    return backward_warp(img2, flow12[:1].expand_as(flow12))


@wrong("works in float32 whatever comes in")
def single_precision(img2, flow12):
    return backward_warp(img2.float(), flow12.float())


@wrong("clamps the points before it decides whether they are inside, and so finds all of them inside")
def clamped_first(img2, flow12):
    x, y = _points(flow12)
    h, w = img2.shape[-2:]
    return _sampled(img2, x.clamp(0, w - 1), y.clamp(0, h - 1)), torch.ones_like(x, dtype=torch.bool)[:, None]


@wrong("wraps round to the left and upper border, because an index of -1 means the last pixel")
def negative_index(img2, flow12):
    x, y = _points(flow12)
    h, w = img2.shape[-2:]
    x0, y0, out = x.floor().long(), y.floor().long(), 0
    batch = torch.arange(len(img2))[:, None, None]
    for i in (y0, y0 + 1):
        for j in (x0, x0 + 1):
            pixel = img2[batch, :, i.clamp(-h, h - 1), j.clamp(-w, w - 1)].movedim(-1, 1)
            weight = (1 - (x - j).abs()) * (1 - (y - i).abs()) * ((i < h) & (j < w) & (i >= -1) & (j >= -1))
            out = out + pixel * weight[:, None]
    return out, backward_warp(img2, flow12)[1]


@wrong("weighs the neighbours the wrong way round: the left one by how far the point has come from it")
def weights_swapped(img2, flow12):
    x, y = _points(flow12)
    x, y = 2 * x.detach().floor() + 1 - x, 2 * y.detach().floor() + 1 - y
    return _sampled(img2, x, y), backward_warp(img2, flow12)[1]


@wrong("takes floor and ceil for the neighbours, so that on whole coordinates both weights are 0")
def floor_and_ceil(img2, flow12):
    (x, y), (h, w), out = _points(flow12), img2.shape[-2:], 0
    batch = torch.arange(len(img2))[:, None, None]
    left, right, top, bottom = x.detach().floor(), x.detach().ceil(), y.detach().floor(), y.detach().ceil()
    for j, along in ((left, right - x), (right, x - left)):
        for i, down in ((top, bottom - y), (bottom, y - top)):
            fits = (j >= 0) & (j < w) & (i >= 0) & (i < h)
            pixel = img2[batch, :, i.clamp(0, h - 1).long(), j.clamp(0, w - 1).long()].movedim(-1, 1)
            out = out + pixel * (along * down * fits)[:, None]
    return out, backward_warp(img2, flow12)[1]


@wrong("asks all four neighbours to be pixels, and so puts points on the last row and column outside")
def all_neighbours(img2, flow12):
    x, y = (p.floor() for p in _points(flow12))
    h, w = img2.shape[-2:]
    inside = (x >= 0) & (x + 1 <= w - 1) & (y >= 0) & (y + 1 <= h - 1)
    return backward_warp(img2, flow12)[0], inside[:, None]


@wrong("mirrors the image at its border instead of giving zeros")
def reflected(img2, flow12):
    return _sampled(img2, *_points(flow12), padding_mode="reflection"), backward_warp(img2, flow12)[1]
