"""Social pooling: what the others are doing.

An agent's future depends on who is around. How many others there are varies, and they come in no order,
so their features are pooled: each agent is given, feature by feature, the largest value of the rest.

* h [B, N, D] holds D features for each of up to N agents in B scenes. valid [B, N] (bool) says which of
  them are really there; the rest are padding.
* Entry (b, i, d) of the result [B, N, D] is the maximum of h[b, j, d] over all agents j of the same
  scene that are valid and are not i itself. Each feature is pooled on its own, so two features may come
  from two agents.
* That goes for every i, valid or not: a padded agent takes part in no maximum, but its own row of the
  result is the maximum over the valid agents, like any other.
* Where there is no other valid agent, the row is all 0.
* Features are finite, also those of padding, and less than 1e6 in size. They may well all be negative.
* B may be 0. N and D are at least 1; with N = 1 the result is 0.
* The result has the dtype of h. Gradients flow to h. They are always finite: the row of an agent without
  others sends gradients of 0, not NaN. Nothing is asked of them where two agents share a maximum.
* The inputs stay as they are.

Example: three agents with features (-1, 5), (-2, 3) and (9, 9), of which the last is not valid. The
first two are given each other's features, (-2, 3) and (-1, 5); the last is given (-1, 5).
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from grader import right, wrong

LEVEL = 2
MINUTES = 15
HINTS = (
    "Who may look at whom is a table [B, N, N]. Which two conditions does each of its cells combine?",
    "Give h an axis for the agent that looks, and see to it that the cells that are not allowed can never "
    "win, even against negative features. Then think of a row in which no cell is allowed.",
    "Expand h to [B, N, N, D], fill the cells that are not allowed with minus infinity, take the maximum "
    "over the third axis, and choose 0 (choose, do not multiply) for agents without any allowed cell.",
)


def social_max_pool(h: Float[Tensor, "b n d"], valid: Bool[Tensor, "b n"]) -> Float[Tensor, "b n d"]:
    """Return for each agent the maximum of each feature over the other valid agents."""
    own = torch.eye(h.shape[1], dtype=torch.bool, device=h.device)
    pair = valid[:, None, :] & ~own  # b n n: whether i sees j
    seen = h[:, None].masked_fill(~pair[..., None], -torch.inf)  # b n n d
    pooled = seen.amax(dim=2)
    return torch.where(pair.any(dim=-1)[..., None], pooled, 0)


def _pairs(valid):
    """Which agent sees which, [b, n, n]."""
    return valid[:, None, :] & ~torch.eye(valid.shape[1], dtype=torch.bool)


def _seen(h, pair, fill=-torch.inf):
    return h[:, None].masked_fill(~pair[..., None], fill)


@right("with plain loops over scenes and agents")
def looped(h, valid):
    out = torch.zeros_like(h)
    for b in range(h.shape[0]):
        for i in range(h.shape[1]):
            others = [h[b, j] for j in range(h.shape[1]) if j != i and valid[b, j]]
            if others:
                out[b, i] = torch.stack(others).max(dim=0).values
    return out


@right("with the two largest of each scene, of which each agent takes the one that is not its own")
def with_topk(h, valid):
    n = h.shape[1]
    masked = torch.where(valid.unsqueeze(-1), h, torch.full_like(h, float("-inf")))
    if n == 1:
        return torch.zeros_like(h)
    top, who = masked.topk(2, dim=1)  # b 2 d
    own = who[:, :1] == torch.arange(n)[None, :, None]
    pooled = torch.where(own, top[:, 1:], top[:, :1])
    return pooled.masked_fill(pooled == float("-inf"), 0.0)


@right("with the running maxima of those before and of those after")
def running(h, valid):
    low = torch.full_like(h[:, :1], -1e9)
    masked = h.masked_fill(~valid[..., None], -1e9)
    before = torch.cat([low, masked[:, :-1]], dim=1).cummax(dim=1).values
    after = torch.cat([masked[:, 1:], low], dim=1).flip(1).cummax(dim=1).values.flip(1)
    pooled = torch.maximum(before, after)
    return torch.where(pooled > -1e8, pooled, torch.zeros_like(pooled))


@right("with a large number subtracted from those who do not count")
def subtracted(h, valid):
    n = h.size(1)
    allowed = valid.float()[:, None, :] * (1 - torch.eye(n))
    scores = h[:, None, :, :] - 1e9 * (1 - allowed[..., None]).to(h.dtype)
    has = (allowed.sum(-1, keepdim=True) > 0).to(h.dtype)
    return scores.max(dim=2)[0] * has


@right("leaving each agent out in turn, with minus infinity added as a logarithm")
def left_out(h, valid):
    n, rows = h.shape[1], []
    barred = valid.to(h.dtype).log()[..., None]
    for i in range(n):
        rest = [j for j in range(n) if j != i]
        if not rest:
            rows.append(torch.zeros_like(h[:, 0]))
            continue
        best = (h[:, rest] + barred[:, rest]).amax(1)
        rows.append(best.nan_to_num(neginf=0.0))
    return torch.stack(rows, dim=1)


@right("with the indices of the winners, and a gather")
def gathered(h, valid):
    pair = _pairs(valid)
    winner = _seen(h, pair).argmax(dim=2)  # b n d
    return h.gather(1, winner) * pair.any(-1, keepdim=True)


@wrong("lets an agent take part in its own maximum")
def own_included(h, valid):
    pair = valid[:, None, :].expand(-1, h.shape[1], -1)
    return torch.where(pair.any(-1)[..., None], _seen(h, pair).amax(2), 0)


@wrong("lets padded agents take part")
def padding_included(h, valid):
    return social_max_pool(h, torch.ones_like(valid))


@wrong("fills the others with 0, against which negative features lose")
def filled_with_zero(h, valid):
    return _seen(h, _pairs(valid), 0.0).amax(dim=2)


@wrong("fills the others with -1, as if all features came from a tanh")
def filled_with_minus_one(h, valid):
    pair = _pairs(valid)
    return torch.where(pair.any(-1)[..., None], _seen(h, pair, -1.0).amax(2), 0)


@wrong("fills the others with -10,000, below which features may still be")
def filled_with_thousands(h, valid):
    pair = _pairs(valid)
    return torch.where(pair.any(-1)[..., None], _seen(h, pair, -1e4).amax(2), 0)


@wrong("lowers the others by 10,000, after which a padded agent may still be the highest")
def lowered(h, valid):
    pair = _pairs(valid)
    seen = h[:, None] - 1e4 * (~pair[..., None]).to(h.dtype)
    return torch.where(pair.any(-1)[..., None], seen.amax(2), 0)


@wrong("knows an agent by its features, and so leaves out another that has the same")
def by_features(h, valid):
    pair = valid[:, None, :] & (h[:, :, None] != h[:, None]).any(-1)
    return torch.where(pair.any(-1)[..., None], _seen(h, pair).amax(2), 0)


@wrong("fills the others with the smallest positive number, which it takes for the lowest of all")
def filled_with_tiny(h, valid):
    pair = _pairs(valid)
    return torch.where(pair.any(-1)[..., None], _seen(h, pair, torch.finfo(h.dtype).tiny).amax(2), 0)


@wrong("leaves minus infinity where nobody else is")
def minus_infinity(h, valid):
    return _seen(h, _pairs(valid)).amax(dim=2)


@wrong("multiplies minus infinity by 0 where nobody else is, which is NaN")
def multiplied(h, valid):
    pair = _pairs(valid)
    return _seen(h, pair).amax(dim=2) * pair.any(-1, keepdim=True)


@wrong("leaves the most negative number there is where nobody else is")
def lowest_number(h, valid):
    return _seen(h, _pairs(valid)).amax(dim=2).nan_to_num()


@wrong("gives an agent its own features when nobody else is there")
def own_when_alone(h, valid):
    return torch.where(_pairs(valid).any(-1)[..., None], social_max_pool(h, valid), h)


@wrong("averages the others instead of taking the maximum")
def mean_pool(h, valid):
    pair = _pairs(valid).to(h.dtype)
    return pair @ h / pair.sum(-1, keepdim=True).clamp(min=1)


@wrong("adds the others up instead of taking the maximum")
def sum_pool(h, valid):
    return _pairs(valid).to(h.dtype) @ h


@wrong("takes the value that is largest in size, whatever its sign")
def largest_in_size(h, valid):
    winner = _seen(h.abs(), _pairs(valid)).argmax(dim=2)
    return torch.where(_pairs(valid).any(-1)[..., None], h.gather(1, winner), 0)


@wrong("takes all features from one agent, the one with the largest sum")
def whole_agent(h, valid):
    pair = _pairs(valid)
    winner = h.sum(-1)[:, None].masked_fill(~pair, -torch.inf).argmax(-1)
    found = h.gather(1, winner[..., None].expand_as(h))
    return torch.where(pair.any(-1)[..., None], found, 0)


@wrong("takes the maximum of the neighbours in front and behind in the list only")
def next_in_list(h, valid):
    n = h.shape[1]
    near = (torch.arange(n)[:, None] - torch.arange(n)).abs() <= 1
    pair = _pairs(valid) & near
    return torch.where(pair.any(-1)[..., None], _seen(h, pair).amax(2), 0)


@wrong("looks only at agents with a lower index, as a causal mask would")
def causal(h, valid):
    pair = _pairs(valid) & torch.ones(valid.shape[1], valid.shape[1]).tril().bool()
    return torch.where(pair.any(-1)[..., None], _seen(h, pair).amax(2), 0)


@wrong("asks whether the agent that looks is valid, and not the one that is looked at")
def wrong_axis(h, valid):
    pair = valid[:, :, None] & ~torch.eye(h.shape[1], dtype=torch.bool)
    return torch.where(pair.any(-1)[..., None], _seen(h, pair).amax(2), 0)


@wrong("sets the rows of padded agents to 0")
def padded_rows_zero(h, valid):
    return social_max_pool(h, valid) * valid[..., None]


@wrong("pools over all scenes of the batch together")
def across_scenes(h, valid):
    return social_max_pool(h.flatten(0, 1)[None], valid.flatten()[None]).view_as(h)


@wrong("takes the validity of the first scene for all scenes")
def first_scene_mask(h, valid):
    return social_max_pool(h, valid[:1].expand_as(valid))


@wrong("leaves out every agent whose value equals one's own, and not just oneself")
def by_value(h, valid):
    out = torch.zeros_like(h)
    for i in range(h.shape[1]):
        other = valid[..., None] & (h != h[:, i : i + 1])
        best = h.masked_fill(~other, -torch.inf).amax(1)
        out[:, i] = torch.where(other.any(1), best, 0)
    return out


@wrong("gives 0 to everybody in a scene with one valid agent, also to the padded ones")
def at_least_two(h, valid):
    crowd = valid.sum(dim=1) > 1
    return torch.where(crowd[:, None, None], social_max_pool(h, valid), 0)


@wrong("gives 0 to the whole batch when one agent has nobody")
def all_or_nothing(h, valid):
    if not _pairs(valid).any(-1).all():
        return torch.zeros_like(h)
    return social_max_pool(h, valid)


@wrong("takes the maximum over the agents that look instead of those that are looked at")
def transposed(h, valid):
    pair = _pairs(valid)
    seen = h[:, :, None].masked_fill(~pair[..., None], -torch.inf).amax(dim=2)
    return torch.where(pair.any(-1)[..., None], seen, 0)


@wrong("takes the maximum over the features and leaves one number for each agent")
def over_features(h, valid):
    return social_max_pool(h, valid).amax(dim=-1)


@wrong("gives every scene one vector, the maximum over all its valid agents")
def one_per_scene(h, valid):
    masked = h.masked_fill(~valid[..., None], -torch.inf).amax(dim=1)
    return masked.masked_fill(masked.isinf(), 0)


@wrong("puts the pooled features beside the agent's own")
def concatenated(h, valid):
    return torch.cat([h, social_max_pool(h, valid)], dim=-1)


@wrong("returns the winners' indices along with the values")
def with_indices(h, valid):
    found = _seen(h, _pairs(valid)).max(dim=2)
    return found.values.masked_fill(found.values.isinf(), 0), found.indices


@wrong("cuts the others off from the graph, so that they learn nothing from those who look at them")
def detached(h, valid):
    return social_max_pool(h.detach(), valid)


@wrong("softens the maximum into a weighted mean")
def softened(h, valid):
    pair = _pairs(valid)
    weight = _seen(h, pair, -1e9).softmax(dim=2)
    return torch.where(pair.any(-1)[..., None], (weight * h[:, None]).sum(2), 0)


@wrong("writes minus infinity into the caller's own features")
def in_place(h, valid):
    with torch.no_grad():
        h[~valid] = -torch.inf
    return social_max_pool(h, valid)


@wrong("returns single precision whatever comes in")
def single_precision(h, valid):
    return social_max_pool(h.float(), valid)


@wrong("fails when there are no scenes")
def not_for_none(h, valid):
    rows = [social_max_pool(h[b : b + 1], valid[b : b + 1]) for b in range(len(h))]
    return torch.cat(rows)
