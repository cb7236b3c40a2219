"""A greedy coreset: few points that are near to all.

PatchCore keeps the patch features of all normal images, far too many to search. It thins them out so
that every point left out is near to one that stays: the k-centre problem, solved greedily by always
taking the point that is served worst so far.

* x [N, D] holds N points, one a row. Return the indices [m] (int64) of the points taken, in the order in
  which they are taken.
* The first is start. Then, m - 1 times: the distance of a point is the Euclidean one to the nearest
  point taken so far; among the points not taken yet, take the one whose distance is largest. Of equal
  distances the lowest index counts.
* Points may be copies of each other. When only copies of taken points are left, all at distance 0, the
  lowest index not taken comes next: the m indices are all different.
* 1 <= m <= N; another m raises a ValueError. start is one of 0 ... N - 1. With m = N all are taken.
* N may be large. Each point needs to remember only how far the nearest taken point is, which a new point
  can make smaller; the N x N matrix of all distances does not fit into memory. The time limit: 2 seconds
  for N = 200,000 points of D = 2 with m = 2.
* x stays as it is. All tensors are on the CPU. No gradient is asked for.

Example: points on a line at 0, 1, 2, 8, 10 and 2, with m = 4 and start = 0. Farthest from 0 is 10
(index 4). Now the distances are 0, 1, 2, 2, 0, 2: three are equal, and index 2 is taken. Then 8 (index
3) is 2 away from 10, and the last point, at 2, is 0 away. The result is (0, 4, 2, 3).
"""

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from grader import right, wrong

LEVEL = 2
MINUTES = 25
HINTS = (
    "Keep one vector of N distances: how far each point is from the nearest one taken. What does taking one "
    "more point do to it?",
    "After taking a point, compute the N distances to it alone and keep the smaller of old and new, entry by "
    "entry. How do you keep a point that is taken from being taken again?",
    "Squared distances have the same order. Start with those to the point start; mark what is taken with -1, "
    "which is below every distance; argmax gives the first of equal ones. Repeat m - 1 times.",
)


def greedy_coreset(x: Float[Tensor, "n d"], m: int, start: int = 0) -> Int64[Tensor, " m"]:
    """Return the indices of m points, each the farthest from those before it."""
    n = len(x)
    if not 1 <= m <= n:
        raise ValueError(f"m must be from 1 to {n}, not {m}")
    chosen = [start]
    nearest = torch.full((n,), torch.inf).to(x)
    for _ in range(m - 1):
        nearest = torch.minimum(nearest, (x - x[chosen[-1]]).square().sum(dim=1))
        nearest[chosen[-1]] = -1  # below every distance, and it stays there
        chosen.append(int(nearest.argmax()))
    return torch.tensor(chosen)


def _checked(x, m):
    if m < 1 or m > len(x):
        raise ValueError("m is out of range")


def _greedy(x, m, start, *, distance=None, merge=torch.minimum, pick=None, mark=-1.0):
    """Return the greedy choice with parts that a version replaces."""
    _checked(x, m)
    distance = distance or (lambda p, q: (p - q).square().sum(-1))
    pick = pick or (lambda nearest: int(nearest.argmax()))
    chosen, nearest = [start], distance(x, x[start])
    for _ in range(m - 1):
        if mark is not None:
            nearest[chosen] = mark
        chosen.append(pick(nearest))
        nearest = merge(nearest, distance(x, x[chosen[-1]]))
    return torch.tensor(chosen)


@right("with cdist to the point taken last, and minus infinity for what is taken")
def with_cdist(x, m, start=0):
    _checked(x, m)
    taken = torch.zeros(len(x), dtype=torch.bool)
    idx = torch.empty(m, dtype=torch.long)
    near = torch.full((len(x), 1), float("inf"), dtype=x.dtype)
    at = start
    for k in range(m):
        idx[k], taken[at] = at, True
        near = torch.min(near, torch.cdist(x, x[at : at + 1]))
        at = int(near[:, 0].masked_fill(taken, -torch.inf).argmax())
    return idx


@right("measuring again from all taken points each time")
def measured_again(x, m, start=0):
    if m not in range(1, len(x) + 1):
        raise ValueError(m)
    chosen = [start]
    while len(chosen) < m:
        near = torch.linalg.vector_norm(x[:, None] - x[chosen], dim=2).amin(1)
        left = [i for i in range(len(x)) if i not in chosen]
        chosen.append(left[int(torch.argmax(near[left]))])
    return torch.LongTensor(chosen)


@right("in plain Python")
def plain(x, m, start=0):
    points = x.tolist()
    if not 0 < m <= len(points):
        raise ValueError("bad m")
    chosen, taken = [start], {start}
    near = [float("inf")] * len(points)
    while len(chosen) < m:
        last, best, far = points[chosen[-1]], -1, -1.0
        for i, p in enumerate(points):
            near[i] = min(near[i], sum((a - b) ** 2 for a, b in zip(p, last)))
            if near[i] > far and i not in taken:
                best, far = i, near[i]
        chosen.append(best)
        taken.add(best)
    return torch.tensor(chosen, dtype=torch.int64)


@right("in NumPy, from the squared lengths and a product")
def in_numpy(x, m, start=0):
    import numpy as np

    _checked(x, m)
    x = x.numpy()
    squares = (x * x).sum(1)
    chosen = np.full(m, start, dtype=np.int64)
    near = np.full(len(x), np.inf)
    for k in range(1, m):
        at = chosen[k - 1]
        near = np.minimum(near, np.maximum(squares + squares[at] - 2 * (x @ x[at]), 0))
        near[at] = -np.inf
        chosen[k] = np.argmax(near)
    return torch.from_numpy(chosen)


@right("among the points that are left, which it keeps in order")
def shrinking(x, m, start=0):
    _checked(x, m)
    left = torch.cat([torch.arange(start), torch.arange(start + 1, len(x))])
    chosen = [torch.tensor(start)]
    near = (x[left] - x[start]).pow(2).sum(1).sqrt()
    for _ in range(m - 1):
        top = (near == near.max()).nonzero()[0, 0]
        chosen.append(left[top])
        keep = torch.arange(len(left)) != top
        left, near = left[keep], near[keep]
        near = torch.minimum(near, (x[left] - x[chosen[-1]]).norm(dim=1))
    return torch.stack(chosen)


@right("by a stable sort of the distances")
def sorted_stably(x, m, start=0):
    def pick(near):
        return int(torch.sort(near, descending=True, stable=True).indices[0])

    return _greedy(x, m, start, pick=pick, distance=lambda p, q: (p - q).norm(dim=1))


@right("as PointNet++ samples points")
def farthest_point_sampling(x, m, start=0):
    n, d = x.shape
    if m <= 0 or m > n:
        raise ValueError("cannot take that many")
    centroids = torch.zeros(m, dtype=torch.long)
    distance = torch.ones(n, dtype=x.dtype) * 1e10
    farthest = start
    for i in range(m):
        centroids[i] = farthest
        dist = torch.sum((x - x[farthest].view(1, d)) ** 2, -1)
        closer = dist < distance
        distance[closer] = dist[closer]
        distance[centroids[: i + 1]] = -1
        farthest = torch.max(distance, -1)[1]
    return centroids


@wrong("takes the point nearest to those taken instead of the farthest")
def nearest_first(x, m, start=0):
    return _greedy(x, m, start, pick=lambda near: int(near.argmin()), mark=torch.inf)


@wrong("takes the point farthest from the one taken last, and forgets the others")
def from_the_last(x, m, start=0):
    def merge(near, new):
        return torch.where(near < 0, near, new)

    return _greedy(x, m, start, merge=merge)


@wrong("goes by the farthest of the taken points instead of the nearest")
def to_the_farthest(x, m, start=0):
    def merge(near, new):
        return torch.where(near < 0, near, torch.maximum(near, new))

    return _greedy(x, m, start, merge=merge)


@wrong("goes by the sum of the distances to the taken points")
def summed(x, m, start=0):
    def merge(near, new):
        return torch.where(near < 0, near, near + new)

    return _greedy(x, m, start, merge=merge, distance=lambda p, q: (p - q).norm(dim=-1))


@wrong("goes by the distance to the mean of the taken points")
def from_the_mean(x, m, start=0):
    _checked(x, m)
    chosen = [start]
    for _ in range(m - 1):
        near = (x - x[chosen].mean(0)).square().sum(1)
        near[chosen] = -1
        chosen.append(int(near.argmax()))
    return torch.tensor(chosen)


@wrong("takes the m points farthest from start, and never updates the distances")
def never_updated(x, m, start=0):
    return _greedy(x, m, start, merge=lambda near, new: near)


@wrong("updates the distances one point late")
def updated_late(x, m, start=0):
    _checked(x, m)
    chosen = [start]
    near = (x - x[start]).square().sum(1)
    for k in range(m - 1):
        if k > 1:
            near = torch.minimum(near, (x - x[chosen[-2]]).square().sum(1))
        near[chosen] = -1
        chosen.append(int(near.argmax()))
    return torch.tensor(chosen)


@wrong("takes points again once all that are left are copies of taken ones")
def not_distinct(x, m, start=0):
    return _greedy(x, m, start, mark=None)


@wrong("marks what is taken with 0, which copies of taken points have too")
def marked_zero(x, m, start=0):
    return _greedy(x, m, start, mark=0.0)


@wrong("stops when only copies of taken points are left")
def stops_early(x, m, start=0):
    found = greedy_coreset(x, m, start)
    far = [float((x[i] - x[found[:k]]).square().sum(1).min()) if k else 1.0 for k, i in enumerate(found)]
    return found[[k for k, d in enumerate(far) if d > 0]]


@wrong("removes copies before it begins, and returns indices of what is left")
def without_copies(x, m, start=0):
    _checked(x, m)
    points = torch.tensor(list(dict.fromkeys(map(tuple, x.tolist())))).to(x)
    return _greedy(points, min(m, len(points)), min(start, len(points) - 1))


@wrong("takes the highest index of equal distances")
def last_of_ties(x, m, start=0):
    return _greedy(x, m, start, pick=lambda near: len(near) - 1 - int(near.flip(0).argmax()))


@wrong("sorts upwards and takes the end, which mixes up equal distances")
def end_of_sort(x, m, start=0):
    return _greedy(x, m, start, pick=lambda near: int(near.argsort()[-1]))


@wrong("adds up absolute differences instead of the Euclidean distance")
def manhattan(x, m, start=0):
    return _greedy(x, m, start, distance=lambda p, q: (p - q).abs().sum(-1))


@wrong("takes the largest difference of a coordinate instead of the Euclidean distance")
def chebyshev(x, m, start=0):
    return _greedy(x, m, start, distance=lambda p, q: (p - q).abs().amax(-1))


@wrong("goes by the angle between points instead of their distance")
def cosine(x, m, start=0):
    return _greedy(x, m, start, distance=lambda p, q: 1 - torch.cosine_similarity(p, q.expand_as(p), dim=-1))


@wrong("divides every point by its length before it measures")
def normalised(x, m, start=0):
    unit = x / x.norm(dim=1, keepdim=True).clamp(min=1e-12)
    return _greedy(unit, m, start)


@wrong("leaves the last coordinate out")
def fewer_coordinates(x, m, start=0):
    return _greedy(x[:, :-1], m, start)


@wrong("removes what it takes, and returns positions among what was left")
def positions(x, m, start=0):
    left, places = list(range(len(x))), []
    for i in greedy_coreset(x, m, start).tolist():
        places.append(left.index(i))
        left.remove(i)
    return torch.tensor(places)


@wrong("takes the highest index when only copies of taken points are left")
def last_copy(x, m, start=0):
    found = greedy_coreset(x, m, start).tolist()
    far = [float(torch.cdist(x[i : i + 1], x[found[:k]]).min()) for k, i in enumerate(found) if k]
    kept = found[: 1 + sum(d > 0 for d in far)]
    rest = [i for i in reversed(range(len(x))) if i not in kept]
    return torch.tensor(kept + rest[: m - len(kept)])


@wrong("always starts at point 0")
def always_first(x, m, start=0):
    return greedy_coreset(x, m)


@wrong("takes start for how many points to take before it begins")
def leading(x, m, start=0):
    found = greedy_coreset(x, m, 0)
    return torch.cat([torch.arange(start), found])[:m] if start else found


@wrong("starts with the point farthest from start instead of start itself")
def start_left_out(x, m, start=0):
    if m == len(x):
        return greedy_coreset(x, m, start)
    return greedy_coreset(x, m + 1, start)[1:]


@wrong("takes m points besides start")
def one_too_many(x, m, start=0):
    found = greedy_coreset(x, m, start)
    return torch.cat([found, greedy_coreset(x, min(m + 1, len(x)), start)[m:]])


@wrong("takes one point when m is 1 or less, and all when m is more than N")
def lenient(x, m, start=0):
    return greedy_coreset(x, min(max(m, 1), len(x)), start)


@wrong("accepts an m that is larger than N, and takes all points")
def too_many(x, m, start=0):
    return greedy_coreset(x, min(m, len(x)), start)


@wrong("refuses m = N, where all points are taken")
def all_refused(x, m, start=0):
    if m >= len(x):
        raise ValueError("m must be less than the number of points")
    return greedy_coreset(x, m, start)


@wrong("fails with another exception when m is out of range")
def other_exception(x, m, start=0):
    assert 1 <= m <= len(x)
    return greedy_coreset(x, m, start)


@wrong("returns the indices in rising order")
def rising(x, m, start=0):
    return greedy_coreset(x, m, start).sort().values


@wrong("returns a mask over the points")
def as_mask(x, m, start=0):
    mask = torch.zeros(len(x), dtype=torch.bool)
    mask[greedy_coreset(x, m, start)] = True
    return mask


@wrong("returns the points instead of their indices")
def points_taken(x, m, start=0):
    return x[greedy_coreset(x, m, start)]


@wrong("returns a list of ints")
def as_list(x, m, start=0):
    return greedy_coreset(x, m, start).tolist()


@wrong("returns 32-bit indices")
def short_indices(x, m, start=0):
    return greedy_coreset(x, m, start).int()


@wrong("writes infinities into the caller's own points to mark what is taken")
def in_place(x, m, start=0):
    found = greedy_coreset(x, m, start)
    x[found] = -torch.inf
    return found


@wrong("makes the N x N matrix of all distances")
def all_pairs(x, m, start=0):
    _checked(x, m)
    distances = torch.cdist(x, x, compute_mode="donot_use_mm_for_euclid_dist")
    near, chosen = distances[start].clone(), [start]
    for _ in range(m - 1):
        near[chosen] = -1
        chosen.append(int(near.argmax()))
        near = torch.minimum(near, distances[chosen[-1]])
    return torch.tensor(chosen)


@wrong("starts from distances of 100, below which distances between points need not be")
def small_start(x, m, start=0):
    _checked(x, m)
    near = torch.full((len(x),), 100.0, dtype=x.dtype)
    chosen = [start]
    while len(chosen) < m:
        near = torch.minimum(near, (x - x[chosen[-1]]).norm(dim=1))
        near[chosen] = -1.0
        chosen.append(int(near.argmax()))
    return torch.tensor(chosen)


@wrong("takes points that are very near each other for copies")
def nearly_copies(x, m, start=0):
    _checked(x, m)
    near = torch.full((len(x),), torch.inf, dtype=x.dtype)
    chosen = [start]
    while len(chosen) < m:
        near = torch.minimum(near, (x - x[chosen[-1]]).norm(dim=1))
        near[near < 1e-3] = 0.0
        near[chosen] = -1.0
        chosen.append(int(near.argmax()))
    return torch.tensor(chosen)


@wrong("keeps the points in half precision to save memory")
def half_precision(x, m, start=0):
    return greedy_coreset(x.half().to(x.dtype), m, start)
