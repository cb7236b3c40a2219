"""Structure of lanes: continuous and nearly straight.

Cross-entropy treats every row of a lane by itself. Two further terms, from Ultra Fast Lane Detection,
look at neighbouring rows. logits [B, L, R, C + 1] are the scores of L lanes at R rows, from top to
bottom: one for each of C columns, and a last one, index C, for "no lane".

    sim = mean of  sum over c of |P[r + 1, c] - P[r, c]|         neighbouring rows look alike
    shp = mean of  |E[r] - 2 E[r + 1] + E[r + 2]|                three rows lie on a line

* P is the softmax over all C + 1 scores, and the sum goes over all of them: "no lane" too is continuous.
* E = sum over k of k * p[k] is the position in columns, where p is the softmax over the first C scores
  alone: "no lane" is not a place, so neither its index nor its score has a part in E.
* Each mean is over the batch, the lanes, and the pairs (or triples) of rows: B * L * (R - 1) terms for
  sim, B * L * (R - 2) for shp. B, L and C are at least 1.
* With a single row there are no pairs, with one or two rows no triples. A mean of nothing is 0 here,
  never NaN, and still connected to the graph of logits.
* Return the tuple (sim, shp), two 0-d tensors in the dtype of logits. Gradients of both reach logits,
  and are finite even where neighbouring rows are equal. Scores may be in the hundreds. The input stays
  as it is.

Example: one lane, three rows and C = 4. Rows that are sure of the columns 0, 1 and 3 give sim = 2, since
two different sure rows are as far apart as can be, and shp = |0 - 2 + 3| = 1. Three rows sure of column
2 give (0, 0), those sure of the columns 1, 2 and 3 give (2, 0).
"""

import torch
from jaxtyping import Float
from torch import Tensor

from grader import right, wrong

LEVEL = 2
MINUTES = 15
HINTS = (
    "Both terms compare a tensor with itself, shifted by one row. Which slices have equal shapes?",
    "The two terms look at different softmaxes. What would the position mean if the index C took part "
    "in it? And what is the mean of an empty tensor?",
    "Differences of slices along the axis of rows: once for the probabilities, then absolute values and "
    "the sum over the last axis; twice for the expected columns. Divide each sum by the number of its "
    "terms, or by 1.",
)


def lane_structure(logits: Float[Tensor, "b l r c+1"]) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """Return how much neighbouring rows differ, and how much lanes bend."""
    C = logits.shape[-1] - 1
    P = logits.softmax(dim=-1)
    jump = (P[:, :, 1:] - P[:, :, :-1]).abs().sum(dim=-1)  # b l r-1

    E = (logits[..., :C].softmax(dim=-1) * torch.arange(C)).sum(dim=-1)  # b l r
    bend = (E[:, :, :-2] - 2 * E[:, :, 1:-1] + E[:, :, 2:]).abs()  # b l r-2
    return _mean(jump), _mean(bend)


def _mean(x):
    """The mean, or 0 of nothing."""
    return x.sum() / max(x.numel(), 1)


@right("with diff, taken twice for the positions")
def with_diff(logits):
    r = logits.shape[2]
    sim = shp = 0.0 * logits.sum()
    if r > 1:
        sim = logits.softmax(-1).diff(dim=2).norm(p=1, dim=-1).mean()
    if r > 2:
        p = torch.softmax(logits[..., :-1], dim=-1)
        e = p @ torch.arange(p.shape[-1], dtype=p.dtype)
        shp = e.diff(n=2, dim=-1).abs().mean()
    return sim, shp


@right("row by row")
def looped(logits):
    b, lanes, rows, n = logits.shape
    prob = logits.softmax(-1).unbind(2)
    where = [sum(k * z[..., k] for k in range(n - 1)) for z in logits[..., :-1].softmax(-1).unbind(2)]
    sim = logits.sum() * 0
    shp = logits.sum() * 0
    for r in range(1, rows):
        sim = sim + torch.abs(prob[r] - prob[r - 1]).sum() / (b * lanes * (rows - 1))
    for first, second, third in zip(where, where[1:], where[2:]):
        bend = (first - second) - (second - third)
        shp = shp + bend.abs().sum() / (b * lanes * (rows - 2))
    return [sim, shp]


@right("with losses that add up, and the no-lane score set to minus infinity")
def with_losses(logits):
    b, l, r, n = logits.shape  # noqa: E741
    p = torch.nn.functional.softmax(logits, dim=3)
    sim = torch.nn.functional.l1_loss(p[:, :, 1:], p[:, :, :-1], reduction="sum")
    none = torch.zeros(n, dtype=torch.bool)
    none[-1] = True
    q = torch.nn.functional.softmax(logits.masked_fill(none, float("-inf")), dim=3)
    e = torch.einsum("blrc,c->blr", q, torch.linspace(0, n - 1, n, dtype=logits.dtype))
    middle = (e[..., 2:] + e[..., :-2]) / 2
    shp = 2 * torch.nn.functional.l1_loss(e[..., 1:-1], middle, reduction="sum")
    return sim / max(b * l * (r - 1), 1), shp / max(b * l * (r - 2), 1)


@right("with a convolution along the rows")
def convolved(logits):
    p = logits.softmax(-1).permute(0, 1, 3, 2).flatten(0, 2).unsqueeze(1)
    q = logits[..., :-1].softmax(-1)
    e = (q * torch.arange(q.shape[-1]).to(q)).sum(-1).flatten(0, 1).unsqueeze(1)
    lanes = e.shape[0]
    sim = shp = logits.flatten()[0] * 0.0
    if p.shape[-1] >= 2:
        step = torch.nn.functional.conv1d(p, p.new_tensor([[[-1.0, 1.0]]]))
        sim = step.abs().sum() / (lanes * step.shape[-1])
    if e.shape[-1] >= 3:
        shp = torch.nn.functional.conv1d(e, e.new_tensor([[[1.0, -2.0, 1.0]]])).abs().mean()
    return sim, shp


@right("with the NaN of an empty mean turned into 0")
def from_nan(logits):
    P = logits.softmax(-1)
    sim = (P[:, :, 1:] - P[:, :, :-1]).abs().sum(-1).mean()
    q = logits[..., :-1].softmax(-1)
    E = torch.tensordot(q, torch.arange(q.shape[-1], dtype=q.dtype), dims=1)
    shp = (E[:, :, :-2] - 2 * E[:, :, 1:-1] + E[:, :, 2:]).abs().mean()
    return torch.nan_to_num(sim), torch.nan_to_num(shp)


@right("with a tiny constant below each mean")
def guarded(logits):
    p = logits.log_softmax(-1).exp()
    low, high = torch.minimum(p[:, :, :-1], p[:, :, 1:]), torch.maximum(p[:, :, :-1], p[:, :, 1:])
    q = logits[..., :-1].softmax(-1)
    e = q.cumsum(-1).neg().add(1).sum(-1)
    bend = e[:, :, 2:] - e[:, :, 1:-1] - (e[:, :, 1:-1] - e[:, :, :-2])
    pairs = low[..., 0].numel()
    return (high - low).sum() / (pairs + 1e-9), bend.abs().sum() / (bend.numel() + 1e-9)


def _columns(prob):
    return (prob * torch.arange(prob.shape[-1])).sum(-1)


def _place(logits):
    return _columns(logits[..., :-1].softmax(-1))


def _second(E):
    return E[:, :, :-2] - 2 * E[:, :, 1:-1] + E[:, :, 2:]


def _with(logits, *, sim=None, shp=None):
    """The right terms but for those that are given."""
    found = lane_structure(logits)
    return (found[0] if sim is None else sim), (found[1] if shp is None else shp)


# -- mistakes in the similarity ----------------------------------------------------------------


@wrong("averages over the columns instead of adding them up")
def mean_of_columns(logits):
    return _with(logits, sim=lane_structure(logits)[0] / logits.shape[-1])


@wrong("compares the scores instead of the probabilities")
def raw_scores(logits):
    return _with(logits, sim=_mean(logits.diff(dim=2).abs().sum(-1)))


@wrong("leaves no lane out of the similarity")
def only_columns(logits):
    return _with(logits, sim=_mean(logits.softmax(-1)[..., :-1].diff(dim=2).abs().sum(-1)))


@wrong("takes the softmax over the first C scores for both terms")
def same_softmax(logits):
    return _with(logits, sim=_mean(logits[..., :-1].softmax(-1).diff(dim=2).abs().sum(-1)))


@wrong("compares neighbouring lanes instead of neighbouring rows")
def neighbouring_lanes(logits):
    return _with(logits, sim=_mean(logits.softmax(-1).diff(dim=1).abs().sum(-1)))


@wrong("compares neighbouring columns instead of neighbouring rows")
def neighbouring_columns(logits):
    return _with(logits, sim=_mean(logits.softmax(-1).diff(dim=-1).abs().sum(-1)))


@wrong("squares the differences of the probabilities")
def squared_differences(logits):
    return _with(logits, sim=_mean(logits.softmax(-1).diff(dim=2).square().sum(-1)))


@wrong("takes the Euclidean distance of neighbouring rows")
def euclidean(logits):
    d = logits.softmax(-1).diff(dim=2)
    return _with(logits, sim=_mean((d.square().sum(-1) + 1e-12).sqrt()))


@wrong("adds differences up without their absolute value, so that they cancel")
def cancelling(logits):
    return _with(logits, sim=_mean(logits.softmax(-1).diff(dim=2).sum(-1)))


@wrong("halves the distance of neighbouring rows, as the total variation does")
def total_variation(logits):
    return _with(logits, sim=lane_structure(logits)[0] / 2)


@wrong("takes the Kullback-Leibler divergence of neighbouring rows")
def divergence(logits):
    logp = logits.log_softmax(-1)
    above, below = logp[:, :, :-1], logp[:, :, 1:]
    return _with(logits, sim=_mean((above.exp() * (above - below)).sum(-1)))


@wrong("takes the softmax of the similarity over the rows")
def softmax_of_rows(logits):
    return _with(logits, sim=_mean(logits.softmax(2).diff(dim=2).abs().sum(-1)))


@wrong("compares the last row with the first, as if the rows were a ring")
def ring(logits):
    p = logits.softmax(-1)
    return _with(logits, sim=_mean((p - p.roll(1, dims=2)).abs().sum(-1)))


@wrong("uses Smooth L1 for the similarity")
def smooth(logits):
    p = logits.softmax(-1)
    d = torch.nn.functional.smooth_l1_loss(p[:, :, 1:], p[:, :, :-1], reduction="none")
    return _with(logits, sim=_mean(d.sum(-1)))


@wrong("writes the absolute value as a root of squares, whose gradient at equal rows is NaN")
def rooted(logits):
    return _with(logits, sim=_mean(logits.softmax(-1).diff(dim=2).square().sqrt().sum(-1)))


@wrong("takes exponentials that overflow")
def overflowing(logits):
    e = logits.exp()
    p, q = e / e.sum(-1, keepdim=True), e[..., :-1] / e[..., :-1].sum(-1, keepdim=True)
    return _mean(p.diff(dim=2).abs().sum(-1)), _mean(_second(_columns(q)).abs())


@wrong("treats the first row as a difference too, and so divides by R")
def over_all_rows(logits):
    b, lanes, rows, _ = logits.shape
    n = b * lanes * rows
    sim = logits.softmax(-1).diff(dim=2).abs().sum() / n
    return sim, _second(_place(logits)).abs().sum() / n


# -- mistakes in the shape ---------------------------------------------------------------------


@wrong("divides by one minus the probability of no lane, which is 0 where no lane is sure")
def underflowing(logits):
    prob = logits.softmax(-1)
    E = _columns(prob[..., :-1]) / (1 - prob[..., -1])
    return _with(logits, shp=_mean(_second(E).abs()))


@wrong("includes no lane in the position, as a column C")
def with_no_lane(logits):
    return _with(logits, shp=_mean(_second(_columns(logits.softmax(-1))).abs()))


@wrong("drops the probability of no lane after the softmax, so that the rest sums to less than one")
def dropped(logits):
    return _with(logits, shp=_mean(_second(_columns(logits.softmax(-1)[..., :-1])).abs()))


@wrong("takes first differences for the shape, which punish every slanted lane")
def first_differences(logits):
    return _with(logits, shp=_mean(_place(logits).diff(dim=2).abs()))


@wrong("adds the middle row once instead of subtracting it twice")
def middle_once(logits):
    E = _place(logits)
    return _with(logits, shp=_mean((E[:, :, :-2] - E[:, :, 1:-1] + E[:, :, 2:]).abs()))


@wrong("lets bends to the left and to the right cancel")
def signed(logits):
    return _with(logits, shp=_mean(_second(_place(logits))))


@wrong("squares the bends")
def squared_bends(logits):
    return _with(logits, shp=_mean(_second(_place(logits)).square()))


@wrong("takes the best column for the position, through which no gradient flows")
def best_column(logits):
    E = logits[..., :-1].argmax(-1).to(logits.dtype)
    return _with(logits, shp=_mean(_second(E).abs()) + 0 * logits.sum())


@wrong("repeats the first and the last row, and so has bends at the ends too")
def padded(logits):
    place = torch.nn.functional.pad(_place(logits), (1, 1), mode="replicate")
    return _with(logits, shp=_mean(_second(place).abs()))


@wrong("compares each row with the one after the next for the shape, without the row between")
def two_apart(logits):
    E = _place(logits)
    return _with(logits, shp=_mean((E[:, :, 2:] - E[:, :, :-2]).abs()))


@wrong("smooths the absolute value at 0 with a small constant under a root")
def softened(logits):
    return _with(logits, shp=_mean((_second(_place(logits)).square() + 1e-6).sqrt()))


@wrong("takes the next row as a fixed target that gets no gradient")
def fixed_target(logits):
    P = logits.softmax(-1)
    return _with(logits, sim=_mean((P[:, :, 1:].detach() - P[:, :, :-1]).abs().sum(-1)))


@wrong("adds the bends up and does not average them")
def summed(logits):
    return _with(logits, shp=_second(_place(logits)).abs().sum())


@wrong("adds up the bends of a lane and averages over the lanes only")
def summed_rows(logits):
    return _with(logits, shp=_second(_place(logits)).abs().sum(-1).mean())


@wrong("divides the position by C, as a share of the width")
def shares(logits):
    return _with(logits, shp=lane_structure(logits)[1] / (logits.shape[-1] - 1))


@wrong("bends along the lanes instead of along the rows")
def across_lanes(logits):
    return _with(logits, shp=_mean(_second(_place(logits).transpose(1, 2)).abs()))


@wrong("halves the bends: the distance from the middle of the two neighbours")
def from_the_middle(logits):
    return _with(logits, shp=lane_structure(logits)[1] / 2)


@wrong("leaves out rows where no lane is the likeliest")
def only_existing(logits):
    there = logits.argmax(-1) != logits.shape[-1] - 1
    triple = there[:, :, :-2] & there[:, :, 1:-1] & there[:, :, 2:]
    return _with(logits, shp=_mean(_second(_place(logits)).abs()[triple]))


# -- mistakes in both --------------------------------------------------------------------------


@wrong("takes the mean of nothing, which is NaN")
def nan_of_nothing(logits):
    return logits.softmax(-1).diff(dim=2).abs().sum(-1).mean(), _second(_place(logits)).abs().mean()


@wrong("returns constants, cut off from the graph, where there are too few rows")
def cut_off(logits):
    sim, shp = lane_structure(logits)
    rows = logits.shape[2]
    return sim if rows > 1 else torch.zeros_like(sim), shp if rows > 2 else torch.zeros_like(shp)


@wrong("gives up with fewer than three rows, and returns 0 for both")
def three_rows_or_none(logits):
    return lane_structure(logits) if logits.shape[2] > 2 else (0 * logits.sum(), 0 * logits.sum())


@wrong("fails with fewer than three rows")
def needs_three_rows(logits):
    if logits.shape[2] < 3:
        raise ValueError("three rows are needed")
    return lane_structure(logits)


@wrong("returns the sum of the two terms")
def total(logits):
    return sum(lane_structure(logits))


@wrong("returns the shape first")
def exchanged(logits):
    return lane_structure(logits)[::-1]


@wrong("returns one value for every lane")
def per_lane(logits):
    p = logits.softmax(-1).diff(dim=2).abs().sum(-1)
    return p.mean(dim=(0, 2)), _second(_place(logits)).abs().mean(dim=(0, 2))


@wrong("returns Python numbers, which have no graph")
def numbers(logits):
    return tuple(t.item() for t in lane_structure(logits))


@wrong("cuts the shape off from the graph")
def detached(logits):
    return _with(logits, shp=lane_structure(logits.detach())[1])


@wrong("overwrites the scores of no lane in the caller's tensor")
def overwriting(logits):
    sim = lane_structure(logits)[0]
    logits[..., -1] = float("-inf")
    return sim, _mean(_second(_columns(logits.softmax(-1)[..., :-1])).abs())
