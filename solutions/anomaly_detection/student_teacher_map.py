"""The anomaly map of a student and its teacher.

STFPM trains a student network to imitate the features of a pretrained teacher on normal images. Where
the two disagree about a new image, the student has never seen such a thing. Several levels of the
feature pyramids are compared, and an anomaly is what all of them see.

* fs (student) and ft (teacher) are lists of equal length, at least 1. fs[i] and ft[i] both have the
  shape [B, C_i, h_i, w_i]; channels and sizes differ from level to level, B does not.
* At each place of each level, divide the student's vector of C_i channels by its Euclidean length, and
  the teacher's by its own. A vector of zeros has no direction and stays a vector of zeros, never NaN.
* With the unit vectors s and t of a place, its distance is

      d = 1/2 * (sum over channels of (s_c - t_c)^2)

  a number from 0 (same direction) to 2 (opposite). The lengths of the features have no say in it.
* Resize the map d of each level [B, h_i, w_i] to size = (H, W), bilinearly with align_corners=False;
  H >= h_i and W >= w_i at every level, and a map of that size stays as it is. Distances are resized,
  not features.
* The result [B, H, W] is the product of the resized maps, pixel by pixel. It is not scaled, so that
  images can be compared. A single level is its own product.
* The result has the dtype of the features. The tensors, and the lists, stay as they are. All tensors are
  on the CPU. No gradient is asked for.

Example: two levels of one place each and size = (1, 1). Level 0 has the student (2, 0) and the teacher
(0, 5): the unit vectors (1, 0) and (0, 1), d = 1. Level 1 has (3, 4) and (10, 0): (0.6, 0.8) and (1, 0),
d = 1/2 * (0.16 + 0.64) = 0.4. The map is 1 * 0.4 = 0.4.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from grader import right, wrong

LEVEL = 2
MINUTES = 20
HINTS = (
    "Write one level first: from two feature maps to one map of distances at the size asked for. Which axis "
    "does the length of a vector run over?",
    "F.normalize along the channel axis leaves zeros alone. Sum, not mean, over the channels, and halve it. "
    "F.interpolate needs an axis for channels, which a map of distances does not have.",
    "For each pair of levels: normalise both along dim 1, square the difference, sum over dim 1 with the "
    "axis kept, halve, interpolate bilinearly to size, drop the axis. Multiply the maps of all levels.",
)


def stfpm_map(
    fs: list[Float[Tensor, "b _ _ _"]], ft: list[Float[Tensor, "b _ _ _"]], size: tuple[int, int]
) -> Float[Tensor, "b h w"]:
    """Return the product over levels of the resized distances between unit features."""
    product = torch.ones(())
    for student, teacher in zip(fs, ft):
        s, t = F.normalize(student.detach(), dim=1), F.normalize(teacher.detach(), dim=1)
        d = (s - t).square().sum(dim=1, keepdim=True) / 2  # b 1 h_i w_i
        product = product * F.interpolate(d, size=size, mode="bilinear", align_corners=False)
    return product[:, 0]


def _distance(s, t):
    """Return the distance of unit vectors [B, C, h, w] with the channel axis kept."""
    return (s - t).square().sum(dim=1, keepdim=True) / 2


def _unit(x):
    return F.normalize(x, dim=1)


def _resized(d, size, **how):
    return F.interpolate(d, size=tuple(size), **(how or {"mode": "bilinear", "align_corners": False}))


def _maps(fs, ft, size):
    """Return the resized map of every level, [levels, B, H, W]."""
    return torch.stack([_resized(_distance(_unit(s), _unit(t)), size)[:, 0] for s, t in zip(fs, ft)])


def _each(fs, ft, size, distance):
    """Return the product of another distance of raw features, [B, 1, h, w], resized."""
    return torch.stack([_resized(distance(s, t), size)[:, 0] for s, t in zip(fs, ft)]).prod(0)


@right("with the maps stacked, lengths floored by a tiny constant")
def stacked(fs, ft, size):
    maps = []
    for s, t in zip(fs, ft):
        s = s / s.norm(dim=1, keepdim=True).clamp(min=1e-8)
        t = t / t.norm(dim=1, keepdim=True).clamp(min=1e-8)
        maps.append(F.interpolate(0.5 * ((s - t) ** 2).sum(1, keepdim=True), size=size, mode="bilinear"))
    return torch.cat(maps, dim=1).prod(dim=1)


@right("from the cosine, with vectors of zeros told apart")
def cosines(fs, ft, size):
    result = 1.0
    for s, t in zip(fs, ft):
        a, b = s.square().sum(1), t.square().sum(1)
        dot = (s * t).sum(1) / torch.where((a > 0) & (b > 0), a * b, 1).sqrt()
        d = ((a > 0).to(s) + (b > 0).to(s)) / 2 - dot
        result = result * F.interpolate(d.unsqueeze(1), size, mode="bilinear").squeeze(1)
    return result


@right("with the norm of the difference, squared, and a small constant added to the lengths")
def squared_norms(fs, ft, size):
    b, (h, w) = fs[0].shape[0], size
    out = fs[0].new_ones(b, 1, h, w)
    for s, t in zip(fs, ft):
        s = s / (torch.linalg.vector_norm(s, dim=1, keepdim=True) + 1e-7)
        t = t / (torch.linalg.vector_norm(t, dim=1, keepdim=True) + 1e-7)
        d = 0.5 * torch.norm(s - t, p=2, dim=1, keepdim=True) ** 2
        out *= F.interpolate(d, size=(h, w), align_corners=False, mode="bilinear")
    return out.squeeze(1)


@right("level by level from the last, resizing by two matrices of weights")
def by_matrices(fs, ft, size):
    def weights(n, m):
        at = ((torch.arange(m).double() + 0.5) * n / m - 0.5).clamp(0, n - 1)
        return (1 - (at[:, None] - torch.arange(n)).abs()).clamp(min=0)

    product = None
    for s, t in reversed(list(zip(fs, ft))):
        d = _distance(_unit(s), _unit(t))[:, 0]
        rows, cols = weights(d.shape[1], size[0]).to(d), weights(d.shape[2], size[1]).to(d)
        d = rows @ d @ cols.T
        product = d if product is None else product * d
    return product


@right("place by place, with nn.Upsample and a product of logarithms")
def looped(fs, ft, size):
    total = 0
    for s, t in zip(fs, ft):
        b, _, h, w = s.shape
        d = torch.zeros(b, 1, h, w, dtype=s.dtype)
        for n in range(b):
            for i in range(h):
                for j in range(w):
                    p, q = s[n, :, i, j], t[n, :, i, j]
                    p = p / p.norm() if p.norm() > 0 else p
                    q = q / q.norm() if q.norm() > 0 else q
                    d[n, 0, i, j] = torch.sum((p - q) ** 2) / 2
        total = total + torch.nn.Upsample(size=size, mode="bilinear")(d).log()
    return total.exp()[:, 0]


@right("in NumPy but for the resizing, with NaN replaced")
def in_numpy(fs, ft, size):
    import numpy as np

    result = None
    for s, t in zip(fs, ft):
        a, b = s.numpy(), t.numpy()
        with np.errstate(invalid="ignore"):
            a = np.nan_to_num(a / np.sqrt((a**2).sum(axis=1, keepdims=True)))
            b = np.nan_to_num(b / np.linalg.norm(b, axis=1, keepdims=True))
        d = torch.from_numpy(((a - b) ** 2).sum(axis=1)[None] / 2)
        d = F.interpolate(d, size=size, mode="bilinear", align_corners=False, antialias=True)[0]
        result = d if result is None else result * d
    return result


@wrong("does not normalise the features")
def raw(fs, ft, size):
    return _each(fs, ft, size, _distance)


@wrong("normalises the teacher's features only")
def teacher_only(fs, ft, size):
    return _each(fs, ft, size, lambda s, t: _distance(s, _unit(t)))


@wrong("divides both vectors by the teacher's length")
def common_length(fs, ft, size):
    def distance(s, t):
        length = t.norm(dim=1, keepdim=True).clamp(min=1e-12)
        return _distance(s / length, t / length)

    return _each(fs, ft, size, distance)


@wrong("normalises over the places of each channel instead of the channels of each place")
def over_places(fs, ft, size):
    return _each(
        fs, ft, size, lambda s, t: _distance(*(F.normalize(x.flatten(2), dim=2).view_as(x) for x in (s, t)))
    )


@wrong("normalises each feature map as a whole")
def over_map(fs, ft, size):
    return _each(
        fs, ft, size, lambda s, t: _distance(*(F.normalize(x.flatten(1)).view_as(x) for x in (s, t)))
    )


@wrong("normalises along the last axis")
def over_last(fs, ft, size):
    return _each(fs, ft, size, lambda s, t: _distance(F.normalize(s, dim=-1), F.normalize(t, dim=-1)))


@wrong("divides by the sum of the absolute values instead of the length")
def absolute_length(fs, ft, size):
    return _each(fs, ft, size, lambda s, t: _distance(F.normalize(s, p=1, dim=1), F.normalize(t, p=1, dim=1)))


@wrong("divides by the squared length")
def squared_length(fs, ft, size):
    def unit(x):
        return x / x.square().sum(1, keepdim=True).clamp(min=1e-12)

    return _each(fs, ft, size, lambda s, t: _distance(unit(s), unit(t)))


@wrong("takes softmax over the channels instead of dividing by the length")
def softmaxed(fs, ft, size):
    return _each(fs, ft, size, lambda s, t: _distance(s.softmax(1), t.softmax(1)))


@wrong("divides zero by zero where a vector is zero")
def nan_at_zeros(fs, ft, size):
    def unit(x):
        return x / x.norm(dim=1, keepdim=True)

    return _each(fs, ft, size, lambda s, t: _distance(unit(s), unit(t)))


@wrong("takes 1 minus the cosine, which is 1 where a vector is zero")
def one_minus_cosine(fs, ft, size):
    return _each(fs, ft, size, lambda s, t: 1 - F.cosine_similarity(s, t, dim=1)[:, None])


@wrong("adds a constant to the lengths that is not small beside them")
def padded_length(fs, ft, size):
    def unit(x):
        return x / (x.norm(dim=1, keepdim=True) + 1e-2)

    return _each(fs, ft, size, lambda s, t: _distance(unit(s), unit(t)))


@wrong("applies a ReLU to the features first")
def rectified(fs, ft, size):
    return stfpm_map([s.relu() for s in fs], [t.relu() for t in ft], size)


@wrong("takes places where one vector is zero for places of agreement")
def zero_agrees(fs, ft, size):
    def distance(s, t):
        zero = (s == 0).all(1, keepdim=True) | (t == 0).all(1, keepdim=True)
        return _distance(_unit(s), _unit(t)).masked_fill(zero, 0)

    return _each(fs, ft, size, distance)


@wrong("cuts distances off at 1, and so opposite directions count as right angles")
def cut_at_one(fs, ft, size):
    return _each(fs, ft, size, lambda s, t: _distance(_unit(s), _unit(t)).clamp(max=1))


@wrong("forgets the half")
def whole(fs, ft, size):
    return (2 * _maps(fs, ft, size)).prod(0)


@wrong("halves the product once instead of every level")
def halved_once(fs, ft, size):
    return (2 * _maps(fs, ft, size)).prod(0) / 2


@wrong("averages over the channels instead of adding them up")
def mean_channels(fs, ft, size):
    return _each(fs, ft, size, lambda s, t: (_unit(s) - _unit(t)).square().mean(1, keepdim=True) / 2)


@wrong("leaves the square out, and takes half the distance")
def unsquared(fs, ft, size):
    return _each(fs, ft, size, lambda s, t: (_unit(s) - _unit(t)).norm(dim=1, keepdim=True) / 2)


@wrong("adds absolute differences up instead of squares")
def absolute(fs, ft, size):
    return _each(fs, ft, size, lambda s, t: (_unit(s) - _unit(t)).abs().sum(1, keepdim=True) / 2)


@wrong("takes the cosine itself, which is large where the two agree")
def similarity(fs, ft, size):
    return _each(fs, ft, size, lambda s, t: (_unit(s) * _unit(t)).sum(1, keepdim=True))


@wrong("takes the channel that differs most")
def largest_channel(fs, ft, size):
    return _each(fs, ft, size, lambda s, t: (_unit(s) - _unit(t)).square().amax(1, keepdim=True) / 2)


@wrong("adds the levels up instead of multiplying them")
def summed(fs, ft, size):
    return _maps(fs, ft, size).sum(0)


@wrong("averages the levels")
def averaged(fs, ft, size):
    return _maps(fs, ft, size).mean(0)


@wrong("takes the geometric mean of the levels instead of their product")
def geometric(fs, ft, size):
    maps = _maps(fs, ft, size)
    return maps.prod(0) ** (1 / len(maps))


@wrong("takes the largest of the levels")
def largest_level(fs, ft, size):
    return _maps(fs, ft, size).amax(0)


@wrong("starts the product at zero, and so always has zero")
def from_zero(fs, ft, size):
    product = torch.zeros_like(_maps(fs, ft, size)[0])
    for level in _maps(fs, ft, size):
        product = product * level
    return product


@wrong("returns the last level only")
def last_level(fs, ft, size):
    return _maps(fs, ft, size)[-1]


@wrong("leaves out the levels after the third")
def three_levels(fs, ft, size):
    return _maps(fs[:3], ft[:3], size).prod(0)


@wrong("fails when there is a single level")
def fails_for_one(fs, ft, size):
    first, second, *rest = _maps(fs, ft, size)
    for level in rest:
        second = second * level
    return first * second


@wrong("resizes with align_corners=True")
def aligned(fs, ft, size):
    maps = [_distance(_unit(s), _unit(t)) for s, t in zip(fs, ft)]
    return torch.stack([_resized(d, size, mode="bilinear", align_corners=True)[:, 0] for d in maps]).prod(0)


@wrong("resizes to the nearest place")
def nearest(fs, ft, size):
    maps = [_distance(_unit(s), _unit(t)) for s, t in zip(fs, ft)]
    return torch.stack([_resized(d, size, mode="nearest")[:, 0] for d in maps]).prod(0)


@wrong("samples zeros beyond the border of a level, which fades out at its edges")
def fading(fs, ft, size):
    y, x = ((torch.arange(n).to(fs[0]) + 0.5) * 2 / n - 1 for n in size)
    grid = torch.stack([x.expand(len(y), -1), y[:, None].expand(-1, len(x))], dim=-1)
    product = 1.0
    for s, t in zip(fs, ft):
        d = _distance(_unit(s), _unit(t))
        product = product * F.grid_sample(d, grid.expand(len(d), -1, -1, -1), align_corners=False)[:, 0]
    return product


@wrong("resizes bicubically")
def bicubic(fs, ft, size):
    maps = [_distance(_unit(s), _unit(t)) for s, t in zip(fs, ft)]
    return torch.stack([_resized(d, size, mode="bicubic")[:, 0] for d in maps]).prod(0)


@wrong("resizes the features instead of the distances")
def features_first(fs, ft, size):
    pairs = [(_resized(s, size), _resized(t, size)) for s, t in zip(fs, ft)]
    return torch.stack([_distance(_unit(s), _unit(t))[:, 0] for s, t in pairs]).prod(0)


@wrong("resizes the unit vectors instead of the distances")
def units_first(fs, ft, size):
    pairs = [(_resized(_unit(s), size), _resized(_unit(t), size)) for s, t in zip(fs, ft)]
    return torch.stack([_distance(s, t)[:, 0] for s, t in pairs]).prod(0)


@wrong("multiplies the levels at the size of the first one, and resizes the product")
def product_first(fs, ft, size):
    return _resized(_maps(fs, ft, fs[0].shape[2:]).prod(0)[:, None], size)[:, 0]


@wrong("resizes by way of the largest level, which smooths twice")
def two_steps(fs, ft, size):
    h, w = max(f.shape[2] for f in fs), max(f.shape[3] for f in fs)
    maps = [_resized(_distance(_unit(s), _unit(t)), (h, w)) for s, t in zip(fs, ft)]
    return torch.stack([_resized(d, size)[:, 0] for d in maps]).prod(0)


@wrong("takes size for (W, H)")
def size_swapped(fs, ft, size):
    return stfpm_map(fs, ft, (size[1], size[0]))


@wrong("takes a square of the first number of size")
def square_size(fs, ft, size):
    return stfpm_map(fs, ft, (size[0], size[0]))


@wrong("resizes by the factor of the rows in both directions")
def by_factor(fs, ft, size):
    maps = [_distance(_unit(s), _unit(t)) for s, t in zip(fs, ft)]
    maps = [F.interpolate(d, scale_factor=size[0] / d.shape[2], mode="bilinear")[:, 0] for d in maps]
    return torch.stack(maps).prod(0)


@wrong("ignores size and gives the map of the first level's size")
def first_size(fs, ft, size):
    return stfpm_map(fs, ft, tuple(fs[0].shape[2:]))


@wrong("scales each map to run from 0 to 1, image by image")
def min_max(fs, ft, size):
    product = stfpm_map(fs, ft, size)
    low, high = product.amin((1, 2), keepdim=True), product.amax((1, 2), keepdim=True)
    return (product - low) / (high - low).clamp(min=1e-12)


@wrong("smooths the map at the end")
def smoothed(fs, ft, size):
    return F.avg_pool2d(stfpm_map(fs, ft, size), 3, stride=1, padding=1, count_include_pad=False)


@wrong("averages over the images of the batch")
def batch_mean(fs, ft, size):
    product = stfpm_map(fs, ft, size)
    return product.mean(0, keepdim=True).expand_as(product).clone()


@wrong("keeps a channel axis of one")
def with_channel(fs, ft, size):
    return stfpm_map(fs, ft, size)[:, None]


@wrong("squeezes all axes of size one, and so loses the batch axis of a single image")
def squeezed(fs, ft, size):
    return stfpm_map(fs, ft, size).squeeze()


@wrong("returns the maps of all levels")
def all_levels(fs, ft, size):
    return list(_maps(fs, ft, size))


@wrong("puts the unit vectors into the caller's own lists")
def in_lists(fs, ft, size):
    for i in range(len(fs)):
        fs[i], ft[i] = _unit(fs[i]), _unit(ft[i])
    return stfpm_map(fs, ft, size)


@wrong("normalises the caller's own features")
def in_place(fs, ft, size):
    product = stfpm_map(fs, ft, size)
    for x in (*fs, *ft):
        x /= x.norm(dim=1, keepdim=True).clamp(min=1e-12)
    return product


@wrong("works in float32 whatever comes in")
def single_precision(fs, ft, size):
    return stfpm_map([s.float() for s in fs], [t.float() for t in ft], size)


@wrong("works in float64 whatever comes in, and returns that")
def double_precision(fs, ft, size):
    return stfpm_map([s.double() for s in fs], [t.double() for t in ft], size)


@wrong("takes lengths below 0.001 for 0.001")
def floored_length(fs, ft, size):
    product = 1.0
    for s, t in zip(fs, ft):
        s, t = F.normalize(s, dim=1, eps=1e-3), F.normalize(t, dim=1, eps=1e-3)
        d = (s - t).pow(2).sum(1, keepdim=True) / 2
        product = product * F.interpolate(d, size=size, mode="bilinear")[:, 0]
    return product
