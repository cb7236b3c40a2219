"""Total variation in the hole.

A small penalty on differences of neighbours keeps a filled hole smooth, and joins it to its
surroundings. It acts where something was filled in: in the hole and one pixel around it, so that the
seam counts.

    img [B, 3, H, W]   the composite: known pixels kept, the hole filled in; finite
    m   [B, 1, H, W]   the mask, as floats: 1 = known, 0 = hole, nothing between

* The region is the hole grown by one pixel: every hole pixel and its eight neighbours. What lies outside
  the image is no hole, and images of the batch do not touch one another.
* A pair is two pixels side by side or one above the other, (y, x) with (y, x + 1) or with (y + 1, x),
  that both lie in the region. Diagonal neighbours are no pair. A pixel may be in up to four pairs.
* The loss is the sum of |difference| over all pairs and the three channels, divided by three times the
  number of pairs: x and y, all channels and the whole batch together in one sum and one number.
* Where there is no pair (nothing is hole, or the image is a single pixel) the loss is 0 and still
  connected to img's graph: backward() runs and gives img a gradient of zeros.
* It is a training loss, a 0-d tensor in the dtype of img: gradients flow to img, hole and seam alike.
  Equal neighbours pass on no gradient, as torch has it for the absolute value at 0. m gets none. Inputs
  stay as they are. All tensors are on the CPU. B, H and W are at least 1.

Example: one image of 1 x 4 pixels with the values (0, 1, 3, 9) in every channel, and m = (0, 1, 1, 1).
The region is the first two pixels, which make one pair: the loss is 3 * 1 / (3 * 1) = 1. With
m = (1, 0, 1, 1) the region is the first three, with two pairs: 3 * (1 + 2) / (3 * 2) = 1.5.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from grader import right, wrong

LEVEL = 2
MINUTES = 20
HINTS = (
    "First find the region as a mask of its own. Which operation makes every pixel part of it that has a "
    "hole pixel in its 3 x 3 surroundings? And what must it not see at the border?",
    "A mask of pairs is the product of two shifted slices of the region, and fits the difference of the same "
    "two slices of the image. Do so along x and along y, and divide only once, at the end.",
    "Pool 1 minus the mask by the maximum, 3 x 3, stride 1, padding 1. For each of the two axes multiply "
    "the absolute difference of neighbours by the product of both region values; add all of it up, and the "
    "products too. Divide by three times the number of pairs, or by 1 where there is none.",
)


def tv_in_hole(img: Float[Tensor, "b 3 h w"], m: Float[Tensor, "b 1 h w"]) -> Float[Tensor, ""]:
    """Return the mean absolute difference of neighbours in and around the hole."""
    region = F.max_pool2d(1 - m, 3, stride=1, padding=1)
    total, pairs = 0, 0
    for axis in (2, 3):
        n = region.shape[axis] - 1
        both = region.narrow(axis, 0, n) * region.narrow(axis, 1, n)
        total = total + (both * img.diff(dim=axis).abs()).sum()
        pairs = pairs + both.sum()
    return total / (3 * pairs).clamp(min=1)


def _grown(m):
    return F.max_pool2d(1 - m, 3, stride=1, padding=1) > 0.5


@right("with the differences picked out by masks of booleans, and their mean")
def picked(img, m):
    hole = _grown(m).expand_as(img)
    dx = (img[..., 1:] - img[..., :-1])[hole[..., 1:] & hole[..., :-1]]
    dy = (img[:, :, 1:] - img[:, :, :-1])[hole[:, :, 1:] & hole[:, :, :-1]]
    steps = torch.cat([dx, dy]).abs()
    return steps.mean() if len(steps) else 0.0 * img.sum()


@right("with the region from shifted slices of a padded mask, and a tiny constant in the denominator")
def shifted(img, m):
    h, w = m.shape[2:]
    padded = F.pad(m, (1, 1, 1, 1), value=1.0)
    known = torch.ones_like(m)
    for dy in range(3):
        for dx in range(3):
            known = known * padded[:, :, dy : dy + h, dx : dx + w]
    r = 1 - known
    px, py = r[:, :, :, 1:] * r[:, :, :, :-1], r[:, :, 1:, :] * r[:, :, :-1, :]
    sx = (torch.abs(img[:, :, :, :-1] - img[:, :, :, 1:]) * px).sum()
    sy = (torch.abs(img[:, :, :-1, :] - img[:, :, 1:, :]) * py).sum()
    return (sx + sy) / (3 * (px.sum() + py.sum()) + 1e-8)


@right("pixel by pixel")
def looped(img, m):
    b, c, h, w = img.shape
    inside = [
        [
            [bool((m[i, 0, max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2] == 0).any()) for x in range(w)]
            for y in range(h)
        ]
        for i in range(b)
    ]
    total, count = 0 * img.sum(), 0
    for i in range(b):
        for y in range(h):
            for x in range(w):
                for v, u in ((y, x + 1), (y + 1, x)):
                    if v < h and u < w and inside[i][y][x] and inside[i][v][u]:
                        total = total + (img[i, :, y, x] - img[i, :, v, u]).abs().sum()
                        count += c
    return total / max(count, 1)


@right("with differences padded to the size of the image")
def padded_differences(img, m):
    hole = (F.conv2d(1 - m, m.new_ones(1, 1, 3, 3), padding=1) > 0).to(img)
    right_one = F.pad(hole, (0, 1))[..., 1:] * hole
    below = F.pad(hole, (0, 0, 0, 1))[:, :, 1:] * hole
    dx = F.pad(img, (0, 1))[..., 1:] - img
    dy = F.pad(img, (0, 0, 0, 1))[:, :, 1:] - img
    n = img.shape[1] * (right_one.sum() + below.sum())
    value = ((dx * right_one).abs() + (dy * below).abs()).sum()
    return value / torch.where(n > 0, n, torch.ones_like(n))


@right("with torch's L1 loss of neighbours, summed")
def l1_sums(img, m):
    hole = _grown(m).repeat(1, 3, 1, 1)
    total = img.new_zeros(()) + 0 * img[0, 0, 0, 0]
    n = 0
    for a, b, p, q in (
        (img[..., :-1], img[..., 1:], hole[..., :-1], hole[..., 1:]),
        (img[:, :, :-1], img[:, :, 1:], hole[:, :, :-1], hole[:, :, 1:]),
    ):
        both = torch.logical_and(p, q)
        total = total + F.l1_loss(a[both], b[both], reduction="sum")
        n = n + int(both.sum())
    return total / n if n else total


# -- mistakes in the region --------------------------------------------------------------------


def _of_region(img, region, both=torch.mul, size=torch.abs):
    """Return the loss for another region, another idea of a pair, or another size of a difference."""
    region = region.to(img.dtype)
    px, py = both(region[..., 1:], region[..., :-1]), both(region[:, :, 1:], region[:, :, :-1])
    total = (px * size(img.diff(dim=3))).sum() + (py * size(img.diff(dim=2))).sum()
    return total / (3 * (px.sum() + py.sum())).clamp(min=1)


@wrong("takes 1 for hole and 0 for known")
def other_way_round(img, m):
    return tv_in_hole(img, 1 - m)


@wrong("does not grow the hole, so that nothing ties the fill to its surroundings")
def not_grown(img, m):
    return _of_region(img, 1 - m)


@wrong("grows the hole by two pixels")
def grown_twice(img, m):
    return _of_region(img, F.max_pool2d(1 - m, 5, stride=1, padding=2))


@wrong("shrinks the hole by a pixel: it pools the mask where it should pool the hole")
def shrunk(img, m):
    return _of_region(img, 1 - F.max_pool2d(m, 3, stride=1, padding=1))


@wrong("grows the hole to four neighbours only, without the diagonal ones")
def grown_crosswise(img, m):
    hole = 1 - m
    rows = F.max_pool2d(hole, (1, 3), stride=1, padding=(0, 1))
    columns = F.max_pool2d(hole, (3, 1), stride=1, padding=(1, 0))
    return _of_region(img, torch.maximum(rows, columns))


@wrong("grows the hole to the right and downwards only")
def grown_one_way(img, m):
    return _of_region(img, F.max_pool2d(F.pad(1 - m, (1, 0, 1, 0)), 2, stride=1))


@wrong("pads the mask with zeros, so that the border of the image counts as hole")
def border_is_hole(img, m):
    return _of_region(img, 1 + F.max_pool2d(-F.pad(m, (1, 1, 1, 1)), 3, stride=1))


@wrong("blurs the hole and takes the shares of hole pixels for weights")
def blurred(img, m):
    return _of_region(img, F.avg_pool2d(1 - m, 3, stride=1, padding=1, count_include_pad=False))


@wrong("takes the seam alone: the pixels around the hole, and not those in it")
def seam_only(img, m):
    return _of_region(img, F.max_pool2d(1 - m, 3, stride=1, padding=1) * m)


@wrong("averages over the whole image")
def everywhere(img, m):
    return _of_region(img, torch.ones_like(m))


@wrong("uses the first image's mask for the whole batch")
def first_mask(img, m):
    return tv_in_hole(img, m[:1].expand_as(m))


# -- mistakes in the pairs ---------------------------------------------------------------------


@wrong("counts pairs of which one pixel lies in the region")
def either(img, m):
    return _of_region(img, _grown(m), both=torch.maximum)


@wrong("counts the pairs whose first pixel lies in the region, wherever the second one is")
def first_of_pair(img, m):
    return _of_region(img, _grown(m), both=lambda second, first: first)


@wrong("takes pairs with a pixel of the hole itself, instead of pairs within the grown hole")
def touching_hole(img, m):
    return _of_region(img, 1 - m, both=torch.maximum)


@wrong("blacks out what is outside the region and takes differences afterwards, so that its edge counts")
def masked_first(img, m):
    region = _grown(m).to(img.dtype)
    px, py = region[..., 1:] * region[..., :-1], region[:, :, 1:] * region[:, :, :-1]
    inside = img * region
    total = inside.diff(dim=3).abs().sum() + inside.diff(dim=2).abs().sum()
    return total / (3 * (px.sum() + py.sum())).clamp(min=1)


@wrong("looks along the rows only")
def rows_only(img, m):
    region = _grown(m).to(img.dtype)
    px = region[..., 1:] * region[..., :-1]
    return (px * img.diff(dim=3).abs()).sum() / (3 * px.sum()).clamp(min=1)


@wrong("wraps around: the last pixel of a row is the neighbour of the first")
def wrapped(img, m):
    region = _grown(m).to(img.dtype)
    total, pairs = 0, 0
    for axis in (2, 3):
        both = region * region.roll(-1, axis)
        total = total + (both * (img - img.roll(-1, axis)).abs()).sum()
        pairs = pairs + both.sum()
    return total / (3 * pairs).clamp(min=1)


@wrong("pads the differences with zeros, and counts a pair for each pixel of the region in each direction")
def padded_count(img, m):
    region = _grown(m).to(img.dtype)
    px, py = region[..., 1:] * region[..., :-1], region[:, :, 1:] * region[:, :, :-1]
    total = (px * img.diff(dim=3).abs()).sum() + (py * img.diff(dim=2).abs()).sum()
    return total / (6 * region.sum()).clamp(min=1)


@wrong("leaves out the last row and the last column, to have differences of one size")
def cropped(img, m):
    region = _grown(m).to(img.dtype)
    here, dx, dy = region[:, :, :-1, :-1], img.diff(dim=3)[:, :, :-1], img.diff(dim=2)[..., :-1]
    px, py = here * region[:, :, :-1, 1:], here * region[:, :, 1:, :-1]
    return ((px * dx.abs()).sum() + (py * dy.abs()).sum()) / (3 * (px.sum() + py.sum())).clamp(min=1)


@wrong("counts diagonal neighbours as pairs too")
def diagonal_pairs(img, m):
    region = _grown(m).to(img.dtype)
    total, pairs = 0, 0
    h, w = m.shape[2:]
    for dy, dx in ((0, 1), (1, 0), (1, 1)):
        both = region[:, :, dy:, dx:] * region[:, :, : h - dy, : w - dx]
        total = total + (both * (img[:, :, dy:, dx:] - img[:, :, : h - dy, : w - dx]).abs()).sum()
        pairs = pairs + both.sum()
    return total / (3 * pairs).clamp(min=1)


@wrong("gives 0 for images of a single row or column, where one axis has no pairs")
def needs_both_axes(img, m):
    return tv_in_hole(img, m) if min(m.shape[2:]) > 1 else 0 * img.sum()


@wrong("takes the length of the gradient at each pixel, as isotropic total variation does")
def isotropic(img, m):
    region = _grown(m).to(img.dtype)
    px = F.pad(region[..., 1:] * region[..., :-1], (0, 1))
    py = F.pad(region[:, :, 1:] * region[:, :, :-1], (0, 0, 0, 1))
    dx, dy = F.pad(img.diff(dim=3), (0, 1)), F.pad(img.diff(dim=2), (0, 0, 0, 1))
    total = ((px * dx) ** 2 + (py * dy) ** 2 + 1e-24).sqrt().sum()
    return total / (3 * (px.sum() + py.sum())).clamp(min=1)


# -- mistakes in the number --------------------------------------------------------------------


@wrong("rounds off the absolute value at 0, by a constant that is not small beside a difference")
def rounded_off(img, m):
    return _of_region(img, _grown(m), size=lambda step: (step.square() + 1e-4).sqrt())


@wrong("divides by the number of values plus one")
def one_more(img, m):
    region = _grown(m).to(img.dtype)
    px, py = region[..., 1:] * region[..., :-1], region[:, :, 1:] * region[:, :, :-1]
    total = (px * img.diff(dim=3).abs()).sum() + (py * img.diff(dim=2).abs()).sum()
    return total / (3 * (px.sum() + py.sum()) + 1)


@wrong("squares the differences")
def squared(img, m):
    return _of_region(img, _grown(m), size=torch.square)


@wrong("forgets the absolute value, so that ups and downs cancel")
def signed(img, m):
    return _of_region(img, _grown(m), size=torch.clone)


@wrong("divides by the number of pairs and forgets that each has three channels")
def by_pairs(img, m):
    return 3 * tv_in_hole(img, m)


@wrong("adds the mean along x and the mean along y")
def two_means(img, m):
    region = _grown(m).to(img.dtype)
    px, py = region[..., 1:] * region[..., :-1], region[:, :, 1:] * region[:, :, :-1]
    x_part = (px * img.diff(dim=3).abs()).sum() / (3 * px.sum()).clamp(min=1)
    return x_part + (py * img.diff(dim=2).abs()).sum() / (3 * py.sum()).clamp(min=1)


@wrong("takes the mean of the two means along x and along y, which weighs pairs unequally")
def mean_of_means(img, m):
    return two_means(img, m) / 2


@wrong("averages image by image, and then over the images")
def per_image(img, m):
    return torch.stack([tv_in_hole(i[None], k[None]) for i, k in zip(img, m)]).mean()


@wrong("divides by the number of values in the region instead of the number of pairs")
def by_region(img, m):
    region = _grown(m).to(img.dtype)
    px, py = region[..., 1:] * region[..., :-1], region[:, :, 1:] * region[:, :, :-1]
    total = (px * img.diff(dim=3).abs()).sum() + (py * img.diff(dim=2).abs()).sum()
    return total / (3 * region.sum()).clamp(min=1)


@wrong("divides by the number of values of the hole, as it was before it grew")
def by_hole(img, m):
    region = _grown(m).to(img.dtype)
    px, py = region[..., 1:] * region[..., :-1], region[:, :, 1:] * region[:, :, :-1]
    total = (px * img.diff(dim=3).abs()).sum() + (py * img.diff(dim=2).abs()).sum()
    return total / (3 * (1 - m).sum()).clamp(min=1)


@wrong("divides by the number of values of the image")
def by_image(img, m):
    region = _grown(m).to(img.dtype)
    px, py = region[..., 1:] * region[..., :-1], region[:, :, 1:] * region[:, :, :-1]
    total = (px * img.diff(dim=3).abs()).sum() + (py * img.diff(dim=2).abs()).sum()
    return total / img.numel()


@wrong("adds up and does not divide")
def undivided(img, m):
    region = _grown(m).to(img.dtype)
    px, py = region[..., 1:] * region[..., :-1], region[:, :, 1:] * region[:, :, :-1]
    return (px * img.diff(dim=3).abs()).sum() + (py * img.diff(dim=2).abs()).sum()


@wrong("takes the difference of grey values, in which channels cancel")
def grey(img, m):
    return tv_in_hole(img.mean(dim=1, keepdim=True).expand_as(img), m)


@wrong("divides zero by zero where there is no hole")
def nan_without_hole(img, m):
    hole = _grown(m).expand_as(img)
    dx = img.diff(dim=3)[hole[..., 1:] & hole[..., :-1]]
    dy = img.diff(dim=2)[hole[:, :, 1:] & hole[:, :, :-1]]
    return torch.cat([dx, dy]).abs().mean()


@wrong("returns a new zero where there is no pair, with no graph behind it")
def unconnected(img, m):
    return tv_in_hole(img, m) if (m == 0).any() and img[0, 0].numel() > 1 else img.new_zeros(())


@wrong("is cut off from the graph")
def detached(img, m):
    return tv_in_hole(img.detach(), m)


@wrong("lets the hole learn and not its seam: known pixels send no gradient")
def hole_gradient(img, m):
    return tv_in_hole(m * img.detach() + (1 - m) * img, m)


@wrong("returns a Python number, which has no graph")
def numbered(img, m):
    return tv_in_hole(img, m).item()


@wrong("returns one loss for each image")
def unreduced(img, m):
    return torch.stack([tv_in_hole(i[None], k[None]) for i, k in zip(img, m)])


@wrong("grows the hole in the caller's own mask")
def in_place(img, m):
    loss = tv_in_hole(img, m)
    m.copy_(1 - _grown(m).to(m.dtype))
    return loss


@wrong("computes in single precision whatever comes in")
def single_precision(img, m):
    return tv_in_hole(img.float(), m.float())


@wrong("takes roots of squares, whose gradient is not a number where neighbours are equal")
def root_of_squares(img, m):
    return _of_region(img, _grown(m), size=lambda step: step.square().sqrt())


@wrong("counts equal neighbours as rising ones, and so moves them apart")
def rising(img, m):
    return _of_region(img, _grown(m), size=lambda step: torch.where(step >= 0, step, -step))
