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


def decode_lanes(
    logits: Float[Tensor, "b l r c+1"], W: int
) -> tuple[Float[Tensor, "b l r"], Bool[Tensor, "b l r"]]:
    """Return the position of every lane at every row, and whether it is there."""
    raise NotImplementedError
