"""Non-maximum suppression for lanes.

A detector with many line anchors reports the same lane again and again. Greedy NMS walks through the
lanes from the best score to the worst. For thin lines the IoU of boxes says little; what counts is how
far two lanes are apart, on average. A lane is kept unless its distance to a lane that was kept before it
is less than thr.

* xs [n, r] holds the x of n lanes, in pixels, at the same r image rows. valid [n, r] says where a lane
  has a point. Where it has none, xs means nothing; it is finite, but may be as large as 1e5. Of valid
  points all count, also those with a negative x.
* The distance of two lanes is the mean of |x of one - x of the other| over their shared rows, those
  where both are valid. Lanes without a shared row never suppress each other; so a lane without any valid
  row is always kept.
* thr is in pixels and at least 0. A lane goes only if its distance is less than thr; at exactly thr it
  stays. So with thr = 0 all lanes stay.
* scores [n] are finite. Every lane takes part, also one whose score is zero or negative. A suppressed
  lane suppresses nothing.
* Return the indices of all kept lanes, int64, from the highest score to the lowest. Of equal scores the
  lower index is the better one, both in the walk and in the result.
* n may be 0: the result is then an empty int64 tensor of shape [0]. r is at least 1.
* The inputs stay as they are. All tensors are on the CPU.

Example, thr = 10, scores (0.6, 0.9, 0.8), rows from the top and "-" for no point: lane 0 is (-, 20, 30),
lane 1 (10, 24, 42), lane 2 (18, 36, -). Lane 1 is the best. Lane 2 is (8 + 12) / 2 = 10 away from it and
stays, lane 0 is (4 + 12) / 2 = 8 away and goes: the result is [1, 2].
"""

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from grader import right, wrong

LEVEL = 2
MINUTES = 20
HINTS = (
    "It is the walk of NMS for boxes, with another measure of who is too near to whom. What does a stable "
    "sort do with equal scores?",
    "Pair all lanes by broadcasting: which rows do two of them share, and how many? Mind that few is near: "
    "a comparison that suppresses at a high IoU suppresses at a small distance.",
    "Sum the distances over shared rows, divide by their number, and put infinity where that number is 0. "
    "Then walk through the lanes in order, each that is still alive turning off the later ones nearer than "
    "thr.",
)


def lane_nms(
    xs: Float[Tensor, "n r"], valid: Bool[Tensor, "n r"], scores: Float[Tensor, " n"], thr: float
) -> Int64[Tensor, " k"]:
    """Return the indices of the lanes that survive, from the highest score to the lowest."""
    order = scores.argsort(descending=True, stable=True)
    rivals = _distance(xs[order], valid[order]) < thr  # n n
    alive = torch.ones(len(order), dtype=torch.bool)
    for i in range(len(order)):
        if alive[i]:
            alive[i + 1 :] &= ~rivals[i, i + 1 :]
    return order[alive]


def _distance(xs: Float[Tensor, "n r"], valid: Bool[Tensor, "n r"]) -> Float[Tensor, "n n"]:
    shared = valid[:, None] & valid  # n n r
    total = ((xs[:, None] - xs).abs() * shared).sum(dim=-1)
    count = shared.sum(dim=-1)
    return torch.where(count > 0, total / count, torch.inf)


def _falling(scores):
    return scores.argsort(descending=True, stable=True)


def _greedy(order, rivals):
    """Walk through the lanes in the given order; rivals[i, j] says that i suppresses j."""
    kept = []
    for i in order.tolist():
        if not any(rivals[j, i] for j in kept):
            kept.append(i)
    return torch.tensor(kept, dtype=torch.int64)


def _with(reduce, xs, valid, scores, thr):
    """NMS with a distance of another kind: reduce gives it from differences and shared rows."""
    n = len(xs)
    rivals = torch.zeros(n, n, dtype=torch.bool)
    for i in range(n):
        for j in range(n):
            shared = valid[i] & valid[j]
            if shared.any():
                rivals[i, j] = bool(reduce((xs[i] - xs[j])[shared]) < thr)
    return _greedy(_falling(scores), rivals)


@right("with a queue of what is left")
def queued(xs, valid, scores, thr):
    left = torch.sort(scores, descending=True, stable=True).indices
    kept = []
    while left.numel() > 0:
        best, left = left[0], left[1:]
        kept.append(int(best))
        shared = (valid[left] & valid[best]).to(xs.dtype)
        far = ((xs[left] - xs[best]).abs() * shared).sum(1) / shared.sum(1).clamp(min=1)
        left = left[(far >= thr) | (shared.sum(1) == 0)]
    return torch.tensor(kept, dtype=torch.long)


@right("in plain Python")
def plain(xs, valid, scores, thr):
    x, v, s = xs.tolist(), valid.tolist(), scores.tolist()
    kept = []
    for i in sorted(range(len(s)), key=lambda i: -s[i]):
        for j in kept:
            rows = [k for k in range(len(x[i])) if v[i][k] and v[j][k]]
            if rows and sum(abs(x[i][k] - x[j][k]) for k in rows) / len(rows) < thr:
                break
        else:
            kept.append(i)
    return torch.tensor(kept, dtype=torch.long)


@right("with NaN for what is not valid, since NaN is less than nothing")
def with_nan(xs, valid, scores, thr):
    lanes = xs.masked_fill(~valid, float("nan"))
    far = torch.nanmean((lanes.unsqueeze(1) - lanes.unsqueeze(0)).abs(), dim=2)
    return _greedy(_falling(scores), far < thr)


@right("comparing the sum with thr times the number of shared rows, in NumPy")
def undivided(xs, valid, scores, thr):
    import numpy as np

    x, v = xs.numpy(), valid.numpy()
    order = np.argsort(-scores.numpy(), kind="stable")
    gone = np.zeros(len(order), dtype=bool)
    for at, i in enumerate(order):
        if gone[i]:
            continue
        for j in order[at + 1 :]:
            both = v[i] & v[j]
            gone[j] |= np.abs(x[i][both] - x[j][both]).sum() < thr * both.sum()
    return torch.from_numpy(order[~gone[order]].astype(np.int64))


@right("by picking the best of what is left, with a tiny constant below")
def picked(xs, valid, scores, thr):
    v = valid.to(xs.dtype)
    count = v @ v.T
    far = torch.einsum("ijr,ir,jr->ij", (xs[:, None] - xs).abs(), v, v) / (count + 1e-8)
    left, kept = torch.ones(len(scores), dtype=torch.bool), []
    while left.any():
        best = int(scores.masked_fill(~left, -torch.inf).argmax())
        kept.append(best)
        left &= (far[best] >= thr) | (count[best] == 0)
        left[best] = False
    return torch.as_tensor(kept, dtype=torch.int64)


@wrong("suppresses a lane whose distance is exactly thr")
def at_threshold(xs, valid, scores, thr):
    return _greedy(_falling(scores), _distance(xs, valid) <= thr)


@wrong("suppresses lanes that are far apart, as if the distance were an overlap")
def far_ones(xs, valid, scores, thr):
    far = _distance(xs, valid)
    return _greedy(_falling(scores), (far > thr) & far.isfinite())


@wrong("ignores valid")
def without_valid(xs, valid, scores, thr):
    return lane_nms(xs, torch.ones_like(valid), scores, thr)


@wrong("compares in all rows where at least one of the two lanes is valid")
def either(xs, valid, scores, thr):
    shared = valid[:, None] | valid
    far = ((xs[:, None] - xs).abs() * shared).sum(-1) / shared.sum(-1).clamp(min=1)
    return _greedy(_falling(scores), (far < thr) & shared.any(-1))


@wrong("compares in all rows where the kept lane is valid, whether the other one is or not")
def by_the_kept(xs, valid, scores, thr):
    shared = valid[:, None].expand(-1, len(xs), -1)
    far = ((xs[:, None] - xs).abs() * shared).sum(-1) / shared.sum(-1).clamp(min=1)
    return _greedy(_falling(scores), (far < thr) & shared.any(-1))


@wrong("takes points for missing where x is negative, whatever valid says")
def by_sign(xs, valid, scores, thr):
    return lane_nms(xs, xs >= 0, scores, thr)


@wrong("leaves out valid points where x is negative")
def inside_only(xs, valid, scores, thr):
    return lane_nms(xs, valid & (xs >= 0), scores, thr)


@wrong("takes a lane to be there in every row from its first point to its last, gaps too")
def without_gaps(xs, valid, scores, thr):
    spans = (valid.cumsum(-1) > 0) & (valid.flip(-1).cumsum(-1).flip(-1) > 0)
    return lane_nms(xs, spans, scores, thr)


@wrong("divides by the number of all rows instead of the shared ones")
def over_all_rows(xs, valid, scores, thr):
    shared = valid[:, None] & valid
    far = ((xs[:, None] - xs).abs() * shared).mean(-1)
    return _greedy(_falling(scores), (far < thr) & shared.any(-1))


@wrong("gives lanes without a shared row the distance 0, so that they suppress each other")
def near_if_unshared(xs, valid, scores, thr):
    shared = valid[:, None] & valid
    far = ((xs[:, None] - xs).abs() * shared).sum(-1) / shared.sum(-1).clamp(min=1)
    return _greedy(_falling(scores), far < thr)


@wrong("keeps a lane only if its distance is at least thr, which is not so for the NaN of no shared row")
def nan_drops(xs, valid, scores, thr):
    shared = valid[:, None] & valid
    far = ((xs[:, None] - xs).abs() * shared).sum(-1) / shared.sum(-1)
    return _greedy(_falling(scores), ~(far >= thr))


@wrong("drops lanes that have no valid row")
def drops_empty_lanes(xs, valid, scores, thr):
    kept = lane_nms(xs, valid, scores, thr)
    return kept[valid[kept].any(-1)]


@wrong("compares the sum of the distances with thr instead of their mean")
def summed(xs, valid, scores, thr):
    return _with(lambda d: d.abs().sum(), xs, valid, scores, thr)


@wrong("forgets the absolute value in each row, so that lanes which cross are near")
def signed(xs, valid, scores, thr):
    return _with(lambda d: d.mean().abs(), xs, valid, scores, thr)


@wrong("takes the largest distance of all rows")
def largest(xs, valid, scores, thr):
    return _with(lambda d: d.abs().max(), xs, valid, scores, thr)


@wrong("takes the smallest distance of all rows")
def smallest(xs, valid, scores, thr):
    return _with(lambda d: d.abs().min(), xs, valid, scores, thr)


@wrong("takes the root of the mean square instead of the mean distance")
def root_mean_square(xs, valid, scores, thr):
    return _with(lambda d: d.square().mean().sqrt(), xs, valid, scores, thr)


@wrong("compares the lanes in the first shared row only")
def first_row(xs, valid, scores, thr):
    return _with(lambda d: d[0].abs(), xs, valid, scores, thr)


@wrong("compares the mean x of one lane with the mean x of the other, each over its own rows")
def of_means(xs, valid, scores, thr):
    mean = (xs * valid).sum(-1) / valid.sum(-1).clamp(min=1)
    shared = (valid[:, None] & valid).any(-1)
    return _greedy(_falling(scores), ((mean[:, None] - mean).abs() < thr) & shared)


@wrong("cuts x down to whole pixels")
def whole_pixels(xs, valid, scores, thr):
    return lane_nms(xs.long().to(xs), valid, scores, thr)


@wrong("lets a lane that is itself suppressed suppress others")
def by_the_suppressed(xs, valid, scores, thr):
    order = _falling(scores)
    rivals = _distance(xs[order], valid[order]) < thr
    return order[~rivals.triu(1).any(dim=0)]


@wrong("suppresses whatever is near to a suppressed lane too, and so keeps one lane of every chain")
def whole_chains(xs, valid, scores, thr):
    near = _distance(xs, valid) < thr
    for _ in range(len(xs)):
        near = (near.double() @ near.double() > 0) | near
    return _greedy(_falling(scores), near)


@wrong("compares every lane only with the best of all")
def only_the_best(xs, valid, scores, thr):
    order = _falling(scores)
    rivals = _distance(xs, valid) < thr
    return torch.tensor([i for i in order.tolist() if i == order[0] or not rivals[order[0], i]]).long()


@wrong("compares every lane only with the lane that was kept last")
def only_the_last(xs, valid, scores, thr):
    rivals = _distance(xs, valid) < thr
    kept = []
    for i in _falling(scores).tolist():
        if not kept or not rivals[kept[-1], i]:
            kept.append(i)
    return torch.tensor(kept, dtype=torch.int64)


@wrong("sorts upwards and then flips, so that of equal scores the higher index wins")
def last_of_ties(xs, valid, scores, thr):
    return _greedy(scores.argsort(stable=True).flip(0), _distance(xs, valid) < thr)


@wrong("takes the order from topk, which mixes up lanes of equal score")
def from_topk(xs, valid, scores, thr):
    return _greedy(scores.topk(len(scores)).indices, _distance(xs, valid) < thr)


@wrong("walks from the lowest score to the highest")
def worst_first(xs, valid, scores, thr):
    return _greedy(scores.argsort(stable=True), _distance(xs, valid) < thr)


@wrong("returns the kept indices in rising order instead of by score")
def by_index(xs, valid, scores, thr):
    return lane_nms(xs, valid, scores, thr).sort().values


@wrong("returns positions in the sorted list instead of indices of the lanes that came in")
def positions(xs, valid, scores, thr):
    order = _falling(scores)
    return lane_nms(xs[order], valid[order], scores[order], thr)


@wrong("returns a mask over the lanes instead of indices")
def as_mask(xs, valid, scores, thr):
    mask = torch.zeros(len(xs), dtype=torch.bool)
    mask[lane_nms(xs, valid, scores, thr)] = True
    return mask


@wrong("keeps four lanes at most")
def four_at_most(xs, valid, scores, thr):
    return lane_nms(xs, valid, scores, thr)[:4]


@wrong("throws away lanes whose score is not positive")
def positive_only(xs, valid, scores, thr):
    kept = lane_nms(xs, valid, scores, thr)
    return kept[scores[kept] > 0]


@wrong("returns an empty float tensor where there are no lanes")
def float_when_empty(xs, valid, scores, thr):
    return torch.tensor(lane_nms(xs, valid, scores, thr).tolist())


@wrong("fails where there are no lanes")
def fails_when_empty(xs, valid, scores, thr):
    scores.max()
    return lane_nms(xs, valid, scores, thr)


@wrong("always suppresses below 20 px, whatever thr says")
def fixed_threshold(xs, valid, scores, thr):
    return lane_nms(xs, valid, scores, 20.0)


@wrong("crosses suppressed lanes off in the caller's own scores")
def in_place(xs, valid, scores, thr):
    kept = lane_nms(xs, valid, scores, thr)
    gone = torch.ones(len(scores), dtype=torch.bool)
    gone[kept] = False
    scores[gone] = -torch.inf
    return kept
