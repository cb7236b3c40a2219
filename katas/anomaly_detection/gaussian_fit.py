"""A Gaussian for every place of a feature map.

PaDiM learns what is normal without any training: a pretrained network looks at N normal images, and at
each place of its feature map a Gaussian is fitted to the N feature vectors found there.

* feats [N, C, H, W] are the features of N normal images. N is at least 2, the other axes at least 1.
* With f_n = feats[n, :, i, j], a vector of C numbers, the place (i, j) has

      m   = (f_1 + ... + f_N) / N                                       goes to mean[:, i, j]
      cov = sum over n of (f_n - m) (f_n - m)^T / (N - 1)               C x C, the unbiased covariance
      S   = inverse of (cov + eps * I)                                  goes to inv_cov[i, j]

  No place knows of another one.
* eps is greater than 0, and is added to the diagonal only, before the inversion. It is needed: the
  covariance of N samples has at most rank N - 1. With 20 images and 50 channels there is no inverse, and
  what comes out of inverting all the same is rounding error. N < C must work here, and so must channels
  that never change.
* C may be 1: each matrix is then 1 x 1.
* Return the tuple (mean [C, H, W], inv_cov [H, W, C, C]), both in the dtype of feats: the channels come
  first in mean and last in inv_cov. feats stays as it is. All tensors are on the CPU. No gradient is
  asked for.

Example: two images with the features (1, 0) and (3, 2) at some place. m is (2, 1), cov is
[[2, 2], [2, 2]], which has no inverse. With eps = 1 that of [[3, 2], [2, 3]] is taken, which is
[[0.6, -0.4], [-0.4, 0.6]].
"""

import torch
from jaxtyping import Float
from torch import Tensor


def fit(
    feats: Float[Tensor, "n c h w"], eps: float = 0.01
) -> tuple[Float[Tensor, "c h w"], Float[Tensor, "h w c c"]]:
    """Return the mean and the inverse covariance of the features at every place."""
    raise NotImplementedError
