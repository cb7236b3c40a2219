"""Read lanes from row-anchor scores.

For each of L lanes and R image rows a row-anchor network gives C + 1 scores: one for each of C columns,
from left to right across an image of width W, and a last one, index C, for "no lane here". Turn the
scores, logits [B, L, R, C + 1], into points:

* The position is an expectation over the columns, which is finer than the best column, and
  differentiable:

      p = softmax of the first C scores
      E = sum over k of k * p[k]            a column index, with fraction
      x = (E + 0.5) * W / C                 in pixels: column k has its centre at (k + 0.5) * W / C

  The score of "no lane" has no part in it: neither in the sum nor in the softmax.
* exists is True where "no lane" is not the highest of all C + 1 scores. On a tie the lower index wins,
  so a column with the same score as "no lane" means that the lane exists.
* Return the tuple (x, exists): x [B, L, R] in the dtype of logits, exists [B, L, R] bool. x is given for
  every row in the same way, also where the lane does not exist.
* Gradients flow from x to logits. Scores may be in the hundreds. B, L and R may be 0, C is at least 1.
  The input stays as it is and is on the CPU.

Example: W = 100 and C = 4, so that the columns' centres are 12.5, 37.5, 62.5 and 87.5. The scores
(0, log 3, -1000, -1000, 1) have p = (1/4, 3/4, 0, 0), so E = 0.75 and x = 31.25. The lane exists,
because log 3 = 1.099 is more than 1. With a last score of 2 it would not exist, and x would be the same.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from grader import right, wrong

LEVEL = 2
MINUTES = 15
HINTS = (
    "Two questions: where would the lane be, and is there one? Which scores does each look at?",
    "Cut the last score off before the softmax, not after it: what is left has to sum to one. For the "
    "second question, which index does an arg-max give when two are equal?",
    "Softmax over the last axis of all scores but the last; sum it times 0, 1, ..., C - 1; add a half "
    "and scale by W / C. exists: the arg-max over all scores is another index than C.",
)


def decode_lanes(
    logits: Float[Tensor, "b l r c+1"], W: int
) -> tuple[Float[Tensor, "b l r"], Bool[Tensor, "b l r"]]:
    """Return the position of every lane at every row, and whether it is there."""
    C = logits.shape[-1] - 1
    prob = logits[..., :C].softmax(dim=-1)
    column = (prob * torch.arange(C)).sum(dim=-1)  # b l r
    x = (column + 0.5) * W / C
    exists = logits.argmax(dim=-1) != C
    return x, exists


@right("with the centres of the columns in pixels, and a comparison of maxima")
def centred(logits, W):
    columns, none = logits[..., :-1], logits[..., -1]
    n = columns.shape[-1]
    centres = (torch.arange(n, dtype=logits.dtype) + 0.5) * (W / n)
    return torch.softmax(columns, -1) @ centres, columns.amax(-1) >= none


@right("row by row")
def looped(logits, W):
    b, l, r, n = logits.shape  # noqa: E741
    x = torch.zeros(b, l, r, dtype=logits.dtype)
    exists = torch.zeros(b, l, r, dtype=torch.bool)
    for i in range(b):
        for j in range(l):
            for k in range(r):
                z = logits[i, j, k]
                p = torch.softmax(z[:-1], dim=0)
                x[i, j, k] = sum((c + 0.5) * p[c] for c in range(n - 1)) * W / (n - 1)
                exists[i, j, k] = int(torch.argmax(z)) < n - 1
    return x, exists


@right("with the score of no lane set to minus infinity, and arg-max of probabilities")
def infinite(logits, W):
    n = logits.size(3) - 1
    filled = logits.clone()
    filled[..., n] = float("-inf")
    p = torch.nn.functional.softmax(filled, dim=3)
    steps = torch.linspace(0, n, n + 1, dtype=logits.dtype)
    e = torch.einsum("blrc,c->blr", p, steps)
    exists = torch.nn.functional.softmax(logits, dim=3).max(dim=3).indices.ne(n)
    return [e * W / n + 0.5 * W / n, exists]


@right("with exponentials from which the maximum is taken first")
def exponentials(logits, W):
    z = logits[..., :-1]
    best = z.max(dim=-1, keepdim=True).values
    e = torch.exp(z - best.detach())
    k = torch.arange(z.shape[-1]).to(z) + 0.5
    x = (e * k).sum(-1) / e.sum(-1) / z.shape[-1] * W
    return x, ~(logits[..., -1] > best.squeeze(-1))


@right("by dividing the probabilities of the columns by their sum in logarithms")
def renormalised(logits, W):
    logp = logits.log_softmax(-1)
    columns = logp[..., :-1]
    p = (columns - columns.logsumexp(-1, keepdim=True)).exp()
    n = columns.shape[-1]
    x = sum((p[..., k] * (2 * k + 1) for k in range(n)), torch.zeros(logits.shape[:-1]).to(logits))
    return x * W / (2 * n), (logits[..., -1:] <= logits[..., :-1]).any(-1)


def _exists(logits):
    return logits.argmax(dim=-1) != logits.shape[-1] - 1


def _x(prob, W):
    """The position for probabilities of the columns."""
    n = prob.shape[-1]
    return ((prob * torch.arange(n)).sum(-1) + 0.5) * W / n


@wrong("includes no lane in the expectation, as a column C beyond the right edge")
def with_no_lane(logits, W):
    n = logits.shape[-1] - 1
    column = (logits.softmax(-1) * torch.arange(n + 1)).sum(-1)
    return (column + 0.5) * W / n, _exists(logits)


@wrong("takes the softmax over all scores and drops the last probability afterwards")
def dropped(logits, W):
    return _x(logits.softmax(-1)[..., :-1], W), _exists(logits)


@wrong("divides by the sum of the columns' probabilities, which is 0 where no lane is sure")
def underflowing(logits, W):
    prob = logits.softmax(-1)[..., :-1]
    return _x(prob / prob.sum(-1, keepdim=True), W), _exists(logits)


@wrong("sets the score of no lane to 0 instead of leaving it out")
def zero_score(logits, W):
    others = torch.cat([logits[..., :-1], torch.zeros_like(logits[..., -1:])], dim=-1)
    return _x(others.softmax(-1)[..., :-1], W), _exists(logits)


@wrong("takes a column to be a whole number of pixels wide")
def whole_width(logits, W):
    n = logits.shape[-1] - 1
    return _x(logits[..., :-1].softmax(-1), W) * ((W // n) * n / W), _exists(logits)


@wrong("takes the best column instead of the expectation")
def best_column(logits, W):
    n = logits.shape[-1] - 1
    return (logits[..., :-1].argmax(-1).to(logits.dtype) + 0.5) * W / n, _exists(logits)


@wrong("forgets the half, and so gives the left borders of the columns")
def left_border(logits, W):
    n = logits.shape[-1] - 1
    return _x(logits[..., :-1].softmax(-1), W) - 0.5 * W / n, _exists(logits)


@wrong("adds half a pixel instead of half a column")
def half_a_pixel(logits, W):
    n = logits.shape[-1] - 1
    return _x(logits[..., :-1].softmax(-1), W) - 0.5 * W / n + 0.5, _exists(logits)


@wrong("counts the columns from 1")
def from_one(logits, W):
    n = logits.shape[-1] - 1
    return _x(logits[..., :-1].softmax(-1), W) + W / n, _exists(logits)


@wrong("stretches the columns from edge to edge, with the first centre at 0 and the last at W")
def edge_to_edge(logits, W):
    n = logits.shape[-1] - 1
    column = (logits[..., :-1].softmax(-1) * torch.arange(n)).sum(-1)
    return column * W / max(n - 1, 1), _exists(logits)


@wrong("divides the width by C + 1")
def one_column_more(logits, W):
    n = logits.shape[-1] - 1
    return _x(logits[..., :-1].softmax(-1), W) * n / (n + 1), _exists(logits)


@wrong("returns column indices and not pixels")
def in_columns(logits, W):
    n = logits.shape[-1] - 1
    return (logits[..., :-1].softmax(-1) * torch.arange(n)).sum(-1), _exists(logits)


@wrong("rounds the positions to whole pixels")
def whole_pixels(logits, W):
    x, exists = decode_lanes(logits, W)
    return x.round(), exists


@wrong("takes the softmax over the rows")
def over_rows(logits, W):
    return _x(logits[..., :-1].softmax(-2), W), _exists(logits)


@wrong("weights the columns by a sigmoid of each score")
def sigmoids(logits, W):
    prob = logits[..., :-1].sigmoid()
    return _x(prob / prob.sum(-1, keepdim=True).clamp(min=1e-12), W), _exists(logits)


@wrong("takes exponentials that overflow")
def overflowing(logits, W):
    e = logits[..., :-1].exp()
    return _x(e / e.sum(-1, keepdim=True), W), _exists(logits)


@wrong("takes the first score for no lane instead of the last")
def none_first(logits, W):
    return _x(logits[..., 1:].softmax(-1), W), logits.argmax(-1) != 0


@wrong("lets no lane win a tie")
def tie_lost(logits, W):
    return decode_lanes(logits, W)[0], logits[..., :-1].amax(-1) > logits[..., -1]


@wrong("says that a lane exists unless no lane has more than half of the probability")
def by_half(logits, W):
    return decode_lanes(logits, W)[0], logits.softmax(-1)[..., -1] < 0.5


@wrong("asks for a column with more than half of the probability")
def by_a_sure_column(logits, W):
    return decode_lanes(logits, W)[0], logits.softmax(-1)[..., :-1].amax(-1) > 0.5


@wrong("compares a probability among the columns with one among all scores")
def unlike(logits, W):
    likely = logits[..., :-1].softmax(-1).amax(-1)
    return decode_lanes(logits, W)[0], likely >= logits.softmax(-1)[..., -1]


@wrong("compares no lane with the sum of all columns")
def by_the_sum(logits, W):
    return decode_lanes(logits, W)[0], logits[..., :-1].logsumexp(-1) >= logits[..., -1]


@wrong("compares with the wrong index, so that the last column and not the one beyond it means no lane")
def wrong_index(logits, W):
    return decode_lanes(logits, W)[0], logits.argmax(-1) != logits.shape[-1] - 2


@wrong("leaves no lane out of the arg-max, so that every lane exists")
def always(logits, W):
    return decode_lanes(logits, W)[0], logits[..., :-1].argmax(-1) < logits.shape[-1] - 1


@wrong("says where there is no lane instead of where there is one")
def inverted(logits, W):
    x, exists = decode_lanes(logits, W)
    return x, ~exists


@wrong("decides once for the whole lane")
def whole_lane(logits, W):
    x, exists = decode_lanes(logits, W)
    return x, exists.any(-1, keepdim=True).expand_as(exists)


@wrong("puts 0 where the lane does not exist")
def zeroed(logits, W):
    x, exists = decode_lanes(logits, W)
    return x * exists, exists


@wrong("puts NaN where the lane does not exist")
def nan_filled(logits, W):
    x, exists = decode_lanes(logits, W)
    return x.masked_fill(~exists, float("nan")), exists


@wrong("returns exists as zeros and ones")
def as_numbers(logits, W):
    x, exists = decode_lanes(logits, W)
    return x, exists.long()


@wrong("returns exists first")
def exchanged(logits, W):
    return decode_lanes(logits, W)[::-1]


@wrong("cuts the positions off from the graph")
def detached(logits, W):
    return decode_lanes(logits.detach(), W)


@wrong("computes in float32, whatever comes in")
def in_float32(logits, W):
    return decode_lanes(logits.float(), W)


@wrong("overwrites the score of no lane in the caller's tensor")
def overwriting(logits, W):
    exists = _exists(logits)
    logits[..., -1] = float("-inf")
    return _x(logits.softmax(-1)[..., :-1], W), exists


@wrong("drops axes of size 1")
def squeezed(logits, W):
    x, exists = decode_lanes(logits, W)
    return x.squeeze(), exists.squeeze()


@wrong("fails when there is nothing to decode")
def never_empty(logits, W):
    assert logits.max() < float("inf")
    return decode_lanes(logits, W)
