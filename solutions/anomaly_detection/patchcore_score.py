"""The scores of PatchCore: of every patch, and of the whole image.

PatchCore remembers the patch features of normal images in a bank. A patch is as abnormal as it is far
from the nearest item of the bank. An image is as abnormal as its worst patch, more so if the bank item
nearest to that patch is a rare one.

* test [N, P, D] holds the P patch features of each of N images; bank [M, D] those remembered. Every axis
  is at least 1. All distances are Euclidean, |x - y|.
* patch[n, p] = the distance of test[n, p] to the nearest item of the bank.
* For each image by itself: let t be its patch with the largest patch score, s that score, and m* the
  bank item nearest to t, so that s = |t - m*|. Let B be the b items of the bank nearest to m* (not to
  t), m* itself included. Then

      image[n] = w * s,   w = 1 - exp(s) / (sum over m in B of exp(|t - m|))

* If b is larger than M, B is the whole bank. b is at least 1; with b = 1 B is m* alone, so w and
  image[n] are 0. If every patch of an image is an item of the bank, s and image[n] are 0.
* Distances may be in the thousands, where exp overflows. The quotient is harmless even so: subtract the
  same number, such as the largest distance in the sum, from all exponents.
* Rows may be copies of each other; every copy in the bank counts as an item, and it makes no difference
  which of them is taken for m*. Nothing else that matters ties.
* Return the tuple (patch [N, P], image [N]) in the dtype of the inputs. The patch scores are not
  weighted. The inputs stay as they are. All tensors are on the CPU. No gradient is asked for.

Example: D = 1, the bank 0, 1, 5, one image with the patches 2 and 0.5. Their scores are 1 and 0.5, so
t is 2, s is 1 and m* is 1. With b = 2 the items nearest to m* are 1 itself and 0, at distances 1 and 2
from t: w = 1 - e^1 / (e^1 + e^2) = 0.731, and image is 0.731. With b = 3 or more the item 5, 3 away
from t, joins: w = 1 - e^1 / (e^1 + e^2 + e^3) = 0.910.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from grader import right, wrong

LEVEL = 3
MINUTES = 30
HINTS = (
    "Two searches, not one: each patch among the bank, and then the bank item m* of the worst patch among "
    "the bank again. Only the distances in the exponents go back to the patch.",
    "From the distances [N, P, M], min over the last axis gives scores and neighbours, argmax over the "
    "patches the worst one. What is exp of one entry over the sum of exp of several?",
    "It is an entry of a softmax: exp of s minus the logsumexp of the distances from t. Gather those from "
    "the row of distances that t has already, at the indices that topk gives for m* with largest=False and "
    "no more than M.",
)


def patchcore(
    test: Float[Tensor, "n p d"], bank: Float[Tensor, "m d"], b: int = 9
) -> tuple[Float[Tensor, "n p"], Float[Tensor, " n"]]:
    """Return the score of every patch and the weighted score of every image."""
    test, bank = test.detach(), bank.detach()
    distances = _distances(test, bank)  # n p m
    patch, nearest = distances.min(dim=2)
    images, worst = torch.arange(len(test)), patch.argmax(dim=1)
    s, m_star = patch[images, worst], nearest[images, worst]
    around = _distances(bank[m_star], bank).topk(min(b, len(bank)), largest=False).indices  # n b
    to_t = distances[images, worst].gather(1, around)
    w = 1 - torch.exp(s - to_t.logsumexp(dim=1))
    return patch, w * s


def _distances(x, bank):
    # Exact for copies, which the faster way by a matrix product is not.
    return torch.cdist(x, bank, compute_mode="donot_use_mm_for_euclid_dist")


def _worst(test, bank):
    """Return patch scores, and per image the index of t, s, the index of m* and all distances of t."""
    distances = _distances(test, bank)
    patch, nearest = distances.min(dim=2)
    images, worst = torch.arange(len(test)), patch.argmax(dim=1)
    return patch, worst, patch[images, worst], nearest[images, worst], distances[images, worst]


def _around(bank, m_star, b):
    """Return the indices of the b items nearest to m*."""
    return _distances(bank[m_star], bank).topk(min(b, len(bank)), largest=False).indices


def _weight(s, to_t):
    return 1 - torch.exp(s - to_t.logsumexp(dim=1))


def _weighted(test, bank, b, weight=_weight):
    """Return the scores with another weight of (s, distances of t to the items around m*)."""
    patch, _, s, m_star, far = _worst(test, bank)
    return patch, weight(s, far.gather(1, _around(bank, m_star, b))) * s


@right("image by image, with softmax over sorted neighbours")
def looped(test, bank, b=9):
    patches, scores = [], []
    for features in test:
        d = (features[:, None] - bank).norm(dim=2)
        score = d.amin(1)
        at = score.argmax()
        m_star = bank[d[at].argmin()]
        order = (bank - m_star).norm(dim=1).argsort()[:b]
        weight = 1 - torch.softmax(d[at][order], 0)[0]
        patches.append(score)
        scores.append(weight * score[at])
    return torch.stack(patches), torch.stack(scores)


@right("in plain Python, with all exponents less s")
def plain(test, bank, b=9):
    import math

    items = bank.tolist()
    patches, images = [], []
    for image in test.tolist():
        best = [min((math.dist(t, m), i) for i, m in enumerate(items)) for t in image]
        patches.append([s for s, _ in best])
        (s, i), t = max(zip(best, image))
        around = sorted(items, key=lambda m: math.dist(m, items[i]))[:b]
        total = 0.0
        for m in around:
            total += math.exp(min(math.dist(t, m) - s, 700.0))
        images.append((1 - 1 / total) * s)
    return torch.tensor(patches).to(test), torch.tensor(images).to(test)


@right("in NumPy, from squared lengths and products, less the largest distance")
def in_numpy(test, bank, b=9):
    import numpy as np

    def far(x, y):
        squared = (x**2).sum(-1)[..., None] + (y**2).sum(-1) - 2 * x @ y.T
        return np.sqrt(np.maximum(squared, 0))

    x, y = test.numpy(), bank.numpy()
    d = far(x, y)
    patch = d.min(axis=-1)
    image = np.zeros(len(x), dtype=patch.dtype)
    for n in range(len(x)):
        at = patch[n].argmax()
        order = np.argpartition(far(y[d[n, at].argmin()], y), min(b, len(y)) - 1)[:b]
        e = np.exp(d[n, at, order] - d[n, at, order].max())
        image[n] = (1 - np.exp(patch[n, at] - d[n, at, order].max()) / e.sum()) * patch[n, at]
    return [torch.from_numpy(patch), torch.from_numpy(image)]


@right("with all images flat, and the items outside B at minus infinity")
def masked(test, bank, b=9):
    n, p, _ = test.shape
    d = torch.cdist(test.reshape(n * p, -1), bank).reshape(n, p, -1)
    patch = d.min(-1).values
    s, worst = patch.max(dim=1)
    far = d.gather(1, worst.view(n, 1, 1).expand(-1, 1, d.shape[2])).squeeze(1)
    between = torch.cdist(bank, bank)[far.argmin(1)]
    outside = between.argsort(dim=1).argsort(dim=1) >= b
    logs = far.masked_fill(outside, -torch.inf).logsumexp(1)
    return patch, (1 - torch.exp(s - logs)) * s


@right("as an expm1 of the difference in logarithms")
def with_expm1(test, bank, b=9):
    d = (test.unsqueeze(2) - bank).square().sum(-1).sqrt()
    ordered, index = torch.sort(d, dim=-1)
    patch = ordered[..., 0]
    s, at = patch.max(1)
    star = index[torch.arange(len(test)), at, 0]
    near = torch.stack([(bank - bank[i]).square().sum(1) for i in star]).sort(dim=1).indices[:, :b]
    rows = torch.stack([test[i, a].expand(near.shape[1], -1) for i, a in enumerate(at)])
    to_t = (rows - bank[near]).square().sum(-1).sqrt()
    return patch, -torch.expm1(s - torch.logsumexp(to_t, 1)) * s


@right("with the other items' exponents only: x over 1 + x")
def others(test, bank, b=9):
    patch, image = [], []
    for features in test:
        d = torch.stack([torch.linalg.vector_norm(bank - f, dim=1) for f in features])
        score, near = torch.min(d, 1)
        k = int(torch.argmax(score))
        m = int(near[k])
        order = torch.linalg.vector_norm(bank - bank[m], dim=1)
        order[m] = -1.0
        rest = order.argsort()[1:b]
        x = torch.exp(d[k, rest] - score[k]).sum()
        image.append(score[k] * (1 - 1 / (1 + x)))
        patch.append(score)
    return torch.stack(patch), torch.stack(image)


@wrong("exponentiates distances as they are, which overflows for large ones")
def overflows(test, bank, b=9):
    return _weighted(test, bank, b, lambda s, d: 1 - s.exp() / d.exp().sum(1))


@wrong("cuts the exponents off at 80 so that exp does not overflow")
def cut_off(test, bank, b=9):
    return _weighted(test, bank, b, lambda s, d: 1 - s.clamp(max=80).exp() / d.clamp(max=80).exp().sum(1))


@wrong("subtracts the largest distance in the sum but not in the numerator")
def half_shifted(test, bank, b=9):
    def weight(s, d):
        return 1 - s.exp() / (d - d.amax(1, keepdim=True)).exp().sum(1)

    return _weighted(test, bank, b, weight)


@wrong("subtracts the largest distance to the whole bank, beside which all items of B can vanish")
def shifted_too_far(test, bank, b=9):
    patch, _, s, m_star, far = _worst(test, bank)
    most = far.amax(1, keepdim=True)
    total = torch.exp(far - most).gather(1, _around(bank, m_star, b)).sum(1)
    return patch, (1 - torch.exp(s - most[:, 0]) / total) * s


@wrong("replaces the NaN of an overflow by a weight of 1")
def nan_replaced(test, bank, b=9):
    return _weighted(test, bank, b, lambda s, d: (1 - s.exp() / d.exp().sum(1)).nan_to_num(1.0))


@wrong("takes the b items nearest to the patch instead of those nearest to m*")
def around_the_patch(test, bank, b=9):
    patch, _, s, _, far = _worst(test, bank)
    to_t = far.topk(min(b, len(bank)), largest=False).values
    return patch, _weight(s, to_t) * s


@wrong("takes the distances to m* for the exponents instead of those to the patch")
def distances_to_star(test, bank, b=9):
    patch, _, s, m_star, _ = _worst(test, bank)
    near = _distances(bank[m_star], bank).topk(min(b, len(bank)), largest=False).values
    return patch, _weight(s, near) * s


@wrong("sums over the whole bank")
def whole_bank(test, bank, b=9):
    return _weighted(test, bank, len(bank))


@wrong("leaves m* out of the sum: its b nearest others only")
def without_itself(test, bank, b=9):
    patch, _, s, m_star, far = _worst(test, bank)
    index = _around(bank, m_star, b + 1)
    to_t = far.gather(1, index[:, 1:]) if len(bank) > 1 else far
    return patch, _weight(s, to_t) * s


@wrong("takes m* and b others besides")
def one_more(test, bank, b=9):
    return _weighted(test, bank, b + 1)


@wrong("takes the b items farthest from m*")
def farthest(test, bank, b=9):
    patch, _, s, m_star, far = _worst(test, bank)
    index = _distances(bank[m_star], bank).topk(min(b, len(bank))).indices
    return patch, _weight(s, far.gather(1, index)) * s


@wrong("counts copies of a bank item once")
def distinct_items(test, bank, b=9):
    return patchcore(test, torch.unique(bank, dim=0), b)


@wrong("leaves out of the sum every item that is m* or a copy of it, but for one")
def copies_left_out(test, bank, b=9):
    patch, _, s, m_star, far = _worst(test, bank)
    between = _distances(bank[m_star], bank)
    copy = between == 0
    copy[torch.arange(len(test)), m_star] = False
    index = between.masked_fill(copy, torch.inf).topk(min(b, len(bank)), largest=False)
    to_t = far.gather(1, index.indices).masked_fill(index.values.isinf(), -torch.inf)
    return patch, _weight(s, to_t) * s


@wrong("fails when b is larger than the bank")
def fails_for_few(test, bank, b=9):
    patch, _, s, m_star, far = _worst(test, bank)
    index = _distances(bank[m_star], bank).topk(b, largest=False).indices
    return patch, _weight(s, far.gather(1, index)) * s


@wrong("leaves the weight out where b is larger than the bank")
def unweighted_for_few(test, bank, b=9):
    patch, image = patchcore(test, bank, b)
    return patch, patch.amax(1) if b > len(bank) else image


@wrong("leaves the weight out for b = 1, where it is 0")
def unweighted_for_one(test, bank, b=9):
    patch, image = patchcore(test, bank, b)
    return patch, patch.amax(1) if b == 1 else image


@wrong("leaves the weight out")
def unweighted(test, bank, b=9):
    patch = _distances(test, bank).amin(2)
    return patch, patch.amax(1)


@wrong("returns the weight without multiplying it by s")
def weight_only(test, bank, b=9):
    return _weighted(test, bank, b, lambda s, d: _weight(s, d) / s.clamp(min=1e-12))


@wrong("multiplies by the quotient instead of 1 minus the quotient")
def complement(test, bank, b=9):
    return _weighted(test, bank, b, lambda s, d: 1 - _weight(s, d))


@wrong("divides the distances by the root of D in the exponents")
def tempered(test, bank, b=9):
    root = test.shape[2] ** 0.5
    return _weighted(test, bank, b, lambda s, d: _weight(s / root, d / root))


@wrong("takes distances instead of their exponentials in the weight")
def linear_weight(test, bank, b=9):
    return _weighted(test, bank, b, lambda s, d: 1 - s / d.sum(1).clamp(min=1e-12))


@wrong("squares the distances in the exponents")
def squared_exponents(test, bank, b=9):
    return _weighted(test, bank, b, lambda s, d: _weight(s**2, d**2))


@wrong("takes exp of the negative distances")
def negative(test, bank, b=9):
    return _weighted(test, bank, b, lambda s, d: _weight(-s, -d))


@wrong("averages the exponentials instead of adding them up")
def averaged(test, bank, b=9):
    return _weighted(test, bank, b, lambda s, d: 1 - (1 - _weight(s, d)) * d.shape[1])


@wrong("weights the patch scores too")
def weighted_patches(test, bank, b=9):
    patch, _, s, m_star, far = _worst(test, bank)
    weight = _weight(s, far.gather(1, _around(bank, m_star, b)))
    return patch * weight[:, None], weight * s


@wrong("returns squared distances")
def squared(test, bank, b=9):
    patch, image = patchcore(test, bank, b)
    return patch.square(), image * patch.amax(1)


@wrong("averages the distances to the b nearest items for a patch score")
def mean_of_nearest(test, bank, b=9):
    near = _distances(test, bank).topk(min(b, len(bank)), largest=False).values
    return near.mean(2), patchcore(test, bank, b)[1]


@wrong("adds up absolute differences instead of the Euclidean distance")
def manhattan(test, bank, b=9):
    d = torch.cdist(test, bank, p=1)
    patch, near = d.min(2)
    rows, worst = torch.arange(len(test)), patch.argmax(1)
    s, star = patch[rows, worst], near[rows, worst]
    index = torch.cdist(bank[star], bank, p=1).topk(min(b, len(bank)), largest=False).indices
    return patch, _weight(s, d[rows, worst].gather(1, index)) * s


@wrong("normalises the features to length 1 first")
def normalised(test, bank, b=9):
    return patchcore(F.normalize(test, dim=-1), F.normalize(bank, dim=-1), b)


@wrong("takes the mean of the patch scores for s")
def mean_patch(test, bank, b=9):
    patch, image = patchcore(test, bank, b)
    return patch, image / patch.amax(1).clamp(min=1e-12) * patch.mean(1)


@wrong("weights every patch and takes the largest weighted score")
def largest_weighted(test, bank, b=9):
    distances = _distances(test, bank)
    patch, near = distances.min(2)
    around = _around(bank, torch.arange(len(bank)), b)[near]
    weight = 1 - torch.exp(patch - distances.gather(2, around).logsumexp(2))
    return patch, (weight * patch).amax(1)


@wrong("takes the patch that is farthest from some bank item for the worst one")
def farthest_pair(test, bank, b=9):
    distances = _distances(test, bank)
    worst = distances.amax(2).argmax(1)
    far = distances[torch.arange(len(test)), worst]
    s, star = far.min(1)
    return distances.amin(2), _weight(s, far.gather(1, _around(bank, star, b))) * s


@wrong("takes the worst patch of the whole batch for every image")
def worst_of_all(test, bank, b=9):
    patch, image = patchcore(test, bank, b)
    return patch, image[patch.amax(1).argmax()].expand(len(test)).clone()


@wrong("looks for the bank item of the worst patch at the wrong place: that of the first patch")
def star_of_the_first(test, bank, b=9):
    patch, _, s, _, far = _worst(test, bank)
    star = _distances(test[:, 0], bank).argmin(1)
    return patch, _weight(s, far.gather(1, _around(bank, star, b))) * s


@wrong("takes the index of the worst patch for an index into the bank")
def patch_for_item(test, bank, b=9):
    patch, worst, s, _, far = _worst(test, bank)
    return patch, _weight(s, far.gather(1, _around(bank, worst % len(bank), b))) * s


@wrong("always takes 9 neighbours, whatever b is")
def fixed_b(test, bank, b=9):
    return patchcore(test, bank)


@wrong("takes 3 for the default of b")
def other_default(test, bank, b=3):
    return patchcore(test, bank, b)


@wrong("scales the patch scores of each image to run from 0 to 1")
def min_max(test, bank, b=9):
    patch, image = patchcore(test, bank, b)
    low, high = patch.amin(1, keepdim=True), patch.amax(1, keepdim=True)
    return (patch - low) / (high - low).clamp(min=1e-12), image


@wrong("returns a single column of image scores instead of a vector")
def column(test, bank, b=9):
    patch, image = patchcore(test, bank, b)
    return patch, image[:, None]


@wrong("squeezes axes of size one, and so loses the images or the patches")
def squeezed(test, bank, b=9):
    patch, image = patchcore(test, bank, b)
    return patch.squeeze(), image.squeeze()


@wrong("returns the image scores first")
def swapped(test, bank, b=9):
    return patchcore(test, bank, b)[::-1]


@wrong("returns the largest image score as a single number")
def one_number(test, bank, b=9):
    patch, image = patchcore(test, bank, b)
    return patch, image.max()


@wrong("moves the caller's own features by the mean of the bank")
def in_place(test, bank, b=9):
    answer = patchcore(test, bank, b)
    test -= bank.mean(0)
    return answer


@wrong("works in float32 whatever comes in")
def single_precision(test, bank, b=9):
    return patchcore(test.float(), bank.float(), b)


@wrong("works in float64 whatever comes in, and returns that")
def double_precision(test, bank, b=9):
    return patchcore(test.double(), bank.double(), b)
