"""Targets for a model with anchor trajectories.

A model in the manner of MultiPath chooses among K fixed trajectories, the anchors, and predicts how the
truth differs from the chosen one. For training each true trajectory needs both: the class, which is the
nearest anchor, and the offset from that anchor.

* anchors [K, T, 2] and gt [N, T, 2] hold points in metres, in the frame of the agent, at the same T
  times.
* The distance between an anchor and a trajectory is the mean over the T times of the distance between
  their points of that time, sqrt(dx^2 + dy^2): the average displacement error (ADE). All times count
  alike; the end point is one of them.
* idx [N], int64, is the index of the nearest anchor, for each trajectory on its own: several may share
  an anchor, and an anchor may be without any. Of anchors at exactly the same distance the first counts.
* offset [N, T, 2] is gt minus that anchor, point by point.
* Return (idx, offset). N may be 0; K and T are at least 1.
* offset has the dtype of gt. The inputs stay as they are. No gradient is asked for.

Example: anchor 0 is (1, 0), (2, 0), (3, 0), anchor 1 is (1, 3), (2, 3), (3, 3), and gt (1, 0), (2, 0),
(3, 3). Anchor 0 is (0 + 0 + 3) / 3 = 1 away, anchor 1 is (3 + 3 + 0) / 3 = 2 away although it has the
same end point. So idx is 0 and offset (0, 0), (0, 0), (0, 3).
"""

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from grader import right, wrong

LEVEL = 1
MINUTES = 15
HINTS = (
    "First make a table [N, K] of distances. Which axes does it need before two of them are averaged away?",
    "Broadcast to [N, K, T, 2]. The length of a difference comes first, the mean over times second; the "
    "other way round errors to the left and to the right cancel.",
    "Take the norm over the last axis, the mean over T, and the arg-min over K, which gives the first of "
    "equals. Index the anchors with it and subtract them from gt.",
)


def anchor_targets(
    anchors: Float[Tensor, "k t 2"], gt: Float[Tensor, "n t 2"]
) -> tuple[Int64[Tensor, " n"], Float[Tensor, "n t 2"]]:
    """Return the index of the anchor nearest to each trajectory, and the offset from it."""
    idx = _distances(anchors, gt).mean(dim=-1).argmin(dim=1)
    return idx, gt.detach() - anchors.detach()[idx]


def _distances(anchors: Float[Tensor, "k t 2"], gt: Float[Tensor, "n t 2"]) -> Float[Tensor, "n k t"]:
    """Return the distance of every trajectory to every anchor, at each time."""
    return (gt.detach()[:, None] - anchors.detach()).norm(dim=-1)


def _chosen(anchors, gt, cost):
    """The targets when the anchor of least cost [n, k] is taken."""
    idx = cost.argmin(dim=1)
    return idx, gt - anchors[idx]


@right("with a loop that remembers the best so far")
def looped(anchors, gt):
    idx, offset = torch.zeros(len(gt), dtype=torch.long), torch.zeros_like(gt)
    for n in range(gt.shape[0]):
        best = float("inf")
        for k in range(anchors.shape[0]):
            ade = ((anchors[k] - gt[n]) ** 2).sum(-1).sqrt().mean().item()
            if ade < best:
                best = ade
                idx[n] = k
                offset[n] = gt[n] - anchors[k]
    return idx, offset


@right("with torch.cdist at each time, added up")
def with_cdist(anchors, gt):
    total = torch.cdist(gt.transpose(0, 1), anchors.transpose(0, 1)).sum(dim=0)  # n k
    idx = total.min(dim=1).indices
    return idx, gt - anchors.index_select(0, idx)


@right("with complex numbers, all differences kept, as a list")
def with_gather(anchors, gt):
    difference = gt.unsqueeze(1) - anchors.unsqueeze(0)  # n k t 2
    length = torch.complex(difference[..., 0], difference[..., 1]).abs()
    idx = torch.argmin(length.mean(-1), -1)
    picked = difference.gather(1, idx.view(-1, 1, 1, 1).expand(-1, 1, *gt.shape[1:]))
    return [idx, picked.squeeze(1)]


@right("with a stable sort, and the anchors as a product with one-hot rows")
def with_sort(anchors, gt):
    ade = torch.hypot(*(gt[:, None] - anchors[None]).unbind(-1)).mean(2)
    idx = ade.sort(dim=1, stable=True).indices[:, 0]
    picked = torch.nn.functional.one_hot(idx, len(anchors)).to(anchors.dtype) @ anchors.flatten(1)
    return idx, gt - picked.reshape(gt.shape)


@right("in NumPy")
def in_numpy(anchors, gt):
    import numpy as np

    a, g = anchors.numpy(), gt.numpy()
    ade = np.sqrt(((g[:, None] - a[None]) ** 2).sum(-1)).mean(-1)
    idx = ade.argmin(axis=1)
    return torch.as_tensor(idx), torch.as_tensor(g - a[idx])


@wrong("goes by the distance of the end points alone")
def by_end_point(anchors, gt):
    return _chosen(anchors, gt, _distances(anchors, gt)[..., -1])


@wrong("averages squared distances, in which a single large one outweighs the rest")
def squared(anchors, gt):
    return _chosen(anchors, gt, _distances(anchors, gt).square().mean(-1))


@wrong("adds a constant under the root that is not small beside a distance")
def padded_root(anchors, gt):
    return _chosen(anchors, gt, (_distances(anchors, gt).square() + 1e-3).sqrt().mean(-1))


@wrong("takes Smooth L1 for the distance, the loss that the offsets are trained with")
def smooth(anchors, gt):
    near = torch.nn.functional.smooth_l1_loss(
        *torch.broadcast_tensors(gt[:, None], anchors), reduction="none"
    )
    return _chosen(anchors, gt, near.mean(dim=(-2, -1)))


@wrong("adds the distance of the end points to the mean, so that those count twice")
def ade_and_fde(anchors, gt):
    d = _distances(anchors, gt)
    return _chosen(anchors, gt, d.mean(-1) + d[..., -1])


@wrong("warps time, so that a slower or a faster drive along the same path counts as near")
def warped(anchors, gt):
    apart = (gt[:, None, :, None] - anchors[:, None]).norm(dim=-1)  # n k t t
    t = gt.shape[1]
    cost = torch.full((*apart.shape[:2], t + 1, t + 1), torch.inf, dtype=gt.dtype)
    cost[..., 0, 0] = 0
    for i in range(t):
        for j in range(t):
            before = torch.stack([cost[..., i, j], cost[..., i, j + 1], cost[..., i + 1, j]])
            cost[..., i + 1, j + 1] = apart[..., i, j] + before.amin(dim=0)
    return _chosen(anchors, gt, cost[..., t, t])


@wrong("rounds distances to centimetres, and lets the first anchor win a close race")
def rounded(anchors, gt):
    return _chosen(anchors, gt, _distances(anchors, gt).mean(-1).round(decimals=2))


@wrong("looks for an anchor within 8 m, and takes the first where all are farther away")
def best_so_far(anchors, gt):
    cost = _distances(anchors, gt).mean(-1)
    return _chosen(anchors, gt, cost.clamp(max=8.0))


@wrong("adds up |dx| and |dy| instead of taking the length")
def city_block(anchors, gt):
    return _chosen(anchors, gt, (gt[:, None] - anchors).abs().sum(-1).mean(-1))


@wrong("averages the differences before it takes their length, so that left and right cancel")
def mean_before_norm(anchors, gt):
    return _chosen(anchors, gt, (gt[:, None] - anchors).mean(dim=2).norm(dim=-1))


@wrong("goes by the largest distance at any time")
def by_largest(anchors, gt):
    return _chosen(anchors, gt, _distances(anchors, gt).amax(-1))


@wrong("goes by the smallest distance at any time")
def by_smallest(anchors, gt):
    return _chosen(anchors, gt, _distances(anchors, gt).amin(-1))


@wrong("goes by the median distance, which no outlier moves")
def by_median(anchors, gt):
    return _chosen(anchors, gt, _distances(anchors, gt).quantile(0.5, dim=-1))


@wrong("leaves the first time out of the mean")
def without_first(anchors, gt):
    d = _distances(anchors, gt)
    return _chosen(anchors, gt, d[..., 1:].mean(-1) if d.shape[-1] > 1 else d[..., 0])


@wrong("leaves the last time out of the mean")
def without_last(anchors, gt):
    d = _distances(anchors, gt)
    return _chosen(anchors, gt, d[..., :-1].mean(-1) if d.shape[-1] > 1 else d[..., 0])


@wrong("lets later times count more")
def late_times(anchors, gt):
    weight = torch.arange(1, gt.shape[1] + 1, dtype=gt.dtype)
    return _chosen(anchors, gt, (_distances(anchors, gt) * weight).sum(-1))


@wrong("lets each time vote for its nearest anchor, and takes the one with the most votes")
def by_vote(anchors, gt):
    votes = torch.nn.functional.one_hot(_distances(anchors, gt).argmin(dim=1), len(anchors)).sum(dim=1)
    return _chosen(anchors, gt, -votes)


@wrong("compares points with the nearest point of the anchor, whatever its time")
def chamfer(anchors, gt):
    apart = (gt[:, None, :, None] - anchors[:, None]).norm(dim=-1)  # n k t t
    return _chosen(anchors, gt, apart.amin(-1).mean(-1))


@wrong("moves both to a common start first, and compares shapes only")
def aligned_starts(anchors, gt):
    return _chosen(anchors, gt, _distances(anchors - anchors[:, :1], gt - gt[:, :1]).mean(-1))


@wrong("compares the steps between points instead of the points")
def by_steps(anchors, gt):
    if gt.shape[1] == 1:
        return anchor_targets(anchors, gt)
    return _chosen(anchors, gt, _distances(anchors.diff(dim=1), gt.diff(dim=1)).mean(-1))


@wrong("compares directions only, by the cosine of the flattened trajectories")
def by_cosine(anchors, gt):
    a, g = (torch.nn.functional.normalize(x.flatten(1), dim=1) for x in (anchors, gt))
    return _chosen(anchors, gt, -(g @ a.T))


@wrong("takes the last of anchors at the same distance")
def last_on_ties(anchors, gt):
    cost = _distances(anchors, gt).mean(-1)
    idx = len(anchors) - 1 - cost.flip(1).argmin(dim=1)
    return idx, gt - anchors[idx]


@wrong("takes the farthest anchor")
def farthest(anchors, gt):
    return _chosen(anchors, gt, -_distances(anchors, gt).mean(-1))


@wrong("looks for the nearest trajectory of each anchor instead of the nearest anchor of each trajectory")
def other_way_round(anchors, gt):
    idx = _distances(anchors, gt).mean(-1).argmin(dim=0) if len(gt) else torch.zeros(0).long()
    return idx, gt[idx] - anchors[: len(idx)]


@wrong("gives an anchor to one trajectory only, and the next one has to take another")
def each_once(anchors, gt):
    cost = _distances(anchors, gt).mean(-1)
    idx = torch.zeros(len(gt), dtype=torch.long)
    for n in range(len(gt)):
        idx[n] = cost[n].argmin()
        if n + 1 < len(anchors):
            cost[:, idx[n]] = torch.inf
    return idx, gt - anchors[idx]


@wrong("chooses one anchor for the whole batch, the nearest on average")
def one_for_all(anchors, gt):
    if len(gt) == 0:
        return anchor_targets(anchors, gt)
    return _chosen(anchors, gt, _distances(anchors, gt).mean((0, 2)).expand(len(gt), -1))


@wrong("subtracts the trajectory from the anchor, so that every offset has the wrong sign")
def sign_of_offset(anchors, gt):
    idx, offset = anchor_targets(anchors, gt)
    return idx, -offset


@wrong("measures offsets from the mean of all anchors")
def from_mean_anchor(anchors, gt):
    return anchor_targets(anchors, gt)[0], gt - anchors.mean(dim=0)


@wrong("measures offsets from the anchor with the same index as the trajectory")
def unindexed(anchors, gt):
    own = torch.arange(len(gt)) % len(anchors)
    return anchor_targets(anchors, gt)[0], gt - anchors[own]


@wrong("measures the offset of each time from the anchor that is nearest just then")
def offset_by_time(anchors, gt):
    near = _distances(anchors, gt).argmin(dim=1)  # n t
    return anchor_targets(anchors, gt)[0], gt - anchors[near, torch.arange(gt.shape[1])]


@wrong("returns the offset of the end point only")
def end_offset(anchors, gt):
    idx, offset = anchor_targets(anchors, gt)
    return idx, offset[:, -1]


@wrong("returns offsets from all anchors")
def all_offsets(anchors, gt):
    return anchor_targets(anchors, gt)[0], gt[:, None] - anchors


@wrong("adds the offsets of earlier times up, as if they were steps")
def cumulated(anchors, gt):
    idx, offset = anchor_targets(anchors, gt)
    return idx, offset.cumsum(dim=1)


@wrong("returns the distance of the nearest anchor instead of its index")
def distance_returned(anchors, gt):
    return _distances(anchors, gt).mean(-1).amin(dim=1), anchor_targets(anchors, gt)[1]


@wrong("returns one-hot rows instead of indices")
def one_hot(anchors, gt):
    idx, offset = anchor_targets(anchors, gt)
    return torch.nn.functional.one_hot(idx, len(anchors)), offset


@wrong("returns the indices as 32 bit integers")
def narrow(anchors, gt):
    idx, offset = anchor_targets(anchors, gt)
    return idx.int(), offset


@wrong("keeps an axis of size 1 behind the indices")
def kept_axis(anchors, gt):
    idx, offset = anchor_targets(anchors, gt)
    return idx[:, None], offset


@wrong("drops the axis of the trajectories when there is one")
def squeezed(anchors, gt):
    idx, offset = anchor_targets(anchors, gt)
    return idx.squeeze(), offset.squeeze(0)


@wrong("returns the offset before the index")
def exchanged(anchors, gt):
    return anchor_targets(anchors, gt)[::-1]


@wrong("fails when there are no trajectories")
def not_for_none(anchors, gt):
    found = [anchor_targets(anchors, g[None]) for g in gt]
    return torch.cat([i for i, _ in found]), torch.cat([o for _, o in found])


@wrong("subtracts the anchors in the caller's own trajectories")
def in_place(anchors, gt):
    idx, _ = anchor_targets(anchors, gt)
    gt -= anchors[idx]
    return idx, gt


@wrong("returns offsets in single precision whatever comes in")
def single_precision(anchors, gt):
    idx, offset = anchor_targets(anchors, gt)
    return idx, offset.float()
