"""Local correlation of two feature maps, the cost volume of flow nets.

For each pixel of f1 and each displacement (dx, dy) of at most d pixels either way, tell how well the
feature of f1 there matches the feature of f2 at the displaced pixel:

    out(b, k, y, x) = mean over the channels c of  f1(b, c, y, x) * f2(b, c, y + dy, x + dx)
    k = (dy + d) * (2d + 1) + (dx + d)        with dy and dx in -d, ..., d

So the channels run over the displacements row by row: dx is the fast one, and channel
2d(d + 1), the middle one, is displacement (0, 0). x counts columns to the right, y rows downwards.

* f1 and f2 are [B, C, H, W]; the result is [B, (2d+1)^2, H, W]. B, C, H and W are at least 1.
* Where (y + dy, x + dx) lies outside f2 the entry is 0. Nothing wraps round.
* d is an int of at least 0. It may be larger than the map: such channels are 0 throughout.
* Products as they are: features are not normalised, and nothing is applied to the result.
* The result has the dtype of the inputs, which stay as they are. All tensors are on the CPU.
* Gradients flow to f1 and to f2: this is a layer inside a network.

Example: one channel, one row, d = 1, f1 = (1, 2, 3) and f2 = (10, 20, 30). Channel 4 (no displacement)
is (10, 40, 90); channel 5 (dx = 1) is (1 * 20, 2 * 30, 0) = (20, 60, 0); channel 3 (dx = -1) is
(0, 2 * 10, 3 * 20) = (0, 20, 60). The other six look above or below the only row: all 0.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from grader import right, wrong

LEVEL = 3
MINUTES = 25
HINTS = (
    "One displacement is easy: shift f2, multiply, average over the channels. How many displacements are "
    "there, and in which order does the formula for k count them?",
    "If f2 carries a border of zeros d pixels wide on every side, each displacement is a window of the size "
    "of f1 somewhere in it, and nothing outside needs a special case.",
    "Pad f2 with d zeros on all four sides. For each row offset from 0 to 2d, and inside it each column "
    "offset from 0 to 2d, cut the H x W window that starts there, multiply it by f1 and take the mean over "
    "axis 1. Stack the maps along a new axis 1.",
)


def correlation(
    f1: Float[Tensor, "b c h w"], f2: Float[Tensor, "b c h w"], d: int
) -> Float[Tensor, "b k h w"]:
    """Return the mean products of f1 with f2 displaced by up to d pixels, one channel a displacement."""
    h, w = f1.shape[-2:]
    padded = F.pad(f2, (d, d, d, d))
    size = 2 * d + 1
    windows = (padded[..., i : i + h, j : j + w] for i in range(size) for j in range(size))
    return torch.stack([(f1 * window).mean(1) for window in windows], dim=1)


@right("with unfold, all windows of f2 at once")
def unfolded(f1, f2, d):
    b, c, h, w = f1.shape
    windows = F.unfold(f2, 2 * d + 1, padding=d).view(b, c, (2 * d + 1) ** 2, h, w)
    return torch.einsum("bchw,bckhw->bkhw", f1, windows) / c


@right("by slicing what overlaps, channel by channel, into zeros")
def sliced(f1, f2, d):
    b, c, h, w = f1.shape
    out = f1.new_zeros(b, (2 * d + 1) ** 2, h, w)
    for dy in range(-d, d + 1):
        for dx in range(-d, d + 1):
            top, bottom, left, right = max(0, -dy), min(h, h - dy), max(0, -dx), min(w, w - dx)
            if top >= bottom or left >= right:
                continue
            there = f2[:, :, top + dy : bottom + dy, left + dx : right + dx]
            k = (dy + d) * (2 * d + 1) + dx + d
            out[:, k, top:bottom, left:right] = (f1[:, :, top:bottom, left:right] * there).sum(1) / c
    return out


@right("from the scores of all pairs of pixels, as RAFT has them")
def from_all_pairs(f1, f2, d):
    _, c, h, w = f1.shape
    pairs = torch.einsum("bcyx,bcvu->byxvu", f1, f2) / c
    y, x = torch.arange(h)[:, None], torch.arange(w)
    out = []
    for dy in range(-d, d + 1):
        for dx in range(-d, d + 1):
            v, u = y + dy, x + dx
            inside = ((v >= 0) & (v < h)) & ((u >= 0) & (u < w))
            out.append(pairs[:, y, x, v.clamp(0, h - 1), u.clamp(0, w - 1)] * inside)
    return torch.stack(out, 1)


@right("by rolling f2 and masking what came round")
def rolled_and_masked(f1, f2, d):
    h, w = f1.shape[2:]
    y, x = torch.arange(h).view(h, 1), torch.arange(w).view(1, w)
    planes = []
    for dy in range(-d, d + 1):
        rows = (y + dy >= 0) & (y + dy < h)
        for dx in range(-d, d + 1):
            valid = rows & (x + dx >= 0) & (x + dx < w)
            moved = torch.roll(f2, shifts=(-dy, -dx), dims=(2, 3))
            planes.append(torch.where(valid, (f1 * moved).mean(dim=1), 0))
    return torch.stack(planes).transpose(0, 1)


def _volume(f1, f2, d):
    """Return the volume with an axis for each of dy and dx."""
    return correlation(f1, f2, d).unflatten(1, (2 * d + 1, 2 * d + 1))


@wrong("lets dy run fastest, so that channels of dx and dy change places")
def dy_fastest(f1, f2, d):
    return _volume(f1, f2, d).transpose(1, 2).flatten(1, 2)


@wrong("sums over the channels instead of averaging")
def summed(f1, f2, d):
    return correlation(f1, f2, d) * f1.shape[1]


@wrong("divides by the square root of the number of channels, as RAFT and attention do")
def by_root(f1, f2, d):
    return correlation(f1, f2, d) * f1.shape[1] ** 0.5


@wrong("looks the other way: at y - dy and x - dx")
def backwards(f1, f2, d):
    return correlation(f1, f2, d).flip(1)


@wrong("displaces f1 instead of f2")
def roles_changed(f1, f2, d):
    return correlation(f2, f1, d)


@wrong("lets the map wrap round at its border")
def wrapped(f1, f2, d):
    steps = range(-d, d + 1)
    maps = [(f1 * f2.roll((-dy, -dx), (2, 3))).mean(1) for dy in steps for dx in steps]
    return torch.stack(maps, dim=1)


@wrong("repeats the border pixels of f2 outside instead of giving 0")
def replicated(f1, f2, d):
    h, w = f1.shape[-2:]
    padded, size = F.pad(f2, (d, d, d, d), mode="replicate"), 2 * d + 1
    maps = [(f1 * padded[..., i : i + h, j : j + w]).mean(1) for i in range(size) for j in range(size)]
    return torch.stack(maps, dim=1)


@wrong("normalises the features to length 1 first, which makes it the cosine")
def cosine(f1, f2, d):
    return correlation(F.normalize(f1), F.normalize(f2), d) * f1.shape[1]


@wrong("applies a leaky ReLU to the volume, as PWC-Net does after its correlation layer")
def rectified(f1, f2, d):
    return F.leaky_relu(correlation(f1, f2, d), 0.1)


@wrong("turns the scores into a softmax over the displacements")
def softened(f1, f2, d):
    return correlation(f1, f2, d).softmax(1)


@wrong("keeps the displacements on two axes")
def two_axes(f1, f2, d):
    return _volume(f1, f2, d)


@wrong("leaves out the displacement +d, as a range up to d does")
def short_range(f1, f2, d):
    return _volume(f1, f2, d)[:, :-1, :-1].flatten(1, 2)


@wrong("takes the (2d + 1)^2 displacements for the rows of unfold and the channels for its columns")
def unfold_misread(f1, f2, d):
    b, c, h, w = f1.shape
    windows = F.unfold(f2, 2 * d + 1, padding=d).view(b, (2 * d + 1) ** 2, c, h, w)
    return (f1[:, None] * windows).mean(2)


@wrong("slices with negative ends and fails where d reaches the size of the map")
def fails_beyond(f1, f2, d):
    b, _, h, w = f1.shape
    out = f1.new_zeros(b, (2 * d + 1) ** 2, h, w)
    for dy in range(-d, d + 1):
        for dx in range(-d, d + 1):
            here = f1[:, :, max(0, -dy) : h - max(0, dy), max(0, -dx) : w - max(0, dx)]
            there = f2[:, :, max(0, dy) : h - max(0, -dy), max(0, dx) : w - max(0, -dx)]
            k = (dy + d) * (2 * d + 1) + dx + d
            out[:, k, max(0, -dy) : h - max(0, dy), max(0, -dx) : w - max(0, dx)] = (here * there).mean(1)
    return out


@wrong("collects the maps in a tensor that is float32 whatever comes in")
def in_float32(f1, f2, d):
    out = torch.zeros(len(f1), (2 * d + 1) ** 2, *f1.shape[2:])
    out[:] = correlation(f1, f2, d)
    return out


@wrong("computes in double precision and returns it so, whatever comes in")
def in_float64(f1, f2, d):
    return correlation(f1.double(), f2.double(), d)


@wrong("detaches f2, so that only the first feature map is trained")
def f2_detached(f1, f2, d):
    return correlation(f1, f2.detach(), d)


@wrong("measures the absolute difference of the features instead of their product")
def differences(f1, f2, d):
    h, w = f1.shape[-2:]
    padded, size = F.pad(f2, (d, d, d, d)), 2 * d + 1
    maps = [(f1 - padded[..., i : i + h, j : j + w]).abs().mean(1) for i in range(size) for j in range(size)]
    return torch.stack(maps, dim=1)


@wrong("divides by the share of displacements that stay inside, to make up for the zeros outside")
def rescaled_at_border(f1, f2, d):
    counted = correlation(torch.ones_like(f1), torch.ones_like(f2), d).mean(1, keepdim=True)
    return correlation(f1, f2, d) / counted


@wrong("uses the feature maps of the first pair for the whole batch")
def first_of_batch(f1, f2, d):
    return correlation(f1[:1], f2[:1], d).expand(len(f1), -1, -1, -1)


@wrong("scales the caller's f1 by 1 / C in place")
def in_place(f1, f2, d):
    f1 /= f1.shape[1]
    return correlation(f1, f2, d) * f1.shape[1]


@wrong("measures the displacements in steps of two pixels, as a stride of 2 in the second map")
def every_second(f1, f2, d):
    return _volume(f1, f2, 2 * d)[:, ::2, ::2].flatten(1, 2)


@wrong("gives fewer channels where d is larger than the map allows")
def d_cut_down(f1, f2, d):
    return correlation(f1, f2, min(d, f1.shape[-2] - 1, f1.shape[-1] - 1))


@wrong("gives fewer channels where d is larger than both sides of the map")
def d_at_most_a_side(f1, f2, d):
    return correlation(f1, f2, min(d, max(f1.shape[-2:])))


@wrong("is cut off from the graph, as a result computed without gradients")
def detached(f1, f2, d):
    return correlation(f1, f2, d).detach()
