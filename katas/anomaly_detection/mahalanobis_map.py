"""The Mahalanobis distance at every place of a feature map.

PaDiM describes the normal images by a Gaussian for each place of a feature map: mean features, and how
the channels vary together. A new image is scored, place by place, by how far its features lie from that
mean, measured in the spread of the normal images.

* feats [B, C, H, W] are the features of B images; mean [C, H, W] and inv_cov [H, W, C, C] are the mean
  and the inverse covariance of each place. All have the same float dtype. Every axis is at least 1.
* With d = feats[b, :, i, j] - mean[:, i, j] and S = inv_cov[i, j], the result is

      distance[b, i, j] = sqrt(d^T S d) = sqrt(sum over k and l of d_k * S_kl * d_l)

  Each place has its own mean and matrix, and all images of the batch share them. inv_cov is an inverse
  already: do not invert it again.
* inv_cov is symmetric. It was computed in floating point, so it may fail to be positive definite by a
  little, and d^T S d can come out below 0. Then the distance is 0, never NaN.
* Return distance [B, H, W] in the dtype of feats. The inputs stay as they are. All tensors are on the
  CPU. No gradient is asked for.

Example: with C = 2, d = (1, 2) and S = [[2, -1], [-1, 3]], d^T S d = 2 - 2 - 2 + 12 = 10, so the
distance is 3.162. If S is the identity it is the length of d, here 2.236.
"""

import torch
from jaxtyping import Float
from torch import Tensor


def mahalanobis_map(
    feats: Float[Tensor, "b c h w"], mean: Float[Tensor, "c h w"], inv_cov: Float[Tensor, "h w c c"]
) -> Float[Tensor, "b h w"]:
    """Return the Mahalanobis distance of every place of every image."""
    raise NotImplementedError
