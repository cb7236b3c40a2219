"""Errors of the best of K trajectories.

The future is uncertain, so a model predicts K possible trajectories (modes) for each agent and is
judged by the best of them. pred [N, K, T, 2] holds K trajectories of T points (x, y) in metres for each
of N agents, gt [N, T, 2] the true one, and valid [N, T] says at which steps the truth is known. Return
the tuple (min_ade, min_fde, miss_rate):

* The error of a mode at a step is the distance, the length of pred - gt, in metres.
* The average displacement error (ADE) of a mode is the mean of its errors over the valid steps of the
  agent. Its final displacement error (FDE) is its error at the agent's last valid step, the largest t
  with valid[n, t]; steps before it may be invalid too.
* For each agent, take the smallest ADE of its K modes, and the smallest FDE. The two minima are taken
  separately: they may come from different modes.
* min_ade and min_fde are the means of these over the agents. Each agent counts once, however many of
  its steps are valid. Minimum first, then mean: each agent has its own best mode.
* miss_rate is the share of agents whose smallest FDE is greater than 2.0; exactly 2.0 is not a miss.
* valid = None means that every step is valid.
* An agent without any valid step does not count at all: it is in none of the sums and in no number that
  is divided by. At least one agent has a valid step; K and T are at least 1.
* Where valid is False gt means nothing and may be anything, even NaN or infinite. pred is finite.
* All three are Python floats or 0-d tensors. The inputs stay as they are. No gradient is asked for.

Example: one agent, two modes, three steps, all valid. Mode A is off by 1, 1 and 0 m: ADE 2/3, FDE 0.
Mode B is off by 0, 0 and 1.5 m: ADE 0.5, FDE 1.5. So min_ade = 0.5, from B, min_fde = 0, from A, and
miss_rate = 0.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from grader import right, wrong

LEVEL = 2
MINUTES = 20
HINTS = (
    "First make one table of errors [N, K, T]. Over which of its axes does each number take a mean, over "
    "which a minimum, and in which order?",
    "Steps that do not count must neither be in the sum nor in the number it is divided by, and NaN times 0 "
    "is NaN. The last valid step is not the number of valid steps less one when there are gaps.",
    "Drop the agents without a valid step. Put 0 into the table where a step is not valid, add up over T and "
    "divide by each agent's count; pick the errors at the largest valid index. Both tables are now [N, K]: "
    "minimum over K, then mean over N; compare the second minimum with 2 before its mean.",
)


def min_ade_fde(
    pred: Float[Tensor, "n k t 2"],
    gt: Float[Tensor, "n t 2"],
    valid: Bool[Tensor, "n t"] | None = None,
) -> tuple[float, float, float]:
    """Return minADE and minFDE in metres and the share of misses."""
    if valid is None:
        valid = torch.ones(gt.shape[:2], dtype=torch.bool)
    seen = valid.any(dim=1)
    pred, gt, valid = pred[seen], gt[seen], valid[seen]

    error = (pred - gt[:, None]).norm(dim=-1)  # n k t
    ade = error.where(valid[:, None], 0).sum(dim=-1) / valid.sum(dim=-1, keepdim=True)  # n k
    steps = torch.arange(valid.shape[1])
    last = torch.where(valid, steps, 0).amax(dim=1)  # n
    fde = error[torch.arange(len(error)), :, last]  # n k

    min_ade, min_fde = ade.amin(dim=1), fde.amin(dim=1)  # n
    return min_ade.mean().item(), min_fde.mean().item(), (min_fde > 2.0).double().mean().item()


def _seen(pred, gt, valid):
    """The agents with a valid step, and a mask that is never None."""
    if valid is None:
        valid = torch.ones(gt.shape[:2], dtype=torch.bool)
    seen = valid.any(dim=1)
    return pred[seen], gt[seen], valid[seen]


def _modes(pred, gt, valid, measure=lambda d: d.norm(dim=-1)):
    """The ADE and the FDE of every mode, n k."""
    pred, gt, valid = _seen(pred, gt, valid)
    error = measure(pred - gt[:, None]).where(valid[:, None], 0)
    last = (valid * torch.arange(valid.shape[1])).amax(dim=1)
    return error.sum(-1) / valid.sum(-1, keepdim=True), error[torch.arange(len(error)), :, last]


def _finished(ade, fde, missed=None):
    """The three numbers from one ADE and one FDE per agent."""
    missed = fde > 2.0 if missed is None else missed
    return ade.mean(), fde.mean(), missed.double().mean()


@right("with plain loops over agents, modes and steps")
def looped(pred, gt, valid=None):
    import math

    n, k, t, _ = pred.shape
    ades, fdes = [], []
    for i in range(n):
        steps = [j for j in range(t) if valid is None or valid[i, j]]
        if not steps:
            continue
        rows = []
        for m in range(k):
            rows.append([math.dist(pred[i, m, j].tolist(), gt[i, j].tolist()) for j in steps])
        ades.append(min(sum(row) / len(row) for row in rows))
        fdes.append(min(row[-1] for row in rows))
    return sum(ades) / len(ades), sum(fdes) / len(fdes), sum(f > 2.0 for f in fdes) / len(fdes)


@right("with NaN for what does not count, and a flipped mask for the last step")
def with_nan(pred, gt, valid=None):
    dist = torch.linalg.vector_norm(pred - gt.unsqueeze(1), dim=3)
    if valid is None:
        valid = torch.ones_like(gt[..., 0], dtype=torch.bool)
    dist = torch.where(valid.unsqueeze(1), dist, torch.full_like(dist, float("nan")))
    ade = torch.nanmean(dist, dim=2).min(dim=1).values
    last = gt.shape[1] - 1 - valid.flip(1).long().argmax(dim=1)
    fde = dist.gather(2, last[:, None, None].expand(-1, dist.shape[1], 1)).squeeze(2).min(dim=1)[0]
    ade, fde = ade[~ade.isnan()], fde[~fde.isnan()]
    return torch.mean(ade), torch.mean(fde), torch.mean((fde > 2).float())


@right("with the truth made 0 where it is unknown, sorted modes and weights for the agents")
def weighted(pred, gt, valid=None):
    valid = torch.ones(gt.shape[0], gt.shape[1]) if valid is None else valid
    w = valid.to(pred.dtype)
    truth = torch.where(w[..., None] > 0, gt, torch.zeros_like(gt))
    d = ((pred - truth[:, None]) ** 2).sum(-1) ** 0.5
    ade = torch.einsum("nkt,nt->nk", d, w) / w.sum(1, keepdim=True).clamp(min=1)
    later = w.flip(1).cumsum(1).flip(1)  # how many valid steps from here on
    final = torch.einsum("nkt,nt->nk", d, w * (later == 1))
    agent = (w.sum(1) > 0).to(pred.dtype)
    best_ade, best_fde = ade.sort(1).values[:, 0], final.sort(1).values[:, 0]
    count = agent.sum()
    miss = (best_fde > 2.0).to(pred.dtype)
    return [float((x * agent).sum() / count) for x in (best_ade, best_fde, miss)]


@right("in NumPy, agent by agent")
def in_numpy(pred, gt, valid=None):
    import numpy as np

    p, g = pred.numpy(), gt.numpy()
    v = np.ones(g.shape[:2], bool) if valid is None else valid.numpy()
    found = []
    for pi, gi, vi in zip(p, g, v):
        if vi.any():
            d = np.linalg.norm(pi[:, vi] - gi[vi], axis=-1)
            found.append((d.mean(axis=1).min(), d[:, -1].min(), d[:, -1].min() > 2.0))
    a, f, m = np.array(found, dtype=float).mean(axis=0)
    return float(a), float(f), float(m)


@right("with complex numbers and a running best over the modes")
def running(pred, gt, valid=None):
    z, truth = torch.complex(pred[..., 0], pred[..., 1]), torch.complex(gt[..., 0], gt[..., 1])
    valid = valid if valid is not None else torch.ones(truth.shape).bool()
    rows = valid.any(1).nonzero().squeeze(1)
    count = valid.sum(1)
    best_ade = torch.full((len(gt),), float("inf"), dtype=pred.dtype)
    best_fde = best_ade.clone()
    for mode in z.unbind(1):
        gap = (mode - truth).abs().masked_fill(~valid, 0)
        best_ade = torch.minimum(best_ade, gap.sum(1) / count)
        end = torch.stack([g[v.nonzero()[-1, 0]] if v.any() else g[0] for g, v in zip(gap, valid)])
        best_fde = torch.minimum(best_fde, end)
    missed = sum(1 for r in rows if best_fde[r] > 2.0) / len(rows)
    return best_ade[rows].mean().item(), best_fde[rows].mean().item(), missed


# -- the minimum ---------------------------------------------------------------------------------


@wrong("takes the mean over the agents before the minimum, so that all have to share one mode")
def mean_first(pred, gt, valid=None):
    ade, fde = _modes(pred, gt, valid)
    return ade.mean(0).min(), fde.mean(0).min(), (fde > 2.0).double().mean(0).min()


@wrong("averages over the modes instead of taking the best")
def mean_of_modes(pred, gt, valid=None):
    ade, fde = _modes(pred, gt, valid)
    return _finished(ade.mean(1), fde.mean(1))


@wrong("looks at the first mode only")
def first_mode(pred, gt, valid=None):
    ade, fde = _modes(pred, gt, valid)
    return _finished(ade[:, 0], fde[:, 0])


@wrong("averages the K trajectories first and measures their mean")
def mean_trajectory(pred, gt, valid=None):
    ade, fde = _modes(pred.mean(1, keepdim=True), gt, valid)
    return _finished(ade[:, 0], fde[:, 0])


@wrong("takes the FDE of the mode with the best ADE")
def fde_of_best_ade(pred, gt, valid=None):
    ade, fde = _modes(pred, gt, valid)
    best = ade.argmin(1, keepdim=True)
    return _finished(ade.amin(1), fde.gather(1, best)[:, 0])


@wrong("takes the ADE of the mode with the best end point")
def ade_of_best_fde(pred, gt, valid=None):
    ade, fde = _modes(pred, gt, valid)
    best = fde.argmin(1, keepdim=True)
    return _finished(ade.gather(1, best)[:, 0], fde.amin(1))


@wrong("takes the best mode anew at every step, and averages those")
def best_at_each_step(pred, gt, valid=None):
    _, fde = _modes(pred, gt, valid)
    pred, gt, valid = _seen(pred, gt, valid)
    error = (pred - gt[:, None]).norm(dim=-1).amin(1).where(valid, 0)
    return _finished(error.sum(1) / valid.sum(1), fde.amin(1))


@wrong("returns the worst mode")
def worst(pred, gt, valid=None):
    ade, fde = _modes(pred, gt, valid)
    return _finished(ade.amax(1), fde.amax(1))


# -- the steps that count ------------------------------------------------------------------------


@wrong("ignores valid")
def without_valid(pred, gt, valid=None):
    return min_ade_fde(pred, gt)


@wrong("multiplies by the mask, so that a NaN in the truth spoils everything")
def multiplied(pred, gt, valid=None):
    pred, gt, valid = _seen(pred, gt, valid)
    error = (pred - gt[:, None]).norm(dim=-1) * valid[:, None]
    last = (valid * torch.arange(valid.shape[1])).amax(1)
    ade = error.sum(-1) / valid.sum(-1, keepdim=True)
    return _finished(ade.amin(1), error[torch.arange(len(error)), :, last].amin(1))


@wrong("makes NaN harmless, but multiplies an infinite truth by the mask")
def only_nan_replaced(pred, gt, valid=None):
    return multiplied(pred, gt.where(~gt.isnan(), 0), valid)


@wrong(
    "takes the steps without NaN for the known ones wherever the truth has NaN at all, and valid elsewhere"
)
def nan_before_valid(pred, gt, valid=None):
    return min_ade_fde(pred, gt, ~gt.isnan().any(-1) if gt.isnan().any() else valid)


@wrong("zeroes the steps that are not valid but divides by all T of them")
def over_all_steps(pred, gt, valid=None):
    ade, fde = _modes(pred, gt, valid)
    share = _seen(pred, gt, valid)[2].double().mean(1, keepdim=True)
    return _finished((ade * share).amin(1), fde.amin(1))


@wrong("takes the FDE at step T, valid or not")
def final_step(pred, gt, valid=None):
    ade, _ = _modes(pred, gt, valid)
    pred, gt, valid = _seen(pred, gt, valid)
    return _finished(ade.amin(1), (pred[:, :, -1] - gt[:, None, -1]).norm(dim=-1).amin(1))


@wrong("takes the number of valid steps less one for the last of them, which it is only without gaps")
def counted_last(pred, gt, valid=None):
    ade, _ = _modes(pred, gt, valid)
    pred, gt, valid = _seen(pred, gt, valid)
    error = (pred - gt[:, None]).norm(dim=-1)
    return _finished(ade.amin(1), error[torch.arange(len(error)), :, valid.sum(1) - 1].amin(1))


@wrong("counts the valid steps on from the first of them to find the last, gaps or not")
def counted_from_first(pred, gt, valid=None):
    ade, _ = _modes(pred, gt, valid)
    pred, gt, valid = _seen(pred, gt, valid)
    last = valid.long().argmax(1) + valid.sum(1) - 1
    error = (pred - gt[:, None]).norm(dim=-1)
    return _finished(ade.amin(1), error[torch.arange(len(error)), :, last].amin(1))


@wrong("finds the invalid steps by their NaN and ignores valid")
def by_nan(pred, gt, valid=None):
    return min_ade_fde(pred, gt, ~gt.isnan().any(-1))


@wrong("takes the FDE at the first valid step")
def first_step(pred, gt, valid=None):
    ade, _ = _modes(pred, gt, valid)
    pred, gt, valid = _seen(pred, gt, valid)
    error = (pred - gt[:, None]).norm(dim=-1)
    return _finished(ade.amin(1), error[torch.arange(len(error)), :, valid.long().argmax(1)].amin(1))


@wrong("cuts every track off at its first gap")
def until_first_gap(pred, gt, valid=None):
    pred, gt, valid = _seen(pred, gt, valid)
    start = valid.long().cumsum(1) == 0
    return min_ade_fde(pred, gt, valid & (start | valid).long().cumprod(1).bool())


@wrong("leaves out every agent whose truth has a gap")
def complete_only(pred, gt, valid=None):
    if valid is not None and valid.all(1).any():
        pred, gt, valid = (x[valid.all(1)] for x in (pred, gt, valid))
    return min_ade_fde(pred, gt, valid)


@wrong("leaves out agents whose last step is not valid")
def arrived_only(pred, gt, valid=None):
    if valid is not None and valid[:, -1].any():
        pred, gt, valid = (x[valid[:, -1]] for x in (pred, gt, valid))
    return min_ade_fde(pred, gt, valid)


@wrong("counts an agent without a valid step as one without error")
def unseen_as_perfect(pred, gt, valid=None):
    share = 1.0 if valid is None else valid.any(1).double().mean().item()
    return tuple(share * x for x in min_ade_fde(pred, gt, valid))


@wrong("divides by zero for an agent without a valid step")
def unseen_as_nan(pred, gt, valid=None):
    found = min_ade_fde(pred, gt, valid)
    unseen = valid is not None and not valid.any(1).all()
    return (float("nan"), *found[1:]) if unseen else found


@wrong("averages over the valid steps of all agents together, so that longer tracks count more")
def pooled(pred, gt, valid=None):
    ade, fde = _modes(pred, gt, valid)
    count = _seen(pred, gt, valid)[2].sum(1)
    return (ade.amin(1) * count).sum() / count.sum(), *_finished(ade, fde.amin(1))[1:]


@wrong("cannot do without valid")
def valid_needed(pred, gt, valid=None):
    return min_ade_fde(pred, gt, valid & valid)


# -- the numbers ---------------------------------------------------------------------------------


@wrong("squares the distances")
def squared(pred, gt, valid=None):
    ade, fde = _modes(pred, gt, valid, lambda d: d.square().sum(-1))
    return _finished(ade.amin(1), fde.amin(1), fde.amin(1) > 4.0)


@wrong("takes the root of the mean square over the steps")
def root_mean_square(pred, gt, valid=None):
    square, fde = _modes(pred, gt, valid, lambda d: d.square().sum(-1))
    return _finished(square.amin(1).sqrt(), fde.amin(1).sqrt())


@wrong("adds up the absolute differences of x and y")
def manhattan(pred, gt, valid=None):
    ade, fde = _modes(pred, gt, valid, lambda d: d.abs().sum(-1))
    return _finished(ade.amin(1), fde.amin(1))


@wrong("averages the absolute differences of x and y")
def mean_absolute(pred, gt, valid=None):
    ade, fde = _modes(pred, gt, valid, lambda d: d.abs().mean(-1))
    return _finished(ade.amin(1), fde.amin(1))


@wrong("counts an FDE of exactly 2.0 as a miss")
def not_strict(pred, gt, valid=None):
    ade, fde = _modes(pred, gt, valid)
    return _finished(ade.amin(1), fde.amin(1), fde.amin(1) >= 2.0)


@wrong("counts an agent as missed when its ADE is above 2 m")
def missed_by_ade(pred, gt, valid=None):
    ade, fde = _modes(pred, gt, valid)
    return _finished(ade.amin(1), fde.amin(1), ade.amin(1) > 2.0)


@wrong("looks for misses at the mode with the best ADE")
def missed_at_best_ade(pred, gt, valid=None):
    ade, fde = _modes(pred, gt, valid)
    best = fde.gather(1, ade.argmin(1, keepdim=True))[:, 0]
    return _finished(ade.amin(1), fde.amin(1), best > 2.0)


@wrong("counts every mode that misses, not every agent")
def missed_modes(pred, gt, valid=None):
    ade, fde = _modes(pred, gt, valid)
    return _finished(ade.amin(1), fde.amin(1), (fde > 2.0).double().mean(1))


@wrong("counts an agent as missed when any of its modes misses")
def any_mode_missed(pred, gt, valid=None):
    ade, fde = _modes(pred, gt, valid)
    return _finished(ade.amin(1), fde.amin(1), (fde > 2.0).any(1))


@wrong("returns the share of agents that are hit")
def hit_rate(pred, gt, valid=None):
    ade, fde, missed = min_ade_fde(pred, gt, valid)
    return ade, fde, 1 - missed


@wrong("compares the mean FDE with 2 m, so that all agents miss or none does")
def missed_on_average(pred, gt, valid=None):
    ade, fde, _ = min_ade_fde(pred, gt, valid)
    return ade, fde, float(fde > 2.0)


@wrong("returns the number of misses")
def number_of_misses(pred, gt, valid=None):
    ade, fde = _modes(pred, gt, valid)
    return ade.amin(1).mean(), fde.amin(1).mean(), (fde.amin(1) > 2.0).sum().double()


@wrong("returns FDE before ADE")
def swapped(pred, gt, valid=None):
    ade, fde, missed = min_ade_fde(pred, gt, valid)
    return fde, ade, missed


@wrong("returns one number per agent instead of their means")
def per_agent(pred, gt, valid=None):
    ade, fde = _modes(pred, gt, valid)
    return ade.amin(1), fde.amin(1), fde.amin(1) > 2.0


@wrong("writes into the caller's own gt where it is not valid")
def in_place(pred, gt, valid=None):
    if valid is not None:
        gt[~valid] = 0
    return min_ade_fde(pred, gt, valid)


@wrong("subtracts the truth from the caller's own pred")
def subtracted_in_place(pred, gt, valid=None):
    pred -= gt.nan_to_num()[:, None]
    return min_ade_fde(pred, torch.zeros_like(gt), valid)
