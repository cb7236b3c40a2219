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


def lane_structure(logits: Float[Tensor, "b l r c+1"]) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """Return how much neighbouring rows differ, and how much lanes bend."""
    raise NotImplementedError
