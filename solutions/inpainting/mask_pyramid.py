"""Mask pyramid and hole growing.

Networks work at several resolutions, and each needs the mask at its own. Shrinking a mask as one shrinks
an image makes values that are neither known nor hole; a mask follows a rule instead.

A mask m is [B, 1, H, W], in floats: 1 = known, 0 = hole, nothing between. Results are masks of the same
kind, in the dtype of m.

* mask_pyramid(m, levels) returns a list of levels masks, the finest first. Level 0 is m itself, or
  a copy of it. A cell (y, x) of level i + 1 stands for 2 x 2 pixels of level i, from (2y, 2x) to
  (2y + 1, 2x + 1), and is known if any of them is: a hole only where all of them are hole. (So holes
  shrink, as with partial convolution.)
* Nothing is cut off: the last row of cells stands for one row of pixels where there is no second one,
  and the last column likewise. Sizes are halved and rounded up: 5 x 8, 3 x 4, 2 x 2, 1 x 1,
  and 1 x 1 again.
* grow_hole(m, k) returns the mask with its hole grown by k pixels: a pixel is hole if some hole pixel
  lies at most k rows and at most k columns away from it, itself included. A single hole pixel becomes a
  square of side 2k + 1. k = 0 changes nothing; k may be larger than the image.
* What lies outside the image is no hole: a mask without hole stays without, at the border too. Nor does
  one border touch the opposite one. Images of a batch do not touch one another.
* levels is at least 1, k at least 0; B, H and W are at least 1. m stays as it is, all tensors are on the
  CPU. Masks are not learned: no gradient is asked for.

Example: the mask with the rows (1, 0, 0) and (0, 0, 0) has at level 1 the one row (1, 0). Growing the
hole of (1, 1, 1, 1, 0) by 2 gives (1, 1, 0, 0, 0).
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from grader import right, wrong

LEVEL = 1
MINUTES = 10
HINTS = (
    "Known if any of the four is: which operation on zeros and ones says 'any'? And growing the hole is "
    "the same question, asked about its complement.",
    "Pooling by the maximum is that operation. Look up how its sizes are rounded, and what it takes for the "
    "values beyond the border.",
    "Halve with max pooling of 2 x 2 that rounds sizes up. To grow the hole, turn the mask over (1 minus "
    "it), pool by the maximum in windows of 2k + 1 with stride 1 and k pixels of padding, which never wins "
    "a maximum, and turn it back.",
)


def mask_pyramid(m: Float[Tensor, "b 1 h w"], levels: int) -> list[Tensor]:
    """Return masks of falling size, m first; a cell is known if any of its 2 x 2 pixels is."""
    pyramid = [m.detach()]
    while len(pyramid) < levels:
        pyramid.append(F.max_pool2d(pyramid[-1], 2, ceil_mode=True))
    return pyramid


def grow_hole(m: Float[Tensor, "b 1 h w"], k: int) -> Float[Tensor, "b 1 h w"]:
    """Return the mask with its hole grown by k pixels in every direction, diagonals included."""
    hole = 1 - m.detach()
    return 1 - F.max_pool2d(hole, 2 * k + 1, stride=1, padding=k)


@right("with hole rows and columns added, and four slices", also={"grow_hole": "_grow_by_slices"})
def by_slices(m, levels):
    found = [m.clone()]
    for _ in range(levels - 1):
        top = found[-1]
        top = F.pad(top, (0, top.shape[3] % 2, 0, top.shape[2] % 2), value=0.0)
        upper = torch.maximum(top[:, :, ::2, ::2], top[:, :, ::2, 1::2])
        found.append(torch.maximum(upper, torch.maximum(top[:, :, 1::2, ::2], top[:, :, 1::2, 1::2])))
    return found


def _grow_by_slices(m, k):
    h, w = m.shape[2:]
    padded = F.pad(m, (k, k, k, k), value=1.0)
    out = torch.ones_like(m)
    for dy in range(2 * k + 1):
        for dx in range(2 * k + 1):
            out = out * padded[:, :, dy : dy + h, dx : dx + w]
    return out


@right("with every level pooled from the mask itself, and sums of windows", also={"grow_hole": "_by_sums"})
def from_the_mask(m, levels):
    _, _, h, w = m.shape
    found = []
    for i in range(levels):
        n = 2**i
        blocks = F.pad(m, (0, -w % n, 0, -h % n)).unfold(2, n, n).unfold(3, n, n)
        found.append((blocks.sum((-1, -2)) > 0).to(m.dtype))
    return tuple(found)


def _by_sums(m, k):
    near = F.conv2d(1 - m, m.new_ones(1, 1, 2 * k + 1, 2 * k + 1), padding=k)
    return torch.where(near > 0, 0.0, 1.0).to(m)


@right("pixel by pixel", also={"grow_hole": "_one_pixel_at_a_time"})
def by_cells(m, levels):
    found = [m]
    for _ in range(1, levels):
        last = found[-1]
        b, _, h, w = last.shape
        out = torch.zeros(b, 1, (h + 1) // 2, (w + 1) // 2, dtype=m.dtype)
        for i in range(b):
            for y in range(h):
                for x in range(w):
                    if last[i, 0, y, x] == 1:
                        out[i, 0, y // 2, x // 2] = 1
        found.append(out)
    return found


def _one_pixel_at_a_time(m, k):
    hole = m == 0
    for _ in range(k):
        hole = F.max_pool2d(hole.float(), 3, 1, 1) > 0
    return (~hole).to(m.dtype)


@right("with the share of known pixels", of="mask_pyramid")
def by_share(m, levels):
    found = [m]
    for _ in range(levels - 1):
        found.append(torch.ceil(F.avg_pool2d(found[-1], 2, ceil_mode=True)))
    return found


@right("with squares drawn around each hole pixel", of="grow_hole")
def drawn(m, k):
    out = m.detach().clone()
    for i, _, y, x in (m == 0).nonzero().tolist():
        out[i, 0, max(y - k, 0) : y + k + 1, max(x - k, 0) : x + k + 1] = 0
    return out


@right("along rows, then along columns", of="grow_hole")
def separable(m, k):
    pooled = F.max_pool2d(-m, (1, 2 * k + 1), stride=1, padding=(0, k))
    return -F.max_pool2d(pooled, (2 * k + 1, 1), stride=1, padding=(k, 0))


# -- mistakes in the pyramid -------------------------------------------------------------------


def _levels(m, levels, smaller):
    """Return a pyramid made with another step."""
    found = [m]
    for _ in range(levels - 1):
        found.append(smaller(found[-1]))
    return found


def _halves(m):
    return (m.shape[2] + 1) // 2, (m.shape[3] + 1) // 2


@wrong("resizes the mask bilinearly, which makes values between 0 and 1")
def bilinear(m, levels):
    return _levels(m, levels, lambda t: F.interpolate(t, _halves(t), mode="bilinear", align_corners=False))


@wrong("averages the pixels of a cell, and leaves shares of known pixels")
def averaged(m, levels):
    return _levels(m, levels, lambda t: F.avg_pool2d(t, 2, ceil_mode=True))


@wrong("takes one of the pixels for the whole cell, as resizing to the nearest does")
def nearest(m, levels):
    return _levels(m, levels, lambda t: t[:, :, ::2, ::2])


@wrong("calls a cell a hole if any of its pixels is, so that holes never vanish")
def any_hole(m, levels):
    return _levels(m, levels, lambda t: 1 - F.max_pool2d(1 - t, 2, ceil_mode=True))


@wrong("goes by the majority of a cell's pixels")
def majority(m, levels):
    return _levels(m, levels, lambda t: (F.avg_pool2d(t, 2, ceil_mode=True) > 0.5).to(t.dtype))


@wrong("calls a cell known if at least half of its pixels are")
def half_known(m, levels):
    return _levels(m, levels, lambda t: (F.avg_pool2d(t, 2, ceil_mode=True) >= 0.5).to(t.dtype))


@wrong("drops the last row and the last column of odd sizes")
def rounded_down(m, levels):
    return _levels(m, levels, lambda t: F.max_pool2d(t, 2) if min(t.shape[2:]) > 1 else t)


@wrong("adds a known row and column to odd sizes")
def known_beyond(m, levels):
    def smaller(t):
        return F.max_pool2d(F.pad(t, (0, t.shape[3] % 2, 0, t.shape[2] % 2), value=1.0), 2)

    return _levels(m, levels, smaller)


@wrong("adds the missing row above and the missing column on the left")
def added_before(m, levels):
    return _levels(m, levels, lambda t: F.max_pool2d(F.pad(t, (t.shape[3] % 2, 0, t.shape[2] % 2, 0)), 2))


@wrong("pools to half the size adaptively, by cells that overlap where a size is odd")
def overlapping(m, levels):
    return _levels(m, levels, lambda t: F.adaptive_max_pool2d(t, _halves(t)))


@wrong("looks at 3 x 3 pixels around each cell, as a convolution with stride 2 would")
def three_by_three(m, levels):
    return _levels(m, levels, lambda t: F.max_pool2d(t, 3, stride=2, padding=1))


@wrong("makes that many levels beside the mask itself")
def one_more(m, levels):
    return mask_pyramid(m, levels + 1)


@wrong("starts with the first smaller mask")
def without_input(m, levels):
    return mask_pyramid(m, levels + 1)[1:]


@wrong("stops when a mask is a single cell, with fewer masks than asked for")
def stops_early(m, levels):
    found = mask_pyramid(m, levels)
    return [t for i, t in enumerate(found) if i == 0 or max(found[i - 1].shape[2:]) > 1]


@wrong("returns the coarsest mask first")
def coarsest_first(m, levels):
    return mask_pyramid(m, levels)[::-1]


@wrong("makes every level from the mask itself, all by the factor 2")
def same_factor(m, levels):
    return [m] + [F.max_pool2d(m, 2, ceil_mode=True)] * (levels - 1)


@wrong("returns the last mask only")
def last_only(m, levels):
    return mask_pyramid(m, levels)[-1]


@wrong("returns masks of booleans below the first")
def booleans(m, levels):
    first, *rest = mask_pyramid(m, levels)
    return [first, *(t > 0.5 for t in rest)]


@wrong("always makes four levels")
def four_levels(m, levels):
    return mask_pyramid(m, 4)


# -- mistakes in growing -----------------------------------------------------------------------


@wrong("grows the known part, and so shrinks the hole", of="grow_hole")
def grows_known(m, k):
    return F.max_pool2d(m, 2 * k + 1, stride=1, padding=k)


@wrong("grows the right region, but returns it with 1 for hole", of="grow_hole")
def inverted(m, k):
    return F.max_pool2d(1 - m, 2 * k + 1, stride=1, padding=k)


@wrong("takes what lies outside the image for hole, so that the border grows into the image", of="grow_hole")
def full_window(m, k):
    side = 2 * k + 1
    count = F.conv2d(m, m.new_ones(1, 1, side, side), padding=k)
    return (count == side * side).to(m.dtype)


@wrong("grows by windows of k pixels instead of k on every side", of="grow_hole")
def window_k(m, k):
    hole = F.pad(1 - m, (k // 2, k - 1 - k // 2, k // 2, k - 1 - k // 2)) if k else 1 - m
    return 1 - (F.max_pool2d(hole, k, stride=1) if k else hole)


@wrong("grows by one pixel, whatever k is", of="grow_hole")
def once(m, k):
    return grow_hole(m, min(k, 1))


@wrong("grows by one pixel more than asked for", of="grow_hole")
def too_far(m, k):
    return grow_hole(m, k + 1)


@wrong("grows by at least one pixel, for k = 0 too", of="grow_hole")
def at_least_one(m, k):
    return grow_hole(m, max(k, 1))


@wrong("fails for k = 0, a window without any neighbour", of="grow_hole")
def no_zero(m, k):
    if k < 1:
        raise ValueError("k must be positive")
    return grow_hole(m, k)


@wrong("fails where the window is larger than the image", of="grow_hole")
def no_large(m, k):
    if k >= min(m.shape[2:]):
        raise ValueError("k is larger than the image")
    return grow_hole(m, k)


def _crossed(hole):
    """Return a hole grown to its four neighbours."""
    padded = F.pad(hole, (1, 1, 1, 1))
    near = [padded[:, :, 1:-1, :-2], padded[:, :, 1:-1, 2:], padded[:, :, :-2, 1:-1], padded[:, :, 2:, 1:-1]]
    return torch.stack([hole, *near]).amax(0)


@wrong("grows to the four neighbours step by step, which makes diamonds instead of squares", of="grow_hole")
def diamonds(m, k):
    hole = 1 - m
    for _ in range(k):
        hole = _crossed(hole)
    return 1 - hole


@wrong("grows along rows and along columns, but not to the diagonal", of="grow_hole")
def plus_signs(m, k):
    rows = F.max_pool2d(1 - m, (1, 2 * k + 1), stride=1, padding=(0, k))
    columns = F.max_pool2d(1 - m, (2 * k + 1, 1), stride=1, padding=(k, 0))
    return 1 - torch.maximum(rows, columns)


@wrong("grows by all pixels at a straight distance of at most k, which makes discs", of="grow_hole")
def discs(m, k):
    line = torch.arange(-k, k + 1)
    disc = (line[:, None] ** 2 + line**2 <= k * k).to(m.dtype)
    return (F.conv2d(1 - m, disc[None, None], padding=k) == 0).to(m.dtype)


@wrong("grows to the right and downwards only", of="grow_hole")
def one_sided(m, k):
    return 1 - F.max_pool2d(F.pad(1 - m, (k, 0, k, 0)), k + 1, stride=1)


@wrong("grows along the rows only", of="grow_hole")
def rows_only(m, k):
    return 1 - F.max_pool2d(1 - m, (1, 2 * k + 1), stride=1, padding=(0, k))


@wrong("rolls the mask, so that a hole at one border comes out at the opposite one", of="grow_hole")
def rolled(m, k):
    hole, steps = 1 - m, range(-k, k + 1)
    return 1 - torch.stack([hole.roll((dy, dx), (2, 3)) for dy in steps for dx in steps]).amax(0)


@wrong("blurs the mask and leaves shares of known pixels", of="grow_hole")
def blurred(m, k):
    return F.avg_pool2d(m, 2 * k + 1, stride=1, padding=k, count_include_pad=False)


@wrong("loses k rows and columns at each border", of="grow_hole")
def without_padding(m, k):
    hole = 1 - m
    k = min(k, (min(m.shape[2:]) - 1) // 2)
    return 1 - F.max_pool2d(hole, 2 * k + 1, stride=1)


@wrong("lets the holes of one image grow into the others of the batch", of="grow_hole")
def through_the_batch(m, k):
    return grow_hole(m.amin(dim=0, keepdim=True), k).expand_as(m)


@wrong("grows the hole in the caller's own mask", of="grow_hole")
def in_place(m, k):
    m.data.copy_(grow_hole(m, k))
    return m


@wrong("draws into the mask it reads, so that the hole runs on and on", of="grow_hole")
def runs_on(m, k):
    out = m.detach().clone()
    for i, _, y, x in torch.ones_like(m).nonzero().tolist():
        if out[i, 0, y, x] == 0:
            out[i, 0, max(y - k, 0) : y + k + 1, max(x - k, 0) : x + k + 1] = 0
    return out


@wrong("returns booleans", of="grow_hole")
def grown_booleans(m, k):
    return grow_hole(m, k) > 0.5


@wrong("returns float32 whatever comes in", of="grow_hole")
def single_precision(m, k):
    return grow_hole(m, k).float()


@wrong("grows by three pixels at most", of="grow_hole")
def at_most_three(m, k):
    return grow_hole(m, min(k, 3))


@wrong("takes a mask with nothing known for one without hole", of="grow_hole")
def nothing_grows(m, k):
    return grow_hole(m, k) if bool((m == 1).any()) else torch.ones_like(m)


@wrong("takes a mask without hole for one with nothing known", of="mask_pyramid")
def full_is_empty(m, levels):
    pyramid = mask_pyramid(m, levels)
    return pyramid if bool((m == 0).any()) else [pyramid[0], *map(torch.zeros_like, pyramid[1:])]
