"""Winner takes all.

A model that predicts K trajectories (modes) per agent is not told which of them should be "left" and
which "straight on". With this loss only the mode nearest to the truth learns from it, and the scores
learn which mode that was. An L2 loss on all modes would draw every one of them to the mean, which
nobody drives.

* traj [B, N, K, T, 2] are the modes of N agents in each of B scenes, T points (x, y) in metres; logits
  [B, N, K] their scores before any softmax; gt [B, N, T, 2] the true trajectories; valid [B, N] says
  which agents count. B, N, K and T are at least 1.
* The winner of an agent is the mode whose mean distance to gt over the T points is smallest (the
  distance is the length of the difference, as in the ADE). On ties the lower index wins. The choice is
  no step that could be differentiated: no gradient passes through it.
* Regression: Smooth L1 between the winner and gt, averaged over the valid agents of the whole batch,
  the T points and the two coordinates. With d the difference of two coordinates it is
      0.5 * d^2    if |d| < 1,        |d| - 0.5    otherwise.
* Classification: cross-entropy between logits and the index of the winner, averaged over the valid
  agents of the whole batch.
* The loss is the sum of both, a 0-d tensor with the dtype of the inputs. Gradients flow to traj and
  logits. The modes that lost get exactly 0, and so does everything that belongs to an agent that is not
  valid.
* Agents that are not valid are padding: their gt may be anything, even NaN or infinite. What the model
  says of them, traj and logits, is finite like all else.
* When no agent is valid, the loss is 0 and still connected to the graph of traj and logits.
* Logits may be in the hundreds. The inputs stay as they are.

Example: one agent, T = 2, the truth at (0, 0) and (1, 0). Mode A says (0, 0) and (1, 2), mode B
(0, 0.5) and (1, 0.5). The mean distances are 1 and 0.5, so B wins. Smooth L1: two of four differences
are 0.5, and (0.125 + 0.125) / 4 = 0.0625. With logits (0, 0) the cross-entropy is log 2 = 0.693, and
the loss 0.756.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from grader import right, wrong

LEVEL = 3
MINUTES = 25
HINTS = (
    "What would be left of the problem if there were only valid agents, in one long list?",
    "Find the index of the winner for each agent from a table of mean distances. What has to be chosen with "
    "it, and what is it the target of? And what is a mean over no agents?",
    "Index traj, logits and gt with valid. Lengths of the differences, mean over T, smallest index over K. "
    "Pick that mode of each agent for Smooth L1 against gt, and take the index for the class. For each term, "
    "take the sum and divide by what the mean would divide by, but at least by 1.",
)


def wta_loss(
    traj: Float[Tensor, "b n k t 2"],
    logits: Float[Tensor, "b n k"],
    gt: Float[Tensor, "b n t 2"],
    valid: Bool[Tensor, "b n"],
) -> Float[Tensor, ""]:
    """Return Smooth L1 of the winners plus the cross-entropy of the scores with them."""
    traj, logits, gt = traj[valid], logits[valid], gt[valid]  # m k t 2,  m k,  m t 2
    distance = (traj.detach() - gt[:, None]).norm(dim=-1)  # m k t
    winner = distance.mean(dim=-1).argmin(dim=-1)  # m
    nearest = traj[torch.arange(len(traj)), winner]  # m t 2
    reg = F.smooth_l1_loss(nearest, gt, reduction="sum") / max(gt.numel(), 1)
    cls = F.cross_entropy(logits, winner, reduction="sum") / max(len(gt), 1)
    return reg + cls


def _listed(traj, logits, gt, valid):
    """The valid agents in one list, and the mean distance of every mode, m k."""
    traj, logits, gt = traj[valid], logits[valid], gt[valid]
    return traj, logits, gt, (traj.detach() - gt[:, None]).norm(dim=-1).mean(dim=-1)


def _judged(traj, logits, gt, winner, measure=F.smooth_l1_loss):
    """The loss of a list of agents for given winners."""
    nearest = traj[torch.arange(len(traj)), winner]
    reg = measure(nearest, gt, reduction="sum") / max(gt.numel(), 1)
    return reg + F.cross_entropy(logits, winner, reduction="sum") / max(len(gt), 1)


@right("with a plain loop over scenes and agents, and the formula written out")
def looped(traj, logits, gt, valid):
    reg, cls, count = 0 * traj.sum(), 0 * logits.sum(), 0
    b, n, k = logits.shape
    for i in range(b):
        for j in range(n):
            if not valid[i, j]:
                continue
            best, least = 0, float("inf")
            for m in range(k):
                d = (traj[i, j, m] - gt[i, j]).detach()
                ade = torch.sqrt(d[:, 0] ** 2 + d[:, 1] ** 2).sum().item()
                if ade < least:
                    best, least = m, ade
            d = (traj[i, j, best] - gt[i, j]).abs()
            reg = reg + torch.where(d < 1, 0.5 * d * d, d - 0.5).mean()
            cls = cls + torch.logsumexp(logits[i, j], 0) - logits[i, j, best]
            count += 1
    return (reg + cls) / max(count, 1)


@right("with gather and a mask as weights, after making the padding harmless")
def gathered(traj, logits, gt, valid):
    gt = torch.where(valid[..., None, None], gt, torch.zeros_like(gt))
    with torch.no_grad():
        best = torch.linalg.vector_norm(traj - gt.unsqueeze(2), dim=-1).mean(-1).argmin(-1)
    at = best[..., None, None, None].expand(-1, -1, 1, *traj.shape[3:])
    each = F.smooth_l1_loss(traj.gather(2, at).squeeze(2), gt, reduction="none").mean(dim=(2, 3))
    nll = -logits.log_softmax(-1).gather(-1, best[..., None]).squeeze(-1)
    weight = valid.to(traj.dtype)
    return ((each + nll) * weight).sum() / weight.sum().clamp(min=1)


@right("with the winner as a vector of zeros and a one")
def one_hot(traj, logits, gt, valid):
    if not valid.any():
        return 0.0 * (traj.sum() + logits.sum())
    pred, score, true = traj[valid], logits[valid], gt[valid].unsqueeze(1)
    ade = ((pred - true).pow(2).sum(-1) + 1e-12).sqrt().mean(-1)
    chosen = F.one_hot(ade.argmin(1), ade.shape[1]).to(pred.dtype)
    huber = F.huber_loss(pred, true.expand_as(pred), reduction="none", delta=1.0).mean((-1, -2))
    return (chosen * (huber - score.log_softmax(1))).sum(1).mean()


@right("with the minimum that carries its index, and torch's own means")
def minimum(traj, logits, gt, valid):
    k, t = traj.shape[2:4]
    at = valid.reshape(-1).nonzero().flatten()
    modes = traj.reshape(-1, k, t, 2).index_select(0, at)
    true = gt.reshape(-1, t, 2).index_select(0, at)
    scores = logits.reshape(-1, k)[at]
    if at.numel() == 0:
        return modes.sum() + scores.sum()
    gap = torch.complex(*(modes - true[:, None]).unbind(-1)).abs()
    _, best = gap.mean(2).min(dim=1)
    nearest = torch.stack([m[i] for m, i in zip(modes, best.tolist())])
    return torch.nn.SmoothL1Loss()(nearest, true) + torch.nn.CrossEntropyLoss()(scores, best)


# -- the winner ----------------------------------------------------------------------------------


@wrong("lets every mode learn, not only the winner")
def all_modes(traj, logits, gt, valid):
    traj, logits, gt, ade = _listed(traj, logits, gt, valid)
    reg = F.smooth_l1_loss(traj, gt[:, None].expand_as(traj), reduction="sum") / max(traj.numel(), 1)
    cls = F.cross_entropy(logits, ade.argmin(1), reduction="sum") / max(len(gt), 1)
    return reg + cls


@wrong("chooses the mode with the best end point")
def by_end_point(traj, logits, gt, valid):
    traj, logits, gt, _ = _listed(traj, logits, gt, valid)
    end = (traj.detach()[:, :, -1] - gt[:, None, -1]).norm(dim=-1)
    return _judged(traj, logits, gt, end.argmin(1))


@wrong("chooses the mode with the highest score")
def by_score(traj, logits, gt, valid):
    traj, logits, gt, _ = _listed(traj, logits, gt, valid)
    return _judged(traj, logits, gt, logits.argmax(1))


@wrong("chooses the mode with the smallest Smooth L1, which is not always the nearest")
def by_smooth_l1(traj, logits, gt, valid):
    traj, logits, gt, _ = _listed(traj, logits, gt, valid)
    each = F.smooth_l1_loss(traj, gt[:, None].expand_as(traj), reduction="none").mean((-1, -2))
    return _judged(traj, logits, gt, each.argmin(1))


@wrong("chooses by the mean squared distance")
def by_square(traj, logits, gt, valid):
    traj, logits, gt, _ = _listed(traj, logits, gt, valid)
    return _judged(traj, logits, gt, (traj.detach() - gt[:, None]).square().sum(-1).mean(-1).argmin(1))


@wrong("chooses by the sum of the absolute differences of x and y")
def by_manhattan(traj, logits, gt, valid):
    traj, logits, gt, _ = _listed(traj, logits, gt, valid)
    return _judged(traj, logits, gt, (traj.detach() - gt[:, None]).abs().sum(-1).mean(-1).argmin(1))


@wrong("chooses one mode for all agents of the batch")
def one_for_all(traj, logits, gt, valid):
    traj, logits, gt, ade = _listed(traj, logits, gt, valid)
    return _judged(traj, logits, gt, ade.mean(0).nan_to_num(0).argmin().expand(len(gt)))


@wrong("chooses one mode for all agents of a scene")
def one_for_scene(traj, logits, gt, valid):
    gap = (traj.detach() - gt[:, :, None]).norm(dim=-1).mean(-1)  # b n k
    winner = gap.where(valid[..., None], 0).sum(1, keepdim=True).argmin(-1).expand_as(valid)
    return _judged(traj[valid], logits[valid], gt[valid], winner[valid])


@wrong("takes the mode farthest from the truth")
def farthest(traj, logits, gt, valid):
    traj, logits, gt, ade = _listed(traj, logits, gt, valid)
    return _judged(traj, logits, gt, ade.argmax(1))


@wrong("takes the highest index on ties")
def last_on_ties(traj, logits, gt, valid):
    traj, logits, gt, ade = _listed(traj, logits, gt, valid)
    return _judged(traj, logits, gt, ade.shape[1] - 1 - ade.flip(1).argmin(1))


@wrong("lets the modes share the truth by a softmin, so that the losers learn too")
def softened(traj, logits, gt, valid):
    traj, logits, gt, ade = _listed(traj, logits, gt, valid)
    each = F.smooth_l1_loss(traj, gt[:, None].expand_as(traj), reduction="none").mean((-1, -2))
    reg = ((-ade).softmax(1) * each).sum() / max(len(gt), 1)
    return reg + F.cross_entropy(logits, ade.argmin(1), reduction="sum") / max(len(gt), 1)


@wrong("lets a gradient pass through the choice, straight through a softmin, to the losers")
def straight_through(traj, logits, gt, valid):
    traj, logits, gt = traj[valid], logits[valid], gt[valid]
    ade = (traj - gt[:, None]).norm(dim=-1).mean(-1)
    hard = F.one_hot(ade.argmin(1), ade.shape[1]).to(ade.dtype)
    soft = (-ade).softmax(1)
    each = F.smooth_l1_loss(traj, gt[:, None].expand_as(traj), reduction="none").mean((-1, -2))
    reg = ((hard + soft - soft.detach()) * each).sum() / max(len(gt), 1)
    return reg + F.cross_entropy(logits, ade.argmin(1), reduction="sum") / max(len(gt), 1)


# -- the agents that count -----------------------------------------------------------------------


@wrong("ignores valid and takes both means over all agents")
def without_valid(traj, logits, gt, valid):
    return wta_loss(traj, logits, gt, torch.ones_like(valid))


@wrong("multiplies by the mask, so that a NaN in the padding spoils the loss")
def multiplied(traj, logits, gt, valid):
    gap = (traj.detach() - gt[:, :, None]).norm(dim=-1).mean(-1)
    best = gap.argmin(-1)
    at = best[..., None, None, None].expand(-1, -1, 1, *traj.shape[3:])
    each = F.smooth_l1_loss(traj.gather(2, at).squeeze(2), gt, reduction="none").mean((-1, -2))
    nll = -logits.log_softmax(-1).gather(-1, best[..., None]).squeeze(-1)
    return ((each + nll) * valid).sum() / valid.sum().clamp(min=1)


@wrong("throws the padding out of the loss but not of the graph, where its NaN becomes a gradient")
def where_too_late(traj, logits, gt, valid):
    gap = (traj.detach() - gt[:, :, None]).norm(dim=-1).mean(-1)
    best = gap.argmin(-1)
    at = best[..., None, None, None].expand(-1, -1, 1, *traj.shape[3:])
    each = F.smooth_l1_loss(traj.gather(2, at).squeeze(2), gt, reduction="none").mean((-1, -2))
    nll = -logits.log_softmax(-1).gather(-1, best[..., None]).squeeze(-1)
    return torch.where(valid, each + nll, 0).sum() / valid.sum().clamp(min=1)


@wrong("leaves padded agents out of the sums but divides by all of them")
def over_all_agents(traj, logits, gt, valid):
    return wta_loss(traj, logits, gt, valid) * valid.to(traj.dtype).mean()


@wrong("averages the regression over the padded agents too")
def padded_regression(traj, logits, gt, valid):
    traj, logits, gt, ade = _listed(traj, logits, gt, valid)
    cls = F.cross_entropy(logits, ade.argmin(1), reduction="sum") / max(len(gt), 1)
    reg = _judged(traj, logits, gt, ade.argmin(1)) - cls
    return reg * valid.to(traj.dtype).mean() + cls


@wrong("lets the scores of padded agents count")
def padded_scores(traj, logits, gt, valid):
    best = (traj.detach() - gt[:, :, None]).norm(dim=-1).mean(-1).argmin(-1)
    cls = F.cross_entropy(logits.flatten(0, 1), best.flatten())
    traj, logits, gt, ade = _listed(traj, logits, gt, valid)
    own = F.cross_entropy(logits, ade.argmin(1), reduction="sum") / max(len(gt), 1)
    return _judged(traj, logits, gt, ade.argmin(1)) - own + cls


@wrong("takes the mean of each scene first, and then of those")
def scene_by_scene(traj, logits, gt, valid):
    return torch.stack([wta_loss(*(x[None] for x in scene)) for scene in zip(traj, logits, gt, valid)]).mean()


@wrong("takes the mean over no agents, which is NaN")
def nan_when_empty(traj, logits, gt, valid):
    traj, logits, gt, ade = _listed(traj, logits, gt, valid)
    winner = ade.argmin(1)
    nearest = traj[torch.arange(len(traj)), winner]
    return F.smooth_l1_loss(nearest, gt) + F.cross_entropy(logits, winner)


@wrong("returns a constant, cut off from the graph, when no agent is valid")
def cut_off(traj, logits, gt, valid):
    return wta_loss(traj, logits, gt, valid) if valid.any() else traj.new_zeros(())


@wrong("keeps only the trajectories in the graph when no agent is valid, and not the scores")
def half_cut_off(traj, logits, gt, valid):
    return wta_loss(traj, logits, gt, valid) if valid.any() else 0 * traj.sum()


@wrong("makes NaN harmless, but multiplies an infinite truth of the padding by 0")
def only_nan_replaced(traj, logits, gt, valid):
    gt = gt.where(~gt.isnan(), 0)
    winner = (traj.detach() - gt[:, :, None]).norm(dim=-1).mean(-1).argmin(-1)
    at = winner[..., None, None, None].expand(-1, -1, 1, *traj.shape[3:])
    each = F.smooth_l1_loss(traj.gather(2, at).squeeze(2), gt, reduction="none").mean((-1, -2))
    nll = -logits.log_softmax(-1).gather(-1, winner[..., None]).squeeze(-1)
    return ((each + nll) * valid).sum() / valid.sum().clamp(min=1)


@wrong("keeps the agents that are not valid and leaves out the others")
def inverted(traj, logits, gt, valid):
    return wta_loss(traj, logits, gt, ~valid)


# -- the two terms -------------------------------------------------------------------------------


@wrong("squares the differences instead of Smooth L1")
def mean_square(traj, logits, gt, valid):
    traj, logits, gt, ade = _listed(traj, logits, gt, valid)
    return _judged(traj, logits, gt, ade.argmin(1), F.mse_loss)


@wrong("takes the absolute differences, with no quadratic part")
def mean_absolute(traj, logits, gt, valid):
    traj, logits, gt, ade = _listed(traj, logits, gt, valid)
    return _judged(traj, logits, gt, ade.argmin(1), F.l1_loss)


@wrong("takes the distance of the winner, the ADE itself, for the regression")
def distance_loss(traj, logits, gt, valid):
    traj, logits, gt, ade = _listed(traj, logits, gt, valid)
    winner = ade.argmin(1)
    reg = (traj[torch.arange(len(traj)), winner] - gt).norm(dim=-1).sum() / max(gt[..., 0].numel(), 1)
    return reg + F.cross_entropy(logits, winner, reduction="sum") / max(len(gt), 1)


@wrong("applies Smooth L1 to the length of the difference")
def smooth_length(traj, logits, gt, valid):
    traj, logits, gt, ade = _listed(traj, logits, gt, valid)
    winner = ade.argmin(1)
    length = (traj[torch.arange(len(traj)), winner] - gt).norm(dim=-1)
    reg = F.smooth_l1_loss(length, torch.zeros_like(length), reduction="sum") / max(length.numel(), 1)
    return reg + F.cross_entropy(logits, winner, reduction="sum") / max(len(gt), 1)


@wrong("adds up the regression over points and coordinates, and averages over agents only")
def summed_points(traj, logits, gt, valid):
    traj, logits, gt, ade = _listed(traj, logits, gt, valid)
    cls = F.cross_entropy(logits, ade.argmin(1), reduction="sum") / max(len(gt), 1)
    reg = _judged(traj, logits, gt, ade.argmin(1)) - cls
    return 2 * gt.shape[1] * reg + cls


@wrong("averages over the points but adds up the two coordinates")
def summed_coordinates(traj, logits, gt, valid):
    traj, logits, gt, ade = _listed(traj, logits, gt, valid)
    cls = F.cross_entropy(logits, ade.argmin(1), reduction="sum") / max(len(gt), 1)
    reg = _judged(traj, logits, gt, ade.argmin(1)) - cls
    return 2 * reg + cls


@wrong("compares the end points only")
def end_points(traj, logits, gt, valid):
    traj, logits, gt, ade = _listed(traj, logits, gt, valid)
    return _judged(traj[:, :, -1:], logits, gt[:, -1:], ade.argmin(1))


@wrong("leaves the classification out, so that the scores never learn")
def without_scores(traj, logits, gt, valid):
    traj, logits, gt, ade = _listed(traj, logits, gt, valid)
    nearest = traj[torch.arange(len(traj)), ade.argmin(1)]
    return F.smooth_l1_loss(nearest, gt, reduction="sum") / max(gt.numel(), 1)


@wrong("takes the softmax before the cross-entropy, which takes it again")
def softmax_twice(traj, logits, gt, valid):
    return wta_loss(traj, logits.softmax(-1), gt, valid)


@wrong("takes the logarithm of a softmax, which is minus infinity for sure scores")
def log_of_softmax(traj, logits, gt, valid):
    traj, logits, gt, ade = _listed(traj, logits, gt, valid)
    winner = ade.argmin(1)
    cls = F.cross_entropy(logits, winner, reduction="sum") / max(len(gt), 1)
    nll = -logits.softmax(1).log().gather(1, winner[:, None]).sum() / max(len(gt), 1)
    return _judged(traj, logits, gt, winner) - cls + nll


@wrong("smooths the labels of the classification")
def smoothed_labels(traj, logits, gt, valid):
    traj, logits, gt, ade = _listed(traj, logits, gt, valid)
    winner = ade.argmin(1)
    total = F.cross_entropy(logits, winner, reduction="sum", label_smoothing=0.1)
    return _judged(traj, logits, gt, winner) + (
        total - F.cross_entropy(logits, winner, reduction="sum")
    ) / max(len(gt), 1)


@wrong("judges each score for itself, by a sigmoid")
def binary(traj, logits, gt, valid):
    traj, logits, gt, ade = _listed(traj, logits, gt, valid)
    winner = ade.argmin(1)
    cls = F.cross_entropy(logits, winner, reduction="sum") / max(len(gt), 1)
    target = F.one_hot(winner, logits.shape[1]).to(logits)
    each = F.binary_cross_entropy_with_logits(logits, target, reduction="sum") / max(logits.numel(), 1)
    return _judged(traj, logits, gt, winner) - cls + each


@wrong("lets the regression be weighted by the probability of the winner")
def weighted(traj, logits, gt, valid):
    traj, logits, gt, ade = _listed(traj, logits, gt, valid)
    winner = ade.argmin(1)
    p = logits.softmax(1).gather(1, winner[:, None])[..., None]
    nearest = traj[torch.arange(len(traj)), winner]
    reg = (p * F.smooth_l1_loss(nearest, gt, reduction="none")).sum() / max(gt.numel(), 1)
    return reg + F.cross_entropy(logits, winner, reduction="sum") / max(len(gt), 1)


@wrong("trains the scores only: the trajectories are cut off from the graph")
def detached(traj, logits, gt, valid):
    return wta_loss(traj.detach(), logits, gt, valid)


@wrong("returns a Python number, which has no graph")
def numbered(traj, logits, gt, valid):
    return wta_loss(traj, logits, gt, valid).item()


@wrong("returns the two terms apart")
def apart(traj, logits, gt, valid):
    traj, logits, gt, ade = _listed(traj, logits, gt, valid)
    cls = F.cross_entropy(logits, ade.argmin(1), reduction="sum") / max(len(gt), 1)
    return _judged(traj, logits, gt, ade.argmin(1)) - cls, cls


@wrong("writes zeros into the caller's own gt")
def in_place(traj, logits, gt, valid):
    gt[~valid] = 0
    return wta_loss(traj, logits, gt, valid)


@wrong("returns float32 whatever comes in")
def single_precision(traj, logits, gt, valid):
    return wta_loss(traj, logits, gt, valid).float()
