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


def greedy_coreset(x: Float[Tensor, "n d"], m: int, start: int = 0) -> Int64[Tensor, " m"]:
    """Return the indices of m points, each the farthest from those before it."""
    raise NotImplementedError
