"""The scores of PatchCore: of every patch, and of the whole image.

PatchCore remembers the patch features of normal images in a bank. A patch is as abnormal as it is far
from the nearest item of the bank. An image is as abnormal as its worst patch, more so if the bank item
nearest to that patch is a rare one.

* test [N, P, D] holds the P patch features of each of N images; bank [M, D] those remembered. Every axis
  is at least 1. All distances are Euclidean, |x - y|.
* patch[n, p] = the distance of test[n, p] to the nearest item of the bank.
* For each image by itself: let t be its patch with the largest patch score, s that score, and m* the
  bank item nearest to t, so that s = |t - m*|. Let B be the b items of the bank nearest to m* (not to
  t), m* itself included. Then

      image[n] = w * s,   w = 1 - exp(s) / (sum over m in B of exp(|t - m|))

* If b is larger than M, B is the whole bank. b is at least 1; with b = 1 B is m* alone, so w and
  image[n] are 0. If every patch of an image is an item of the bank, s and image[n] are 0.
* Distances may be in the thousands, where exp overflows. The quotient is harmless even so: subtract the
  same number, such as the largest distance in the sum, from all exponents.
* Rows may be copies of each other; every copy in the bank counts as an item, and it makes no difference
  which of them is taken for m*. Nothing else that matters ties.
* Return the tuple (patch [N, P], image [N]) in the dtype of the inputs. The patch scores are not
  weighted. The inputs stay as they are. All tensors are on the CPU. No gradient is asked for.

Example: D = 1, the bank 0, 1, 5, one image with the patches 2 and 0.5. Their scores are 1 and 0.5, so
t is 2, s is 1 and m* is 1. With b = 2 the items nearest to m* are 1 itself and 0, at distances 1 and 2
from t: w = 1 - e^1 / (e^1 + e^2) = 0.731, and image is 0.731. With b = 3 or more the item 5, 3 away
from t, joins: w = 1 - e^1 / (e^1 + e^2 + e^3) = 0.910.
"""

import torch
from jaxtyping import Float
from torch import Tensor


def patchcore(
    test: Float[Tensor, "n p d"], bank: Float[Tensor, "m d"], b: int = 9
) -> tuple[Float[Tensor, "n p"], Float[Tensor, " n"]]:
    """Return the score of every patch and the weighted score of every image."""
    raise NotImplementedError
